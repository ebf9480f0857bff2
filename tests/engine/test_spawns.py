"""Jobs that a policy releases: now, with a deadline of their own; as any other job from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.engine.spawns import Spawns
from rtsched.engine.task_state import TaskState
from rtsched.errors import InputError, SchedulerError
from rtsched.export.tables import columns
from rtsched.forecast import forecast
from rtsched.schedulability.analyse import analyse as prove
from rtsched.schedulers.admissions.base import Admission
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.trace.trace import OUTCOMES, Trace
from rtsched.verify import replay
from tests.chips import MS, changes, loaded, run, slices

TEXT = """
platform: {name: chip, processors: {small: {}, large: {}}}
simulate: {until: 20 ms}
tasks:
  - {name: draft, wcet: {small: 2 ms}, period: 10 ms}
  - {name: check, wcet: {large: 3 ms}, arrival: {kind: spawned}, deadline: 4 ms%s}
"""


class Spawner(Scheduler):
    """First come, first served, on any idle processor; each order is given at its instant (in ms), or at an event."""

    preemption = "nonpreemptive"
    reads = frozenset({"spawned"})

    def __init__(self, *orders: tuple[float, Callable[[Any], Any]], **at: Callable[[Any, Any], Any]) -> None:
        self.orders = orders
        self.at = at
        self.heard: list[Any] = []
        self.answers: list[Any] = []

    def setup(self, soc: Any) -> None:
        for time, order in self.orders:
            soc.wake_at(round(time * MS), order)

    def on_timer(self, order: Any) -> None:
        self.answers.append(order(self.soc))

    def on_release(self, job: Any) -> None:
        self.heard.append(("release", self.soc.now / MS, job.task.name, job.index))
        self.at.get("release", lambda *_: None)(self.soc, job)

    def on_completion(self, segment: Any, observation: Any) -> None:
        self.heard.append(("done", self.soc.now / MS, segment.job.task.name, segment.job.index))
        self.at.get("completion", lambda *_: None)(self.soc, segment)

    def on_job_end(self, job: Any) -> None:
        self.at.get("end", lambda *_: None)(self.soc, job)

    def dispatch(self) -> None:
        self.heard.append(("dispatch", self.soc.now / MS, len(self.soc.ready)))
        for segment in list(self.soc.ready):
            for processor in self.soc.processors:
                if segment.node.times[processor.index] is not None and processor.segment is None:
                    self.soc.start(segment.job, segment, processor)
                    break
        self.at.get("dispatch", lambda *_: None)(self.soc, None)


def check(soc: Any) -> Any:
    return next(task for task in soc.tasks if task.name == "check")


def spawned(text: str = TEXT % "", *orders: Any, **at: Any) -> tuple[Spawner, Trace]:
    policy = Spawner(*orders, **at)
    return policy, run(text, scheduler=policy)


def jobs(trace: Trace, name: str = "check") -> list[tuple[float, float, float, str]]:
    """(release, deadline, finish in ms, outcome) of the jobs of a task."""
    task = next(task.index for task in trace.system.tasks if task.name == name)
    return [
        (row["release"] / MS, row["deadline"] / MS, row["finish"] / MS, OUTCOMES[row["outcome"]])
        for row in trace.jobs_of(task)
    ]


def after_each_draft(soc: Any, segment: Any) -> None:
    if segment.job.task.name == "draft":
        soc.spawn(check(soc))


def test_a_draft_is_checked_as_soon_as_it_is_done() -> None:
    _, trace = spawned(completion=after_each_draft)
    assert slices(trace) == [
        ("draft", "small", 0, 2, "completed"), ("check", "large", 2, 5, "completed"),
        ("draft", "small", 10, 12, "completed"), ("check", "large", 12, 15, "completed"),
    ]  # fmt: skip
    assert jobs(trace) == [(2, 6, 5, "ok"), (12, 16, 15, "ok")]
    assert changes(trace, "spawn") == [(2, "spawn", 1, 4 * MS), (12, "spawn", 1, 4 * MS)]
    assert columns(trace, "changes")["subject"] == ["check", "check"]
    assert rtsched.summary(trace).tasks[1].jobs == 2


def test_it_is_heard_at_once_and_decided_in_the_one_dispatch_of_its_instant() -> None:
    policy, _ = spawned(completion=after_each_draft)
    assert [each for each in policy.heard if each[1] == 2] == [
        ("done", 2, "draft", 0), ("release", 2, "check", 0), ("dispatch", 2, 1),
    ]  # fmt: skip


def test_what_a_dispatch_spawns_is_decided_in_a_further_round_of_its_instant() -> None:
    def once(soc: Any, _: Any) -> None:
        if not check(soc).count:
            soc.spawn(check(soc))

    policy, trace = spawned(dispatch=once)
    assert policy.heard[:4] == [("release", 0, "draft", 0), ("dispatch", 0, 1), ("release", 0, "check", 0), ("dispatch", 0, 1)]  # fmt: skip
    assert jobs(trace) == [(0, 4, 3, "ok")]


def test_a_deadline_of_its_own_counts_from_now() -> None:
    _, trace = spawned(TEXT % "", (1, lambda soc: soc.spawn(check(soc), 2 * MS)))
    assert jobs(trace) == [(1, 3, 4, "late")]
    assert changes(trace, "spawn") == [(1, "spawn", 1, 2 * MS)]


def test_what_is_spawned_is_the_job_and_can_be_acted_on() -> None:
    def spawn_and_drop(soc: Any) -> Any:
        job = soc.spawn(check(soc))
        soc.drop(job)
        return job.task.name, job.index, job.number, OUTCOMES[job.outcome]

    policy, trace = spawned(TEXT % "", (1, spawn_and_drop))
    assert policy.answers == [("check", 0, 1, "dropped")]
    assert jobs(trace) == [(1, 5, -1 / MS, "dropped")]


def test_a_policy_may_refuse_it_when_it_hears_of_it() -> None:
    def refuse(soc: Any, job: Any) -> None:
        if job.task.name == "check":
            soc.drop(job)

    policy, _ = spawned(TEXT % "", (1, lambda soc: soc.spawn(check(soc)).outcome), release=refuse)
    assert policy.answers == [OUTCOMES.index("dropped")]


def test_jobs_of_its_task_wait_for_each_other_unless_they_may_overlap() -> None:
    both = ((1, lambda soc: soc.spawn(check(soc))), (2, lambda soc: soc.spawn(check(soc))))
    assert jobs(spawned(TEXT % "", *both)[1]) == [(1, 5, 4, "ok"), (2, 6, 7, "late")]
    two = (TEXT % ", overlap: true").replace("large: {}", "large: {cores: 2}")
    assert jobs(spawned(two, *both)[1]) == [(1, 5, 4, "ok"), (2, 6, 5, "ok")]


@pytest.mark.parametrize(
    ("miss", "outcomes"),
    [
        ("abort", ["late", "aborted"]), ("drop_at_start", ["late", "dropped"]), ("skip_next", ["late", "dropped"]),
        ("drop_if_hopeless", ["dropped", "dropped"]),
    ],
)  # fmt: skip
def test_what_becomes_of_a_miss_is_as_its_task_says(miss: str, outcomes: list[str]) -> None:
    def orders(*times: tuple[float, float]) -> list[Any]:
        return [(at, lambda soc, due=due: soc.spawn(check(soc), round(due * MS))) for at, due in times]

    text = TEXT % f", on_miss: {miss}"
    if miss == "skip_next":
        _, trace = spawned(text, *orders((1, 2), (5, 4)))
    elif miss == "abort":
        text = text.replace("on_miss: abort", "on_miss: abort, overlap: true").replace("large: {}", "large: {cores: 2}")
        _, trace = spawned(text, *orders((1, 3), (5, 2)))
        outcomes = ["ok", "aborted"]
    elif miss == "drop_at_start":
        _, trace = spawned(text, *orders((1, 3), (2, 1)))
        outcomes = ["ok", "dropped"]
    else:
        _, trace = spawned(text, *orders((1, 2), (6, 1)))
    assert [outcome for *_, outcome in jobs(trace)] == outcomes


def test_none_is_released_from_until_on_nor_beyond_the_count() -> None:
    policy, trace = spawned(TEXT % ", count: 1", *((at, lambda soc: soc.spawn(check(soc)) is None) for at in (1, 8)))
    assert policy.answers == [False, True]
    text = (TEXT % "").replace("deadline: 4 ms", "deadline: 9 ms")
    policy, trace = spawned(text, *((at, lambda soc: soc.spawn(check(soc)) is None) for at in (19.9, 20, 21)))
    assert policy.answers == [False, True, True]
    assert jobs(trace) == [(19.9, 28.9, 22.9, "ok")]


def test_a_spawned_task_may_trigger_others() -> None:
    text = TEXT % "" + "  - {name: tell, wcet: {small: 1 ms}, after: check, deadline: 9 ms}\n"
    _, trace = spawned(text, completion=after_each_draft)
    assert jobs(trace, "tell") == [(5, 14, 6, "ok"), (15, 24, 16, "ok")]


def test_the_draws_of_its_world_are_those_of_its_jobs_by_number() -> None:
    text = TEXT % ", execution: {kind: uniform, low: 0.2}"
    early, late = (
        spawned(text, *((at, lambda soc: soc.spawn(check(soc)).index) for at in times))[1] for times in ((1, 5), (3, 9))
    )

    def spans(trace: Trace) -> list[float]:
        return [finish - release for release, _, finish, _ in jobs(trace)]

    assert spans(early) == pytest.approx(spans(late), abs=2e-6)
    dropped = spawned(
        text, (1, lambda soc: soc.drop(soc.spawn(check(soc)))), (5, lambda soc: soc.spawn(check(soc)).index)
    )[1]
    assert spans(dropped)[1] == pytest.approx(spans(early)[1], abs=2e-6)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (lambda soc: soc.spawn(soc.tasks[0]), "its jobs are released otherwise; write 'arrival: {kind: spawned}'"),
        (lambda soc: soc.spawn("check"), "'check': it is no task; pass one of soc.tasks"),
        (lambda soc: soc.spawn(check(soc), 0), "its deadline is counted from now"),
        (lambda soc: soc.spawn(check(soc), 1.5), "a deadline in ns is a whole number"),
    ],
)
def test_what_cannot_be_spawned_is_refused_in_words(order: Any, error: str) -> None:
    with pytest.raises(SchedulerError, match=error.replace("{", r"\{")):
        spawned(TEXT % "", (1, order))


def test_nothing_is_spawned_before_time_begins_nor_where_no_task_says_so() -> None:
    class Early(Spawner):
        def setup(self, soc: Any) -> None:
            soc.spawn(soc.tasks[-1])

    with pytest.raises(SchedulerError, match="time has not begun"):
        run(TEXT % "", scheduler=Early())
    plain = (TEXT % "").replace("arrival: {kind: spawned}", "period: 10 ms")
    with pytest.raises(SchedulerError, match="released otherwise"):
        spawned(plain, (1, lambda soc: soc.spawn(check(soc))))


def test_a_policy_that_spawns_whenever_it_is_told_of_one_is_stopped() -> None:
    with pytest.raises(SchedulerError, match="20 jobs have been spawned, each while the policy was told"):
        spawned(release=lambda soc, job: soc.spawn(check(soc)))
    with pytest.raises(SchedulerError, match="does not come to rest"):
        spawned(dispatch=lambda soc, _: soc.drop(soc.spawn(check(soc))))


class Twice(Admission):
    """Each draft is checked, once it is known that it starts."""

    reads = frozenset({"spawned"})

    def on_start(self, segment: Any, processor: Any) -> None:
        if segment.job.task.name == "draft":
            self.soc.spawn(self.soc.tasks[1])


ADAPTIVE = (TEXT % "").replace("wcet: {small: 2 ms}", "wcet: {small: 2 ms}, variants: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.5}]")  # fmt: skip


@pytest.mark.parametrize("pools", [{}, {"small": "large"}], ids=["two pools", "one pool"])
def test_a_part_may_spawn_in_the_middle_of_a_dispatch(pools: dict[str, str]) -> None:
    text = ADAPTIVE
    for one, other in pools.items():
        text = text.replace(f"{{{one}: 2 ms}}", f"{{{one}: 2 ms, {other}: 2 ms}}")
        text = text.replace(f"{{{other}: 3 ms}}", f"{{{one}: 3 ms, {other}: 3 ms}}")
    trace = run(text, scheduler=ComposedScheduler(FixedPriority(), admission=Twice()))
    assert [(task, start, end) for task, _, start, end, _ in slices(trace)] == [
        ("draft", 0, 2), ("check", 0, 3), ("draft", 10, 12), ("check", 10, 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        "planner: {core: small, cost: 100 us}",
        "faults: [{processor: large, at: 3 ms, lasts: 1 ms}]",
        "power: {}",
        "estimates: {noise: 0.2, learning: 0.5}",
        "overheads: {context_switch: 10 us, scheduling: 5 us}",
    ],
)
def test_a_spawned_job_meets_what_a_file_may_declare(more: str) -> None:
    text = (TEXT % ", execution: {kind: uniform, low: 0.5}") + more + "\n"
    _, trace = spawned(text, completion=after_each_draft)
    assert len(jobs(trace)) == 2
    assert all(finish > 0 for _, _, finish, _ in jobs(trace))


def test_figures_without_a_trace_are_the_same() -> None:
    policy = lambda: Spawner(completion=after_each_draft)  # noqa: E731
    prepared = api.prepare(loaded(TEXT % ""))
    with_trace, without = (prepared.run(policy(), 1, trace=keep) for keep in (True, False))
    assert rtsched.summary(with_trace).to_dict()["tasks"] == rtsched.summary(without).to_dict()["tasks"]


# ---- outside of the engine -------------------------------------------------------------------------------------------


def test_a_file_whose_own_scheduler_spawns_nothing_is_refused_and_another_is_noted() -> None:
    with pytest.raises(InputError, match=r"'arrival: \{kind: spawned\}' has no effect under the file's own scheduler"):
        rtsched.simulate(loaded(TEXT % ""))
    trace = rtsched.simulate(loaded(TEXT % ""), scheduler="edf")
    assert jobs(trace) == []
    assert "check: has no jobs under EDF + Global, preemptive, which spawns none" in trace.system.assumed
    assert "spawns none" not in str(spawned()[1].system.assumed)


@pytest.mark.parametrize("key", ["period: 9 ms", "rate: 9 Hz", "offset: 1 ms", "jitter: 1 ms"])
def test_keys_of_arrivals_have_no_effect_beside_it(key: str) -> None:
    with pytest.raises(InputError, match=f"'{key.split(':')[0]}' has no effect on a task whose jobs the policy releas"):
        loaded(TEXT % f", {key}")


def test_it_excludes_other_releases_and_needs_a_deadline() -> None:
    with pytest.raises(InputError, match="'release', 'after' and 'arrival' exclude each other"):
        loaded(TEXT % ", after: draft")
    with pytest.raises(InputError, match="the deadline is missing"):
        loaded((TEXT % "").replace("deadline: 4 ms", "priority: 1"))


def test_no_proof_bounds_what_a_policy_likes_and_others_are_proven_beside_it() -> None:
    analysis = prove(loaded(TEXT % "").lower(), api.policy({"ordering": "edf"}))
    verdicts = {analysis.system.tasks[i].name: part.result.verdict for part in analysis.parts for i in part.view.tasks}
    assert verdicts == {"draft": "schedulable", "check": "unknown"}
    assert analysis.verdict == "unknown"
    obstacle = next(part.view.obstacle for part in analysis.parts if part.view.obstacle)
    assert "the jobs of 'check' are released by the policy (arrival: spawned), when it likes" in obstacle.reason


def test_it_is_forecast_as_none_and_written_into_replays() -> None:
    prepared = api.prepare(loaded(TEXT % ""))
    assert forecast(prepared.spec, prepared.until).jobs == 2
    assert loaded(replay.to_yaml(prepared.spec, {"name": "edf"})).lower().tasks[1].arrival.kind == "spawned"
    assert replay.load(replay.dump(prepared.spec)) == prepared.spec


# ---- what the check of traces notices --------------------------------------------------------------------------------


def broken(monkeypatch: pytest.MonkeyPatch, act: Callable[[Spawns, Any, Any], Any]) -> list[str]:
    monkeypatch.setattr(Spawns, "spawn", act)
    return rtsched.simulate(loaded(TEXT % ""), scheduler=Spawner(completion=after_each_draft)).check()


def test_a_deadline_that_is_not_the_one_asked_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TaskState.fire

    def late(self: TaskState) -> Any:
        if isinstance(self.deadlines, dict):
            self.deadlines[self.count] += 1
        return plain(self)

    monkeypatch.setattr(TaskState, "fire", late)
    trace = rtsched.simulate(loaded(TEXT % ""), scheduler=Spawner(completion=after_each_draft))
    assert any("spawned at 2000000 for 4000000 ns" in each for each in trace.check())


def test_a_job_that_nobody_asked_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unasked(self: Spawns, task: Any, deadline: Any) -> Any:
        task.deadlines[task.count] = task.deadline
        task.arrival = task.release = self.core.loop._now
        return task.fire()

    assert broken(monkeypatch, unasked) == ["'check' has 2 jobs, and 0 were spawned"]


def test_jobs_beyond_the_count_or_after_until_or_of_other_tasks_are_noticed() -> None:
    _, trace = spawned(completion=after_each_draft)
    first, second = trace.system.tasks
    fewer = replace(trace, system=replace(trace.system, tasks=(first, replace(second, count=1))))
    assert fewer.check() == ["'check' has 2 jobs, of at most 1"]
    assert replace(trace, until=12 * MS).check() == [
        "job 1 of 'check' is released at 12000000 with the deadline 16000000, spawned at 12000000 for 4000000 ns"
    ]
    other = trace.changes.copy()
    other["subject"][0] = 0
    assert (
        "a job of 'draft' is spawned at 2000000, whose jobs are released otherwise"
        in replace(trace, changes=other).check()
    )
