"""A variant and a fixed priority for each task, chosen together before time starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import AT_SETUP
from rtsched.errors import SchedulerError
from rtsched.schedulers.chain_responses import response_times
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec

#: All choices of variants are looked at where there are at most so many.
CHOICES = 1024


class RTmDL(Ordering):
    """In the style of RT-mDL: a variant and a fixed priority for every task, accepted by a response-time test.

    Ling and others, "RT-mDL: supporting real-time mixed deep learning tasks on edge platforms", SenSys 2021;
    the paper was not read; our definition is: before time starts, of all choices of one variant per task those
    with the largest sum of accuracies (weighted by the tasks' weights, of equals the one with the better variants of
    earlier tasks) are tried first, each with priorities by deadline, by period, and by slack (deadline less work); the
    first that passes `response_times` of ``lalarand-style``, CPU and GPU apart, stands for good. If none passes: the
    least variants by deadline. Beyond 1024 choices one task at a time steps down, the one that loses the least accuracy
    per load saved, and each step is tried. GPU packing, the paper's other half, is left out.

    Needs variants, chains, and nodes that run on one cluster each. What passes keeps its deadlines under any mode of
    preemption while jobs take at most what is expected; a task without a period is taken to come once per deadline. It
    fails where another order of priorities would do. Adaptations that choose variants do not belong beside it.
    """

    believes = AT_SETUP
    claims = frozenset({"work-conserving", "bounded-inversion"})

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        if not any(variants_of(task) for task in soc.tasks):
            raise SchedulerError("ordering 'rt-mdl-style': no task has variants; give one some")
        #: per task and variant what it asks of each cluster: the times of its nodes in ns
        self.pieces = [[self._pieces(task, nodes) for nodes in _forms(task)] for task in soc.tasks]
        least = [len(each) - 1 for each in self.pieces]
        self.numbers = next((each for each in self._choices() if self._passing(each)), least)
        order = self._passing(self.numbers) or self._orders(self.numbers)[0]
        self.levels = [order.index(task.index) for task in soc.tasks]

    def _pieces(self, task: TaskState, nodes: Sequence[NodeSpec]) -> dict[str, list[int]]:
        pieces: dict[str, list[int]] = {}
        for node in nodes:
            clusters = {self.soc.processors[place].cluster for place in node.eligible}
            if len(clusters) > 1 or len(node.predecessors) > 1 or len(node.successors) > 1:
                where = f"node {node.name!r} of task {task.name!r}"
                more = f"may run on {', '.join(sorted(clusters))}" if len(clusters) > 1 else "is no link of a chain"
                raise SchedulerError(f"ordering 'rt-mdl-style': {where} {more}; pin it, or split the task")
            times = [self.soc.beliefs.time(node, place) for place in node.eligible]
            pieces.setdefault(clusters.pop(), []).append(max(time for time in times if time is not None))
        return pieces

    def _choices(self) -> Iterator[list[int]]:
        """The variant of each task, the most accurate choice first."""
        ways = [range(len(each)) for each in self.pieces]
        if math.prod(map(len, ways)) <= CHOICES:
            yield from map(list, sorted(product(*ways), key=lambda each: (-self._worth(each), each)))
            return
        numbers = [0] * len(ways)
        while True:
            yield list(numbers)
            lower = [index for index, way in enumerate(ways) if numbers[index] + 1 < len(way)]
            if not lower:
                return
            numbers[min(lower, key=lambda index: (self._price(index, numbers[index]), index))] += 1

    def _worth(self, numbers: Sequence[int]) -> float:
        return math.fsum(self._accuracy(index, number) for index, number in enumerate(numbers))

    def _accuracy(self, index: int, number: int) -> float:
        task = self.soc.tasks[index]
        variants = variants_of(task)
        return task.spec.weight * (variants[number].accuracy or 0.0) if variants else 0.0

    def _price(self, index: int, number: int) -> float:
        """The accuracy lost per share of time saved by the next variant of a task; infinite if it saves nothing."""
        saved = (self._work(index, number) - self._work(index, number + 1)) / self._demand(index, number)[0]
        lost = self._accuracy(index, number) - self._accuracy(index, number + 1)
        return lost / saved if saved > 0 else math.inf

    def _work(self, index: int, number: int) -> int:
        return sum(map(sum, self.pieces[index][number].values()))

    def _demand(self, index: int, number: int) -> tuple[int, int, dict[str, list[int]]]:
        """(period, deadline, pieces) of a task; a job is to be done before the next comes."""
        task = self.soc.tasks[index]
        period = task.period or task.deadline
        return period, min(period, task.deadline), self.pieces[index][number]

    def _orders(self, numbers: Sequence[int]) -> list[list[int]]:
        """The tasks by deadline, by period, and by slack."""
        demands = [self._demand(index, number) for index, number in enumerate(numbers)]
        slack = [each[1] - self._work(index, numbers[index]) for index, each in enumerate(demands)]
        keys = [[each[1] for each in demands], [each[0] for each in demands], slack]
        return [sorted(range(len(numbers)), key=lambda index: (key[index], index)) for key in keys]

    def _passing(self, numbers: Sequence[int]) -> list[int] | None:
        """The first order of the tasks under which all pass the test."""
        for order in self._orders(numbers):
            if math.inf not in response_times([self._demand(index, numbers[index]) for index in order]):
                return order
        return None

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (self.levels[segment.job.task.index],)

    def urgency(self, task: TaskState) -> Any:
        return self.levels[task.index]

    def urgencies(self, tasks: Sequence[TaskState]) -> list[Any] | None:
        return [self.urgency(task) for task in tasks]

    def on_release(self, job: Job) -> None:
        number = self.numbers[job.task.index]
        if number:
            self.soc.reconfigure(job, number)


def _forms(task: TaskState) -> list[list[NodeSpec]]:
    """The nodes that each variant of a task runs."""
    variants = variants_of(task)
    if not variants:
        return [list(task.nodes)]
    return [[node for node in each.nodes if node.index not in each.skipped] for each in variants]
