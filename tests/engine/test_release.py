"""Arrivals and random streams: means within their sampling error, worlds that do not depend on each other."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from rtsched.engine.release import BLOCK, arrivals
from rtsched.engine.streams import Streams, World
from rtsched.model.task import BurstState, Bursty, Poisson, Sporadic, TraceArrivals
from tests.helpers import task

COUNT = 20_000


def first(count: int = COUNT, seed: int = 1, **options: Any) -> list[tuple[int, int]]:
    """The first arrivals of a task with period 1000 (unless it has another)."""
    options.setdefault("deadline", 1000)
    period = options.pop("period", 1000)
    return list(islice(arrivals(task(0, 5, period, **options), Streams(World(seed), "a")), count))


def gaps(pairs: list[tuple[int, int]]) -> list[int]:
    return [later[0] - earlier[0] for earlier, later in pairwise(pairs)]


def test_periodic_with_offset_and_jitter() -> None:
    assert first(3, offset=7) == [(7, 7), (1007, 1007), (2007, 2007)]
    pairs = first(jitter=99)
    assert [arrival for arrival, _ in pairs[:3]] == [0, 1000, 2000]
    delays = [release - arrival for arrival, release in pairs]
    assert (min(delays), max(delays)) == (0, 99)
    assert abs(np.mean(delays) - 49.5) < 5 * 28.9 / COUNT**0.5


def test_a_single_job_and_a_recorded_trace() -> None:
    assert first(release=42) == [(42, 42)]
    trace = TraceArrivals(kind="trace", times=(3, 3, 9))
    assert first(arrival=trace, offset=10) == [(13, 13), (13, 13), (19, 19)]


def test_sporadic_gaps_are_never_shorter_than_the_period() -> None:
    found = gaps(first(arrival=Sporadic(kind="sporadic", mean_extra=500)))
    assert min(found) >= 1000
    assert abs(np.mean(found) - 1500) < 5 * 500 / COUNT**0.5


def test_poisson_gaps_are_exponential() -> None:
    found = np.array(gaps(first(period=10**6, arrival=Poisson(kind="poisson"))))
    assert abs(found.mean() - 1e6) < 5e6 / COUNT**0.5
    assert abs((found > 10**6).mean() - np.exp(-1)) < 5 * 0.5 / COUNT**0.5


def test_bursts_have_the_mean_rate_of_their_states_and_more_variance() -> None:
    states = (BurstState(gap=10**6, dwell=10**7), BurstState(gap=10**4, dwell=10**5))
    found = np.array(gaps(first(100_000, arrival=Bursty(kind="bursty", states=states))))
    # 10 arrivals in each calm of 1e7 and 10 in each burst of 1e5: 20 in each of 5000 cycles of 1.01e7. In a cycle the
    # arrivals deviate from rate * time by (2 * 9.8**2 + 20)**0.5 = 14.6 of 20, so the mean by 14.6 / 20 / 5000**0.5
    assert found.mean() == pytest.approx(1.01e7 / 20, rel=5 * 0.73 / 5000**0.5)
    assert found.std() > 1.2 * found.mean()
    assert found.min() >= 1


def test_a_late_offset_only_shifts_a_bursty_source() -> None:
    states = (BurstState(gap=10, dwell=1000), BurstState(gap=10**6, dwell=10**7))
    bursty = Bursty(kind="bursty", states=states)
    late = 50 * 365 * 86_400 * 10**9
    assert [time - late for time, _ in first(2000, arrival=bursty, offset=late)] == [
        time for time, _ in first(2000, arrival=bursty)
    ]


def test_blocks_leave_no_seam() -> None:
    long = first(3 * BLOCK, period=10**6, arrival=Poisson(kind="poisson"))
    assert long[: BLOCK + 5] == first(BLOCK + 5, period=10**6, arrival=Poisson(kind="poisson"))
    assert first(5, seed=2, period=10**6, arrival=Poisson(kind="poisson")) != long[:5]
