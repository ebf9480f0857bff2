"""A GPU served block by block."""
