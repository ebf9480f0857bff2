"""The check of a trace notices each rule that is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtsched.engine import core
from rtsched.engine import job_path as course
from rtsched.engine.simulation import run as simulate_spec
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import NodeSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.trace.trace import ABORT, ABORTED, COMPLETED, DRAINED, Trace
from tests.chips import loaded
from tests.engine.test_drain import ABORT as ABORTS
from tests.engine.test_drain import PLATFORM
from tests.helpers import cpus, fp, simulate, task


def changed(rows: Any, at: int, **values: int) -> Any:
    """The table with some values of one row set anew."""
    found = rows.copy()
    for name, value in values.items():
        found[name][at] = value
    return found


def graph() -> Trace:
    """Two nodes in a row, then a second task: slices a 0-2, a 2-4, b 4-7; deadlines 10."""
    nodes = (NodeSpec(0, "x", (2,), successors=(1,)), NodeSpec(1, "y", (2,), predecessors=(0,)))
    return simulate([replace(task(0, 1, 10), nodes=nodes), task(1, 3, 10)], until=10)


def locked() -> Trace:
    """low holds R in [0, 4) and is preempted at 1 by high, which waits for R from 2 on and holds it in [5, 6)."""
    low, high = (SectionSpec("R", 0, 4),), (SectionSpec("R", 1, 2),)
    return simulate([task(0, 3, 20, sections=high, offset=1), task(1, 6, 20, sections=low)], until=20)


def aborted() -> Trace:
    from rtsched.api import simulate

    return simulate(loaded(PLATFORM % ("", "") + ABORTS % "abort"))


BROKEN: list[tuple[Callable[[], Trace], str, Callable[[Trace], Any], str]] = [
    (graph, "slices", lambda t: changed(t.slices, 2, start=3, end=6), "runs job 0 of 'a' and job 0 of 'b' at 3"),
    (graph, "slices", lambda t: changed(t.slices, 2, job=0, node=1, start=3), "node 1 of job 0 of 'a' runs twice at 3"),
    (graph, "slices", lambda t: changed(t.slices, 2, job=0, node=0), "node 0 of job 0 of 'a' runs at 4 after its end"),
    (graph, "jobs", lambda t: changed(t.jobs, 0, release=1), "runs at 0 before its release"),
    (graph, "slices", lambda t: changed(t.slices, 0, node=1), "node 1 of job 0 of 'a' starts at 0 before node 0 has ended"),
    (graph, "slices", lambda t: t.slices[1:], "finished with 1 of its 2 nodes"),
    (graph, "jobs", lambda t: changed(t.jobs, 0, finish=3), "node 1 of job 0 of 'a' runs until 4, after the end of its job"),
    (graph, "jobs", lambda t: changed(t.jobs, 1, deadline=11), "job 0 of 'b' has the deadline 11, which is not its own"),
    (graph, "jobs", lambda t: changed(t.jobs, 1, deadline=5), "is ok with finish 7 and deadline 5"),
    (graph, "slices", lambda t: changed(t.slices, 2, end=6), "slices of 6 ns, but busy for 7"),
    (aborted, "logged", lambda t: changed(t.logged, 0, time=4_000_000), "runs until 5000000, after the end of its job"),
    (aborted, "slices", lambda t: changed(t.slices, 1, reason=COMPLETED), "runs until 20000000, after the end of its job"),
    (aborted, "slices", lambda t: changed(t.slices, 0, reason=DRAINED), "drains at 0, before its job is over"),
    (locked, "locks", lambda t: t.locks[t.locks["what"] != 2], "job 0 of 'b' and job 0 of 'a' hold 'R' at 5"),
    (locked, "locks", lambda t: t.locks[1:], "job 0 of 'b' gives 'R' back at 5 and does not hold it"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "table", "change", "sentence"), BROKEN)
def test_a_broken_trace_is_noticed(
    made: Callable[[], Trace], table: str, change: Callable[[Trace], Any], sentence: str
) -> None:
    trace = made()
    assert trace.check() == []
    found = replace(trace, **{table: change(trace)}).check()
    assert any(sentence in each for each in found), found


def test_a_recorded_deadline_that_changed_is_noticed() -> None:
    arrival = TraceArrivals(kind="trace", times=(0, 5), deadlines=(3, 4))
    trace = simulate([task(0, 2, None, arrival=arrival, deadline=9)], until=10)
    assert trace.jobs["deadline"].tolist() == [3, 9]
    (sentence,) = replace(trace, jobs=changed(trace.jobs, 1, deadline=14)).check()
    assert sentence == "job 1 of 'a' has the deadline 14, which is not its own"


SECTIONS = """
platform: {processors: {cpu: {kind: cpu}}}
scheduler: {ordering: fp}
simulate: {until: 20 ms}
resources: {r: {protocol: inheritance}}
tasks:
  - {name: hi, period: 20 ms, offset: 1 ms, wcet: 2 ms, sections: [{resource: r, start: 0 ms, length: 2 ms}]}
  - {name: lo, accuracy: 0.9, period: 20 ms, wcet: 10 ms, sections: [{resource: r, start: 0 ms, length: 10 ms}]}
"""


def test_an_engine_that_forgets_sections_is_noticed_from_the_slices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched.api import simulate

    assert simulate(loaded(SECTIONS)).check() == []
    monkeypatch.setattr(course, "mark_pieces", lambda segments: None)
    assert simulate(loaded(SECTIONS)).check() == [
        "job 0 of 'lo' and job 0 of 'hi' are in their sections of 'r' at 1000000"
    ]


def test_an_engine_that_lets_two_hold_one_lock_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched.engine.locks import Locks

    def enter(self: Any, segment: Any) -> bool:
        self.holder.clear()
        return bool(plain(self, segment))

    plain = Locks.enter
    monkeypatch.setattr(Locks, "enter", enter)
    monkeypatch.setattr(Locks, "leave", lambda self, segment, name: self.holder.pop(name, None))
    low, high = (SectionSpec("R", 0, 4),), (SectionSpec("R", 1, 2),)
    tasks = (task(0, 3, 20, sections=high, offset=1), task(1, 6, 20, sections=low))
    found = simulate_spec(SystemSpec(cpus(), tasks), fp(), until=20).check()
    assert "job 0 of 'b' and job 0 of 'a' hold 'R' at 2" in found


def test_an_engine_that_goes_on_with_a_job_that_is_over_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def close_only(self: core.Core, job: Any, _why: str = "") -> None:
        self.decide(job, ABORT)  # without stopping what runs
        self.steps.close(job, self.loop._now, ABORTED)

    monkeypatch.setattr(core.Core, "give_up", close_only)
    tasks: tuple[TaskSpec, ...] = (task(0, 7, 20, deadline=5, on_miss="abort"),)
    trace = simulate_spec(SystemSpec(cpus(), tasks), fp(), until=5)
    assert np.array_equal(trace.slices["end"], [7])
    assert "node 0 of job 0 of 'a' runs until 7, after the end of its job" in trace.check()


def test_the_slices_of_a_job_that_never_ended_are_not_those_of_the_next() -> None:
    # a is given up in its section at 3; b is in its own from 3 to 5
    section = (SectionSpec("R", 0, 4),)
    tasks = [task(0, 4, 20, sections=section, deadline=3, on_miss="abort"), task(1, 4, 20, sections=section)]
    trace = simulate(tasks, until=20, protocols={"R": "none"})
    assert trace.slices[["job", "start", "end"]].tolist() == [(0, 0, 3), (1, 3, 7)]
    assert trace.check() == []
