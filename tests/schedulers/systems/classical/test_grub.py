"""Reclaiming: the example of Linux' documentation of SCHED_DEADLINE, and nobody loses what it may claim."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched import units
from rtsched.errors import SchedulerError


def task(name: str, budget: str, period: str, *jobs: tuple[float, float], deadline: str = "1 s") -> dict[str, Any]:
    """Jobs (arrival and length in ms) with a server."""
    times, lengths = [f"{at} ms" for at, _ in jobs], [f"{length} ms" for _, length in jobs]
    return {
        "name": name, "wcet": "9 ms", "deadline": deadline, "budget": budget, "server_period": period,
        "arrival": {"kind": "trace", "times": times, "execution": lengths},
    }  # fmt: skip


def schedule(policy: Any, until: str, *tasks: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms."""
    trace = rtsched.simulate({"platform": "uniprocessor", "tasks": list(tasks)}, scheduler=policy, until=until)
    assert trace.check() == []
    rows = [(trace.jobs["task"][s["job"]], s["start"] / units.MS, s["end"] / units.MS) for s in trace.slices]
    return [(tasks[index]["name"], float(start), float(end)) for index, start, end in rows]


def test_the_example_of_linux_documentation() -> None:
    """Two of 4/8. The first stops at 2 with 2 left: its 0-lag time is 4. From 4 on the second pays half: it lasts to 8."""
    tasks = (task("t1", "4 ms", "8 ms", (0, 2), (8, 2)), task("t2", "4 ms", "8 ms", (0, 9)))
    assert schedule("grub", "20 ms", *tasks)[:3] == [("t1", 0, 2), ("t2", 2, 8), ("t1", 8, 10)]
    assert schedule("cbs", "20 ms", *tasks)[:3] == [("t1", 0, 2), ("t2", 2, 6), ("t1", 8, 10)]  # throttled till 8


def test_bandwidth_that_nobody_has_is_reclaimed_too() -> None:
    """Alone with 1/4 of the processor: 1 ms of budget lasts for 4."""
    assert schedule("grub", "20 ms", task("t", "1 ms", "4 ms", (0, 6))) == [("t", 0, 6)]
    assert schedule("cbs", "30 ms", task("t", "1 ms", "4 ms", (0, 3))) == [("t", 0, 1), ("t", 4, 5), ("t", 8, 9)]


def test_nobody_is_late_whose_server_would_keep_its_deadline_alone() -> None:
    """Two servers full of work, and one that asks for less than it has at odd times: all its jobs are in time."""
    polite = task("polite", "2 ms", "8 ms", *((10.4 * k + k % 3, 2) for k in range(19)), deadline="8 ms")
    greedy = [task(name, "3 ms", "8 ms", *((4.0 * k, 5) for k in range(40))) for name in ("a", "b")]
    system = {"platform": "uniprocessor", "tasks": [*greedy, polite]}
    trace = rtsched.simulate(system, scheduler="grub", until="200 ms")
    assert trace.check() == []
    assert {each.name: each.misses for each in rtsched.summary(trace).tasks}["polite"] == 0


def test_what_it_does_not_know_is_refused() -> None:
    two = [task("a", "3 ms", "4 ms", (0, 1)), task("b", "3 ms", "4 ms", (0, 1))]
    with pytest.raises(SchedulerError, match=r"grub: the servers have 1.500 of the processor"):
        schedule("grub", "9 ms", *two)
    with pytest.raises(SchedulerError, match="grub: it shares out one processor, and the tasks may use 2"):
        rtsched.simulate({"platform": "multicore:2", "tasks": two}, scheduler="grub")
