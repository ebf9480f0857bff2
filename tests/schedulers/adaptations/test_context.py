"""Smaller variants as the battery empties or the chip gets hot."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError, SchedulerError

CHOICES = [{"wcet": "5 ms", "accuracy": 0.9}, {"wcet": "2 ms", "accuracy": 0.8}, {"wcet": "1 ms", "accuracy": 0.7}]


def chosen(policy: dict[str, Any], power: dict[str, Any], until: str = "60 ms") -> list[int]:
    """The variants of the jobs of one task, every 10 ms, on a core that draws 1 W when busy."""
    system = {
        "platform": {"name": "node", "processors": {"mcu": {"power": {"active": "1 W"}}}},
        "power": power,
        "tasks": [{"name": "t", "variants": CHOICES, "period": "10 ms"}],
    }
    scheduler = {"ordering": "edf", "adaptation": {"name": "context-aware-style", **policy}}
    trace = rtsched.simulate(system, scheduler=scheduler, until=until)
    rows = {int(row["job"]): int(row["variant"]) for row in trace.choices}
    return [rows.get(job, 0) for job in range(len(trace.jobs))]


def test_the_charge_at_the_release_says_which_variant() -> None:
    """From 20 mJ: 15 left after one at 5, then 10, which is a half: 2 each, until a fifth, 4, is left: 1 each."""
    power = {"battery": {"capacity": "20 mJ"}}
    assert chosen({"charges": [0.5, 0.2]}, power, "80 ms") == [0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        # 500 mW bring 5 mJ in 10 ms, so that one at 5 keeps the charge and one at 2 gains 3: from 9 of 20 mJ the second
        # job sees 12 (0.6), which is 0.1 beyond the half.
        ({"rise": 0.1}, [1, 0, 0, 0, 0, 0]),
        # 0.2 beyond it is 14 mJ: 9, 12, 15.
        ({"rise": 0.2}, [1, 1, 0, 0, 0, 0]),
        # the level may change 35 ms after it became 1
        ({"rise": 0.1, "dwell_ms": 35}, [1, 1, 1, 1, 0, 0]),
    ],
)
def test_it_goes_back_when_the_charge_is_well_beyond(policy: dict[str, Any], found: list[int]) -> None:
    power = {"battery": {"capacity": "20 mJ", "charge": 0.45, "harvest": "500 mW"}}
    assert chosen({"charges": [0.5], **policy}, power) == found


def test_heat_counts_as_well() -> None:
    """1 W for 5 ms on 40 K/W and 1 mJ/K (tau 40 ms) is 40 (1 - e^-1/8) = 4.7 K, 4.15 K 5 ms later, and 7.4 K after the
    second job: 25, 29.1, 32.4 °C. At full time the least variant cools it, by less than 3 K in 20 ms."""
    thermal = {"ambient": 25, "node": {"resistance": 40, "capacitance": 0.001}, "period": "1 ms"}
    assert chosen({"charges": [], "temperatures": [30, 32]}, {"thermal": thermal}, "50 ms") == [0, 0, 2, 2, 2]
    assert chosen({"charges": [], "temperatures": [28, 32]}, {"thermal": thermal}, "50 ms") == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("policy", "power", "problem"),
    [
        ({"charges": [0.2, 0.5]}, {"battery": {"capacity": "1 J"}}, "descending"),
        ({"dwell_ms": -1}, {"battery": {"capacity": "1 J"}}, "0 or more"),
        ({}, {}, "neither a battery"),
        ({"charges": [], "temperatures": [50]}, {"battery": {"capacity": "1 J"}}, "neither a battery"),
    ],
)
def test_what_it_cannot_go_by_is_refused(policy: dict[str, Any], power: dict[str, Any], problem: str) -> None:
    with pytest.raises((InputError, SchedulerError), match=problem):
        chosen(policy, power)
