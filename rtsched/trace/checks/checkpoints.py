"""What must hold of checkpoints: a state that was put aside comes back before its node works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtsched.model.taskgraph import UnitSpec
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import CHECKPOINT, DRAINED, DUPLICATE, KILLED, OVERHEAD, Trace


def checkpoints(trace: Trace) -> Iterator[str]:
    """Between a checkpoint and the next work of its node lies the time in which the state crosses to where that is.

    Not for nodes that ran twice, in parts, in batches or as several variants, which share what they pay.
    """
    spec = trace.system.hardware
    rows = trace.changes[trace.changes["what"] == CHECKPOINT]
    if spec is None or not len(rows):
        return
    units = {place: unit for unit in spec.units for place in unit.processors}
    twice = trace.logged[trace.logged["action"] == DUPLICATE]
    shared = {
        (job, node) for table in (twice, trace.splits, trace.batches) for job, node in table[["job", "node"]].tolist()
    }
    for row in rows:
        mine = trace.slices[trace.slices["job"] == row["value"]]
        saved = (mine["start"] == row["time"]) & (mine["processor"] == row["subject"]) & (mine["reason"] == OVERHEAD)
        for aside in mine[saved]:
            key = (int(aside["job"]), int(aside["node"]))
            if key not in shared and key not in trace.switches:
                yield from _returns(trace, units, aside, mine[mine["node"] == aside["node"]])


def _returns(trace: Trace, units: dict[int, UnitSpec], aside: Any, slices: Any) -> Iterator[str]:
    """The state that the slice `aside` put away, once it was, comes back before the first work after it."""
    about = trace.node(int(aside["job"]), int(aside["node"])).hardware
    origin = units[int(aside["processor"])].description.checkpoint
    assert origin is not None
    state = origin.state if about is None or about.state is None else about.state
    later = slices[slices["start"] >= aside["end"]]
    works = later[(later["reason"] != OVERHEAD) & (later["reason"] != DRAINED)]
    if aside["end"] - aside["start"] < _time(state, origin.bandwidth) or not len(works) or works[0]["reason"] == KILLED:
        return  # it never was put aside, or nobody worked on with it
    place, start = int(works[0]["processor"]), int(works[0]["start"])
    unit = units.get(place)
    there = origin if unit is None or unit.description.checkpoint is None else unit.description.checkpoint
    costs = later[(later["reason"] == OVERHEAD) & (later["processor"] == place) & (later["end"] <= start)]
    if (costs["end"] - costs["start"]).sum() < _time(state, there.bandwidth):
        name = trace.system.processors[place].name
        yield f"{name_of(trace, aside['job'])} works on at {start} on {name!r} before its state is back"


def _time(state: int, bandwidth: int) -> int:
    return max(1, -(-state * 10**9 // bandwidth))
