"""The statistics of experiments: values of the literature, coverage, power, and what is said of nothing."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from rtsched.errors import InputError
from rtsched.experiment.statistics import (
    Shares,
    acceptance,
    band,
    bootstrap,
    cohens_d,
    differences,
    fewest_pairs,
    holm,
    interval,
    mcnemar,
    odds_ratio,
    paired_bootstrap,
    proportion,
    ratio,
    rule_of_three,
    sign_flip,
    superiority,
    weighted_schedulability,
    wilson,
)

# ---- intervals -------------------------------------------------------------------------------------------------------


def test_an_interval_by_hand() -> None:
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.3027 / 3**0.5, abs=1e-4)
    assert interval([5.0]) == (5.0, None)
    assert interval([0.0, 1.0] * 15)[1] == pytest.approx(2.0452 * (7.5 / 29 / 30) ** 0.5, abs=1e-5)


def test_a_spread_that_is_rounding_alone_is_none() -> None:
    assert interval([0.1 + 0.2, 0.3, 0.3]) == (pytest.approx(0.3), 0.0)
    assert band([0.1 + 0.2, 0.3, 0.3]).low is None
    assert interval([0.3, 0.3 + 1e-8])[1] is not None
    assert interval([0.3, 0.3 + 1e-8])[1] > 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(successes: int, count: int, low: float, high: float) -> None:
    assert wilson(successes, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson(count - successes, count) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize("count", [10, 30, 100])
@pytest.mark.parametrize("ends", [wilson, proportion])
def test_shares_are_covered_by_95_in_100_intervals_on_average(count: int, ends: object) -> None:
    """Exactly, over a fine grid of true shares: no sampling."""
    truth = np.linspace(0.0005, 0.9995, 1000)
    covered = np.zeros_like(truth)
    for successes in range(count + 1):
        low, high = ends(successes, count)  # type: ignore[operator]
        covered += stats.binom.pmf(successes, count, truth) * ((low <= truth) & (truth <= high))
    assert covered.mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("count", [1, 2, 10, 1000])
def test_the_rule_of_three_is_the_exact_one_sided_end(count: int) -> None:
    largest = rule_of_three(count)
    assert (1 - largest) ** count == pytest.approx(0.05)
    exact = stats.binomtest(0, count, alternative="less").proportion_ci(0.95, "exact").high
    assert largest == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("same", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("count", [2, 10, 100])
def test_equal_shares_leave_out_no_mean_that_gives_them_in_more_than_5_of_100(same: float, count: int) -> None:
    """A run is `same`, or with probability q as far from it as a share can be: all runs are equal by (1 - q)^count."""
    found = band([same] * count, bounded=True)
    assert found.low is not None
    assert found.high is not None
    for q in np.linspace(0, 1, 201):
        for extreme in (0.0, 1.0):
            mean = same + q * (extreme - same)
            if not found.low - 1e-12 <= mean <= found.high + 1e-12:
                assert (1 - q) ** count < 0.05
    assert found.high > found.low


def test_a_band_fits_its_values() -> None:
    assert (band([0, 1, 1], bounded=True).low, band([0, 1, 1], bounded=True).high) == wilson(2, 3)
    assert band([0.0, 0.02, 0.0], bounded=True).low == 0.0  # Student's would go below
    inside = band([0.4, 0.5, 0.6], bounded=True)
    assert inside.high == pytest.approx(0.5 + interval([0.4, 0.5, 0.6])[1])  # type: ignore[operator]
    assert band([0, 1, 1]).low == pytest.approx(2 / 3 - interval([0, 1, 1])[1])  # type: ignore[operator]
    assert (band([3.0]).low, band([3.0]).high, band([3.0]).count) == (None, None, 1)
    assert band([0.0], bounded=True).high == pytest.approx(0.95)


def students(count: int, samples: int, draw: str) -> float:
    """How often Student's interval covers the mean of such samples."""
    random = np.random.default_rng(3)
    values, mean = (random.normal(5, 2, (samples, count)), 5) if draw == "normal" else (
        random.beta(2, 3, (samples, count)), 0.4
    )  # fmt: skip
    found = [band(sample, bounded=draw == "beta") for sample in values.tolist()]
    return sum(each.low <= mean <= each.high for each in found) / samples  # type: ignore[operator]


@pytest.mark.parametrize(("count", "draw"), [(3, "normal"), (10, "normal"), (30, "beta")])
def test_means_are_covered_by_95_in_100_intervals(count: int, draw: str) -> None:
    assert students(count, 5_000, draw) == pytest.approx(0.95, abs=0.01)


def test_what_has_no_interval_says_so() -> None:
    assert wilson(0, 0) == proportion(0, 0) == (0.0, 1.0)
    assert rule_of_three(0) == 1.0
    for wrong in ([], [1.0, math.nan], [math.inf]):
        with pytest.raises(InputError, match="mean"):
            band(wrong)
    with pytest.raises(InputError, match=r"between 0 and 1 \(found 0.2 to 1.5\)"):
        band([0.2, 1.5], bounded=True)
    with pytest.raises(InputError, match="found 4 of 3"):
        wilson(4, 3)
    with pytest.raises(InputError, match="confidence level"):
        wilson(1, 3, 95)
    with pytest.raises(InputError, match="zero or more"):
        rule_of_three(-1)


# ---- pairs -----------------------------------------------------------------------------------------------------------


def test_sign_flips_by_hand() -> None:
    # of the 8 ways to sign 1, 2, 4 two reach |7|, four reach |5| or more with 1 as the odd one out: +-(7), +-(5)
    assert sign_flip([1.0, 2.0, 4.0]) == 2 / 8
    assert sign_flip([-1.0, 2.0, 4.0]) == 4 / 8
    assert sign_flip([0.0, 0.0]) == sign_flip([3.0]) == sign_flip([0.0, 3.0]) == 1.0
    assert sign_flip([0.1, 0.2, -0.3]) == 1.0  # the sum is 2.8e-17 in floating point, and zero
    assert sign_flip([1.0] * 14) == 2 / 2**14  # all flips
    assert sign_flip([1.0] * 30) < 0.001 < 0.3 < sign_flip([1.0, -1.0] * 15)


@pytest.mark.parametrize("pairs", [5, 14, 15, 40])
def test_sign_flips_are_those_of_scipy(pairs: int) -> None:
    for seed in range(3):
        values = np.random.default_rng(seed).normal(0.4, 1.0, pairs)
        test = stats.permutation_test(
            (values,), lambda x, axis: x.sum(axis=axis), permutation_type="samples", n_resamples=20_000, rng=1,
        )  # fmt: skip
        assert sign_flip(values.tolist()) == pytest.approx(test.pvalue, abs=1e-12 if pairs < 15 else 0.015)


def test_differences_that_are_rounding_alone_are_none() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):  # the same mean, added up in two orders
        terms = random.random(10_000)
        forth, back = sum(terms.tolist()), sum(terms.tolist()[::-1])
        assert differences([forth, 1.0], [back, 1.0]) == [0.0, 0.0]
    assert differences([1e-17], [0.0]) == [1e-17]  # nothing larger is beside it: it may be all there is
    assert differences([1e-17, 1.0], [0.0, 1.0]) == [0.0, 0.0]
    jobs = 10**8
    assert differences([1 / jobs, 1.0], [0.0, 1.0]) == [1 / jobs, 0.0]  # one job of a hundred million is told
    assert differences([10**9 + 2], [10**9]) == [2]  # 2 ns in a second are
    assert differences([10**12, 1000], [10**12, 1500]) == [0, -500]  # one large run hides no small one
    assert differences([], []) == []
    with pytest.raises(InputError, match="found 2 and 1"):
        differences([1.0, 2.0], [1.0])


def false_alarms(samples: int, pairs: int, shift: float = 0.0) -> float:
    """How often the sign-flip test finds p < 0.05 in normal differences with this mean, in standard deviations."""
    drawn = np.random.default_rng(5).normal(shift, 1.0, (samples, pairs))
    return sum(sign_flip(sample) < 0.05 for sample in drawn.tolist()) / samples


def power_of_student(pairs: int, shift: float) -> float:
    edge = stats.t.ppf(0.975, pairs - 1)
    return float(stats.nct.sf(edge, pairs - 1, shift * pairs**0.5))


def test_the_paired_test_finds_nothing_more_often_than_it_says() -> None:
    """Exactly, over all signs that seven differences may have."""
    sizes = [0.3, 0.5, 1.0, 1.1, 2.0, 3.7, 4.0]
    chances = [sign_flip([a * b for a, b in zip(sizes, signs, strict=True)]) for signs in product((1, -1), repeat=7)]
    for level in (0.02, 0.05, 0.1, 0.3):
        assert level - 2 / 128 < sum(chance <= level for chance in chances) / 128 <= level


def test_the_paired_test_finds_what_is_planted() -> None:
    found, wanted = false_alarms(100, 10, shift=1.0), power_of_student(10, 1.0)
    assert found == pytest.approx(wanted, abs=3 * (wanted * (1 - wanted) / 100) ** 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [10, 30])
def test_the_paired_test_in_many_samples(pairs: int) -> None:
    assert false_alarms(2_000, pairs) == pytest.approx(0.05, abs=0.01)
    assert false_alarms(1_000, pairs, shift=0.5) == pytest.approx(power_of_student(pairs, 0.5), abs=0.03)


def test_holm_by_hand() -> None:
    assert holm([0.04, None, 0.01]) == [0.04, None, 0.02]
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([None]) == [None]


def test_holm_keeps_all_stars_of_a_table_to_5_in_100() -> None:
    chances = np.random.default_rng(2).random((4_000, 12))
    uncorrected = sum(min(table) < 0.05 for table in chances.tolist()) / 4_000
    starred = sum(min(holm(table)) < 0.05 for table in chances.tolist()) / 4_000  # type: ignore[type-var,operator]
    assert uncorrected > 0.4
    assert starred == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("tests", [1, 3, 12, 100])
def test_the_fewest_pairs_are_just_enough_for_a_star(tests: int) -> None:
    pairs = fewest_pairs(tests)
    assert 2 / 2**pairs * tests < 0.05 <= 2 / 2 ** (pairs - 1) * tests
    if pairs <= 14:
        assert sign_flip([1.0] * pairs) == 2 / 2**pairs


def test_sizes_of_effects() -> None:
    assert cohens_d([1.0, 2.0, 3.0]) == 2.0
    assert cohens_d([-1.0, -2.0, -3.0]) == -2.0
    assert cohens_d([0.1 + 0.2, 0.3]) is cohens_d([1.0]) is cohens_d([]) is None
    assert superiority([1.0, 2.0]) == 1.0
    assert superiority([0.0, 0.0]) == 0.5
    assert superiority([]) is None
    shifted = np.random.default_rng(4).normal(0.5, 1.0, 20_000).tolist()
    assert cohens_d(shifted) == pytest.approx(0.5, abs=0.02)
    assert superiority(shifted) == pytest.approx(stats.norm.cdf(0.5), abs=0.01)


# ---- resampling ------------------------------------------------------------------------------------------------------


def test_a_bootstrap_of_a_mean_is_close_to_students_interval() -> None:
    values = np.random.default_rng(6).normal(10, 3, 200).tolist()
    mean, half = interval(values)
    assert half is not None
    assert bootstrap(values, np.mean) == pytest.approx((mean - half, mean + half), abs=0.1 * half)
    assert bootstrap(values, np.mean) == bootstrap(values, np.mean) != bootstrap(values, np.mean, seed=1)


def test_a_bootstrap_takes_any_function() -> None:
    values = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0]
    assert bootstrap(values, lambda sample: float(sorted(sample)[3])) is not None
    assert bootstrap(values, lambda sample: sum(sample) / len(sample)) == pytest.approx(bootstrap(values, np.mean))
    assert bootstrap([1.0], np.mean) is bootstrap([], np.mean) is bootstrap([2.0, 2.0, 2.0], np.mean) is None


def test_what_pairs_have_in_common_cancels() -> None:
    random = np.random.default_rng(7)
    worlds = random.normal(100, 50, 60)
    base, values = worlds + random.normal(0, 1, 60), worlds + 2 + random.normal(0, 1, 60)
    ends = paired_bootstrap(values.tolist(), base.tolist())
    assert ends is not None
    assert 1.3 < ends[0] < 2 < ends[1] < 2.7
    assert paired_bootstrap(values.tolist(), (values - 1).tolist()) is None  # the same in every pair
    medians = paired_bootstrap(values.tolist(), base.tolist(), np.median)
    assert medians is not None
    assert medians[0] < medians[1]
    assert paired_bootstrap(values.tolist(), base.tolist(), lambda sample: sum(sample) / 60) == pytest.approx(ends)
    with pytest.raises(InputError, match="found 1 and 2"):
        paired_bootstrap([1.0], [1.0, 2.0])


@pytest.mark.slow
def test_bootstrap_intervals_cover() -> None:
    """BCa is second-order correct: 95 % but for terms in 1 / n (Efron 1987)."""
    random = np.random.default_rng(8)
    samples = random.exponential(1.0, (1_000, 150)).tolist()
    covered = [ends[0] <= 1.0 <= ends[1] for ends in (bootstrap(each, np.mean) for each in samples) if ends]
    assert len(covered) == 1_000
    assert sum(covered) / 1_000 == pytest.approx(0.95, abs=0.015)


# ---- acceptance ------------------------------------------------------------------------------------------------------


def test_what_is_undecided_widens_the_band() -> None:
    shares = Shares.of([True] * 60 + [False] * 30 + [None] * 10)
    assert shares == Shares(60, 30, 10)
    assert shares.count == 100
    found = shares.band()
    assert found is not None
    assert (found.mean, found.low, found.high) == (0.6, wilson(60, 100)[0], wilson(70, 100)[1])
    decided = Shares(60, 40).band()
    assert decided == Shares(60, 40).lowest() == Shares(60, 40).highest()
    assert Shares(100, 0).band().low == pytest.approx(1 - rule_of_three(100))  # type: ignore[union-attr]
    everything = Shares(0, 0, 5).band()
    assert everything is not None
    assert (everything.mean, everything.low, everything.high) == (0.0, 0.0, 1.0)
    assert Shares(0, 0).band() is Shares(0, 0).lowest() is None


def test_the_share_of_accepted_sets_is_covered_whatever_is_undecided() -> None:
    """60 % are accepted; what is accepted is undecided more often than what is refused."""
    random = np.random.default_rng(10)
    hits = 0
    for _ in range(400):
        accepted = random.random(80) < 0.6
        lost = random.random(80) < np.where(accepted, 0.15, 0.02)
        found = Shares.of([None if gone else bool(yes) for gone, yes in zip(lost, accepted, strict=True)]).band()
        assert found is not None
        hits += found.low <= 0.6 <= found.high  # type: ignore[operator]
    assert hits / 400 >= 0.95


def test_mcnemar_by_hand() -> None:
    first, second = [True] * 7 + [False] * 3, [True] * 2 + [False] * 8
    found = mcnemar(first, second)
    assert (found.first_only, found.second_only, found.undecided) == (5, 0, 0)
    assert found.p == 2 / 2**5
    swapped = mcnemar(second, first)
    assert (swapped.first_only, swapped.second_only, swapped.p) == (0, 5, found.p)
    assert mcnemar([True, False], [True, False]).p == mcnemar([], []).p == 1.0
    lost = mcnemar([True, None, True, None], [False, False, None, None])
    assert (lost.first_only, lost.second_only, lost.undecided) == (1, 0, 3)
    with pytest.raises(InputError, match="same sets"):
        mcnemar([True], [])


def test_mcnemar_finds_what_is_planted_and_little_else() -> None:
    """Exactly, for every way in which sets may fall to one side."""
    for apart in (6, 20, 60):
        chances = [
            mcnemar([True] * k + [False] * (apart - k), [False] * k + [True] * (apart - k)).p for k in range(apart + 1)
        ]
        starred = np.array(chances) < 0.05
        assert stats.binom.pmf(range(apart + 1), apart, 0.5)[starred].sum() <= 0.05
        if apart == 60:
            assert stats.binom.pmf(range(apart + 1), apart, 0.7)[starred].sum() > 0.8


def test_an_odds_ratio_has_an_exact_interval() -> None:
    even = odds_ratio(20, 20)
    assert even is not None
    assert even.ratio == 1
    assert even.low == pytest.approx(1 / even.high)
    assert odds_ratio(0, 0) is None
    for odds in (0.2, 1.0, 3.0):  # exactly, for every way in which 25 sets may fall
        found = [odds_ratio(first, 25 - first) for first in range(26)]
        missed = [each is None or not each.low <= odds <= each.high for each in found]
        assert stats.binom.pmf(range(26), 25, odds / (1 + odds))[missed].sum() <= 0.05
    only = odds_ratio(4, 0)
    assert only is not None
    assert (only.ratio, only.high) == (math.inf, math.inf)
    share = 0.025 ** (1 / 4)  # of Clopper and Pearson
    assert only.low == pytest.approx(share / (1 - share))


def test_weighted_schedulability_by_hand() -> None:
    loads = [0.2, 0.4, 0.6, 0.8]
    found = weighted_schedulability(loads, [True, True, True, False])
    assert found is not None
    assert found.mean == pytest.approx(1.2 / 2.0)
    assert found.count == 4
    undecided = weighted_schedulability(loads * 10, [True, True, None, False] * 10)
    assert undecided is not None
    assert undecided.mean == pytest.approx(0.6 / 2.0)
    assert undecided.low < 0.3  # type: ignore[operator]
    assert undecided.high > 0.6  # type: ignore[operator]
    assert weighted_schedulability([], []) is weighted_schedulability([0.0], [True]) is None


def test_weighted_schedulability_of_sets_that_agree_leaves_room() -> None:
    everyone = weighted_schedulability([0.5, 1.0] * 50, [True] * 100)
    assert everyone is not None
    assert (everyone.mean, everyone.high) == (1.0, 1.0)
    assert everyone.low == pytest.approx(1 - rule_of_three(100) / 0.75)
    nobody = weighted_schedulability([1.0] * 10, [False] * 9 + [None])
    assert nobody is not None
    assert (nobody.mean, nobody.low) == (0.0, 0.0)
    assert nobody.high > 0.1  # type: ignore[operator]
    with pytest.raises(InputError, match="one utilisation"):
        weighted_schedulability([1.0], [])
    with pytest.raises(InputError, match="zero or more"):
        weighted_schedulability([-1.0], [True])


def weighted_coverage(samples: int, sets: int) -> float:
    """How often W's interval covers it, where a set of utilisation U is accepted with probability 1 - U^2."""
    random = np.random.default_rng(9)
    truth = (1 / 2 - 1 / 4) / (1 / 2)
    hits = 0
    for _ in range(samples):
        loads = random.random(sets)
        found = weighted_schedulability(loads.tolist(), (random.random(sets) < 1 - loads**2).tolist())
        assert found is not None
        hits += found.low <= truth <= found.high  # type: ignore[operator]
    return hits / samples


def test_a_ratio_of_sums_is_covered_by_95_in_100_intervals() -> None:
    draws = np.random.default_rng(5)
    wholes = draws.uniform(0.2, 1.0, (2000, 60))
    accepted = draws.random((2000, 60)) > wholes  # of heavy sets fewer
    true = 1 - (0.2**2 / 3 + 0.2 / 3 + 1 / 3) / 0.6  # E(w (1 - w)) / E(w)
    inside = 0
    for whole, yes in zip(wholes.tolist(), accepted.tolist(), strict=True):
        mean, half = ratio([w * each for w, each in zip(whole, yes, strict=True)], whole)
        assert half is not None
        inside += abs(mean - true) <= half
    assert 0.935 <= inside / 2000 <= 0.965
    with pytest.raises(InputError, match="a ratio to nothing"):
        ratio([0.0], [0.0])


def test_very_many_sets_have_the_interval_of_a_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(6)
    loads = draws.uniform(0.2, 1.0, 1500)
    sets = loads.tolist(), (draws.random(1500) > loads).tolist()
    drawn = weighted_schedulability(*sets)
    monkeypatch.setattr(acceptance, "MANY", 1499)
    found = weighted_schedulability(*sets)
    assert drawn is not None
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((drawn.mean, drawn.low, drawn.high), abs=0.001)
    assert found.low != drawn.low


def test_weighted_schedulability_is_covered() -> None:
    assert weighted_coverage(40, 100) > 0.95 - 3 * (0.95 * 0.05 / 40) ** 0.5


@pytest.mark.slow
def test_weighted_schedulability_is_covered_by_95_in_100() -> None:
    assert weighted_coverage(1_000, 200) == pytest.approx(0.95, abs=0.015)
