"""Pictures of schedules, platforms and comparisons."""
