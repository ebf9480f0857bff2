"""XSched's policies: who of those that share an accelerator goes on, and who is suspended."""
