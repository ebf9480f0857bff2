"""Two samples of the same worlds, pair by pair: differences, a test, corrections, sizes of effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.statistics.intervals import NOISE, interval

#: How many sign flips are tried: all where there are no more (14 pairs), else so many at random.
FLIPS = 20_000

#: How many signed values are held at once (16 MB).
HELD = 2_000_000


def differences(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Value minus base, pair by pair; a difference that is rounding alone (NOISE of the largest of them all) is 0.

    Raises InputError where they are not as many.

    >>> differences([0.1 + 0.2, 2.0], [0.3, 1.5])
    [0.0, 0.5]
    """
    if len(values) != len(base):
        raise InputError(f"pairs need as many values as bases (found {len(values)} and {len(base)})")
    noise = NOISE * max(map(abs, (*values, *base)), default=0.0)
    found = [value - other for value, other in zip(values, base, strict=True)]
    return [0.0 if abs(difference) <= noise else difference for difference in found]


def sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p-value of paired differences whose signs could as well be the other way round (Fisher 1935).

    All sign flips up to 14 pairs, 20,000 seeded ones above. No difference at all: 1. Differences that are rounding
    alone are to be zero: `differences` makes them so.

    >>> sign_flip([1.0, 2.0, 3.0])
    0.25
    """
    import numpy as np
    from scipy import stats

    values = [value for value in differences if value != 0.0]
    if len(values) < 2:  # one difference is as large with either sign
        return 1.0
    size = math.fsum(map(abs, values))

    def total(signed: Any, axis: int) -> Any:
        return np.round(signed.sum(axis=axis) / size, 12)  # sums that differ by rounding alone are equal

    test = stats.permutation_test(
        (values,), total, permutation_type="samples", vectorized=True, n_resamples=FLIPS,
        batch=max(1, HELD // len(values)), rng=np.random.PCG64(0),
    )  # fmt: skip
    return float(test.pvalue)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979); None stays None.

    Give it all that are starred side by side: the chance that any of them has a star by chance is then below 0.05.

    >>> holm([0.01, 0.04, 0.03, None])
    [0.03, 0.06, 0.06, None]
    """
    known = sorted((value, place) for place, value in enumerate(values) if value is not None)
    found: list[float | None] = [None] * len(values)
    worst = 0.0
    for rank, (value, place) in enumerate(known):
        worst = max(worst, min(1.0, value * (len(known) - rank)))
        found[place] = worst
    return found


def fewest_pairs(tests: int, level: float = 0.05) -> int:
    """The fewest pairs of which `sign_flip` can say p < `level` after Holm's correction for so many tests.

    The smallest p of n pairs is 2 in 2^n: that all n differences have one sign.

    >>> fewest_pairs(1), fewest_pairs(12)
    (6, 9)
    """
    return math.floor(math.log2(2 * max(1, tests) / level)) + 1


def cohens_d(differences: Sequence[float]) -> float | None:
    """Cohen's d_z, the mean of paired differences in standard deviations (Statistical Power Analysis, 1988, 2.3.5).

    None for fewer than two pairs, and where all differ by the same: then there is no deviation to measure by.

    >>> cohens_d([1.0, 2.0, 3.0])
    2.0
    """
    if len(differences) < 2:
        return None
    mean, half = interval(differences)
    if not half:
        return None
    return mean / math.sqrt(math.fsum((each - mean) ** 2 for each in differences) / (len(differences) - 1))


def superiority(differences: Sequence[float]) -> float | None:
    """The share of pairs with a positive difference, ties by half (Grissom and Kim, Effect Sizes for Research, 2012).

    0.5 is no effect, 1 a difference upwards in every pair; None without pairs.

    >>> superiority([3.0, 0.5, 0.0, -1.0])
    0.625
    """
    if not len(differences):
        return None
    return sum(1.0 if each > 0 else 0.5 if each == 0 else 0.0 for each in differences) / len(differences)
