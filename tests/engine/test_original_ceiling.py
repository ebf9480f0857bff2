"""The original priority ceiling protocol against a second simulator, tick by tick, from the words of its paper alone.

Sha, Rajkumar and Lehoczky, "Priority Inheritance Protocols: An Approach to Real-Time Synchronization", IEEE ToC 39(9),
1990, section IV: a job that wants to enter a section is blocked unless its priority is higher than the ceilings of all
semaphores that other jobs hold; it then waits for the holder of the one of the highest ceiling, who inherits.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from rtsched.engine.simulation import run
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import NodeSpec, Overheads, PlannerSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.schedulability.theorems.locks import blocking_by_locks
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import CEILING, GIVE, TAKE, WAIT, Trace
from tests.helpers import cpus, edf, finishes, fp, outcomes, simulate, slices

#: A section of a job: the ticks [start, end) of its work, and the resource.
Section = tuple[int, int, str]


class Job:
    """One job of the second simulator: its place in the list is its priority, 0 the highest."""

    def __init__(self, release: int, work: int, sections: list[Section]) -> None:
        self.release = release
        self.work = work
        self.sections = sections
        self.done = 0

    def holds(self) -> set[str]:
        """Taken with the first tick of a section, given back with the last."""
        return {name for start, end, name in self.sections if start < self.done < end}

    def wants(self) -> set[str]:
        return {name for start, _, name in self.sections if start == self.done}


def ticks(jobs: list[Job]) -> list[int]:
    """Who runs in each tick (-1: nobody), by the original protocol."""
    ceiling = {name: min(n for n, job in enumerate(jobs) for s in job.sections if s[2] == name)
               for job in jobs for _, _, name in job.sections}  # fmt: skip
    ran: list[int] = []
    while any(job.done < job.work for job in jobs):
        now = len(ran)
        ready = [n for n, job in enumerate(jobs) if job.release <= now and job.done < job.work]
        blocked_by: dict[int, int] = {}
        for n in ready:
            others = [(ceiling[name], m) for m in ready if m != n for name in jobs[m].holds()]
            if jobs[n].wants() and others and n >= min(others)[0]:
                blocked_by[n] = min(others)[1]
        priority = {n: n for n in ready}
        for _ in ready:  # inheritance is transitive
            for n, holder in blocked_by.items():
                priority[holder] = min(priority[holder], priority[n])
        able = [n for n in ready if n not in blocked_by]
        assert able or not ready, "a deadlock"
        ran.append(min(able, key=priority.__getitem__) if able else -1)
        if able:
            jobs[ran[-1]].done += 1
    return ran


def drawn(source: random.Random) -> list[Job]:
    """A few jobs with sections one after the other, some nested, in any order of resources."""

    def inside(start: int, end: int, names: list[str], depth: int) -> list[Section]:
        found: list[Section] = []
        at = start
        while at < end and depth < 3:
            begin = source.randint(at, min(at + 1, end - 1))
            stop = source.randint(begin + 1, end)
            if source.random() < 0.8 and names:
                name = source.choice(names)
                found.append((begin, stop, name))
                found += inside(begin, stop, [other for other in names if other != name], depth + 1)
            at = stop
        return found

    count = source.randint(3, 5)
    jobs = []
    for place in range(count):  # the more urgent most often come later, into what others hold
        work = source.randint(3, 9)
        latest = 3 * (count - place)
        jobs.append(
            Job(
                source.randint(latest // 2, latest),
                work,
                inside(0, work, source.sample("RSXY", source.randint(1, 3)), 0),
            )
        )
    return jobs


def spec(jobs: list[Job]) -> SystemSpec:
    tasks = []
    for place, job in enumerate(jobs):
        held = tuple(SectionSpec(name, start, end) for start, end, name in job.sections)
        node = NodeSpec(0, "x", (job.work,), sections=held)
        tasks.append(TaskSpec(place, f"t{place}", (node,), None, 10**6, place, release=job.release))
    names = sorted({name for job in jobs for _, _, name in job.sections})
    return SystemSpec(cpus(1), tuple(tasks), protocols=dict.fromkeys(names, "original-ceiling"))


def ran(trace: Trace) -> list[int]:
    """Who ran in each tick of a trace (-1: nobody), up to the last."""
    task_of = trace.jobs["task"].tolist()
    found = [-1] * int(trace.jobs["finish"].max())
    for start, end, job, *_ in trace.slices.tolist():
        found[start:end] = [task_of[job]] * (end - start)
    return found


def test_hundreds_of_systems_tick_by_tick() -> None:
    source = random.Random(1990)
    waits = ceilings = 0
    for _ in range(150):
        jobs = drawn(source)
        trace = run(spec(jobs), fp(), until=20, drain="all")
        assert trace.check() == []
        assert not trace.deadlock_count
        assert ran(trace) == ticks(jobs)
        blocked_once(trace)
        waits += int((trace.locks["what"] == WAIT).sum())
        ceilings += int((trace.locks["what"] == CEILING).sum())
    assert min(waits, ceilings) > 40, "both kinds of blocking have been seen"


def blocked_once(trace: Trace) -> None:
    """Whoever is less urgent runs, while a job is in the system, in one outer section only, and no longer than B."""
    tasks = trace.system.tasks
    task_of = trace.jobs["task"].tolist()
    outer = _sections_in_time(trace)
    levels, ones = range(len(tasks)), [Fraction(1)] * len(tasks)
    for row in trace.jobs.tolist():
        me, release, finish = row[0], row[3], row[6]
        below = [
            (max(start, release), min(end, finish), job)
            for start, end, job, *_ in trace.slices.tolist()
            if task_of[job] > me and max(start, release) < min(end, finish)
        ]
        culprits = {
            (job, next(number for number, (begin, over) in enumerate(outer[job]) if begin <= start < end <= over))
            for start, end, job in below
        }
        assert len(culprits) <= 1
        B, _ = blocking_by_locks(tasks, me, levels, trace.system.protocols, ones)
        assert sum(end - start for start, end, _ in below) <= B


def _sections_in_time(trace: Trace) -> dict[int, list[tuple[int, int]]]:
    """The intervals in which each job held anything at all."""
    found: dict[int, list[tuple[int, int]]] = {number: [] for number in range(len(trace.jobs))}
    held: dict[int, int] = {}
    begun: dict[int, int] = {}
    for time, job, _, _, what in trace.locks.tolist():
        if what == TAKE:
            held[job] = held.get(job, 0) + 1
            begun.setdefault(job, time)
        elif what == GIVE:
            held[job] -= 1
            if not held[job]:
                found[job].append((begun.pop(job), time))
    return found


def test_the_same_bound_as_under_the_immediate_ceiling() -> None:
    source = random.Random(7)
    for _ in range(200):
        system = spec(drawn(source))
        levels, ones = range(len(system.tasks)), [Fraction(1)] * len(system.tasks)
        immediate = dict.fromkeys(system.protocols, "ceiling")
        for place in levels:
            bound = blocking_by_locks(system.tasks, place, levels, system.protocols, ones)
            assert bound == blocking_by_locks(system.tasks, place, levels, immediate, ones)


def locked(index: int, work: int, release: int, *sections: tuple[str, int, int], **options: Any) -> TaskSpec:
    node = NodeSpec(0, "abc"[index], (work,), sections=tuple(SectionSpec(*each) for each in sections))
    return TaskSpec(index, "abc"[index], (node,), None, 40, options.pop("level", index), release=release, **options)


def kinds(trace: Trace) -> list[tuple[int, str, str, str]]:
    names = [task.name for task in trace.system.tasks]
    words = ("wait", "take", "give", "ceiling")
    rows = trace.locks.tolist()
    return [
        (time, names[trace.jobs["task"][job]], words[what], trace.resources[resource])
        for time, job, _, resource, what in rows
    ]


def test_a_free_resource_may_not_be_taken() -> None:
    """The protocol's own example: b wants S, which is free, while c holds R, whose ceiling is that of a."""
    tasks = [
        locked(0, 3, 3, ("R", 1, 2), ("S", 2, 3)),
        locked(1, 3, 1, ("S", 1, 2)),
        locked(2, 4, 0, ("R", 0, 3)),
    ]
    trace = simulate(tasks, fp(), until=5, protocols={"R": "original-ceiling", "S": "original-ceiling"})
    assert kinds(trace)[:2] == [(0, "c", "take", "R"), (2, "b", "ceiling", "R")]
    assert slices(trace)[:4] == ["c0 0-1 preempted", "b0 1-2 boundary", "c0 2-3 preempted", "a0 3-4 boundary"]
    # c inherited from b at 2, and goes on as b; a comes at 3, and is blocked by R itself at 4
    assert kinds(trace)[2:4] == [(4, "a", "wait", "R"), (5, "c", "give", "R")]


def test_who_asks_for_nothing_more_urgent_is_not_delayed() -> None:
    """Where the immediate ceiling keeps the middle one out for the whole section, the original one lets it run."""
    tasks = [locked(0, 1, 9, ("R", 0, 1)), locked(1, 2, 1), locked(2, 5, 0, ("R", 0, 4))]
    for protocol, ends in (
        ("ceiling", {"a": [10], "b": [6], "c": [7]}),
        ("original-ceiling", {"a": [10], "b": [3], "c": [7]}),
    ):
        assert finishes(simulate(tasks, fp(), until=10, protocols={"R": protocol})) == ends


def test_priorities_equal_to_a_ceiling_do_not_pass_it() -> None:
    """a and c are equal, and a comes first in the system: it may not take S, which is free, while c holds R."""
    tasks = [locked(0, 3, 1, ("S", 1, 2), level=5), locked(1, 4, 0, ("R", 0, 3), level=5)]
    trace = simulate(tasks, fp(), until=5, protocols={"R": "original-ceiling", "S": "original-ceiling"})
    assert kinds(trace)[1:4] == [(2, "a", "ceiling", "R"), (4, "b", "give", "R"), (4, "a", "take", "S")]


# ---- what it meets -------------------------------------------------------------------------------------------------


def test_it_needs_fixed_priorities() -> None:
    with pytest.raises(SchedulerError, match="the ceiling protocols need fp, rm or dm"):
        simulate([locked(0, 2, 0, ("R", 0, 1))], edf(), until=5, protocols={"R": "original-ceiling"})


def pair(**pins: int) -> Trace:
    """Two tasks that share R, on two processors, and a third one that may run on both."""
    tasks = []
    for at, name in enumerate("abc"):
        times = tuple(2 if pins.get(name, place) == place else None for place in range(2))
        held = (SectionSpec("R", 0, 1),) if name != "c" else ()
        tasks.append(TaskSpec(at, name, (NodeSpec(0, name, times, sections=held),), None, 20, at, release=at))
    return simulate(tasks, fp(), processors=cpus(2), until=5, drain="all", protocols={"R": "original-ceiling"})


def test_it_is_a_protocol_of_one_processor() -> None:
    said = (
        r"resource 'R': the original ceiling protocol is one of a single processor, and its users may run on 'cpu0' and"
    )
    with pytest.raises(SchedulerError, match=said):
        pair()
    with pytest.raises(SchedulerError, match=said):
        pair(a=0, b=1)
    trace = pair(a=1, b=1)
    assert trace.check() == []
    assert finishes(trace) == {"a": [2], "b": [4], "c": [4]}


def test_nodes_of_one_job_are_blocked_like_jobs() -> None:
    """Two nodes of one job hold R and S in turn: nobody waits for ever, and the other task is blocked once."""
    nodes = (
        NodeSpec(0, "x", (4,), sections=(SectionSpec("R", 0, 4), SectionSpec("S", 1, 2))),
        NodeSpec(1, "y", (4,), sections=(SectionSpec("S", 0, 4), SectionSpec("R", 1, 2))),
    )
    tasks = [locked(0, 2, 1, ("R", 0, 1)), TaskSpec(1, "b", nodes, None, 40, 1, release=0)]
    trace = simulate(tasks, fp(), until=5, protocols=dict.fromkeys("RS", "original-ceiling"))
    assert finishes(trace) == {"a": [6], "b": [10]}


@pytest.mark.parametrize("preemption", ["limited", "nonpreemptive"])
def test_where_nobody_is_interrupted_nobody_is_kept_out(preemption: str) -> None:
    tasks = [locked(0, 3, 1, ("R", 0, 2)), locked(1, 4, 0, ("S", 0, 2), ("R", 2, 4))]
    policy = fp(preemption=preemption)
    trace = simulate(tasks, policy, until=5, protocols=dict.fromkeys("RS", "original-ceiling"))
    assert slices(trace)[-1] == "a0 4-7 completed"
    assert CEILING not in trace.locks["what"]


def test_an_aborted_holder_opens_the_way() -> None:
    """c is aborted at 4 inside R: b, kept from S by that, goes on at once."""
    tasks = [locked(0, 1, 20, ("R", 0, 1)), locked(1, 3, 1, ("S", 1, 2)), locked(2, 9, 0, ("R", 0, 9))]
    tasks[2] = TaskSpec(2, "c", tasks[2].nodes, None, 4, 2, release=0, on_miss="abort")
    trace = simulate(tasks, fp(), until=30, protocols=dict.fromkeys("RS", "original-ceiling"))
    assert outcomes(trace)["c"] == ["aborted"]
    assert finishes(trace)["b"] == [6]


def test_costs_and_a_planner_change_nothing_of_the_rule() -> None:
    source = random.Random(3)
    for _ in range(20):
        system = spec(drawn(source))
        names = dict(system.protocols)
        costs = Overheads(context_switch=1, scheduling=1)
        for extra in ({"overheads": costs}, {"planner": PlannerSpec(0, cost=1)}):
            system = SystemSpec(system.processors, system.tasks, protocols=names, **extra)
            trace = run(system, fp(), until=20, drain="all")
            assert trace.check() == []
            assert not trace.deadlock_count
            assert (trace.jobs["finish"] >= 0).all()


def test_a_policy_of_somebody_else_that_declares_no_priorities_is_refused() -> None:
    class Mine(Scheduler):
        def dispatch(self) -> None:
            pass

    with pytest.raises(SchedulerError, match="Mine has no fixed priorities"):
        simulate([locked(0, 2, 0, ("R", 0, 1))], Mine(), until=5, protocols={"R": "original-ceiling"})


def test_the_check_of_a_trace_finds_who_passed_a_ceiling() -> None:
    tasks = [locked(0, 4, 1, ("S", 1, 2), ("R", 2, 3)), locked(1, 4, 0, ("R", 0, 3))]
    inherited = simulate(tasks, fp(), until=5, protocols=dict.fromkeys("RS", "inheritance"))
    claimed = SystemSpec(cpus(1), tuple(tasks), protocols=dict.fromkeys("RS", "original-ceiling"))
    object.__setattr__(inherited, "system", claimed)
    assert inherited.check() == ["job 0 of 'a' takes 'S' beneath the ceiling of 'R', which job 0 of 'b' holds"]
