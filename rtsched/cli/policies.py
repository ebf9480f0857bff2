"""Policies on a command line, between commas."""

from __future__ import annotations


def split(group: str) -> list[str]:
    """Policies between commas; a comma inside braces, or before ``key=value``, goes on with the same policy."""
    found: list[str] = []
    for part in group.split(","):
        inside = bool(found) and found[-1].count("{") > found[-1].count("}")
        if inside or (found and "=" in part and "=" in found[-1]):
            found[-1] += "," + part
        else:
            found.append(part)
    return [name.strip() for name in found if name.strip()]
