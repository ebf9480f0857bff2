"""Names for formats that take few characters, and names that nothing else has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rtsched.visible import cut

#: The longest name that is written.
LONGEST = 200
_OTHER = re.compile(r"[^A-Za-z0-9_]")


def labels(names: Iterable[str]) -> list[str]:
    """Names on one line, not too long, with what cannot be seen escaped; those that are alike are numbered."""
    return distinct(cut(name, LONGEST) or "(no name)" for name in names)


def identifiers(names: Iterable[str]) -> list[str]:
    """Names of Latin letters, digits and ``_`` alone; those that are alike then are numbered."""
    return distinct((_OTHER.sub("_", name[:LONGEST]) or "_" for name in names), "_")


def distinct(names: Iterable[str], joint: str = " ") -> list[str]:
    """The names, with a number behind those that were there before: the second is ``name 2``."""
    given = list(names)
    taken, found, seen = set(given), [], dict.fromkeys(given, 0)
    for name in given:
        seen[name] += 1
        own = name
        if seen[name] > 1:
            while (own := f"{name}{joint}{seen[name]}") in taken:
                seen[name] += 1
            taken.add(own)
        found.append(own)
    return found
