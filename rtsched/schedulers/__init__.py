"""Who runs, where and how much: policies."""
