"""Partitioned: bin packing by decreasing utilisation."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from rtsched.errors import InputError, SchedulerError
from rtsched.model.policy import Homes, PlacementTraits
from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.placements.base import Placement
from rtsched.schedulers.placements.fitting import PLAIN, TESTS, Fitting

if TYPE_CHECKING:
    from rtsched.engine.task_state import TaskState
    from rtsched.model.policy import OrderingTraits
    from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec


def utilisation(task: TaskSpec | TaskState, node: NodeSpec, processor: int) -> Fraction:
    """The share of `processor` that `node` takes: its time there over the period (or the deadline, without one)."""
    time = node.times[processor]
    assert time is not None
    return _share(time, task.period or task.deadline)


@lru_cache(maxsize=1024)
def _share(time: int, span: int) -> Fraction:
    """Of thousands of processors nearly all ask for the same one."""
    return Fraction(time, span)


def heaviest_first(item: tuple[TaskSpec | TaskState, NodeSpec]) -> Fraction:
    """Minus the smallest utilisation of a node over its processors: sorts the heaviest first."""
    task, node = item
    return -_share(node.fastest, task.period or task.deadline)


class Packing(Placement):
    """Bin packing by decreasing utilisation; each node gets one processor for good.

    A node fits where the load stays at most 1; with a `test`, where the tasks of the processor pass that, too:
    ``response-times`` or ``liu-layland`` under fixed priorities, ``demand`` under EDF, for tasks of one node. On
    processors that run to completion the load alone counts. What fits nowhere goes to the least loaded processor, since
    a simulation of an overload is an answer too; with ``strict`` it is an error instead.
    """

    claims = PREDICTABLE - {"sustainable-processors"}  # one more may change who sits where

    def __init__(self, strict: bool = False, test: str = PLAIN) -> None:
        if test not in (PLAIN, *TESTS):
            raise InputError(f"test: there is no packing test {test!r}; take one of {', '.join((PLAIN, *TESTS))}")
        self.strict, self.test = strict, test
        self.fitting: Fitting | None = None

    def beside(self, ordering: OrderingTraits, preemption: str) -> None:
        self.fitting = None if self.test == PLAIN else Fitting(self.test, ordering, preemption)

    def assign(self, system: SystemSpec) -> Homes:
        if self.test != PLAIN and self.fitting is None:
            raise SchedulerError(
                f"the packing test {self.test!r} has to know the ordering; use it in a composed scheduler"
            )
        if self.fitting is not None:
            self.fitting.check(system)
        self.room = {processor.index: Fraction(1) for processor in system.processors}
        #: what is on each processor that is tested, with its time there
        self.there: dict[int, list[tuple[TaskSpec, int]]] = {
            processor.index: []
            for processor in system.processors
            if self.fitting is not None and processor.service == "preemptive"
        }
        self.current = 0
        found: Homes = [[None] * len(task.nodes) for task in system.tasks]
        nodes = [(task, node) for task in system.tasks for node in task.nodes]
        nodes.sort(key=heaviest_first)
        for task, node in nodes:
            eligible = node.eligible
            options = (index for index in eligible if self.fits(task, node, index))
            index = self.pick(task, node, options)
            if index is None and self.strict:
                raise SchedulerError(f"node {node.name!r} of task {task.name!r} fits on no processor")
            if index is None:
                index = min(eligible, key=lambda index: (-self.left(task, node, index), index))
            found[task.index][node.index] = (index,)
            self.room[index] = self.left(task, node, index)
            if index in self.there:
                self.there[index].append((task, node.times[index] or 0))
        return found

    def fits(self, task: TaskSpec, node: NodeSpec, index: int) -> bool:
        """Whether the node fits on a processor, beside what is there."""
        if utilisation(task, node, index) > self.room[index]:
            return False
        if self.fitting is None or index not in self.there:
            return True
        return self.fitting.together([*self.there[index], (task, node.times[index] or 0)])

    def traits(self, name: str) -> PlacementTraits:
        if type(self).assign is not Packing.assign:
            return super().traits(name)
        rule = vars(type(self)).get("rule")
        tested = rule is not None and self.test != PLAIN
        return PlacementTraits(name, None if tested else rule, self.assign if tested else None)

    def pick(self, task: TaskSpec, node: NodeSpec, options: Iterator[int]) -> int | None:
        """Which of the processors on which the node fits, ascending, it gets; None if there is none."""
        raise NotImplementedError

    def left(self, task: TaskSpec, node: NodeSpec, index: int) -> Fraction:
        """The room that the node would leave on a processor."""
        return self.room[index] - utilisation(task, node, index)


class FirstFitDecreasing(Packing):
    """Partitioned, first fit decreasing: the lowest processor on which the node fits."""

    rule = "first-fit"

    def pick(self, task: TaskSpec, node: NodeSpec, options: Iterator[int]) -> int | None:
        return next(options, None)


class BestFitDecreasing(Packing):
    """Partitioned, best fit decreasing: the processor that is left with the least room."""

    rule = "best-fit"

    def pick(self, task: TaskSpec, node: NodeSpec, options: Iterator[int]) -> int | None:
        return min(options, key=lambda index: (self.left(task, node, index), index), default=None)


class WorstFitDecreasing(Packing):
    """Partitioned, worst fit decreasing: the processor that is left with the most room."""

    rule = "worst-fit"

    def pick(self, task: TaskSpec, node: NodeSpec, options: Iterator[int]) -> int | None:
        return min(options, key=lambda index: (-self.left(task, node, index), index), default=None)


class NextFitDecreasing(Packing):
    """Partitioned, next fit decreasing: the processor of the last node, or else the next ones in turn."""

    rule = "next-fit"

    def pick(self, task: TaskSpec, node: NodeSpec, options: Iterator[int]) -> int | None:
        first = None
        for index in options:
            first = index if first is None else first
            if index >= self.current:
                self.current = index
                return index
        if first is not None:
            self.current = first
        return first
