"""What must hold where decisions take time on a core."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import COMPLETED, START

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace


def decisions(trace: Trace) -> Iterator[str]:
    """While a planner decides its core serves nobody, and its decisions start what was there when they began."""
    planner = trace.system.planner
    if planner is None:
        return
    name = trace.system.processors[planner.processor].name
    ends = trace.plans["time"].tolist()
    begins = (trace.plans["time"] - trace.plans["value"]).tolist()
    for place, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if begin < (ends[place - 1] if place else 0):
            yield f"the decision on {name!r} that ends at {end} begins at {begin}, before the one before it is over"
    rows = trace.slices[trace.slices["processor"] == planner.processor]
    for row in rows[rows["end"] > rows["start"]]:
        after = bisect_right(ends, row["start"])
        if after < len(ends) and begins[after] < row["end"]:
            yield f"{name!r} runs {name_of(trace, row['job'])} at {row['start']}, while it decides"
    yield from _starts(trace, begins, ends)


def _starts(trace: Trace, begins: list[int], ends: list[int]) -> Iterator[str]:
    """Nodes start when a decision is over, and only those of jobs that were there when it began."""
    after = {
        (int(row["job"]), int(row["processor"]), int(row["end"])) for row in trace.own[trace.own["reason"] == COMPLETED]
    }
    nodes = [len(task.nodes) for task in trace.system.tasks]
    keys = ["start", "job", "node", "processor"]
    led = set(trace.batches[trace.batches["leads"] == 0][keys].tolist())  # they begin when the costs have passed
    for row in trace.decisions[trace.decisions["action"] == START]:
        job, time = int(row["job"]), int(row["time"])
        if row["node"] >= nodes[trace.jobs["task"][job]] or (job, int(row["processor"]), time) in after:
            continue  # a copy over a link, or the next node of a run that nobody is asked about
        if (time, job, int(row["node"]), int(row["processor"])) in led:
            continue
        at = bisect_left(ends, time)
        if at == len(ends) or begins[at] >= time:
            continue
        if ends[at] > time:
            yield f"{name_of(trace, job)} starts at {time}, while a decision is made"
        elif trace.jobs["release"][job] > begins[at]:
            yield f"{name_of(trace, job)} starts at {time} by a decision that began before its release"
