"""GPUs served block by block, inside a system: streams as processors, who sets priorities, derived kernels, kills."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.api import simulate
from rtsched.errors import InputError, SchedulerError
from rtsched.export.text import render_table
from rtsched.metrics.summary import summary
from rtsched.schedulers.base import Scheduler
from rtsched.units import MS
from tests.chips import loaded, run, slices

TX2 = "sms: 2, threads: 2048, shared_memory: 64 KiB, registers: 65536, max_shared_memory: 48 KiB, max_registers: 32768"


def system(tasks: str, gpu: str = "", more: str = "", cluster: str = "") -> str:
    return f"""
platform:
  name: chip
  processors: {{gpu: {{kind: gpu, block_level: {{{TX2}, streams: 3{gpu}}}{cluster}}}, cpu: {{}}}}
scheduler: {{ordering: fifo}}
{more}
tasks:
{tasks}
"""


def kernel(blocks: int, threads: int, time: str = "1 ms", **more: Any) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"{{blocks: {blocks}, threads: {threads}, time: {time}{extra}}}"


def task(name: str, *kernels: str, offset: str = "0 ms", **more: Any) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{name: {name}, kernels: [{', '.join(kernels)}], period: 100 ms, offset: {offset}{extra}}}"


THREE = "\n".join(
    [
        task("k1", kernel(8, 1024), priority=3, criticality="soft", deadline="50 ms"),
        task("k2", kernel(8, 1024), offset="0.4 ms", priority=2, criticality="firm", deadline="20 ms"),
        task("k3", kernel(8, 1024), offset="0.6 ms", priority=1, criticality="hard", deadline="10 ms"),
    ]
)


def ends(text: str, **options: Any) -> dict[str, float]:
    return {row[0]: row[3] for row in slices(run(text, until="100 ms", **options)) if row[4] == "completed"}


def test_segments_of_several_streams_share_the_gpu_in_order() -> None:
    # 4 blocks of 1024 threads at a time; without priorities first come, first served
    assert ends(system(THREE)) == {"k1": 2, "k2": 4, "k3": 6}


@pytest.mark.parametrize("rule", ["criticality", "priority", "deadline"])
def test_priorities_by_rule(rule: str) -> None:
    # k1's four running blocks end at 1; then the most urgent gets all, then the next, then k1's rest
    assert ends(system(THREE, f", priorities: 3, assign: {rule}")) == {"k3": 3, "k2": 5, "k1": 6}


def test_two_levels_for_three_urgencies_join_the_less_urgent() -> None:
    assert ends(system(THREE, ", priorities: 2, assign: deadline")) == {"k3": 3, "k1": 4, "k2": 6}


def waits(text: str, **options: Any) -> list[tuple[str, float, float]]:
    """(task, start, end) in ms of what only waited on a stream."""
    trace = run(text, until="100 ms", **options)
    names = [trace.system.tasks[task].name for task in trace.jobs["task"][trace.waits["job"]]]
    return [(name, row["start"] / MS, row["end"] / MS) for name, row in zip(names, trace.waits, strict=True)]


@pytest.mark.parametrize("mode", ["exact", "fluid"])
def test_what_waits_on_a_stream_is_told_from_what_runs(mode: str) -> None:
    text = system(THREE, f", mode: {mode}")
    assert waits(text) == [("k2", 0.4, 2), ("k3", 0.6, 4)]
    levels = system(THREE, f", mode: {mode}, priorities: 3, assign: priority")
    assert waits(levels) == [("k2", 0.4, 3), ("k3", 0.6, 1), ("k1", 1, 5)]
    for kept in (True, False):
        trace = simulate(loaded(levels), until="100 ms", trace=kept)
        assert [counters.waiting / MS for counters in trace.processors[:3]] == [4, 2.6, 0.4]
        shares = [(round(each.utilisation, 6), round(each.waiting, 6)) for each in summary(trace).processors]
        assert shares == [(0.02, 0.04), (0.02, 0.026), (0.02, 0.004), (0, 0)]
    head = next(line for line in render_table(summary(trace)).splitlines() if line.startswith("processor"))
    assert head.split()[1:5] == ["running", "%", "waiting", "%"]


def test_a_copy_waits_for_its_engine_and_a_context_for_its_turn() -> None:
    copies = "\n".join([task("a", "{copy: in, time: 2 ms}"), task("b", "{copy: in, time: 3 ms}", kernel(1, 32))])
    assert waits(system(copies, ", copy_engines: 1")) == [("b", 0, 2)]
    turns = "\n".join(
        [task("a", kernel(4, 1024, "3 ms"), context="A"), task("b", kernel(4, 1024, "2 ms"), context="B")]
    )
    sliced = system(turns, ", time_slice: 1 ms")
    assert waits(sliced) == [("b", 0, 1), ("a", 1, 2), ("b", 2, 3), ("a", 3, 4)]
    alone = run(sliced, until="100 ms")
    assert [counters.busy / MS for counters in alone.processors[:2]] == [5, 4]


def test_what_is_killed_or_cut_off_while_it_waits_has_waited() -> None:
    pair = "\n".join(
        [
            task("a", kernel(4, 1024, "30 ms")),
            task("b", kernel(4, 1024, "1 ms"), offset="1 ms", deadline="4 ms", on_miss="abort"),
        ]
    )
    assert waits(system(pair)) == [("b", 1, 30)]  # what was launched is not taken back, and drains
    assert waits(system(pair, cluster=", reset: 40 us")) == [("b", 1, 5)]
    endless = "\n".join([task("a", kernel(4, 1024, "300 ms")), task("b", kernel(4, 1024, "1 ms"), offset="1 ms")])
    trace = run(system(endless), until="100 ms")
    assert trace.waits[["start", "end"]].tolist() == [(MS, trace.end)]
    assert trace.waves[["start", "end"]].tolist() == [(0, trace.end)]


class ByName(Scheduler):
    """Every task on the stream of its index, with a priority by its name."""

    preemption = "nonpreemptive"

    def __init__(self, priorities: dict[str, int]) -> None:
        self.priorities = priorities

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            task = segment.job.task
            self.soc.start(segment.job, segment, self.soc.processors[task.index], priority=self.priorities[task.name])


def test_the_policy_sets_the_priority_at_the_start() -> None:
    text = system(THREE, ", priorities: 3")
    assert ends(text, scheduler=ByName({"k1": 0, "k2": -1, "k3": -2})) == {"k3": 3, "k2": 5, "k1": 6}
    assert ends(text, scheduler=ByName({"k1": 0, "k2": -2, "k3": -1})) == {"k2": 3, "k3": 5, "k1": 6}
    with pytest.raises(SchedulerError, match=r"priority -3 is not in -2\.\.0"):
        run(text, scheduler=ByName({"k1": -3, "k2": 0, "k3": 0}), until="100 ms")


def test_a_priority_belongs_to_a_stream() -> None:
    class Wrong(Scheduler):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[3], priority=0)

    with pytest.raises(SchedulerError, match="it is no stream of a GPU"):
        run(system("  - {name: a, wcet: 1 ms, period: 10 ms}"), scheduler=Wrong(), until="10 ms")


def test_copies_and_kernels_of_a_node_run_in_order() -> None:
    text = system(
        "  - {name: a, kernels: [{copy: in, time: 0.5 ms}, {blocks: 2, threads: 1024, time: 1 ms}, {copy: out, size: 1 MB}], "
        "period: 100 ms}",
        ", copy_bandwidth: 1 GB/s",
    )
    assert ends(text) == {"a": 2.5}


def test_an_expected_time_is_that_of_the_kernels_alone() -> None:
    spec = loaded(system(task("a", kernel(9, 1024), kernel(1, 32, "2 ms")))).lower()
    assert spec.tasks[0].nodes[0].times == (5_000_000, 5_000_000, 5_000_000, None)  # 3 waves and one of 2 ms


def test_derived_kernels_take_the_measured_time_alone_and_are_marked_assumed() -> None:
    text = system("  - {name: a, wcet: {gpu: 5.3 ms}, period: 100 ms}")
    trace = run(text, until="100 ms")
    assert slices(trace) == [("a", "gpu.0", 0, 5.3, "completed")]
    assert any("kernels derived from its total time" in note for note in trace.system.assumed)
    # Two that fill the GPU take turns at kernel boundaries; at a third of it they run side by side.
    both = "  - {name: a, wcet: {gpu: 4 ms}, period: 100 ms}\n  - {name: b, wcet: {gpu: 4 ms}, period: 100 ms}"
    assert max(ends(system(both)).values()) == pytest.approx(8, abs=0.01)
    assert ends(system(both, ", assumed_kernels: {occupancy: 0.33}")) == {"a": 4, "b": 4}


def test_execution_times_scale_the_blocks() -> None:
    text = system(task("a", kernel(8, 1024), execution="{kind: uniform, low: 0.5, high: 0.5}"))
    assert ends(text) == {"a": 1}


def test_the_clock_scales_the_blocks_too() -> None:
    points = ", operating_points: [{frequency: 500 MHz, milliwatt: 1000}, {frequency: 1 GHz, milliwatt: 4000}]"
    text = system(task("a", kernel(8, 1024)), cluster=points, more="power: {governor: powersave}")
    trace = run(text, until="100 ms")
    assert slices(trace) == [("a", "gpu.0", 0, 4, "completed")]
    assert trace.energy is not None
    assert trace.energy.tasks == (4_000_000,)  # 1 W for 4 ms, in nJ


def test_memory_contention_slows_the_blocks() -> None:
    text = """
platform:
  name: chip
  processors: {gpu: {kind: gpu, block_level: {sms: 2, streams: 2}}, cpu: {}}
  memory: {bandwidth: 10 GB/s, contention: {model: proportional, usable: 1}}
scheduler: {ordering: fifo}
tasks:
  - {name: g, kernels: [{blocks: 8, threads: 1024, time: 1 ms}], memory: {bound: 1, demand: 10 GB/s}, period: 100 ms}
  - {name: c, wcet: 1 ms, memory: {bound: 1, demand: 10 GB/s}, period: 100 ms}
"""
    # both at half speed until c is done at 2: g has done 1 ms of its 2; then 1 ms more
    assert ends(text) == {"c": 2, "g": 3}


def test_a_null_stream_waits_for_the_others_and_they_for_it() -> None:
    class Streams(Scheduler):
        def dispatch(self) -> None:
            for segment in self.soc.ready:
                number = {"a": 1, "n": 0, "b": 2}[segment.job.task.name]
                self.soc.start(segment.job, segment, self.soc.processors[number])

    tasks = "\n".join(
        [
            task("a", kernel(2, 256)),
            task("n", kernel(2, 256), offset="0.2 ms"),
            task("b", kernel(2, 256), offset="0.4 ms"),
        ]
    )
    assert ends(system(tasks, ", null_stream: true"), scheduler=Streams()) == {"a": 1, "n": 2, "b": 3}
    assert ends(system(tasks), scheduler=Streams()) == {"a": 1, "n": 1.2, "b": 1.4}


TWO = "\n".join([task("a", kernel(8, 1024), context="A"), task("b", kernel(8, 1024), context="B")])


def test_contexts_take_turns_in_time_slices() -> None:
    # A runs [0, 0.8), B [0.8, 1.6), ...: each needs 2 ms of its own
    found = ends(system(TWO, ", time_slice: 0.8 ms"))
    assert found == {"a": pytest.approx(3.6), "b": pytest.approx(4)}
    assert ends(system(TWO, ", time_slice: 0.8 ms, context_switch: 0.1 ms")) == {
        "a": pytest.approx(4.0),
        "b": pytest.approx(4.5),
    }


def test_mps_runs_contexts_side_by_side_with_their_shares() -> None:
    small = TWO.replace("blocks: 8", "blocks: 2")
    assert ends(system(small, ", time_slice: 0.8 ms")) == {"a": 1.8, "b": 2}
    assert ends(system(small, ", mps: {A: 50, B: 50}")) == {"a": 1, "b": 1}
    # one queue for all clients: b waits until a, on its one multiprocessor, is fully dispatched at 3
    assert ends(system(TWO, ", mps: {A: 50, B: 50}")) == {"a": 4, "b": 7}
    assert ends(system(TWO, ", mps: {}")) == {"a": 2, "b": 4}


def test_masks_keep_tasks_on_their_multiprocessors() -> None:
    tasks = task("a", kernel(2, 1024)) + "\n" + task("b", kernel(2, 1024))
    assert ends(system(tasks)) == {"a": 1, "b": 1}
    assert ends(system(tasks, ", sms_per_tpc: 1, masks: {a: 1, b: 1}")) == {"a": 1, "b": 2}
    assert ends(system(tasks, ", sms_per_tpc: 1, masks: {a: 1, b: 2}")) == {"a": 1, "b": 1}
    # A mask does not lift head-of-line blocking (X1): b waits until a is fully dispatched at 1.
    assert ends(system(tasks.replace("blocks: 2", "blocks: 4"), ", sms_per_tpc: 1, masks: {a: 1, b: 2}")) == {
        "a": 2,
        "b": 3,
    }


def test_instances_of_a_task_share_its_mask() -> None:
    tasks = task("a", kernel(2, 1024), instances=2)
    assert ends(system(tasks, ", sms_per_tpc: 1, masks: {a: 1}")) == {"a[0]": 1, "a[1]": 2}


def test_mig_instances_are_gpus_of_their_own() -> None:
    text = """
platform: {name: chip, processors: {gpu: {kind: gpu, block_level: {sms: 14, streams: 1, mig: [3, 4]}}}}
scheduler: {ordering: fifo, placement: pinned}
tasks:
  - {name: a, kernels: [{blocks: 12, threads: 1024, time: 1 ms}], pin: gpu0.0, period: 100 ms}
  - {name: b, kernels: [{blocks: 12, threads: 1024, time: 1 ms}], pin: gpu1.0, period: 100 ms}
"""
    assert [p.name for p in loaded(text).lower().processors] == ["gpu0.0", "gpu1.0"]
    assert ends(text) == {"a": 1, "b": 1}  # 6 and 8 SMs, two blocks each: 12 and 16 at a time
    assert ends(text.replace("blocks: 12", "blocks: 13")) == {"a": 2, "b": 1}


def test_mig_instances_have_their_own_part_of_the_memory_bandwidth() -> None:
    text = """
platform:
  name: chip
  processors: {gpu: {kind: gpu, block_level: {sms: 14, streams: 1, mig: [3, 4]}}, npu: {kind: npu}, dla: {kind: dla}}
  memory: {bandwidth: 10 GB/s, contention: {model: proportional, usable: 1}}
scheduler: {ordering: fifo, placement: pinned}
tasks:
  - {name: a, kernels: [{blocks: 1, time: 1 ms}], memory: {bound: 1, demand: 9 GB/s}, pin: gpu0.0, period: 100 ms}
  - {name: b, kernels: [{blocks: 1, time: 1 ms}], memory: {bound: 1, demand: 9 GB/s}, pin: gpu1.0, period: 100 ms}
  - {name: c, wcet: {npu: 1 ms}, memory: {bound: 1, demand: 10 GB/s}, pin: npu, period: 100 ms}
  - {name: d, wcet: {dla: 1 ms}, memory: {bound: 1, demand: 10 GB/s}, pin: dla, period: 100 ms}
"""
    # half of 10 GB/s each, whoever else runs; nobody outside meets them
    assert ends(text) == {"a": 1.8, "b": 1.8, "c": 2, "d": 2}
    assert ends(text.replace("demand: 9 GB/s", "demand: 5 GB/s")) == {"a": 1, "b": 1, "c": 2, "d": 2}
    # two streams of one instance share its part
    both = text.replace("streams: 1", "streams: 2").replace("gpu1.0", "gpu0.1")
    assert ends(both) == {"a": 3.6, "b": 3.6, "c": 2, "d": 2}


A100 = """
platform:
  name: a100
  memory: {bandwidth: 1600 GB/s, contention: CONTENTION}
  processors: {gpu: {kind: gpu, block_level: {sms: 108, streams: 1, mig: [3, 2, 1]}}}
scheduler: {ordering: fifo, placement: pinned}
tasks:
  - {name: a, kernels: [{blocks: 85, threads: 1024, time: 1 ms}], pin: gpu0.0, period: 100 ms}
  - {name: b, kernels: [{blocks: 56, threads: 1024, time: 1 ms}], pin: gpu1.0, period: 100 ms}
  - {name: c, kernels: [{blocks: 8, threads: 1024, time: 1 ms}], memory: {bound: 1, demand: 1200 GB/s}, pin: gpu2.0, period: 100 ms}
"""


def test_mig_slices_have_the_multiprocessors_and_the_bandwidth_of_the_device() -> None:
    text = A100.replace("CONTENTION", "{model: proportional, usable: 0.8}")
    # 42 and 28 SMs of two blocks each, an eighth of the bandwidth: 1200 / (0.8 * 200)
    assert ends(text) == {"a": 2, "b": 1, "c": 7.5}
    assert ends(text.replace("sms: 108", "sms: 108, sms_per_slice: 15")) == {"a": 1, "b": 1, "c": 7.5}
    assert run(text, until="1 ms").system.assumed == (
        "gpu: 14 SMs in each MIG slice, a seventh of its 108 in whole TPCs",
    )


def test_what_mig_does_not_model_is_said() -> None:
    pairs = "{model: pairwise, pairs: [{victim: gpu, beside: gpu, slowdown: 9}]}"
    text = A100.replace("CONTENTION", pairs).replace("[3, 2, 1]", "[3, 3, 1]")
    assert ends(text)["c"] == 6  # the share of the bandwidth, but not the slow-down measured on the whole
    assert run(text, until="1 ms").system.assumed[1:] == (
        "gpu: its MIG instances have 9 eighths of the memory, which no device can give",
        "gpu: of a MIG instance's memory only the bandwidth counts, not the model of contention",
    )
    unknown = text.replace("bandwidth: 1600 GB/s, ", "")
    assert ends(unknown)["c"] == 1
    assert "gpu: the memory's bandwidth is not known, so that of a MIG instance slows nobody" in (
        run(unknown, until="1 ms").system.assumed
    )


class Reset(Scheduler):
    """Task 1 kills whatever task 0 has on the GPU, REEF's way, and task 0 runs again after it."""

    preemption = "nonpreemptive"

    def dispatch(self) -> None:
        for segment in sorted(self.soc.ready, key=lambda segment: -segment.job.task.index):
            if segment.job.task.index == 1 and self.soc.processors[0].segment is not None:
                self.soc.preempt(self.soc.processors[0], "kill")
            stream = self.soc.processors[segment.job.task.index]
            if stream.segment is None and (segment.job.task.index == 1 or self.soc.processors[1].segment is None):
                self.soc.start(segment.job, segment, stream)


def test_copies_of_two_contexts_alternate() -> None:
    gpu = ", copy_engines: 1"
    tasks = "\n".join(
        f"  - {{name: {name}, context: {name}, kernels: [{{copy: in, time: {time}}}], period: 100 ms}}"
        for name, time in (("a", "10 ms"), ("b", "1 ms"))
    )
    assert ends(system(tasks, gpu)) == {"a": 10, "b": 11}
    assert ends(system(tasks, gpu + ", time_slice: 1.024 ms")) == {"a": 11, "b": 2.024}
    assert ends(system(tasks, gpu + ", time_slice: 1.024 ms, mode: fluid")) == {"a": 11, "b": 2.024}
    # one that is killed while it stands aside leaves nothing behind

    class Killer(Scheduler):
        preemption = "nonpreemptive"

        def setup(self, soc: Any) -> None:
            soc.wake_at(1_500_000)

        def dispatch(self) -> None:
            if self.soc.now == 1_500_000 and self.soc.processors[0].segment is not None:
                segment = self.soc.preempt(self.soc.processors[0], "kill")
                assert segment is not None
                self.soc.drop(segment.job)
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[segment.job.task.index])

    longer = system(tasks.replace("time: 1 ms", "time: 3 ms"), gpu + ", time_slice: 1.024 ms")
    trace = run(longer, scheduler=Killer(), until="100 ms")
    assert slices(trace) == [("a", "gpu.0", 0, 1.5, "killed"), ("b", "gpu.1", 0, 4.024, "completed")]


def test_a_reset_frees_the_gpu_at_once_and_killed_kernels_run_again() -> None:
    tasks = task("best", kernel(8, 1024), kernel(4, 1024)) + "\n" + task("real", kernel(4, 1024), offset="1.5 ms")
    trace = run(system(tasks), scheduler=Reset(), until="100 ms")
    assert slices(trace) == [
        ("best", "gpu.0", 0, 1.5, "killed"),
        ("real", "gpu.1", 1.5, 2.5, "completed"),
        ("best", "gpu.0", 2.5, 5.5, "completed"),
    ]


ABORTED = task("a", kernel(40, 1024), deadline="2.5 ms", on_miss="abort") + "\n" + task("b", kernel(4, 1024))


def test_the_kernels_of_an_aborted_job_run_to_their_end() -> None:
    assert slices(run(system(ABORTED), until="100 ms")) == [
        ("a", "gpu.0", 0, 2.5, "stopped"),
        ("b", "gpu.1", 0, 11, "completed"),
        ("a", "gpu.0", 2.5, 10, "drained"),
    ]


def test_a_declared_reset_takes_the_kernels_of_an_aborted_job_off_the_gpu() -> None:
    text = system(ABORTED).replace("kind: gpu,", "kind: gpu, reset: 40 us,")
    assert slices(run(text, until="100 ms")) == [
        ("a", "gpu.0", 0, 2.5, "stopped"),
        ("b", "gpu.1", 0, 3.5, "completed"),
        ("a", "gpu.0", 2.5, 2.54, "drained"),
    ]


def test_a_context_switch_cost_of_the_processor_delays_the_launch() -> None:
    text = system(task("a", kernel(4, 1024)), more="overheads: {context_switch: 0.25 ms}")
    assert [row[1:] for row in slices(run(text, until="100 ms"))] == [
        ("gpu.0", 0, 0.25, "overhead"),
        ("gpu.0", 0.25, 1.25, "completed"),
    ]


@pytest.mark.parametrize(
    ("tasks", "gpu", "message"),
    [
        (task("a", kernel(1, 2000)), "", "a block of 2000 threads can never run on an SM: the limit is 1024"),
        (
            task("a", kernel(1, 32, shared_memory="50 KiB")),
            "",
            "51200 bytes of shared memory can never run .* limit is 49152",
        ),
        (task("a", kernel(1, 1024, registers=64)), "", "65536 registers can never run on an SM: the limit is 32768"),
        ("  - {name: a, kernels: [{copy: in, size: 1 MB}], period: 10 ms}", "", "needs the GPU's 'copy_bandwidth'"),
        ("  - {name: a, kernels: [{copy: in}], period: 10 ms}", "", "either a 'time' or a 'size'"),
        (task("a", kernel(0, 32)), "", "greater than or equal to 1"),
        (task("a", kernel(1, 32)), ", masks: {a: 1}", "leaves no TPC of 1"),
        (
            task("a", kernel(1, 32)),
            ", sms_per_tpc: 1, masks: {b: 1}",
            "gpu.block_level.masks: 'b' is no task; known: a",
        ),
        (task("a", kernel(1, 32), context="A"), ", mps: {B: 50}", "'B' is no context of a task; known: A"),
        (task("a", kernel(1, 32)), ", mig: [4, 4]", "8 sevenths of the GPU; there are 7"),
        (
            task("a", kernel(1, 32)),
            "}, service: preemptive, facts: {a: 1",
            "is never preempted: blocks run to their end",
        ),
        (task("a", kernel(1, 32)), ", mig: [5]", "no MIG instance of 5 slices; they have 1, 2, 3, 4, 7"),
        (task("a", kernel(1, 32)), ", mig: [2], sms_per_slice: 2", "2 slices of 2 SMs; the GPU has 2"),
        (task("a", kernel(1, 32)), ", sms_per_slice: 2", "'sms_per_slice' belongs to 'mig'"),
        (task("a", kernel(1, 32)), ", mps: {}, time_slice: 2 ms", "'mps' merges contexts"),
        (task("a", kernel(1, 32)), ", max_threads: 4096", "exceeds the 2048 threads of an SM"),
        ("  - {name: a, wcet: {gpu: 2 ms}, regions: [1 ms, 1 ms], period: 10 ms}", "", "neither regions nor sections"),
    ],
)
def test_bad_input(tasks: str, gpu: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(system(tasks, gpu)).lower()


def test_kernels_need_a_gpu_that_is_served_block_by_block() -> None:
    with pytest.raises(InputError, match="'kernels' need a GPU served block by block"):
        loaded(f"platform: {{processors: {{gpu: {{kind: gpu}}}}}}\ntasks:\n{task('a', kernel(1, 32))}").lower()


def test_the_check_notices_lost_blocks_and_overfull_multiprocessors() -> None:
    from dataclasses import replace

    trace = run(system(THREE), until="100 ms")
    assert len(trace.waves) == 6
    assert any("ran 4 of its 8 blocks" in sentence for sentence in replace(trace, waves=trace.waves[1:]).check())
    crowded = trace.waves.copy()
    crowded["start"][1] = 0
    assert "a GPU of 2 SMs runs 8192 threads at 0" in replace(trace, waves=crowded).check()


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{blocks: 4}", "kernels.0: 'time' is missing; add it"),
        ("{copy: sideways, time: 1 ms}", "kernels.0.copy: must be 'in' or 'out' (got 'sideways')"),
        ("{blocks: 2, time: 1 ms, thread: 5}", "kernels.0.thread: unknown key 'thread'; did you mean 'threads'?"),
        ("{copy: in, time: 1 ms, blocks: 2}", "kernels.0.blocks: unknown key 'blocks'; known: copy, time, size"),
    ],
)
def test_a_wrong_kernel_is_one_error(item: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(system(f"  - {{name: a, kernels: [{item}], period: 10 ms}}"))
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)
