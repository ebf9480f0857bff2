"""What moved in a run, as counters: ready queues, clocks, heat, power, bandwidth, charge, shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtsched.export.ready import ready
from rtsched.trace.trace import (
    BANDWIDTH,
    BATTERY,
    CAP,
    FREQUENCY,
    FULL_SPEED,
    LIMIT,
    RESERVE,
    SHARE,
    SPEED,
    TEMPERATURE,
    Trace,
)

Numbers = NDArray[np.int64]


class Course(NamedTuple):
    """A counter: from each time (ns) on it has a value, of which `scale` make one of its unit."""

    name: str
    unit: str
    scale: int
    times: Numbers
    values: Numbers


class Kind(NamedTuple):
    """What a change of the hardware is called as a counter of its subject, or of the whole chip."""

    name: str
    unit: str
    scale: int
    chip: bool = False


KINDS = {
    FREQUENCY: Kind("clock", "MHz", 10**6),
    SPEED: Kind("speed", "%", FULL_SPEED // 100),
    TEMPERATURE: Kind("temperature", "°C", 1000, chip=True),
    BANDWIDTH: Kind("bandwidth", "MB/s", 10**6),
    BATTERY: Kind("battery", "%", 10, chip=True),
    SHARE: Kind("share", "%", FULL_SPEED // 100),
    CAP: Kind("memory traffic cap", "MB/s", 10**6),
    LIMIT: Kind("commands in flight, at most", "commands", 1),
    RESERVE: Kind("reserved", "", 1),
}


def courses(trace: Trace) -> Iterator[Course]:
    """Every counter of a run: the ready queue of each processor that was used, then what of the hardware changed."""
    yield from _queues(trace)
    if len(trace.powers):
        yield Course("power", "W", 10**9, *_last(trace.powers["time"], trace.powers["value"]))
    names = [processor.name for processor in trace.system.processors]
    for what, kind in KINDS.items():
        rows = trace.changes[trace.changes["what"] == what]
        subjects = [-1] if kind.chip else np.unique(rows["subject"]).tolist()
        for subject in subjects if len(rows) else ():
            mine = rows if kind.chip else rows[rows["subject"] == subject]
            of = list(trace.system.reservable) if what == RESERVE else names
            who = "" if kind.chip or not 0 <= subject < len(of) else f"{of[subject]} "
            yield Course(f"{who}{kind.name}", kind.unit, kind.scale, *_last(mine["time"], mine["value"]))


def _queues(trace: Trace) -> Iterator[Course]:
    """How many nodes waited for each processor: those that it served next; and those that none served."""
    rows = ready(trace)
    used = np.unique(np.concatenate((trace.slices["processor"], rows["processor"]))).tolist()
    for place in sorted(used, key=lambda place: (place < 0, place)):
        who = trace.system.processors[place].name if place >= 0 else "never served:"
        yield Course(f"{who} ready", "nodes", 1, *count(rows[rows["processor"] == place]))


def count(rows: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """How many of these intervals hold from each time on, from 0 on: (times, counts)."""
    times = np.concatenate(([0], rows["start"], rows["end"])).astype(np.int64)
    steps = np.concatenate(([0], np.ones(len(rows)), -np.ones(len(rows)))).astype(np.int64)
    order = np.argsort(times, kind="stable")
    times, counts = _last(times[order], np.cumsum(steps[order]))
    moved = np.append(True, counts[1:] != counts[:-1])
    return times[moved], counts[moved]


def _last(times: NDArray[Any], values: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Of several values at one instant the last."""
    stays = np.append(times[1:] != times[:-1], True) if len(times) else np.zeros(0, bool)
    return times[stays].astype(np.int64), values[stays].astype(np.int64)
