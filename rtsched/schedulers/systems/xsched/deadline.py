"""XSched's policies of time: the k earliest deadlines, and laxity."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.parameters import duration
from rtsched.schedulers.systems.xsched.base import XQueue, XSched

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


class KEarliestDeadlines(XSched):
    """kEDF: of all ready queues, on all devices, the `k` with the earliest deadlines run, all others are suspended.

    A deadline counts from when the queue became ready, that is, it is the one of its oldest job. Ties go by task. With
    k = 1 it is EDF over all devices together, so that one device works at a time; k as large as the number of queues
    lets all run. Guarantees nothing of its own; fails as EDF does under overload.
    """

    claims = frozenset({"symmetric"})

    def __init__(self, k: int = 1, level: int = 1, in_flight: int = 16) -> None:
        super().__init__(level, in_flight)
        if k.__class__ is not int or k < 1:
            raise InputError(f"xsched-kedf: k {k!r} is no whole number from 1")
        self.k = k

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        return sorted(ready, key=lambda queue: (ready[queue].deadline, queue))[: self.k]


class Laxity(XSched):
    """Laxity (LAX): a queue has a low priority until its laxity has passed since it became ready, then a critical one.

    The ready queues of the highest priority, of all devices, run; a timer rings at the earliest crossing. `laxity` says
    for each task that has one how long; its priority is `low`, then `critical`; that of tasks without one is 0, as the
    code has it (larger is more urgent here). With no `laxity` at all every task has one: its deadline less what it is
    believed to need, on its fastest processors. Guarantees nothing; fails those whose laxity is set too large.
    """

    claims = frozenset({"symmetric"})

    def __init__(
        self,
        laxity: Mapping[str, int | str] | None = None,
        low: int = -1,
        critical: int = 1,
        level: int = 1,
        in_flight: int = 16,
    ) -> None:
        super().__init__(level, in_flight)
        if critical < low:
            raise InputError(f"xsched-lax: critical {critical!r} is below low {low!r}")
        self.said = {name: duration(value, f"xsched-lax: laxity of {name!r}") for name, value in (laxity or {}).items()}
        self.low, self.critical = low, critical

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        names = {task.name for task in soc.tasks}
        for name in self.said:
            if name not in names:
                raise SchedulerError(f"xsched-lax: 'laxity' names {name!r}, which is no task")
        #: of each task by index, in ns; None of those that have none
        self.laxity = [self.said.get(task.name) if self.said else self._slack(task) for task in soc.tasks]

    def _slack(self, task: TaskState) -> int:
        return max(0, task.deadline - sum(self.soc.beliefs.fastest(node) for node in task.nodes))

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        now = self.soc.now
        levels: dict[XQueue, int] = {}
        crossings = []
        for queue, job in ready.items():
            laxity = self.laxity[queue.task]
            if laxity is None:
                levels[queue] = 0
            elif now < job.arrival + laxity:
                levels[queue] = self.low
                crossings.append(job.arrival + laxity)
            else:
                levels[queue] = self.critical
        if crossings:
            self.soc.wake_at(min(crossings))
        top = max(levels.values(), default=0)
        return {queue for queue, level in levels.items() if level == top}
