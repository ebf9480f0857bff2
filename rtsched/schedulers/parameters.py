"""Parameters of policies, checked."""

from __future__ import annotations

from rtsched import units


def duration(value: int | str, name: str) -> int:
    """A positive time in ns from an int (ns) or text with a unit."""
    nanoseconds = units.parse_duration(value) if isinstance(value, str) else value
    if nanoseconds <= 0:
        raise ValueError(f"{name} must be positive")
    return nanoseconds
