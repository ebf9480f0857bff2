"""What must hold of jobs: when they run, by when they should be done, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtsched.model.task import Spawned, TraceArrivals
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import ABORT, ABORTED, CANCEL, DRAINED, DROP, DROPPED, KILLED, LATE, OK, OUTCOMES, Trace


def after_the_end(trace: Trace) -> Iterator[str]:
    """Nothing of a job runs when it has ended, but what drains; and nothing drains before."""
    ends = np.where(trace.jobs["finish"] >= 0, trace.jobs["finish"], np.iinfo(np.int64).max)
    given_up = trace.logged[np.isin(trace.logged["action"], (DROP, ABORT))]
    ends[given_up["job"]] = given_up["time"]
    slices = trace.own  # a copy that is under way goes on
    end = ends[slices["job"]]
    drained = slices["reason"] == DRAINED
    for row in slices[~drained & (slices["end"] > end)]:
        yield f"node {row['node']} of {name_of(trace, row['job'])} runs until {row['end']}, after the end of its job"
    cancelled = set(trace.logged[trace.logged["action"] == CANCEL][["job", "node", "time"]].tolist())
    killed = set(slices["job"][slices["reason"] == KILLED].tolist())  # a reset may outlast its job
    for row in slices[drained & (slices["start"] < end)]:
        if int(row["job"]) not in killed and (row["job"], row["node"], row["start"]) not in cancelled:
            yield f"node {row['node']} of {name_of(trace, row['job'])} drains at {row['start']}, before its job is over"


def outcomes(trace: Trace) -> Iterator[str]:
    """What became of a job fits when it was done, or that it was not; none is released before its arrival."""
    jobs = trace.jobs
    done = jobs["finish"] >= 0
    wrong = (jobs["outcome"] == OK) & (~done | (jobs["finish"] > jobs["deadline"]))
    wrong |= (jobs["outcome"] == LATE) & done & (jobs["finish"] <= jobs["deadline"])
    wrong |= ((jobs["outcome"] == DROPPED) | (jobs["outcome"] == ABORTED)) & done
    wrong |= (jobs["outcome"] < 0) | (jobs["release"] < jobs["arrival"])
    for job in np.flatnonzero(wrong):
        row = jobs[job]
        code = int(row["outcome"])
        name = OUTCOMES[code] if code >= 0 else "open"
        yield f"{name_of(trace, job)} is {name} with finish {row['finish']} and deadline {row['deadline']}"


def deadlines(trace: Trace) -> Iterator[str]:
    """A job's deadline is its arrival and its task's relative deadline, or its own out of a recording."""
    for task in trace.system.tasks:
        if isinstance(task.arrival, Spawned):
            continue  # as the policy says, see `spawned`
        mine = trace.jobs_of(task.index)
        own = task.arrival.deadlines if isinstance(task.arrival, TraceArrivals) else None
        relative = task.deadline if own is None else np.array(own, np.int64)[mine["index"]]
        for row in mine[mine["deadline"] != mine["arrival"] + relative]:
            yield f"job {row['index']} of {task.name!r} has the deadline {row['deadline']}, which is not its own"


def no_overlap(trace: Trace) -> Iterator[str]:
    """Jobs of a task run one after the other (R2), unless it lets them overlap."""
    if not len(trace.own):
        return
    first = np.full(len(trace.jobs), np.iinfo(np.int64).max)
    last = np.full(len(trace.jobs), -1)
    slices = trace.own[trace.own["reason"] != DRAINED]
    np.minimum.at(first, slices["job"], slices["start"])
    np.maximum.at(last, slices["job"], slices["end"])
    for task in trace.system.tasks:
        if task.overlap:
            continue
        mine = trace.numbers(task.index)
        mine = mine[last[mine] >= 0]
        for index in np.flatnonzero(first[mine[1:]] < last[mine[:-1]]):
            yield f"{name_of(trace, mine[index + 1])} starts before {name_of(trace, mine[index])} is over"
