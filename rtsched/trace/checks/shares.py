"""What must hold of shares that a policy gives: of a unit, and of the bandwidth of the memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import Any

from rtsched.model.memory import Pairwise
from rtsched.model.taskgraph import NodeSpec
from rtsched.trace.checks.common import stream_processors
from rtsched.trace.checks.multiprocessors import context_of
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
            totals: dict[str | None, int] = {}
            for place in unit.processors:
                part = present.get((SHARE, place), 0)
                if part:
                    context = context_of(trace, unit, place, time)
                    totals[context] = totals.get(context, 0) + part
            for total in totals.values():
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
    """The work of a slice is at most its share of the time, or the speed that was measured on that.

    Exactly so much where nothing else slows it down; unmeasured where neighbours may speed each other up. Streams have
    multiprocessors instead of a speed.
    """
    hardware = trace.system.hardware
    assert hardware is not None
    memory = hardware.platform.memory
    if memory is not None and isinstance(memory.contention, Pairwise):
        return
    speeds, given = Speeds(trace), Speeds(trace, SHARE)
    streams = stream_processors(trace.system)
    alone = hardware.power is None and not hardware.faults and (memory is None or memory.contention is None)
    shared = {place: list(values) for place, values in given.values.items()}
    for row in trace.slices[trace.slices["reason"] != OVERHEAD]:
        place, start, end = int(row["processor"]), int(row["start"]), int(row["end"])
        if place not in given.times or place in streams:
            continue
        about = trace.node(int(row["job"]), int(row["node"]))
        given.values[place] = [_speed(about, place, value) if value else FULL_SPEED for value in shared[place]]
        most = given.work(place, start, end) + Fraction(2 * (end - start), FULL_SPEED)  # speeds are rounded up
        done = speeds.work(place, start, end)
        if done > most:
            yield f"a slice on {trace.system.processors[place].name!r} from {start} goes faster than by its share"
        held = all(index >= 0 and shared[place][index] for index in _between(given.times[place], start, end))
        if alone and held and done < most - Fraction(3 * (end - start), FULL_SPEED):
            yield f"a slice on {trace.system.processors[place].name!r} from {start} goes slower than by its share"


def _speed(about: NodeSpec, place: int, share: int) -> int:
    """The speed in 1/2^40 at a share as it is logged: rounded down."""
    parts = [part for part, _ in about.speedup[place]] if about.speedup else []
    exact = [part for part in parts if part.numerator * FULL_SPEED // part.denominator == share]
    return int(about.speed_at(place, exact[0] if exact else Fraction(share, FULL_SPEED)) * FULL_SPEED)


def _between(times: list[int], start: int, end: int) -> range:
    """The numbers of the changes that hold at some time between two instants; -1 before the first."""
    return range(bisect_right(times, start) - 1, bisect_left(times, end))
