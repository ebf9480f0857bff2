"""Power and the traffic of the memory as counters of a page: steps, or means where there are too many of them."""

from __future__ import annotations

from typing import Any

from rtsched.page.power import Course, note, powers, traffic
from rtsched.page.rows import LONGEST
from rtsched.trace.trace import Trace
from rtsched.units import format_duration
from rtsched.visible import cut

#: A course with more steps than this is drawn by its means.
MOST_STEPS = 20_000


def measured(trace: Trace) -> list[dict[str, Any]]:
    """The power of the chip, the traffic of its memory, and the power of each part, as counters of a page.

    Of the whole chip the power is the recorded one; of its parts it is found again, where the trace tells it (else the
    whole stands `alone`).
    """
    found = powers(trace)
    memory = None if trace.system.hardware is None else trace.system.hardware.platform.memory
    rows = traffic(trace) if found is None else found.traffic
    most = 0 if memory is None or memory.bandwidth is None else memory.bandwidth
    counters = [_counter("power", "W", recorded(trace), trace.end)] if len(trace.powers) else []
    if any(moved for _, moved in rows):
        counters.append(_counter("memory traffic", "GB/s", rows, trace.end, most))
    if found is None:
        return [each | {"alone": 1} if each["name"] == "power" else each for each in counters]
    about = "power of" if found.exact else "power (nearly) of"
    parts = [*found.units.items(), ("base", found.base), ("memory", found.memory)]
    parts = [(cut(name, LONGEST), course) for name, course in parts if any(power for _, power in course)]
    if len(parts) < 2:
        return counters
    return counters + [_counter(f"{about} {name}", "W", course, trace.end) | {"more": 1} for name, course in parts]


def recorded(trace: Trace) -> Course:
    """What the whole chip drew, as the engine recorded it: of each instant the last that was noted, until the end."""
    found: Course = []
    for time, value in dict(trace.powers.tolist()).items():
        if time < max(1, trace.end):
            note(found, time, value)
    return found


def _counter(name: str, unit: str, course: Course, end: int, most: float = 0) -> dict[str, Any]:
    """A course, which is in billionths of its unit; a long one as its means over equal times."""
    if len(course) > MOST_STEPS:
        course, length = means(course, end, MOST_STEPS // 2)
        name = f"{name} (means of {format_duration(length, digits=3)})"
    return {"name": name, "unit": unit, "scale": 10**9, "most": most / 1e9, "rows": course}


def means(course: Course, end: int, count: int) -> tuple[Course, int]:
    """The means of a course over `count` equal times, and how long each is in ns; the last is shorter."""
    length = max(1, -(-end // count))
    found: Course = []
    place, power = 0, 0
    for begin in range(0, end, length):
        until, at, total = min(begin + length, end), begin, 0
        while place < len(course) and course[place][0] < until:
            total += power * (course[place][0] - at)
            at, power = course[place]
            place += 1
        total += power * (until - at)
        note(found, begin, round(total / (until - begin)))
    return found, length
