"""Confidence intervals of means and of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rtsched.errors import InputError

#: Two numbers that differ by less than this part of the largest beside them differ by rounding alone. Sums in doubles
#: of n terms one after the other err by at most n 2^-53 of the sum of their sizes (Higham, Accuracy and Stability of
#: Numerical Algorithms, 2002, eq. 4.4): 1e-9 at nine million terms. And two shares of up to 1e9 jobs, or two times in
#: ns up to a second, are at least so far apart where they differ at all.
NOISE = 1e-9


@dataclass(frozen=True, slots=True)
class Band:
    """A mean of `count` values and the ends of its confidence interval; None where the values do not give them."""

    mean: float
    low: float | None
    high: float | None
    count: int


def wilson(successes: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share of which `count` independent trials show `successes` (Wilson, JASA 22, 1927).

    On average over all true shares it covers `level`; for single ones less or more (Brown, Cai and DasGupta,
    Statistical Science 16, 2001). No trial says nothing: (0, 1). Raises InputError for counts that cannot be.

    >>> [round(end, 4) for end in wilson(81, 263)]  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
    [0.2553, 0.3662]
    >>> [round(end, 4) for end in wilson(0, 20)]
    [0.0, 0.1611]
    """
    _checked_level(level)
    if not 0 <= successes <= count:
        raise InputError(f"a share has 0 to all of its trials as successes (found {successes} of {count})")
    if not count:
        return 0.0, 1.0
    from scipy.stats import binomtest

    ends = binomtest(successes, count).proportion_ci(level, "wilson")
    return float(ends.low), float(ends.high)


def rule_of_three(count: int, level: float = 0.95) -> float:
    """The largest share of something that may never be seen in `count` independent trials: about 3 / count at 95 %.

    With a share p it is not seen with probability (1 - p)^count; the p where that is 1 - `level` is the one-sided end
    of Clopper and Pearson (Biometrika 26, 1934), known as the rule of three (Hanley and Lippman-Hand, JAMA 249, 1983).
    No trial: 1. Raises InputError for a negative count.

    >>> round(rule_of_three(10), 3), round(rule_of_three(100), 4), round(rule_of_three(1000), 5)
    (0.259, 0.0295, 0.00299)
    """
    _checked_level(level)
    if count < 0:
        raise InputError(f"a count is zero or more (found {count})")
    return -math.expm1(math.log(1 - level) / count) if count else 1.0


def proportion(successes: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share that curves use: the rule of three at none and at all, Wilson's between.

    >>> [round(end, 4) for end in proportion(0, 10)]
    [0.0, 0.2589]
    >>> proportion(3, 10) == wilson(3, 10)
    True
    """
    if count and successes in (0, count):
        unseen = rule_of_three(count, level)
        return (1 - unseen, 1.0) if successes else (0.0, unseen)
    return wilson(successes, count, level)


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float | None]:
    """The mean and the half-width of its confidence interval by Student's t (Biometrika 6, 1908); None from one value.

    Exact for normal values, and good for the means of any whose tails are light against their count. A spread that is
    rounding alone (NOISE) is none: 0. Raises InputError without values, or with one that is no finite number.

    >>> mean, half = interval([1.0, 2.0, 3.0])
    >>> mean, round(half, 3)  # t = 4.3027 with 2 degrees of freedom, times 1 / sqrt(3)
    (2.0, 2.484)
    """
    _checked(values, level)
    from scipy.special import stdtrit

    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, None
    if _all_equal(values):
        return mean, 0.0
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, float(stdtrit(count - 1, 0.5 + level / 2)) * math.sqrt(variance / count)


def ratio(parts: Sequence[float], wholes: Sequence[float], level: float = 0.95) -> tuple[float, float | None]:
    """A ratio of two sums over the same units, and half its interval (Cochran, Sampling Techniques, 1977, 6.4).

    Student's of what each part differs from the one that its whole lets expect; good for some 30 units or more. None
    from one unit. Raises InputError where the wholes sum up to nothing.

    >>> mean, half = ratio([1.0, 2.0, 2.0], [2.0, 4.0, 4.0])
    >>> mean, half
    (0.5, 0.0)
    """
    total = math.fsum(wholes)
    if not total:
        raise InputError("a ratio to nothing has no value; leave it out")
    found, mean = math.fsum(parts) / total, total / len(wholes)
    return found, interval([(part - found * whole) / mean for part, whole in zip(parts, wholes, strict=True)], level)[1]


def band(values: Sequence[float], level: float = 0.95, *, bounded: bool = False) -> Band:
    """The mean of independent values with the interval that fits them: what a point of a curve shows.

    `bounded` says that no value can lie outside of 0 to 1 (a share).

    * Shares that are all 0 or 1, with some of both: Wilson's.
    * Shares that are all the same c, be it 0: a variable in [0, 1] that differs from c with probability q has its mean
      between c - c q and c + (1 - c) q, and q is at most `rule_of_three(count)`. No further assumption is made, so it
      is wide: 100 runs without a miss leave room for 2.95 %.
    * Other values: Student's t, for shares cut at 0 and 1. Where rare runs carry the weight and the sample has few of
      them it is too narrow, as every interval from a sample is that assumes no more.
    * Values without bounds that are all the same, or a single one, say nothing of their spread: None.

    Raises InputError without values, with one that is no finite number, and with a share outside of 0 to 1.

    >>> found = band([1, 0, 1, 1], bounded=True)
    >>> found.mean, round(found.low, 4), round(found.high, 4)
    (0.75, 0.3006, 0.9544)
    >>> found = band([0.0] * 100, bounded=True)
    >>> found.low, round(found.high, 4)
    (0.0, 0.0295)
    >>> band([7.5, 7.5])
    Band(mean=7.5, low=None, high=None, count=2)
    """
    mean, half = interval(values, level)
    count = len(values)
    if not bounded:
        return Band(mean, mean - half, mean + half, count) if half else Band(mean, None, None, count)
    if not is_bounded(values):
        raise InputError(f"a share lies between 0 and 1 (found {min(values):g} to {max(values):g})")
    if not half:
        mean, unlike = min(max(mean, 0.0), 1.0), rule_of_three(count, level)
        return Band(mean, mean - mean * unlike, mean + (1 - mean) * unlike, count)
    if all(value in (0, 1) for value in values):
        return Band(mean, *wilson(int(sum(values)), count, level), count)
    return Band(mean, max(0.0, mean - half), min(1.0, mean + half), count)


def is_bounded(values: Sequence[float]) -> bool:
    """Whether values can be shares: none lies outside of 0 to 1 by more than rounding.

    >>> is_bounded([0, 0.1 + 0.9, 1]), is_bounded([0.5, 1.2])
    (True, False)
    """
    return min(values, default=0) >= -NOISE and max(values, default=0) <= 1 + NOISE


def _all_equal(values: Sequence[float]) -> bool:
    low, high = min(values), max(values)
    return high - low <= NOISE * max(abs(low), abs(high))


def _checked(values: Sequence[float], level: float) -> None:
    _checked_level(level)
    if not len(values):
        raise InputError("no values have no mean; leave out what has none")
    if not all(map(math.isfinite, values)):
        raise InputError(f"a mean is of finite numbers (found {next(v for v in values if not math.isfinite(v))})")


def _checked_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"a confidence level lies between 0 and 1, as 0.95 does (found {level})")
