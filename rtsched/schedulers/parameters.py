"""Parameters of policies, checked."""

from __future__ import annotations

from rtsched import units
from rtsched.errors import InputError


def duration(value: int | str, name: str) -> int:
    """A positive time in ns from an int (ns) or text with a unit. Raises InputError."""
    nanoseconds = units.parse_duration(value) if isinstance(value, str) else value
    if nanoseconds <= 0:
        raise InputError(f"{name} must be positive (found {value!r}); e.g. 1 ms")
    return nanoseconds
