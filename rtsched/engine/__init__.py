"""When things happen: events in integer nanoseconds, and what a scheduler acts on."""
