"""Lowering of measured speeds on parts of a unit: where they hold."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.model.work import ANY, Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: What was measured on one processor: (part of the unit, speed relative to all of it), ascending.
Speeds = tuple[tuple[Fraction, Fraction], ...]


def lower_speedup(lowering: Lowering, what: str, work: Work, times: tuple[int | None, ...]) -> tuple[Speeds, ...]:
    """The speeds of a node on parts of each unit that it may use. Raises InputError for a place without any."""
    if work.speedup is None:
        return ()
    found: list[Speeds] = [()] * len(times)
    shared = {
        place
        for unit in lowering.units
        if unit.description.contexts > 1 and unit.description.sharing == "equal"
        for place in unit.processors
    }
    for exact in (False, True):  # what holds anywhere first
        for name, parts in work.speedup.items():
            if (name != ANY) != exact:
                continue
            places = lowering.where.of(what, name) if exact else range(len(times))
            if exact and shared.isdisjoint(places):
                raise InputError(f"{what}: 'speedup' of {name!r}: it has no contexts that share a unit; leave it out")
            speeds = sorted((Fraction(part), Fraction(str(speed))) for part, speed in parts.items())
            for place in places:
                if times[place] is not None and place in shared:
                    found[place] = tuple(each for each in speeds if each[0] < 1)
    return tuple(found) if any(found) else ()
