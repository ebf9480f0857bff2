"""Tasks that share a core and wait elsewhere, from a file: as tasks that suspend themselves."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.schedulability.models import Uniprocessor
from rtsched.verify.actions.search import actions
from rtsched.verify.verification import verify
from tests.schedulability.drawn_policies import bounds_that_hold

ALONE = {"name": "board", "processors": {"cpu": {"kind": "cpu"}, "npu": {"kind": "npu"}, "dsp": {"kind": "dsp"}}}
LOOP = {"name": "loop", "period": "8 ms", "wcet": {"cpu": "2 ms"}, "priority": 0}


def net(name: str, period: int, unit: str, first: int, then: int, last: int, **more: Any) -> dict[str, Any]:
    nodes = {
        "pre": {"wcet": {"cpu": f"{first} ms"}},
        "infer": {"wcet": {unit: f"{then} ms"}},
        "post": {"wcet": {"cpu": f"{last} ms"}},
    }
    edges = [["pre", "infer"], ["infer", "post"]]
    return {"name": name, "period": f"{period} ms", "graph": {"nodes": nodes, "edges": edges}, **more}


def found(scheduler: Any, *tasks: dict[str, Any], platform: Any = ALONE) -> Any:
    return verify({"platform": platform, "scheduler": scheduler, "tasks": list(tasks)}, runs=0).analysis


def suspending(scheduler: Any, *tasks: dict[str, Any], platform: Any = ALONE) -> list[Uniprocessor]:
    (part,) = found(scheduler, *tasks, platform=platform).parts
    return [model for model in part.view.models if isinstance(model, Uniprocessor)]


def test_accelerators_of_their_own() -> None:
    tasks = LOOP, net("detect", 9, "npu", 1, 1, 1, priority=1), net("segment", 20, "dsp", 2, 3, 1, priority=2)
    for order in ("fp", "edf"):
        (model,) = suspending(order, *tasks)
        assert [(task.name, task.C, task.S) for task in model.tasks] == [
            ("loop", 2_000_000, 0),
            ("detect", 2_000_000, 1_000_000),
            ("segment", 3_000_000, 3_000_000),
        ]
        analysis = found(order, *tasks)
        assert analysis.verdict == "schedulable"
        (part,) = analysis.parts
        wanted = "edf-suspension-windows" if order == "edf" else "suspension-framework"
        assert wanted in part.proven_by()


def test_a_queue_that_serves_by_arrival() -> None:
    tasks = LOOP, net("detect", 30, "npu", 1, 4, 1, priority=1), net("segment", 40, "npu", 2, 6, 1, priority=2)
    (model,) = suspending("edf+npu=fifo", *tasks)
    assert [task.S for task in model.tasks] == [0, 10_000_000, 10_000_000]  # its own, behind one of the other's
    assert found("edf+npu=fifo", *tasks).verdict == "schedulable"
    assert suspending("edf", *tasks) == []  # by deadline, a request may wait for several


def test_jitter_is_a_suspension_before_the_first_node_and_late_deadlines_are_bounded() -> None:
    late = net("detect", 9, "npu", 2, 3, 1, deadline="20 ms")
    (model,) = suspending("edf", {**LOOP, "jitter": "1 ms"}, late)
    assert [(task.D > task.T, task.S) for task in model.tasks] == [(False, 1_000_000), (True, 3_000_000)]
    assert suspending("edf", LOOP, {**late, "jitter": "1 ms"}) == []  # releases may overtake each other
    assert found("edf", LOOP, late).verdict == "schedulable"
    assert found("fp", {**LOOP, "priority": 0}, {**late, "priority": 1}).verdict == "schedulable"


def test_who_does_not_use_the_core_that_all_share_keeps_the_others_out() -> None:
    two = {"name": "board", "processors": {"cpu": {"kind": "cpu"}, "arm": {"kind": "cpu"}, "npu": {"kind": "npu"}}}
    other = net("other", 40, "npu", 1, 4, 1)
    for node in ("pre", "post"):
        other["graph"]["nodes"][node] = {"wcet": {"arm": "1 ms"}}
    assert suspending("edf+npu=fifo", LOOP, net("detect", 30, "npu", 1, 4, 1), other, platform=two) == []


def test_priorities_are_proposed() -> None:
    tasks = (
        {**LOOP, "wcet": {"cpu": "5 ms"}, "period": "12 ms", "deadline": "11 ms"},
        net("net", 12, "npu", 1, 6, 1, priority=1),
    )
    verification = verify({"platform": ALONE, "scheduler": "fp", "tasks": list(tasks)}, runs=0)
    assert verification.verdict != "schedulable"
    first = actions(verification, most=3).made[0]
    assert first.kind == "priorities"
    assert "net, loop" in first.text
    assert first.verdict == "schedulable"


def test_no_run_beats_what_is_proven() -> None:
    assert bounds_that_hold("waiting", range(1))


@pytest.mark.slow
def test_no_run_beats_what_is_proven_of_many() -> None:
    assert bounds_that_hold("waiting", range(600)) > 500
