"""How much each job computes: one file per rule."""
