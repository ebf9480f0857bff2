"""Decisions that take time on a core: when they begin, what they see, when they take effect."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.api import scheduler
from rtsched.engine.event_loop import EventLoop
from rtsched.engine.planner import Decisions
from rtsched.engine.simulation import run as simulate
from rtsched.errors import InputError, SchedulerError
from rtsched.metrics.summary import summary
from rtsched.model import system as described
from rtsched.model.taskgraph import NodeSpec, PlannerSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.shortest_job_first import ShortestJobFirst
from rtsched.trace.trace import LATE, PREEMPT, Trace
from rtsched.units import MS
from rtsched.verify.document import to_dict
from tests.chips import loaded, run, slices
from tests.engine.chip.test_hardware_fuzz import system as everything_mixed

TWO = "platform: {processors: {host: {}, worker: {}}}\n"


def plans(trace: Trace) -> list[tuple[float, float]]:
    """From when to when decisions were made, in ms."""
    return [((end - time) / MS, end / MS) for end, time in trace.plans[["time", "value"]].tolist()]


# ---- what a decision is ----------------------------------------------------------------------------------------------


def test_a_decision_takes_effect_when_it_is_over() -> None:
    trace = run(
        TWO + "scheduler: fp\nsimulate: {until: 10 ms}\nplanner: {core: host, cost: 1 ms, per_segment: 500 us}\n"
        "tasks: [{name: a, wcet: {worker: 2 ms}, period: 10 ms}, {name: b, wcet: {worker: 1 ms}, period: 10 ms}]"
    )
    # both wait at 0; a is over at 4, and b waits; at the end of b nobody does
    assert plans(trace) == [(0, 2), (4, 5.5), (6.5, 7.5)]
    assert slices(trace) == [("a", "worker", 2, 4, "completed"), ("b", "worker", 5.5, 6.5, "completed")]
    assert trace.processors[0].busy == trace.processors[0].overhead == 4.5 * MS
    figures = summary(trace).processors[0]
    assert (figures.utilisation, figures.overhead) == (0.45, 0.45)


def test_what_comes_to_wait_meanwhile_is_the_next_decisions() -> None:
    trace = run(
        "platform: {processors: {host: {}, worker: {cores: 2}}}\nscheduler: fp\nsimulate: {until: 10 ms}\n"
        "planner: {core: host, cost: 2 ms}\n"
        "tasks: [{name: a, wcet: {worker: 9 ms}, period: 20 ms},"
        " {name: b, wcet: {worker: 5 ms}, period: 20 ms, offset: 1 ms},"
        " {name: c, wcet: {worker: 5 ms}, period: 20 ms, offset: 2 ms}]"
    )
    assert plans(trace)[:2] == [(0, 2), (2, 4)]  # one decision sees b and c, though a core is free at 2
    assert slices(trace)[:2] == [("a", "worker0", 2, 11, "completed"), ("b", "worker1", 4, 9, "completed")]


def test_what_becomes_free_meanwhile_is_the_next_decisions() -> None:
    trace = run(
        TWO + "scheduler: fp\nsimulate: {until: 10 ms}\nplanner: {core: host, cost: 2 ms}\n"
        "tasks: [{name: a, wcet: {worker: 3 ms}, period: 20 ms},"
        " {name: b, wcet: {worker: 1 ms}, period: 20 ms, offset: 4 ms}]"
    )
    assert plans(trace)[:3] == [(0, 2), (4, 6), (6, 8)]
    assert slices(trace) == [("a", "worker", 2, 5, "completed"), ("b", "worker", 8, 9, "completed")]


def test_acting_that_produces_something_new_costs_another_decision() -> None:
    trace = run(
        TWO + "scheduler: {ordering: fp, admission: drop-hopeless}\nsimulate: {until: 10 ms}\n"
        "planner: {core: host, cost: 3 ms}\n"
        "tasks: [{name: a, wcet: {worker: 2 ms}, period: 20 ms, deadline: 4 ms}]"
    )
    assert plans(trace) == [(0, 3), (3, 6)]
    assert len(trace.slices) == 0


def test_a_segment_counts_only_while_it_waits() -> None:
    text = (
        TWO
        + "scheduler: fp\nsimulate: {until: 10 ms}\nplanner: {core: host, per_segment: 1 ms}\n"
        + ("tasks: [{name: a, wcet: {worker: 2 ms}, period: 10 ms}]")
    )
    assert plans(run(text)) == [(0, 1)]  # its end calls for a decision about nothing, which takes no time


# ---- what runs on the core -------------------------------------------------------------------------------------------

SHARED = (
    "platform: {processors: {host: {}, worker: {}}}\nsimulate: {until: 10 ms}\nplanner: {core: host, cost: 1 ms}\n"
    "tasks: [{name: a, wcet: {host: 4 ms}, period: 20 ms, REGIONS},"
    " {name: b, wcet: {worker: 1 ms}, period: 20 ms, offset: 2 ms}]\n"
)


def shared(mode: str, regions: str = "weight: 1") -> Trace:
    return run(SHARED.replace("REGIONS", regions) + f"scheduler: {{ordering: fp, preemption: {mode}}}\n")


def test_what_runs_on_the_core_is_pushed_aside_and_goes_on_there() -> None:
    trace = shared("preemptive")
    assert plans(trace) == [(0, 1), (2, 3), (4, 5), (7, 8)]
    assert slices(trace) == [
        ("a", "host", 1, 2, "preempted"), ("a", "host", 3, 4, "preempted"), ("b", "worker", 3, 4, "completed"),
        ("a", "host", 5, 7, "completed"),
    ]  # fmt: skip
    assert trace.processors[0].preemptions == 2
    assert (trace.decisions["action"] == PREEMPT).sum() == 2


def test_what_cannot_be_pushed_aside_ends_first() -> None:
    trace = shared("nonpreemptive")
    assert plans(trace)[:2] == [(0, 1), (5, 6)]
    assert slices(trace) == [("a", "host", 1, 5, "completed"), ("b", "worker", 6, 7, "completed")]


def test_in_limited_mode_a_decision_waits_for_the_end_of_a_region() -> None:
    trace = shared("limited", "regions: [3 ms, 1 ms]")
    assert plans(trace)[:2] == [(0, 1), (4, 5)]
    assert slices(trace)[:2] == [("a", "host", 1, 4, "boundary"), ("a", "host", 5, 6, "completed")]


def test_a_node_that_is_not_preemptive_ends_first() -> None:
    assert plans(shared("preemptive", "preemptive: false")) == plans(shared("nonpreemptive"))


def test_what_is_pushed_aside_keeps_its_locks() -> None:
    trace = run(
        SHARED.replace("REGIONS", "sections: [{resource: r, start: 0 ms, length: 4 ms}]").replace(
            "b, wcet: {worker: 1 ms}",
            "b, wcet: {worker: 1 ms}, sections: [{resource: r, start: 0 ms, length: 1 ms}]",
        )
        + "scheduler: fp\nresources: {r: {protocol: inheritance}}"
    )
    assert slices(trace)[-1] == ("b", "worker", 8, 9, "completed")  # a is done at 7, and has been pushed aside before


def test_a_job_that_ends_while_it_is_pushed_aside_does_not_come_back() -> None:
    trace = run(SHARED.replace("REGIONS", "deadline: 2500 us, on_miss: abort") + "scheduler: fp\n")
    assert slices(trace)[0] == ("a", "host", 1, 2, "preempted")
    assert [name for name, *_ in slices(trace)] == ["a", "b"]


# ---- what else there is ----------------------------------------------------------------------------------------------


def test_while_the_core_is_down_nobody_decides() -> None:
    trace = run(
        TWO + "scheduler: fp\nsimulate: {until: 20 ms}\nplanner: {core: host, cost: 2 ms}\n"
        "faults: [{processor: host, at: 1 ms, lasts: 4 ms}]\n"
        "tasks: [{name: a, wcet: {worker: 3 ms}, period: 20 ms}]"
    )
    assert plans(trace)[:2] == [(0, 1), (5, 7)]  # what was being decided is lost
    assert slices(trace) == [("a", "worker", 7, 10, "completed")]


def test_what_was_pushed_aside_fails_with_the_core() -> None:
    trace = run(
        SHARED.replace("REGIONS", "on_fault: restart")
        + "scheduler: fp\nfaults: [{processor: host, at: 2500 us, lasts: 1 ms}]\n"
    )
    on_host = [row[2:] for row in slices(trace) if row[1] == "host"]
    assert on_host[:2] == [(1, 2, "preempted"), (2.5, 2.5, "killed")]
    assert sum(end - start for start, end, reason in on_host[2:]) == 4


def test_a_core_that_is_down_for_good_ends_the_run_even_where_all_jobs_are_waited_for() -> None:
    trace = run(
        TWO + "scheduler: fp\nsimulate: {until: 20 ms, drain: all}\nplanner: {core: host, cost: 2 ms}\n"
        "faults: [{processor: host, at: 1 ms}]\ntasks: [{name: a, wcet: {worker: 3 ms}, period: 20 ms}]"
    )
    assert trace.jobs["outcome"].tolist() == [LATE]
    assert trace.stranded == ("a[0]",)


class Restless(Scheduler):
    """Starts nothing, and wakes up again and again."""

    def setup(self, soc: Any) -> None:
        soc.wake_at(1, None)

    def on_timer(self, tag: Any) -> None:
        self.soc.wake_at(self.soc.now + 7, None)

    def dispatch(self) -> None:
        pass


def test_timers_that_nothing_comes_of_end_a_run_also_where_each_costs_a_decision() -> None:
    text = (
        TWO
        + "simulate: {until: 20 ns, drain: all}\nplanner: {core: host, cost: 3 ns}\ntasks: [{name: a, wcet: {worker: 3 ns}, period: 20 ns}]"
    )
    trace = rtsched.simulate(loaded(text), scheduler=Restless())
    assert trace.standstill is not None
    assert trace.check() == []


def test_the_core_draws_active_power_while_it_decides() -> None:
    trace = run(
        "platform: {processors: {host: {power: {idle: 0 mW, active: 1 W}}, worker: {power: {idle: 0 mW, active: 1 W}}}}\n"
        "scheduler: fp\nsimulate: {until: 10 ms}\nplanner: {core: host, cost: 1 ms}\npower: {governor: performance}\n"
        "tasks: [{name: a, wcet: {worker: 3 ms}, period: 10 ms}]"
    )
    assert trace.energy is not None
    host, worker = trace.energy.units
    assert (host.active, worker.active) == (2_000_000, 3_000_000)  # nJ: 1 W for 2 ms, and for 3 ms
    assert trace.energy.tasks == (3_000_000,)  # no task's
    assert sum(trace.energy.jobs.values()) == 3_000_000


def test_decisions_pass_at_wall_clock_time_whatever_the_clock() -> None:
    text = (
        "platform: {processors: {host: {operating_points: [{frequency: 1 GHz, milliwatt: 9}, {frequency: 2 GHz, "
        "milliwatt: 99}]}, worker: {}}}\nscheduler: fp\nsimulate: {until: 10 ms}\nplanner: {core: host, cost: 1 ms}\n"
        "power: {governor: GOVERNOR}\ntasks: [{name: a, wcet: {worker: 3 ms}, period: 10 ms}]"
    )
    slow, fast = (run(text.replace("GOVERNOR", name)) for name in ("powersave", "performance"))
    assert plans(slow) == plans(fast) == [(0, 1), (4, 5)]


class Remembers(ComposedScheduler):
    """Which time it believes in when a job is over."""

    def on_job_end(self, job: Any) -> None:
        if job.task.name == "a":
            self.believed = self.soc.beliefs.time(job.task.nodes[0], 0)


@pytest.mark.parametrize(("offset", "believed"), [("2 ms", 4 * MS), ("9 ms", 2 * MS)])
def test_a_measurement_of_what_was_pushed_aside_teaches_nothing(offset: str, believed: int) -> None:
    text = SHARED.replace("REGIONS", "execution: {kind: empirical, samples: [2 ms]}").replace("2 ms}]", f"{offset}}}]")
    policy = Remembers(ShortestJobFirst())
    run(text + "estimates: {learning: 1}\n", scheduler=policy)
    assert policy.believed == believed


@pytest.mark.parametrize("seed", range(20))
def test_decisions_beside_everything_mixed(seed: int) -> None:
    draw = random.Random(seed)
    cost, each = draw.choice([0, 5, 50, 300]), draw.choice([1, 20, 200])
    text = everything_mixed(seed) + f"\nplanner: {{core: big{seed % 2}, cost: {cost} us, per_segment: {each} us}}"
    trace = run(text, until="60 ms", seed=seed)
    assert summary(run(text, until="60 ms", seed=seed, trace=False)) == summary(trace)
    assert all(counters.busy <= trace.end for counters in trace.processors)


# ---- the contract ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["liu_layland", "graham", "lehoczky", "gpu_head_of_line", "npu_failure", "memory_contention", "drone_exits",
     "offload_wifi", "throttling_865", "band_phone", "priority_inversion_inheritance"],
)  # fmt: skip
def test_decisions_that_cost_nothing_change_nothing(name: str) -> None:
    plain = rtsched.load(name)
    core = next(
        f"{cluster}0" if about.cores > 1 and about.threads is None else cluster
        for cluster, about in plain.platform.processors.items()
        if about.kind in ("cpu", "mcu")
    )
    planner = described.Planner(core=core)
    free = replace(plain, system=plain.system.model_copy(update={"planner": planner}))
    one, other = (rtsched.simulate(each, until=60 * MS) for each in (plain, free))
    for table in ("jobs", "slices", "logged", "changes", "waves", "waits", "answers", "choices", "locks"):
        assert np.array_equal(getattr(one, table), getattr(other, table)), table
    assert (one.energy, one.events, one.dispatches) == (other.energy, other.events, other.dispatches)


def test_without_a_planner_the_engine_calls_the_policy_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Callable[[], None]] = []
    drain = EventLoop.drain
    monkeypatch.setattr(EventLoop, "drain", lambda loop, changed, dispatch, stop: (
        called.append(dispatch), drain(loop, changed, dispatch, stop)))  # fmt: skip
    policy = scheduler("fp")
    rtsched.simulate(
        loaded(TWO + "tasks: [{name: a, wcet: {worker: 2 ms}, period: 10 ms}]"), scheduler=policy, until=MS
    )
    assert called == [policy.decision()]


def fixed_order(seed: int, planner: PlannerSpec) -> Trace:
    """Random tasks in order of arrival on one to three cores of their own."""
    draw = random.Random(seed)
    workers, count = draw.randint(1, 3), draw.randint(1, 5)
    places = (
        ProcessorSpec(0, "host", "host", "cpu", "preemptive"),
        *(ProcessorSpec(index, f"worker{index}", "worker", "cpu", "preemptive") for index in range(1, workers + 1)),
    )
    tasks = []
    for index in range(count):
        node = NodeSpec(0, "work", (None,) + (draw.randint(1, 12),) * workers)
        period, offset = draw.randint(8, 40), draw.randint(0, 20)
        tasks.append(TaskSpec(index, f"t{index}", (node,), period, period, index, offset=offset, overlap=True))
    policy = scheduler({"ordering": "fifo", "preemption": "nonpreemptive"})
    trace = simulate(SystemSpec(places, tuple(tasks), planner=planner), policy, until=120, drain="all")
    assert trace.check() == []
    return trace


@pytest.mark.parametrize("seed", range(150))
def test_twice_the_cost_never_starts_a_segment_earlier(seed: int) -> None:
    draw = random.Random(seed)
    cost, each = draw.choice([0, 0, 1, 3, 5]), draw.randint(1, 4)
    once, twice = (fixed_order(seed, PlannerSpec(0, cost * times, each * times)) for times in (1, 2))
    assert (twice.jobs["start"] >= once.jobs["start"]).all()


# ---- mutants ---------------------------------------------------------------------------------------------------------


def test_a_decision_that_sees_what_came_meanwhile_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decisions, "hearing_ready", lambda self, told: told)
    found = [sentence for seed in range(5) for sentence in _unchecked(monkeypatch, seed)]
    assert any("by a decision that began before its release" in sentence for sentence in found)


def test_a_core_that_serves_while_it_decides_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Decisions._call

    def also_serve(self: Decisions) -> None:
        call(self)
        if self.begun >= 0:
            self.processor.segment = None
            self.dispatch()

    monkeypatch.setattr(Decisions, "_call", also_serve)
    monkeypatch.setattr(Decisions, "_act", lambda self: (self._account(self.core.loop._now), _reset(self)))
    found = rtsched.simulate(loaded(SHARED.replace("REGIONS", "weight: 1") + "scheduler: fp\n")).check()
    assert any("while it decides" in sentence or "while a decision is made" in sentence for sentence in found)


def _reset(planner: Decisions) -> None:
    planner.begun, planner.over = -1, False


def _unchecked(monkeypatch: pytest.MonkeyPatch, seed: int) -> list[str]:
    with monkeypatch.context() as patch:
        patch.setattr(Trace, "check", lambda trace: [])
        trace = fixed_order(seed, PlannerSpec(0, 5, 2))
    return trace.check()


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("core", ["gpu", "cpu", "nobody"])
def test_decisions_are_made_on_one_core_of_a_cpu(core: str, tmp_path: Any) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(
        "platform: {processors: {cpu: {cores: 2}, gpu: {kind: gpu}}}\ntasks: [{name: a, wcet: 1 ms, period: 9 ms}]\n"
        f"planner:\n  core: {core}\n  cost: 1 ms\n"
    )
    with pytest.raises(InputError) as caught:
        rtsched.simulate(rtsched.load(path))
    assert str(caught.value) == (
        f"{path}:4:9: planner.core: {core!r} is no single core of a CPU, where decisions could be made; "
        "choose one of these: cpu0, cpu1"
    )


def test_servers_take_no_planner() -> None:
    text = TWO + "planner: {core: host, cost: 1 ms}\ntasks: [{name: a, wcet: {worker: 1 ms}, period: 9 ms}]"
    with pytest.raises(SchedulerError, match="what a server has used would not be counted"):
        run(text, scheduler="cbs")


class Hasty(Scheduler):
    """Starts what was released at the next completion, on the core that it is given."""

    def __init__(self, core: int) -> None:
        self.core = core

    def on_job_end(self, job: Any) -> None:
        for segment in self.soc.ready[:1]:
            self.soc.start(segment.job, segment, self.soc.processors[self.core])

    def dispatch(self) -> None:
        for segment in self.soc.ready[:1]:
            if self.soc.processors[1].segment is None:
                self.soc.start(segment.job, segment, self.soc.processors[1])


HASTE = (
    TWO + "simulate: {until: 10 ms}\nplanner: {core: host, cost: 2 ms}\n"
    "tasks: [{name: a, wcet: 3 ms, period: 20 ms}, {name: b, wcet: 3 ms, period: 20 ms},"
    " {name: c, wcet: {worker: 1 ms}, period: 20 ms, offset: 4500 us}]"
)


def test_nobody_starts_on_the_core_while_it_decides() -> None:
    with pytest.raises(SchedulerError, match=r"not to be had \(the planner\); start it in dispatch"):
        run(HASTE, scheduler=Hasty(0))


def test_what_an_event_starts_while_a_decision_is_made_is_noticed() -> None:
    trace = rtsched.simulate(loaded(HASTE), scheduler=Hasty(1))
    assert trace.check() == [
        "job 0 of 'b' starts at 5000000, while a decision is made",
        "job 0 of 'c' starts at 8000000, while a decision is made",
    ]


def test_nothing_is_proven_where_decisions_take_time() -> None:
    text = (
        TWO
        + "scheduler: {ordering: rm, placement: partitioned}\ntasks: [{name: a, wcet: 1 ms, period: 9 ms, pin: worker}]\n"
    )
    plain, planned = (rtsched.analyse(loaded(text + end)) for end in ("", "planner: {core: host, cost: 1 us}"))
    assert str(plain.verdict) == "schedulable"
    assert str(planned.verdict) == "unknown"
    assert "decides on 'host' in its own time" in str(to_dict(planned))
