"""Placements: where a segment may run. Static ones answer per node before time starts; dynamic ones per segment."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from rtsched.errors import SchedulerError
from rtsched.model.policy import Homes, PlacementTraits, Rule

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.source import Source
    from rtsched.model.taskgraph import NodeSpec, SystemSpec
    from rtsched.schedulers.estimate import Estimator


class Placement:
    """A rule of places. Static: write `assign`, or `where`. Dynamic: set `dynamic` and write `choose`.

    Proofs know the built-in rules, and any that writes `assign`: places found from the description alone.
    """

    dynamic: ClassVar[bool] = False
    soc: Soc
    #: what segments are believed to need; there from after `setup` on, for dynamic ones
    estimator: Estimator

    def setup(self, soc: Soc) -> None:
        """Prepare, before time starts."""
        self.soc = soc
        self.assigned: Homes = [] if type(self).assign is Placement.assign else self.assign(soc.system)

    def assign(self, system: SystemSpec) -> Homes:
        """The processors of every node of every task, ascending, before time starts."""
        raise NotImplementedError

    def where(self, task: Source, node: NodeSpec) -> tuple[int, ...]:
        """The processors on which `node` may run under this rule, ascending."""
        home = self.assigned[task.index][node.index] if self.assigned else None
        return node.eligible if home is None else home

    def choose(self, segment: Segment) -> int:
        """Dynamic: the one processor on which `segment`, which has just become ready, is to run."""
        raise NotImplementedError

    def chosen(self, segment: Segment) -> int | None:
        """Dynamic: the processor that has been chosen for `segment` and not been forgotten, if any."""
        return None

    def forget(self, segment: Segment) -> None:
        """`segment` will be chosen for anew, since a processor has failed."""

    def traits(self, name: str) -> PlacementTraits:
        """What proofs may rely on: the rule of a built-in class, or what a plug-in assigns."""
        own = type(self).where is Placement.where and type(self).assign is not Placement.assign and not self.dynamic
        return PlacementTraits(name, _RULES.get(type(self)), self.assign if own else None)


class Global(Placement):
    """Every segment may use every processor that can run it, and may move at any time."""

    def where(self, task: Source, node: NodeSpec) -> tuple[int, ...]:
        return node.eligible


class Pinned(Placement):
    """Every node has been given its one processor in the file (``pin``, or only one processor can run it)."""

    def where(self, task: Source, node: NodeSpec) -> tuple[int, ...]:
        eligible = node.eligible
        if len(eligible) != 1:
            names = ", ".join(self.soc.processors[index].name for index in eligible)
            raise SchedulerError(
                f"placement 'pinned': node {node.name!r} of task {task.name!r} may run on {names}; give it a 'pin'"
            )
        return eligible


def utilisation(task: Source, node: NodeSpec, processor: int) -> Fraction:
    """The share of `processor` that `node` takes: its time there over the period (or the deadline, without one)."""
    time = node.times[processor]
    assert time is not None
    return _share(time, task.period or task.deadline)


@lru_cache(maxsize=1024)
def _share(time: int, span: int) -> Fraction:
    """Of thousands of processors nearly all ask for the same one."""
    return Fraction(time, span)


def _lightest(item: tuple[Source, NodeSpec]) -> Fraction:
    """Minus the smallest utilisation of a node over its processors: sorts the heaviest first."""
    task, node = item
    return -_share(node.fastest, task.period or task.deadline)


class _Packing(Placement):
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
        nodes.sort(key=_lightest)
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

    def pick(self, task: Source, node: NodeSpec, options: Iterator[int]) -> int | None:
        """Which of the processors on which the node fits, ascending, it gets; None if there is none."""
        raise NotImplementedError

    def left(self, task: Source, node: NodeSpec, index: int) -> Fraction:
        """The room that the node would leave on a processor."""
        return self.room[index] - utilisation(task, node, index)

    def where(self, task: Source, node: NodeSpec) -> tuple[int, ...]:
        return (self.home[task.index, node.index],)


class FirstFitDecreasing(_Packing):
    """Partitioned, first fit decreasing: the lowest processor on which the node fits."""

    def pick(self, task: Source, node: NodeSpec, options: Iterator[int]) -> int | None:
        return next(options, None)


class BestFitDecreasing(_Packing):
    """Partitioned, best fit decreasing: the processor that is left with the least room."""

    def pick(self, task: Source, node: NodeSpec, options: Iterator[int]) -> int | None:
        return min(options, key=lambda index: (self.left(task, node, index), index), default=None)


class WorstFitDecreasing(_Packing):
    """Partitioned, worst fit decreasing: the processor that is left with the most room."""

    def pick(self, task: Source, node: NodeSpec, options: Iterator[int]) -> int | None:
        return min(options, key=lambda index: (-self.left(task, node, index), index), default=None)


class NextFitDecreasing(_Packing):
    """Partitioned, next fit decreasing: the processor of the last node, or else the next ones in turn."""

    def pick(self, task: Source, node: NodeSpec, options: Iterator[int]) -> int | None:
        first = None
        for index in options:
            first = index if first is None else first
            if index >= self.current:
                self.current = index
                return index
        if first is not None:
            self.current = first
        return first


class Clustered(Placement):
    """Each node is given one cluster for good (the one with the most room left), and is global inside it."""

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        clusters: dict[str, list[Processor]] = {}
        for processor in soc.processors:
            clusters.setdefault(processor.cluster, []).append(processor)
        loads = dict.fromkeys(clusters, Fraction(0))
        self.home: dict[tuple[int, int], tuple[int, ...]] = {}
        nodes = [(task, node) for task in soc.tasks for node in task.nodes]
        nodes.sort(key=_lightest)
        for task, node in nodes:
            options: dict[str, list[int]] = {}
            for index in node.eligible:
                options.setdefault(soc.processors[index].cluster, []).append(index)
            added = {
                name: max(utilisation(task, node, index) for index in indices) / len(clusters[name])
                for name, indices in options.items()
            }
            best = min(options, key=lambda name: (loads[name] + added[name], options[name][0]))
            loads[best] += added[best]
            self.home[task.index, node.index] = tuple(options[best])

    def where(self, task: Source, node: NodeSpec) -> tuple[int, ...]:
        return self.home[task.index, node.index]


class EarliestFinish(Placement):
    """Each segment goes, when it becomes ready, to the queue in which it is expected to finish first.

    Expected by the scheduler's `Estimator`: what runs there, plus all that waits there, plus its own time there, with
    loads, copies (not before a link is up again, if it is down) and the present clocks. It then stays in that queue
    (minimum completion time, Maheswaran et al., JPDC 59, 1999). Greedy: it knows nothing of what comes later.
    """

    dynamic = True

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.queues: list[list[Segment]] = [[] for _ in soc.processors]

    def choose(self, segment: Segment) -> int:
        index = min(segment.node.eligible, key=lambda index: (self._down(index), self._finish(segment, index), index))
        self.queues[index].append(segment)
        return index

    def forget(self, segment: Segment) -> None:
        for queue in self.queues:
            if segment in queue:
                queue.remove(segment)

    def _down(self, index: int) -> bool:
        return not self.soc.available(self.soc.processors[index])

    def _finish(self, segment: Segment, index: int) -> int:
        """The expected time from now until `segment` would be done on processor `index`, in ns."""
        queue = self.queues[index] = [waiting for waiting in self.queues[index] if waiting.state in _ALIVE]
        return self.estimator.idle().queue([*queue, segment], index)

    def chosen(self, segment: Segment) -> int | None:
        return next((index for index, queue in enumerate(self.queues) if segment in queue), None)


#: The placements that proofs know; a class derived from one of them may do anything.
_RULES: dict[type[Placement], Rule] = {
    Global: "global",
    Pinned: "pinned",
    Clustered: "clustered",
    FirstFitDecreasing: "first-fit",
    BestFitDecreasing: "best-fit",
    WorstFitDecreasing: "worst-fit",
    NextFitDecreasing: "next-fit",
}

_ALIVE = (1, 2, 3)  # ready, running, blocked: see rtsched.engine.job
