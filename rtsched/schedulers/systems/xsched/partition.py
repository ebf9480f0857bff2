"""XSched's utilisation partitions: turns whose lengths are as the shares, by queue and by process."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.parameters import duration
from rtsched.schedulers.systems.xsched.base import XQueue, XSched

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc


class Portions(XSched):
    """What the two partitions share: the shares of the tasks, 0 to 100, and the length of a slice."""

    def __init__(
        self,
        share: Mapping[str, int] | None = None,
        slice: int | str = "5 ms",
        level: int = 1,
        in_flight: int = 16,
    ) -> None:
        super().__init__(level, in_flight)
        for name, value in (share or {}).items():
            if value.__class__ is not int or not 0 < value <= 100:
                raise InputError(f"xsched: the share {value!r} of {name!r} is no whole number from 1 to 100")
        self.said = share or {}
        self.slice = duration(slice, "xsched: the slice")

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        names = {task.name for task in soc.tasks}
        for name in self.said:
            if name not in names:
                raise SchedulerError(f"xsched: 'share' names {name!r}, which is no task")
        self.shares = [self.said.get(task.name, 100) for task in soc.tasks]
        self.end = 0

    def _until(self, end: int) -> None:
        self.end = end
        if end > self.soc.now:
            self.soc.wake_at(end)


class UtilisationPartition(Portions):
    """Utilisation partition (UP): one queue at a time, over all devices, round-robin, each for its part of a slice.

    A turn lasts `slice` * share / sum of the shares of all queues; it ends before that when the queue runs empty, and
    what it has left is lost. `share` is 100 for tasks that it does not name (the code lets those wait for ever).
    When the turn of the only ready queue ends it has another (the code lets it run to the next event, then begins with
    the first). Guarantees each ready queue its part of the time, late by what the level leaves in flight; fails in
    latency: nobody is more urgent.
    """

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        homes = {(task.index, home.index) for task in soc.tasks for node in task.nodes if (home := self.home(node))}
        self.queues: Sequence[XQueue] = [XQueue(*each) for each in sorted(homes)]
        self.current: XQueue | None = None

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        self.queues = sorted({*self.queues, *ready})
        current = self.current
        if current is not None and current in ready and self.soc.now < self.end:
            return (current,)
        start = 0 if current is None else self.queues.index(current) + 1
        turns = (*self.queues[start:], *self.queues[:start])
        self.current = next((queue for queue in turns if queue in ready), None)
        if self.current is None:
            return ()
        total = sum(self.shares[queue.task] for queue in self.queues)
        self._until(self.soc.now + max(1, self.slice * self.shares[self.current.task] // total))
        return (self.current,)


class ProcessUtilisationPartition(Portions):
    """Utilisation partition of processes (PUP): turns of one process, with all its queues, and a budget that it keeps.

    A process is a task. Each turn, taken or passed over, brings `slice` * n * share / sum of the shares of the n
    processes; a turn that ends because nothing is ready keeps what is left, and one that was passed over all of it.
    What was kept beyond one turn's worth decays to 0.9 before the next is added. `share` is 100 for tasks that it does
    not name. As `xsched-up` it guarantees parts of the time and no latency, but those who were idle catch up.
    """

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        mine = [task.index for task in soc.tasks if any(self.home(node) for node in task.nodes)]
        #: (task, budget left), in the order of turns; whether the first is in its turn
        self.turns = [(task, 0) for task in mine]
        self.in_turn = False

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        now, tasks = self.soc.now, {queue.task for queue in ready}
        known = {task for task, _ in self.turns}
        self.turns += [(task, 0) for task in sorted(tasks - known)]
        if not tasks:
            return ()
        if self.in_turn:
            first = self.turns[0][0]
            if now < self.end and first in tasks:
                return [queue for queue in ready if queue.task == first]
            self.turns = [*self.turns[1:], (first, max(0, self.end - now))]
            self.in_turn = False
        while self.turns[0][0] not in tasks:
            task, budget = self.turns[0]
            self.turns = [*self.turns[1:], (task, self._grown(task, budget))]
        task, budget = self.turns[0]
        self.in_turn = True
        self._until(now + self._grown(task, budget))
        return [queue for queue in ready if queue.task == task]

    def _grown(self, task: int, budget: int) -> int:
        """What a process has with one more turn."""
        total = sum(self.shares[each] for each, _ in self.turns)
        new = max(1, self.slice * len(self.turns) * self.shares[task] // total)
        return min(budget, new) + max(0, budget - new) * 9 // 10 + new
