"""How fast the clusters of a chip are clocked: one file per rule."""
