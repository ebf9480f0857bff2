"""The constant-bandwidth server on the example of Abeni and Buttazzo (RTSS 1998) and in its throttled form."""

from __future__ import annotations

from dataclasses import replace

from rtsched.engine.simulation import run
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulers.systems.cbs import ConstantBandwidthServer

CPU = (ProcessorSpec(0, "cpu", "cpu"),)


def served(wcet: int, arrivals: tuple[int, ...], budget: int, period: int, execution: tuple[int, ...]) -> TaskSpec:
    """A server of (budget, period) for a task with recorded arrivals."""
    trace = TraceArrivals(kind="trace", times=arrivals, execution=execution)
    return TaskSpec(
        1, "served", (NodeSpec(0, "0", (wcet,)),), None, 100, 1, arrival=trace, budget=budget, server_period=period
    )


def hard() -> TaskSpec:
    """A periodic task that fits its own server exactly."""
    return TaskSpec(0, "hard", (NodeSpec(0, "0", (4,)),), 7, 7, 0, budget=4, server_period=7)


def slices(throttle: bool) -> list[tuple[str, int, int]]:
    system = SystemSpec(CPU, (hard(), served(4, (3, 13), 3, 8, (4, 3))))
    trace = run(system, ConstantBandwidthServer(throttle), until=21, drain="all")
    assert trace.check() == []
    names = ("hard", "served")
    return [(names[trace.jobs["task"][row["job"]]], int(row["start"]), int(row["end"])) for row in trace.slices]


def test_the_papers_server_postpones_its_deadline() -> None:
    # request 1 (t=3, C=4): d=11; budget gone at 7, d=19; request 2 (t=13): 2 left < 6 * 3/8, so d stays 19
    assert slices(throttle=False) == [
        ("hard", 0, 4), ("served", 4, 7), ("hard", 7, 11), ("served", 11, 12), ("served", 13, 15), ("hard", 15, 19),
        ("served", 19, 20),
    ]  # fmt: skip


def test_the_throttled_server_waits_for_its_deadline() -> None:
    # budget gone at 7, so nothing before 11 (d=11); then 1 more unit, and 2 of budget to d=19; gone at 15, back at 19
    assert slices(throttle=True) == [
        ("hard", 0, 4), ("served", 4, 7), ("hard", 7, 11), ("served", 11, 12), ("served", 13, 15), ("hard", 15, 19),
        ("served", 19, 20),
    ]  # fmt: skip


def test_a_server_isolates_the_others_from_an_overrun() -> None:
    # the served task runs all the time if it can; the hard one must not notice
    system = SystemSpec(CPU, (hard(), served(4, tuple(range(0, 70, 5)), 3, 7, (9,) * 14)))
    trace = run(system, ConstantBandwidthServer(), until=70)
    assert trace.check() == []
    mine = trace.jobs[trace.jobs["task"] == 0]
    assert (mine["outcome"] == 0).all()
    others = trace.slices[trace.jobs["task"][trace.slices["job"]] == 1]
    for window in range(0, 70, 7):
        inside = [min(row["end"], window + 7) - max(row["start"], window) for row in others]
        assert sum(max(0, time) for time in inside) <= 3


def test_a_request_that_comes_as_the_last_one_ends_finds_the_budget_used_up() -> None:
    # request 1 uses all 4 of d=7 by 4; request 2 comes at 4: nothing is left, so d stays 7, and 4 more are there then
    system = SystemSpec(CPU, (served(4, (0, 4), 4, 7, (4, 4)),))
    system = replace(system, tasks=(replace(system.tasks[0], index=0),))
    trace = run(system, ConstantBandwidthServer(), until=20, drain="all")
    assert [(int(row["start"]), int(row["end"])) for row in trace.slices] == [(0, 4), (7, 11)]
