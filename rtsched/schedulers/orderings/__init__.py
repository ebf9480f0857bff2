"""Which segment comes first: one file per rule."""
