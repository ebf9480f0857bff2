"""Which jobs are taken at all: one file per rule."""
