"""Band's plan: how to cut what is left of a network into subgraphs, and on which worker to run each.

Jeong et al., "Band: coordinated multi-DNN inference on heterogeneous mobile processors", MobiSys 2022, as its public code
does it. A *unit* is a node of the task graph; a *worker* is a processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush
from itertools import accumulate
from typing import NamedTuple

from rtsched.model.taskgraph import NodeSpec

#: Later than any end of a plan, even over workers that are out of service.
_NEVER = 1 << 80


class Key(NamedTuple):
    """A subgraph: the units `first` to `last` (both included) on worker `processor`."""

    first: int
    last: int
    processor: int


class Plan(NamedTuple):
    """The time in ns from now to the end of the network, and the subgraphs that attain it, in order."""

    latency: int
    pieces: tuple[Key, ...]


class Units:
    """The units of one network and what every subgraph of them is expected to take.

    Units are the nodes in topological order, the lowest index first where several could follow; ``nodes[unit]`` is the
    index of the node. A subgraph exists on a worker if the worker can run all its units. Its expected time is first its
    profile (the sum of its nodes' times), then a moving average of what was measured for that very subgraph: avg becomes
    smoothing * measured + (1 - smoothing) * avg, exactly, rounded down to a whole ns (Band: µs).

    A plan may use every subgraph (`merge`), or those of a single unit only.
    """

    def __init__(self, nodes: Sequence[NodeSpec], merge: bool = True, smoothing: Fraction = Fraction(1, 10)) -> None:
        self.nodes = topological(nodes)
        self.count = len(self.nodes)
        self.smoothing = smoothing
        self._averages: dict[Key, int] = {}
        times = [nodes[index].times for index in self.nodes]
        self._sums = [list(accumulate((row[p] or 0 for row in times), initial=0)) for p in range(len(times[0]))]
        self._reach = [_reach([row[p] is not None for row in times]) for p in range(len(times[0]))]
        #: for each last unit, from the shortest subgraph to the longest: (first unit, [(processor, expected), ...])
        self.choices = [self._choices(last, last if not merge else 0) for last in range(self.count)]

    def _choices(self, last: int, least: int) -> list[tuple[int, list[tuple[int, int]]]]:
        found = []
        for first in range(last, least - 1, -1):
            keys = [Key(first, last, p) for p in range(len(self._sums))]
            options = [(key.processor, self.expected(key)) for key in keys if self.available(key)]
            if not options:
                break  # a longer one contains this one
            found.append((first, options))
        return found

    def available(self, key: Key) -> bool:
        """Whether the worker can run every unit of the subgraph."""
        return self._reach[key.processor][key.first] > key.last

    def profiled(self, key: Key) -> int:
        """The planned time of the subgraph in ns."""
        sums = self._sums[key.processor]
        return sums[key.last + 1] - sums[key.first]

    def expected(self, key: Key) -> int:
        """The moving average of the subgraph's time in ns."""
        return self._averages.get(key) or self.profiled(key)

    def observe(self, key: Key, measured: int) -> None:
        """The subgraph has just taken `measured` ns."""
        part, whole = self.smoothing.as_integer_ratio()
        time = max(1, (part * measured + (whole - part) * self.expected(key)) // whole)
        self._averages[key] = time
        place = key.last - key.first
        if place < len(self.choices[key.last]):
            options = self.choices[key.last][place][1]
            options[:] = [(p, time if p == key.processor else other) for p, other in options]


def best_plan(units: Units, start: int, waiting: Sequence[int]) -> Plan:
    """The plan of least latency for the units from `start` to the last, `waiting` being ns per worker.

    memo[last] is the least, over the subgraphs (first..last, w), of expected + max(waiting[w], memo[first - 1]), where
    memo[start - 1] = 0. A worker's waiting time is not lengthened by the plan's own earlier pieces, and data moves for
    nothing. Of equals the shorter last piece wins, then the worker listed last. O(units² · workers).
    """
    ends = [0] * (units.count + 1)
    cuts = [(0, 0)] * units.count
    for last in range(start, units.count):
        least = _NEVER
        cut = (last, -1)
        for first, options in units.choices[last]:
            if first < start:
                break
            begin = ends[first]
            shortest = _NEVER
            place = -1
            for processor, time in options:
                free = waiting[processor]
                end = time + (free if free > begin else begin)
                if end <= shortest:
                    shortest = end
                    place = processor
            if shortest < least:
                least = shortest
                cut = (first, place)
        ends[last + 1] = least
        cuts[last] = cut
    pieces = []
    last = units.count - 1
    while last >= start:
        first, place = cuts[last]
        pieces.append(Key(first, last, place))
        last = first - 1
    return Plan(ends[units.count], tuple(reversed(pieces)))


def topological(nodes: Sequence[NodeSpec]) -> tuple[int, ...]:
    """The indices of the nodes, each after all it needs; of several that could follow, the lowest first."""
    waits = [len(node.predecessors) for node in nodes]
    free = [node.index for node in nodes if not node.predecessors]
    heapify(free)
    order = []
    while free:
        index = heappop(free)
        order.append(index)
        for follower in nodes[index].successors:
            waits[follower] -= 1
            if not waits[follower]:
                heappush(free, follower)
    return tuple(order)


def _reach(supported: list[bool]) -> list[int]:
    """For each unit the first unit from it on that is not supported."""
    reach = [len(supported)] * len(supported)
    barrier = len(supported)
    for unit in range(len(supported) - 1, -1, -1):
        if not supported[unit]:
            barrier = unit
        reach[unit] = barrier
    return reach
