"""A run as one page that opens from disk: a timeline to explore, and its jobs as a table."""
