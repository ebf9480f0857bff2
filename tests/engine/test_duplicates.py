"""A node that runs twice: the first to be done completes it, the other goes at once; one that fails is no loss."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

import rtsched
from rtsched.engine.core import Core
from rtsched.engine.duplicates import Duplicates
from rtsched.errors import SchedulerError
from rtsched.export.tables import columns
from rtsched.plot.gantt import gantt
from rtsched.schedulers.admissions.base import Admission
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.trace.trace import OUTCOMES, Trace
from tests.chips import MS, loaded, run, slices
from tests.plot.test_gantt import bars

TEXT = """
platform: {name: chip, processors: {slow: {%s}, fast: {%s}, third: {}}}
simulate: {until: 30 ms}
tasks:
  - {name: a, wcet: {slow: 10 ms, fast: 4 ms, third: 6 ms}, release: 0 ms, deadline: 20 ms%s}
"""
PLAIN = TEXT % ("", "", "")


class Orders(Scheduler):
    """Starts what is ready on the lowest idle processor (but `third`); each order is given at its instant, in ms."""

    def __init__(self, *orders: tuple[float, Callable[[Any], Any]], avoids: str = "third") -> None:
        self.orders = orders
        self.avoids = avoids
        self.heard: list[Any] = []

    def setup(self, soc: Any) -> None:
        for time, order in self.orders:
            soc.wake_at(round(time * MS), order)

    def on_timer(self, order: Any) -> None:
        order(self.soc)

    def on_completion(self, segment: Any, observation: Any) -> None:
        self.heard.append((self.soc.now / MS, segment.processor.name, observation["time"] / MS))

    def on_processor(self, processor: Any, change: str) -> None:
        self.heard.append((self.soc.now / MS, processor.name, change))

    def on_ready(self, job: Any, segments: Any) -> None:
        self.heard.append((self.soc.now / MS, "ready", len(segments)))

    def dispatch(self) -> None:
        for segment in list(self.soc.ready):
            for processor in self.soc.processors:
                able = segment.node.times[processor.index] is not None and processor.name not in self.avoids
                if able and processor.segment is None:
                    self.soc.start(segment.job, segment, processor)
                    break


def twice(soc: Any, here: int = 0, there: int = 1) -> None:
    soc.duplicate(soc.processors[here].segment, soc.processors[there])


def duplicated(text: str = PLAIN, *orders: Any, at: float = 1, avoids: str = "third") -> tuple[Orders, Trace]:
    policy = Orders((at, twice), *orders, avoids=avoids)
    return policy, run(text, scheduler=policy)


def actions(trace: Trace) -> list[tuple[float, str, str]]:
    table = columns(trace, "decisions")
    return [
        (time / MS, action, place)
        for time, action, place in zip(table["time"], table["action"], table["processor"], strict=True)
    ]


def test_the_copy_is_done_first_and_the_other_one_stops_at_once() -> None:
    policy, trace = duplicated()
    assert slices(trace) == [("a", "slow", 0, 5, "stopped"), ("a", "fast", 1, 5, "completed")]
    assert policy.heard == [(0, "ready", 1), (5, "fast", "idle"), (5, "fast", 4), (5, "slow", "idle")]
    assert sorted(actions(trace)) == [(0, "start", "slow"), (1, "duplicate", "fast"), (5, "cancel", "slow")]
    assert (trace.jobs["finish"][0], OUTCOMES[trace.jobs["outcome"][0]]) == (5 * MS, "ok")
    assert [(each.busy, each.starts) for each in trace.processors] == [(5 * MS, 1), (4 * MS, 1), (0, 0)]


def test_the_first_one_is_done_first_and_the_copy_stops_at_once() -> None:
    policy, trace = duplicated(at=8)
    assert slices(trace) == [("a", "slow", 0, 10, "completed"), ("a", "fast", 8, 10, "stopped")]
    assert policy.heard[-3:] == [(10, "slow", "idle"), (10, "slow", 10), (10, "fast", "idle")]


def test_of_two_that_are_done_at_one_instant_the_lower_processor_completes() -> None:
    _, trace = duplicated(at=6)
    assert slices(trace) == [("a", "slow", 0, 10, "completed"), ("a", "fast", 6, 10, "stopped")]


def test_the_same_input_takes_the_same_factor_on_both() -> None:
    execution = ", execution: {kind: uniform, low: 0.5}"
    alone = run(TEXT % ("", "", execution), scheduler=Orders())
    factor = alone.slices["end"][0] / (10 * MS)
    _, trace = duplicated(TEXT % ("", "", execution))
    assert trace.slices["end"][1] - MS == pytest.approx(4 * MS * factor, abs=1)


def test_a_graph_goes_on_behind_whoever_was_first() -> None:
    nodes = "graph: {nodes: {x: {wcet: {slow: 10 ms, fast: 4 ms}}, y: {wcet: {slow: 2 ms}}}, edges: [[x, y]]}"
    text = PLAIN.replace("wcet: {slow: 10 ms, fast: 4 ms, third: 6 ms}", nodes)
    _, trace = duplicated(text)
    assert [(place, start, end) for _, place, start, end, _ in slices(trace)] == [
        ("slow", 0, 5), ("fast", 1, 5), ("slow", 5, 7),
    ]  # fmt: skip
    assert trace.node_times()[["start", "finish", "processor"]].tolist() == [(MS, 5 * MS, 1), (5 * MS, 7 * MS, 0)]


@pytest.mark.parametrize("how", ["now", "kill"])
@pytest.mark.parametrize(("victim", "end"), [(0, 5), (1, 10)])
def test_one_that_is_taken_off_is_gone_and_the_other_goes_on(how: str, victim: int, end: float) -> None:
    answers: list[Any] = []
    _, trace = duplicated(PLAIN, (2, lambda soc: answers.append(soc.preempt(soc.processors[victim], how))))
    assert answers == [None]
    places = ["slow", "fast"]
    assert (2, "cancel", places[victim]) in actions(trace)
    assert {(place, at) for _, place, _, at, reason in slices(trace) if reason == "stopped"} == {(places[victim], 2)}
    assert (places[1 - victim], end, "completed") in [(place, at, why) for _, place, _, at, why in slices(trace)]


def test_the_one_that_stays_is_a_plain_segment_that_can_be_preempted_and_doubled_again() -> None:
    def away(soc: Any) -> None:
        soc.preempt(soc.processors[0], "kill")

    def move(soc: Any) -> None:
        segment = soc.preempt(soc.processors[1])
        soc.start(segment.job, segment, soc.processors[2])

    _, trace = duplicated(PLAIN, (2, away), (3, move), (4, lambda soc: twice(soc, 2, 0)))
    # 2 of 4 ms are done on fast, so 3 of 6 are left on third
    assert slices(trace) == [
        ("a", "slow", 0, 2, "stopped"), ("a", "fast", 1, 3, "preempted"), ("a", "third", 3, 6, "completed"),
        ("a", "slow", 4, 6, "stopped"),
    ]  # fmt: skip
    assert (3, "migrate", "third") in actions(trace)
    assert trace.processors[2].migrations == 1


def test_when_the_job_ends_both_go() -> None:
    policy, trace = duplicated(PLAIN, (2, lambda soc: soc.drop(soc.tasks[0].active)))
    assert [(place, at, why) for _, place, _, at, why in slices(trace)] == [
        ("slow", 2, "stopped"), ("fast", 2, "stopped"),
    ]  # fmt: skip
    assert {each for each in policy.heard if each[0] == 2} == {(2, "slow", "idle"), (2, "fast", "idle")}


def test_a_deadline_that_aborts_ends_both() -> None:
    text = TEXT.replace("20 ms", "3 ms") % ("", "", ", on_miss: abort")
    _, trace = duplicated(text)
    assert [(at, why) for *_, at, why in slices(trace)] == [(3, "stopped"), (3, "stopped")]


@pytest.mark.parametrize(("fate", "ends"), [("restart", 5), ("resume", 5), ("drop", 5)])
def test_a_processor_that_fails_is_no_loss(fate: str, ends: float) -> None:
    text = TEXT % ("", "", f", on_fault: {fate}") + "faults: [{processor: slow, at: 2 ms, lasts: 1 ms}]\n"
    policy, trace = duplicated(text)
    assert slices(trace) == [("a", "slow", 0, 2, "failed"), ("a", "fast", 1, ends, "completed")]
    assert policy.heard.count((0, "ready", 1)) == 1
    assert not [each for each in policy.heard if each[1] == "ready" and each[0] > 0]
    copy = text.replace("processor: slow", "processor: fast")
    assert slices(duplicated(copy)[1]) == [("a", "slow", 0, 10, "completed"), ("a", "fast", 1, 2, "failed")]


def test_when_both_fail_it_begins_anew() -> None:
    faults = "faults: [{processor: slow, at: 2 ms, lasts: 1 ms}, {processor: fast, at: 3 ms, lasts: 1 ms}]\n"
    _, trace = duplicated(PLAIN + faults)
    assert slices(trace) == [
        ("a", "slow", 0, 2, "failed"), ("a", "fast", 1, 3, "killed"), ("a", "slow", 3, 13, "completed"),
    ]  # fmt: skip


def test_what_cannot_be_stopped_drains_and_its_processor_is_busy_until_then() -> None:
    policy, trace = duplicated(TEXT % ("kind: npu", "", ""))
    assert slices(trace) == [
        ("a", "slow", 0, 5, "stopped"), ("a", "fast", 1, 5, "completed"), ("a", "slow", 5, 10, "drained"),
    ]  # fmt: skip
    assert policy.heard[-2:] == [(5, "fast", 4), (10, "slow", "idle")]


def test_what_has_a_reset_is_busy_with_it() -> None:
    _, trace = duplicated(TEXT % ("kind: npu, reset: 1 ms", "", ""))
    assert slices(trace)[-1] == ("a", "slow", 5, 6, "drained")
    _, trace = duplicated(
        TEXT % ("kind: npu, reset: 1 ms", "", ""), (2, lambda soc: soc.preempt(soc.processors[0], "kill"))
    )
    assert slices(trace) == [
        ("a", "slow", 0, 2, "stopped"), ("a", "fast", 1, 5, "completed"), ("a", "slow", 2, 3, "drained"),
    ]  # fmt: skip


def test_a_kill_without_a_reset_stops_it_at_once_where_nothing_is_preempted() -> None:
    _, trace = duplicated(TEXT % ("kind: npu", "", ""), (2, lambda soc: soc.preempt(soc.processors[0], "kill")))
    assert slices(trace) == [("a", "slow", 0, 2, "stopped"), ("a", "fast", 1, 5, "completed")]


def test_both_pay_for_their_start_and_both_draw_power() -> None:
    text = TEXT % ("power: {active: 1 W}", "power: {active: 2 W}", "") + "power: {}\noverheads: {scheduling: 1 ms}\n"
    _, trace = duplicated(text)
    assert slices(trace) == [
        ("a", "slow", 0, 1, "overhead"), ("a", "slow", 1, 6, "stopped"),
        ("a", "fast", 1, 2, "overhead"), ("a", "fast", 2, 6, "completed"),
    ]  # fmt: skip
    assert trace.energy is not None
    assert trace.energy.jobs == {0: 6 * MS + 2 * 5 * MS}


def test_a_job_that_may_be_hopeless_is_not_given_up_while_its_copy_may_be_in_time() -> None:
    text = TEXT.replace("20 ms", "9 ms") % ("", "", ", on_miss: drop_if_hopeless")
    text = text.replace("fast: 4 ms", "fast: 8 ms").replace(", third: 6 ms", "")
    assert OUTCOMES[duplicated(text)[1].jobs["outcome"][0]] == "ok"


def test_what_was_reserved_is_kept_when_one_of_two_is_killed() -> None:
    text = PLAIN + "reservable: {kv: 10}\n"
    held: list[int] = []

    class Reserves(Orders):
        reads = frozenset({"reservable"})

        def on_release(self, job: Any) -> None:
            self.soc.reserve("kv", 4, job)

    def kill(soc: Any) -> None:
        soc.preempt(soc.processors[0], "kill")
        held.append(soc.reserved("kv"))

    run(text, scheduler=Reserves((1, twice), (2, kill)))
    assert held == [4]


def test_the_weights_are_brought_to_both() -> None:
    weights = "kind: npu, weights: {capacity: 9 MB, bandwidth: 1 GB/s}"
    _, trace = duplicated(TEXT % (weights, weights, ", weights: 1 MB"))
    assert [(place, start, end, why) for _, place, start, end, why in slices(trace)][:3] == [
        ("slow", 0, 1, "overhead"), ("slow", 1, 6, "stopped"), ("fast", 1, 2, "overhead"),
    ]  # fmt: skip


def test_exits_and_variants_are_those_of_the_node_that_was_begun() -> None:
    variants = (
        "variants: [{wcet: {slow: 10 ms, fast: 4 ms}, accuracy: 0.9}, {wcet: {slow: 1 ms, fast: 1 ms}, accuracy: 0.4}]"
    )
    text = PLAIN.replace("wcet: {slow: 10 ms, fast: 4 ms, third: 6 ms}", variants)
    _, trace = duplicated(text)
    assert [(place, end) for _, place, _, end, _ in slices(trace)] == [("slow", 5), ("fast", 5)]
    assert trace.answers["accuracy"].tolist() == [900_000]
    assert len(trace.choices) == 1


def test_accuracy_is_lost_where_the_node_was_completed() -> None:
    text = PLAIN.replace("release: 0", "accuracy: 0.9, loss: {fast: 0.5}, release: 0")
    assert duplicated(text)[1].answers["accuracy"].tolist() == [400_000]
    assert duplicated(text, at=8)[1].answers["accuracy"].tolist() == [900_000]


def test_what_is_open_at_the_end_was_running_twice() -> None:
    text = TEXT.replace("20 ms", "3 ms").replace("30 ms", "1 ns") % ("", "", "")
    _, trace = duplicated(text)
    assert [(at, why) for *_, at, why in slices(trace)] == [(3.000001, "end"), (3.000001, "end")]


@pytest.mark.parametrize(
    ("text", "order", "error"),
    [
        (PLAIN, lambda soc: twice(soc, 0, 0), "is busy with"),
        (PLAIN, lambda soc: soc.duplicate(None, soc.processors[1]), "pass a segment that runs"),
        (PLAIN, lambda soc: (twice(soc), twice(soc, 0, 2)), "runs twice already"),
        (PLAIN, lambda soc: (twice(soc), twice(soc, 1, 2)), "runs twice already"),
        (PLAIN, lambda soc: (twice(soc), soc.preempt(soc.processors[0], "checkpoint")), "no checkpoints"),
        (PLAIN.replace("slow: 10 ms, fast: 4 ms, third: 6 ms", "slow: 9 ms"), twice, "cannot run there"),
        (
            PLAIN.replace("slow: 10 ms, fast: 4 ms, third: 6 ms", "slow: 9 ms, fast: 9 ms")
            .replace("release", "regions: [4 ms, 5 ms], release"),
            twice, "it stops at regions or sections",
        ),
        (
            PLAIN.replace("slow: 10 ms, fast: 4 ms, third: 6 ms", "slow: 9 ms, fast: 9 ms")
            .replace("release", "sections: [{resource: r, start: 4 ms, length: 1 ms}], release")
            + "resources: {r: {protocol: inheritance}}\n",
            twice, "it stops at regions or sections",
        ),
        (PLAIN + "planner: {core: fast, cost: 1 us}\n", twice, "is where the planner decides"),
        (PLAIN + "faults: [{processor: fast, at: 0 ms, lasts: 9 ms}]\n", twice, "the processor is down"),
    ],
)  # fmt: skip
def test_what_cannot_run_twice_is_refused_in_words(text: str, order: Any, error: str) -> None:
    with pytest.raises(SchedulerError, match=error):
        run(text, scheduler=Orders((1.5, order)))


def test_what_does_not_run_is_not_duplicated() -> None:
    def stopped(soc: Any) -> None:
        segment = soc.preempt(soc.processors[0])
        soc.duplicate(segment, soc.processors[1])

    with pytest.raises(SchedulerError, match="it is ready; only what runs can run twice"):
        run(PLAIN, scheduler=Orders((1, stopped)))


def test_runs_batches_links_and_gpus_are_refused() -> None:
    graph = (
        "graph: {nodes: {x: {wcet: {slow: 4 ms, fast: 4 ms}}, y: {wcet: {slow: 2 ms, fast: 2 ms}}}, edges: [[x, y%s]]}"
    )
    text = PLAIN.replace("wcet: {slow: 10 ms, fast: 4 ms, third: 6 ms}", graph)

    class Whole(Orders):
        reads = frozenset({"batch"})

        def dispatch(self) -> None:
            for segment in self.soc.ready[:1]:
                if len(segment.job.task.nodes) > 1:
                    self.soc.start(segment.job, [0, 1], self.soc.processors[0])
                else:
                    self.soc.start_batch(self.soc.ready, self.soc.processors[0])

    with pytest.raises(SchedulerError, match="belongs to a run of nodes"):
        run(text.replace("y%s", "y"), scheduler=Whole((1, twice)))
    linked = text.replace("y%s", "y, 1 MB").replace("third: {}}", "third: {}}, links: {bus: {between: [slow, fast], bandwidth: 1 GB/s}}")  # fmt: skip
    with pytest.raises(SchedulerError, match="sent over links"):
        run(linked, scheduler=Orders((1, twice)))
    batched = PLAIN.replace("release: 0 ms", "release: 0 ms, batch: {'2': 1.5}, instances: 2")
    with pytest.raises(SchedulerError, match="it runs in a batch"):
        run(batched, scheduler=Whole((1, twice)))
    blocks = TEXT % ("", "kind: gpu, block_level: {sms: 2, streams: 1}", "")
    with pytest.raises(SchedulerError, match="have no progress of their own"):
        run(blocks, scheduler=Orders((1, twice)))


def test_a_checkpoint_of_one_of_two_is_refused() -> None:
    text = TEXT % ("kind: npu, checkpoint: {state: 1 MB, bandwidth: 1 GB/s}", "", "")
    with pytest.raises(SchedulerError, match="it runs twice; use how='kill'"):
        duplicated(text, (2, lambda soc: soc.preempt(soc.processors[0], "checkpoint")))


# ---- beside parts, and at random -------------------------------------------------------------------------------------


class Redundant(Admission):
    """What is urgent runs on every second processor, too, as far as there is one."""

    def settle(self) -> None:
        for processor in self.soc.processors:
            segment = processor.segment
            if segment is not None and segment in segment.job.segments:
                idle = [each for each in self.soc.processors if each.segment is None]
                if idle and segment.node.times[idle[0].index] is not None:
                    try:
                        self.soc.duplicate(segment, idle[0])
                    except SchedulerError as error:
                        if "runs twice already" not in str(error):
                            raise


MANY = """
platform: {name: chip, processors: {cpu: {cores: 2}, npu: {kind: npu, cores: 2%s}}}
simulate: {until: 300 ms}
%s
tasks:
  - {name: a, wcet: {cpu: 7 ms, npu: 3 ms}, period: 11 ms, execution: {kind: uniform, low: 0.3}}
  - {name: b, wcet: {cpu: 5 ms, npu: 6 ms}, period: 13 ms, on_miss: abort, deadline: 9 ms, overlap: true}
  - {name: c, wcet: {cpu: 3 ms, npu: 2 ms}, period: 17 ms, on_miss: drop_if_hopeless, deadline: 8 ms}
"""


@pytest.mark.parametrize("preemption", ["nonpreemptive", "limited"])
def test_a_part_may_duplicate_where_its_policy_preempts_nothing(preemption: Any) -> None:
    policy = ComposedScheduler(FixedPriority(), preemption=preemption, admission=Redundant())
    trace = run(MANY % ("", ""), scheduler=policy)
    assert columns(trace, "decisions")["action"].count("duplicate") > 10


def test_pools_that_preempt_refuse_it() -> None:
    with pytest.raises(SchedulerError, match="one for each segment; make it nonpreemptive, or limited"):
        run(MANY % ("", ""), scheduler=ComposedScheduler(FixedPriority(), admission=Redundant()))


class Random(Scheduler):
    """Starts, duplicates, preempts, kills, drops at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def on_release(self, job: Any) -> None:
        self.soc.wake_at(self.soc.now + self.random.randrange(1, 4 * MS))

    def on_timer(self, tag: Any) -> None:
        for processor in self.soc.processors:
            running = processor.segment
            if running is None or running.job.number < 0:  # out of service, or kept for a decision
                continue
            chance = self.random.random()
            try:
                if chance < 0.1:
                    self.soc.preempt(processor, "kill")
                elif chance < 0.2 and processor.preemptible:
                    self.soc.preempt(processor)
                elif chance < 0.24 and running.job in [task.active for task in self.soc.tasks]:
                    self.soc.drop(running.job)
            except SchedulerError as error:
                assert "preempt only what runs" in str(error) or "has ended" in str(error)

    def dispatch(self) -> None:
        for processor in self.soc.processors:
            if processor.segment is not None or not self.soc.available(processor):
                continue
            ready = [each for each in self.soc.ready if each.node.times[processor.index] is not None]
            running = [each for each in self.soc.running() if each in each.job.segments]
            if running and self.random.random() < 0.6:
                try:
                    self.soc.duplicate(self.random.choice(running), processor)
                except SchedulerError as error:
                    if not re.search("runs twice already|where the planner decides|cannot run there", str(error)):
                        raise
            elif ready:
                chosen = self.random.choice(ready)
                self.soc.start(chosen.job, chosen, processor)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("reset", ["", ", reset: 200 us"])
@pytest.mark.parametrize(
    "more",
    [
        "", "power: {}", "overheads: {context_switch: 50 us, migration: 70 us}",
        "faults: [{processor: npu0, mean_up: 9 ms, mean_down: 5 ms}, {processor: cpu1, mean_up: 9 ms, mean_down: 5 ms}]",
        "planner: {core: cpu0, cost: 100 us}",
    ],
)  # fmt: skip
def test_whatever_happens_to_copies_nothing_is_lost_or_done_twice(more: str, reset: str, seed: int) -> None:
    trace = run(MANY % (reset, more), scheduler=Random(seed), seed=seed)
    told = columns(trace, "decisions")["action"]
    assert told.count("duplicate") > 5
    assert told.count("duplicate") - told.count("cancel") in range(3)
    again = rtsched.simulate(loaded(MANY % (reset, more)), scheduler=Random(seed), seed=seed)
    assert (trace.slices.tobytes(), trace.logged.tobytes()) == (again.slices.tobytes(), again.logged.tobytes())
    if "overheads" not in more:  # what is stopped in its overhead and comes back at once is told as one
        assert told.count("migrate") == sum(processor.migrations for processor in trace.processors)


def test_both_stand_in_the_picture_and_the_job_counts_once() -> None:
    _, trace = duplicated()
    spans = [span for lane in bars(gantt(trace).axes[0]).values() for span in lane]
    assert (0, 5) in spans
    assert (1, 5) in spans
    assert rtsched.summary(trace).tasks[0].jobs == 1


# ---- what the check of traces notices --------------------------------------------------------------------------------


def found(monkeypatch: pytest.MonkeyPatch, name: str, mutant: Any, owner: Any = Duplicates) -> list[str]:
    monkeypatch.setattr(owner, name, mutant)
    return rtsched.simulate(loaded(PLAIN), scheduler=Orders((1, twice))).check()


def test_a_copy_that_is_not_cancelled_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Core.ended
    assert any(
        "runs twice" in each for each in found(monkeypatch, "ended", lambda self, *told: plain(self.core, *told))
    )


def test_a_copy_that_runs_on_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(
        "where it was cancelled" in each for each in found(monkeypatch, "_let_go", lambda self, copy, processor: None)
    )


def test_a_copy_that_nobody_declared_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("runs twice" in each for each in found(monkeypatch, "_log", lambda *told: None))


def test_a_copy_that_does_less_than_all_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("of its work" in each for each in found(monkeypatch, "_time", lambda *told: 2 * MS))
