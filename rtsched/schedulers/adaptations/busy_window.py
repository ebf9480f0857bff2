"""How long a processor stays busy with what is there and what is sure to come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rtsched.model.task import Periodic

if TYPE_CHECKING:
    from rtsched.engine.task_state import TaskState


class Coming(NamedTuple):
    """The jobs to come of a periodic task: the next arrival, the period and the time that each needs, in ns."""

    arrival: int
    period: int
    time: int


def first_arrivals(tasks: Sequence[TaskState]) -> dict[int, int]:
    """When the first job of each task comes whose jobs come periodically by themselves, by its index, in ns."""
    return {
        task.index: task.spec.offset
        for task in tasks
        if task.period and task.spec.after is None and task.spec.release is None
        if isinstance(task.spec.arrival, Periodic)
    }


def served(work: int, now: int, coming: Sequence[Coming], limit: int) -> int | None:
    """When `work` and all that arrives until then are done, in ns from `now`; None where that is beyond `limit`.

    >>> served(5, 0, [Coming(4, 10, 3)], 100)       # one more arrives at 4
    8
    >>> served(5, 0, [Coming(4, 3, 3)], 100) is None
    True
    """
    time, total = -1, work
    while total != time:
        time, total = total, work
        if time > limit:
            return None
        for each in coming:
            total += max(0, -(-(now + time - each.arrival) // each.period)) * each.time
    return time
