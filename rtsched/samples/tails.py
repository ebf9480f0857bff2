"""Fits of a tail: the largest of blocks as Gumbel, what exceeds a threshold as exponential, and whether either may be.

Execution times are bounded, so their true tail is no heavier than these two, whose shape is 0 (Coles, An Introduction
to Statistical Modeling of Extreme Values, 2001, chapters 3 and 4). A sample whose shape lies above 0 is refused. What
is given is no estimate but the limit that holds with 95 % if the tail has the form that was fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rtsched.samples.order import SURE

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

#: The least and the most times above a threshold; the least number of runs in a block.
LEAST_EXCESSES: Final = 50
MOST_EXCESSES: Final = 500
LEAST_BLOCK: Final = 20
#: Samples drawn for the distributions that no table has, always by the same seed.
DRAWN: Final = 2_000
SEED: Final = 20_02


@dataclass(frozen=True)
class Gumbel:
    """The largest of each of `blocks` blocks of `size` runs: Gumbel, by L-moments (Hosking 1990). Times in ns."""

    location: float
    scale: float
    size: int
    blocks: int

    method = "block maxima"

    def reduced(self, p: float) -> float:
        """Where the chance p of a run lies, in scales above the location."""
        return -math.log(-self.size * math.log1p(-p))

    def estimate(self, p: float) -> float:
        """The time that a run exceeds with chance p, as fitted."""
        return self.location + self.scale * self.reduced(p)

    def limit(self, p: float, sure: float = SURE) -> float:
        """What that time is at most, with 95 %: (time - location) / scale has a distribution that is drawn."""
        import numpy as np

        locations, scales = _gumbels(self.blocks)
        factor = np.quantile((self.reduced(p) - locations) / scales, sure)
        return self.location + self.scale * float(factor)

    def chance(self, time: float) -> float:
        """The chance of a run above a time, as fitted."""
        return -math.expm1(-math.exp(-(time - self.location) / self.scale) / self.size)


@dataclass(frozen=True)
class Exponential:
    """What `excesses` of `n` runs exceed the threshold by: exponential, by likelihood. Times in ns."""

    threshold: float
    scale: float
    excesses: int
    n: int

    method = "excesses"

    @property
    def share(self) -> float:
        """The share of runs above the threshold."""
        return self.excesses / self.n

    def estimate(self, p: float) -> float:
        """The time that a run exceeds with chance p, as fitted."""
        return self.threshold + self.scale * math.log(self.share / p)

    def limit(self, p: float, sure: float = SURE) -> float:
        """What that time is at most, with 95 %.

        (time - threshold) / scale is ln(U / p) 2k / chi2(2k), where U, beta(k + 1, n - k), is the chance of a run above
        the threshold, and independent of the scale.
        """
        import numpy as np
        from scipy.optimize import brentq
        from scipy.stats import beta, chi2

        k, n = self.excesses, self.n
        above = np.log(beta.ppf((np.arange(200) + 0.5) / 200, k + 1, n - k) / p)

        def missing(factor: float) -> float:
            return float(chi2.sf(2 * k * above / factor, 2 * k).mean()) - sure

        middle = max(math.log(self.share / p), 0.1)
        return self.threshold + self.scale * float(brentq(missing, middle / 20, middle * 20))

    def chance(self, time: float) -> float:
        """The chance of a run above a time beyond the threshold, as fitted."""
        return self.share * math.exp(-(time - self.threshold) / self.scale)


Fit = Gumbel | Exponential


@dataclass(frozen=True)
class Shape:
    """The shape of a generalised fit (GEV or GPD) by likelihood; each end of its interval holds with 95 %.

    `steep` is the time exceeded with chance p if the shape is the upper end of the interval.
    """

    value: float
    lower: float
    upper: float
    steep: float


# ---- the largest of blocks -------------------------------------------------------------------------------------------


def blocks_of(values: Array) -> tuple[Array, int]:
    """The largest of each block of about sqrt(n) runs, at least 20, in their order; runs left over at the start."""
    size = max(LEAST_BLOCK, math.isqrt(len(values)))
    count = len(values) // size
    return values[len(values) - count * size :].reshape(count, size).max(axis=1), size


def fit_gumbel(maxima: Array, size: int) -> Gumbel:
    """The fit to the largest of blocks."""
    import numpy as np

    location, scale = _moments(np.sort(maxima))
    return Gumbel(float(location), float(scale), size, len(maxima))


def _moments(ordered: Any) -> tuple[Any, Any]:
    """Location and scale of Gumbel by the first two L-moments, of the last axis, which rises."""
    import numpy as np

    count = ordered.shape[-1]
    first = ordered.mean(axis=-1)
    second = 2 * (ordered * np.arange(count)).sum(axis=-1) / (count * (count - 1)) - first
    scale = second / math.log(2)
    return first - np.euler_gamma * scale, scale


@lru_cache(maxsize=64)
def _gumbels(count: int) -> tuple[Any, Any]:
    """Locations and scales fitted to samples of standard Gumbel."""
    import numpy as np

    drawn = np.sort(np.random.default_rng(SEED).gumbel(size=(DRAWN, count)), axis=-1)
    return _moments(drawn)


# ---- what exceeds a threshold ----------------------------------------------------------------------------------------


def excesses_of(values: Array, count: int | None = None) -> tuple[Array, float]:
    """What the largest 10 % of the times (50 to 500 of them) exceed the next smaller time by, rising; and that time."""
    import numpy as np

    count = count or max(LEAST_EXCESSES, min(len(values) // 10, MOST_EXCESSES))
    ordered = np.sort(values)
    threshold = float(ordered[-count - 1])
    return ordered[-count:] - threshold, threshold


def fit_exponential(excesses: Array, threshold: float, n: int) -> Exponential:
    """The fit to what exceeds a threshold."""
    return Exponential(threshold, float(excesses.mean()), len(excesses), n)
