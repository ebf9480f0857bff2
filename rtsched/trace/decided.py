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
    CANCEL,
    CEILING,
    CHECKPOINT,
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
    begun, cut_short = _begun(trace, trace.slices[trace.slices["reason"] != DRAINED])
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
    cuts = [_decided(rows, rows["end"], PREEMPT) for rows in (cut, cut_short, parted)]
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
    waits = trace.locks[np.isin(trace.locks["what"], (WAIT, CEILING))]
    waiting = {(int(row["job"]), int(row["node"]), int(row["time"])) for row in waits}
    over = {(int(row["job"]), int(row["time"])) for row in trace.logged if row["action"] < DUPLICATE}
    ready = [
        (job, node, end) not in waiting and (job, end) not in over
        for job, node, end in rows[["job", "node", "end"]].tolist()
    ]
    parted: NDArray[Any] = rows[np.array(ready, bool)]
    return parted


def _begun(trace: Trace, slices: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The slices at whose start something was decided, and the costs of starts in which somebody was preempted.

    Work that follows the costs of its own start begins with those. What a processor is busy with after the work (it
    puts a state aside, or is reset) is no start.
    """
    if not (slices["reason"] == OVERHEAD).any():
        return slices, slices[:0]
    rows = slices[np.lexsort((slices["start"], slices["node"], slices["job"], slices["processor"]))]
    joined = np.zeros(len(rows), bool)
    joined[1:] = rows["end"][:-1] == rows["start"][1:]
    for name in ("processor", "job", "node"):
        joined[1:] &= rows[name][:-1] == rows[name][1:]
    overhead = rows["reason"] == OVERHEAD
    after = _after_work(trace, rows, joined, overhead)
    costs = overhead & ~after
    follows = np.zeros(len(rows), bool)
    follows[1:] = joined[1:] & costs[:-1] & ~after[1:]
    for index in np.flatnonzero(follows & overhead):  # the costs follow the wait for a copy, or those of another start
        follows[index] = bool(trace.node(int(rows["job"][index]), int(rows["node"][index])).copies)
    cut = costs & ~np.append(follows[1:], np.zeros(min(1, len(rows)), bool))
    return rows[~follows & ~after], _preempted(trace, rows[cut])


def _after_work(trace: Trace, rows: NDArray[Any], joined: NDArray[Any], overhead: NDArray[Any]) -> NDArray[Any]:
    """Which slices are checkpoints, or resets after a kill; `joined` are those that follow one of their own."""
    aside = {(row["subject"], row["time"]) for row in trace.changes[trace.changes["what"] == CHECKPOINT]}
    resets = [processor.reset for processor in trace.system.processors]
    after = np.zeros(len(rows), bool)
    if not aside and not any(resets):
        return after
    for index in np.flatnonzero(overhead):
        row, before, reset = rows[index], rows[index - 1], resets[rows["processor"][index]]
        killed = before["reason"] == KILLED or (overhead[index - 1] and row["end"] - row["start"] == reset)
        after[index] = (row["processor"], row["start"]) in aside or (reset is not None and joined[index] and killed)
    return after


def _preempted(trace: Trace, costs: NDArray[Any]) -> NDArray[Any]:
    """Which costs that were cut short were so by a preemption: not by the end of the job, of one of two, or of all."""
    logged = trace.logged
    over = set(logged[logged["action"] < DUPLICATE][["job", "time"]].tolist())
    gone = set(logged[logged["action"] == CANCEL][["job", "node", "processor", "time"]].tolist())
    rows: NDArray[Any] = costs[
        [
            row[3] < trace.end and (row[0], row[3]) not in over and row not in gone
            for row in costs[["job", "node", "processor", "end"]].tolist()
        ]
    ]
    return rows


def _decided(rows: NDArray[Any], times: NDArray[Any], actions: Any) -> NDArray[Any]:
    """Rows of slices as decisions."""
    table = np.empty(len(rows), widened(DECISIONS, rows.dtype["node"].itemsize > DECISIONS["node"].itemsize))
    for name in ("job", "node", "processor"):
        table[name] = rows[name]
    table["time"] = times
    table["action"] = actions
    return table
