"""One function per theorem: every module here is asked for its own."""
