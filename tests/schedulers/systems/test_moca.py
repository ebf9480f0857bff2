"""MoCA-style: who contends for the memory gets of it by urgency and demand."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.trace.trace import Trace

BOARD = {
    "name": "board",
    "processors": {"a": {"kind": "npu"}, "b": {"kind": "npu"}},
    "memory": {"bandwidth": "10 GB/s", "contention": {"model": "proportional", "usable": 1.0}},
}


def one(name: str, place: str, time: float, deadline: float, demand: float = 0, **more: Any) -> dict[str, Any]:
    memory = {"memory": {"bound": 1.0, "demand": f"{demand} GB/s"}} if demand else {}
    times = dict.fromkeys(place, f"{time} ms")
    return {"name": name, "wcet": times, "release": "0 ms", "deadline": f"{deadline} ms", **memory, **more}


def run(system: Any, policy: Any = "moca-style", **options: Any) -> Trace:
    trace = rtsched.simulate(system, scheduler=policy, **options)
    assert trace.check() == []
    return trace


def ends(trace: Trace) -> list[float]:
    """When every job ended, in ms, to a microsecond."""
    return [round(int(job["finish"]) / 1e6, 3) for job in trace.jobs]


def test_bandwidth_goes_by_score_and_demand() -> None:
    """Both ask for 8 of 10 GB/s; scores are 3 + 4 / 8 and 1 + 4 / 8: caps of 7 and 3 GB/s.

    So x takes 4 * 8 / 7 = 4.571 ms. By then y has done 4.571 * 3 / 8 = 1.714 of its 4 ms, and the rest at full speed.
    """
    tasks = [one("x", "a", 4, 8, 8, weight=3), one("y", "b", 4, 8, 8)]
    assert ends(run({"platform": BOARD, "tasks": tasks})) == [4.571, 6.857]
    assert ends(run({"platform": BOARD, "tasks": tasks}, "edf")) == [6.4, 6.4]


def test_who_asks_for_no_more_than_there_is_has_no_cap() -> None:
    tasks = [one("x", "a", 4, 8, 6, weight=3), one("y", "b", 4, 8, 4)]
    trace = run({"platform": BOARD, "tasks": tasks})
    assert ends(trace) == [4.0, 4.0]
    assert not len(trace.changes)


def test_weight_and_waiting_decide_who_is_next() -> None:
    """At 4 ms: q has waited 4 of its 2 ms: 1 + 2. r, 2 ms, has a weight of 2.5, and 2.5 + 2 = 4.5."""
    tasks = [one("x", "a", 4, 50, 1, weight=9), one("q", "a", 2, 50), one("r", "a", 2, 50, weight=2.5)]
    assert ends(run({"platform": BOARD, "tasks": tasks})) == [4.0, 8.0, 6.0]


def test_while_the_memory_is_full_who_asks_for_little_goes_first() -> None:
    """x takes all of it; then b is free for light (4 of 10 GB/s, below half) though heavy (6) weighs more."""
    tasks = [one("x", "a", 6, 50, 10, weight=9), one("heavy", "b", 2, 50, 6, weight=5), one("light", "b", 2, 50, 4)]
    trace = run({"platform": BOARD, "tasks": tasks})
    starts = {trace.system.tasks[int(job["task"])].name: int(job["start"]) for job in trace.jobs}
    assert starts["light"] < starts["heavy"]
    quiet = [{**tasks[0], "memory": {"bound": 1.0, "demand": "9 GB/s"}}, *tasks[1:]]
    trace = run({"platform": BOARD, "tasks": quiet})
    starts = {trace.system.tasks[int(job["task"])].name: int(job["start"]) for job in trace.jobs}
    assert starts["heavy"] < starts["light"]


def test_it_runs_on_the_catalogue() -> None:
    hard = {each: rtsched.summary(run("memory_contention", each)).tasks[0].misses for each in ("edf", "moca-style")}
    assert hard["moca-style"] <= hard["edf"]


def test_what_drains_keeps_its_cap() -> None:
    tasks = [one("x", "a", 4, 3, 8, weight=3, on_miss="abort"), one("y", "b", 4, 20, 8), one("z", "b", 4, 20, 8)]
    assert ends(run({"platform": BOARD, "tasks": tasks}))[1] > 4


def test_what_it_needs_is_said() -> None:
    for system in ("drone_xavier_nx", {"platform": BOARD, "tasks": [one("x", "a", 4, 8)]}):
        with pytest.raises(SchedulerError, match="no bandwidth to contend for in this run; give the platform"):
            rtsched.simulate(system, scheduler="moca-style")
    matrix = {"model": "pairwise", "pairs": [{"victim": "a", "beside": "b", "slowdown": 1.5}]}
    board = {**BOARD, "memory": {"bandwidth": "10 GB/s", "contention": matrix}}
    with pytest.raises(SchedulerError, match="does not know what a cap changes"):
        rtsched.simulate({"platform": board, "tasks": [one("x", "a", 4, 8, 3)]}, scheduler="moca-style")
