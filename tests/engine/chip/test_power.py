"""Frequencies, governors, energy, batteries."""

from __future__ import annotations

from typing import Any

import pytest

from rtsched.errors import InputError, SchedulerError
from rtsched.model.power import OperatingPoint, PowerModel, active_powers
from rtsched.schedulers.base import Scheduler
from tests.chips import changes, loaded, run, slices

CHIP = """
platform:
  name: chip
  base_power: 100 mW
  processors:
    cpu:
      operating_points:
        - {frequency: 500 MHz, milliwatt: 200}
        - {frequency: 1 GHz, milliwatt: 1000}
      power: {idle: 50 mW}
power: {governor: performance}
tasks:
  - {name: a, wcet: 4 ms, period: 10 ms}
"""


def joules(trace: Any) -> tuple[int, int, int, int]:
    """(active, idle, base, total) in µJ."""
    energy = trace.energy
    (unit,) = energy.units
    return unit.active // 1000, unit.idle // 1000, energy.base // 1000, energy.total // 1000


def test_energy_is_power_times_time() -> None:
    trace = run(CHIP, until="20 ms")
    # 2 jobs of 4 ms at 1 W, 12 ms idle at 50 mW, 20 ms at 100 mW
    assert joules(trace) == (8000, 600, 2000, 10600)
    assert trace.energy.tasks == (8_000_000,)
    assert trace.energy.jobs == {0: 4_000_000, 1: 4_000_000}
    assert changes(trace) == [(0, "frequency", 0, 10**9)]


def test_half_the_frequency_takes_twice_as_long_for_compute_bound_work() -> None:
    trace = run(CHIP.replace("governor: performance", "governor: powersave"), until="20 ms")
    assert slices(trace) == [("a", "cpu", 0, 8, "completed"), ("a", "cpu", 10, 18, "completed")]
    assert joules(trace) == (3200, 200, 2000, 5400)


def test_doubling_the_frequency_of_memory_bound_work_does_not_halve_its_time() -> None:
    text = CHIP.replace("wcet: 4 ms,", "wcet: 4 ms, memory: {bound: 0.75},")
    fast = slices(run(text, until="10 ms"))[0][3]
    slow = slices(run(text.replace("governor: performance", "governor: powersave"), until="10 ms"))[0][3]
    assert (fast, slow) == (4, 5)  # 1 ms of compute doubles, 3 ms of memory stay


def test_without_a_power_section_nothing_is_counted_and_nothing_costs() -> None:
    trace = run(CHIP.replace("power: {governor: performance}", ""), until="20 ms")
    assert trace.energy is None
    assert trace.system.hardware is None


def test_measured_energy_of_a_node_goes_before_power() -> None:
    text = CHIP.replace("wcet: 4 ms,", "wcet: 4 ms, energy: {cpu: 3 mJ},")
    assert joules(run(text, until="20 ms"))[0] == 6000


def test_energy_without_a_trace_is_the_same() -> None:
    kept = run(CHIP, until="20 ms")
    sums = run(CHIP, until="20 ms", trace=False)
    assert (sums.energy.total, sums.energy.tasks) == (kept.energy.total, kept.energy.tasks)
    assert sums.energy.jobs == {}


def test_bytes_cost_energy() -> None:
    text = CHIP.replace("wcet: 4 ms,", "wcet: 4 ms, memory: {bound: 0.5, traffic: 40 MB},")
    trace = run(text.replace("governor: performance", "governor: performance, bytes_energy: 100"), until="20 ms")
    assert trace.energy.memory == pytest.approx(2 * 40e6 * 100 / 1000, rel=1e-6)  # 100 pJ a byte, in nJ


@pytest.mark.parametrize(("stall", "end"), [(True, 7.3), (False, 7.25)])
def test_a_switch_takes_its_latency(stall: bool, end: float) -> None:
    """Down to half speed at 1: after the switch 3 ms are left, done at half speed."""

    class Down(Scheduler):
        def on_release(self, job: Any) -> None:
            self.soc.wake_at(self.soc.now + 1_000_000)

        def on_timer(self, tag: Any) -> None:
            self.soc.set_speed("cpu", level=0)

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[0])

    text = CHIP.replace(
        "governor: performance", f"governor: userspace, switch_latency: 300 us, stall: {str(stall).lower()}"
    )
    trace = run(text, scheduler=Down(), until="10 ms")
    # stalled: 1 + 0.3 + 3 / 0.5 = 7.3; going on: 1 + 0.3 (0.3 done at full speed) + 2.7 / 0.5 = 6.7
    assert slices(trace)[0][3] == (end if stall else 6.7)
    assert changes(trace, "frequency")[1:] == [(1.3, "frequency", 0, 500_000_000)]


def test_policies_see_clocks_and_cannot_set_what_is_not_theirs() -> None:
    seen = []

    class Curious(Scheduler):
        def dispatch(self) -> None:
            seen.append((self.soc.frequency(self.soc.processors[0]), self.soc.frequencies("cpu")))
            self.soc.set_speed("cpu", frequency=600_000_000)

    with pytest.raises(SchedulerError, match="belongs to the governor 'performance'"):
        run(CHIP, scheduler=Curious(), until="10 ms")
    assert seen == [(10**9, [5 * 10**8, 10**9])]

    class Greedy(Curious):
        def dispatch(self) -> None:
            self.soc.set_speed("cpu", frequency=2 * 10**9)

    with pytest.raises(SchedulerError, match="above its highest operating point, 1 GHz"):
        run(CHIP.replace("performance", "userspace"), scheduler=Greedy(), until="10 ms")
    with pytest.raises(SchedulerError, match="give the system a 'power' section"):
        run(CHIP.replace("power: {governor: performance}", ""), scheduler=Curious(), until="10 ms")


def test_ondemand_follows_the_load() -> None:
    text = """
platform:
  name: chip
  processors:
    cpu: {operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}, {frequency: 4 GHz}]}
power: {governor: {name: ondemand, period: 10 ms}}
tasks:
  - {name: light, wcet: 1 ms, period: 10 ms}
  - {name: burst, wcet: 9 ms, release: 50 ms, deadline: 100 ms}
"""
    trace = run(text, until="100 ms")
    found = [(time, value // 10**9) for time, _, _, value in changes(trace, "frequency")][1:]
    # light: 10 % of 4 GHz, one point down each period: 2 GHz at 10 (20 %), 1 GHz at 20 (40 %: stays).
    # The burst fills the period from 50: up to the top at 60; and then down again.
    assert found[:3] == [(10, 2), (20, 1), (60, 4)]
    assert [value for _, value in found[3:5]] == [2, 1]


def test_schedutil_takes_the_next_point_above_a_quarter_more_than_needed() -> None:
    text = """
platform:
  name: chip
  processors:
    cpu: {operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}, {frequency: 4 GHz}]}
power: {governor: {name: schedutil, period: 10 ms}}
tasks: [{name: a, wcet: 3 ms, period: 10 ms}]
"""
    # 30 % busy at 4 GHz: 1.25 * 4 * 0.3 = 1.5: 2 GHz. There it is 60 % busy: 3, so 4 GHz; and so on, as Linux' own
    # formula would with a utilisation that is not scaled by the present frequency.
    trace = run(text, until="40 ms")
    assert [(time, value // 10**9) for time, _, _, value in changes(trace, "frequency")][1:4] == [
        (10, 2),
        (20, 4),
        (30, 2),
    ]


def test_domains_of_one_cluster_have_clocks_of_their_own() -> None:
    text = """
platform:
  name: chip
  processors:
    big: {cores: 4, frequency_domains: [[0, 1], [2, 3]], operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}]}
power: {governor: {name: ondemand, period: 10 ms}}
scheduler: {ordering: edf, placement: pinned}
tasks:
  - {name: a, wcet: 9 ms, period: 10 ms, pin: big0}
  - {name: b, wcet: 9 ms, period: 10 ms, pin: big1}
"""
    trace = run(text, until="30 ms")
    assert [(time, subject) for time, _, subject, _ in changes(trace, "frequency")] == [(0, 0), (0, 2), (10, 2)]


BATTERY = CHIP.replace(
    "governor: performance", "governor: performance, battery: {capacity: 10 mJ, levels: [0.5, 0.25]}"
)


def test_a_battery_tells_its_levels_at_the_exact_instant() -> None:
    heard = []

    class Listener(Scheduler):
        def on_environment(self, change: dict[str, Any]) -> None:
            heard.append((self.soc.now, change, round(self.soc.charge, 6)))

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[0])

    trace = run(BATTERY, scheduler=Listener(), until="20 ms")
    # busy 1.1 W for 4 ms: 4.4 mJ; idle 0.15 W for 6 ms: 0.9 mJ. 5 mJ are gone 4 ms + 0.6/0.15 ms after the start;
    # the second job brings 5.3 + 1.1 per ms: 7.5 at 12 ms
    assert heard == [(8_000_000, {"battery": 0.5}, 0.5), (12_000_000, {"battery": 0.25}, 0.25)]
    assert [row[3] for row in changes(trace, "battery")] == [500, 250]


def test_power_modes_switch_cores_off_and_cap_clocks() -> None:
    trace = run(
        """
platform:
  name: board
  processors:
    cpu: {cores: 4, operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}]}
    gpu: {kind: gpu, frequency_max: 1 GHz}
    dla: {kind: dla}
  power_modes:
    low: {cpu: {cores: 2, frequency_max: 1 GHz}, gpu: {frequency_max: 500 MHz}, dla: {cores: 0}}
power: {mode: low}
tasks:
  - {name: a, wcet: 1 ms, period: 10 ms}
  - {name: g, wcet: {gpu: 2 ms}, period: 10 ms}
""",
        until="10 ms",
    )
    assert [p.name for p in trace.system.processors] == ["cpu0", "cpu1", "gpu"]
    assert slices(trace) == [("a", "cpu0", 0, 2, "completed"), ("g", "gpu", 0, 4, "completed")]


MODES = """
platform:
  name: board
  processors:
    cpu:
      cores: 4
      frequency_max: 2 GHz
      operating_points: [{frequency: 1 GHz, POINT}, {frequency: 2 GHz, POINT2}]
      power: {active: 1 W}
  power_modes:
    low: {cpu: {frequency_max: 1 GHz}}
    between: {cpu: {frequency_max: 1.9 GHz}}
    tiny: {cpu: {frequency_max: 500 MHz}}
power: {mode: low}
tasks: [{name: a, wcet: {cpu: 3 ms}, period: 10 ms, count: 1}]
"""


@pytest.mark.parametrize(
    ("low", "high", "end", "energy"),
    [
        ("score: 40", "score: 100", 7.5, 0.5 * 7.5),  # power assumed proportional to the frequency
        ("microvolt: 500000", "microvolt: 1000000", 6, 0.125 * 6),  # f V^2, calibrated by the active power at the top
        ("busy_milliwatt: [100]", "busy_milliwatt: [900]", 6, 0.1 * 6),
        ("score: 2", "score: 4, milliwatt: 800", 6, 0.8 * 6),  # flat below the only measured power
    ],
)
@pytest.mark.parametrize("mode", ["low", "between"])
def test_a_mode_that_caps_the_clock_keeps_what_was_measured(
    mode: str, low: str, high: str, end: float, energy: float
) -> None:
    text = MODES.replace("POINT2", high).replace("POINT", low).replace("mode: low", f"mode: {mode}")
    trace = run(text, until="10 ms")
    assert slices(trace) == [("a", "cpu0", 0, end, "completed")]
    assert trace.energy is not None
    assert trace.energy.units[0].active == round(energy * 10**6)


def test_no_clock_beyond_the_cap_of_the_mode() -> None:
    text = MODES.replace("POINT2", "score: 4").replace("POINT", "score: 2")
    for governor in ("performance", "{name: ondemand, period: 1 ms}", "{name: schedutil, period: 1 ms}"):
        trace = run(text.replace("mode: low", f"mode: low, governor: {governor}"), until="30 ms")
        assert {value for *_, value in changes(trace, "frequency")} == {10**9}
    with pytest.raises(InputError, match=r"power.governor: cpu has no operating point at 2 GHz; it has 1 GHz"):
        loaded(text.replace("mode: low", "mode: low, governor: {name: fixed, frequency: 2 GHz}")).lower()
    with pytest.raises(
        InputError, match=r"power.mode: it caps cpu at 500 MHz, below its lowest operating point, 1 GHz"
    ):
        loaded(text.replace("mode: low", "mode: tiny")).lower()


def test_a_clock_that_nobody_knows_cannot_be_capped() -> None:
    text = """
platform: {name: board, processors: {cpu: {}}, power_modes: {low: {cpu: {frequency_max: 1 GHz}}}}
power: {mode: low}
tasks: [{name: a, wcet: 3 ms, period: 10 ms}]
"""
    trace = run(text, until="10 ms")
    assert slices(trace) == [("a", "cpu", 0, 3, "completed")]
    assert "cpu: its clock is not known, so the cap of the power mode changes no time" in trace.system.assumed


def test_times_hold_at_the_reference_clock_where_that_is_no_operating_point() -> None:
    text = MODES.replace("{frequency: 2 GHz, POINT2}", "{frequency: 1.5 GHz, score: 3}").replace("POINT", "score: 2")
    assert slices(run(text.replace("{mode: low}", "{}"), until="10 ms")) == [("a", "cpu0", 0, 4, "completed")]
    assert slices(run(text, until="10 ms")) == [("a", "cpu0", 0, 6, "completed")]


THREADS = """
platform:
  name: board
  processors: {big: {cores: 4, threads: {"1": 1, "2": 1.7, "4": 2.9}, frequency_domains: [[0, 1], [2, 3]]}}
  power_modes: {low: {big: {cores: 2}}, three: {big: {cores: 3}}}
power: {mode: low}
tasks: [{name: a, wcet: {big: 12 ms}, period: 20 ms}]
"""


def test_a_mode_takes_the_threads_of_the_cores_that_it_switches_off() -> None:
    for mode in ("low", "three"):
        trace = run(THREADS.replace("mode: low", f"mode: {mode}"), until="20 ms")
        assert slices(trace)[0][3] == pytest.approx(12 / 1.7, abs=1e-6)
    with pytest.raises(InputError, match="big has no speed-up for 4 threads; it has for 1, 2"):
        loaded(THREADS.replace("wcet:", "threads: 4, wcet:")).lower()
    only = THREADS.replace('"1": 1, "2": 1.7, ', "")
    with pytest.raises(
        InputError, match=r"power.mode: it leaves 2 cores of big, whose speed-up is known for 4 threads"
    ):
        loaded(only).lower()


def test_networks_measured_on_more_threads_than_a_mode_leaves_are_not_looked_up() -> None:
    from rtsched.dnn.lowering import Lowering

    row = {"platform": "board", "processor": "big", "network": "net", "input": "", "precision": "", "runtime": ""}
    row |= {"status": "measured", "source": "here"}
    latency = [{**row, "threads": "1", "latency_ms": "9"}, {**row, "threads": "4", "latency_ms": "2"}]

    def time(text: str) -> int | None:
        system = loaded(text)
        return Lowering(system.system, system.platform, latency).lower().tasks[0].nodes[0].times[0]

    text = THREADS.replace("wcet: {big: 12 ms}", "network: net")
    assert time(text.replace("{mode: low}", "{}")) == 2_000_000
    assert time(text) == round(9_000_000 / 1.7)  # the one-thread time over the speed-up of two
    with pytest.raises(InputError, match="no processor of 'board' that it may use can run it"):
        time(text.replace("network: net", "network: {network: net, threads: 4}"))


def test_a_mode_keeps_the_frequency_domains_of_the_cores_that_are_left() -> None:
    text = """
platform:
  name: board
  processors:
    cpu: {cores: 4, frequency_domains: [[0, 2], [1], [3]], operating_points: [{frequency: 1 GHz}, {frequency: 2 GHz}]}
  power_modes: {low: {cpu: {cores: 3}}}
power: {mode: low}
tasks: [{name: a, wcet: 3 ms, period: 10 ms}]
"""
    trace = run(text, until="10 ms")
    assert [place for _, _, place, _ in changes(trace, "frequency")] == [0, 1]


def test_heat_may_cap_what_a_mode_has_switched_off() -> None:
    text = """
platform:
  name: board
  processors: {cpu: {operating_points: [{frequency: 1 GHz, milliwatt: 100}]}, dla: {kind: dla}}
  power_modes: {low: {dla: {cores: 0}}}
  thermal: {node: {resistance: 1, capacitance: 1}, trips: [{temperature: 90, caps: {dla: 1 GHz}}]}
power: {mode: low}
tasks: [{name: a, wcet: {cpu: 3 ms}, period: 10 ms}]
"""
    assert slices(run(text, until="10 ms")) == [("a", "cpu", 0, 3, "completed")]


def test_a_cluster_draws_what_was_measured_for_as_many_cores_as_are_busy() -> None:
    text = """
platform:
  name: chip
  processors:
    big:
      cores: 4
      operating_points:
        - {frequency: 500 MHz, microvolt: 800000}
        - {frequency: 1 GHz, microvolt: 1000000, busy_milliwatt: [1000, 1500, 1800, 2000]}
power: {governor: %s}
tasks: [{name: a, wcet: 4 ms, period: 100 ms, instances: 3}, {name: b, wcet: 2 ms, period: 100 ms}]
"""
    trace = run(text % "performance", until="100 ms")
    # four busy for 2 ms at 2 W, three for 2 ms at 1.8 W; each gets its share
    assert trace.energy is not None
    assert trace.energy.total == 2 * 2_000_000 + 2 * 1_800_000
    assert trace.energy.tasks == (2_200_000, 2_200_000, 2_200_000, 1_000_000)
    slow = run(text % "powersave", until="100 ms")  # half the clock, 0.64 of V^2, twice as long
    assert slow.energy is not None
    assert slow.energy.total == pytest.approx(0.64 * trace.energy.total, rel=1e-6)
    assert slow.system.assumed == (
        "big: power at some operating points scaled with f V^2",
        "big: compute time in inverse proportion to the clock",
    )


def test_static_power_grows_with_voltage_and_temperature() -> None:
    import math

    text = """
platform:
  name: chip
  processors:
    cpu:
      operating_points: [{frequency: 1 GHz, microvolt: 1200000, milliwatt: 100}]
      power: {leakage: {c1: 0.0025, c2: 2660, gate: 0.001}}
  thermal: {ambient: %d, node: {resistance: 0.000001, capacitance: 1000}, period: 1 s}
power: {}
tasks: [{name: a, wcet: 1 s, release: 0, deadline: 10 s}]
"""
    for celsius in (25, 85):
        kelvin = 273.15 + celsius
        static = 1.2 * (0.0025 * kelvin**2 * math.exp(-2660 / kelvin) + 0.001)
        trace = run(text % celsius, until="1 s")
        assert trace.energy is not None
        assert trace.energy.total / 1e9 == pytest.approx(0.1 + static, rel=1e-4)


def test_what_is_derived_says_so() -> None:
    text = CHIP.replace(", milliwatt: 200", "").replace(", milliwatt: 1000", "")
    assert run(text, until="10 ms").system.assumed == ("cpu: its power is not known, so its energy is not counted",)
    linear = run(text.replace("{idle: 50 mW}", "{active: 1 W}"), until="10 ms")
    assert linear.system.assumed == ("cpu: power assumed proportional to the frequency, since no voltage is known",)
    assert run(CHIP, until="10 ms").system.assumed == ()


def test_power_of_points() -> None:
    def point(megahertz: int, **more: Any) -> OperatingPoint:
        return OperatingPoint(frequency=megahertz * 10**6, **more)

    measured = (point(1000, milliwatt=100.0), point(1500), point(2000, milliwatt=300.0))
    assert active_powers(measured, None, None)[0] == [100_000_000, 200_000_000, 300_000_000]
    volts = (point(1000, microvolt=800_000), point(2000, microvolt=1_000_000))
    assert active_powers(volts, PowerModel(coefficient=250.0), None)[0] == [160_000_000, 500_000_000]
    powers, how = active_powers(volts, PowerModel(active=2_000_000), None)
    assert powers == [640_000_000, 2_000_000_000]
    assert "calibrated" in how
    powers, how = active_powers((point(1000), point(2000)), PowerModel(active=2_000_000), None)
    assert powers == [1_000_000_000, 2_000_000_000]
    assert "assumed" in how
    assert active_powers((point(1000),), None, None) == ([0], "its power is not known, so its energy is not counted")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("governor: performance", "governor: {name: fixed, frequency: 2 GHz}", "cpu has no operating point at 2 GHz; it has 500 MHz, 1 GHz"),
        ("governor: performance", "clusters: {gpu: performance}", "'gpu' is no cluster of 'chip'; known: cpu"),
        ("governor: performance", "mode: turbo", "no power mode 'turbo'; known: none"),
        ("governor: performance", "governor: fixed", "'frequency' belongs to the governor 'fixed', which needs one"),
        ("governor: performance", "governor: {name: ondemand, up: 0.2}", "'down' must lie below 'up'"),
        ("governor: performance", "battery: {capacity: 0 J}", "capacity must be positive"),
        ("{frequency: 500 MHz, milliwatt: 200}", "{frequency: 2 GHz, milliwatt: 200}", "listed by ascending frequency"),
    ],
)  # fmt: skip
def test_bad_input(old: str, new: str, message: str) -> None:
    assert old in CHIP
    with pytest.raises(InputError, match=message):
        loaded(CHIP.replace(old, new)).lower()


def test_a_policy_finds_the_clock_of_least_energy() -> None:
    seen: dict[int, tuple[Any, Any]] = {}

    class Frugal(Scheduler):
        """The clock with the least energy that still meets the deadline, as AsyMo does."""

        def dispatch(self) -> None:
            cpu = self.soc.processors[0]
            for segment in self.soc.ready:
                for hertz in self.soc.frequencies(cpu):
                    seen[hertz] = (
                        self.soc.expected(segment, cpu, hertz),
                        self.soc.expected_energy(segment, cpu, hertz),
                    )
                best = min(seen, key=lambda hertz: seen[hertz][1])
                self.soc.set_speed("cpu", frequency=best)
                self.soc.start(segment.job, segment, cpu)

    text = CHIP.replace("performance", "userspace").replace("wcet: 4 ms,", "wcet: 4 ms, memory: {bound: 0.25},")
    trace = run(text, scheduler=Frugal(), until="10 ms")
    # 1 ms of memory, 3 ms of compute that double: 7 ms at 0.2 W against 4 ms at 1 W
    assert seen == {5 * 10**8: (7_000_000, 1_400_000), 10**9: (4_000_000, 4_000_000)}
    assert slices(trace) == [("a", "cpu", 0, 7, "completed")]
    assert trace.energy.tasks == (1_400_000,)
