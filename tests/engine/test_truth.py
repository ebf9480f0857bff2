"""What a segment really needs still: for oracles, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import SchedulerError
from rtsched.schedulers.composed import ComposedScheduler

TASKS = [
    {"name": "a", "wcet": "9 ms", "release": "1 ms", "deadline": "1 s"},
    {"name": "b", "wcet": "4 ms", "release": "0 ms", "deadline": "1 s"},
]


class Curious(rtsched.Ordering):
    """First come, first served; notes what everybody really needs, who is done included."""

    dynamic = True

    def __init__(self) -> None:
        self.found: set[int] = set()
        self.first: Any = None

    def key(self, segment: Any) -> tuple[Any, ...]:
        self.first = self.first or segment
        self.found |= {self.soc.really(segment), self.soc.really(self.first)}
        return (segment.job.arrival,)


def found(tasks: list[dict[str, Any]], oracle: bool = True) -> set[int]:
    """What a curious policy finds, in us."""
    curious = Curious()
    policy = ComposedScheduler(curious)
    policy.oracle = oracle
    trace = rtsched.simulate({"platform": "uniprocessor", "tasks": tasks}, scheduler=policy)
    assert trace.check() == []
    return {each // 1000 for each in curious.found}


def test_nobody_else_is_told() -> None:
    with pytest.raises(SchedulerError, match=r"really of node 'b' of job 0 of 'b': what it takes is the truth, which"):
        found(TASKS, oracle=False)


def test_what_runs_has_done_a_part() -> None:
    """At 1 ms 3 of b are left; at 4 ms it is done, and a begins."""
    assert found(TASKS) == {4000, 3000, 9000, 0}


def test_it_is_what_is_drawn_and_what_was_recorded() -> None:
    drawn = [{**task, "execution": {"kind": "empirical", "samples": ["2 ms"]}} for task in TASKS]
    assert found(drawn) == {2000, 1000, 0}
    nodes = {"x": {"wcet": "2 ms"}, "y": {"wcet": "4 ms"}}
    inputs = [{"x": {"time": "1 ms"}, "y": {"time": "7 ms"}}]
    chain = {"name": "net", "graph": {"nodes": nodes, "edges": [["x", "y"]]}, "inputs": inputs,
             "release": "0 ms", "deadline": "1 s"}  # fmt: skip
    assert found([chain]) == {1000, 7000, 0}
