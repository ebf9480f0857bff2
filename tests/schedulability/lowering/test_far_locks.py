"""Locks beside tasks that release each other across processors, and what switches cost beside locks."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.verify.basis import basis_of
from rtsched.verify.verification import Verification, verify

BOARD = {"name": "board", "processors": {"cpu": {"cores": 2}, "npu": {"kind": "npu"}}}


def system(protocol: str = "ceiling", pin: str = "cpu0", **more: Any) -> dict[str, Any]:
    """A fast loop and a slow task share a lock on one core; the slow one hands a picture to the NPU."""
    section = {"resource": "state", "start": "1 ms", "length": "2 ms"}
    return {
        "name": "s",
        "platform": BOARD,
        "scheduler": {"ordering": "fp", "placement": "pinned", "npu": {"ordering": "fifo"}},
        "resources": {"state": {"protocol": protocol}},
        "tasks": [
            {"name": "loop", "wcet": {"cpu": "2 ms"}, "period": "10 ms", "priority": 1, "pin": "cpu0",
             "sections": [{"resource": "state", "start": "0 ms", "length": "1 ms"}]},
            {"name": "grab", "wcet": {"cpu": "3 ms"}, "period": "40 ms", "priority": 2, "pin": pin, "sections": [section]},
            {"name": "infer", "wcet": {"npu": "9 ms"}, "after": "grab", "deadline": "40 ms", "priority": 3, "pin": "npu"},
            {"name": "mark", "wcet": {"npu": "4 ms"}, "period": "40 ms", "priority": 4, "pin": "npu"},
        ],
    } | more  # fmt: skip


def bounds(found: Verification) -> dict[str, int | None]:
    return {bound.task: None if bound.wcrt is None else bound.wcrt // 1000 for bound in found.bounds}


@pytest.mark.parametrize("protocol", ["ceiling", "inheritance", "original-ceiling"])
def test_a_lock_on_one_core_is_bounded_beside_what_that_core_triggers_elsewhere(protocol: str) -> None:
    found = verify(system(protocol), runs=3)
    assert found.verdict == "schedulable"
    assert bounds(found) == {"loop": 4_000, "grab": 5_000, "infer": 13_000, "mark": 13_000}
    (blocked,) = [part.amount for part in found.bounds[0].parts if part.kind == "blocking"]
    assert blocked == 2_000_000
    assert not [part for bound in found.bounds[2:] for part in bound.parts if "lock" in part.source]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (system(pin="cpu1"), "tasks on several processors share 'state'"),
        (system(scheduler={"ordering": "edf", "placement": "pinned", "npu": {"ordering": "fp"}}), "fixed priorities only"),
        (system("inheritance", overheads={"context_switch": "10 us"}), "under protocol: ceiling only"),
    ],
)  # fmt: skip
def test_what_is_not_bounded_is_said(changed: dict[str, Any], said: str) -> None:
    found = verify(changed, runs=0)
    assert found.verdict == "unknown"
    assert said in str(next(part.view.obstacle for part in found.analysis.parts if part.view.obstacle is not None))


def test_switches_are_counted_beside_the_ceiling() -> None:
    """The holder starts (1 ms), and its section (4 ms) with it; whom it blocks starts (1 ms) and runs for 2 ms."""
    tasks = [
        {"name": "high", "wcet": "2 ms", "period": "100 ms", "priority": 1, "offset": "1 ns",
         "sections": [{"resource": "x", "start": "1 ms", "length": "1 ms"}]},
        {"name": "low", "wcet": "5 ms", "period": "100 ms", "priority": 2,
         "sections": [{"resource": "x", "start": "0 ms", "length": "4 ms"}]},
    ]  # fmt: skip
    found = verify(
        {"name": "one", "platform": "uniprocessor", "scheduler": "fp", "resources": {"x": {"protocol": "ceiling"}},
         "overheads": {"context_switch": "1 ms"}, "tasks": tasks},
        runs=1,
    )  # fmt: skip
    assert found.bounds[0].wcrt == 8_000_000
    assert found.observed(0) == 7_999_999


@pytest.mark.parametrize(
    ("weak", "loops"), [("loop", "typical"), ("grab", "typical"), ("infer", "declared"), ("mark", "declared")]
)
def test_whoever_is_blocked_rests_on_the_times_of_holders_and_of_nobody_else(weak: str, loops: str) -> None:
    described = system()
    for task in described["tasks"]:
        if task["name"] == weak:
            task["origin"] = {"kind": "typical", "n": 9}
    found = verify(described, runs=0)
    assert (basis_of(found, [0]), found.basis) == (loops, "typical")
