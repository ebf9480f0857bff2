"""The pools of everything: what waits is asked for its key once, and every trace is what asking at each dispatch gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtsched import api
from rtsched.engine.job import Job, Segment
from rtsched.engine.simulation import run
from rtsched.model.policy import Mode
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.general_queues import ChangingQueue, GeneralQueue
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.orderings.least_slack import LeastLaxityFirst, LeastSlackTime
from rtsched.schedulers.orderings.round_robin import RoundRobin
from rtsched.schedulers.placements.base import Placement
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.placements.earliest_finish import EarliestFinish
from rtsched.schedulers.ready_queues import SPARE, PreemptiveQueue
from rtsched.trace.trace import Trace
from rtsched.verify.documents import lowered
from rtsched.verify.generate import random_system
from rtsched.verify.pencil import Document
from tests.helpers import cpus, simulate, task

STEADY: dict[str, type[Ordering]] = {"lst": LeastSlackTime, "llf": LeastLaxityFirst, "rr": RoundRobin}
MODES: tuple[Mode, ...] = ("preemptive", "limited", "nonpreemptive")


def changing(rule: type[Ordering]) -> type[Ordering]:
    """The same rule, said to change all keys at any time."""
    return type(rule.__name__, (rule,), {"key": lambda self, segment: rule.key(self, segment)})


def columns(trace: Trace) -> list[Any]:
    tables = (trace.jobs, trace.slices, trace.logged, trace.changes, trace.answers, trace.choices, trace.locks)
    return [table.tobytes() for table in tables] + [trace.processors, trace.dispatches, trace.events]


# ---- the same traces ---------------------------------------------------------------------------------------------


def test_a_key_counts_as_steady_only_where_its_own_class_says_so() -> None:
    assert all(rule().is_steady() for rule in (EDF, FixedPriority, *STEADY.values()))
    mine = type("Mine", (EDF,), {"dynamic": True})()
    assert not mine.is_steady()
    assert not any(changing(rule)().is_steady() for rule in STEADY.values())
    patched = LeastSlackTime()
    patched.key = lambda segment: (segment.job.number,)  # type: ignore[method-assign]
    assert not patched.is_steady()


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("number", range(12))
def test_random_systems_run_as_if_all_keys_were_asked_for_always(number: int, name: str) -> None:
    system, described = random_system(np.random.default_rng([5, number]))
    system = replace(system, protocols=dict.fromkeys(system.protocols, "none"))  # the others need urgencies that stand
    until = 8 * max(each.period or each.deadline for each in system.tasks)
    placement = described.get("placement", "pinned")
    elsewhere = "earliest-finish"
    for mode, place in (*((mode, placement) for mode in MODES), ("preemptive", elsewhere), ("limited", elsewhere)):
        traces = []
        for rule in (STEADY[name], changing(STEADY[name])):
            options = {"quantum": 2} if name != "lst" else {}
            scheduler = api.scheduler({"ordering": "edf", "placement": place, "preemption": mode})
            assert isinstance(scheduler, ComposedScheduler)
            scheduler.ordering = rule(**options)
            traces.append(run(system, scheduler, until=until, seed=number))
        assert columns(traces[0]) == columns(traces[1])


class Restless(Adaptation):
    """At each release, all jobs that have not started get another variant, whatever it may be."""

    changed = 0

    def on_release(self, job: Job) -> None:
        for segment in self.soc.ready:
            if self.soc.changeable(segment.job):
                self.soc.reconfigure(segment.job, (job.number * 7 + segment.job.number) % 3)
                self.changed += 1


def adaptive(placement: str) -> Document:
    """Tasks with variants for more work than two clusters of different speed can do, of which one fails for a while."""
    clusters = {"cpu": {"kind": "cpu", "cores": 2}, "big": {"kind": "cpu", "speed": 2}}
    tasks: list[Document] = [
        {
            "name": f"t{index}",
            "rate": f"{rate} Hz",
            "deadline": "90 ms",
            "variants": [
                {"name": name, "accuracy": accuracy, "wcet": f"{round(work * share * 1000)} us"}
                for name, accuracy, share in (("full", 0.9, 1), ("half", 0.8, 0.5), ("least", 0.6, 0.2))
            ],
        }
        for index, (rate, work) in enumerate(((50, 25), (40, 40), (31, 50), (23, 60), (20, 50)))
    ]
    return {
        "platform": {"name": "chip", "processors": clusters},
        "tasks": tasks,
        "scheduler": {"ordering": "edf", "placement": placement},
        "faults": [{"processor": "cpu1", "at": "100 ms", "lasts": "80 ms"}],
    }


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("placement", ["global", "earliest-finish", "clustered"])
@pytest.mark.parametrize("mode", MODES)
def test_variants_chosen_while_jobs_wait_are_believed_at_once(mode: Mode, placement: str, name: str) -> None:
    found = lowered(adaptive(placement))
    assert found is not None
    traces = []
    for rule in (STEADY[name], changing(STEADY[name])):
        scheduler = api.scheduler(found[1])
        assert isinstance(scheduler, ComposedScheduler)
        restless = Restless()
        scheduler.ordering, scheduler.guests, scheduler.preemption = rule(), {"adaptation": restless}, mode
        traces.append(run(found[0], scheduler, until=1_000_000_000, seed=3))
        assert restless.changed > 100
    assert columns(traces[0]) == columns(traces[1])


class Turned(Ordering):
    """The first task first; from 5 ms on the last one."""

    dynamic = True

    def key(self, segment: Segment) -> tuple[Any, ...]:
        place = segment.job.task.index
        return (place if self.soc.now < 5_000_000 else -place,)


@pytest.mark.parametrize("mode", MODES)
def test_keys_that_change_while_they_wait_count_without_preemption_too(mode: Mode) -> None:
    """One task runs until 6 ms; three have come meanwhile, in an order that is turned round at 5 ms."""
    long = {"name": "long", "wcet": "6 ms", "release": "0 ms", "deadline": "1 s"}
    others = [{"name": name, "wcet": "2 ms", "release": "1 ms", "deadline": "1 s"} for name in "abc"]
    found = api.prepare(api.load({"platform": "uniprocessor", "tasks": [long, *others]}), "1 s")
    trace = found.run(ComposedScheduler(Turned(), preemption=mode), 0)
    assert [int(job["finish"]) // 1_000_000 for job in trace.jobs] == [6, 12, 10, 8]


def test_slack_is_looked_at_anew_at_each_boundary() -> None:
    """At its start a has 12 ms of slack, less than the 12.5 of b; at its first boundary, at 2 ms, it has 14."""
    a = {"name": "a", "wcet": "8 ms", "regions": ["2 ms"] * 4, "release": "0 ms", "deadline": "20 ms"}
    b = {"name": "b", "wcet": "6 ms", "regions": ["2 ms"] * 3, "release": "1 ms", "deadline": "17500 us"}
    found = api.prepare(api.load({"platform": "uniprocessor", "tasks": [a, b]}), "1 s")
    trace = found.run(api.scheduler("lst+limited"), 0)
    assert [int(each["job"]) for each in trace.slices][:2] == [0, 1]
    assert int(trace.slices[0]["end"]) == 2_000_000


# ---- the cost ------------------------------------------------------------------------------------------------------


def crowd(count: int, cores: int = 1, *speeds: int) -> SystemSpec:
    """`count` tasks whose jobs are all released together, and fill 0.9 of the time of the slowest core."""
    times = speeds or (1,) * cores
    return SystemSpec(
        cpus(len(times)),
        tuple(
            TaskSpec(index, f"t{index}", (NodeSpec(0, "0", tuple(time * (90 + index % 7) for time in times)),),
                     100 * count + index, 100 * count + index, index)
            for index in range(count)
        ),
    )  # fmt: skip


def keys_per_job(rule: type[Ordering], system: SystemSpec, **options: Any) -> float:
    """How often a key is asked for, per job."""
    asked = 0
    ordering = rule()
    plain = ordering.key

    def key(segment: Any) -> tuple[Any, ...]:
        nonlocal asked
        asked += 1
        return plain(segment)

    scheduler = ComposedScheduler(ordering, **options)
    steady = ordering.is_steady()
    ordering.is_steady = lambda: steady  # type: ignore[method-assign]
    ordering.key = key  # type: ignore[method-assign]
    trace = run(system, scheduler, until=3 * 100 * len(system.tasks))
    return asked / len(trace.jobs)


@pytest.mark.parametrize("rule", STEADY.values())
@pytest.mark.parametrize("speeds", [(1,), (1, 1), (1, 1, 2)])
def test_keys_asked_for_per_job_do_not_grow_with_those_that_wait(rule: type[Ordering], speeds: tuple[int, ...]) -> None:
    few, many = (keys_per_job(rule, crowd(count, 1, *speeds)) for count in (10, 160))
    assert many <= 2 * few
    assert keys_per_job(changing(rule), crowd(160, 1, *speeds)) > 10 * many


@pytest.mark.parametrize("rule", [EDF, FixedPriority, LeastSlackTime])
@pytest.mark.parametrize("speeds", [(1, 1, 2), (1, 1)])
def test_entries_looked_at_per_job_do_not_grow_with_those_that_wait(
    rule: type[Ordering], speeds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0
    plain = GeneralQueue._put_back

    def put_back(self: GeneralQueue, entries: list[Any]) -> None:
        nonlocal looked
        looked += len(entries)
        plain(self, entries)

    monkeypatch.setattr(GeneralQueue, "_put_back", put_back)
    costs = []
    for count in (10, 160):
        looked = 0
        system = crowd(count, 1, *speeds)
        trace = run(system, ComposedScheduler(rule()), until=300 * count)
        costs.append(looked / len(trace.jobs))
    assert costs[1] <= 2 * costs[0] + 1


@pytest.mark.parametrize("slow", [40, 50])
@pytest.mark.parametrize("mode", ["preemptive", "nonpreemptive"])
@pytest.mark.parametrize("placement", [Global, EarliestFinish])
def test_what_never_gets_its_turn_is_forgotten(slow: int, mode: Any, placement: type[Placement]) -> None:
    """Jobs that are given up while they wait leave nothing behind, also where nothing of their rank ever runs."""
    most = 0

    class Watched(FixedPriority):
        """Looks at the queues whenever a job comes."""

        def key(self, segment: Segment) -> tuple[Any, ...]:
            nonlocal most
            queues = [queue for ready_queue in ready_queues for queue in getattr(ready_queue, "queues", {}).values()]
            most = max(
                most, *(len(queue.heap) for queue in queues), *(len(ready_queue.waiting) for ready_queue in simple)
            )
            return super().key(segment)

    starving = [task(index, (40, slow), 50, on_miss="abort") for index in range(2, 8)]
    scheduler = ComposedScheduler(Watched(), placement(), mode)
    ready_queues: list[Any] = []
    simple: list[Any] = []
    scheduler_setup = scheduler.setup

    def setup(soc: Any) -> None:
        scheduler_setup(soc)
        ready_queues[:] = scheduler.ready_queues
        simple[:] = [ready_queue for ready_queue in ready_queues if isinstance(ready_queue, PreemptiveQueue)]

    scheduler.setup = setup  # type: ignore[method-assign]
    trace = simulate(
        [task(0, (10, 10), 10), task(1, (10, 10), 10), *starving], scheduler, processors=cpus(2), until=50 * SPARE
    )
    assert sum(row["task"] > 1 for row in trace.jobs) == 6 * SPARE
    assert 6 < most <= SPARE + 2 * 8


def test_a_rule_whose_keys_change_is_asked_for_all_of_them() -> None:
    class Latest(Ordering):
        """Whoever has waited for an odd number of ns."""

        dynamic = True

        def key(self, segment: Any) -> tuple[Any, ...]:
            return ((self.soc.now - segment.since) % 2,)

    scheduler = ComposedScheduler(Latest())
    trace = run(crowd(6), scheduler, until=1000)
    assert isinstance(scheduler.ready_queues[0], ChangingQueue)
    assert keys_per_job(Latest, crowd(6)) > 3
    assert trace.check() == []
