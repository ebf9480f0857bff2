"""Where a segment may run: one file per rule."""
