"""Locking protocols against a second simulator: tick by tick, from the corpus' words alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import summary
from rtsched.engine.job import READY
from rtsched.engine.simulation import run
from rtsched.errors import SchedulerError
from rtsched.export.tables import write_csv
from rtsched.export.text import render_table
from rtsched.metrics.tally import Tally
from rtsched.model.taskgraph import NodeSpec, SectionSpec, TaskSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.trace.trace import ABORTED, ACTIONS, DEADLOCK, LATE, Trace
from tests.chips import run as on_chip
from tests.corpus.adapters import check_locks
from tests.helpers import cpus, edf, finishes, fp, outcomes, simulate, slices, task


def tick_simulation(tasks: list[dict[str, Any]], protocol: str) -> list[int]:
    """Finish of each job on one preemptive processor; list position is the priority."""
    ticks = [[resource for length, resource in each["code"] for _ in range(length)] for each in tasks]
    # a section ends with its piece, even when the next piece wants the same resource again
    last = [[position + 1 == length for length, _ in each["code"] for position in range(length)] for each in tasks]
    users = {r: min(i for i, code in enumerate(ticks) if r in code) for code in ticks for r in code if r}
    done, finish, holder = [0] * len(tasks), [0] * len(tasks), {}
    now = 0
    while not all(finish):
        ready = [i for i, each in enumerate(tasks) if each["release"] <= now and not finish[i]]

        def blocker(job: int) -> int | None:
            owner = holder.get(ticks[job][done[job]])
            return None if owner == job else owner

        level: dict[int, tuple[int, int, int]] = {}
        for i in ready:
            held = [r for r, owner in holder.items() if owner == i]
            lent = [i]
            if protocol == "PIP":
                lent += [j for j in ready if blocker(j) == i]
            elif protocol == "ICPP":
                lent += [users[r] for r in held]
            level[i] = (min(lent), 0 if held and min(lent) < i else 1, i)
        free = [i for i in ready if blocker(i) is None]
        if free:
            runs = min(free, key=level.__getitem__)
            resource, ends = ticks[runs][done[runs]], last[runs][done[runs]]
            if resource:
                holder[resource] = runs
            done[runs] += 1
            if resource and ends:
                del holder[resource]
            if done[runs] == len(ticks[runs]):
                finish[runs] = now + 1
        now += 1
        assert now < 1000
    return finish


PIECES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([None, None, "R", "S"])).map(list), min_size=1, max_size=4
)
TASKS = st.lists(st.fixed_dictionaries({"release": st.integers(0, 12), "code": PIECES}), min_size=2, max_size=5)


@settings(max_examples=300)
@given(TASKS, st.sampled_from(["none", "PIP", "ICPP"]))
def test_every_job_ends_when_the_protocol_says(tasks: list[dict[str, Any]], protocol: str) -> None:
    expected = tick_simulation(tasks, protocol)
    check_locks({"input": {"tasks": tasks, "protocol": protocol}, "expected": {"finish": expected}})


def one(index: int, time: int, release: int, deadline: int, locks: bool) -> TaskSpec:
    """A single job that holds R all the time, or never."""
    sections = (SectionSpec("R", 0, time),) if locks else ()
    node = NodeSpec(0, "abc"[index], (time,), sections=sections)
    return TaskSpec(index, "abc"[index], (node,), None, deadline, index, release=release)


def test_inheritance_works_under_edf() -> None:
    # a holds R from 0; c, the most urgent, wants it at 1; b comes at 2 and must wait for both
    tasks = [one(0, 5, 0, 60, True), one(1, 6, 2, 30, False), one(2, 2, 1, 10, True)]
    ended = finishes(simulate(tasks, edf(), until=5, protocols={"R": "inheritance"}))
    assert ended == {"a": [5], "b": [13], "c": [7]}
    inverted = finishes(simulate(tasks, edf(), until=5, protocols={"R": "none"}))
    assert inverted == {"a": [11], "b": [8], "c": [13]}


def test_ceilings_need_fixed_priorities() -> None:
    with pytest.raises(SchedulerError, match="the ceiling protocols need fp, rm or dm"):
        simulate([one(0, 2, 0, 9, True)], edf(), until=5, protocols={"R": "ceiling"})


def test_two_locks_at_the_first_tick_the_second_of_which_is_held() -> None:
    """High needs R and S at once; low holds R: high takes S, waits for R, and does not ask for S again."""
    low = NodeSpec(0, "low", (4,), sections=(SectionSpec("R", 0, 3),))
    high = NodeSpec(0, "high", (2,), sections=(SectionSpec("R", 0, 2), SectionSpec("S", 0, 2)))
    tasks = [TaskSpec(0, "high", (high,), None, 20, 0, release=1), TaskSpec(1, "low", (low,), None, 20, 1, release=0)]
    for protocol in ("none", "inheritance", "ceiling"):
        ended = finishes(
            simulate(tasks, ComposedScheduler(FixedPriority()), until=5, protocols={"R": protocol, "S": protocol})
        )
        assert ended == {"high": [5], "low": [6]}


def crossed(protocol: str, release: int, **options: Any) -> Trace:
    """Low holds R and takes S inside; high, released later, holds S and takes R inside."""
    low = NodeSpec(0, "low", (6,), sections=(SectionSpec("R", 0, 6), SectionSpec("S", 2, 4)))
    high = NodeSpec(0, "high", (6,), sections=(SectionSpec("S", 0, 6), SectionSpec("R", 2, 4)))
    on_miss = options.pop("on_miss", "continue")
    tasks = [
        TaskSpec(0, "high", (high,), None, 20, 0, release=release, on_miss=on_miss),
        TaskSpec(1, "low", (low,), None, 20, 1, release=0),
    ]
    return simulate(tasks, fp(), **{"until": 5, "protocols": {"R": protocol, "S": protocol}} | options)


def test_locks_in_opposite_orders_can_wait_for_each_other_for_ever() -> None:
    for protocol in ("none", "inheritance"):
        assert finishes(crossed(protocol, 1)) == {"high": [-1], "low": [-1]}
        assert finishes(crossed(protocol, 3)) == {"high": [12], "low": [8]}  # low holds both when high comes
    assert finishes(crossed("ceiling", 1)) == {"high": [12], "low": [6]}


@pytest.mark.parametrize("drain", ["all", "deadline"])
@pytest.mark.parametrize("protocol", ["none", "inheritance"])
def test_a_deadlock_is_told_and_its_jobs_are_late(protocol: str, drain: str) -> None:
    trace = crossed(protocol, 1, drain=drain)
    assert [str(each) for each in trace.deadlocks] == [
        "deadlock at 4 ns: high[0] holds S and waits for R, low[0] holds R and waits for S"
    ]
    told = trace.decisions[trace.decisions["action"] == DEADLOCK]
    assert told[["time", "job"]].tolist() == [(4, 1), (4, 0)]
    assert outcomes(trace) == {"high": ["late"], "low": ["late"]}
    assert trace.end == (5 if drain == "all" else 25)
    figures = summary(trace)
    assert (figures.misses, figures.deadlock_count, figures.deadlocks[0].time) == (2, 1, 4)
    assert "deadlock at 4 ns" in figures.headline
    assert str(trace.deadlocks[0]) in render_table(figures)


def test_without_a_trace_a_deadlock_is_told_all_the_same() -> None:
    kept = crossed("none", 1)
    tally = Tally(kept.system, 0)
    streamed = run(kept.system, fp(), until=5, drain="all", tally=tally)
    assert streamed.deadlocks == kept.deadlocks
    assert summary(streamed).tasks == summary(kept).tasks


def test_a_job_that_is_aborted_gets_the_others_out_of_a_deadlock() -> None:
    trace = crossed("none", 1, on_miss="abort")
    assert trace.deadlock_count == 1
    assert trace.jobs["outcome"].tolist() == [LATE, ABORTED]
    assert finishes(trace)["low"] == [25]  # 2 of 6 were done; high goes at 21


def test_no_deadlock_where_holders_go_on() -> None:
    assert crossed("none", 3).deadlock_count == 0
    assert crossed("ceiling", 1).deadlock_count == 0


def test_three_in_a_circle_and_one_that_waits_for_them() -> None:
    def job(index: int, first: str, second: str, release: int) -> TaskSpec:
        sections = (SectionSpec(first, 0, 9), *((SectionSpec(second, 1, 2),) if second else ()))
        return TaskSpec(
            index, "abcd"[index], (NodeSpec(0, "x", (9,), sections=sections),), None, 50, index, release=release
        )

    # the later ones are the more urgent: each takes its own resource, then waits for the next one's
    tasks = [job(0, "Z", "", 9), job(1, "Z", "X", 2), job(2, "Y", "Z", 1), job(3, "X", "Y", 0)]
    trace = simulate(tasks, fp(), until=20, protocols={"X": "none", "Y": "none", "Z": "none"})
    assert [str(each) for each in trace.deadlocks] == [
        "deadlock at 3 ns: b[0] holds Z and waits for X, d[0] holds X and waits for Y, c[0] holds Y and waits for Z"
    ]
    assert (trace.jobs["outcome"] == LATE).all(), "a waits for Z, which nobody gives back"


def test_a_deadlock_on_a_metered_chip_comes_to_an_end() -> None:
    text = """
platform:
  processors: {cpu: {operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}], power: {idle: 1 mW, active: 2 mW}}}
power: {governor: {name: ondemand, period: 3 ms}}
scheduler: {ordering: fp}
simulate: {until: 10 ms, drain: all}
resources: {A: {protocol: inheritance}, B: {protocol: inheritance}}
tasks:
  - {name: high, wcet: 4 ms, release: 2 ms, deadline: 20 ms, sections: [{resource: B, start: 1 ms, length: 2 ms}, {resource: A, start: 2 ms, length: 1 ms}]}
  - {name: low, wcet: 6 ms, release: 0 ms, deadline: 20 ms, sections: [{resource: A, start: 1 ms, length: 4 ms}, {resource: B, start: 3 ms, length: 1 ms}]}
"""
    trace = on_chip(text)
    assert trace.deadlock_count == 1
    assert trace.jobs["outcome"].tolist() == [LATE, LATE]


def test_losing_the_processor_at_the_end_of_a_section_is_a_preemption() -> None:
    # under the ceiling protocol low holds R in [0, 3); high comes at 1, and takes the processor at 3
    low, high = (SectionSpec("R", 0, 3),), (SectionSpec("R", 0, 1),)
    tasks = [task(0, 2, 20, sections=high, offset=1), task(1, 6, 20, sections=low)]
    trace = simulate(tasks, fp(), until=20, protocols={"R": "ceiling"})
    assert slices(trace) == ["b0 0-3 boundary", "a0 3-5 completed", "b0 5-8 completed"]
    assert trace.processors[0].preemptions == 1
    assert [ACTIONS[row["action"]] for row in trace.decisions] == ["start", "preempt", "start", "resume"]


def test_waiting_for_a_resource_is_no_preemption() -> None:
    low, high = (SectionSpec("R", 0, 4),), (SectionSpec("R", 1, 2),)
    tasks = [task(0, 3, 20, sections=high, offset=1), task(1, 6, 20, sections=low)]
    trace = simulate(tasks, fp(), until=20, protocols={"R": "inheritance"})
    assert slices(trace) == [
        "b0 0-1 preempted",
        "a0 1-2 boundary",
        "b0 2-5 boundary",
        "a0 5-7 completed",
        "b0 7-9 completed",
    ]
    assert trace.processors[0].preemptions == 2  # at 1 by a, and at 5 at the end of the section; a itself only waits
    assert trace.locks[["time", "job", "what"]].tolist() == [(0, 0, 1), (2, 1, 0), (5, 0, 2), (5, 1, 1), (6, 1, 2)]


def test_who_waits_at_its_first_tick_has_not_started() -> None:
    low, high = (SectionSpec("R", 0, 4),), (SectionSpec("R", 0, 1),)
    tasks = [task(0, 3, 20, sections=high, offset=1, deadline=2, on_miss="drop_at_start"), task(1, 6, 20, sections=low)]
    trace = simulate(tasks, fp(), until=20, protocols={"R": "inheritance"})
    assert outcomes(trace) == {"a": ["dropped"], "b": ["ok"]}
    assert trace.jobs["start"].tolist() == [0, -1]


def test_locks_are_a_table(tmp_path: Path) -> None:
    write_csv(crossed("none", 1), tmp_path)
    assert (tmp_path / "locks.csv").read_text("utf-8").splitlines()[:3] == [
        "time,job,node,resource,what,task,index",
        "0,0,low,R,take,low,0",
        "1,1,high,S,take,high,0",
    ]


def test_sections_that_begin_together_are_entered_in_their_order() -> None:
    """Both take R first, though S is held as long: no deadlock."""
    both = (SectionSpec("R", 0, 3), SectionSpec("S", 0, 3))
    tasks = [
        TaskSpec(0, "high", (NodeSpec(0, "high", (3,), sections=both),), None, 20, 0, release=1),
        TaskSpec(
            1,
            "low",
            (NodeSpec(0, "low", (6,), sections=(SectionSpec("R", 0, 6), SectionSpec("S", 3, 6))),),
            None,
            20,
            1,
            release=0,
        ),
    ]
    ended = finishes(
        simulate(tasks, ComposedScheduler(FixedPriority()), until=5, protocols={"R": "inheritance", "S": "inheritance"})
    )
    assert ended == {"high": [9], "low": [6]}


def test_who_must_wait_at_the_start_leaves_its_processor_to_its_pool() -> None:
    """With a second processor (another pool) nobody was asked again: high waits at 2 for what low holds until 6."""
    high = task(0, (3, None), 15, offset=2, sections=(SectionSpec("r", 0, 1),))
    low = task(1, (8, None), 30, sections=(SectionSpec("r", 1, 6),))
    beside = task(2, (None, 1), 15)
    trace = simulate([high, low, beside], processors=cpus(2), protocols={"r": "none"}, until=15)
    assert finishes(trace) == {"a": [9], "b": [11], "c": [1]}


@pytest.mark.parametrize("ordering", ["lst", "llf", "rr"])
def test_nobody_inherits_an_urgency_that_does_not_last(ordering: str) -> None:
    text = """
platform: {name: chip, processors: {cpu: {}}}
resources: {bus: {protocol: inheritance}}
tasks:
  - {name: a, wcet: 2 ms, period: 9 ms, sections: [{resource: bus, start: 0 ms, length: 1 ms}]}
"""
    with pytest.raises(SchedulerError, match="what the inheritance protocol lends would not last"):
        on_chip(text, scheduler=ordering)
    on_chip(text, scheduler=f"{ordering}+limited")
    on_chip(text, scheduler="edf")
    on_chip(text.replace("inheritance", "none"), scheduler=ordering)


def test_nobody_is_started_where_another_goes_on_inside_its_region() -> None:
    class Eager(Scheduler):
        preemption = "nonpreemptive"

        def serve(self) -> None:
            for segment in list(self.soc.ready):
                for processor in self.soc.processors:
                    if processor.segment is None and segment.state == READY:
                        self.soc.start(segment.job, segment, processor)

        def on_ready(self, job: object, segments: object) -> None:
            self.serve()

        def dispatch(self) -> None:
            self.serve()

    tasks = [
        task(0, (5, 5), 99, sections=(SectionSpec("R", 0, 2),)),
        task(1, (4, 4), 99, sections=(SectionSpec("R", 0, 1),), release=1),
    ]
    # at 2 the first gives the resource back and goes on; the second waits for it, and hears of that
    with pytest.raises(
        SchedulerError, match="node 'a' of job 0 of 'a' goes on there, inside a region; start others in"
    ):
        simulate(tasks, Eager(), processors=cpus(2), until=3)
