"""Every part hears every event, its own timers and nobody else's; and what is never told is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rtsched import api
from rtsched.errors import InputError
from rtsched.model.system import System
from rtsched.registry import PARTS, REGISTRY
from rtsched.schedulability.analyse import analyse
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.adaptations.subflow import SubFlow
from rtsched.schedulers.admissions.base import Admission
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.events import EVENTS, check
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.part import Part
from rtsched.schedulers.placements.declared import Global
from rtsched.trace.trace import OUTCOMES
from tests.helpers import cpus, fp, outcomes, simulate, task

MS = 1_000_000

#: On two cores: variants, a deadline that passes, an announced change, a processor that fails.
EVENTFUL: dict[str, Any] = {
    "platform": {"name": "chip", "processors": {"cpu": {"cores": 2, "power": {"active": "1 W"}}}},
    "faults": [{"processor": "cpu1", "at": "12 ms", "lasts": "4 ms"}],
    "tasks": [
        {"name": "a", "variants": [{"wcet": "3 ms", "accuracy": 0.9}, {"wcet": "1 ms", "accuracy": 0.5}], "period": "9 ms"},
        {"name": "b", "wcet": "7 ms", "period": "20 ms", "deadline": "5 ms", "on_miss": "abort"},
    ],
    "power": {"battery": {"capacity": "1 J", "charge": 0.52, "levels": [0.5]}},
    "simulate": {"until": "40 ms"},
}  # fmt: skip


PLAIN = {"platform": "multicore:1", "tasks": [{"name": "a", "wcet": "1 ms", "period": "9 ms"}]}


def listening(kind: type[Part]) -> Any:
    """A part of some kind that notes the names of all events that it hears, and asks for one timer."""

    class Noting(kind):  # type: ignore[valid-type, misc]
        def setup(self, soc: Any) -> None:
            super().setup(soc)
            self.heard_of: list[str] = []
            soc.wake_at(2 * MS, "mine")

    def noting(event: str) -> Any:
        return lambda self, *about: self.heard_of.append(event)

    for event in (*EVENTS, "settle"):
        setattr(Noting, event, noting(event))
    return Noting()


KINDS: dict[str, type[Part]] = {
    "ordering": EDF,
    "placement": Global,
    "adaptation": Adaptation,
    "admission": Admission,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_any_kind_hears_every_event(kind: str) -> None:
    part = listening(KINDS[kind])
    trace = api.simulate(System.model_validate(EVENTFUL), scheduler=ComposedScheduler(**{kind: part}))
    assert trace.check() == []
    assert set(part.heard_of) == {*EVENTS, "settle"}
    assert part.heard_of.count("on_timer") == 1
    ended = sum(OUTCOMES[row["outcome"]] != "unfinished" for row in trace.jobs)
    assert part.heard_of.count("on_job_end") == ended
    assert part.heard_of.count("on_release") == len(trace.jobs)


def test_who_only_listens_changes_nothing() -> None:
    plain = api.simulate(System.model_validate(EVENTFUL), scheduler=ComposedScheduler())
    heard = api.simulate(
        System.model_validate(EVENTFUL), scheduler=ComposedScheduler(**{k: listening(v) for k, v in KINDS.items()})
    )
    assert heard.jobs.tolist() == plain.jobs.tolist()
    assert heard.slices.tolist() == plain.slices.tolist()


class Clock(Adaptation):
    """Asks for a timer every 2 ms with the same tag as any other clock, and notes when it hears it."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.rings: list[tuple[int, Any]] = []

    def setup(self, soc: Any) -> None:
        super().setup(soc)
        soc.wake_at(self.period, "tick")

    def on_timer(self, tag: Any) -> None:
        self.rings.append((self.soc.now, tag))
        if self.soc.now < 9 * MS:
            self.soc.wake_at(self.soc.now + self.period, tag)


@pytest.mark.parametrize("cores", [1, 2])
def test_equal_tags_of_two_parts_come_back_to_each_alone(cores: int) -> None:
    one, other = Clock(2 * MS), Clock(3 * MS)
    scheduler = ComposedScheduler(EDF(), adaptation=one, admission=other)
    simulate([task(0, (3 * MS,) * cores, 10 * MS)], scheduler, processors=cpus(cores), until=10 * MS)
    assert one.rings == [(at * MS, "tick") for at in (2, 4, 6, 8, 10)]
    assert other.rings == [(at * MS, "tick") for at in (3, 6, 9)]


def test_review_timers_stay_the_scheduler_s_own() -> None:
    """LLF on two pools asks for reviews of its own; a part hears none of them, and they do their work."""
    from rtsched.schedulers.orderings.least_slack import LeastLaxityFirst

    def run(**parts: Any) -> Any:
        tasks = [task(i, ((4 + i) * MS, None) if i < 2 else (None, (4 + i) * MS), (18 + i) * MS) for i in range(4)]
        return simulate(tasks, ComposedScheduler(LeastLaxityFirst(), **parts), processors=cpus(2), until=40 * MS)

    clock = Clock(30 * MS)  # when nothing runs: another instant at which it is asked would be another schedule
    with_clock, without = run(adaptation=clock), run()
    assert with_clock.slices.tolist() == without.slices.tolist()
    assert clock.rings == [(30 * MS, "tick")]


class Raised(FixedPriority):
    """Task b goes first from 5 ms on: an ordering with a timer, whose keys change."""

    dynamic = True

    def setup(self, soc: Any) -> None:
        super().setup(soc)
        self.raised = False
        soc.wake_at(5 * MS, "raise")

    def key(self, segment: Any) -> tuple[Any, ...]:
        return (segment.job.task.index != 1,) if self.raised else (segment.job.task.index,)

    def on_timer(self, tag: Any) -> None:
        self.raised = True


@pytest.mark.parametrize("cores", [1, 2])
def test_a_timer_of_an_ordering_is_followed_by_a_dispatch_of_every_pool(cores: int) -> None:
    """On a second core, of a pool of its own, nothing happens at 5 ms: the first is looked at all the same."""
    alone = (lambda time: (time, None)) if cores == 2 else (lambda time: time)
    tasks = [task(0, alone(8 * MS), 40 * MS), task(1, alone(4 * MS), 40 * MS)]
    if cores == 2:
        tasks.append(task(2, (None, 9 * MS), 40 * MS))
    trace = simulate(tasks, ComposedScheduler(Raised()), processors=cpus(cores), until=40 * MS)
    assert trace.jobs[trace.jobs["task"] == 1]["finish"].tolist() == [9 * MS]


class Refusing(Admission):
    """Takes no job of task a."""

    def on_release(self, job: Any) -> None:
        if job.task.name == "a":
            self.soc.drop(job)


def test_who_refuses_a_job_on_release_is_heard_before_who_chooses_its_variant() -> None:
    text = EVENTFUL | {"faults": [], "power": None}
    trace = api.simulate(
        System.model_validate(text), scheduler=ComposedScheduler(admission=Refusing(), adaptation=SubFlow())
    )
    assert trace.check() == []
    assert set(outcomes(trace)["a"]) == {"dropped"}
    assert "dropped" not in outcomes(trace)["b"]


class Ends(Scheduler):
    """First come, first served; notes every end of a job."""

    preemption = "nonpreemptive"

    def setup(self, soc: Any) -> None:
        self.ends: list[tuple[str, int, str]] = []

    def on_release(self, job: Any) -> None:
        if job.task.name == "c":
            self.soc.drop(job)

    def on_job_end(self, job: Any) -> None:
        self.ends.append((job.task.name, self.soc.now // MS, OUTCOMES[job.outcome]))

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            if self.soc.processors[0].segment is None:
                self.soc.start(segment.job, segment, self.soc.processors[0])


def test_the_end_of_a_job_is_told_however_it_ends() -> None:
    """a ends in time, b late, c is dropped on release, d is aborted at its deadline; what is open at the end is not."""
    scheduler = Ends()
    tasks = [
        task(0, 2 * MS, None, release=0, deadline=5 * MS),
        task(1, 2 * MS, None, release=0, deadline=3 * MS),
        task(2, 2 * MS, None, release=1 * MS, deadline=9 * MS),
        task(3, 9 * MS, None, release=4 * MS, deadline=3 * MS, on_miss="abort"),
    ]
    simulate(tasks, scheduler, until=10 * MS)
    assert scheduler.ends == [("c", 1, "dropped"), ("a", 2, "ok"), ("b", 4, "late"), ("d", 7, "aborted")]


# ---- what is never told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "event"), [("on_complete", "on_completion"), ("on_timers", "on_timer")])
@pytest.mark.parametrize("kind", [*KINDS, "scheduler"])
def test_waiting_for_an_event_that_never_comes_is_an_error(kind: str, name: str, event: str) -> None:
    wrong = type("Wrong", (KINDS.get(kind, Scheduler),), {name: lambda self: None, "dispatch": lambda self: None})()
    told = f"{kind} Wrong: {name} is no event, and would never be called; did you mean '{event}'?"
    with pytest.raises(InputError, match=re.escape(told)):
        api.simulate(PLAIN, scheduler=wrong if kind == "scheduler" else ComposedScheduler(**{kind: wrong}))


def test_a_typo_in_a_part_named_in_a_file_points_there(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = type("Wrong", (Adaptation,), {"on_relase": lambda self, job: None})
    monkeypatch.setitem(REGISTRY.own, ("adaptation", "typo"), wrong)
    with pytest.raises(InputError, match=r"adaptation Wrong: on_relase is no event.*did you mean 'on_release'"):
        api.scheduler("edf+typo")


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_with_another_signature_is_an_error(kind: str) -> None:
    wrong = type("Wrong", (KINDS[kind],), {"on_processor": lambda self, processor: None})
    with pytest.raises(InputError, match=f"{kind} Wrong: on_processor is called with processor, change; write"):
        ComposedScheduler(**{kind: wrong()})


OURS = [(kind, name) for kind in (*PARTS, "scheduler") for name in REGISTRY.names(kind)]


@pytest.mark.parametrize(("kind", "name"), OURS, ids=[name for _, name in OURS])
def test_our_own_policies_wait_for_what_comes(kind: str, name: str) -> None:
    """They are not looked at before every run: here they are, by way of a class that is not rtsched's."""
    theirs: Any = REGISTRY.find(kind, name)
    derived = type("Derived", (theirs,), {})
    check(derived.__new__(derived), kind, ("setup", "dispatch" if kind == "scheduler" else "settle"))


def test_a_class_derived_from_the_composed_scheduler_is_told_what_it_overrides_beside_its_own() -> None:
    """With one pool, too, where the composed scheduler itself need not know which has changed."""
    seen: list[str] = []

    class Watching(ComposedScheduler):
        def on_processor(self, processor: Any, change: str) -> None:
            seen.append(change)

        def on_timer(self, tag: Any) -> None:
            seen.append(tag)

        def dispatch(self) -> None:
            seen.append("dispatch")
            super().dispatch()

    class Asking(Watching):
        def setup(self, soc: Any) -> None:
            super().setup(soc)
            soc.wake_at(1, "asked")

    trace = simulate([task(0, 5, 10), task(1, 3, 10)], Asking(FixedPriority()), until=10)
    assert trace.slices.tolist() == simulate([task(0, 5, 10), task(1, 3, 10)], fp(), until=10).slices.tolist()
    assert {"idle", "asked", "dispatch"} == set(seen)


# ---- proofs ----------------------------------------------------------------------------------------------------------


class Dropping(EDF):
    """EDF's keys, and no job of task a: what no theorem about EDF speaks of."""

    def on_release(self, job: Any) -> None:
        if job.task.name == "a":
            self.soc.drop(job)


class Watched(Global):
    """The places of global, and a look at every completion."""

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        """Nothing, but who can know."""


@pytest.mark.parametrize(("kind", "part"), [("ordering", Dropping), ("placement", Watched)])
def test_who_acts_on_events_is_not_proven(kind: str, part: type[Part], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY.own, (kind, "acting"), part)
    spec = api.load(PLAIN).lower()
    assert analyse(spec, api.policy({"ordering": "edf"})).verdict == "schedulable"
    verdict = analyse(spec, api.policy({"ordering": "edf"} | {kind: "acting"}))
    assert verdict.verdict == "unknown"
    assert "'acting' is told events" in (verdict.parts[0].result.reason or "")
