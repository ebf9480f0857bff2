"""Band's plan: how to cut what is left of a network into subgraphs, and on which worker to run each.

Jeong et al., "Band: coordinated multi-DNN inference on heterogeneous mobile processors", MobiSys 2022, as its public
code does it. A *unit* is a node of the task graph; a *worker* is a processor. Below: the estimates of subgraphs, the
plan, and the queues of workers with their waiting times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from rtsched.model.taskgraph import NodeSpec

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.processor import Processor

#: The waiting time in ns of a worker that is out of service (INT_MAX / 2 in Band).
OUT_OF_SERVICE = 1 << 61
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

    Units are the nodes in topological order, the lowest index first where several could follow; ``nodes[unit]`` is
    the index of the node. A subgraph exists on a worker if the worker can run all its units. Its expected time is first
    its profile (the sum of its nodes' times), then a moving average of what was measured for that very subgraph: avg
    becomes smoothing * measured + (1 - smoothing) * avg, exactly, rounded down to a whole ns (Band: µs).

    A plan may use every subgraph (`merge`), or those of a single unit only.
    """

    def __init__(
        self,
        nodes: Sequence[NodeSpec],
        merge: bool = True,
        smoothing: Fraction = Fraction(1, 10),
        believed: Callable[[NodeSpec, int], int | None] | None = None,
    ) -> None:
        self.specs = nodes
        self.nodes = topological(nodes)
        self.count = len(self.nodes)
        self.merge = merge
        self.smoothing = smoothing
        self._averages: dict[Key, int] = {}
        places = range(len(nodes[0].times))
        ask = believed or (lambda node, place: node.times[place])
        columns = [[ask(nodes[index], place) for index in self.nodes] for place in places]
        self._reach = [_reach([time is not None for time in column]) for column in columns]
        self._sums: list[list[int]] = []
        self.profile([[time or 0 for time in column] for column in columns])

    def profile(self, columns: list[list[int]]) -> None:
        """Take these for the profiles: per processor the time in ns of every unit (0 where it cannot run).

        What was measured is believed to have changed as the profiles have.
        """
        before = self._sums
        self._sums = [list(accumulate(column, initial=0)) for column in columns]
        for key, average in self._averages.items():
            sums = before[key.processor]
            old = sums[key.last + 1] - sums[key.first]
            self._averages[key] = max(1, average * self.profiled(key) // old) if old else average
        #: for each last unit, from the shortest subgraph to the longest: (first unit, [(processor, expected), ...])
        self.choices = [self._choices(last, 0 if self.merge else last) for last in range(self.count)]

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


class Costs:
    """What a subgraph takes on a worker before it makes progress, in ns: loads of weights, and copies.

    `loads` are by processor, each due for the first subgraph of a plan on it. `places` says where the units that are
    done ran, `copy` what a link needs for a copy. The cost of switching is not here: it is the same each time, and
    Band's averages learn it.
    """

    def __init__(
        self,
        loads: list[int],
        units: Units,
        places: Sequence[int],
        clusters: Sequence[str],
        copy: Callable[[NodeSpec, int], int],
    ) -> None:
        self.loads = loads
        self.copy = copy
        self.units = units
        self.places = tuple(places)
        self.clusters = clusters
        self.copying = any(node.copies for node in units.specs)

    def of(self, key: Key, before: tuple[int, ...]) -> int:
        """The cost of a subgraph if the units between the done ones and it run on the processors `before`."""
        cost = 0
        if self.loads[key.processor] and key.processor not in before:
            cost = self.loads[key.processor]
        if self.copying:
            where = dict(zip(self.units.nodes, self.places + before, strict=False))
            cluster = self.clusters[key.processor]
            for unit in range(key.first, key.last + 1):
                for copy in self.units.specs[self.units.nodes[unit]].copies:
                    if copy.source in where:
                        link = copy.links.get((self.clusters[where[copy.source]], cluster))
                        cost += 0 if link is None else self.copy(copy.node, link)
        return cost


def best_plan(units: Units, start: int, waiting: Sequence[int], costs: Costs | None = None) -> Plan:
    """The plan of least latency for the units from `start` to the last, `waiting` being ns per worker.

    memo[last] is the least, over the subgraphs (first..last, w), of expected + max(waiting[w], memo[first - 1]), where
    memo[start - 1] = 0, and of its `costs` (ours: Band has none), if there are any. A worker's waiting time is not
    lengthened by the plan's own earlier pieces. Of equals the shorter last piece wins, then the worker listed last.
    O(units² · workers).

    As profiles add up, a merged subgraph never beats its units before measurements make it look faster.
    """
    ends = [0] * (units.count + 1)
    cuts = [(0, 0)] * units.count
    homes: list[tuple[int, ...]] = [()] * (units.count + 1)
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
                if costs is not None:
                    end += costs.of(Key(first, last, processor), homes[first])
                if end <= shortest:
                    shortest = end
                    place = processor
            if shortest < least:
                least = shortest
                cut = (first, place)
        ends[last + 1] = least
        if costs is not None:
            homes[last + 1] = homes[cut[0]] + (cut[1],) * (last + 1 - cut[0])
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


class Request:
    """A job that wants to be served: the units before `start` are done, those from it on are not."""

    __slots__ = ("job", "start", "units")

    def __init__(self, job: Job, units: Units) -> None:
        self.job = job
        self.units = units
        self.start = 0

    @property
    def state(self) -> tuple[int, int]:
        """Network and progress: requests of the same state have the same plans."""
        return self.job.task.index, self.start

    def rest(self, processor: int) -> Key:
        """All that is left, on one worker."""
        return Key(self.start, self.units.count - 1, processor)


class Run:
    """A subgraph in the queue of a worker, the first of which runs since `started` (-1: not yet).

    `afresh`: it began with nothing done, so that its time says something about the subgraph. `cost` is what it is
    believed to take in ns before it makes progress.
    """

    __slots__ = ("afresh", "cost", "key", "request", "started")

    def __init__(self, request: Request, key: Key, cost: int = 0) -> None:
        self.request = request
        self.key = key
        self.cost = cost
        self.started = -1
        self.afresh = True

    @property
    def expected(self) -> int:
        """The believed time of the whole subgraph in ns, from its start."""
        return self.cost + self.request.units.expected(self.key)


class Worker(NamedTuple):
    """A processor and its queue: what runs comes first."""

    processor: Processor
    runs: deque[Run]

    def waiting(self, now: int) -> int:
        """What the queue is expected to take still, in ns: an overrun counts for nothing."""
        if not self.runs:
            return 0
        head = self.runs[0]
        elapsed = 0 if head.started < 0 else now - head.started
        return sum(run.expected for run in self.runs) - min(elapsed, head.expected)
