"""Graphs pinned to processors: numbers by hand, what it adds to other tests, and mutants that a run must notice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import Dag, DagTask, Mode, Pipelines, PipelineTask, Stage, TypedPools, Vertex
from rtsched.schedulability.theorems import pinned_graphs as module
from rtsched.schedulability.theorems.dag_sets import a6_fp
from rtsched.schedulability.theorems.pinned_graphs import pinned_graphs
from rtsched.schedulability.theorems.pipelines import holistic
from rtsched.verify.examine import examine
from rtsched.verify.generate import processors_of
from tests.schedulability.drawn_policies import bounds_that_hold


def pools(tasks: list[DagTask], kinds: str, mode: Mode = "preemptive", order: Any = "FP") -> TypedPools:
    """Tasks on processors of one letter each."""
    return TypedPools(tuple(tasks), dict.fromkeys(kinds, 1), order, dict.fromkeys(kinds, mode))


def graph(text: str, *edges: tuple[int, int]) -> Dag:
    """Vertices such as ``a3``: three ticks on processor a."""
    return Dag(tuple(Vertex(f"v{k}", int(word[1:]), word[0]) for k, word in enumerate(text.split())), edges)


def drawn(seed: int, m: int, load: float, mode: Mode) -> TypedPools:
    """Four graphs with random vertices, edges and processors."""
    rng = random.Random(seed)
    shares = [rng.random() for _ in range(4)]
    tasks = []
    for i, share in enumerate(shares):
        count = rng.randint(3, 10)
        edges = tuple((a, b) for a in range(count) for b in range(a + 1, count) if rng.random() < 0.25)
        vertices = tuple(Vertex(f"v{k}", rng.randint(1, 100), "abcd"[rng.randrange(m)]) for k in range(count))
        period = int(sum(vertex.c for vertex in vertices) / (load * share / sum(shares)))
        tasks.append(DagTask(f"t{i}", Dag(vertices, edges), period, period))
    return pools(sorted(tasks, key=lambda task: (task.D, task.name)), "abcd"[:m], mode)


def test_a_fork_by_hand() -> None:
    """Both branches on one processor: one waits for the other; on two they run side by side."""
    fork = ((0, 1), (0, 2), (1, 3), (2, 3))
    assert pinned_graphs(pools([DagTask("t", graph("a2 b5 b4 a1", *fork), 20, 20)], "ab")).responses == [2 + 9 + 1]
    assert pinned_graphs(pools([DagTask("t", graph("a2 b5 c4 a1", *fork), 20, 20)], "abc")).responses == [2 + 5 + 1]


def test_a_line_on_one_processor_is_delayed_once() -> None:
    """Vertex by vertex the short task would come twice, and the region of 6 twice too."""
    line = DagTask("line", graph("a4 a4", (0, 1)), 30, 30)
    often = DagTask("often", graph("a1"), 10, 10)
    rare = DagTask("rare", graph("a6"), 60, 60)
    preemptive = pinned_graphs(pools([often, line, rare], "a"))
    assert preemptive.responses[1] == 4 + 4 + 1
    whole = pinned_graphs(pools([often, line, rare], "a", "nonpreemptive"))
    assert whole.responses[1] == 5 + 1 + 4 + 4 + 1  # 5 of rare, then often at 0 and at 10, before the last region
    assert [part.kind for part in whole.bounds[1].parts] == ["own", "blocking", "interference"]


def test_what_comes_after_two_processors_is_late_by_the_later_one() -> None:
    join = DagTask("join", graph("a3 b7 a2", (0, 2), (1, 2)), 40, 40)
    other = DagTask("other", graph("b5"), 20, 20)
    assert pinned_graphs(pools([other, join], "ab")).responses == [5, 7 + 5 + 2]


def test_any_order_of_the_queues_counts_all_others() -> None:
    one, two = DagTask("one", graph("a3 b2", (0, 1)), 30, 30), DagTask("two", graph("a4 b6", (0, 1)), 40, 40)
    assert pinned_graphs(pools([one, two], "ab", order="any")).responses == [15, 15]
    assert pinned_graphs(pools([one, two], "ab")).responses[0] == 5


def test_it_is_never_worse_than_the_holistic_analysis_of_pipelines() -> None:
    better = 0
    for seed in range(150):
        rng = random.Random(seed)
        mode: Mode = rng.choice(("preemptive", "nonpreemptive"))
        tasks = []
        for i in range(3):
            stages = tuple(Stage(rng.choice("ab"), rng.randint(1, 6)) for _ in range(rng.randint(1, 4)))
            period = sum(stage.C for stage in stages) * rng.randint(3, 7)
            tasks.append(PipelineTask(f"t{i}", stages, period, period, rng.choice((0, 0, 2))))
        chains = [
            DagTask(
                task.name,
                Dag(
                    tuple(Vertex(f"v{k}", stage.C, stage.processor) for k, stage in enumerate(task.stages)),
                    tuple((k, k + 1) for k in range(len(task.stages) - 1)),
                ),
                task.T,
                task.D,
                task.J,
            )
            for task in tasks
        ]
        if all(len(task.stages) == 1 for task in tasks):
            continue
        published = holistic(Pipelines(tuple(tasks), dict.fromkeys("ab", mode)))
        ours = pinned_graphs(pools(chains, "ab", mode))
        if published.verdict == "schedulable":
            assert ours.verdict == "schedulable"
            pairs = list(zip(ours.responses, published.responses, strict=True))
            assert all(a is not None and b is not None and a <= b for a, b in pairs)
            better += any(a < b for a, b in pairs)  # type: ignore[operator]
    assert better > 20


def test_what_it_adds_to_the_test_of_shared_pools() -> None:
    """Twenty sets of a load of 1 on four processors that run vertices to their end."""
    models = [drawn(seed, 4, 1.0, "nonpreemptive") for seed in range(20)]
    ours = {place for place, model in enumerate(models) if pinned_graphs(model).verdict == "schedulable"}
    pooled = {place for place, model in enumerate(models) if a6_fp(model).verdict == "schedulable"}
    assert pooled <= ours
    assert (len(pooled), len(ours)) == (1, 16)


def test_what_is_not_pinned_is_refused() -> None:
    task = DagTask("t", graph("a2 a3", (0, 1)), 20, 20)
    shared = TypedPools((task,), {"a": 2})
    assert "'a' has several processors; each vertex needs one of its own" in pinned_graphs(shared).reason
    late = pinned_graphs(pools([DagTask("t", graph("a2 a3", (0, 1)), 4, 4)], "a"))
    assert late.verdict == "unknown"
    assert late.reason == "v1 of 't' may end later than the period after its arrival"


def test_no_run_beats_a_proof() -> None:
    assert bounds_that_hold("pinned", range(2))


@pytest.mark.slow
def test_no_run_of_many_beats_a_proof() -> None:
    assert bounds_that_hold("pinned", range(2000)) > 1500


def system(rows: list[tuple[int, list[tuple[int, int, tuple[int, ...]]]]], m: int) -> SystemSpec:
    """Tasks from a period and nodes (processor, time, predecessors), the most urgent first."""
    tasks = []
    for index, (period, works) in enumerate(rows):
        nodes = tuple(
            NodeSpec(
                place, f"n{place}", tuple(work if here == on else None for here in range(m)), before,
                tuple(k for k, other in enumerate(works) if place in other[2]), pinned=True,
            )
            for place, (on, work, before) in enumerate(works)
        )  # fmt: skip
        tasks.append(TaskSpec(index, f"t{index}", nodes, period, period, index))
    return SystemSpec(processors_of(("cpu", "cpu", m)), tuple(tasks), "mutant")


#: What is left out of the proof, and a system whose runs notice it.
MUTANTS: dict[str, tuple[str, str, SystemSpec, str]] = {
    "siblings forgotten": (
        "C += vertex.c", "C += 0",
        system([(20, [(0, 2, ()), (1, 5, (0,)), (1, 4, (0,)), (0, 1, (1, 2))]), (40, [(0, 1, ()), (1, 1, (0,))])], 2),
        "preemptive",
    ),
    "readiness never late": (
        "self.ready(j, u) - self.graphs[j].earliest[u]", "0",
        system([(60, [(0, 3, ())]), (10, [(0, 4, ()), (1, 3, (0,))]), (60, [(1, 5, ())])], 2), "preemptive",
    ),
    "no blocking": (
        "blocking, blocker = vertex.region(mode) - 1", "blocking, blocker = 0",
        system([(30, [(0, 2, ()), (1, 3, (0,))]), (60, [(0, 9, ()), (1, 9, (0,))])], 2), "nonpreemptive",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_run_notices_what_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import inspect
    import textwrap

    old, new, what, mode = MUTANTS[name]
    scheduler = {"ordering": "fp", "placement": "pinned", "preemption": mode}
    assert examine(what, scheduler, 1).violations == []
    source = textwrap.dedent(inspect.getsource(module._Search.demand))
    assert old in source
    made: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source.replace(old, new), module.__dict__, made)
    monkeypatch.setattr(module._Search, "demand", made["demand"])
    assert any(each.theorem == "pinned-graphs" for each in examine(what, scheduler, 1).violations)
