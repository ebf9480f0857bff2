"""RTDeepEnsemble's members in the slack, by hand and at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.trace.trace import OK, Trace
from rtsched.units import MS

POLICY = {"ordering": "edf", "adaptation": "rtdeepensemble-style"}


def ensemble(
    name: str, period: int, times: tuple[int, ...], accuracies: tuple[float, ...], **more: Any
) -> dict[str, Any]:
    """A base network and further members, in ms, with what is right up to each."""
    nodes = {f"m{number}": {"wcet": f"{time} ms"} for number, time in enumerate(times)}
    edges = [[f"m{number}", f"m{number + 1}"] for number in range(len(times) - 1)]
    exits = [{"node": f"m{number}", "accuracy": accuracy} for number, accuracy in enumerate(accuracies)]
    graph = {"nodes": nodes, "edges": edges}
    return {"name": name, "period": f"{period} ms", "graph": graph, "exits": exits, **more}


def run(tasks: list[dict[str, Any]], policy: Any, until: str) -> Trace:
    trace = rtsched.simulate({"platform": "uniprocessor", "tasks": tasks}, scheduler=policy, until=until)
    assert trace.check() == []
    return trace


def pieces(trace: Trace) -> list[tuple[int, int, int, int]]:
    """(job, node, start, end) in ms."""
    return [(int(s["job"]), int(s["node"]), int(s["start"]) // MS, int(s["end"]) // MS) for s in trace.slices]


A = ensemble("a", 20, (2, 4, 4), (0.6, 0.8, 0.85), deadline="12 ms")
B = ensemble("b", 20, (3, 4), (0.6, 0.7), deadline="14 ms")


def test_members_that_are_worth_most_fill_the_slack() -> None:
    """Base networks: 2 by 12, 5 by 14: 10 and 9 ms free. 8 of 9 go to a's first (0.2) and b's (0.1), not a's second."""
    assert pieces(run([A, B], POLICY, "20 ms")) == [(0, 0, 0, 2), (0, 1, 2, 6), (1, 0, 6, 9), (1, 1, 9, 13)]
    # with b due at 12, too, 7 ms are free: for one member only, and b's is worth more if b weighs three times as much
    tight = [A, B | {"deadline": "12 ms", "weight": 3}]
    assert pieces(run(tight, POLICY, "20 ms")) == [(0, 0, 0, 2), (1, 0, 2, 5), (1, 1, 5, 9)]


def test_mandatory_work_to_come_keeps_its_slack() -> None:
    """A control loop of 3 ms every 10, done within 4. By 12 there are 3 + 2 to do, by 14 3 more: 6 free, for one member.

    That the loop has but 1 ms to spare by 4 does not matter to a member that is due at 12.
    """
    control = {"name": "control", "wcet": "3 ms", "period": "10 ms", "deadline": "4 ms"}
    trace = run([A, control], POLICY, "20 ms")
    assert pieces(trace) == [(1, 0, 0, 3), (0, 0, 3, 5), (0, 1, 5, 9), (2, 0, 10, 13)]


def test_a_better_member_takes_the_place_of_one_that_has_not_begun() -> None:
    """At 0 a's two members fit: 10 of 12. At 4, in its first, b comes: 2 left, 3 and 4 by 11, and 1 for the second."""
    late = ensemble("b", 20, (3, 4), (0.5, 0.95), offset="4 ms", deadline="9 ms")
    assert pieces(run([A, late], POLICY, "20 ms")) == [(0, 0, 0, 2), (0, 1, 2, 6), (1, 0, 6, 9), (1, 1, 9, 13)]


def test_no_deadline_is_missed_that_base_networks_keep() -> None:
    random = np.random.default_rng(8)
    kept = grown = 0
    for _ in range(40):
        tasks = []
        for index in range(3):
            period = int(random.integers(8, 30))
            times = tuple(int(random.integers(1, 1 + period // most)) for most in (4, 3, 3))
            due = f"{int(random.integers(period // 2, period + 1))} ms"
            tasks.append(ensemble(f"e{index}", period, times, (0.6, 0.8, 0.9), deadline=due))
        least = {"ordering": "edf", "adaptation": {"name": "early-exit", "threshold": 0.0}}
        if (run(tasks, least, "300 ms").jobs["outcome"] == OK).all():
            kept += 1
            trace = run(tasks, POLICY, "300 ms")
            assert (trace.jobs["outcome"] == OK).all()
            grown += bool((trace.slices["node"] > 0).any())
    assert kept > 10
    assert grown > 10


def test_it_wants_exits() -> None:
    with pytest.raises(SchedulerError, match="no task has 'exits'"):
        run([{"name": "t", "wcet": "1 ms", "period": "5 ms"}], POLICY, "10 ms")
