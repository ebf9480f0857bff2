"""Analyses of large systems: seconds, or a reason that says what was too large. Work is counted, never timed."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from rtsched import api
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability import needs
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.models import Cluster, Dag, DagTask, Sporadic, TypedPools, Vertex
from rtsched.schedulability.theorems import dag_sets, dag_windows, multiprocessor, typed_dag
from tests.helpers import cpus


def line(count: int) -> tuple[tuple[int, int], ...]:
    return tuple((index, index + 1) for index in range(count - 1))


def fan(count: int) -> tuple[tuple[int, int], ...]:
    inside = range(1, count - 1)
    return (*((0, index) for index in inside), *((index, count - 1) for index in inside))


def layers(count: int) -> tuple[tuple[int, int], ...]:
    chance, width = random.Random(3), max(1, int(count**0.5))
    places = range(width, count)
    return tuple(
        (before, at) for at in places for before in sorted(chance.sample(range(at - width, at), min(3, width)))
    )


def graph_system(edges: tuple[tuple[int, int], ...], count: int, cores: int) -> SystemSpec:
    """One task whose job is a graph, with twice the time it needs alone on one core."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    nodes = tuple(
        NodeSpec(index, str(index), (10 + index % 7,) * cores, tuple(before[index]), tuple(after[index]))
        for index in range(count)
    )
    return SystemSpec(cpus(cores), (TaskSpec(0, "net", nodes, 40 * count, 40 * count, 0),))


@pytest.mark.parametrize("shape", [line, fan, layers])
def test_a_graph_of_ten_thousand_nodes_is_proven(shape: Any) -> None:
    """Also ten thousand nodes in a line, where nothing may call itself for each."""
    found = analyse(graph_system(shape(10_000), 10_000, 4), api.policy({"ordering": "edf", "placement": "global"}))
    assert found.verdict == "schedulable"
    assert "han2" in found.parts[0].proven_by()


def han2_by_the_letter(dag: Dag, cores: dict[str, int]) -> Fraction:
    """The second bound of Han over all paths, vertex by vertex."""
    reach = [{index} for index in range(len(dag.vertices))]
    for index in reversed(dag.order):
        for target in dag.successors[index]:
            reach[index] |= reach[target]

    def beside(path: list[int]) -> Fraction:
        found = {
            other
            for at in path
            for other, vertex in enumerate(dag.vertices)
            if vertex.type == dag.vertices[at].type and other not in reach[at] and at not in reach[other]
        }
        return sum((Fraction(dag.vertices[each].c, cores[dag.vertices[each].type]) for each in found), Fraction(0))

    def best(path: list[int]) -> Fraction:
        here = [best([*path, target]) for target in dag.successors[path[-1]]]
        return max(here, default=sum(dag.vertices[at].c for at in path) + beside(path))

    return max(best([index]) for index in range(len(dag.vertices)) if not dag.predecessors[index])


@pytest.mark.parametrize("seed", range(30))
def test_the_second_bound_of_han_is_what_it_says(seed: int) -> None:
    chance = random.Random(seed)
    count = chance.randint(1, 11)
    vertices = tuple(Vertex(str(i), chance.randint(1, 9), chance.choice("abc")) for i in range(count))
    pairs = ((i, j) for i in range(count) for j in range(i + 1, count))
    dag = Dag(vertices, tuple(pair for pair in pairs if chance.random() < 0.25))
    cores = {kind: chance.randint(1, 5) for kind in "abc"}
    assert typed_dag.han2(dag, cores)[0] == han2_by_the_letter(dag, cores)


@pytest.mark.parametrize("limit", ["MOST_VERTICES", "MOST_SUMS", "MOST_LABELS"])
def test_a_graph_that_is_too_large_says_so(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed_dag, limit, 10)
    dag = Dag(tuple(Vertex(str(index), 5, "cpu") for index in range(30)), layers(30))
    found = typed_dag.han2_bound(TypedPools((DagTask("net", dag, 10**6, 10**6),), {"cpu": 2}))
    assert found.verdict == "unknown"
    assert "the second bound of Han" in found.reason
    assert "30 nodes" in found.reason or limit == "MOST_LABELS"


# ---- many tasks ----------------------------------------------------------------------------------------------------


def many(count: int, cores: int) -> SystemSpec:
    """Tasks of eight periods, that fill 0.6 of the cores."""
    periods = [10_000_000 * factor for factor in (1, 2, 4, 5, 8, 10, 16, 20)]
    return SystemSpec(
        cpus(cores),
        tuple(
            TaskSpec(index, f"t{index}", (NodeSpec(0, "0", (period * 6 * cores // (10 * count),) * cores),), period, period, index)
            for index in range(count)
            for period in [periods[index % 8]]
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("ordering", "verdict"), [("edf", "schedulable"), ("fp", "unknown")])
def test_five_thousand_tasks_are_proven_or_the_limit_is_named(ordering: str, verdict: str) -> None:
    found = analyse(many(5_000, 4), api.policy({"ordering": ordering, "placement": "global"}))
    assert found.verdict == verdict
    reasons = dict(found.parts[0].refused)
    assert f"5000 tasks on 'cpu' are more than the {needs.MOST_TASKS}" in reasons["a6-work-conserving"]
    if verdict == "unknown":
        assert f"more than the {needs.MOST_TASKS}" in found.parts[0].result.reason
        assert "placement first-fit" in found.parts[0].result.reason


def test_tasks_that_look_alike_are_added_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of a fixpoint costs as many sums as there are different periods, whatever the number of tasks."""
    steps: list[int] = []
    plain = dag_windows.Looks.spend

    def counted(looks: Any, sums: int) -> None:
        steps.append(sums)
        plain(looks, sums)

    monkeypatch.setattr(dag_windows.Looks, "spend", counted)
    for count in (16, 160):
        tasks = tuple(
            DagTask(f"t{index}", Dag((Vertex("0", 1, "cpu"),)), 1000 + index % 8, 1000 + index % 8)
            for index in range(count)
        )
        steps.clear()
        assert dag_sets.a6_work_conserving(TypedPools(tasks, {"cpu": 2})).verdict == "schedulable"
        assert max(steps) <= 3 * 8  # of each period those with the bounds that were, that are, and that come
        assert len(steps) <= 4 * count


def test_global_edf_is_given_up_with_the_number_of_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessor, "MOST_WORKS", 50)
    tasks = tuple(Sporadic(f"t{index}", 30, 100 + index, 100 + index) for index in range(12))
    found = multiprocessor.global_edf_rta(Cluster(tasks, 4, "EDF"))
    assert found.verdict == "unknown"
    assert "12 tasks were compared with each other 50 times" in found.reason


def test_a_task_that_is_hopeless_does_no_negative_work() -> None:
    tasks = (Sporadic("long", 30, 40, 10), Sporadic("b", 4, 20, 13), Sporadic("c", 4, 20, 7))
    found = multiprocessor.global_edf_rta(Cluster(tasks, 1, "EDF"))
    assert found.verdict == "unknown"
    assert all(part.amount > 0 for bound in found.bounds for part in bound.parts)
