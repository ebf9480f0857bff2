"""What must hold of launches under a limit: how many are in flight, what a suspension stops, that nothing is lost."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.model.accelerator import Kernel
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import COMPLETED, KILLED, LIMIT, SUSPEND, Trace

#: A job, a node and a processor.
Key = tuple[int, int, int]
#: How many commands may still end after a suspension of a level; of the first all that are in flight.
LEFT = {2: 1, 3: 0}


def launches(trace: Trace) -> Iterator[str]:
    """Never more in flight than the limit; none launched after a suspension; every command ends once, with its work."""
    if len(trace.launches):
        stays = _grouped(trace.launches)
        for (job, node, place), rows in stays.items():
            yield from _in_flight(trace, f"node {node} of {name_of(trace, job)}", place, rows)
        yield from _suspended(trace, stays)
        yield from _all_once(trace, stays)
        yield from _whole(trace)


def _grouped(rows: NDArray[Any]) -> dict[Key, NDArray[Any]]:
    """Rows by job, node and processor, in their order."""
    places: dict[Key, list[int]] = {}
    for number, key in enumerate(rows[["job", "node", "processor"]].tolist()):
        places.setdefault(key, []).append(number)
    return {key: rows[numbers] for key, numbers in places.items()}


def _in_flight(trace: Trace, who: str, place: int, rows: NDArray[Any]) -> Iterator[str]:
    """Just after a launch no more of a segment's commands are under way than the most that was allowed then."""
    own = trace.changes[(trace.changes["what"] == LIMIT) & (trace.changes["subject"] == place)]
    ends = np.sort(rows["end"])
    for time in np.unique(rows["launched"]):
        at = own["value"][own["time"] == time].tolist()
        allowed = [*at, *(own["value"][own["time"] < time].tolist() or [0])[-1:]]
        flying = int(np.searchsorted(rows["launched"], time, "right") - np.searchsorted(ends, time, "right"))
        if 0 not in allowed and flying > max(allowed):
            yield f"{who} has {flying} commands in flight at {time}, of {max(allowed)}"


def _suspended(trace: Trace, stays: dict[Key, NDArray[Any]]) -> Iterator[str]:
    """Of what was suspended nothing more is launched on that stay, and no more of it ends than its level lets."""
    served = {place: trace.slices[trace.slices["processor"] == place] for _, _, place in stays}
    for time, _, place, level in trace.changes[trace.changes["what"] == SUSPEND].tolist():
        if place not in served:
            continue
        mine = served[place]
        for stay in mine[(mine["start"] < time) & (mine["end"] >= time)][:1]:
            job, node, end = int(stay["job"]), int(stay["node"]), int(stay["end"])
            rows = stays.get((job, node, place), trace.launches[:0])
            who = f"node {node} of {name_of(trace, job)}"
            for late in rows["launched"][(rows["launched"] > time) & (rows["launched"] < end)]:
                yield f"{who} launches at {late}, suspended since {time}"
            ended = (rows["launched"] <= time) & (rows["end"] > time) & (rows["end"] <= end) & (rows["ended"] == 1)
            if ended.sum() > LEFT.get(level, len(rows)):
                yield f"{ended.sum()} commands of {who} end after {time}, when it was suspended at level {level}"


def _all_once(trace: Trace, stays: dict[Key, NDArray[Any]]) -> Iterator[str]:
    """A node that completed on a stream ended each of its commands once since it last began anew, in their order."""
    unit_of = _units(trace)
    slices: dict[tuple[int, int], list[Any]] = {}
    for row in trace.own[["job", "node", "processor", "end", "reason"]].tolist():
        slices.setdefault(row[:2], []).append(row[2:])
    nodes: dict[tuple[int, int], list[NDArray[Any]]] = {}
    for (job, node, _), own in stays.items():
        nodes.setdefault((job, node), []).append(own)
    for (job, node), parts in nodes.items():
        if (job, node) not in slices:
            continue  # it began at the very end of the run
        place, end, reason = slices[job, node][-1]
        if reason != COMPLETED or (job, node, place) not in stays:
            continue
        unit = unit_of[place]
        lost = [until for by, until, why in slices[job, node] if why == KILLED or unit_of.get(by) != unit]
        rows = np.concatenate(parts)
        rows = rows[(rows["ended"] == 1) & (rows["end"] > max(lost, default=-1))]
        found = rows["kernel"][np.lexsort((rows["kernel"], rows["end"]))].tolist()
        about = trace.node(job, node).hardware
        kernels = () if about is None else about.kernels[place] or ()
        if found != list(range(len(kernels))):
            yield f"node {node} of {name_of(trace, job)} is done at {end} with commands {found}, of {len(kernels)}"


def stays_with_ends(trace: Trace) -> Callable[[int, int, int, int, int], bool]:
    """Whether any command of a slice (job, node, processor, start, end) on a stream ended in it."""
    ends: dict[Key, list[int]] = {}
    for end, *key in trace.launches[trace.launches["ended"] == 1][["end", "job", "node", "processor"]].tolist():
        ends.setdefault((key[0], key[1], key[2]), []).append(end)

    def ended(job: int, node: int, place: int, start: int, end: int) -> bool:
        mine = ends.get((job, node, place), [])
        return bisect_right(mine, end) > bisect_right(mine, start)

    return ended


def _units(trace: Trace) -> dict[int, int]:
    hardware = trace.system.hardware
    assert hardware is not None
    return {place: unit.index for unit in hardware.units for place in unit.processors}


def _whole(trace: Trace) -> Iterator[str]:
    """A kernel that ended ran all its blocks between its launch and its end (where blocks are counted)."""
    hardware = trace.system.hardware
    assert hardware is not None
    exact = [
        place
        for unit in hardware.units
        if unit.block_level is not None and unit.block_level.mode == "exact"
        for place in unit.processors
    ]
    ran: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    for start, end, job, node, place, kernel, blocks in trace.waves.tolist():
        ran.setdefault((job, node, place, kernel), []).append((start, end, blocks))
    for row in trace.launches[(trace.launches["ended"] == 1) & np.isin(trace.launches["processor"], exact)]:
        key = (int(row["job"]), int(row["node"]), int(row["processor"]), int(row["kernel"]))
        about = trace.node(*key[:2]).hardware
        kernels = None if about is None else about.kernels[key[2]]
        kernel = None if kernels is None else kernels[key[3]]
        if isinstance(kernel, Kernel):
            waves = ran.get(key, ())
            blocks = sum(count for start, end, count in waves if row["launched"] <= start and end <= row["end"])
            if blocks != kernel.blocks:
                who = f"command {key[3]} of node {key[1]} of {name_of(trace, key[0])}"
                yield f"{who} ends at {row['end']} with {blocks} of its {kernel.blocks} blocks"
