"""The numbers of the time axis: at releases, where they are few."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.plot.gantt import gantt
from rtsched.plot.ticks import number
from rtsched.trace.trace import Trace

MS = 1_000_000


def trace(*tasks: tuple[str, str], **more: Any) -> Trace:
    described = [{"name": f"t{place}", "wcet": "1 us", "period": period, "offset": offset} | more
                 for place, (period, offset) in enumerate(tasks)]  # fmt: skip
    return rtsched.simulate({"platform": "uniprocessor", "tasks": described}, until="30 ms")


def numbers(trace: Trace, **options: Any) -> list[str]:
    return [label.get_text() for label in gantt(trace, **options).axes[-1].get_xticklabels()]


def test_all_releases_and_the_end_of_the_last_period() -> None:
    assert numbers(trace(("5 ms", "0 ms"), ("7.5 ms", "0 ms"))) == [
        "0",
        "5",
        "7.5",
        "10",
        "15",
        "20",
        "22.5",
        "25",
        "30",
    ]


def test_releases_of_one_task_where_those_of_all_are_too_many() -> None:
    both = trace(("1.1 ms", "0 ms"), ("6 ms", "0 ms"), ("0.1 ms", "0 ms"))
    assert numbers(both, end=30 * MS, size="6 in") == ["0", "6", "12", "18", "24", "30"]
    assert numbers(both, end=30 * MS, tasks="t1,t0", size="6 in") == ["0", "6", "12", "18", "24", "30"]


@pytest.mark.parametrize(
    ("period", "offset"),
    [("33.333333 ms", "0 ms"), ("7 ms", "0.123456 ms"), ("28 ms", "1 ms")],
    ids=["long", "odd", "few"],
)
def test_else_they_are_round(period: str, offset: str) -> None:
    assert numbers(trace((period, offset)), end=30 * MS)[:3] == ["0", "5", "10"]


def test_a_number_is_exact_or_none() -> None:
    assert [number(time, MS) for time in (0, 5 * MS, 33_300_000, 33_333_333, 123_456 * MS, 1_234_567 * MS)] == [
        "0", "5", "33.3", None, "123456", None,
    ]  # fmt: skip
