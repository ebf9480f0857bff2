"""Partitioned: bin packing by decreasing utilisation."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.placements.base import Placement

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


def utilisation(task: TaskState, node: NodeSpec, processor: int) -> Fraction:
    """The share of `processor` that `node` takes: its time there over the period (or the deadline, without one)."""
    time = node.times[processor]
    assert time is not None
    return _share(time, task.period or task.deadline)


@lru_cache(maxsize=1024)
def _share(time: int, span: int) -> Fraction:
    """Of thousands of processors nearly all ask for the same one."""
    return Fraction(time, span)


def heaviest_first(item: tuple[TaskState, NodeSpec]) -> Fraction:
    """Minus the smallest utilisation of a node over its processors: sorts the heaviest first."""
    task, node = item
    return -_share(node.fastest, task.period or task.deadline)


class Packing(Placement):
    """Bin packing by decreasing utilisation; each node gets one processor for good.

    A node fits where the load stays at most 1. What fits nowhere goes to the least loaded processor, since a
    simulation of an overload is an answer too; with ``strict`` it is an error instead.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.room = {processor.index: Fraction(1) for processor in soc.processors}
        self.home: dict[tuple[int, int], int] = {}
        self.current = 0
        nodes = [(task, node) for task in soc.tasks for node in task.nodes]
        nodes.sort(key=heaviest_first)
        for task, node in nodes:
            eligible = node.eligible
            options = (index for index in eligible if utilisation(task, node, index) <= self.room[index])
            index = self.pick(task, node, options)
            if index is None and self.strict:
                raise SchedulerError(f"node {node.name!r} of task {task.name!r} fits on no processor")
            if index is None:
                index = min(eligible, key=lambda index: (-self.left(task, node, index), index))
            self.home[task.index, node.index] = index
            self.room[index] = self.left(task, node, index)

    def pick(self, task: TaskState, node: NodeSpec, options: Iterator[int]) -> int | None:
        """Which of the processors on which the node fits, ascending, it gets; None if there is none."""
        raise NotImplementedError

    def left(self, task: TaskState, node: NodeSpec, index: int) -> Fraction:
        """The room that the node would leave on a processor."""
        return self.room[index] - utilisation(task, node, index)

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        return (self.home[task.index, node.index],)


class FirstFitDecreasing(Packing):
    """Partitioned, first fit decreasing: the lowest processor on which the node fits."""

    rule = "first-fit"

    def pick(self, task: TaskState, node: NodeSpec, options: Iterator[int]) -> int | None:
        return next(options, None)


class BestFitDecreasing(Packing):
    """Partitioned, best fit decreasing: the processor that is left with the least room."""

    rule = "best-fit"

    def pick(self, task: TaskState, node: NodeSpec, options: Iterator[int]) -> int | None:
        return min(options, key=lambda index: (self.left(task, node, index), index), default=None)


class WorstFitDecreasing(Packing):
    """Partitioned, worst fit decreasing: the processor that is left with the most room."""

    rule = "worst-fit"

    def pick(self, task: TaskState, node: NodeSpec, options: Iterator[int]) -> int | None:
        return min(options, key=lambda index: (-self.left(task, node, index), index), default=None)


class NextFitDecreasing(Packing):
    """Partitioned, next fit decreasing: the processor of the last node, or else the next ones in turn."""

    rule = "next-fit"

    def pick(self, task: TaskState, node: NodeSpec, options: Iterator[int]) -> int | None:
        first = None
        for index in options:
            first = index if first is None else first
            if index >= self.current:
                self.current = index
                return index
        if first is not None:
            self.current = first
        return first
