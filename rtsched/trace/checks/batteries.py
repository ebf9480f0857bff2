"""What must hold of a battery."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from rtsched.trace.energy import NANOJOULE

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: Nanowatts in a microwatt.
MICROWATT = 1000


def batteries(trace: Trace) -> Iterator[str]:
    """What was there and came in is what is left, was used or lost, as was harvested and as the units took it."""
    energy, spec = trace.energy, trace.system.hardware
    if energy is None or energy.store is None or spec is None or spec.power is None or spec.power.battery is None:
        return
    store, points = energy.store, spec.power.battery.harvest
    ends = [*(min(point.at, trace.end) for point in points), trace.end]
    course = zip(points, pairwise(ends), strict=True)
    harvested = sum(point.power * MICROWATT * (end - start) for point, (start, end) in course)
    if store.harvested != harvested:
        yield f"{store.harvested} aJ are harvested, of {harvested} that came"
    if store.start + store.harvested + store.short != store.end + store.lost + store.drawn:
        yield "what left the battery is not what came in and what was missing"
    if not 0 <= store.least <= min(store.start, store.end) <= max(store.start, store.end) <= store.capacity:
        yield f"the battery's charge leaves 0..{store.capacity}"
    parts = 2 * len(energy.units) + 2  # each rounded down to a nJ
    if not energy.total <= store.drawn // NANOJOULE <= energy.total + parts:
        yield f"the battery gave {store.drawn // NANOJOULE} nJ, the units took {energy.total}"
