"""What was decided, told from the slices of a trace: starts, resumes, migrations and preemptions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.trace.columns import widened
from rtsched.trace.duplicates import retold
from rtsched.trace.splits import beside, joins
from rtsched.trace.trace import (
    BOUNDARY,
    DECISIONS,
    DRAINED,
    DUPLICATE,
    FAILED,
    KILLED,
    MIGRATE,
    OVERHEAD,
    PREEMPT,
    PREEMPTED,
    RESUME,
    START,
    WAIT,
    Trace,
)


def decisions(trace: Trace) -> NDArray[Any]:
    """Everything that was decided, by time: starts, resumes, migrations and preemptions, and what was logged."""
    begun = _begun(trace.slices[trace.slices["reason"] != DRAINED])
    order = np.lexsort((begun["start"], begun["node"], begun["job"]))
    begun = begun[order]
    if len(trace.splits):
        begun = begun[~joins(trace, begun)]
    again = np.zeros(len(begun), bool)
    again[1:] = (begun["job"][1:] == begun["job"][:-1]) & (begun["node"][1:] == begun["node"][:-1])
    if len(trace.splits):
        for index in np.flatnonzero(beside(trace, begun)):
            again[index] = again[index - 1]
    moved = again.copy()
    moved[1:] &= begun["processor"][1:] != begun["processor"][:-1]
    starts = _decided(begun, begun["start"], np.where(moved, MIGRATE, np.where(again, RESUME, START)))
    if (trace.logged["action"] == DUPLICATE).any():
        starts = retold(trace, starts)
    cut = trace.slices[np.isin(trace.slices["reason"], (PREEMPTED, KILLED, FAILED))]
    parted = _parted(trace)
    cuts = [_decided(rows, rows["end"], PREEMPT) for rows in (cut, parted)]
    both = np.concatenate((*cuts, trace.logged, starts))
    return both[np.argsort(both["time"], kind="stable")]


def _parted(trace: Trace) -> NDArray[Any]:
    """The slices at whose end, a boundary, a segment was ready to go on and did not at once: preempted there."""
    rows = trace.slices[np.lexsort((trace.slices["start"], trace.slices["node"], trace.slices["job"]))]
    at_once = np.zeros(len(rows), bool)
    at_once[:-1] = rows["start"][1:] == rows["end"][:-1]
    for name in ("job", "node"):
        at_once[:-1] &= rows[name][1:] == rows[name][:-1]
    rows = rows[(rows["reason"] == BOUNDARY) & ~at_once & (rows["end"] < trace.end)]
    waits = trace.locks[trace.locks["what"] == WAIT]
    waiting = {(int(row["job"]), int(row["node"]), int(row["time"])) for row in waits}
    over = {(int(row["job"]), int(row["time"])) for row in trace.logged if row["action"] < DUPLICATE}
    ready = [
        (job, node, end) not in waiting and (job, end) not in over
        for job, node, end in rows[["job", "node", "end"]].tolist()
    ]
    parted: NDArray[Any] = rows[np.array(ready, bool)]
    return parted


def _begun(slices: NDArray[Any]) -> NDArray[Any]:
    """The slices at whose start something was decided: work that follows its own overhead begins with that."""
    rows = slices[np.lexsort((slices["start"], slices["processor"]))]
    follows = np.zeros(len(rows), bool)
    follows[1:] = (rows["reason"][:-1] == OVERHEAD) & (rows["end"][:-1] == rows["start"][1:])
    for name in ("processor", "job", "node"):
        follows[1:] &= rows[name][:-1] == rows[name][1:]
    return rows[~follows]


def _decided(rows: NDArray[Any], times: NDArray[Any], actions: Any) -> NDArray[Any]:
    """Rows of slices as decisions."""
    table = np.empty(len(rows), widened(DECISIONS, rows.dtype["node"].itemsize > DECISIONS["node"].itemsize))
    for name in ("job", "node", "processor"):
        table[name] = rows[name]
    table["time"] = times
    table["action"] = actions
    return table
