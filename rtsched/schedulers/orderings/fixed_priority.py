"""Fixed priorities of tasks: as declared, rate monotonic, deadline monotonic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtsched.model.policy import OrderingTraits
from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import TaskSpec


class FixedPriority(Ordering):
    """Fixed task priorities, smaller is more urgent (R4). Optimal only with an optimal assignment (see rm, dm).

    A rule of your own writes `level`, which is asked once per task, before time starts; it is proven as fixed
    priorities are.

    >>> class LeastWork(FixedPriority):
    ...     def level(self, task):
    ...         return task.volume
    """

    claims = PREDICTABLE
    order = "FP"
    ranks = ("priority",)

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.levels = [self.level(task.spec) for task in soc.tasks]

    def level(self, task: TaskSpec) -> Any:
        """The priority of a task, a number (or anything that compares); smaller is more urgent, ties go by index."""
        return task.priority

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (self.levels[segment.job.task.index],)

    def urgency(self, task: TaskState) -> Any:
        return self.levels[task.index]

    def urgencies(self, tasks: Sequence[TaskState]) -> list[Any] | None:
        return [self.urgency(task) for task in tasks]

    def traits(self, name: str) -> OrderingTraits:
        traits = super().traits(name)
        return replace(traits, level=self.level) if traits.order == "FP" else traits


class RateMonotonic(FixedPriority):
    """Rate monotonic: the shorter the period, the more urgent (Liu and Layland, JACM 20(1), 1973).

    Optimal among fixed priorities for synchronous preemptive tasks on one processor with D = T. A task without a
    period takes its deadline for it.
    """

    ranks = ("period",)

    def level(self, task: TaskSpec) -> int:
        return task.period or task.deadline


class DeadlineMonotonic(FixedPriority):
    """Deadline monotonic: the shorter the relative deadline, the more urgent (Leung and Whitehead, 1982).

    Optimal among fixed priorities for synchronous preemptive tasks on one processor with D <= T; not when D > T, nor
    without preemption.
    """

    ranks = ("relative deadline",)

    def level(self, task: TaskSpec) -> int:
        return task.deadline
