"""Power over time: found again out of a trace, its integral is the energy that the engine counted by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtsched import api
from rtsched.page import measured
from rtsched.page.contents import counters, facts
from rtsched.page.measured import means, recorded
from rtsched.page.page import page
from rtsched.page.power import energy, powers, summed, traffic
from rtsched.trace.energy import NANOJOULE
from rtsched.trace.trace import Trace
from tests.chips import run
from tests.page.reading import tables

MS = 10**6

#: Two cores that share a clock and what they draw together; an accelerator with measured energies; traffic; a battery
#: that goes empty; faults; random times.
ALL = """
platform:
  name: chip
  base_power: 100 mW
  memory: {bandwidth: 10 GB/s}
  processors:
    big:
      cores: 2
      operating_points:
        - {frequency: 500 MHz, microvolt: 800000}
        - {frequency: 1 GHz, microvolt: 1000000, busy_milliwatt: [1000, 1500]}
      power: {idle: 10 mW}
    npu: {kind: npu, power: {idle: 5 mW, active: 900 mW}}
power: {governor: {name: ondemand, period: 7 ms}, bytes_energy: 50, battery: {capacity: 60 mJ, harvest: 700 mW, restart: 0.1}}
faults: [{processor: npu, mean_up: 40 ms, mean_down: 5 ms}]
tasks:
  - {name: a, wcet: {big: 4 ms}, period: 10 ms, execution: {kind: uniform, low: 0.5}, memory: {demand: 1 GB/s}}
  - {name: b, wcet: {big: 5 ms}, period: 13 ms, offset: 1 ms}
  - {name: net, wcet: {npu: 6 ms}, period: 21 ms, energy: {npu: 3 mJ}, memory: {demand: 2 GB/s}}
"""


@pytest.mark.parametrize("name", ["wearable_harvest", "xrbench_vr_gaming", "all"])
def test_the_integral_of_the_power_is_the_energy(name: str) -> None:
    trace = run(ALL, until="300 ms") if name == "all" else api.simulate(name, until="20 s")
    found = powers(trace)
    assert found is not None
    assert found.exact
    assert trace.energy is not None
    for unit in trace.energy.units:
        assert 0 <= energy(found.units[unit.name], trace.end) // NANOJOULE - unit.active - unit.idle <= 1
    assert energy(found.base, trace.end) // NANOJOULE == trace.energy.base
    assert energy(found.memory, trace.end) // NANOJOULE == trace.energy.memory
    assert [row for row in found.total if row[0] < trace.end] == recorded(trace)


def test_a_power_as_literals() -> None:
    text = """
platform: {processors: {cpu: {operating_points: [{frequency: 1 GHz, milliwatt: 200}], power: {idle: 50 mW}}}}
power: {}
tasks: [{name: a, wcet: 2 ms, period: 5 ms}]
"""
    found = powers(run(text, until="10 ms"))
    assert found is not None
    assert found.total == [(0, 200 * MS), (2 * MS, 50 * MS), (5 * MS, 200 * MS), (7 * MS, 50 * MS)]  # nW


def test_the_counters_of_a_page_have_it() -> None:
    trace = run(ALL, until="100 ms")
    found = {each["name"]: each for each in counters(trace)}
    assert [*found][:2] == ["power", "memory traffic"]
    assert {"power of big0", "power of npu", "power of base", "power of memory"} < found.keys()
    assert (found["power"]["unit"], found["power"]["scale"]) == ("W", 10**9)
    assert found["memory traffic"]["most"] == 10
    points = tables(page(trace))["points"]
    rows = [(time, value) for which, time, value in zip(*points.values(), strict=True) if which == 0]
    assert sorted(rows) == found["power"]["rows"]


def test_traffic_needs_no_power() -> None:
    trace = api.simulate("memory_contention", until="50 ms")
    assert trace.energy is None
    assert max(moved for _, moved in traffic(trace)) > 0
    assert [each["name"] for each in counters(trace)] == ["memory traffic"]


def test_a_trace_that_does_not_tell_it_says_so() -> None:
    trace = run(ALL, until="50 ms")
    assert trace.energy is not None
    units = (replace(trace.energy.units[0], active=1), *trace.energy.units[1:])
    strange = replace(trace, energy=replace(trace.energy, units=units))
    assert powers(strange) is None
    assert "the powers of the chip's parts are not shown" in facts(strange)["text"]
    assert "powers of the chip's parts" not in facts(trace)["text"]
    assert [each["name"] for each in counters(strange)][:2] == ["power", "memory traffic"]


def test_long_courses_are_drawn_by_means_of_the_same_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    course = [(0, 10), (3, 0), (4, 20), (11, 6)]
    found, length = means(course, 20, 3)
    assert (found, length) == ([(0, round((30 + 60) / 7)), (7, round((80 + 18) / 7)), (14, 6)], 7)
    monkeypatch.setattr(measured, "MOST_STEPS", 10)
    trace: Trace = run(ALL, until="100 ms")
    counter = counters(trace)[0]
    assert counter["name"].startswith("power (means of ")
    whole = powers(trace)
    assert whole is not None
    assert energy(counter["rows"], trace.end) == pytest.approx(energy(whole.total, trace.end), abs=trace.end)


def test_courses_add_up() -> None:
    assert summed([[(0, 1), (5, 3)], [(0, 2), (5, 0), (7, 1)]]) == [(0, 3), (7, 4)]
    assert energy([(0, 3), (7, 4)], 10) == 33
