"""Clocks that the policy sets: by utilisation, and as low as deadlines allow."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtsched import api
from rtsched.errors import InputError, SchedulerError
from rtsched.registry import REGISTRY
from rtsched.schedulability.analyse import analyse
from rtsched.schedulers.speeds.base import Speed
from tests.chips import changes, loaded, run
from tests.helpers import outcomes

#: Pillai and Shin, SOSP 2001, as usually told: their machine (Table 1), tasks (Table 2) and actual times (Table 3).
#: Energy goes with the square of the voltage, and idle time costs nothing.
PAPER = """
platform:
  name: chip
  processors:
    cpu:
      operating_points:
        - {frequency: 500 MHz, microvolt: 3000000}
        - {frequency: 750 MHz, microvolt: 4000000}
        - {frequency: 1 GHz, microvolt: 5000000}
      power: {active: 1 W}
power: {governor: userspace, switch_latency: 0 us}
scheduler: {ordering: edf, speed: cycle-conserving}
tasks:
  - {name: a, wcet: 3 ms, deadline: 8 ms, arrival: {kind: trace, times: [0 ms, 8 ms], execution: [2 ms, 1 ms]}}
  - {name: b, wcet: 3 ms, deadline: 10 ms, arrival: {kind: trace, times: [0 ms, 10 ms], execution: [1 ms, 1 ms]}}
  - {name: c, wcet: 1 ms, deadline: 14 ms, arrival: {kind: trace, times: [0 ms, 14 ms], execution: [1 ms, 1 ms]}}
simulate: {until: 16 ms}
"""


def active(trace: Any) -> int:
    """The energy of everything that ran, in nJ."""
    return sum(unit.active for unit in trace.energy.units)


def test_the_example_of_the_paper() -> None:
    """Utilisations 0.746, 0.621, 0.421, 0.546, 0.296, 0.496, 0.296, hence these clocks; 0.52 of the energy (Table 4)."""
    trace = run(PAPER)
    clocks = [(at, value / 1e9) for at, _, _, value in changes(trace, "frequency")]
    assert [(round(at, 2), clock) for at, clock in clocks] == [(0, 1), (0, 0.75), (4, 0.5), (8, 0.75), (9.33, 0.5)]
    ends = [round(row["finish"] / 1e6, 2) for row in trace.jobs]
    assert sorted(ends) == [2.67, 4, 6, 9.33, 12, 16]
    assert {each for task in outcomes(trace).values() for each in task} == {"ok"}
    full = run(PAPER.replace("userspace", "performance").replace(", speed: cycle-conserving", ""))
    assert active(trace) / active(full) == pytest.approx(0.52, abs=0.001)


CORE = PAPER[: PAPER.index("tasks:")]


@pytest.mark.parametrize("seed", range(12))
def test_cycle_conserving_edf_misses_no_deadline_and_saves_energy(seed: int) -> None:
    """Random tasks up to full utilisation, which meet at their deadlines; some jobs take less than planned."""
    draw = random.Random(seed)
    periods = [draw.choice([4, 5, 6, 8, 10, 12, 15, 20, 30]) for _ in range(draw.randint(2, 5))]
    load, low = draw.choice([0.5, 0.75, 1.0]), draw.choice([0.2, 0.6, 0.99])
    rows = [
        f"  - {{name: t{index}, wcet: {int(load / len(periods) * period * 1000)} us, period: {period} ms, "
        f"execution: {{kind: uniform, low: {low}}}}}"
        for index, period in enumerate(periods)
    ]
    text = CORE + "tasks:\n" + "\n".join(rows) + "\nsimulate: {until: 300 ms}\n"
    slow = run(text, seed=seed)
    fast = run(text.replace("userspace", "performance").replace(", speed: cycle-conserving", ""), seed=seed)
    assert {each for task in outcomes(slow).values() for each in task} <= {"ok", "unfinished"}
    assert len(slow.jobs) == len(fast.jobs)
    assert active(slow) < active(fast) or load == 1.0


def test_a_switch_that_stalls_is_counted_as_work_not_as_time_saved() -> None:
    """What was used is never thought to be less than it was: the clock is then too high, not too low."""
    trace = run(PAPER.replace("switch_latency: 0 us", "switch_latency: 100 us"))
    assert [round(value / 1e9, 2) for _, _, _, value in changes(trace, "frequency")][1] == 0.75


TWO = """
platform:
  name: chip
  processors:
    cpu:
      cores: 2
      operating_points: [{frequency: 500 MHz, milliwatt: 200}, {frequency: 1 GHz, milliwatt: 1000}]
      frequency_domains: DOMAINS
power: {governor: userspace, switch_latency: 0 us}
scheduler: {ordering: edf, placement: pinned, speed: cycle-conserving}
tasks:
  - {name: a, wcet: 8 ms, period: 10 ms, pin: cpu0}
  - {name: b, wcet: 4 ms, period: 10 ms, pin: cpu1}
simulate: {until: 20 ms}
"""


def test_of_the_cores_of_one_clock_the_one_that_needs_most_decides() -> None:
    apart, together = (run(TWO.replace("DOMAINS", groups)) for groups in ("[[0], [1]]", "[[0, 1]]"))
    assert [at for at, _, _, value in changes(apart, "frequency") if value == 5e8][:1] == [0]
    finish = [row["finish"] for row in apart.jobs if row["task"] == 1]
    assert finish == [8_000_000, 18_000_000]
    assert [row["finish"] for row in together.jobs if row["task"] == 1] == [4_000_000, 14_000_000]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("ordering: edf", "ordering: rm"), "holds for preemptive EDF only"),
        (("ordering: edf", "ordering: edf, preemption: nonpreemptive"), "holds for preemptive EDF only"),
        (("governor: userspace", "governor: performance"), "clocks belong to the governor 'performance'"),
        (("power: {governor: userspace, switch_latency: 0 us}", ""), "the system counts none"),
    ],
)
def test_where_it_does_not_hold_it_is_refused(change: tuple[str, str], error: str) -> None:
    with pytest.raises(InputError, match=error):
        run(PAPER.replace(*change))


def test_beside_a_whole_scheduler_or_on_several_processors_it_is_refused() -> None:
    with pytest.raises(InputError, match="holds for preemptive EDF only"):
        api.scheduler("band-lsf+cycle-conserving")
    with pytest.raises(SchedulerError, match="may run on several processors; pin it"):
        run(TWO.replace("DOMAINS", "[[0, 1]]").replace(", placement: pinned", "").replace(", pin: cpu0", ""))


def test_the_place_of_the_other_governor_is_told(tmp_path: Any) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(PAPER.replace("userspace", "schedutil"))
    with pytest.raises(InputError, match=r"system.yaml:\d+:\d+: power.governor: clocks belong to the governor"):
        api.simulate(path)


def test_one_cluster_may_be_left_to_the_policy() -> None:
    text = PAPER.replace("governor: userspace", "governor: performance, clusters: {cpu: userspace}")
    assert run(text).jobs.tolist() == run(PAPER).jobs.tolist()


BURST = """
platform:
  name: chip
  processors:
    cpu:
      operating_points:
        - {frequency: 250 MHz, milliwatt: 100}
        - {frequency: 500 MHz, milliwatt: 300}
        - {frequency: 1 GHz, milliwatt: 1000}
power: {governor: userspace, switch_latency: 0 us}
scheduler: {ordering: edf, speed: {name: utilisation, period_ms: 10}}
tasks:
  - {name: a, wcet: 1 ms, period: 10 ms}
  - {name: b, wcet: 20 ms, release: 45 ms, deadline: 100 ms}
simulate: {until: 100 ms}
"""


def test_utilisation_follows_the_work_of_the_last_period() -> None:
    """a needs 0.1 of full speed: 0.125 fits 250 MHz; b fills the core from 45 ms on: one point up after each period."""
    trace = run(BURST)
    clocks = [(at, value // 10**6) for at, _, _, value in changes(trace, "frequency")]
    assert clocks[:2] == [(0, 1000), (10, 250)]
    up = [clock for at, clock in clocks if at > 45]
    assert up[:2] == [500, 1000]
    assert up[-1] == 250
    full = run(BURST.replace("userspace", "performance").replace(", speed: {name: utilisation, period_ms: 10}", ""))
    assert active(trace) < active(full)


def test_utilisation_asks_for_no_timers_while_nothing_is_to_do() -> None:
    """Else a run that goes on for as long as anything happens would never end."""
    text = BURST.replace("  - {name: a, wcet: 1 ms, period: 10 ms}\n", "").replace(
        "until: 100 ms", "until: 100 ms, drain: all"
    )
    trace = run(text)
    assert trace.standstill is None
    assert trace.stranded == ()


@pytest.mark.parametrize("host", ["band-lsf", "cbs"])
def test_whole_schedulers_run_at_the_clocks_of_a_part(host: str) -> None:
    text = BURST.replace(
        "{ordering: edf, speed: {name: utilisation, period_ms: 10}}", f"{{name: {host}, speed: utilisation}}"
    )
    text = text.replace("period: 10 ms}", "period: 10 ms, budget: 2 ms}") if host == "cbs" else text
    assert len(changes(run(text), "frequency")) > 2


@pytest.mark.parametrize(("key", "value"), [("period_ms", 0), ("headroom", 0.5)])
def test_parameters_out_of_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(InputError, match=key):
        api.scheduler({"ordering": "edf", "speed": {"name": "utilisation", key: value}})


@pytest.mark.parametrize("speed", REGISTRY.names("speed"))
def test_a_policy_that_sets_clocks_is_not_proven(speed: str) -> None:
    text = PAPER.replace("cycle-conserving", speed)
    spec = loaded(text).lower()
    verdict = analyse(spec, api.policy({"ordering": "edf", "speed": speed}))
    assert verdict.verdict == "unknown"
    assert f"the speed part '{speed}' sets clocks" in (verdict.parts[0].result.reason or "")
    assert str(verdict.policy) == f"edf + global + {speed}, preemptive"


def test_a_speed_part_of_your_own_is_a_class_with_one_method(monkeypatch: pytest.MonkeyPatch) -> None:
    class Halved(Speed):
        """Half of full speed from the first job on."""

        def on_release(self, job: Any) -> None:
            for clock in self.clocks:
                self.set(clock, 0)

    monkeypatch.setitem(REGISTRY.own, ("speed", "halved"), Halved)
    trace = run(PAPER.replace("cycle-conserving", "halved"))
    assert [value for *_, value in changes(trace, "frequency")] == [10**9, 5 * 10**8]
