"""EDF-VD: virtual deadlines, the change of criticality, and hard tasks that are never late where the theorem says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import units
from rtsched.errors import SchedulerError
from rtsched.verify.criticality import levels
from rtsched.verify.verification import verify


def low(name: str, wcet: str, period: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "wcet": wcet, "period": period, **more}


def high(name: str, budget: str, wcet: str, period: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "budget": budget, "wcet": wcet, "period": period, "criticality": "hard", **more}


def system(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"platform": "uniprocessor", "scheduler": "edf-vd-style", "tasks": list(tasks)}


#: U_LO(LO) = 0.4, U_HI(LO) = 0.3, U_HI(HI) = 0.8: EDF would need 1.2; x = 0.3 / 0.6 = 1/2, and 0.5 * 0.4 + 0.8 = 1.
PAIR = system(low("a", "4 ms", "10 ms"), high("b", "3 ms", "8 ms", "10 ms"))


def slices(trace: Any) -> list[tuple[int, int, int]]:
    """(job, start, end) in ms."""
    return [(int(s["job"]), int(s["start"]) // units.MS, int(s["end"]) // units.MS) for s in trace.slices]


def test_a_hard_job_beyond_its_budget_drops_the_others() -> None:
    """b is due at 5 by x = 1/2 and goes first; at 3 it is not done: a goes, and b has until 10. So in each period."""
    trace = rtsched.simulate(PAIR, until="20 ms")
    assert trace.check() == []
    assert slices(trace) == [(1, 0, 8), (3, 10, 18)]
    assert {each.name: each.misses for each in rtsched.summary(trace).tasks} == {"a": 2, "b": 0}


def test_while_budgets_hold_all_are_in_time() -> None:
    """b takes its 3 and no more: it goes first by its virtual deadline, and a follows, each time."""
    varied = [PAIR["tasks"][0], {**PAIR["tasks"][1], "execution": {"kind": "empirical", "samples": ["3 ms"]}}]
    trace = rtsched.simulate({**PAIR, "tasks": varied}, until="20 ms")
    assert slices(trace) == [(1, 0, 3), (0, 3, 7), (3, 10, 13), (2, 13, 17)]


def test_the_low_mode_comes_back_when_no_hard_job_is_left() -> None:
    """b is done at 8, in the high mode; a's job of 9 runs (due at 14), that of 4 was dropped as it came."""
    tasks = (low("a", "1 ms", "5 ms", offset="4 ms"), high("b", "2 ms", "8 ms", "10 ms", count=1))
    trace = rtsched.simulate(system(*tasks, low("c", "1 ms", "10 ms")), until="14 ms")
    assert slices(trace) == [(0, 0, 8), (3, 9, 10), (4, 10, 11)]


def test_where_edf_does_all_it_is_edf_and_all_are_proven() -> None:
    light = system(low("a", "2 ms", "10 ms"), high("b", "3 ms", "8 ms", "10 ms"))
    trace = rtsched.simulate(light, until="10 ms")
    assert slices(trace) == [(0, 0, 2), (1, 2, 10)]
    assert verify(light, runs=2).verdict == "schedulable"


def test_hard_tasks_are_proven_apart_from_the_others() -> None:
    found = verify(PAIR, runs=2)
    assert found.verdict != "schedulable"
    assert {level.criticality: level.verdict for level in levels(found)}["hard"] == "schedulable"
    assert {bound.task: bound.wcrt for bound in found.bounds} == {"a": None, "b": 10 * units.MS}
    late = system(low("a", "4 ms", "10 ms"), high("b", "3 ms", "8.1 ms", "10 ms"))
    assert {bound.task: bound.wcrt for bound in verify(late, runs=0).bounds} == {"a": None, "b": None}


def test_no_hard_job_is_late_where_the_theorem_says_so() -> None:
    """Random sets near the bound; `verify` tries phases, gaps and executions, and raises where a proof is beaten."""
    proven = 0
    for index in range(40):
        random = np.random.default_rng([3, index])
        tasks = []
        for number in range(2):
            period, share = int(random.integers(5, 40)), float(random.uniform(0.1, 0.25))
            tasks.append(low(f"l{number}", f"{max(1, round(share * period * 1000))} us", f"{period} ms"))
        for number in range(2):
            period, share = int(random.integers(5, 40)), float(random.uniform(0.2, 0.45))
            most = round(share * period * 1000)
            tasks.append(
                high(f"h{number}", f"{round(most * random.uniform(0.3, 0.7))} us", f"{most} us", f"{period} ms")
            )
        found = verify(system(*tasks), runs=0)
        if found.verdict != "schedulable" and all(b.wcrt for b in found.bounds if b.task[0] == "h"):
            proven += 1
            verify(system(*tasks), runs=2)
    assert proven > 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"criticality": "soft"}, "task 'b' has a budget \\(of low criticality\\), and is not hard"),
        ({"budget": "9 ms"}, "task 'b' has a budget above its execution time"),
        ({"deadline": "9 ms"}, "task 'b' has a deadline before its period"),
        ({"jitter": "1 ms"}, "task 'b' has release jitter"),
    ],
)
def test_what_it_does_not_know_is_refused(change: dict[str, Any], reason: str) -> None:
    tasks = [PAIR["tasks"][0], {**PAIR["tasks"][1], **change}]
    with pytest.raises(SchedulerError, match=f"edf-vd-style: {reason}"):
        rtsched.simulate({**PAIR, "tasks": tasks}, until="20 ms")
    assert verify({**PAIR, "tasks": tasks}, runs=0).verdict == "unknown"
    with pytest.raises(SchedulerError, match="edf-vd-style: it serves one processor"):
        rtsched.simulate({**PAIR, "platform": "multicore:2"}, until="20 ms")
