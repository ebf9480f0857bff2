"""Heat: where the temperature goes, trip points, hysteresis, throttling."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from rtsched.api import Loaded, simulate
from rtsched.errors import InputError
from rtsched.model.config import parse_yaml, validate
from rtsched.model.power import PowerModel
from rtsched.model.system import System
from rtsched.schedulers.base import Scheduler
from tests.chips import changes, loaded, run, slices

ONE_WATT = PowerModel(active=1_000_000)

CHIP = """
platform:
  name: chip
  processors:
    cpu:
      operating_points: [{frequency: 500 MHz, milliwatt: 1000}, {frequency: 1 GHz, milliwatt: 4000}]
  thermal:
    ambient: 25
    node: {resistance: 20, capacitance: 0.05}
    trips: [{temperature: 80, caps: {cpu: 500 MHz}}]
    hysteresis: 10
power: {governor: performance}
tasks:
  - {name: load, wcet: 900 s, release: 0, deadline: 1000 s}
"""
# tau = 1 s; at 4 W towards 105 °C, at 1 W towards 45 °C


def temperatures(trace: Any) -> list[tuple[float, int, float]]:
    """(time in s, state, °C) of every threshold met and every sample."""
    return [(time / 1000, state, value / 1000) for time, _, state, value in changes(trace, "temperature")]


def test_throttling_oscillates_between_the_trip_and_the_hysteresis_below_it() -> None:
    trace = run(CHIP.replace("900 s", "9 s"), until="10 s")
    found = temperatures(trace)
    up = math.log((105 - 25) / (105 - 80))  # from ambient to the trip
    down = math.log((80 - 45) / (70 - 45))  # from the trip to 10 degrees below it
    again = math.log((105 - 70) / (105 - 80))
    assert found[0] == (0, -1, 25)
    expected = [up, up + down, up + down + again, up + 2 * down + again]
    for (time, state, celsius), due, number in zip(found[1:], expected, range(4), strict=False):
        assert time == pytest.approx(due, abs=1e-8)
        assert (state, celsius) == ((0, 80) if number % 2 == 0 else (-1, 70))
    assert {celsius for _, _, celsius in found[1:]} == {80, 70}
    clocks = [(time / 1000, value) for time, _, _, value in changes(trace, "frequency")][1:]
    assert [value for _, value in clocks[:3]] == [500_000_000, 1_000_000_000, 500_000_000]
    assert [time for time, _ in clocks] == [time for time, _, _ in found[1:]]


def test_a_chip_that_starts_hot_starts_throttled() -> None:
    trace = run(CHIP.replace("ambient: 25", "ambient: 25\n    initial: 100").replace("900 s", "1 s"), until="3 s")
    down = math.log((100 - 45) / (70 - 45))  # at half the clock from 100 to 70 degrees
    found = temperatures(trace)
    assert found[:2] == [(0, 0, 100), (pytest.approx(down, abs=1e-8), -1, 70)]
    assert [value for _, _, _, value in changes(trace, "frequency")][:3] == [10**9, 5 * 10**8, 10**9]


def test_temperature_approaches_its_limit_from_both_sides() -> None:
    text = CHIP.replace("trips: [{temperature: 80, caps: {cpu: 500 MHz}}]", "period: 500 ms")
    for start in (25, 200):
        trace = run(
            text.replace("ambient: 25", f"ambient: 25\n    initial: {start}").replace("900 s", "4 s"), until="5 s"
        )
        found = [celsius for time, _, celsius in temperatures(trace) if time <= 4]
        for number, celsius in enumerate(found):
            assert celsius == pytest.approx(105 + (start - 105) * math.exp(-number / 2), abs=1e-3)


def test_energy_does_not_depend_on_the_sampling_period_when_nothing_throttles() -> None:
    def total(period: str) -> int:
        text = CHIP.replace("temperature: 80", "temperature: 300").replace("900 s", "2 s")
        return int(
            run(text.replace("hysteresis: 10", f"hysteresis: 10\n    period: {period}"), until="5 s").energy.total
        )

    assert total("10 ms") == total("333 ms") == 8_000_000_000


def test_sampled_throttling_is_no_faster_than_the_sampling_period() -> None:
    text = CHIP.replace("hysteresis: 10", "hysteresis: 0.001\n    period: 100 ms").replace("900 s", "5 s")
    trace = run(text, until="6 s")
    times = [time for time, *_ in changes(trace, "frequency")][1:]
    assert len(times) > 10
    assert min(later - earlier for earlier, later in pairwise(times)) >= 100


def test_policies_see_heat_and_the_clock_it_leaves() -> None:
    heard = []

    class Listener(Scheduler):
        def on_processor(self, processor: Any, change: str) -> None:
            heard.append((change, round(self.soc.temperature or 0, 3), self.soc.frequency(processor)))

        def dispatch(self) -> None:
            for segment in self.soc.ready:
                self.soc.start(segment.job, segment, self.soc.processors[0])

    run(CHIP.replace("900 s", "2 s"), scheduler=Listener(), until="1 s")
    assert heard[:2] == [("frequency", 80, 500_000_000), ("temperature", 80, 500_000_000)]


def test_a_hot_chip_does_less_work() -> None:
    cool = CHIP.replace("temperature: 80", "temperature: 300").replace("900 s", "5 s")
    assert slices(run(cool, until="10 s"))[0][3] == 5000
    time = done = math.log((105 - 25) / (105 - 80))  # full speed up to the trip, then half and full in turn
    half, full = math.log((80 - 45) / (70 - 45)), math.log((105 - 70) / (105 - 80))
    while done + half / 2 + full < 5:
        time, done = time + half + full, done + half / 2 + full
    rest = 5 - done
    time += 2 * rest if rest < half / 2 else half + rest - half / 2
    assert slices(run(CHIP.replace("900 s", "5 s"), until="10 s"))[0][3] == pytest.approx(1000 * time, abs=1e-4)


NETWORK = """
platform:
  name: exynos
  base_power: 47300 uW
  processors:
    big: {operating_points: [{frequency: 1 GHz, milliwatt: 850}, {frequency: 2 GHz, milliwatt: 3320}]}
  thermal:
    ambient: 42
    period: 100 ms
    network:
      inputs: [base, big]
      a: [[0.9928, 0.000566], [0.006084, 0.9909]]
      b: [[0.07423, 0.0471], [0, 0.01265]]
    trips: [{temperature: 60, caps: {big: 1 GHz}}]
power: {governor: performance}
tasks: [{name: load, wcet: 100 s, release: 0, deadline: 200 s}]
"""


def test_a_network_follows_its_recurrence() -> None:
    trace = run(NETWORK.replace("temperature: 60", "temperature: 900"), until="20 s")
    first, second = 0.0, 0.0
    found = temperatures(trace)
    for number in range(1, 50):
        first, second = (
            0.9928 * first + 0.000566 * second + 0.07423 * 0.0473 + 0.0471 * 3.32,
            0.006084 * first + 0.9909 * second + 0.01265 * 3.32,
        )
        assert found[number] == (pytest.approx(number / 10), -1, pytest.approx(42 + max(first, second), abs=0.0006))


def test_a_network_throttles_at_its_samples() -> None:
    trace = run(NETWORK, until="60 s")
    steps = [time % 100 for time, *_ in changes(trace, "frequency")]
    assert steps
    assert set(steps) == {0}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.9928", "1.01", "diverges: an eigenvalue of 'a' has magnitude"),
        ("inputs: [base, big]", "inputs: [base, gpu]", "input 'gpu' is no cluster"),
        ("inputs: [base, big]", "inputs: [base]", "'b' needs 2 rows of 1 numbers"),
        ("caps: {big: 1 GHz}", "caps: {big: 500 MHz}", "below its lowest operating point"),
        ("caps: {big: 1 GHz}", "caps: {gpu: 1 GHz}", "caps 'gpu', which is no cluster"),
    ],
)
def test_bad_networks(old: str, new: str, message: str) -> None:
    assert old in NETWORK
    with pytest.raises(InputError, match=message):
        loaded(NETWORK.replace(old, new)).lower()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("capacitance: 0.05", "capacitance: 0", "greater than 0"),
        ("resistance: 20", "resistance: -1", "greater than 0"),
        ("hysteresis: 10", "hysteresis: 0", "greater than 0"),
        (
            "[{temperature: 80, caps: {cpu: 500 MHz}}]",
            "[{temperature: 80, caps: {cpu: 500 MHz}}, {temperature: 80, caps: {cpu: 500 MHz}}]",
            "trip temperatures must ascend",
        ),
    ],
)
def test_bad_nodes(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(CHIP.replace(old, new)).lower()


@pytest.mark.parametrize(
    ("cluster", "low", "high"),
    [("big", 15, 21), ("little", 6, 9)],
)
def test_what_a_watt_does_to_the_odroid_in_the_end(cluster: str, low: float, high: float) -> None:
    """The steady state of the published network is (I - A)^-1 B P; a run of minutes ends there."""
    import numpy as np

    from rtsched.model.catalogue import load_platform

    board = load_platform("odroid_xu3")
    assert board.thermal is not None
    network = board.thermal.network
    assert network is not None
    rises = np.linalg.solve(np.eye(5) - np.array(network.a), np.array(network.b))[:, network.inputs.index(cluster)]
    assert low - 0.5 < rises.min()
    assert rises.max() < high + 0.5
    watt = board.model_copy(
        update={
            "processors": {
                name: each.model_copy(
                    update={"operating_points": None, "power": {"big": ONE_WATT, "little": ONE_WATT}.get(name)}
                )
                for name, each in board.processors.items()
            },
            "base_power": 0,
            "thermal": board.thermal.model_copy(update={"trips": ()}),
        }
    )
    text = f"platform: odroid_xu3\npower: {{}}\ntasks: [{{name: a, wcet: {{{cluster}: 400 s}}, release: 0, deadline: 500 s}}]"
    trace = simulate(Loaded(validate(System, parse_yaml(text)), watt), until="1 s")
    assert trace.peak_temperature == pytest.approx(42 + rises.max(), abs=0.1)


def test_the_odroid_throttles_under_full_load_and_not_when_a_policy_is_frugal() -> None:
    text = """
platform: odroid_xu3
power: {governor: %s}
scheduler: {ordering: edf}
tasks: [{name: load, wcet: {big: 30 ms}, period: 40 ms, instances: 4, on_miss: abort}]
"""
    hot = simulate(validate(System, parse_yaml(text % "performance")), until="300 s")
    assert hot.check() == []
    assert hot.peak_temperature is not None
    assert 85 < hot.peak_temperature < 100
    caps = {value for _, _, _, value in changes(hot, "frequency")}
    assert 1_600_000_000 in caps
    frugal = text.replace("{governor: %s}", "{clusters: {big: {name: fixed, frequency: 600 MHz}}}")
    cool = simulate(validate(System, parse_yaml(frugal)), until="60 s")
    assert cool.peak_temperature is not None
    assert cool.peak_temperature < 85


def test_heat_that_runs_away_is_told_and_not_written_into_the_trace() -> None:
    network = """
    period: 100 ms
    network: {inputs: [cpu], a: [[0.5]], b: [[1e18]]}
    trips: []"""
    text = CHIP.replace(CHIP[CHIP.index("    node:") : CHIP.index("power: {gov")], network.removeprefix("\n") + "\n")
    with pytest.raises(InputError, match=r"thermal: the heat runs away, to .* °C; check the constants"):
        run(text, until="10 s")
