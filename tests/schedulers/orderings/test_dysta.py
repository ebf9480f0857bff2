"""Dysta: early layers tell how long the later ones will take."""

from __future__ import annotations

import random
from statistics import fmean
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.dysta import Dysta

NPU = {"name": "board", "processors": {"npu": {"kind": "npu"}}}


def seen(sparsity: float, first: str, second: str) -> dict[str, Any]:
    values = {"sparsity": sparsity}
    return {"x": {"time": first, "values": values}, "y": {"time": second, "values": values}}


#: a: planned 20 + 40 ms, with inputs that take half of that or half as much again; b: 50 ms.
CHAIN = {"nodes": {"x": {"wcet": {"npu": "20 ms"}}, "y": {"wcet": {"npu": "40 ms"}}}, "edges": [["x", "y"]]}
INPUTS = [seen(0.8, "10 ms", "20 ms"), seen(0.4, "30 ms", "60 ms")]
SYSTEM = {
    "platform": NPU,
    "tasks": [
        {"name": "a", "graph": CHAIN, "inputs": INPUTS, "release": "0 ms", "deadline": "1 s"},
        {"name": "b", "wcet": {"npu": "50 ms"}, "release": "5 ms", "deadline": "1 s"},
    ],
}


def run(system: Any, policy: Any, **options: Any) -> list[tuple[int, int, int]]:
    """Of every slice the job, start and end in ms."""
    trace = rtsched.simulate(system, scheduler=policy, **options)
    assert trace.check() == []
    return [(int(s["job"]), int(s["start"]) // 10**6, int(s["end"]) // 10**6) for s in trace.slices]


def seed_of(first: int) -> int:
    """A seed under which the first layer of a takes so many ms."""
    return next(seed for seed in range(50) if run(SYSTEM, "fifo", seed=seed)[0] == (0, 0, first))


def test_a_dense_input_gives_way_and_a_sparse_one_goes_on() -> None:
    """The mean sparsity is 0.6, so gamma is 0.6 / 0.4 = 1.5, or 0.2 / 0.4 = 0.5.

    Dense, at 30 ms: a has 1.5 * 40 = 60 ms left and a slack of 1000 - 30 - 60 = 910: 0.06 + 0.01 * 0.91 = 0.0691.
    b has 50 ms and 1005 - 30 - 50 = 925, and has waited 25 of 50 ms beside one other: 0.05 + 0.01 * (0.925 + 0.25) =
    0.06175, and goes first. Sparse, at 10 ms: a has 0.5 * 40 = 20 ms left, and goes on.
    """
    dense, sparse = seed_of(30), seed_of(10)
    late, early = [(0, 0, 30), (1, 30, 80), (0, 80, 140)], [(0, 0, 10), (0, 10, 30), (1, 30, 80)]
    assert run(SYSTEM, "dysta", seed=dense) == late
    assert run(SYSTEM, "dysta", seed=sparse) == early
    assert run(SYSTEM, "dysta-oracle", seed=dense) == late
    assert run(SYSTEM, "dysta-oracle", seed=sparse) == early
    blind = {"ordering": {"name": "dysta", "look": 0}}  # 0.04 + 0.01 * 0.93 = 0.0493
    assert run(SYSTEM, blind, seed=dense) == [(0, 0, 30), (0, 30, 90), (1, 90, 140)]


def test_the_last_layers_alone_may_speak() -> None:
    """Dense, then sparse (1.5, 0.5): all of it says 1, and 60 ms; the last layer 0.5, and 30 ms, less than b's 50."""
    nodes = {name: {"wcet": {"npu": f"{time} ms"}} for name, time in (("x", 20), ("y", 20), ("z", 60))}
    inputs = [
        {name: {"time": "20 ms", "values": {"sparsity": value}} for name, value in zip("xyz", values, strict=True)}
        for values in ((0.4, 0.8, 0.6), (0.8, 0.4, 0.6))
    ]
    chain = {"nodes": nodes, "edges": [["x", "y"], ["y", "z"]]}
    tasks = [{**SYSTEM["tasks"][0], "graph": chain, "inputs": inputs}, {**SYSTEM["tasks"][1], "release": "25 ms"}]  # type: ignore[index]
    found = {}
    for seed in range(10):
        for look in (None, 1):
            policy = {"ordering": {"name": "dysta", **({} if look is None else {"look": look})}}
            found[seed, look] = [job for job, _, _ in run({**SYSTEM, "tasks": tasks}, policy, seed=seed)]
    assert all(found[seed, None] == [0, 0, 1, 0] for seed in range(10))
    assert {tuple(found[seed, 1]) for seed in range(10)} == {(0, 0, 0, 1), (0, 0, 1, 0)}


def test_without_beta_values_and_layers_it_is_shortest_job_first() -> None:
    system = {
        "platform": "uniprocessor",
        "tasks": [{"name": str(n), "wcet": f"{n} ms", "period": f"{5 * n} ms", "overlap": True} for n in (3, 2, 4, 1)],
    }
    policy = {"ordering": {"name": "dysta", "beta": 0.0}, "preemption": "nonpreemptive"}
    shortest = run(system, "sjf+nonpreemptive", until="300 ms")
    assert run(system, policy, until="300 ms") == shortest
    assert len(shortest) > 100


@pytest.mark.parametrize("ordering", ["dysta", "sdrm3", "planaria-time"])
@pytest.mark.parametrize(
    ("mode", "turns"),
    [
        ("preemptive", [(0, 0, 1), (1, 1, 3), (0, 3, 12)]),
        ("limited", [(0, 0, 4), (1, 4, 6), (0, 6, 12)]),
        ("nonpreemptive", [(0, 0, 10), (1, 10, 12)]),
    ],
)
def test_who_is_better_waits_for_the_boundary(ordering: str, mode: str, turns: list[tuple[int, int, int]]) -> None:
    """Regions of 4 and 6 ms. Short, which comes at 1 ms, is shorter, more urgent, and has the least slack."""
    tasks = [
        {"name": "long", "wcet": "10 ms", "regions": ["4 ms", "6 ms"], "release": "0 ms", "deadline": "900 ms"},
        {"name": "short", "wcet": "2 ms", "release": "1 ms", "deadline": "90 ms", "weight": 9},
    ]
    system = {"platform": "uniprocessor", "tasks": tasks}
    assert run(system, {"ordering": ordering, "preemption": mode}) == turns


def sparse(seed: int) -> dict[str, Any]:
    """Four networks of eight layers at 75 % load, for which some inputs take up to four times as long as others."""
    draw, tasks = random.Random(seed), []
    for name, scale, weight in (("tiny", 3, 1), ("small", 20, 3), ("large", 45, 9), ("huge", 68, 1)):
        times = [round(scale * draw.uniform(0.5, 1.5), 2) for _ in range(8)]
        inputs = []
        for _ in range(20):
            base = draw.uniform(0.2, 0.8)
            seen = [(time, base + draw.uniform(-0.05, 0.05)) for time in times]
            inputs.append({
                f"l{n}": {"time": round(2e6 * time * (1 - each)), "values": {"sparsity": each}}
                for n, (time, each) in enumerate(seen)
            })  # fmt: skip
        nodes = {f"l{n}": {"wcet": {"npu": f"{time} ms"}} for n, time in enumerate(times)}
        graph = {"nodes": nodes, "edges": [[f"l{n}", f"l{n + 1}"] for n in range(7)]}
        when = {"arrival": {"kind": "poisson"}, "period": "1500 ms", "deadline": f"{10 * sum(times):.1f} ms"}
        tasks.append({"name": name, "graph": graph, "inputs": inputs, "overlap": True, "weight": weight, **when})
    return {"platform": NPU, "tasks": tasks, "simulate": {"until": "60 s", "drain": "all", "seed": seed}}


def test_the_policies_rank_as_in_the_published_simulator() -> None:
    """There, on traces of this kind: 1.73, 1.77, 2.15, 4.83 and 4.82 (FCFS) in turnaround over that alone."""
    antt: dict[str, float] = {}
    for policy in ("dysta-oracle", "dysta", "prema", "sdrm3", "fifo"):
        traces = [rtsched.simulate(sparse(seed), scheduler=policy) for seed in (1, 2)]
        antt[policy] = fmean(rtsched.evaluate(each, ["antt"])["antt"] or 0 for each in traces)
    assert antt["dysta-oracle"] < antt["dysta"] < antt["prema"] < antt["sdrm3"] < antt["fifo"]
    assert antt["sdrm3"] > 1.5 * antt["dysta"]


def test_sums_that_are_kept_are_those_that_are_added_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    system = {**sparse(4), "estimates": {"noise": 0.2, "learning": 0.3}}
    policies = ("dysta", "dysta-oracle", "sdrm3", "prema")
    kept = [run(system, policy, until="8 s") for policy in policies]
    monkeypatch.setattr("rtsched.schedulers.requests._is_chain", lambda task: False)
    assert [run(system, policy, until="8 s") for policy in policies] == kept


def test_who_has_ended_is_forgotten() -> None:
    ordering = Dysta()
    tasks = [
        {"name": n, "wcet": "3 ms", "period": "4 ms", "on_miss": miss}
        for n, miss in (("a", "abort"), ("b", "continue"))
    ]
    rtsched.simulate(
        {"platform": "uniprocessor", "tasks": tasks}, scheduler=ComposedScheduler(ordering), until="100 ms"
    )
    assert len(ordering.requests.last) <= 1  # b is late for ever, one job of it is in the system
    assert not ordering.requests.ratios


def test_the_oracle_says_so_and_nobody_else_may_be_one() -> None:
    trace = rtsched.simulate(SYSTEM, scheduler="dysta-oracle")
    assert trace.scheduler.endswith("oracle")
    assert str(rtsched.analyse(SYSTEM, scheduler="dysta-oracle").verdict) == "unknown"
    with pytest.raises(InputError, match="rests on the truth; leave out 'oracle: false'"):
        rtsched.scheduler({"ordering": "dysta-oracle", "oracle": False})
    with pytest.raises(InputError, match="'oracle' has no effect"):
        rtsched.scheduler({"ordering": "dysta", "oracle": True})
    with pytest.raises(InputError, match="look must be a number of layers"):
        rtsched.scheduler({"ordering": {"name": "dysta", "look": -1}})
    with pytest.raises(InputError, match="beta must be a number from 0 on"):
        rtsched.scheduler({"ordering": {"name": "dysta", "beta": -1.0}})
