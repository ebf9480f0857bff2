"""Periods follow their laws, on their grid, within their limits."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from rtsched import units
from rtsched.errors import InputError
from rtsched.generate.parameters import Generate
from rtsched.generate.periods import AUTOMOTIVE, LogUniform
from rtsched.generate.streams import stream

MS = units.MS


def periods(described: Any, count: int = 20_000) -> np.ndarray:
    return np.asarray(Generate(periods=described).periods.draw(stream("test", "periods", 1, 0), count))


def test_log_uniform_periods_have_the_closed_form() -> None:
    found = periods({"kind": "log-uniform", "shortest": "1 ms", "longest": "1 s", "granularity": "1 ms"})
    assert set(found % MS) == {0}
    low, high = 1, 1000
    edges = np.arange(low, high + 2)
    expected = np.diff(np.log(edges)) / math.log((high + 1) / low)
    observed = np.bincount(found // MS, minlength=high + 1)[low:]
    bins = np.unique([0, *np.searchsorted(np.cumsum(expected), np.linspace(0.02, 0.98, 49))])
    observed, expected = np.add.reduceat(observed, bins), np.add.reduceat(expected, bins)
    assert stats.chisquare(observed, expected * len(found)).pvalue > 1e-4


def test_fine_log_uniform_periods_pass_kolmogorov_smirnov() -> None:
    found = periods({"shortest": "10 ms", "longest": "1 s", "granularity": "1 ns"})
    assert stats.kstest(np.log(found / MS), stats.uniform(math.log(10), math.log(100)).cdf).pvalue > 1e-4


def test_uniform_periods_are_uniform_on_their_grid() -> None:
    found = periods({"kind": "uniform", "shortest": "10 ms", "longest": "100 ms", "granularity": "10 ms"})
    steps, numbers = np.unique(found, return_counts=True)
    assert list(steps) == [10 * MS * step for step in range(1, 11)]
    assert stats.chisquare(numbers).pvalue > 1e-4


def test_harmonic_periods_divide_each_other() -> None:
    found = np.unique(periods({"kind": "harmonic", "shortest": "5 ms", "longest": "1 s", "factor": 3}, 500))
    assert [int(period) for period in found] == [5 * MS * 3**power for power in range(5)]
    assert all(later % earlier == 0 for earlier, later in pairwise(found.tolist()))


def test_the_hyperperiod_of_limited_periods_divides_the_largest_product() -> None:
    found = np.unique(periods("limited-hyperperiod", 2000))
    assert math.lcm(*found.tolist()) == 8 * 9 * 25 * MS
    assert found.min() == MS
    own = periods({"kind": "limited-hyperperiod", "unit": "10 us", "rows": [[2, 4], [1, 7]]}, 500)
    assert sorted(set(own.tolist())) == [20_000, 40_000, 140_000, 280_000]


def test_camera_rates_are_alike_and_written_as_rates() -> None:
    law = Generate(periods="camera-rates").periods
    assert law.key == "rate"
    found, numbers = np.unique(periods("camera-rates"), return_counts=True)
    assert [units.format_period(period) for period in found.tolist()] == ["60 Hz", "30 Hz", "20 Hz", "15 Hz", "10 Hz"]
    assert stats.chisquare(numbers).pvalue > 1e-4


def test_listed_periods_come_by_their_shares() -> None:
    found = periods({"kind": "listed", "of": ["5 ms", "7 ms", "11 ms"], "shares": [1, 2, 7]})
    _, numbers = np.unique(found, return_counts=True)
    assert stats.chisquare(numbers, np.array([0.1, 0.2, 0.7]) * len(found)).pvalue > 1e-4


def test_automotive_periods_have_the_published_shares_without_the_angle_synchronous_ones() -> None:
    assert sum(AUTOMOTIVE.values()) == 85
    assert AUTOMOTIVE[20] == 25  # copies of a well-known generator say 40: the 15 % in one bin
    found, numbers = np.unique(periods("automotive") // MS, return_counts=True)
    assert found.tolist() == list(AUTOMOTIVE)
    shares = np.array(list(AUTOMOTIVE.values())) / 85
    assert stats.chisquare(numbers, shares * numbers.sum()).pvalue > 1e-4
    copied = np.array([40 if period == 20 else share for period, share in AUTOMOTIVE.items()]) / 100
    assert stats.chisquare(numbers, copied * numbers.sum()).pvalue < 1e-100


@pytest.mark.parametrize(
    ("described", "error"),
    [
        ({"shortest": "2 s"}, "'shortest' must not exceed 'longest'"),
        ({"shortest": "10.2 ms", "longest": "10.7 ms"}, "no multiple of the 'granularity' lies between"),
        ({"kind": "harmonic", "shortest": "1 s"}, "'shortest' must not exceed 'longest'"),
        ({"kind": "limited-hyperperiod", "rows": [[1, 2], []]}, "a row is empty"),
        ({"kind": "limited-hyperperiod", "rows": [[10**6]] * 4}, "longer than 100 years"),
        ({"kind": "listed", "of": ["1 ms"], "shares": [1, 2]}, "2 shares for 1 periods"),
        ("loguniform", "must be one of 'log-uniform'.*did you mean 'log-uniform'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(described: Any, error: str) -> None:
    with pytest.raises(InputError, match=error):
        Generate(periods=described)


def test_the_longest_period_is_drawn_and_never_passed() -> None:
    law = TypeAdapter(LogUniform).validate_python({"shortest": 10 * MS, "longest": 12 * MS})
    assert set(law.draw(stream("test", "", 0, 0), 1000).tolist()) == {10 * MS, 11 * MS, 12 * MS}
