"""What the hardware did, in the picture of a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rtsched
from rtsched.plot.gantt import gantt
from rtsched.plot.hardware import clocks, gpus, outages, sms_given, split_waits, suspensions
from rtsched.schedulers.base import Scheduler
from rtsched.units import MS, S
from tests.chips import run


def texts(name: str, tmp_path: Path, **options: int) -> tuple[int, list[str]]:
    """The number of panels of the picture of a workload, and all words beside axes and in the legend."""
    figure = gantt(rtsched.simulate(name), tmp_path / "picture.svg", **options)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    return len(figure.axes), legend + [axes.get_ylabel() for axes in figure.axes]


def test_a_failure_is_seen_and_so_is_the_work_it_cost(tmp_path: Path) -> None:
    trace = rtsched.simulate("npu_failure")
    assert outages(trace) == {2: [(305 * MS, 605 * MS)]}
    panels, words = texts("npu_failure", tmp_path, start=250 * MS, end=700 * MS)
    assert panels == 2
    assert {"work lost", "out of service"} <= set(words)


def test_a_processor_that_stays_down_is_down_to_the_end() -> None:
    trace = run(
        "platform: {processors: {cpu: {cores: 2}}}\nfaults: [{processor: cpu1, at: 3 ms}]\n"
        "tasks: [{name: a, wcet: 1 ms, period: 10 ms}]",
        until="50 ms",
    )
    assert outages(trace) == {1: [(3 * MS, trace.end)]}


def test_clocks_and_heat_get_a_panel(tmp_path: Path) -> None:
    trace = rtsched.simulate("throttling_865", until="60 s")
    assert list(clocks(trace)) == [7]  # the prime core's
    panels, words = texts("throttling_865", tmp_path, start=47 * S, end=49 * S)
    assert panels == 3  # tasks, clock, temperature beside it
    assert {"clock (GHz)", "°C"} <= set(words)


def test_the_blocks_of_a_gpu_get_a_panel(tmp_path: Path) -> None:
    trace = rtsched.simulate("gpu_head_of_line")
    assert [unit.name for unit in gpus(trace)] == ["gpu"]
    blocks = [(int(row["start"]) // (100 * MS), int(row["blocks"])) for row in trace.waves if row["blocks"]]
    assert blocks == [(0, 4), (10, 2), (10, 4), (20, 2), (20, 2), (33, 2)]
    panels, words = texts("gpu_head_of_line", tmp_path)
    assert panels == 3
    assert "gpu: threads\nrunning (%)" in words


class Halves(Scheduler):
    """Gives the only job a half of the GPU until 1.5 ms, and then a quarter."""

    def setup(self, soc: Any) -> None:
        soc.wake_at(1_500_000)

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            self.soc.share(self.soc.start(segment.job, segment, self.soc.processors[0]), 0.5)

    def on_timer(self, tag: Any) -> None:
        self.soc.share(self.soc.processors[0], 0.25)


def test_how_much_of_a_gpu_is_given_is_drawn_over_its_blocks(tmp_path: Path) -> None:
    text = (
        "platform: {name: b, processors: {gpu: {kind: gpu, block_level: {sms: 8, streams: 2%s}}}}\n"
        "tasks: [{name: a, kernels: [{blocks: 16, threads: 1024, time: 1 ms}], release: 0 ms, deadline: 50 ms}]"
    )
    trace = run(text % "", scheduler=Halves(), until="20 ms")
    (unit,) = gpus(trace)
    assert sms_given(trace, unit) == [(0, 50), (1_500_000, 25), (trace.slices["end"][-1], 0)]
    figure = gantt(trace, tmp_path / "picture.svg")
    assert "gpu: threads\nrunning (%)\ndashed: SMs given" in [axes.get_ylabel() for axes in figure.axes]
    sliced = run(text % ", time_slice: 1 ms", scheduler=Halves(), until="20 ms")
    assert sms_given(sliced, gpus(sliced)[0]) == []  # each context has all of it in its turn


class Suspends(Scheduler):
    """Stops what runs on the only stream after 1.5 ms, and starts it again."""

    def setup(self, soc: Any) -> None:
        soc.limit(soc.processors[0], 1)
        soc.wake_at(1_500_000)

    def on_timer(self, tag: Any) -> None:
        self.soc.preempt(self.soc.processors[0], "boundary")

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            if self.soc.processors[0].segment is None:
                self.soc.start(segment.job, segment, self.soc.processors[0])


def test_a_suspension_is_marked_on_its_stream(tmp_path: Path) -> None:
    trace = run(
        "platform: {processors: {gpu: {kind: gpu, block_level: {sms: 2, streams: 1}}}}\n"
        "tasks: [{name: a, kernels: [{blocks: 4, time: 1 ms}, {blocks: 4, time: 1 ms}, {blocks: 4, time: 1 ms}], "
        "period: 10 ms}]",
        scheduler=Suspends(),
        until="10 ms",
    )
    assert suspensions(trace) == [(1_500_000, 0)]
    figure = gantt(trace, tmp_path / "picture.svg")
    assert len(figure.axes) == 3  # with the stream's own lane
    assert "suspended" in [text.get_text() for text in figure.legends[0].get_texts()]
    marks = [line for line in figure.axes[1].lines if line.get_marker() == "v"]
    assert [float(line.get_xdata()[0]) for line in marks] == [1.5]
    assert "suspended" not in texts("gpu_priorities", tmp_path)[1]


def test_what_waits_on_a_stream_is_hollow(tmp_path: Path) -> None:
    trace = rtsched.simulate("gpu_priorities")
    running, waiting = split_waits(trace, trace.slices)
    ran = [(int(row["job"]), row["start"] / S, row["end"] / S) for row in running]
    waited = [(int(row["job"]), row["start"] / S, row["end"] / S) for row in waiting]
    assert sorted(ran) == [(0, 0, 0.5), (0, 4.5, 5), (1, 0.5, 2.5), (2, 2.5, 4.5)]
    assert sorted(waited) == [(0, 0.5, 4.5), (1, 0.2, 0.5), (2, 0.5, 2.5)]
    lanes = gantt(trace).axes[1]
    hollow = [bars for bars in lanes.collections if bars.get_facecolor()[:1].tolist() == [[1, 1, 1, 1]]]
    drawn = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for bars in hollow for path in bars.get_paths()]
    assert sorted(drawn) == [(0.2, 0.5), (0.5, 2.5), (0.5, 4.5)]
    assert "waiting on the GPU" in texts("gpu_priorities", tmp_path)[1]
    plain = rtsched.simulate("liu_layland")
    assert split_waits(plain, plain.slices)[0] is plain.slices
    assert "waiting on the GPU" not in texts("liu_layland", tmp_path)[1]


def test_a_plain_schedule_has_no_further_panel(tmp_path: Path) -> None:
    assert texts("liu_layland", tmp_path)[0] == 1
