"""Graphs have the shapes that their laws say, and their times are shared out uniformly."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy import stats

import rtsched
from rtsched.errors import InputError
from rtsched.generate import Generate, draw
from rtsched.generate.graphs import Shape, parts, types
from rtsched.generate.streams import stream

CPU_AND_NPU = {"processors": {"cpu": {"cores": 4}, "npu": {"kind": "npu"}}}


def shapes(count: int = 300, **described: Any) -> list[Shape]:
    law = Generate(graph=described, platform="multicore:4").graph
    assert law is not None
    random = stream("test", "graphs", 1, 0)
    return [law.draw(random) for _ in range(count)]


def graph(shape: Shape) -> nx.DiGraph:
    made = nx.DiGraph(shape.edges)
    made.add_nodes_from(range(shape.count))
    return made


LAWS: list[dict[str, Any]] = [
    {"kind": "erdos-renyi", "nodes": [2, 12], "probability": 0.4},
    {"kind": "erdos-renyi", "nodes": [1, 8], "one_source": True, "one_sink": True},
    {"kind": "layered", "layers": [1, 5], "width": [1, 4]},
    {"kind": "layered", "layers": 4, "width": [2, 5], "one_source": True},
    {"kind": "fork-join", "depth": 3, "branches": [1, 3]},
]


@pytest.mark.parametrize("described", LAWS, ids=lambda each: each["kind"])
def test_every_graph_is_acyclic_in_the_order_of_its_numbers_without_double_edges(described: dict[str, Any]) -> None:
    law = Generate(graph=described, platform="multicore:4").graph
    assert law is not None
    for shape in shapes(**described):
        assert nx.is_directed_acyclic_graph(graph(shape))
        assert all(0 <= source < target < shape.count for source, target in shape.edges)
        assert len(set(shape.edges)) == len(shape.edges)
        assert law.least <= shape.count <= law.most


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_the_edges_of_an_ordered_random_graph_are_as_dense_as_asked(probability: float) -> None:
    drawn = shapes(400, kind="erdos-renyi", nodes=10, probability=probability)
    assert {shape.count for shape in drawn} == {10}
    edges = sum(len(shape.edges) for shape in drawn)
    assert stats.binomtest(edges, 45 * len(drawn), min(max(probability, 1e-12), 1 - 1e-12)).pvalue > 1e-4
    seen = np.zeros((10, 10))
    for shape in drawn:
        for source, target in shape.edges:
            seen[source, target] += 1
    if 0 < probability < 1:  # each pair alike
        pairs = seen[np.triu_indices(10, 1)]
        assert stats.chisquare(pairs).pvalue > 1e-4
    else:
        assert edges == 45 * len(drawn) * probability


def test_numbers_of_nodes_are_uniform_over_their_range() -> None:
    counts = [shape.count for shape in shapes(2000, kind="erdos-renyi", nodes=[3, 7])]
    assert stats.chisquare(np.bincount(counts)[3:]).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["erdos-renyi", "layered"])
def test_sources_and_sinks_are_many_unless_one_is_asked_for(kind: str) -> None:
    plain = [shape.ends() for shape in shapes(kind=kind)]
    assert max(len(sources) for sources, _ in plain) > 1
    assert max(len(sinks) for _, sinks in plain) > 1
    for shape, before in zip(shapes(kind=kind, one_source=True, one_sink=True), shapes(kind=kind), strict=True):
        sources, sinks = shape.ends()
        assert (len(sources), len(sinks)) == (1, 1)
        old_sources, old_sinks = before.ends()
        assert shape.count == before.count + (len(old_sources) > 1) + (len(old_sinks) > 1)
        assert nx.is_weakly_connected(graph(shape))


def test_layers_are_layers() -> None:
    for shape in shapes(kind="layered", layers=[2, 6], width=[1, 4], probability=0.3):
        levels: dict[int, int] = {}
        made = graph(shape)
        for node in range(shape.count):
            above = {levels[each] for each in made.predecessors(node)}
            assert len(above) <= 1  # all predecessors stand in the layer before
            levels[node] = 1 + max(above, default=0)
        widths = np.bincount(list(levels.values()))[1:]
        assert 2 <= len(widths) <= 6
        assert max(widths) <= 4
        assert [levels[node] for node in range(shape.count)] == sorted(levels.values())


def test_layers_are_joined_with_their_probability_and_one_edge_at_least() -> None:
    drawn = shapes(2000, kind="layered", layers=2, width=3, probability=0.5)
    degrees = np.bincount([graph(shape).in_degree(node) for shape in drawn for node in (3, 4, 5)], minlength=4)
    assert degrees[0] == 0
    expected = np.array([3 / 8 + 1 / 8, 3 / 8, 1 / 8])  # none of three edges becomes one
    assert stats.chisquare(degrees[1:], expected * degrees.sum()).pvalue > 1e-4


def test_fork_joins_have_one_source_and_one_sink_and_nest() -> None:
    drawn = shapes(kind="fork-join", depth=2, branches=[2, 3], probability=0.5)
    for shape in drawn:
        sources, sinks = shape.ends()
        assert (sources, sinks) == ([0], [shape.count - 1])
        made = graph(shape)
        assert 2 <= made.out_degree(0) <= 3
        forks = sum(made.out_degree(node) > 1 for node in made)
        assert forks == sum(made.in_degree(node) > 1 for node in made)  # each fork has its join
    assert {len(nx.dag_longest_path(graph(shape))) for shape in drawn} == {3, 5}
    assert {shape.count for shape in shapes(20, kind="fork-join", depth=1, branches=4)} == {6}
    full = shapes(1, kind="fork-join", depth=3, branches=2, probability=1)[0]
    assert full.count == 2 + 2 * (2 + 2 * (2 + 2))


def test_parts_are_uniform_and_sum_exactly() -> None:
    random = stream("test", "parts", 0, 0)
    drawn = np.array([parts(random, 10**9, 4) for _ in range(4000)])
    assert set(drawn.sum(axis=1)) == {10**9}
    assert drawn.min() >= 1
    for column in drawn.T:
        assert stats.kstest(column / 10**9, lambda x: 1 - (1 - x) ** 3).pvalue > 1e-4
    assert parts(random, 3, 3) == [1, 1, 1]


def test_types_come_by_their_weights_and_each_at_least_once() -> None:
    random = stream("test", "types", 0, 0)
    drawn = [types(random, 12, [3.0, 1.0]) for _ in range(3000)]
    assert all({0, 1} <= set(each) for each in drawn)
    second = sum(each.count(1) - 1 for each in drawn)
    assert stats.binomtest(second, 10 * len(drawn), 0.25).pvalue > 1e-4
    places = np.sum([np.array(each) == 1 for each in drawn], axis=0)
    assert stats.chisquare(places).pvalue > 1e-4  # no place is preferred


def test_a_graph_takes_exactly_what_its_task_takes_on_each_cluster() -> None:
    keys = {"platform": CPU_AND_NPU, "utilisation": {"cpu": 0.5, "npu": 0.4}, "tasks": 3, "graph": {"kind": "layered"}}
    for index in range(20):
        system = draw(keys, index=index)
        loads = {"cpu": 0.0, "npu": 0.0}
        for task in system["tasks"]:
            for node in task["graph"]["nodes"].values():
                times = node["wcet"] if isinstance(node["wcet"], dict) else {"cpu": node["wcet"]}
                for cluster, time in times.items():
                    loads[cluster] += time / task["period"]
        assert loads["cpu"] / 4 == pytest.approx(0.5, rel=1e-2)
        assert loads["npu"] == pytest.approx(0.4, rel=1e-2)
        assert system["generated"]["clusters"]["cpu"]["reached"] == pytest.approx(loads["cpu"] / 4)


@pytest.mark.parametrize("described", LAWS[:1] + LAWS[3:], ids=lambda each: each["kind"])
def test_deadlines_of_graphs_begin_at_the_longest_path(described: dict[str, Any]) -> None:
    least = {"kind": "constrained", "most": 0.0}
    for system in rtsched.generate(platform="multicore:4", tasks=3, graph=described, deadlines=least, count=20):
        for task in system["tasks"]:
            made = nx.DiGraph()
            for name, node in task["graph"]["nodes"].items():
                made.add_node(name, time=node["wcet"])
            made.add_edges_from(task["graph"]["edges"])
            reach: dict[str, int] = {}
            for name in nx.topological_sort(made):
                reach[name] = made.nodes[name]["time"] + max(
                    (reach[each] for each in made.predecessors(name)), default=0
                )
            assert task["deadline"] == min(max(reach.values()), task["period"])


def test_the_law_of_graphs_leaves_loads_and_periods_as_they_are() -> None:
    keys = {"platform": "multicore:4", "tasks": 4}
    one = draw({**keys, "graph": {"kind": "layered"}}, index=3)["tasks"]
    other = draw({**keys, "graph": {"kind": "fork-join"}}, index=3)["tasks"]
    volumes = [
        [(sum(node["wcet"] for node in task["graph"]["nodes"].values()), task["period"]) for task in tasks]
        for tasks in (one, other)
    ]
    assert volumes[0] == volumes[1]
    assert one != other


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"graph": {"kind": "erdos-renyi", "nodes": [5, 2]}}, r"a range goes from 1 or more"),
        ({"graph": {"kind": "erdos-renyi", "nodes": "x"}}, r"graph.nodes: is a whole number, or a range"),
        ({"graph": {"kind": "fork-join", "depth": 9, "branches": 4}}, r"graph.depth: the largest graph has more than"),
        ({"graph": {"kind": "layered", "layers": 200, "width": 200}}, r"graph.width: the largest graph has more than"),
        (
            {"graph": {"kind": "erdos-renyi", "nodes": 1}, "platform": CPU_AND_NPU},
            r"graph: a graph may have 1 node, and needs one for each of cpu, npu; ask for larger graphs",
        ),
        ({"graph": {"kind": "layered", "types": {"cpu": 1}}}, r"graph.types: must name the clusters that are loaded"),
        (
            {"graph": {"kind": "layered", "types": {"cpu": 1}, "layers": 3}, "platform": CPU_AND_NPU},
            r"graph.types: must name the clusters that are loaded, cpu, npu",
        ),
        ({"graph": {"kind": "layered"}, "tasks": {"cpu": 3}}, r"tasks: with 'graph' no task belongs to one cluster"),
        (
            {"graph": {"kind": "erdos-renyi", "nodes": 9000}, "utilisation": 1e-4},
            r"more than 1 % off; ask for a higher utilisation, fewer tasks or longer periods",
        ),
    ],
)
def test_graphs_without_room_are_refused(keys: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        draw(keys)
