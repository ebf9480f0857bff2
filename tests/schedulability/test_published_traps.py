"""Tests of graphs that are not to be implemented as published, or as their users code them: runs beat them.

Each formula is written here by hand, beside the run that takes longer than it says and the bound that holds.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import rtsched
from rtsched.schedulability.models import Dag, DagTask, Mode, Sporadic, TypedPools, Uniprocessor, Vertex
from rtsched.schedulability.theorems.dag_sets import a6_fp, melani
from rtsched.schedulability.theorems.fixed_priority import np_fp_rta
from rtsched.schedulability.theorems.pinned_paths import pinned_paths
from rtsched.schedulability.theorems.suspending_edf import edf_suspension_windows
from rtsched.schedulability.theorems.suspension import edf_suspension
from rtsched.schedulability.theorems.typed_dag import han1_bound, long_paths_bound, node_order_bound


def dag(times: list[int], *edges: tuple[int, int]) -> Dag:
    """Vertices that take so long on the processors ``cpu``."""
    return Dag(tuple(Vertex(f"n{place}", c, "cpu") for place, c in enumerate(times)), edges)


def pools(tasks: list[DagTask], m: int, mode: Mode = "preemptive") -> TypedPools:
    """The most urgent task first."""
    return TypedPools(tuple(tasks), {"cpu": m}, modes={"cpu": mode})


def seen(tasks: list[DagTask], m: int, mode: Mode = "preemptive", first: int = 0) -> list[int]:
    """The responses of the first jobs, all of them released at once, the first task's `first` ns later."""
    rows: list[dict[str, Any]] = []
    for level, task in enumerate(tasks):
        nodes = {vertex.name: {"wcet": f"{vertex.c} ns"} for vertex in task.dag.vertices}
        edges = [[f"n{a}", f"n{b}"] for a, b in task.dag.edges]
        rows.append(
            {
                "name": task.name,
                "period": f"{task.T} ns",
                "deadline": f"{task.D} ns",
                "priority": level,
                "offset": f"{first if not level else 0} ns",
                "graph": {"nodes": nodes, "edges": edges},
            }
        )
    system = {
        "name": "trap",
        "platform": {"name": "chip", "processors": {"cpu": {"kind": "cpu", "cores": m}}},
        "scheduler": {"ordering": "fp", "placement": "global", "preemption": mode},
        "simulate": {"until": f"{first + 10} ns"},
        "tasks": rows,
    }
    jobs = rtsched.simulate(system).jobs
    return [int(next(job["finish"] - job["release"] for job in jobs if job["task"] == k)) for k in range(len(tasks))]


def pinned_pools(rows: list[tuple[str, str, int, int]]) -> TypedPools:
    """Chains of vertices such as ``a5``, each on the processor of its letter, that run to their end."""
    tasks = []
    for name, text, T, D in rows:
        vertices = tuple(Vertex(f"n{k}", int(word[1:]), word[0]) for k, word in enumerate(text.split()))
        tasks.append(DagTask(name, Dag(vertices, tuple((k, k + 1) for k in range(len(vertices) - 1))), T, D))
    kinds = sorted({vertex.type for task in tasks for vertex in task.dag.vertices})
    return TypedPools(tuple(tasks), dict.fromkeys(kinds, 1), modes=dict.fromkeys(kinds, "nonpreemptive"))


def pinned_run(rows: list[tuple[str, str, int, int]], offset: int = 0) -> int:
    """The response of the first job of the last task, which comes at `offset`, the others' at 0."""
    tasks: list[dict[str, Any]] = []
    for level, (name, text, T, D) in enumerate(rows):
        nodes = {
            f"n{k}": {"wcet": f"{word[1:]} ns", "pin": f"cpu{'abc'.index(word[0])}"}
            for k, word in enumerate(text.split())
        }
        edges = [[f"n{k}", f"n{k + 1}"] for k in range(len(nodes) - 1)]
        row = {"name": name, "period": f"{T} ns", "deadline": f"{D} ns", "priority": level}
        tasks.append(row | {"graph": {"nodes": nodes, "edges": edges}})
    tasks[-1]["offset"] = f"{offset} ns"
    system = {
        "platform": "multicore:3",
        "scheduler": {"ordering": "fp", "placement": "pinned", "preemption": "nonpreemptive"},
        "simulate": {"until": f"{offset + 40} ns", "drain": "all"},
        "tasks": tasks,
    }
    job = next(job for job in rtsched.simulate(system).jobs if job["task"] == len(rows) - 1)
    return int(job["finish"] - job["release"])


def test_limited_preemption_blocks_more_often_than_it_preempts() -> None:
    """Serrano et al., DATE 2016: the m largest regions once, and m - 1 for each preemption.

    A core that the own graph leaves idle takes a region, too: without a more urgent task there is no preemption.
    """
    urgent, long = DagTask("urgent", dag([1, 4, 4], (0, 1), (0, 2)), 12, 12), DagTask("long", dag([5, 5, 5]), 100, 100)
    m, blocking = 2, 5 + 5
    published = urgent.dag.length + (urgent.dag.volume - urgent.dag.length) / m + math.floor(blocking / m)
    assert published == 12
    took = seen([urgent, long], m, "nonpreemptive", first=1)[0]
    assert took == 13 > published
    bound = a6_fp(pools([DagTask("urgent", urgent.dag, 100, 100), long], m, "nonpreemptive")).responses[0]
    assert bound is not None
    assert bound >= took


def test_lengths_of_paths_are_not_cut_to_whole_numbers() -> None:
    """Han et al. 2019, bound 1, with the lengths of paths to each vertex c (1 - 1/M) cut down one after the other."""
    chain, m = dag([1, 1, 1, 1], (0, 1), (1, 2), (2, 3)), 2
    reached = 0.0
    for vertex in chain.vertices:
        reached = vertex.c * (1 - 1 / m) + int(reached)
    assert reached + chain.volume / m == 2.5
    task = DagTask("chain", chain, 10, 10)
    assert seen([task], m) == [4]
    assert han1_bound(pools([task], m)).responses == [4]


def test_a_window_grows_with_what_comes_in_it() -> None:
    """Casini et al. 2018, theorem 1, with one step of its fixpoint: more urgent jobs come while others go first."""
    rows = ("often", 1, 5, 5), ("mid", 4, 9, 9), ("low", 4, 99, 9)
    tasks = [DagTask(name, dag([c]), T, D) for name, c, T, D in rows]
    ends = {"often": 5, "mid": 9}  # as found the same way
    window = 0  # ahead of the last vertex, without a vertex of its own
    ahead = sum(task.dag.volume * (1 + (window + ends[task.name] - task.dag.volume) // task.T) for task in tasks[:2])
    assert ahead + 4 == 9
    assert seen(tasks, 1, "nonpreemptive")[2] == 10
    alone = tuple(Sporadic(task.name, task.dag.volume, task.T, task.D) for task in tasks)
    assert np_fp_rta(Uniprocessor(alone, mode="nonpreemptive")).responses[2] == 10


def test_a_response_from_readiness_is_no_jitter_from_the_arrival() -> None:
    """Casini et al. 2018 as coded: from the second round on a vertex counts as late as it takes once it is ready."""
    rows = [("rare", "b11", 1000, 24), ("often", "b1 a5", 30, 25), ("low", "a5 a5 a5 a5", 100, 26)]
    ready_to_end, T, c, ahead = 5 + 5, 30, 5, 15  # a5 of "often" behind a region of 5
    window = ahead
    for _ in range(9):
        window = ahead + c * (1 + (window + ready_to_end - c) // T)
    assert window + 5 == 25
    # the first job of "often" is ready on a at 12, when "low" comes, the second at 31
    took = pinned_run(rows, offset=12)
    assert took == 30
    bound = pinned_paths(pinned_pools([*rows[:2], ("low", "a5 a5 a5 a5", 100, 100)])).responses[2]
    assert bound is not None
    assert bound >= took


def test_what_lies_between_two_visits_takes_its_time() -> None:
    """Casini et al. 2018 as coded: a vertex that no path was cut down to takes nothing where it is summed up.

    On the chain a b c b a the response of the two on b is subtracted, of which 0 was added.
    """
    rows = [("chain", "a10 b10 c10 b10 a10", 100, 30)]
    on_b = 10 + 10 + 10 - 10  # the path b c b less the 10 of c
    listed = 0 + 10 + 0  # the responses of b, c, b: the visits of b stand at their first value
    on_a = 10 + 10 + min(listed, on_b + 10) - (on_b + 10)
    assert on_a + on_b + 10 == 30
    assert pinned_run(rows) == 50
    assert pinned_paths(pinned_pools([(*rows[0][:3], 50)])).responses == [50]


def test_the_worst_path_does_not_go_through_the_latest_predecessor() -> None:
    """He et al. 2019 with one path to each vertex, that of the predecessor with the largest bound."""
    times, edges = [5, 5, 1, 4, 4, 1], ((0, 1), (0, 3), (0, 4), (2, 4), (1, 5), (3, 5), (4, 5))
    graph, m = dag(times, *edges), 2
    before: list[set[int]] = []
    for v in range(len(times)):
        before.append(set(graph.predecessors[v]).union(*(before[p] for p in graph.predecessors[v])))
    first = [{u for u in range(v) if u not in before[v]} for v in range(len(times))]
    bounds: list[float] = []
    paths: list[list[int]] = []
    for v, c in enumerate(times):
        latest = max(graph.predecessors[v], key=lambda p: bounds[p], default=None)
        path = [] if latest is None else paths[latest]
        ahead = first[v].union(*(first[u] for u in path)) - {v}
        bounds.append(sum(times[u] for u in path) + c + sum(times[u] for u in ahead) / m)
        paths.append([*path, v])
    assert bounds[-1] == 13
    task = DagTask("graph", graph, 50, 50)
    assert seen([task], m) == [14]
    assert node_order_bound(pools([task], m)).responses == [14]


def test_interference_alone_is_not_rounded_down() -> None:
    """Melani et al. 2015 as coded, under fixed priorities: len + (vol - len)/m + floor(Σ W/m)."""
    often, wide, m = DagTask("often", dag([1]), 10, 10), DagTask("wide", dag([1, 1, 1, 1]), 20, 20), 2
    published = 1 + (4 - 1) / m + math.floor(1 / m)
    assert published == 2.5
    assert seen([often, wide], m)[1] == 3
    assert melani(pools([often, wide], m)).responses == [1, 3]  # all of it at once: floor(2.5 + 1/2)


def test_a_bound_of_whole_ticks_is_attained() -> None:
    """2.5 is no tick at which anything ends: four unit vertices on two cores take 2."""
    task = DagTask("wide", dag([1, 1, 1, 1]), 20, 20)
    assert seen([task], 2) == [2]
    assert long_paths_bound(pools([task], 2)).responses == [2]


def test_suspension_is_no_blocking_under_edf() -> None:
    """Devi, ECRTS 2003, theorem 8 (refuted by Günzel, Chen, Real-Time Systems 56, 2020), D = T.

    With tasks by period: (Σ min(S, C) + max(S - C, 0)) / T_k + Σ U <= 1, the sums and the largest up to k, for all k.
    A job that suspends itself as long as it may leaves nothing for one that waited while the job before it ran.
    """
    sets = Sporadic("waits", 6, 12, 12, S=6), Sporadic("plain", 1, 14, 14)
    for k in range(1, len(sets) + 1):
        blocking = sum(min(task.S, task.C) for task in sets[:k]) + max(max(0, task.S - task.C) for task in sets[:k])
        assert Fraction(blocking, sets[k - 1].T) + sum(task.U for task in sets[:k]) == 1
    graph = {"nodes": {"a": {"wcet": {"cpu": "3 ns"}}, "b": {"wcet": {"npu": "6 ns"}}, "c": {"wcet": {"cpu": "3 ns"}}}}
    system = {
        "platform": {"name": "chip", "processors": {"cpu": {}, "npu": {"kind": "npu"}}},
        "scheduler": "edf",
        "simulate": {"until": "24 ns", "drain": "all"},
        "tasks": [
            {"name": "waits", "period": "12 ns", "graph": graph | {"edges": [["a", "b"], ["b", "c"]]}},
            {"name": "plain", "period": "14 ns", "offset": "9 ns", "wcet": {"cpu": "1 ns"}},
        ],
    }
    assert max(job["finish"] - job["release"] for job in rtsched.simulate(system).jobs if job["task"] == 0) == 13 > 12
    for test in (edf_suspension, edf_suspension_windows):
        assert test(Uniprocessor(sets, "EDF")).verdict == "unknown"
