"""Every run ends, and one that is interrupted keeps what happened."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.engine.event_loop import TIMER, Alarm
from rtsched.engine.simulation import run
from rtsched.engine.under_way import MOST_NAMED, UnderWay
from rtsched.export.text import render_table
from rtsched.metrics import summary as metrics
from rtsched.metrics.tally import Tally
from rtsched.model import catalogue
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.trace.trace import LATE, UNFINISHED
from rtsched.units import MS
from tests.chips import loaded

TWO = """
platform: {name: chip, processors: {cpu: {}, npu: {kind: npu}}}
simulate: {until: 40 ms, drain: all}
tasks:
  - {name: a, wcet: {cpu: 3 ms}, period: 10 ms, deadline: 8 ms}
  - {name: b, wcet: {npu: 4 ms}, period: 20 ms}
"""

WORKLOADS = [name for name in catalogue.names("workloads") if name.startswith("xrbench_")]


class Idle(Scheduler):
    """Starts only what runs on the first processor, and looks again every millisecond."""

    def dispatch(self) -> None:
        soc = self.soc
        if soc.processors[0].segment is None:
            for job in [*soc.tasks[0].overlapping, *filter(None, [soc.tasks[0].active])]:
                soc.start(job, 0, soc.processors[0])
        soc.wake_at((soc.now // MS + 1) * MS)


class TwoTimers(Idle):
    """Starts b only after more timers in vain than a run waits for: all that was to come has to have come."""

    def dispatch(self) -> None:
        super().dispatch()
        if self.soc.now == 0:
            self.soc.wake_at(20_000 * MS, "at last")

    def on_timer(self, tag: Any) -> None:
        task = self.soc.tasks[1]
        if tag == "at last" and task.active is not None:
            self.soc.start(task.active, 0, self.soc.processors[1])


@pytest.mark.parametrize("until", ["5 ms", "20 ms", "50 ms", "200 ms"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_every_xrbench_workload_ends_whenever_its_frames_do(name: str, until: str) -> None:
    trace = rtsched.simulate(name, until=until)
    assert trace.check() == []
    assert trace.stranded_count == 0
    assert trace.standstill is None
    assert len(trace.jobs) == len(rtsched.simulate(name, until=until, scheduler="edf+nonpreemptive").jobs)


def test_a_run_with_nothing_but_timers_ends_and_names_who_can_never_finish() -> None:
    trace = api.simulate(loaded(TWO), scheduler=Idle())
    assert trace.stranded == ("b[0]", "b[1]")
    assert trace.standstill == trace.end == 40 * MS
    assert [row["outcome"] for row in trace.jobs if row["task"] == 1] == [LATE, LATE]
    assert trace.check() == []
    text = render_table(metrics.summary(trace))
    assert "can never finish: b[0], b[1]; from 40 ms on nothing but timers happened, and the run was ended" in text
    assert "2 jobs can never finish" in metrics.summary(trace).headline
    assert metrics.summary(trace).to_dict()["stranded_count"] == 2


def test_what_was_to_come_may_still_help() -> None:
    trace = api.simulate(loaded(TWO.replace("period: 20 ms", "period: 40 ms")), scheduler=TwoTimers())
    assert trace.stranded == ()
    assert trace.end == 20_000 * MS + 4 * MS


def test_a_job_whose_processor_never_comes_back_does_not_hold_up_the_end() -> None:
    text = TWO + "faults: [{processor: npu, at: 5 ms}, {processor: cpu, mean_up: 9 ms, mean_down: 1 ms}]\n"
    trace = api.simulate(loaded(text))
    assert trace.check() == []
    assert set(trace.stranded) >= {"b[1]"}


def test_many_stranded_jobs_are_counted_and_some_named() -> None:
    text = TWO.replace("40 ms", "2 s") + "faults: [{processor: npu, at: 0 ms}]\n"
    trace = api.simulate(loaded(text))
    assert len(trace.stranded) == MOST_NAMED
    assert trace.stranded_count == 100
    assert f"and {100 - MOST_NAMED} more" in render_table(metrics.summary(trace))


# ---- interrupted -----------------------------------------------------------------------------------------------------


def interrupted(spec: SystemSpec, at: int, **more: Any) -> Any:
    """A run that somebody interrupts once `at` ns are over."""

    class Watching(ComposedScheduler):
        def on_timer(self, tag: Any) -> None:
            way[0].interrupt()

        def setup(self, soc: Any) -> None:
            super().setup(soc)
            soc.wake_at(at)

    way: list[UnderWay] = []
    return run(spec, Watching(), until=40 * MS, watch=way.append, **more)


@pytest.mark.parametrize("drain", ["deadline", "all"])
def test_an_interrupted_run_keeps_what_happened(drain: str) -> None:
    spec = loaded(TWO).lower()
    trace = interrupted(spec, 22 * MS, drain=drain)
    whole = api.simulate(loaded(TWO), until="22 ms")
    assert (trace.planned, trace.until, trace.end) == (40 * MS, 22 * MS, 22 * MS)
    assert trace.check() == []
    assert len(trace.jobs) == len(whole.jobs)
    assert [int(row["outcome"]) for row in trace.jobs[-2:]] == [UNFINISHED, UNFINISHED]
    ended = whole.slices[whole.slices["end"] <= 22 * MS]
    assert trace.slices[: len(ended)].tolist() == ended.tolist()
    assert "jobs released for 22 ms of 40 ms (PARTIAL: interrupted)" in render_table(metrics.summary(trace))


def test_an_interrupted_run_without_trace_keeps_its_sums() -> None:
    spec = loaded(TWO).lower()
    figures = metrics.summary(interrupted(spec, 22 * MS, tally=Tally(spec, 0)))
    assert figures.planned == 40 * MS
    assert figures.jobs == 3
    assert [task.unfinished for task in figures.tasks] == [1, 1]


def test_an_interrupted_run_with_hardware_counts_energy_until_then() -> None:
    text = TWO.replace("npu: {kind: npu}", "npu: {kind: npu, power: {active: 2 W, idle: 1 W}}") + "power: {}\n"
    spec = loaded(text).lower()
    trace = interrupted(spec, 22 * MS)
    assert trace.end == 22 * MS
    assert trace.check() == []
    assert metrics.summary(trace).hardware is not None


@pytest.mark.parametrize("name", catalogue.names("workloads"))
def test_every_workload_can_be_interrupted_whatever_it_uses(name: str) -> None:
    def watch(way: UnderWay) -> None:
        way.loop.arm(Alarm(way.loop, TIMER, way.interrupt), 41 * MS)

    trace = rtsched.simulate(name, watch=watch)
    assert trace.check() == []
    assert metrics.summary(trace).end == trace.end
    assert trace.end == 41 * MS or trace.planned is None


def test_a_run_can_be_looked_at_and_ended_from_another_thread() -> None:
    spec = loaded(TWO).lower()
    seen: list[int] = []

    def look(way: UnderWay) -> None:
        def wait() -> None:
            while way.jobs < 1000:
                pass
            seen.append(way.now)
            way.interrupt()

        thread = threading.Thread(target=wait)
        threads.append(thread)
        thread.start()

    threads: list[threading.Thread] = []
    trace = run(spec, ComposedScheduler(), until=10**17, watch=look, tally=Tally(spec, 0))
    threads[0].join()
    assert 0 < seen[0] <= trace.end < 10**17
    assert metrics.summary(trace).jobs >= 990
