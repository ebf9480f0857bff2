"""Measured execution times: what is read, what is claimed, and what is refused; limits against known distributions."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rtsched.errors import InputError
from rtsched.samples import read_series
from rtsched.samples.assessment import Wanted, assess
from rtsched.samples.fresh import exceedances
from rtsched.samples.goodness import excesses_fit, maxima_fit
from rtsched.samples.independence import halves, independence, ljung_box
from rtsched.samples.order import chance, percentile, runs_for
from rtsched.samples.pwcet import probabilistic_bound
from rtsched.samples.reader import Series
from rtsched.samples.tails import excesses_of, fit_exponential, fit_gumbel


def ns(values) -> tuple[int, ...]:
    return tuple(math.ceil(1e6 + 5e4 * value) for value in values)


def series(times) -> Series:
    return Series((), "time_us", tuple(times), "runs.csv", "0" * 64)


def read(path: Path, text: str, **options):
    path.write_text(text)
    return read_series(path, **options)


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("time_us\n1.5\n2\n", {}),
        ("latency [us]\n1.5\n2\n", {}),
        ("wall (us)\r\n1.5\r\n2\r\n", {}),
        ("1.5 us\n2 us\n", {}),
        ("1.5\n2\n", {"unit": "us"}),
        ("time\n1.5\n2\n", {"unit": "us"}),
        ("# a comment\ntime_us\n1.5\n\n2\n", {}),
        ("start_us,cpu_us\n0,1.5\n9,2\n", {"columns": ["cpu_us"]}),
        ("run,time,status\n1,1.5 us,ok\n2,7 us,dropped\n3,2 us,ok\n", {"where": [("status", "ok")]}),
    ],
)
def test_times_are_read_whatever_says_their_unit(tmp_path, text, options) -> None:
    (found,) = read(tmp_path / "s.csv", text, **options)
    assert found.times == (1500, 2000)


def test_groups_are_kept_apart_in_the_order_of_their_runs(tmp_path) -> None:
    found = read(tmp_path / "s.csv", "task,node,time_us\na,x,3\nb,x,1\na,x,2\n")
    assert [(each.name, each.times) for each in found] == [("a x", (3000, 2000)), ("b x", (1000,))]
    both = read(tmp_path / "s.csv", "a_us,b_us\n1,2\n", columns=["a_us", "b_us"])
    assert [(each.name, each.times) for each in both] == [("a_us", (1000,)), ("b_us", (2000,))]


def test_a_part_of_a_nanosecond_is_rounded_up(tmp_path) -> None:
    assert read(tmp_path / "s.csv", "time_us\n1.0000001\n")[0].times == (1001,)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "is empty"),
        ("time_us\n", {}, "no runs"),
        ("time\n1\n", {}, "no column says its unit"),
        ("a_us,b_us\n1,2\n", {}, "several columns have a unit (a_us, b_us); say which with --column"),
        ("time_us\n1\n-2\n", {}, ":3: time_us: '-2' is no execution time"),
        ("time_us\n1\n0\n", {}, "is no execution time"),
        ("time_us\n1\nfast\n", {}, "is not a duration"),
        ("time_us\nnan\n", {}, "nan"),
        ("task,time_us\na,1\nb\n", {}, ":3: has 1 cells"),
        ("task,time_us\na,\n", {}, "time_us is empty"),
        ("time_us\n1\n", {"unit": "ms"}, "says us"),
        ("time_us\n1\n", {"columns": ["x"]}, "no column 'x'"),
        ("time_us\n1e30\n", {}, "100 years"),
        ("network,p50_ms,max_ms\na,1,2\n", {}, "rtsched profile --samples"),
        ("node,median_us,largest_us\na,1,2\n", {}, "rtsched profile --samples"),
    ],
)
def test_what_is_no_execution_time_is_refused_with_its_place(tmp_path, text, options, said) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path / "s.csv", text, **options)
    assert said in str(refused.value)


# ---- order statistics ------------------------------------------------------------------------------------------------


def test_the_figures_of_the_literature() -> None:
    assert [runs_for(q) for q in (0.9, 0.99, 0.999, 0.9999)] == [29, 299, 2995, 29956]
    assert [round(chance(n) * 30 * 3600) for n in (1000, 10_000, 100_000)] == [323, 32, 3]


def test_percentiles_need_runs() -> None:
    words = {n: percentile(range(n), 0.99).word for n in (99, 100, 298, 299)}
    assert words == {99: "refused", 100: "too few runs", 298: "too few runs", 299: "ok"}


@pytest.mark.parametrize(("n", "q"), [(40, 0.9), (300, 0.99), (1000, 0.5), (3500, 0.999)])
def test_limits_are_the_closest_ranks_that_hold_with_95_per_cent(n: int, q: float) -> None:
    found = percentile(range(1, n + 1), q)  # the time of a rank is the rank
    assert found.lower is not None
    assert found.upper is not None
    below = stats.binom(n, q)
    assert below.cdf(found.upper - 1) >= 0.95 > below.cdf(found.upper - 2)
    assert below.sf(found.lower - 1) >= 0.95 > below.sf(found.lower)


# ---- tests of independence and fit -----------------------------------------------------------------------------------


def test_ljung_box_by_hand() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.0, 5.0, 1.0, 2.0])
    centred = values - values.mean()
    r1 = (centred[:-1] * centred[1:]).sum() / (centred**2).sum()
    r2 = (centred[:-2] * centred[2:]).sum() / (centred**2).sum()
    assert ljung_box(values, lags=2).figure == pytest.approx(7 * 9 * (r1**2 / 6 + r2**2 / 5))


def test_memory_and_drift_are_seen() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=3000)
    memory = np.convolve(noise, [1, 0.6, 0.36])[:3000]
    assert not ljung_box(memory).passed
    assert not halves(noise + np.linspace(0, 0.5, 3000)).passed
    assert all(test.passed for test in independence(noise))


def test_constant_times_pass_no_test() -> None:
    assert not any(test.passed for test in independence([5] * 2000))
    assert probabilistic_bound([5] * 2000, 1e-9).refused == ("the times hardly vary: is the timer too coarse?",)


def test_p_values_of_the_fits_are_uniform_where_the_fit_is_right() -> None:
    rng = np.random.default_rng(2)
    p = [maxima_fit(rng.gumbel(size=50)).p for _ in range(200)]
    q = [excesses_fit(np.sort(rng.exponential(size=100))).p for _ in range(200)]
    for each in (p, q):
        assert 0.01 < np.mean(np.asarray(each) < 0.05) < 0.11


def test_limits_hold_in_95_of_100_samples_of_their_own_distribution() -> None:
    rng = np.random.default_rng(3)
    held = {"gumbel": 0, "exponential": 0}
    for _ in range(200):
        maxima = rng.gumbel(size=60)  # of blocks of 20: a run exceeds x with 1 - F(x)^(1/20)
        held["gumbel"] += fit_gumbel(maxima, 20).limit(1e-9) >= -math.log(-20 * math.log1p(-1e-9))
        values = rng.exponential(size=1000)
        excesses, threshold = excesses_of(values)
        held["exponential"] += fit_exponential(excesses, threshold, 1000).limit(1e-9) >= -math.log(1e-9)
    assert all(182 <= count <= 198 for count in held.values()), held


# ---- claims ----------------------------------------------------------------------------------------------------------


def test_a_tail_of_independent_runs_is_answered_and_the_same_each_time() -> None:
    times = ns(np.random.default_rng(2).gumbel(size=3000))
    found = probabilistic_bound(times, 1e-9)
    true = 1e6 + 5e4 * -math.log(-math.log1p(-1e-9))
    assert found.refused == ()
    assert found.time is not None
    assert true <= found.time <= 1.3 * true
    assert probabilistic_bound(times, 1e-9) == found
    assert found.time == math.ceil(max(tail.limit for tail in found.tails))


@pytest.mark.parametrize(
    ("draw", "failed"),
    [
        (lambda rng: (rng.random(5000) ** -0.4 - 1) / 0.4, "shape of GPD"),
        (lambda rng: rng.lognormal(size=5000), "shape of GPD"),
        (lambda rng: rng.normal(size=5000) + np.linspace(0, 1, 5000), "Kolmogorov-Smirnov (p < 1e-15)"),
        (lambda rng: np.convolve(rng.normal(size=5000), [1, 0.5])[:5000], "Ljung-Box (p < 1e-15)"),
        (lambda rng: rng.normal(size=999), "999 runs; it takes 1,000"),
    ],
)
def test_heavy_drifting_dependent_and_few_runs_are_refused_by_name(draw, failed: str) -> None:
    found = probabilistic_bound(ns(draw(np.random.default_rng(4))), 1e-9)
    assert found.time is None
    assert any(failed in why for why in found.refused)


def test_a_chance_that_was_measured_is_a_percentile() -> None:
    with pytest.raises(InputError, match="ask for a percentile"):
        probabilistic_bound(range(1, 2001), 0.01)
    with pytest.raises(InputError, match="1e-15"):
        probabilistic_bound(range(1, 2001), 0.0)


def test_a_margin_needs_a_reason_and_a_maximum() -> None:
    with pytest.raises(InputError, match="--reason"):
        Wanted(margin=Fraction("1.2"))
    with pytest.raises(InputError, match="leave it out"):
        Wanted("percentile", Fraction("1.2"), "habit", q=0.9)
    found = assess(series([10, 7, 8]), Wanted(margin=Fraction("1.25"), reason="measured on two boards"))
    assert (found.time, found.holds) == (13, True)
    assert found.origin({"board": "x"}, "1")["margin"] == 1.25


def test_fresh_runs_break_a_claim() -> None:
    assert not assess(series(range(1, 100)), Wanted(), fresh=[100]).holds
    assert assess(series(range(1, 100)), Wanted(), fresh=[99]).holds
    assert exceedances([1, 2, 3, 30], 10, 0.25).p == pytest.approx(1 - 0.75**4)
    rng = np.random.default_rng(2)
    times = ns(rng.gumbel(size=3000))
    slower = [time + 100_000 for time in ns(rng.gumbel(size=3000))]
    found = assess(series(times), Wanted("pwcet", p=1e-9), slower)
    assert found.time is not None
    assert max(slower) < found.time
    assert [each.passed for each in found.fresh] == [True, False]  # none beyond it, and too many beyond a milder one


@pytest.mark.slow
def test_measured_coverage() -> None:
    rng = np.random.default_rng(9)
    given = held = 0
    for _ in range(150):
        found = probabilistic_bound(ns(rng.gumbel(size=2000)), 1e-9)
        if found.time is not None:
            given += 1
            held += found.time >= 1e6 + 5e4 * -math.log(-math.log1p(-1e-9))
    assert given > 90
    assert held / given >= 0.95
