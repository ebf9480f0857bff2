"""NPUs and DSPs: contexts, checkpoints, kills, weights; a CPU cluster as one server."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import FULL_SPEED
from tests.chips import changes, loaded, run, slices

HALF = FULL_SPEED // 2

TWO_CONTEXTS = """
platform: {name: chip, processors: {npu: {kind: npu, contexts: 2%s}}}
scheduler: {ordering: fifo}
tasks:
  - {name: a, wcet: {npu: 4 ms}, period: 100 ms}
  - {name: b, wcet: {npu: 2 ms}, period: 100 ms, offset: 1 ms}
  - {name: c, wcet: {npu: 1 ms}, period: 100 ms, offset: 2 ms}
"""


def test_two_contexts_share_the_unit_exactly() -> None:
    # a alone [0,1): 1 done. a and b at half speed from 1: b needs 4 -> ends at 5, a then has 4-1-2 = 1 left.
    # c waits for a context until 5; from 5 a and c share: both need 1, at half speed: end at 7.
    trace = run(TWO_CONTEXTS % "", until="100 ms")
    assert slices(trace) == [
        ("a", "npu.0", 0, 7, "completed"),
        ("b", "npu.1", 1, 5, "completed"),
        ("c", "npu.1", 5, 7, "completed"),
    ]
    assert changes(trace, "speed")[:2] == [(1, "speed", 0, HALF), (1, "speed", 1, HALF)]


def test_contexts_that_do_not_share_are_servers_of_their_own() -> None:
    assert slices(run(TWO_CONTEXTS % ", sharing: none", until="100 ms")) == [
        ("a", "npu.0", 0, 4, "completed"),
        ("b", "npu.1", 1, 3, "completed"),
        ("c", "npu.1", 3, 4, "completed"),
    ]


def test_a_preemptive_processor_has_no_contexts() -> None:
    with pytest.raises(InputError, match="a preemptive processor switches by itself"):
        loaded("platform: {processors: {cpu: {contexts: 2}}}\ntasks: [{name: a, wcet: 1 ms, period: 9 ms}]")


class Urgent(Scheduler):
    """Task 1 takes the accelerator from task 0 in a given way, and gives it back."""

    preemption = "nonpreemptive"

    def __init__(self, how: str) -> None:
        self.how = how

    def dispatch(self) -> None:
        npu = self.soc.processors[0]
        ready = sorted(self.soc.ready, key=lambda segment: -segment.job.task.index)
        if not ready:
            return
        if npu.segment is None:
            self.soc.start(ready[0].job, ready[0], npu)
        elif ready[0].job.task.index > npu.segment.job.task.index and not getattr(npu, "saving", 0):
            self.soc.preempt(npu, self.how)
            if npu.segment is None:
                self.soc.start(ready[0].job, ready[0], npu)


CHECKPOINT = """
platform: {name: chip, processors: {npu: {kind: npu, checkpoint: {state: 1 MB, bandwidth: 2 GB/s}}}}
tasks:
  - {name: slow, wcet: {npu: 10 ms}, period: 100 ms}
  - {name: fast, wcet: {npu: 2 ms}, period: 100 ms, offset: 3 ms}
"""


def test_a_checkpoint_keeps_the_work_and_costs_its_state_twice() -> None:
    # 1 MB at 2 GB/s: 0.5 ms to put aside [3, 3.5), fast [3.5, 5.5), 0.5 ms to bring back, then the 7 ms left
    trace = run(CHECKPOINT, scheduler=Urgent("checkpoint"), until="100 ms")
    assert slices(trace) == [
        ("slow", "npu", 0, 3, "preempted"),
        ("slow", "npu", 3, 3.5, "overhead"),
        ("fast", "npu", 3.5, 5.5, "completed"),
        ("slow", "npu", 5.5, 6, "overhead"),
        ("slow", "npu", 6, 13, "completed"),
    ]
    assert trace.processors[0].overhead == 1_000_000
    assert trace.processors[0].preemptions == 1
    assert changes(trace, "checkpoint") == [(3, "checkpoint", 0, 0)]


def test_a_node_may_have_a_state_of_its_own() -> None:
    text = CHECKPOINT.replace("wcet: {npu: 10 ms}", "wcet: {npu: 10 ms}, state: 2 MB")
    found = slices(run(text, scheduler=Urgent("checkpoint"), until="100 ms"))
    assert [row[2:4] for row in found if row[4] == "overhead"] == [(3, 4), (6, 7)]


def test_a_kill_throws_the_work_away() -> None:
    trace = run(CHECKPOINT, scheduler=Urgent("kill"), until="100 ms")
    assert slices(trace) == [
        ("slow", "npu", 0, 3, "killed"),
        ("fast", "npu", 3, 5, "completed"),
        ("slow", "npu", 5, 15, "completed"),
    ]


def test_a_drain_lets_the_running_segment_end() -> None:
    trace = run(CHECKPOINT, scheduler=Urgent("drain"), until="100 ms")
    assert slices(trace) == [("slow", "npu", 0, 10, "completed"), ("fast", "npu", 10, 12, "completed")]
    with pytest.raises(SchedulerError, match="to completion, without boundaries"):
        run(CHECKPOINT, scheduler=Urgent("boundary"), until="100 ms")


def test_a_job_dropped_while_it_is_put_aside_frees_the_processor_when_that_is_done() -> None:
    text = CHECKPOINT.replace("period: 100 ms}", "period: 100 ms, deadline: 3.2 ms, on_miss: abort}", 1)
    trace = run(text, scheduler=Urgent("checkpoint"), until="100 ms")
    assert slices(trace) == [
        ("slow", "npu", 0, 3, "preempted"),
        ("slow", "npu", 3, 3.2, "overhead"),
        ("slow", "npu", 3.2, 3.5, "drained"),
        ("fast", "npu", 3.5, 5.5, "completed"),
    ]


RESET = CHECKPOINT.replace("checkpoint: {state: 1 MB, bandwidth: 2 GB/s}", "reset: 40 us")


def test_a_kill_pays_the_reset_that_is_declared() -> None:
    trace = run(RESET, scheduler=Urgent("kill"), until="100 ms")
    assert slices(trace) == [
        ("slow", "npu", 0, 3, "killed"),
        ("slow", "npu", 3, 3.04, "overhead"),
        ("fast", "npu", 3.04, 5.04, "completed"),
        ("slow", "npu", 5.04, 15.04, "completed"),
    ]
    assert (trace.processors[0].overhead, trace.processors[0].preemptions) == (40_000, 1)


def test_a_job_that_is_given_up_during_its_reset_leaves_the_processor_when_that_is_over() -> None:
    text = RESET.replace("period: 100 ms}", "period: 100 ms, deadline: 3.02 ms, on_miss: abort}", 1)
    trace = run(text, scheduler=Urgent("kill"), until="100 ms")
    assert slices(trace) == [
        ("slow", "npu", 0, 3, "killed"),
        ("slow", "npu", 3, 3.04, "drained"),
        ("fast", "npu", 3.04, 5.04, "completed"),
    ]


def test_checkpoint_without_one_is_refused() -> None:
    text = CHECKPOINT.replace(", checkpoint: {state: 1 MB, bandwidth: 2 GB/s}", "")
    with pytest.raises(SchedulerError, match="has no checkpoints; use how='kill'"):
        run(text, scheduler=Urgent("checkpoint"), until="100 ms")


WEIGHTS = """
platform:
  name: chip
  processors: {npu: {kind: npu, weights: {capacity: 10 MB, bandwidth: 1 GB/s}}}
scheduler: {ordering: fifo}
tasks:
  - {name: a, wcet: {npu: 5 ms}, weights: 6 MB, period: 100 ms, deadline: 90 ms}
  - {name: b, wcet: {npu: 5 ms}, weights: 4 MB, period: 100 ms, deadline: 90 ms}
  - {name: c, wcet: {npu: 5 ms}, weights: 3 MB, period: 100 ms, deadline: 90 ms}
"""


def test_weights_are_loaded_when_networks_switch_and_the_oldest_give_way() -> None:
    # a (6) and b (4) fill the memory. c (3) throws a out, the least recently used. In the second round a is loaded
    # again, which throws out b (least recently used) and still needs room: 4 + 3 - 4 = 3 stays, 6 + 3 fits.
    trace = run(WEIGHTS, until="200 ms")
    rows = [(task, start, end) for task, _, start, end, reason in slices(trace) if reason == "overhead"]
    assert rows == [
        ("a", 0, 6),
        ("b", 11, 15),
        ("c", 20, 23),
        ("a", 100, 106),
        ("b", 111, 115),
        ("c", 120, 123),
    ]
    assert [(time, what, size) for time, what, _, size in changes(trace, "load", "evict")] == [
        (0, "load", 6_000_000),
        (11, "load", 4_000_000),
        (20, "evict", 6_000_000),
        (20, "load", 3_000_000),
        (100, "evict", 4_000_000),
        (100, "load", 6_000_000),
        (111, "evict", 3_000_000),
        (111, "load", 4_000_000),
        (120, "evict", 6_000_000),
        (120, "load", 3_000_000),
    ]
    assert trace.processors[0].overhead == (6 + 4 + 3 + 6 + 4 + 3) * 1_000_000


def test_a_network_larger_than_the_memory_is_streamed_each_time() -> None:
    trace = run(WEIGHTS.replace("10 MB", "5 MB"), until="200 ms")
    loads = [row[3] for row in changes(trace, "load")]
    assert 6_000_000 not in loads
    assert trace.processors[0].overhead == 2 * (6 + 4 + 3) * 1_000_000


def test_dram_that_is_too_small_for_all_networks_makes_them_come_from_storage() -> None:
    text = WEIGHTS.replace(
        "  processors:", "  memory: {capacity: 9 MB, load_bandwidth: 500 MB/s}\n  processors:"
    ).replace(", weights: {capacity: 10 MB, bandwidth: 1 GB/s}", "")
    # a 12 ms and c 6 ms from storage, b 8 ms; 6 + 3 fit, b throws a out (least recently used), and so on in turn
    trace = run(text, until="100 ms")
    assert trace.processors[0].overhead == (12 + 8 + 6) * 1_000_000


SERVER = """
platform: {name: chip, processors: {big: {cores: 4, threads: {'1': 1, '2': 1.6, '4': 2.5}}}}
tasks:
  - {name: all, wcet: 10 ms, period: 100 ms}
  - {name: two, wcet: {big: 8 ms}, threads: 2, period: 100 ms}
"""


def test_a_cluster_as_one_server_runs_one_segment_with_its_measured_speed_up() -> None:
    trace = run(SERVER, until="100 ms")
    assert [p.name for p in trace.system.processors] == ["big"]
    assert slices(trace) == [("all", "big", 0, 4, "completed"), ("two", "big", 4, 9, "completed")]


def test_a_thread_count_without_a_speed_up_is_refused() -> None:
    with pytest.raises(InputError, match="no speed-up for 3 threads; it has for 1, 2, 4"):
        loaded(SERVER.replace("threads: 2,", "threads: 3,")).lower()


def test_what_a_checkpoint_takes_is_known_and_asking_twice_changes_nothing() -> None:
    expected, running = [], []

    class Insistent(Urgent):
        def setup(self, soc: Any) -> None:
            soc.wake_at(3_200_000, "again")

        def dispatch(self) -> None:
            npu = self.soc.processors[0]
            if self.soc.now == 3_200_000:
                running.append(([each.node.name for each in self.soc.running()], self.soc.remaining(npu.segment)))
                assert self.soc.preempt(npu, "checkpoint") is None
            super().dispatch()
            if npu.segment is not None:
                expected.append(self.soc.expected_checkpoint(npu.segment, npu))

    plain = run(CHECKPOINT, scheduler=Urgent("checkpoint"), until="100 ms")
    assert slices(run(CHECKPOINT, scheduler=Insistent("checkpoint"), until="100 ms")) == slices(plain)
    assert set(expected) == {500_000}
    assert running == [(["slow"], 7_000_000)]


def test_where_nothing_can_be_put_aside_no_time_is_expected() -> None:
    asked: list[Any] = []

    class Asking(Urgent):
        def on_ready(self, job: Any, segments: Any) -> None:
            asked.append(self.soc.expected_checkpoint(segments[0], self.soc.processors[0]))

    for processor in ("{kind: npu}", "{kind: npu, reset: 40 us}", "{}"):
        text = CHECKPOINT.replace("{kind: npu, checkpoint: {state: 1 MB, bandwidth: 2 GB/s}}", processor)
        run(text, scheduler=Asking("drain"), until="100 ms")
    assert set(asked) == {None}


def test_a_kill_throws_away_what_is_being_put_aside() -> None:
    class Impatient(Urgent):
        def setup(self, soc: Any) -> None:
            soc.wake_at(3_200_000, "kill")

        def on_timer(self, tag: Any) -> None:
            assert self.soc.preempt(self.soc.processors[0], "kill") is not None

    found = slices(run(CHECKPOINT, scheduler=Impatient("checkpoint"), until="100 ms"))
    assert [row for row in found if row[2] < row[3]] == [
        ("slow", "npu", 0, 3, "preempted"),
        ("slow", "npu", 3, 3.2, "overhead"),
        ("fast", "npu", 3.2, 5.2, "completed"),
        ("slow", "npu", 5.2, 15.2, "completed"),
    ]
