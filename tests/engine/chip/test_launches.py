"""Launches with a limit in flight, and preemption at XSched's three levels, by hand; what they meet; mutants."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from rtsched.api import simulate
from rtsched.engine.chip.launches import Flight, Launches
from rtsched.engine.gpu.gpu import Gpu
from rtsched.engine.job import READY, RUNNING
from rtsched.errors import InputError, SchedulerError
from rtsched.export.tables import csv_files
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import Trace
from rtsched.units import MS
from rtsched.verify.verification import verify
from tests.chips import changes, loaded, run, slices

#: Alone it fills the GPU for 1 ms.
FULL = "{blocks: 4, threads: 1024, time: 1 ms}"
#: Beside another one it leaves half of it.
HALF = "{blocks: 2, threads: 1024, time: 1 ms}"


def chip(gpu: str = "", cluster: str = "", back: str = ", ".join([FULL] * 8), more: str = "") -> str:
    return f"""
platform:
  name: chip
  processors:
    gpu: {{kind: gpu{cluster}, block_level: {{sms: 2, threads: 2048, streams: 2{gpu}}}}}
tasks:
  - {{name: back, kernels: [{back}], period: 100 ms}}
{more}
"""


FRONT = f"  - {{name: front, kernels: [{FULL}], period: 100 ms, offset: 3.5 ms}}"


class Levels(Scheduler):
    """`front` takes the GPU from `back` in a way; each has a stream with a limit; what happens is heard."""

    def __init__(self, how: str, limit: int | None) -> None:
        self.how, self.limit = how, limit
        self.heard: list[tuple[str, float]] = []

    def setup(self, soc: Any) -> None:
        for processor in soc.processors:
            soc.limit(processor, self.limit)

    def on_ready(self, job: Any, segments: Any) -> None:
        self.heard.append((job.task.name, self.soc.now / MS))

    def on_processor(self, processor: Any, change: str) -> None:
        self.heard.append((f"{processor.name} {change}", self.soc.now / MS))

    def dispatch(self) -> None:
        low, high = self.soc.processors[:2]
        waiting = [each for each in self.soc.ready if each.job.task.name == "front"]
        if waiting and high.segment is None and low.segment is not None and low.segment.state == RUNNING:
            self.soc.preempt(low, self.how)
        if waiting and low.segment is None:
            self.soc.start(waiting[0].job, waiting[0], high)
        elif high.segment is None and low.segment is None and self.soc.ready:
            self.soc.start(self.soc.ready[0].job, self.soc.ready[0], low)


def spans(trace: Trace) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms."""
    return [(name, start, end) for name, _, start, end, _ in slices(trace)]


def taken(how: str, limit: int | None, text: str) -> list[tuple[str, float, float]]:
    return spans(run(text, scheduler=Levels(how, limit), until="90 ms"))


# ---- the three levels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["exact", "fluid"])
@pytest.mark.parametrize(
    ("how", "limit", "free", "end"),
    [
        # the fourth kernel runs from 3 to 4. Level 1 waits for what is in flight at 3.5: the fourth; and the fifth; and
        # the sixth (of four kernels, two more were launched when two had ended, at 2); without a limit for all eight
        ("boundary", 1, 4, 9), ("boundary", 2, 5, 9), ("boundary", 4, 6, 9), ("boundary", None, 8, 8),
        # level 2 waits for the fourth, whatever else had been launched
        ("recall", 1, 4, 9), ("recall", 2, 4, 9), ("recall", 4, 4, 9), ("recall", None, 4, 9),
        # level 3 for nothing: half of the fourth is lost, so that five are left
        ("now", 1, 3.5, 9.5), ("now", 2, 3.5, 9.5), ("now", 4, 3.5, 9.5), ("now", None, 3.5, 9.5),
    ],
)  # fmt: skip
def test_how_long_the_gpu_is_not_free(mode: str, how: str, limit: int | None, free: float, end: float) -> None:
    found = taken(how, limit, chip(f", mode: {mode}", more=FRONT))
    last = [("back", free + 1, end)] if end > free else []
    assert found == [("back", 0, free), ("front", free, free + 1), *last]


def test_a_launch_takes_its_time_where_nothing_hides_it() -> None:
    one = chip(", launch: 0.25 ms")
    assert taken("now", 1, one) == [("back", 0, 10)]  # 8 x (0.25 + 1)
    assert taken("now", 2, one) == [("back", 0, 8.25)]  # the next one is launched while the last one runs
    assert taken("now", None, one) == [("back", 0, 8.25)]
    assert spans(run(one, scheduler="fifo", until="90 ms")) == [("back", 0, 8.25)]
    # of 2 in flight, each launched as the one before the last ends, 2 ms ahead: two run in 2 ms, one every 2 ms later:
    # 0 and 1 from 2 to 4; 2 is launched at 3, and runs from 5 to 6; 3 at 4, from 6 to 7; 4 at 6, from 8; 5 from 9 ...
    slow = run(chip(", launch: 2 ms"), scheduler=Levels("now", 2), until="90 ms")
    assert (slow.launches["launched"] / MS).tolist() == [0, 0, 3, 4, 6, 7, 9, 10]
    assert (slow.launches["end"] / MS).tolist() == [3, 4, 6, 7, 9, 10, 12, 13]
    assert (slow.waits[["start", "end"]]).tolist() == [
        (0, 2 * MS), (4 * MS, 5 * MS), (7 * MS, 8 * MS), (10 * MS, 11 * MS)
    ]  # fmt: skip
    assert slow.processors[0].waiting == 5 * MS


def test_what_was_launched_and_is_not_there_yet_is_in_flight() -> None:
    # at 3.5, with one in flight: the third ended at 3.45, the fourth is on its way until 3.6
    text = chip(", launch: 0.15 ms", more=FRONT)
    assert taken("boundary", 1, text)[0] == ("back", 0, 4.6)
    assert taken("recall", 1, text)[0] == ("back", 0, 3.5)
    resets = chip(", launch: 0.15 ms", ", reset: 1 ms", more=FRONT)
    assert taken("now", 1, resets)[:2] == [("back", 0, 3.5), ("front", 3.5, 4.65)]  # nothing runs that had to be reset
    trace = run(text, scheduler=Levels("recall", 1), until="90 ms")
    assert trace.launches[["launched", "end", "kernel", "ended"]].tolist()[3] == (3_450_000, 3_500_000, 3, 0)
    assert (3_450_000, 3_500_000) in trace.waits[["start", "end"]].tolist()


def test_everything_is_in_the_trace_and_told() -> None:
    policy = Levels("boundary", 2)
    trace = run(chip(more=FRONT), scheduler=policy, until="90 ms")
    assert changes(trace) == [(0, "limit", 0, 2), (0, "limit", 1, 2), (3.5, "suspend", 0, 1)]
    assert policy.heard == [
        ("back", 0), ("front", 3.5), ("back", 5), ("gpu.0 idle", 5), ("gpu.1 idle", 6), ("gpu.0 idle", 9),
    ]  # fmt: skip
    rows = [
        (launched / MS, end / MS, kernel, ended)
        for launched, end, job, kernel, ended in trace.launches[["launched", "end", "job", "kernel", "ended"]].tolist()
        if job == 0
    ]
    assert rows == [
        (0, 1, 0, 1), (0, 2, 1, 1), (1, 3, 2, 1), (2, 4, 3, 1), (3, 5, 4, 1),
        (6, 7, 5, 1), (6, 8, 6, 1), (7, 9, 7, 1),
    ]  # fmt: skip
    assert trace.processors[0].preemptions == 1
    assert [slices(trace)[0][4], slices(trace)[2][4]] == ["preempted", "completed"]
    head, first = csv_files(trace)["launches.csv"].splitlines()[:2]
    assert head == "launched,end,job,node,processor,kernel,ended,task,index"
    assert first == "0,1000000,0,back,gpu.0,0,1,back,0"
    assert "launches.csv" not in csv_files(run(chip(), scheduler="fifo", until="90 ms"))


def test_an_interrupted_gpu_is_reset_as_its_cluster_declares() -> None:
    policy = Levels("now", 2)
    trace = run(chip(cluster=", reset: 40 us", more=FRONT), scheduler=policy, until="90 ms")
    assert spans(trace) == [
        ("back", 0, 3.5), ("back", 3.5, 3.54), ("front", 3.54, 4.54), ("back", 4.54, 9.54),
    ]  # fmt: skip
    assert policy.heard[2:4] == [("back", 3.54), ("gpu.0 idle", 3.54)]


def test_what_is_believed_to_be_left_follows_the_kernels() -> None:
    left: list[float] = []

    class Look(Levels):
        def on_ready(self, job: Any, segments: Any) -> None:
            left.append(self.soc.remaining(segments[0]) / MS)

    run(chip(more=FRONT), scheduler=Look("boundary", 2), until="90 ms")
    assert left == [8, 1, 3]


# ---- what it meets ---------------------------------------------------------------------------------------------------


class Script(Scheduler):
    """Starts what is ready where `place` says; at given instants (ms) calls an action with the handle."""

    preemption = "preemptive"

    def __init__(
        self,
        limit: int | None,
        actions: dict[float, Callable[[Any], None]] | None = None,
        place: Callable[[Any, Any], int] | None = None,
    ) -> None:
        self.limit, self.actions, self.place = limit, actions or {}, place or (lambda soc, segment: 0)

    def setup(self, soc: Any) -> None:
        for processor in soc.processors:
            if processor.block_level is not None:
                soc.limit(processor, self.limit)
        for time in self.actions:
            soc.wake_at(round(time * MS), time)

    def on_timer(self, tag: Any) -> None:
        self.actions[tag](self.soc)

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            processor = self.soc.processors[self.place(self.soc, segment)]
            if segment.state == READY and processor.segment is None:
                self.soc.start(segment.job, segment, processor)


def stop(how: str, place: int = 0) -> Callable[[Any], None]:
    return lambda soc: soc.preempt(soc.processors[place], how)


def test_it_goes_on_on_another_stream_of_its_gpu_and_begins_anew_elsewhere() -> None:
    def later(soc: Any, segment: Any) -> int:
        return int(soc.now > 0)

    streams = run(chip(), scheduler=Script(2, {2.5: stop("recall")}, later), until="90 ms")
    assert [row[1:4] for row in slices(streams)] == [("gpu.0", 0, 3), ("gpu.1", 3, 8)]
    instances = chip(", mig: [3, 4]").replace("sms: 2", "sms: 14")
    other = run(instances, scheduler=Script(2, {2.5: stop("recall")}, lambda soc, _: 2 * later(soc, _)), until="90 ms")
    assert [row[1:4] for row in slices(other)] == [("gpu0.0", 0, 3), ("gpu1.0", 3, 11)]


EITHER = """
platform:
  name: chip
  processors:
    gpu: {kind: gpu, block_level: {sms: 2, threads: 2048, streams: 1, assumed_kernels: {length: 1 ms}}}
    cpu: {}
tasks:
  - {name: back, wcet: {gpu: 3 ms, cpu: 5 ms}, period: 100 ms}
"""


def test_on_a_cpu_it_begins_anew() -> None:
    moves = Script(1, {0.5: stop("boundary")}, lambda soc, _: int(soc.now > 0))
    trace = run(EITHER, scheduler=moves, until="90 ms")
    assert spans(trace) == [("back", 0, 1), ("back", 1, 6)]
    # from the CPU, where 1 of 5 ms was done, to the GPU, and back before a kernel has ended: 4 are left
    back = Script(1, {1: stop("now", 1), 1.5: stop("now")}, lambda soc, _: int(not MS <= soc.now < 1.5 * MS))
    trace = run(EITHER, scheduler=back, until="90 ms")
    assert spans(trace) == [("back", 0, 1), ("back", 1, 1.5), ("back", 1.5, 5.5)]


def test_of_a_job_that_is_over_only_what_is_in_flight_drains() -> None:
    text = chip().replace("period: 100 ms", "period: 100 ms, deadline: 2.5 ms, on_miss: abort")
    ends = {
        limit: [row[3:] for row in slices(run(text, scheduler=Script(limit), until="90 ms"))]
        for limit in (1, 2, 4, None)
    }
    assert ends == {
        1: [(2.5, "stopped"), (3, "drained")],
        2: [(2.5, "stopped"), (4, "drained")],
        4: [(2.5, "stopped"), (6, "drained")],
        None: [(2.5, "stopped"), (8, "drained")],
    }


GRAPH = f"""
platform:
  name: chip
  processors: {{gpu: {{kind: gpu, block_level: {{sms: 2, threads: 2048, streams: 2}}}}}}
tasks:
  - name: net
    period: 100 ms
    graph:
      nodes:
        a: {{kernels: [{FULL}, {FULL}]}}
        b: {{kernels: [{FULL}, {FULL}]}}
      edges: [[a, b]]
"""


def test_a_run_of_nodes_is_stopped_between_kernels_too() -> None:
    class AsRun(Script):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                if self.soc.processors[0].segment is None:
                    both = [0, 1] if segment.node.index == 0 else [1]
                    self.soc.start(segment.job, both if segment.processor is None else segment, self.soc.processors[0])

    def nodes(time: float, how: str) -> list[tuple[int, float, float]]:
        trace = run(GRAPH, scheduler=AsRun(1, {time: stop(how)}), until="90 ms")
        return [(int(row["node"]), row["start"] / MS, row["end"] / MS) for row in trace.slices]

    assert nodes(0.5, "boundary") == [(0, 0, 1), (0, 1, 2), (1, 2, 4)]
    assert nodes(0.5, "now") == [(0, 0, 0.5), (0, 0.5, 2.5), (1, 2.5, 4.5)]
    assert nodes(1.5, "boundary") == [(0, 0, 2), (1, 2, 4)]  # in its last kernel: it stops before the next node
    assert nodes(2.5, "recall") == [(0, 0, 2), (1, 2, 3), (1, 3, 4)]


def test_the_limit_may_change_at_any_time() -> None:
    def to(limit: int | None) -> Callable[[Any], None]:
        return lambda soc: soc.limit(soc.processors[0], limit)

    def launched(first: int | None, second: int | None) -> list[float]:
        trace = run(chip(), scheduler=Script(first, {2.5: to(second)}), until="90 ms")
        return (trace.launches["launched"] / MS).tolist()

    assert launched(1, 4) == [0, 1, 2, 2.5, 2.5, 2.5, 4, 4]  # at 4 two of four have ended
    assert launched(1, None) == [0, 1, 2, 2.5, 2.5, 2.5, 2.5, 2.5]
    assert launched(4, 1) == [0, 0, 0, 0, 2, 2, 6, 7]
    assert launched(None, 1) == [0] * 8


def test_a_kill_loses_all_and_a_failure_too() -> None:
    assert [row[2:4] for row in slices(run(chip(), scheduler=Script(2, {2.5: stop("kill")}), until="90 ms"))] == [
        (0, 2.5), (2.5, 10.5),
    ]  # fmt: skip
    fails = chip() + "faults: [{processor: gpu.0, at: 2.5 ms, lasts: 1 ms}]\n"
    assert [row[2:] for row in slices(run(fails, scheduler=Script(2), until="90 ms"))] == [
        (0, 2.5, "killed"), (3.5, 11.5, "completed"),
    ]  # fmt: skip


def test_who_was_stopped_before_a_failure_keeps_what_had_ended() -> None:
    fails = chip() + "faults: [{processor: gpu.0, at: 2.5 ms, lasts: 1 ms}]\n"
    script = Script(1, {1.5: stop("boundary"), 2.6: lambda soc: None}, lambda soc, _: 0 if soc.now < 2 * MS else 1)
    script.dispatch = lambda: Script.dispatch(script) if not MS < script.soc.now <= 2.5 * MS else None  # type: ignore[method-assign]
    assert [row[1:] for row in slices(run(fails, scheduler=script, until="90 ms"))] == [
        ("gpu.0", 0, 2, "preempted"), ("gpu.1", 2.6, 8.6, "completed"),
    ]  # fmt: skip


def test_a_job_that_is_given_up_interrupts_what_can_be_reset() -> None:
    def give_up(soc: Any) -> None:
        soc.drop(soc.processors[0].segment.job)

    drains = run(chip(), scheduler=Script(2, {2.5: give_up}), until="90 ms")
    assert [row[3:] for row in slices(drains)] == [(2.5, "stopped"), (4, "drained")]
    resets = run(chip(cluster=", reset: 0.25 ms"), scheduler=Script(2, {2.5: give_up}), until="90 ms")
    assert [row[3:] for row in slices(resets)] == [(2.5, "stopped"), (2.75, "drained")]
    assert resets.launches["ended"].tolist() == [1, 1, 0, 0]


def test_the_priority_of_a_start_that_was_taken_back_is_forgotten() -> None:
    class Said(Script):
        said: int | None = -1

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                stream = self.soc.processors[segment.job.task.index]
                self.soc.start(segment.job, segment, stream, priority=self.said if stream.index == 0 else None)
                self.said = None

    other = f"  - {{name: other, kernels: [{FULL}, {FULL}], period: 100 ms}}"
    text = chip(cluster=", context_switch: 10 us", back=f"{FULL}, {FULL}", more=other)
    # taken back before its costs had passed, `back` starts again without, and pays the rest: they take turns from 10 us on
    trace = run(text, scheduler=Said(2, {0.005: stop("boundary")}), until="90 ms")
    assert {row[0]: row[3] for row in slices(trace)} == {"other": 3.01, "back": 4.01}


def test_who_is_suspended_twice_keeps_what_ended_each_time() -> None:
    actions = {1.5: stop("now"), 1.6: stop("now"), 3.0: stop("recall"), 5.2: stop("boundary")}
    trace = run(chip(), scheduler=Script(3, actions), until="90 ms")
    # 1 has ended at 1.5, none more at 1.6; from there 1, and the one that runs at 3.0; then the 3 that were launched at
    # 3.6, of which two are in flight at 5.2; and the last 2
    assert [row[3] for row in slices(trace)] == [1.5, 1.6, 3.6, 6.6, 8.6]
    assert trace.processors[0].preemptions == 4


def test_what_waits_for_the_other_stream_is_taken_back_at_once() -> None:
    both = chip(more=f"  - {{name: other, kernels: [{FULL}, {FULL}], period: 100 ms}}", back=f"{FULL}, {FULL}")
    script = Script(2, {0.5: stop("recall", 1)}, lambda _, segment: segment.job.task.index)
    trace = run(both, scheduler=script, until="90 ms")
    assert [row[:4] for row in slices(trace)] == [
        ("back", "gpu.0", 0, 3), ("other", "gpu.1", 0, 0.5), ("other", "gpu.1", 0.5, 4),
    ]  # fmt: skip
    assert (0, MS // 2) in trace.waits[["start", "end"]].tolist()


def test_a_copy_is_a_command_and_goes_on_once_it_has_begun() -> None:
    text = chip(back=f"{{copy: in, time: 1 ms}}, {FULL}, {{copy: out, time: 1 ms}}")
    assert [row[3] for row in slices(run(text, scheduler=Script(3, {0.5: stop("recall")}), until="90 ms"))] == [1, 3]
    assert [row[3] for row in slices(run(text, scheduler=Script(3, {0.5: stop("now")}), until="90 ms"))] == [0.5, 3.5]


def test_contexts_that_take_turns_end_what_is_in_flight_in_theirs() -> None:
    pair = f"""
platform:
  name: chip
  processors: {{gpu: {{kind: gpu, block_level: {{sms: 2, threads: 2048, streams: 2, time_slice: 2 ms}}}}}}
tasks:
  - {{name: a, context: A, kernels: [{FULL}, {FULL}, {FULL}, {FULL}], period: 100 ms}}
  - {{name: b, context: B, kernels: [{FULL}, {FULL}, {FULL}, {FULL}], period: 100 ms}}
"""

    def place(soc: Any, segment: Any) -> int:
        return segment.job.task.index  # type: ignore[no-any-return]

    # a's third kernel is in flight at 2, when b's turn begins: it runs from 4 to 5, and b has the GPU to itself
    trace = run(pair, scheduler=Script(1, {2.5: stop("boundary")}, place), until="90 ms")
    assert ("a", 0, 5) in spans(trace)


def test_weights_and_costs_come_before_the_first_launch() -> None:
    costs = chip(cluster=", context_switch: 0.5 ms, weights: {capacity: 8 MB, bandwidth: 1 GB/s}").replace(
        "period: 100 ms", "weights: 1 MB, period: 100 ms"
    )
    trace = run(costs, scheduler=Script(2, {1: stop("boundary")}), until="90 ms")
    # nothing was launched by 1 ms: it is ready again at once, and pays again; its weights are nearly there
    assert trace.slices["reason"].tolist()[0] == 4
    assert trace.launches["launched"][0] / MS == trace.slices["start"][-1] / MS


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_what_is_refused() -> None:
    def refused(action: Callable[[Any], Any], match: str, text: str = chip(), limit: Any = 2, **more: Any) -> None:
        script = Script(limit, {0.5: action})
        for name, value in more.items():
            setattr(script, name, value)
        with pytest.raises(SchedulerError, match=match):
            run(text, scheduler=script, until="90 ms")

    npu = "platform: {name: chip, processors: {npu: {kind: npu}}}\ntasks: [{name: t, wcet: {npu: 1 ms}, period: 9 ms}]"
    refused(lambda soc: soc.limit(soc.processors[0], 1), "only the streams of a GPU", npu)
    refused(stop("recall"), "only a stream with a limit", npu)
    refused(lambda soc: soc.limit(soc.processors[0], 0), "not at least 1")
    refused(lambda soc: soc.limit(soc.processors[0], 1.5), "a whole number")
    refused(stop("checkpoint"), "running blocks is not put aside")
    refused(stop("recall"), "declared nonpreemptive", preemption="nonpreemptive")
    refused(stop("now"), "declared limited", preemption="limited")
    fixed = chip().replace("period: 100 ms", "period: 100 ms, preemptive: false")
    refused(stop("now"), "declared non-preemptive; use how='boundary'", fixed)
    assert taken("boundary", 1, fixed + FRONT) == [("back", 0, 8), ("front", 8, 9)]
    refused(lambda soc: soc.share(soc.processors[0], 0.5), "is not one whole TPC of 2")
    with pytest.raises(InputError, match="stops it between kernels"):
        loaded(chip(cluster=", checkpoint: {state: 1 MB, bandwidth: 1 GB/s}"))


def test_who_started_before_the_first_limit_is_launched_whole() -> None:
    class Late(Script):
        def setup(self, soc: Any) -> None:
            soc.wake_at(MS // 2, 0.5)

    def late(soc: Any) -> None:
        soc.limit(soc.processors[0], 1)
        soc.preempt(soc.processors[0], "boundary")

    for text, end in ((chip(), 8), (chip(", launch: 1 ms"), 9), (chip(cluster=", context_switch: 1 ms"), 9)):
        trace = run(text, scheduler=Late(None, {0.5: late}), until="90 ms")
        assert spans(trace)[-1][2] == end
        assert not len(trace.launches)


def test_no_limit_is_as_without() -> None:
    def of(limits: bool) -> Trace:
        script = Script(None)
        if not limits:
            script.setup = lambda soc: None  # type: ignore[method-assign]
        return run(chip(more=FRONT), scheduler=script, until="1 s")

    plain, unlimited = of(False), of(True)
    for name in ("jobs", "slices", "waves", "waits"):
        assert getattr(plain, name).tobytes() == getattr(unlimited, name).tobytes(), name
    assert not len(plain.launches)
    assert plain.events == unlimited.events


def test_a_launch_is_in_the_proof() -> None:
    text = chip(", launch: 0.25 ms", back=f"{FULL}, {FULL}").replace("streams: 2", "streams: 1")
    found = verify(loaded(text + "scheduler: {ordering: fp}\n"))
    assert found.verdict == "schedulable"
    assert [(bound.wcrt, bound.exact) for bound in found.analysis.bounds] == [(2_250_000, True)]
    assert spans(run(text, scheduler="fifo", until="90 ms")) == [("back", 0, 2.25)]


# ---- a policy of XSched's, in few lines ------------------------------------------------------------------------------


class HighestPriorityFirst(Scheduler):
    """XSched's HPF: each task has a stream; while a more urgent one has work the others are suspended."""

    def __init__(self, limit: int | None, how: str = "boundary") -> None:
        self.limit, self.how = limit, how

    def setup(self, soc: Any) -> None:
        for stream, task in zip(soc.processors, soc.tasks, strict=True):
            soc.limit(stream, None if task.priority == 1 else self.limit)

    def dispatch(self) -> None:
        running = list(self.soc.running())
        waiting = self.soc.ready
        urgent = min((each.job.task.priority for each in (*waiting, *running)), default=0)
        for segment in running:
            if segment.job.task.priority > urgent:
                self.soc.preempt(segment.processor, self.how)
        for segment in waiting:
            stream = self.soc.processors[segment.job.task.index]
            if segment.job.task.priority == urgent and stream.segment is None:
                self.soc.start(segment.job, segment, stream)


TWO = f"""
platform:
  name: chip
  processors: {{gpu: {{kind: gpu, block_level: {{sms: 2, threads: 2048, streams: 2, launch: 0.1 ms}}}}}}
tasks:
  - {{name: camera, kernels: [{", ".join([FULL] * 6)}], period: 50 ms, offset: 7.3 ms, priority: 1}}
  - {{name: training, kernels: [{", ".join([FULL] * 20)}], period: 21 ms, priority: 2}}
"""


@pytest.mark.parametrize(
    ("how", "limit", "worst", "done"),
    [
        # alone the camera takes 6.1. Level 1: one kernel and a launch less to wait for with a limit of 1, at the price of a
        # launch per kernel; without a limit the blocks of both alternate
        ("boundary", 1, 6.4, 80), ("boundary", 2, 8.0, 87), ("boundary", 4, 10.0, 87), ("boundary", None, 12.1, 87),
        # level 2: what runs, less the launch of the camera. Level 3: nothing, but what is interrupted runs again
        ("recall", 1, 6.4, 80), ("recall", 4, 6.8, 87), ("recall", None, 6.8, 87),
        ("now", 1, 6.1, 78), ("now", 4, 6.1, 86),
    ],
)  # fmt: skip
def test_a_shorter_limit_answers_sooner_and_gets_less_done(
    how: str, limit: int | None, worst: float, done: int
) -> None:
    trace = run(TWO, scheduler=HighestPriorityFirst(limit, how), until="2 s")
    camera, training = trace.jobs_of(0), trace.jobs_of(1)
    assert int((camera["finish"] - camera["release"]).max()) / MS == worst
    assert int(((training["finish"] >= 0) & (training["finish"] <= 2000 * MS)).sum()) == done


# ---- at random, and mutants ------------------------------------------------------------------------------------------


class AtRandom(Scheduler):
    """Any of it, at any time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def setup(self, soc: Any) -> None:
        soc.wake_at(soc.now + 1, 0)
        soc.limit(soc.processors[0], 2)

    def on_timer(self, tag: Any) -> None:
        if tag < 300:
            self.soc.wake_at(self.soc.now + self.random.randrange(1, MS), tag + 1)
        processor = self.random.choice(self.soc.processors)
        if processor.block_level is None:
            if self.soc.preemptible(processor):
                self.soc.preempt(processor)
            return
        if self.random.random() < 0.2:
            self.soc.limit(processor, self.random.choice([None, 1, 2, 3, 5]))
        if processor.segment is not None and processor.segment.state == RUNNING:
            if self.random.random() < 0.3:
                self.soc.share(processor, bandwidth=3 * 10**9)
            how = self.random.choice(["boundary", "boundary", "recall", "now", "kill", "drop"])
            if how == "drop":
                if self.random.random() < 0.2:
                    self.soc.drop(processor.segment.job)
            else:
                self.soc.preempt(processor, how)

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            free = [each for each in segment.node.eligible if self.soc.processors[each].segment is None]
            if free and self.random.random() < 0.9:
                self.soc.start(segment.job, segment, self.soc.processors[self.random.choice(free)])


#: By name what the GPU and its cluster declare, and further blocks of the file.
WORLDS = {
    "plain": ("", "", ""),
    "launches": (", launch: 0.13 ms, copy_engines: 2", ", reset: 40 us, context_switch: 10 us", "power: {}"),
    "fluid": (", mode: fluid, launch: 0.05 ms, priorities: 3, assign: deadline", "", "estimates: {noise: 0.2}"),
    "turns": (", time_slice: 0.7 ms, context_switch: 50 us, channels: 1", ", weights: {capacity: 1 MB, bandwidth: 1 GB/s}", ""),
    "null": (", null_stream: true", ", reset: 100 us", "planner: {core: cpu, cost: 30 us}"),
}  # fmt: skip


def world(name: str) -> str:
    gpu, cluster, more = WORLDS[name]
    kernels = f"{{copy: in, time: 0.3 ms}}, {FULL}, {HALF}, {HALF}, {{copy: out, time: 0.2 ms}}"
    return f"""
platform:
  name: chip
  processors:
    gpu: {{kind: gpu{cluster}, block_level: {{sms: 2, threads: 2048, streams: 3{gpu}}}}}
    cpu: {{}}
  links: {{bus: {{between: [cpu, gpu], bandwidth: 1 GB/s}}}}
  memory: {{bandwidth: 10 GB/s, contention: {{model: proportional}}}}
{more}
faults: [{{processor: gpu.1, at: 20 ms, lasts: 3 ms}}]
tasks:
  - {{name: a, kernels: [{kernels}], period: 7 ms, context: A, overlap: true, weights: 500 kB, memory: {{bound: 0.4, demand: 7 GB/s}}}}
  - {{name: b, wcet: {{gpu: 1.7 ms, cpu: 4 ms}}, period: 9 ms, context: B, on_miss: abort, deadline: 8 ms}}
  - name: c
    period: 11 ms
    graph:
      nodes: {{x: {{kernels: [{HALF}, {HALF}]}}, y: {{kernels: [{FULL}, {HALF}]}}}}
      edges: [[x, y]]
  - name: d
    period: 13 ms
    graph:
      nodes: {{x: {{wcet: {{cpu: 1 ms}}}}, y: {{wcet: {{cpu: 3 ms, gpu: 1 ms}}}}}}
      edges: [[x, y, 300 kB]]
"""


@pytest.mark.parametrize("name", WORLDS)
def test_whatever_a_policy_does_nothing_is_lost(name: str) -> None:
    for seed in range(3):
        first, second = (run(world(name), scheduler=AtRandom(seed), until="60 ms") for _ in range(2))
        assert len(first.launches)
        for table in ("jobs", "slices", "launches", "waves", "waits", "changes"):
            assert getattr(first, table).tobytes() == getattr(second, table).tobytes()
        untraced = simulate(loaded(world(name)), scheduler=AtRandom(seed), until="60 ms", trace=False)
        assert untraced.processors == first.processors


def _too_many(launches: Launches, flight: Flight, now: int) -> None:
    limit = launches.limits[flight.processor]
    launches.limits[flight.processor] = None if limit is None else limit + 1
    LAUNCH_MORE(launches, flight, now)
    launches.limits[flight.processor] = limit


def _on_and_on(launches: Launches, flight: Flight, now: int) -> None:
    level, flight.level = flight.level, 0
    LAUNCH_MORE(launches, flight, now)
    flight.level = level


def _anywhere(launches: Launches, segment: Any, processor: Any) -> None:
    """What ended on a GPU counts on a CPU."""


def _again(launches: Launches, processor: Any, segment: Any) -> None:
    if segment in launches.stopped:
        unit, ended = launches.stopped[segment]
        launches.stopped[segment] = (unit, ended - 1)
    PREPARE(launches, processor, segment)


def _leaps(launches: Launches, processor: Any, segment: Any) -> None:
    if segment in launches.stopped:
        unit, ended = launches.stopped[segment]
        launches.stopped[segment] = (unit, ended + 1)
    PREPARE(launches, processor, segment)


LAUNCH_MORE, PREPARE = Launches._launch_more, Launches.prepare


def test_a_mutant_that_takes_progress_elsewhere_is_noticed(monkeypatch: Any) -> None:
    moves = Script(1, {0.5: stop("boundary")}, lambda soc, _: int(soc.now > 0))
    assert simulate(loaded(EITHER), scheduler=moves, until="90 ms").check() == []
    monkeypatch.setattr(Launches, "moved", _anywhere)
    assert simulate(loaded(EITHER), scheduler=moves, until="90 ms").check()


@pytest.mark.parametrize(
    ("what", "name", "mutant", "how"),
    [
        (Launches, "_launch_more", _on_and_on, "boundary"),
        (Launches, "_launch_more", _too_many, "boundary"),
        (Launches, "prepare", _again, "boundary"),
        (Launches, "prepare", _leaps, "boundary"),
        (Gpu, "recall", lambda gpu, stream, now: len(stream.operations), "recall"),
    ],
)
def test_mutants_are_noticed(monkeypatch: Any, what: Any, name: str, mutant: Any, how: str) -> None:
    text = loaded(chip(more=FRONT))
    assert simulate(text, scheduler=Levels(how, 4), until="90 ms").check() == []
    monkeypatch.setattr(what, name, mutant)
    assert simulate(text, scheduler=Levels(how, 4), until="90 ms").check()
