"""The tasks of a set: plain ones, task graphs over clusters, times on unrelated clusters, mixes of networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtsched.generate.coverage import Coverage
from rtsched.generate.graphs import ErdosRenyi, ForkJoin, Layered, Shape, parts, types
from rtsched.generate.groups import Group
from rtsched.generate.loads import LoadSampler, TaskSet
from rtsched.generate.mixes import Pool
from rtsched.generate.unrelated import UnrelatedClusters

#: A stream of random numbers by its purpose.
Streams = Callable[[str], np.random.Generator]
#: The work of a task, and the time by which deadlines are measured.
Work = tuple[dict[str, Any], int]


class Plain:
    """One execution time for each task, on the processors of its group."""

    def __init__(self, loads: LoadSampler) -> None:
        self.loads = loads
        self.gap = loads.periods.key
        self.places = [None if group.plain else group.name for group in loads.groups for _ in range(group.count)]
        self.named = any(place is not None for place in self.places)
        self.names = [f"t{number}" for number in range(len(self.places))]

    def draw(self, streams: Streams) -> TaskSet:
        """The tasks of one set."""
        times, periods, reached = self.loads.draw(streams("set"))
        gap = self.gap
        rows = zip(self.names, times.tolist(), periods.tolist(), strict=True)
        tasks: list[dict[str, Any]] = [{"name": name, "wcet": time, gap: period} for name, time, period in rows]
        if self.named:
            for task, place in zip(tasks, self.places, strict=True):
                if place is not None:
                    task["wcet"] = {place: task["wcet"]}
        return TaskSet(tasks, times, periods, reached)


class _Built:
    """Tasks whose work is made one after the other."""

    loads: LoadSampler
    least = 1

    def draw(self, streams: Streams) -> TaskSet:
        """The tasks of one set."""
        times, periods, reached = self.loads.draw(streams("set"), self.least)
        count = self.loads.groups[0].count
        each, gap = periods[:count].tolist(), self.loads.periods.key
        works = self.works(times.reshape(-1, count).T.tolist(), streams)
        tasks = [
            {"name": f"t{number}", **work, gap: period}
            for number, ((work, _), period) in enumerate(zip(works, each, strict=True))
        ]
        return TaskSet(tasks, np.array([time for _, time in works], dtype=np.int64), periods[:count], reached)

    def works(self, times: list[list[int]], streams: Streams) -> list[Work]:
        """The work of each task, out of its time on each group."""
        raise NotImplementedError


class Graphs(_Built):
    """Task graphs whose nodes are each for one group; a task's time on a group is shared out among its nodes there."""

    def __init__(self, loads: LoadSampler, law: ErdosRenyi | Layered | ForkJoin) -> None:
        self.loads, self.law = loads, law
        groups = loads.groups
        self.weights = [1.0 if law.types is None else law.types[group.name] for group in groups]
        self.least = law.most

    def works(self, times: list[list[int]], streams: Streams) -> list[Work]:
        """The graph of each task."""
        random = streams("graph")
        return [self._work(random, each) for each in times]

    def _work(self, random: np.random.Generator, times: list[int]) -> Work:
        shape = self.law.draw(random)
        kinds = types(random, shape.count, self.weights) if len(times) > 1 else [0] * shape.count
        shares = [iter(parts(random, time, kinds.count(kind))) for kind, time in enumerate(times)]
        nodes = [(self.loads.groups[kind], next(shares[kind])) for kind in kinds]
        return _graph(shape, [_time(group, time) for group, time in nodes]), shape.longest([time for _, time in nodes])


class UnrelatedTimes(_Built):
    """Tasks, or the nodes of their graphs, with a time of their own on each cluster."""

    def __init__(
        self,
        loads: LoadSampler,
        law: UnrelatedClusters,
        clusters: dict[str, float],
        graph: ErdosRenyi | Layered | ForkJoin | None,
    ) -> None:
        self.loads, self.law, self.graph = loads, law, graph
        self.clusters = list(clusters)
        self.slow_downs = np.array(list(clusters.values()))
        self.least = 1 if graph is None else graph.most

    def works(self, times: list[list[int]], streams: Streams) -> list[Work]:
        """The times of each task, or its graph with the times of each node."""
        if self.graph is None:
            spread = self._spread([time for (time,) in times], streams)
            return [({"wcet": wcet}, time) for wcet, (time,) in zip(spread, times, strict=True)]
        random = streams("graph")
        shapes = [self.graph.draw(random) for _ in times]
        shared = [parts(random, time, shape.count) for (time,), shape in zip(times, shapes, strict=True)]
        spread = self._spread([part for each in shared for part in each], streams)
        nodes = iter(spread)
        return [
            (_graph(shape, [next(nodes) for _ in each]), shape.longest(each))
            for shape, each in zip(shapes, shared, strict=True)
        ]

    def _spread(self, times: list[int], streams: Streams) -> list[dict[str, int]]:
        """The times on each cluster of what takes so long on its fastest."""
        factors = self.law.factors(streams("unrelated"), len(times), len(self.clusters)) * self.slow_downs
        spread = np.rint(np.array(times)[:, None] * factors)
        return [
            {name: int(time) for name, time in zip(self.clusters, row, strict=True) if time == time}
            for row in spread.tolist()
        ]


class Mixes:
    """Networks at rates, each on a processor of its group."""

    def __init__(self, pools: list[Pool], coverage: Coverage | None = None) -> None:
        self.pools = pools
        self.coverage = coverage

    def draw(self, streams: Streams) -> TaskSet:
        """The tasks of one set."""
        random = streams("set")
        drawn = [(pool.group, option, rate) for pool in self.pools for option, rate in pool.draw(random)]
        lacking = None if self.coverage is None else self.coverage.draw(streams("coverage"))
        tasks: list[dict[str, Any]] = []
        for number, (group, option, rate) in enumerate(drawn):
            work = option.as_given()
            if self.coverage is not None and lacking is not None:
                work = self.coverage.cut(work, option.name, lacking)
            place = {} if lacking is not None else {"processors": [group.name]}
            tasks.append({"name": f"{option.name}_{number}", **work, "rate": rate, **place})
        reached = [
            sum(option.time / rate for group, option, rate in drawn if group is pool.group) for pool in self.pools
        ]
        times = np.array([option.time for _, option, _ in drawn], dtype=np.int64)
        return TaskSet(tasks, times, np.array([rate for _, _, rate in drawn], dtype=np.int64), reached)


def _time(group: Group, time: int) -> int | dict[str, int]:
    return time if group.plain else {group.name: time}


def _graph(shape: Shape, times: list[Any]) -> dict[str, Any]:
    """A graph as a system file has it."""
    nodes = {f"n{number}": {"wcet": time} for number, time in enumerate(times)}
    return {"graph": {"nodes": nodes, "edges": [[f"n{source}", f"n{target}"] for source, target in shape.edges]}}
