"""Two samples of the same worlds, pair by pair: differences, a test, corrections, sizes of effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.statistics.intervals import NOISE, interval

#: What is left where values cancel is rounding below this part of the largest value: 4,500 units in its last place.
CANCELLED = 1e-12

#: How many sign flips are tried: all where there are no more (14 pairs), else so many at random. By hand, since
#: scipy.stats.permutation_test takes 3 s for 1,000 pairs, and this 0.3 s. Half of it is the drawing of signs,
#: which has to stay what it is: p would change in its last digits.
FLIPS = 20_000

#: How many signed values are held at once (16 MB).
HELD = 2_000_000


def differences(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Value minus base, pair by pair, or 0 where that is rounding alone.

    That is: below NOISE of the larger of both, or below CANCELLED of the largest of all. Raises InputError where they
    are not as many.

    >>> differences([0.1 + 0.2, 2.0], [0.3, 1.5])
    [0.0, 0.5]
    """
    if len(values) != len(base):
        raise InputError(f"pairs need as many values as bases (found {len(values)} and {len(base)})")
    least = CANCELLED * max(map(abs, (*values, *base)), default=0.0)
    return [
        0.0 if abs(value - other) <= max(least, NOISE * max(abs(value), abs(other))) else float(value - other)
        for value, other in zip(values, base, strict=True)
    ]


def sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p-value of paired differences whose signs could as well be the other way round (Fisher 1935).

    All sign flips up to 14 pairs; above, 20,000 seeded ones beside that which was seen, so p is 1 in 20,001 at least
    (Phipson and Smyth, 2010). No difference at all: 1. Differences that are rounding alone are to be zero:
    `differences` makes them so.

    >>> sign_flip([1.0, 2.0, 3.0])
    0.25
    """
    import numpy as np

    values = [value for value in differences if value != 0.0]
    count = len(values)
    if count < 2:  # one difference is as large with either sign
        return 1.0
    sizes = np.abs(values)
    size = math.fsum(sizes)
    edge = abs(math.fsum(values)) - CANCELLED * size  # sums that differ by rounding alone are equal

    def beyond(negative: Any) -> int:
        return int(np.count_nonzero(np.abs(size - 2 * (negative @ sizes)) >= edge))

    if 1 << count <= FLIPS:
        return beyond((np.arange(1 << count)[:, None] >> np.arange(count)) & 1) / (1 << count)
    random, block = np.random.default_rng(0), max(1, HELD // count)
    rows = [min(block, FLIPS - start) for start in range(0, FLIPS, block)]
    found = sum(beyond(random.integers(0, 2, (each, count), dtype=np.int8)) for each in rows)
    return (found + 1) / (FLIPS + 1)


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
