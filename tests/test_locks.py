"""Locking protocols against a second simulator: tick by tick, from the corpus' words alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import NodeSpec, SectionSpec, TaskSpec
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.ordering import FixedPriority
from tests.corpus.adapters import check_locks
from tests.helpers import cpus, edf, finishes, simulate, task


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


@settings(max_examples=300, deadline=None, derandomize=True)
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
    with pytest.raises(SchedulerError, match="the ceiling protocol needs fp, rm or dm"):
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


def crossed(protocol: str, release: int) -> dict[str, list[int]]:
    """Low holds R and takes S inside; high, released later, holds S and takes R inside."""
    low = NodeSpec(0, "low", (6,), sections=(SectionSpec("R", 0, 6), SectionSpec("S", 2, 4)))
    high = NodeSpec(0, "high", (6,), sections=(SectionSpec("S", 0, 6), SectionSpec("R", 2, 4)))
    tasks = [
        TaskSpec(0, "high", (high,), None, 20, 0, release=release),
        TaskSpec(1, "low", (low,), None, 20, 1, release=0),
    ]
    return finishes(
        simulate(tasks, ComposedScheduler(FixedPriority()), until=5, protocols={"R": protocol, "S": protocol})
    )


def test_locks_in_opposite_orders_can_wait_for_each_other_for_ever() -> None:
    for protocol in ("none", "inheritance"):
        assert crossed(protocol, 1) == {"high": [-1], "low": [-1]}
        assert crossed(protocol, 3) == {"high": [12], "low": [8]}  # low holds both when high comes
    assert crossed("ceiling", 1) == {"high": [12], "low": [6]}


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
