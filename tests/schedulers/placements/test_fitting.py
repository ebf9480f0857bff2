"""Packing by a test: it agrees with the theorems, and the proof and the run have the same partition."""

from __future__ import annotations

import random
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.errors import RtschedError
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.theorems.edf import edf_qpa
from rtsched.schedulability.theorems.fixed_priority import fp_rta
from rtsched.schedulability.theorems.partitioning import PlacedTask, Unrelated, pack
from rtsched.schedulability.theorems.utilisation import liu_layland as theorem_of_liu_layland
from rtsched.schedulers.placements import fitting
from rtsched.schedulers.placements.fitting import Tenant

RULES = ("first-fit", "best-fit", "worst-fit", "next-fit")


def packed_by(ordering: str, test: str, rule: str = "first-fit", **more: Any) -> dict[str, Any]:
    return {"ordering": ordering, "placement": {"name": rule, "test": test}, **more}


def tenants(rng: random.Random) -> list[Tenant]:
    """Some tasks of about one processor, most urgent (by deadline) first."""
    found = []
    for _ in range(rng.randint(1, 5)):
        T = rng.choice((4, 6, 10, 15, 20))
        C = rng.randint(1, max(1, T // 3))
        found.append(Tenant(C, T, rng.randint(C, T + 3), rng.choice((0, 0, 1))))
    return sorted(found, key=lambda each: each.D)


def model(each: list[Tenant], order: Any) -> Uniprocessor:
    tasks = (Sporadic(str(place), t.C, t.T, t.D, t.J) for place, t in enumerate(each))
    return Uniprocessor(tuple(tasks), order, "preemptive")


def test_the_tests_agree_with_the_theorems() -> None:
    rng = random.Random(1)
    seen: dict[tuple[str, bool], int] = {}
    for _ in range(700):
        some = tenants(rng)
        demand = fitting.demand(some)
        assert demand == (edf_qpa(model(some, "EDF")).verdict == "schedulable")
        constrained = [Tenant(t.C, t.T, min(t.D, t.T), t.J) for t in some]
        responses = fitting.response_times(constrained)
        assert responses == (fp_rta(model(constrained, "FP")).verdict == "schedulable")
        implicit = sorted((Tenant(t.C, t.T, t.T, 0) for t in some), key=lambda each: each.T)
        bound = fitting.liu_layland(implicit)
        assert bound == (theorem_of_liu_layland(model(implicit, "FP")).verdict == "schedulable")
        assert fitting.response_times(implicit) or not bound
        for name, answer in (("demand", demand), ("responses", responses), ("bound", bound)):
            seen[name, answer] = seen.get((name, answer), 0) + 1
    assert len(seen) == 6
    assert min(seen.values()) > 40, seen


def test_a_task_with_a_later_deadline_than_its_period_is_asked_for_the_period() -> None:
    """One response is looked at, and beyond the period the next job would be in it: what passes is schedulable."""
    rng = random.Random(2)
    late = [some for some in (tenants(rng) for _ in range(2000)) if any(t.D > t.T for t in some)]
    passed = [some for some in late if fitting.response_times(some)]
    assert 100 < len(passed) < len(late)
    assert all(fp_rta(model(some, "FP")).verdict == "schedulable" for some in passed)


@pytest.mark.parametrize(("ordering", "test"), [("dm", "response-times"), ("edf", "demand"), ("rm", "liu-layland")])
def test_packing_is_that_of_the_theory_and_the_proof_has_the_partition_of_the_run(ordering: str, test: str) -> None:
    theorem = {"response-times": fp_rta, "demand": edf_qpa, "liu-layland": theorem_of_liu_layland}[test]
    load = 0.8 if test == "liu-layland" else 0.88
    deadlines = "implicit" if test == "liu-layland" else {"kind": "constrained", "least": 0.5}
    drawn = rtsched.generate(platform="multicore:3", tasks=6, utilisation=load, deadlines=deadlines, count=4, seed=3)
    packed = 0
    for system, rule in ((system, rule) for system in drawn for rule in RULES):
        spec = api.load(system).lower()
        policy = api.policy(packed_by(ordering, test, rule))
        assert policy.placement.rule is None
        assert policy.placement.homes is not None
        homes = [row[0] for row in policy.placement.homes(spec)]
        order = sorted(spec.tasks, key=policy.level if ordering != "edf" else lambda task: task.index)
        placed = [
            PlacedTask(
                t.name, {p.name: t.nodes[0].times[p.index] or 0 for p in spec.processors}, t.period or 0, t.deadline
            )
            for t in order
        ]
        names = tuple(p.name for p in spec.processors)
        wanted = pack(Unrelated(tuple(placed), names, "EDF" if ordering == "edf" else "FP"), rule, test=theorem)
        if wanted is not None:
            packed += 1
            assert [(names.index(wanted.places[task.name]),) for task in spec.tasks] == homes
            assert analyse(spec, policy).verdict == "schedulable"
        trace = rtsched.simulate(system, scheduler=packed_by(ordering, test, rule), until="200 ms")
        owner = trace.jobs["task"][trace.slices["job"]]
        ran = {(int(task), int(place)) for task, place in zip(owner, trace.slices["processor"], strict=True)}
        assert ran <= {(task.index, home[0]) for task, home in zip(spec.tasks, homes, strict=True) if home}
    assert 3 < packed < len(drawn) * len(RULES)


def test_under_fixed_priorities_a_load_of_one_proves_nothing() -> None:
    """Two tasks fill a processor up to 1 and miss there; asked for their responses they part."""
    tasks = [{"name": name, "wcet": 3, "period": period} for name, period in (("a", 5), ("b", 8))]
    system = {"platform": "multicore:2", "tasks": tasks}
    assert rtsched.summary(rtsched.simulate(system, scheduler="rm+first-fit", until="1 us")).misses
    assert not rtsched.summary(
        rtsched.simulate(system, scheduler=packed_by("rm", "response-times"), until="1 us")
    ).misses
    assert rtsched.analyse(system, scheduler=packed_by("rm", "response-times")).verdict == "schedulable"


TASK = {"name": "a", "wcet": 3_000_000, "period": "10 ms"}
GRAPH = {
    "name": "a",
    "period": "10 ms",
    "graph": {"nodes": {"x": {"wcet": 1}, "y": {"wcet": 1}}, "edges": [["x", "y"]]},
}


@pytest.mark.parametrize(
    ("scheduler", "task", "error"),
    [
        (packed_by("edf", "response-times"), TASK, r"of fixed priorities \(fp, rm, dm\), and the ordering is 'EDF'; write test: demand"),
        (packed_by("dm", "demand"), TASK, "and the ordering is 'DeadlineMonotonic'; write test: liu-layland or response-times"),
        (packed_by("llf", "demand"), TASK, "and the ordering is 'LeastLaxityFirst'; leave 'test' out"),
        (packed_by("dm", "rta"), TASK, "no packing test 'rta'; take one of utilisation, liu-layland, response-times, demand"),
        (packed_by("dm", "response-times", preemption="limited"), TASK, r"of preemptive scheduling \(found 'limited'\)"),
        (packed_by("dm", "response-times"), GRAPH, "of tasks of one node and a period, and 'a' has 2 nodes; leave 'test' out"),
        (packed_by("dm", "response-times"), TASK | {"preemptive": False}, "what can be preempted, and 'a' cannot"),
    ],
)  # fmt: skip
def test_what_a_test_does_not_speak_of_is_refused(scheduler: Any, task: dict[str, Any], error: str) -> None:
    with pytest.raises(RtschedError, match=error):
        rtsched.simulate({"platform": "multicore:2", "tasks": [task]}, scheduler=scheduler, until="1 ms")


def test_what_runs_to_completion_is_filled_by_its_load() -> None:
    """The test is asked of the cores; an NPU is filled up to a load of 1, as ever."""
    system = {
        "platform": {"processors": {"cpu": {"cores": 2}, "npu": {"kind": "npu"}}},
        "tasks": [
            {"name": "a", "wcet": {"cpu": 3}, "period": 5}, {"name": "b", "wcet": {"cpu": 3}, "period": 8},
            {"name": "c", "wcet": {"npu": 3}, "period": 6}, {"name": "d", "wcet": {"npu": 3}, "period": 6},
        ],
    }  # fmt: skip
    homes = api.policy(packed_by("rm", "response-times")).placement.homes
    assert homes is not None
    assert [row[0] for row in homes(api.load(system).lower())] == [(0,), (1,), (2,), (2,)]
