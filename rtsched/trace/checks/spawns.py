"""What must hold of jobs that a policy releases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtsched.model.task import Spawned
from rtsched.trace.trace import SPAWN

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace


def spawned(trace: Trace) -> Iterator[str]:
    """The jobs of a task that the policy releases are those that it asked for, as it did; no other task has such."""
    rows = trace.changes[trace.changes["what"] == SPAWN]
    until = trace.until if trace.planned is None else trace.planned
    for task in trace.system.tasks:
        asked = rows[rows["subject"] == task.index]
        if not isinstance(task.arrival, Spawned):
            for row in asked[:1]:
                yield f"a job of {task.name!r} is spawned at {row['time']}, whose jobs are released otherwise"
            continue
        jobs = trace.jobs_of(task.index)
        if len(jobs) != len(asked):
            yield f"{task.name!r} has {len(jobs)} jobs, and {len(asked)} were spawned"
            continue
        if task.count is not None and len(jobs) > task.count:
            yield f"{task.name!r} has {len(jobs)} jobs, of at most {task.count}"
        wrong = (jobs["arrival"] != asked["time"]) | (jobs["release"] != asked["time"]) | (asked["time"] >= until)
        wrong |= jobs["deadline"] != asked["time"] + asked["value"]
        for job, row in zip(jobs[wrong], asked[wrong], strict=True):
            when = f"released at {job['release']} with the deadline {job['deadline']}"
            yield f"job {job['index']} of {task.name!r} is {when}, spawned at {row['time']} for {row['value']} ns"
