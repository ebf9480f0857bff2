"""What the order of independent runs says without any model: maxima and percentiles, with exact limits.

Order statistics: of n independent runs of one distribution, the number that lie at or below its quantile q is binomial
(David and Nagaraja, Order Statistics, 2003, section 7.1). For times that repeat, the limits hold at least as often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

#: How sure each limit is.
SURE: Final = 0.95


@dataclass(frozen=True)
class Percentile:
    """The quantile `q` of n runs in ns, with limits that each hold with 95 %.

    `estimate` is None where n < 1/(1 - q): refused. `upper` is None where n is too small for one; `lower` likewise.
    """

    q: float
    n: int
    estimate: int | None
    lower: int | None
    upper: int | None
    needed: int

    @property
    def word(self) -> str:
        """``ok``, ``too few runs`` (no upper limit), or ``refused``."""
        return "refused" if self.estimate is None else "too few runs" if self.upper is None else "ok"


def chance(n: int, sure: float = SURE) -> float:
    """What chance of exceeding the largest of n independent runs they still allow, at 95 %: 1 - 0.05^(1/n).

    >>> round(chance(1000), 6), round(chance(1000) * 30 * 3600)
    (0.002991, 323)
    """
    return -math.expm1(math.log(1 - sure) / n)


def runs_for(q: float, sure: float = SURE) -> int:
    """How many runs it takes until their maximum bounds the quantile q with 95 %.

    >>> [runs_for(q) for q in (0.9, 0.99, 0.999, 0.9999)]
    [29, 299, 2995, 29956]
    """
    return math.ceil(math.log(1 - sure) / math.log(q))


def least_runs(q: float) -> int:
    """Below so many runs a percentile is refused: 1/(1 - q), exactly.

    >>> least_runs(0.999)
    1000
    """
    return math.ceil(1 / (1 - Fraction(str(q))))


def percentile(ordered: Sequence[int], q: float, sure: float = SURE) -> Percentile:
    """The quantile q (0 < q < 1) of times in rising order: nearest rank, and the ranks that limit it.

    >>> percentile(range(1, 301), 0.99)
    Percentile(q=0.99, n=300, estimate=297, lower=294, upper=300, needed=299)
    """
    from scipy.stats import binom

    n = len(ordered)
    needed = runs_for(q, sure)
    if n < least_runs(q):
        return Percentile(q, n, None, None, None, needed)
    rank = math.ceil(n * Fraction(str(q)))
    # X(k) lies at or above the quantile if at most k - 1 runs lie below it: P(Bin(n, q) <= k - 1) >= 95 %.
    high = int(binom.ppf(sure, n, q)) + 1
    low = int(binom.ppf(1 - sure, n, q))  # X(k) at or below it: P(Bin(n, q) >= k) >= 95 %
    return Percentile(
        q, n, ordered[rank - 1], ordered[low - 1] if low >= 1 else None, ordered[high - 1] if high <= n else None,
        needed,
    )  # fmt: skip


def with_margin(time: int, margin: Fraction) -> int:
    """A time with a margin, rounded up to the ns."""
    return math.ceil(time * margin)
