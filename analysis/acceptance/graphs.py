"""Random graphs as published evaluations draw them, on equal cores, pools, pinned, as pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cases import Case, Draw, Random, chain, processors

from rtsched.generate.graphs import ErdosRenyi, ForkJoin, Shape
from rtsched.generate.periods import LogUniform
from rtsched.generate.utilisations import UUniFast
from rtsched.model.platform import Kind
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import Dag, DagTask, Vertex
from rtsched.schedulability.theorems.federated import Federated
from rtsched.units import MS


@dataclass(frozen=True)
class Graph:
    """A drawn graph: its shape, the time of each node, its period (and deadline)."""

    shape: Shape
    works: tuple[int, ...]
    T: int

    @property
    def volume(self) -> int:
        """The work of a job."""
        return sum(self.works)


def melani(random: Random, U: float, *, beta: float = 0.28) -> list[Graph]:
    """Nested fork-joins with edges added, as tasks until their load is U (Melani et al. 2015).

    Two levels of 2 to 6 branches, which fork again with chance 0.8; times uniform in [1, 100]; an edge between two
    nodes with chance 0.2 a node; T uniform in [len, vol / beta], that of the last task as the load asks for.
    """
    found: list[Graph] = []
    left = U
    while True:
        shape = ForkJoin(kind="fork-join", depth=2, branches=(2, 6), probability=0.8).draw(random)
        works = tuple(int(each) for each in random.integers(1, 100, shape.count, endpoint=True))
        shape = _denser(random, shape, 0.2)
        volume, length = sum(works), shape.longest(list(works))
        T = int(random.integers(length, max(length + 1, int(volume / beta)), endpoint=True))
        if volume / T >= left:
            T = round(volume / left)
            if length <= T:
                return [*found, Graph(shape, works, T)]
            continue  # too long a path for what is left: draw anew
        found.append(Graph(shape, works, T))
        left -= volume / T


def _denser(random: Random, shape: Shape, chance: float) -> Shape:
    """The same with one more edge to a node, from an earlier one (edges lead to larger numbers), at this chance."""
    edges = set(shape.edges)
    for target in range(1, shape.count):
        source = int(random.integers(0, target))
        if random.random() < chance:
            edges.add((source, target))
    return Shape(shape.count, sorted(edges))


def by_period(graphs: Sequence[Graph]) -> list[Graph]:
    """The shortest period first."""
    return sorted(graphs, key=lambda graph: graph.T)


def as_system(
    graphs: Sequence[Graph], chip: tuple[ProcessorSpec, ...], places: Sequence[Sequence[Sequence[int]]], *, pinned: bool
) -> SystemSpec:
    """A system of graphs; `places` lists the processors of each node."""
    tasks = []
    for index, (graph, where) in enumerate(zip(graphs, places, strict=True)):
        nodes = tuple(
            NodeSpec(
                node, f"n{node}", tuple(work if here in where[node] else None for here in range(len(chip))),
                tuple(sorted({a for a, b in graph.shape.edges if b == node})),
                tuple(sorted({b for a, b in graph.shape.edges if a == node})), pinned=pinned,
            )
            for node, work in enumerate(graph.works)
        )  # fmt: skip
        tasks.append(TaskSpec(index, f"t{index}", nodes, graph.T, graph.T, index))
    return SystemSpec(chip, tuple(tasks), "drawn")


def equal_cores(ordering: str, mode: str, m: int = 4) -> Draw:
    """Graphs on equal cores, global, theorem by theorem."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        graphs = melani(random, U)
        system = as_system(graphs, processors(("cpu", "cpu", m)), _anywhere(graphs, m), pinned=False)
        return {"": Case(system, {"ordering": ordering, "placement": "global", "preemption": mode})}

    return draw


def _anywhere(graphs: Sequence[Graph], m: int) -> list[list[range]]:
    return [[range(m)] * len(graph.works) for graph in graphs]


def dags(graphs: Sequence[Graph], kinds: Sequence[Sequence[str]]) -> tuple[DagTask, ...]:
    """The same as tasks of a model."""
    return tuple(
        DagTask(
            f"t{index}",
            Dag(
                tuple(
                    Vertex(f"n{node}", work, kind)
                    for node, (work, kind) in enumerate(zip(graph.works, of, strict=True))
                ),
                tuple(graph.shape.edges),
            ),
            graph.T,
            graph.T,
        )
        for index, (graph, of) in enumerate(zip(graphs, kinds, strict=True))
    )


def federated(m: int) -> Draw:
    """Graphs on equal cores: shares of their own, or all together."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        graphs = melani(random, U)
        system = as_system(graphs, processors(("cpu", "cpu", m)), _anywhere(graphs, m), pinned=False)
        tasks = dags(graphs, [["cpu"] * len(graph.works) for graph in graphs])
        return {
            "federated": Case(None, {}, (Federated(tasks, {"cpu": m}),)),
            "global EDF": Case(system, {"ordering": "edf", "placement": "global"}),
            "global DM": Case(system, {"ordering": "dm", "placement": "global"}),
            "global DM, non-preemptive": Case(
                system, {"ordering": "dm", "placement": "global", "preemption": "nonpreemptive"}
            ),
        }

    return draw


def random_graphs(random: Random, count: int, U: float) -> list[Graph]:
    """So many ordered G(n, p), n in [5, 12], p = 0.2, times uniform in [1, 100], loads by UUniFast, D = T >= len."""
    shares = UUniFast(kind="uunifast").sampler(count, U, True)(random)
    found = []
    for share in shares:
        shape = ErdosRenyi(kind="erdos-renyi", nodes=(5, 12), probability=0.2).draw(random)
        works = tuple(int(each) for each in random.integers(1, 100, shape.count, endpoint=True))
        found.append(Graph(shape, works, max(round(sum(works) / max(share, 1e-3)), shape.longest(list(works)))))
    return by_period(found)


def typed(ordering: str, mode: str = "preemptive") -> Draw:
    """Graphs over four cores and two accelerators, which take a third of the nodes."""
    chip = processors(("cpu", "cpu", 4), ("gpu", "gpu", 2))

    def draw(random: Random, U: float) -> dict[str, Case]:
        graphs = random_graphs(random, 5, U)
        places = [[(4, 5) if random.random() < 1 / 3 else (0, 1, 2, 3) for _ in graph.works] for graph in graphs]
        system = as_system(graphs, chip, places, pinned=False)
        return {"": Case(system, {"ordering": ordering, "placement": "global", "preemption": mode})}

    return draw


def pinned(ordering: str, mode: str) -> Draw:
    """Graphs whose nodes are pinned to four cores, each to any of them; U over all cores."""
    chip = processors(("cpu", "cpu", 4))

    def draw(random: Random, U: float) -> dict[str, Case]:
        graphs = random_graphs(random, 5, U)
        places = [[(int(random.integers(0, 4)),) for _ in graph.works] for graph in graphs]
        system = as_system(graphs, chip, places, pinned=True)
        return {"": Case(system, {"ordering": ordering, "placement": "pinned", "preemption": mode})}

    return draw


def pipelines(kind: Kind) -> Draw:
    """Core, accelerator, core again: the middle part of a job on `kind`; U of each of the two processors."""
    chip = processors(("cpu", "cpu", 1), ("unit", kind, 1))

    def draw(random: Random, U: float) -> dict[str, Case]:
        n = 5
        T = sorted(int(each) for each in LogUniform(shortest=10 * MS, longest=100 * MS).draw(random, n))
        law = UUniFast(kind="uunifast").sampler(n, U, False)
        on_core, beside, split = law(random), law(random), random.random(n)
        tasks = []
        for index in range(n):
            C, G = (max(2, round(share[index] * T[index])) for share in (on_core, beside))
            first = min(C - 1, max(1, round(split[index] * C)))
            nodes = chain([(first, 0), (G, 1), (C - first, 0)], 2)
            tasks.append(TaskSpec(index, f"t{index}", nodes, T[index], T[index], index))
        return {"": Case(SystemSpec(chip, tuple(tasks), "drawn"), {"ordering": "dm", "placement": "pinned"})}

    return draw
