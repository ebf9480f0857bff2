"""Whether a policy knows what nobody can know yet: how long what has begun will really take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtsched.conformance.trial import Trial
from rtsched.engine.views import HiddenError
from rtsched.trace.trace import COMPLETED, DRAINED, PART, Trace

if TYPE_CHECKING:
    from rtsched.model.taskgraph import TaskSpec

#: So many tasks are made shorter, each by itself.
VICTIMS = 3


def foresight(trial: Trial) -> str | None:
    """Jobs that are shorter than planned change nothing before the first of them is seen to be so.

    Not asked of who says that it sees the truth (``oracle``).
    """
    plain = trial.plain
    if plain.watched.scheduler.oracle:
        return None
    if isinstance(plain.watched.error, HiddenError):
        return plain.failure
    if plain.failure:
        return None
    asked = False
    for task in [task for task in trial.spec.tasks if _can_be_shorter(task)][:VICTIMS]:
        first = trial.seed % 3  # from this job on they are shorter
        planned = trial.trace(truths={task.index: _taking(first, lambda time: time)})
        shorter = trial.trace(truths={task.index: _taking(first, lambda time: max(1, time // 2))})
        if planned is None or shorter is None:
            continue
        seen = _first_seen(shorter, task.index, first)
        if seen is None:
            continue
        asked = True
        if _before(planned, seen) != _before(shorter, seen):
            return (
                f"with {task.name!r} shorter than planned from job {first} on, it decides otherwise before {seen} ns, "
                "when the first of these is done: it knows what it cannot know"
            )
    return "" if asked else None


def _can_be_shorter(task: TaskSpec) -> bool:
    """What a GPU runs block by block takes as long as its kernels do; regions and sections are seen when they end."""
    return all(
        not node.regions and not node.sections and (node.hardware is None or not any(node.hardware.kernels))
        for node in task.all_nodes
    )


def _taking(first: int, change: Callable[[int], int]) -> Callable[[Any, Any, int], int]:
    """The truth about the jobs of a task: from number `first` on changed."""

    def truth(segment: Any, processor: Any, _now: int) -> int:
        time: int = segment.node.times[processor.index]
        return change(time) if segment.job.index >= first else time

    return truth


def _first_seen(trace: Trace, task: int, first: int) -> int | None:
    """When the first node of these jobs is over."""
    jobs = (trace.jobs["task"] == task) & (trace.jobs["index"] >= first)
    slices = trace.slices
    over = (slices["reason"] == COMPLETED) | (slices["reason"] == DRAINED) | (slices["reason"] == PART)
    ends = slices["end"][jobs[slices["job"]] & over]
    return int(ends.min()) if len(ends) else None


def _before(trace: Trace, end: int) -> list[tuple[int, ...]]:
    """What ran before an instant."""
    rows = trace.slices[trace.slices["start"] < end]
    return [
        (int(row["start"]), min(end, int(row["end"])), int(row["job"]), int(row["node"]), int(row["processor"]))
        for row in rows
    ]
