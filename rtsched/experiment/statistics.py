"""Intervals and paired tests, for samples of a few dozen runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

#: Below this many pairs all sign flips are tried, above so many at random.
EXACT = 12
FLIPS = 20_000


def t_distribution(value: float, freedom: int) -> float:
    """The probability that Student's t with `freedom` degrees is at most `value`.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4 (finite sums for whole degrees).
    """
    angle = math.atan2(value, math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    if freedom % 2:
        term, total = cosine, cosine if freedom > 1 else 0.0
        for k in range(3, freedom - 1, 2):
            term *= cosine * cosine * (k - 1) / k
            total += term
        inside = 2 / math.pi * (angle + sine * total)
    else:
        term, total = 1.0, 1.0
        for k in range(2, freedom - 1, 2):
            term *= cosine * cosine * (k - 1) / k
            total += term
        inside = sine * total
    return 0.5 + inside / 2


def t_quantile(probability: float, freedom: int) -> float:
    """The value that Student's t with `freedom` degrees does not exceed with `probability` (at least one half).

    >>> round(t_quantile(0.975, 29), 4)
    2.0452
    """
    low, high = 0.0, 1.0
    while t_distribution(high, freedom) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_distribution(middle, freedom) < probability else (low, middle)
    return high


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float | None]:
    """The mean and the half-width of its confidence interval by Student's t; None from a single value."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, None
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, t_quantile(0.5 + level / 2, count - 1) * math.sqrt(variance / count)


def sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p-value of paired differences whose signs could as well be the other way round (Fisher 1935).

    All sign flips up to 12 pairs, 20,000 seeded ones above. No difference at all: 1.

    >>> sign_flip([1.0, 2.0, 3.0])
    0.25
    """
    values = np.array([value for value in differences if value != 0.0])
    if not len(values):
        return 1.0
    seen = abs(float(values.sum())) - 1e-12 * float(np.abs(values).sum())
    if len(values) <= EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=len(values))))
        return float((np.abs(signs @ values) >= seen).mean())
    random = np.random.Generator(np.random.PCG64(0))
    signs = random.integers(0, 2, (FLIPS, len(values))) * 2.0 - 1
    hits = int((np.abs(signs @ values) >= seen).sum())
    return (hits + 1) / (FLIPS + 1)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979); None stays None.

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
