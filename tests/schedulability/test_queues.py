"""Proofs where each cluster serves its queue by an order of its own: by hand, and never green by default."""

from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.schedulability.models import Dag, DagTask, Pipelines, PipelineTask, Queues, Stage, TypedPools, Vertex
from rtsched.schedulability.theorems.dag_sets import a6_fp, a6_queues, a6_work_conserving
from rtsched.schedulability.theorems.offsets import pipelines_offsets
from rtsched.schedulability.theorems.pipelines import holistic
from rtsched.schedulability.theorems.suspending import pipelines_suspending
from rtsched.verify.verification import verify

#: An RK3588 in small: cores under fixed priorities, an NPU behind a FIFO driver.
BOARD = {
    "name": "board",
    "processors": {"big": {"kind": "cpu", "cores": 2}, "npu": {"kind": "npu"}},
}


def board(scheduler: Any, *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"platform": BOARD, "scheduler": scheduler, "tasks": list(tasks), **more}


def chain(name: str, T: int, *stages: tuple[str, int]) -> DagTask:
    vertices = tuple(Vertex(kind, c, kind) for kind, c in stages)
    return DagTask(name, Dag(vertices, tuple((i, i + 1) for i in range(len(stages) - 1))), T, T)


def two_stages(name: str, priority: int, period: int, core: str, first: int, then: int) -> dict[str, Any]:
    nodes = {
        "pre": {"wcet": {"big": f"{first} ms"}, "pin": core},
        "infer": {"wcet": {"npu": f"{then} ms"}},
    }
    graph = {"nodes": nodes, "edges": [["pre", "infer"]]}
    return {"name": name, "priority": priority, "period": f"{period} ms", "graph": graph}


CONTROL = {"name": "control", "priority": 0, "period": "5 ms", "wcet": {"big": "1 ms"}, "pin": "big0"}


def test_by_hand() -> None:
    """detect: 2 on the core behind control's 1 a period, 8 on the NPU behind all of segment's 6, whatever its rank."""
    found = verify(
        board("fp+npu=fifo", CONTROL, two_stages("detect", 1, 40, "big0", 2, 8), two_stages("segment", 2, 60, "big1", 2, 6)),
        runs=2,
    )  # fmt: skip
    assert found.verdict == "schedulable"
    # on the core 2 behind 1 of control; on the NPU 8 behind the 6 of segment
    bounds = {bound.task: bound.wcrt for bound in found.analysis.bounds}
    assert bounds["control"] == 1_000_000
    assert bounds["detect"] == 17_000_000
    assert bounds["segment"] == 16_000_000  # 2 + 6, and 8 of detect that came first
    assert str(found.analysis.policy) == "npu: fifo · others: fp + global, preemptive"


def test_an_order_for_each_pool_lies_between_one_for_all_and_none() -> None:
    tasks = (chain("a", 30, ("cpu", 2), ("npu", 5)), chain("b", 60, ("cpu", 9), ("npu", 4)))
    cores, modes = {"cpu": 1, "npu": 1}, {"npu": "nonpreemptive"}
    queues = Queues({"cpu": "FP", "npu": "FIFO"}, {"cpu": ("a", "b")})
    mixed = a6_queues(TypedPools(tasks, cores, "any", modes, queues=queues)).responses
    assert mixed == [11, 20]  # a: 2 + 5 + the 4 of b; b: 13 + the 7 of a
    assert a6_fp(TypedPools(tasks, cores, "FP", modes)).responses[0] == 10  # blocked by a tick less than b's 4
    assert a6_work_conserving(TypedPools(tasks, cores, "any", modes)).responses == [20, 27]
    both = Queues({"cpu": "FP", "npu": "FP"}, {"cpu": ("a", "b"), "npu": ("b", "a")})
    assert a6_queues(TypedPools(tasks, cores, "any", modes, queues=both)).responses == [
        11,
        19,
    ]  # b: 13, 2 of a on the core, and all but a tick of the 5 that it may have begun


def test_pools_under_edf_count_what_deadlines_allow() -> None:
    tasks = (chain("a", 10, ("cpu", 2), ("npu", 2)), chain("b", 40, ("cpu", 3), ("npu", 3)))
    queues = Queues({"cpu": "EDF", "npu": "FIFO"}, {})
    found = a6_queues(TypedPools(tasks, {"cpu": 1, "npu": 1}, "any", {}, queues=queues))
    assert found.verdict == "schedulable"
    alone = a6_work_conserving(TypedPools(tasks, {"cpu": 1, "npu": 1}, "any", {}))
    assert found.responses[0] <= (alone.responses[0] or 99)


def test_stages_wait_for_all_others_in_a_queue_without_priorities() -> None:
    """A stage of 8 behind 5 of a less urgent one, which under priorities blocks by a tick less, or its own job before."""
    urgent = PipelineTask("urgent", (Stage("cpu", 2), Stage("npu", 8)), 50, 50)
    other = PipelineTask("other", (Stage("cpu", 3), Stage("npu", 5)), 60, 60)
    modes: Any = {"cpu": "preemptive", "npu": "nonpreemptive"}
    ranked = Pipelines((urgent, other), modes)
    fifo = Pipelines((urgent, other), modes, queues=Queues({"cpu": "FP", "npu": "FIFO"}, {"cpu": ("urgent", "other")}))
    assert holistic(ranked).responses[0] == 2 + 7 + 8
    assert holistic(fifo).responses[0] == 2 + 5 + 8
    for theorem in (pipelines_suspending, pipelines_offsets):
        assert "those do not serve the queue of 'npu'" in str(theorem(fifo).reason)


def test_a_part_in_one_cluster_has_the_policy_of_that_cluster() -> None:
    alone = {"name": "scan", "priority": 3, "period": "30 ms", "wcet": {"npu": "4 ms"}}
    found = verify(board("fp+npu=fifo", CONTROL, {**alone, "name": "a"}, alone), runs=0)
    tests = {part.view.name: part.proven_by() for part in found.analysis.parts}
    assert "fp-rta" in tests["big0"]
    assert "fifo-rta" in tests["npu"]
    assert "np-fp-rta" not in tests["npu"]


def test_modes_of_clusters_reach_the_models() -> None:
    low = {"name": "low", "priority": 9, "period": "50 ms", "wcet": {"big": "8 ms"}, "pin": "big0"}
    found = verify(board({"ordering": "fp", "big": {"preemption": "nonpreemptive"}}, CONTROL, low), runs=0)
    assert found.analysis.bounds[0].wcrt is None or found.analysis.bounds[0].wcrt > 5_000_000  # behind 8 ms of low
    found = verify(board({"name": "fp+nonpreemptive", "big": {"preemption": "preemptive"}}, CONTROL, low), runs=0)
    assert found.analysis.bounds[0].wcrt == 1_000_000


def test_tasks_that_release_each_other_across_clusters() -> None:
    tasks = [
        {"name": "grab", "priority": 1, "period": "40 ms", "wcet": {"big": "2 ms"}, "pin": "big0"},
        {"name": "infer", "priority": 1, "after": "grab", "deadline": "30 ms", "wcet": {"npu": "8 ms"}},
        {"name": "scan", "priority": 2, "period": "50 ms", "wcet": {"npu": "5 ms"}},
    ]
    found = verify(board("fp+npu=fifo", *tasks), runs=2)
    assert [bound.wcrt for bound in found.analysis.bounds] == [2_000_000, 13_000_000, 13_000_000]
    assert found.analysis.parts[0].proven_by() == ["compositional"]


@pytest.mark.parametrize(
    ("scheduler", "more", "why"),
    [
        ("fp+big=edf", {"overheads": {"context_switch": "1 us"}}, ""),
        ("fp+npu=llf", {"overheads": {"context_switch": "1 us"}}, "switches is not bounded here"),
        ("fp+npu=dbp-style", {}, "is told events"),
        ({"ordering": "fp", "npu": "fifo", "adaptation": "early-exit"}, {}, ""),
        ({"ordering": "fp", "npu": "dysta-oracle"}, {}, "is told events"),
    ],
)  # fmt: skip
def test_what_no_theorem_knows_of_one_cluster_is_unknown(scheduler: Any, more: dict[str, Any], why: str) -> None:
    tasks = (two_stages("a", 1, 40, "big0", 2, 8), two_stages("b", 2, 60, "big1", 2, 6))
    found = verify(board(scheduler, *tasks, **more), runs=0)
    if why:
        assert found.verdict == "unknown"
        assert any(why in str(part.result.reason) for part in found.analysis.parts)
    else:
        assert found.verdict == "schedulable"


def test_the_others_are_proven_whatever_one_cluster_does() -> None:
    scan = {"name": "scan", "priority": 3, "period": "30 ms", "wcet": {"npu": "4 ms"}}
    found = verify(board("fp+npu=dbp-style", CONTROL, scan), runs=0)
    assert {part.view.name: part.result.verdict for part in found.analysis.parts} == {
        "big0": "schedulable",
        "npu": "unknown",
    }


def test_who_moves_between_two_rules_is_unknown_as_the_simulator_refuses_it() -> None:
    chip = {"name": "chip", "processors": {"big": {"kind": "cpu"}, "little": {"kind": "cpu"}}}
    tasks = [{"name": "free", "period": "10 ms", "wcet": {"big": "1 ms", "little": "1 ms"}}]
    spec = api.load({"platform": chip, "scheduler": "edf", "tasks": tasks}).lower()
    from rtsched.schedulability.analyse import analyse

    found = analyse(spec, api.policy("fp+little=fifo"))
    assert "may move between big and little, whose queues are served by other rules" in str(
        found.parts[0].result.reason
    )
    assert analyse(spec, api.policy("fp+little=fp")).verdict == "schedulable"


def test_a_run_shows_what_the_wrong_order_would_hide() -> None:
    """Under fixed priorities everywhere the bound is below what the FIFO queue does: the orders are told apart."""
    tasks = (two_stages("detect", 1, 40, "big0", 2, 8), two_stages("segment", 2, 60, "big1", 1, 10),
             two_stages("plan", 3, 80, "big1", 1, 9))  # fmt: skip
    trace = rtsched.simulate(board("fp+npu=fifo", *tasks, simulate={"until": "1 ms"}))
    seen = int(trace.jobs["finish"][trace.jobs["task"] == 0][0])
    ranked = verify(board("fp", *tasks), runs=0).analysis.bounds[0].wcrt
    mixed = verify(board("fp+npu=fifo", *tasks), runs=0).analysis.bounds[0].wcrt
    assert ranked is not None
    assert mixed is not None
    assert seen <= ranked < mixed == 29_000_000  # 10 of its own, 10 and 9 of those that came before
