"""EDZL beside its theorem: what EDF is proven of it is, more besides, and mutants that a run must notice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import Cluster, Sporadic
from rtsched.schedulability.theorems import zero_laxity
from rtsched.schedulability.theorems.multiprocessor import gfb, global_edf_rta
from rtsched.schedulability.theorems.zero_laxity import edzl
from rtsched.schedulers.orderings.zero_laxity import EDZL
from rtsched.verify.examine import examine
from rtsched.verify.generate import processors_of
from rtsched.verify.verification import Verification, verify
from tests.schedulability.drawn_policies import bounds_that_hold

DHALL: dict[str, Any] = {
    "platform": "multicore:2",
    "tasks": [
        {"name": "a", "wcet": "1 ms", "period": "5 ms"},
        {"name": "b", "wcet": "1 ms", "period": "5 ms"},
        {"name": "c", "wcet": "6 ms", "period": "6 ms"},
    ],
}


def analysed(change: dict[str, Any] | None = None, policy: Any = "edzl") -> Verification:
    return verify(DHALL | (change or {}), scheduler=policy, runs=3)


def test_dhalls_tasks_are_proven_and_edf_misses() -> None:
    """Only c can come to have no laxity, and m + 1 = 3 tasks would have to for a miss."""
    found = analysed()
    assert found.verdict == "schedulable"
    assert found.analysis.parts[0].proven_by() == ["edzl"]
    assert analysed(policy="edf").verdict == "unschedulable"


def test_where_edf_is_proven_the_bounds_are_those_of_edf() -> None:
    tasks = (Sporadic("a", 2, 10, 10), Sporadic("b", 3, 10, 10), Sporadic("c", 4, 12, 12))
    edf = Cluster(tasks, 2, "EDF")
    assert edzl(replace(edf, order="EDZL")).responses == global_edf_rta(edf).responses
    late = Cluster((Sporadic("a", 1, 2, 7), Sporadic("b", 1, 2, 5), Sporadic("c", 1, 4, 4)), 2, "EDF")  # D > T
    assert gfb(late).verdict == edzl(replace(late, order="EDZL")).verdict == "schedulable"


def test_on_one_core_it_is_edf() -> None:
    full = {"platform": "uniprocessor", "tasks": [{"name": n, "wcet": "2 ms", "period": "4 ms"} for n in "ab"]}
    assert verify(full, scheduler="edzl", runs=2).verdict == "schedulable"
    assert analysed(policy="edzl+worst-fit").verdict == "schedulable"


@pytest.mark.parametrize(
    "change",
    [
        {"estimates": {"bias": 0.2}},
        {"estimates": {"noise": 0.1}},
        {"overheads": {"context_switch": "1 us"}},
        {"scheduler": {"ordering": "edzl", "preemption": "nonpreemptive"}},
        {"scheduler": {"ordering": "edzl", "adaptation": "fixed"}},
        {
            "tasks": [
                *DHALL["tasks"][:2],
                {**DHALL["tasks"][2], "execution": {"kind": "uniform", "low": 0.5, "high": 1.1}},
            ]
        },
        {"tasks": [*DHALL["tasks"][:2], {**DHALL["tasks"][2], "jitter": "1 ms"}]},
    ],
)
def test_laxities_that_are_not_those_of_the_theorem_are_unknown(change: dict[str, Any]) -> None:
    policy = change.get("scheduler", {"ordering": "edzl"})
    found = verify(DHALL | change, scheduler=policy, runs=0)
    assert all("edzl" not in part.proven_by() for part in found.analysis.parts)


def test_a_rule_derived_from_it_has_no_order_that_is_known() -> None:
    class Other(EDZL):
        def key(self, segment: Any) -> tuple[Any, ...]:
            return (-segment.job.deadline,)

    assert EDZL().traits("edzl").order == "EDZL"
    assert Other().traits("other").order == "any"


def test_no_run_beats_a_proof() -> None:
    assert bounds_that_hold("laxities", range(5))


@pytest.mark.slow
def test_no_run_of_many_beats_a_proof() -> None:
    assert bounds_that_hold("laxities", range(2000)) > 500


def test_more_tasks_without_laxity_than_there_are_processors_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores, loaded by 1.95: the test that counts who may come to have no laxity cannot be left out."""
    rows = ((1, 3, 3), (3, 14, 6), (2, 5, 5), (5, 5, 5))
    tasks = [TaskSpec(i, f"t{i}", (NodeSpec(0, "x", (C, C)),), T, D, 0) for i, (C, T, D) in enumerate(rows)]
    system = SystemSpec(processors_of(("cpu", "cpu", 2)), tuple(tasks), "mutant")
    assert examine(system, {"ordering": "edzl"}, 27).violations == []
    monkeypatch.setattr(zero_laxity, "_out_of_laxity", lambda model: ([], []))
    assert any(each.kind == "late" for each in examine(system, {"ordering": "edzl"}, 27).violations)
