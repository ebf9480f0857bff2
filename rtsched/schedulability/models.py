"""The models that theorems speak of, in the letters of the literature. All times are integers (ns, or ticks in tests).

C worst-case execution time, T minimum inter-arrival time, D relative deadline, J release jitter, B blocking,
S self-suspension. Tasks stand in the order of their priorities, most urgent first, wherever priorities matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeVar

from rtsched.model.policy import Mode as Mode
from rtsched.model.policy import Order as Order

#: What vertices of a graph are weighed in.
Weight = TypeVar("Weight", int, Fraction)


def total(shares: Sequence[tuple[int, int]]) -> Fraction:
    """Σ C / T of (C, T), added up over the common multiple of all T: many times as fast as one by one.

    >>> total([(1, 2), (1, 6)])
    Fraction(2, 3)
    """
    whole = math.lcm(*(T for _, T in shares))
    return Fraction(sum(C * (whole // T) for C, T in shares), whole)


class Cut:
    """Work of `C` ticks that is cut into `regions`; it can be preempted anywhere where it is `preemptible`."""

    __slots__ = ()

    C: int
    regions: tuple[int, ...]
    preemptible: bool

    def region(self, mode: Mode) -> int:
        """The longest time for which it cannot be preempted: 1 tick in preemptive mode."""
        if mode == "preemptive" or self.preemptible:
            return 1
        return max(self.regions) if mode == "limited" and self.regions else self.C

    def last_region(self, mode: Mode) -> int:
        """The region that ends it: once that has begun, nothing delays it any more."""
        if mode == "preemptive" or self.preemptible:
            return 1
        return self.regions[-1] if mode == "limited" and self.regions else self.C

    def pieces(self, mode: Mode) -> tuple[int, ...]:
        """What of it cannot be preempted, one after the other; nothing where it can be at any time."""
        if mode == "preemptive" or self.preemptible:
            return ()
        return self.regions if mode == "limited" and self.regions else (self.C,)


@dataclass(frozen=True, slots=True)
class Sporadic(Cut):
    """A sporadic task of one segment. `regions`, if any, sum to C: what cannot be preempted in limited mode.

    `B` is blocking added once to each of its busy periods, on top of what lower-priority regions cause; `S` is the
    most that a job suspends itself. `blocker` names what B comes from. A `preemptible` task can be preempted anywhere
    also where the others cannot.
    """

    name: str
    C: int
    T: int
    D: int
    J: int = 0
    B: int = 0
    S: int = 0
    regions: tuple[int, ...] = ()
    blocker: str = "locks"
    preemptible: bool = False

    @property
    def U(self) -> Fraction:
        """Utilisation C / T."""
        return Fraction(self.C, self.T)


@dataclass(frozen=True)
class Uniprocessor:
    """Independent sporadic tasks on one processor."""

    tasks: tuple[Sporadic, ...]
    order: Order = "FP"
    mode: Mode = "preemptive"
    name: str = "processor"

    @property
    def whole(self) -> bool:
        """Whether no task suspends itself."""
        return not any(task.S for task in self.tasks)

    @cached_property
    def U(self) -> Fraction:
        """Total utilisation."""
        return total([(task.C, task.T) for task in self.tasks])


@dataclass(frozen=True)
class Cluster:
    """Independent sporadic tasks on `m` identical processors, free to migrate, globally scheduled."""

    tasks: tuple[Sporadic, ...]
    m: int
    order: Order = "FP"
    mode: Mode = "preemptive"
    name: str = "cluster"

    @cached_property
    def U(self) -> Fraction:
        """Total utilisation."""
        return total([(task.C, task.T) for task in self.tasks])


@dataclass(frozen=True, slots=True)
class Vertex:
    """A vertex of a typed DAG: at most `c` ticks on a processor of type `type`; `regions` in limited mode.

    A `preemptible` vertex can be preempted anywhere also where others cannot; only on types with one processor. `least`
    is the least that it takes: 0 where a job may leave it out.
    """

    name: str
    c: int
    type: str
    regions: tuple[int, ...] = ()
    preemptible: bool = False
    least: int = 1

    def region(self, mode: Mode) -> int:
        """The longest time for which it cannot be preempted (1 tick in preemptive mode)."""
        if mode == "preemptive" or self.preemptible:
            return 1
        return max(self.regions) if mode == "limited" and self.regions else self.c

    def waits(self, mode: Mode) -> int:
        """How often it can begin to wait behind a region of lower priority."""
        if mode == "preemptive":
            return 0
        # one that is preemptible, alone on its processor, waits behind a region only when it becomes ready
        return max(1, len(self.regions)) if mode == "limited" and not self.preemptible else 1


def _sets(places: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Each in order, and nothing twice."""
    return tuple([tuple(each) if len(each) < 2 else tuple(sorted(set(each))) for each in places])


@dataclass(frozen=True)
class Dag:
    """A directed acyclic graph of typed vertices; `edges` are pairs of positions."""

    vertices: tuple[Vertex, ...]
    edges: tuple[tuple[int, int], ...] = ()

    @cached_property
    def successors(self) -> tuple[tuple[int, ...], ...]:
        """Per vertex the positions that follow it directly."""
        after: list[list[int]] = [[] for _ in self.vertices]
        for source, target in self.edges:
            after[source].append(target)
        return _sets(after)

    @cached_property
    def predecessors(self) -> tuple[tuple[int, ...], ...]:
        """Per vertex the positions directly before it."""
        before: list[list[int]] = [[] for _ in self.vertices]
        for source, target in self.edges:
            before[target].append(source)
        return _sets(before)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The positions in a topological order; ValueError if there is a cycle."""
        left = [0] * len(self.vertices)
        for after in self.successors:
            for target in after:
                left[target] += 1
        free = [index for index, count in enumerate(left) if not count]
        for index in free:
            for target in self.successors[index]:
                left[target] -= 1
                if not left[target]:
                    free.append(target)
        if len(free) < len(self.vertices):
            raise ValueError("the graph has a cycle")
        return tuple(free)

    @cached_property
    def volumes(self) -> dict[str, int]:
        """The work of each type that occurs, by type, in the order of their first vertices."""
        found: dict[str, int] = {}
        for vertex in self.vertices:
            found[vertex.type] = found.get(vertex.type, 0) + vertex.c
        return found

    @cached_property
    def volume(self) -> int:
        """The sum of all vertices."""
        return sum([vertex.c for vertex in self.vertices])

    def width(self, kind: str) -> int:
        """A bound on how many vertices of a type can run at once: of those on one path never two do."""
        if kind not in self._widths:
            here = [int(vertex.type == kind) for vertex in self.vertices]
            self._widths[kind] = sum(here) - self.heaviest(here)[0] + 1
        return self._widths[kind]

    @cached_property
    def _widths(self) -> dict[str, int]:
        return {}

    def chains(self, kind: str, most: int) -> tuple[int, ...]:
        """The work of a type on paths that share none, the longest first: each the longest of what the others left.

        At most so many paths; what is on none of them is not said.
        """
        known = self._chains.setdefault(
            kind, ([], [vertex.c if vertex.type == kind else 0 for vertex in self.vertices])
        )
        lengths, left = known
        while len(lengths) < most and any(left):
            best, follow = left[:], [-1] * len(left)
            for index in reversed(self.order):
                for target in self.successors[index]:
                    if left[index] + best[target] > best[index]:
                        best[index], follow[index] = left[index] + best[target], target
            index = best.index(max(best))
            lengths.append(best[index])
            while index >= 0:
                left[index] = 0
                index = follow[index]
        return tuple(lengths[:most])

    @cached_property
    def _chains(self) -> dict[str, tuple[list[int], list[int]]]:
        return {}

    def heaviest(self, weights: Sequence[Weight]) -> tuple[Weight, tuple[int, ...]]:
        """The largest sum of `weights` along a path, and that path (the lexicographically smallest one)."""
        if len(weights) == 1 and not self.edges:
            return weights[0], (0,)
        best = list(weights)
        follow: list[int | None] = [None] * len(best)
        for index in reversed(self.order):
            after = max(self.successors[index], key=lambda target: (best[target], -target), default=None)
            if after is not None:
                follow[index] = after
                best[index] += best[after]
        sources = [index for index, before in enumerate(self.predecessors) if not before]
        start: int | None = max(sources, key=lambda index: (best[index], -index))
        assert start is not None
        length = best[start]
        path: list[int] = []
        while start is not None:
            path.append(start)
            start = follow[start]
        return length, tuple(path)

    @cached_property
    def length(self) -> int:
        """The longest path."""
        return self.heaviest([vertex.c for vertex in self.vertices])[0]


@dataclass(frozen=True, slots=True)
class DagTask:
    """A sporadic task whose jobs are DAGs; its jobs do not overlap.

    Unless what runs when a job ends early `drains`, beside the next job: where one `missed` its deadline, or also where
    it left by one of its `exits`.
    """

    name: str
    dag: Dag
    T: int
    D: int
    J: int = 0
    drains: Literal["", "missed", "exits"] = ""

    def overlaps(self, missing: bool = False) -> bool:
        """Whether jobs may run beside each other, if none misses its deadline, or even where some do (`missing`)."""
        return bool(self.drains) and (missing or (self.drains == "exits" and self.D > self.T))


@dataclass(frozen=True)
class Queues:
    """What serves the queue of each type of processors, where that differs: its order.

    `ranks` name the tasks of a type under fixed priorities, the most urgent first.
    """

    orders: dict[str, Order]
    ranks: dict[str, tuple[str, ...]]

    def may_precede(self, kind: str, one: str, other: str) -> bool:
        """Whether work of task `one` that is ready may go before work of `other` on a type."""
        if self.orders.get(kind) != "FP":
            return True
        return self.ranks[kind].index(one) < self.ranks[kind].index(other)


@dataclass(frozen=True)
class TypedPools:
    """DAG tasks on pools: `cores[s]` identical processors of type s, `modes[s]` how they are preempted.

    With `queues` each type has an order of its own, and `order` is that of none.
    """

    tasks: tuple[DagTask, ...]
    cores: dict[str, int]
    order: Order = "FP"
    modes: dict[str, Mode] | None = None
    name: str = "pools"
    queues: Queues | None = None

    @cached_property
    def spreads(self) -> dict[tuple[str, ...], tuple[int, dict[str, int]]]:
        """For `spread`: what has been added up already."""
        return {}

    def spread(self, kinds: Sequence[str]) -> tuple[int, dict[str, int]]:
        """Per task the sum of its volumes over the processors of each of `kinds`, in units of 1/(the first result)."""
        key = tuple(kinds)
        if key not in self.spreads:
            scale = math.lcm(*(self.cores[kind] for kind in key))
            each = {kind: scale // self.cores[kind] for kind in key}
            sums = {
                task.name: sum(volume * each.get(kind, 0) for kind, volume in task.dag.volumes.items())
                for task in self.tasks
            }
            self.spreads[key] = scale, sums
        return self.spreads[key]

    @cached_property
    def regions(self) -> dict[str, list[tuple[int, str, DagTask]]]:
        """By type, what cannot be preempted: its ticks beyond one (if any), who, and whose; largest first."""
        found: dict[str, list[tuple[int, str, DagTask]]] = {kind: [] for kind in self.cores}
        for task in self.tasks:
            for vertex in task.dag.vertices:
                size = vertex.region(self.mode(vertex.type)) - 1
                if size:
                    found[vertex.type].append((size, f"{task.name} {vertex.name}".rstrip(), task))
        for each in found.values():
            each.sort(key=lambda item: (-item[0], item[1]))
        return found

    def serves_in_order(self, kind: str) -> bool:
        """Whether of a job's vertices that are ready for a type the one that stands first runs, and preempts others."""
        return self.order_on(kind) in ("FP", "EDF") and self.mode(kind) == "preemptive"

    def order_on(self, kind: str) -> Order | None:
        """What serves the queue of a type."""
        return self.order if self.queues is None else self.queues.orders.get(kind)

    def mode(self, kind: str) -> Mode:
        """How the processors of a type are preempted."""
        return "preemptive" if self.modes is None else self.modes.get(kind, "preemptive")


@dataclass(frozen=True, slots=True)
class Stage(Cut):
    """A segment of a pipeline: `C` ticks on `processor`; `regions` in limited mode; `preemptible` all the same.

    `least` is the least that it takes: 0 where a job may leave it out.
    """

    processor: str
    C: int
    regions: tuple[int, ...] = ()
    preemptible: bool = False
    least: int = 1


@dataclass(frozen=True, slots=True)
class PipelineTask:
    """A sporadic task whose jobs pass through `stages` one after the other."""

    name: str
    stages: tuple[Stage, ...]
    T: int
    D: int
    J: int = 0


@dataclass(frozen=True)
class Pipelines:
    """Pipelines on partitioned processors, fixed priorities; `fixed_times`: every stage takes exactly its C.

    With `queues` each processor has an order of its own: under any but fixed priorities all others may go first.
    """

    tasks: tuple[PipelineTask, ...]
    modes: dict[str, Mode]
    fixed_times: bool = False
    name: str = "pipelines"
    queues: Queues | None = None

    def by_priority(self, processor: str) -> bool:
        """Whether fixed priorities serve the queue of a processor."""
        return self.queues is None or self.queues.orders.get(processor) == "FP"

    def above(self, i: int, processor: str) -> list[int]:
        """The tasks whose stages may go before those of task i on a processor, by position."""
        if self.queues is None:
            return list(range(i))
        return [j for j in range(len(self.tasks)) if self._first(j, i, processor, self.queues)]

    def below(self, i: int, processor: str) -> list[int]:
        """The other tasks, whose stages can only have begun before those of task i are ready."""
        if self.queues is None:
            return list(range(i + 1, len(self.tasks)))
        return [j for j in range(len(self.tasks)) if j != i and not self._first(j, i, processor, self.queues)]

    def _first(self, j: int, i: int, processor: str, queues: Queues) -> bool:
        used = (any(stage.processor == processor for stage in self.tasks[k].stages) for k in (i, j))
        return j != i and all(used) and queues.may_precede(processor, self.tasks[j].name, self.tasks[i].name)
