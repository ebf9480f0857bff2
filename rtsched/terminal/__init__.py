"""A run in a terminal: the schedule as text, and played event by event."""
