"""What must hold of shares that a policy gives: of a unit, and of the bandwidth of the memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import Any

from rtsched.model.memory import Pairwise
from rtsched.trace.speeds import Speeds
from rtsched.trace.trace import CAP, FULL_SPEED, OVERHEAD, SHARE, Trace


def shares(trace: Trace) -> Iterator[str]:
    """Shares given are never more than there is, end with the job that has them, and nobody goes faster than by his."""
    rows = [row for row in trace.changes.tolist() if row[1] in (SHARE, CAP)]
    if rows:
        yield from _sums(trace, rows)
        yield from _stays(trace, rows)
        yield from _pace(trace)


def _sums(trace: Trace, rows: list[Any]) -> Iterator[str]:
    hardware = trace.system.hardware
    assert hardware is not None
    memory = hardware.platform.memory
    bandwidth = 0 if memory is None else memory.bandwidth or 0
    present: dict[tuple[int, int], int] = {}
    for time, group in groupby(rows, key=lambda row: row[0]):
        present.update({(what, place): value for _, what, place, value in group})
        for unit in hardware.units:
            total = sum(present.get((SHARE, place), 0) for place in unit.processors)
            if total > FULL_SPEED:
                yield f"shares of {total / FULL_SPEED:g} of unit {unit.name!r} are given at {time}"
        caps = sum(value for (what, _), value in present.items() if what == CAP)
        if caps > bandwidth:
            yield f"caps of {caps} B/s are given at {time}, more than the bandwidth of the memory"


def _stays(trace: Trace, rows: list[Any]) -> Iterator[str]:
    """Between two entries of a share, its processor serves one job all the time."""
    for place in sorted({row[2] for row in rows}):
        name = trace.system.processors[place].name
        served = trace.leading[trace.leading["processor"] == place]  # a batch keeps what its first was given
        spans = sorted((int(row["start"]), int(row["end"]), int(row["job"])) for row in served)
        for what in (SHARE, CAP):
            own = [row for row in rows if row[2] == place and row[1] == what]
            for row, following in zip(own, [*own[1:], None], strict=False):
                until = trace.end if following is None else following[0]
                if row[3] and _served(spans, row[0], until) < until:
                    yield f"processor {name!r} keeps the share given at {row[0]} when its job has left it"


def _served(spans: list[tuple[int, int, int]], time: int, until: int) -> int:
    """Until when the job that is served at `time` goes on without a gap."""
    job = -1
    for start, end, who in spans:
        if start <= time < end and (job in (-1, who)) and time < until:
            job, time = who, end
    return time


def _pace(trace: Trace) -> Iterator[str]:
    """The work of a slice is at most its share of the time; unmeasured where neighbours may speed each other up."""
    hardware = trace.system.hardware
    assert hardware is not None
    memory = hardware.platform.memory
    if memory is not None and isinstance(memory.contention, Pairwise):
        return
    speeds, given = Speeds(trace), Speeds(trace, SHARE)
    for values in given.values.values():
        values[:] = [value or FULL_SPEED for value in values]
    for row in trace.slices[trace.slices["reason"] != OVERHEAD]:
        place, start, end = int(row["processor"]), int(row["start"]), int(row["end"])
        if place in given.times:
            most = given.work(place, start, end) + Fraction(2 * (end - start), FULL_SPEED)  # speeds are rounded up
            if speeds.work(place, start, end) > most:
                yield f"a slice on {trace.system.processors[place].name!r} from {start} goes faster than by its share"
