"""A time that a run exceeds with a chance of at most p, out of measured runs, or why there is none.

Measurement-based probabilistic timing analysis (Cucchi-Grosjean et al., ECRTS 2012; the two fits of Coles 2001): tests
first, then two fits, then their tests. Every test has to pass; the larger limit of the two is the answer. That the runs
cover what happens in operation is no matter of statistics and is not tested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rtsched.errors import InputError
from rtsched.samples.goodness import excesses_fit, maxima_fit
from rtsched.samples.independence import LEVEL, Test, independence
from rtsched.samples.shapes import gev_shape, gpd_shape, not_heavy
from rtsched.samples.tails import (
    Fit,
    Shape,
    blocks_of,
    excesses_of,
    fit_exponential,
    fit_gumbel,
)

#: Fewer runs say nothing of a tail.
LEAST_RUNS: Final = 1_000
#: Chances below this are none that a file of runs can speak of.
LEAST_CHANCE: Final = 1e-15
#: The shares of the runs whose limits have to stand when the rest is added.
PARTS: Final = (Fraction(1, 2), Fraction(3, 4))


@dataclass(frozen=True)
class Tail:
    """One fit: what it expects and limits at the chance asked for, in ns, and the free shape beside it."""

    fit: Fit
    estimate: float
    limit: float
    shape: Shape


@dataclass(frozen=True)
class ProbabilisticBound:
    """What was found at the chance `p`: `time` in ns, None where a test failed; `refused` says which, and why."""

    p: float
    n: int
    tests: tuple[Test, ...]
    tails: tuple[Tail, ...]
    time: int | None
    refused: tuple[str, ...]

    @property
    def steep(self) -> int | None:
        """The time at the same chance if the shapes were at the upper ends of their intervals; None without a fit."""
        steepest = max((tail.shape.steep for tail in self.tails), default=math.inf)
        return math.ceil(steepest) if math.isfinite(steepest) else None


def probabilistic_bound(times: Sequence[int], p: float) -> ProbabilisticBound:
    """The time in ns that a run exceeds with a chance of at most `p`. Raises InputError where p is none to ask for."""
    n = len(times)
    if not LEAST_CHANCE <= p < 0.5:
        raise InputError(f"--p {p:g}: give the chance that a run exceeds the time, from 1e-15 to 0.5, e.g. 1e-9")
    if n < LEAST_RUNS:
        return ProbabilisticBound(p, n, (), (), None, (f"{n} runs; it takes {LEAST_RUNS:,}",))
    if p >= 10 / n:
        raise InputError(
            f"--p {p:g}: {n} runs have measured that; ask for a percentile (--kind percentile --q {1 - p:g})"
        )
    if len(set(times)) < 3:
        return ProbabilisticBound(p, n, (), (), None, ("the times hardly vary: is the timer too coarse?",))
    tests = independence(times)
    tails, fitting = _tails(times, p)
    tests += fitting
    refused = tuple(f"{test.said} failed" for test in tests if not test.passed)
    if not tails:
        refused += ("more than half of the largest times are equal: no tail can be fitted",)
    time = math.ceil(max(tail.limit for tail in tails)) if not refused else None
    return ProbabilisticBound(p, n, tests, tails, time, refused)


def limit(times: Sequence[int], p: float) -> int:
    """The larger limit of both fits at the chance `p`, in ns, without any test."""
    return math.ceil(max(fit.limit(p) for fit in _fits(times)))


def _fits(times: Sequence[int]) -> tuple[Fit, ...]:
    import numpy as np

    values = np.asarray(times, dtype=np.float64)
    maxima, size = blocks_of(values)
    excesses, threshold = excesses_of(values)
    fits: tuple[Fit, ...] = (fit_gumbel(maxima, size), fit_exponential(excesses, threshold, len(values)))
    return fits if all(fit.scale > 0 for fit in fits) else ()


def _tails(times: Sequence[int], p: float) -> tuple[tuple[Tail, ...], tuple[Test, ...]]:
    """Both fits to all runs, and the tests of the fits."""
    import numpy as np

    if not _fits(times):
        return (), ()
    values = np.asarray(times, dtype=np.float64)
    maxima, size = blocks_of(values)
    excesses, threshold = excesses_of(values)
    gumbel, exponential = fit_gumbel(maxima, size), fit_exponential(excesses, threshold, len(values))
    shapes = (gev_shape(maxima, gumbel, p), gpd_shape(excesses, exponential, p))
    tails = tuple(
        Tail(fit, fit.estimate(p), fit.limit(p), shape)
        for fit, shape in ((gumbel, shapes[0]), (exponential, shapes[1]))
    )
    tests = (
        not_heavy(shapes[0], gumbel.method),
        not_heavy(shapes[1], exponential.method),
        maxima_fit(maxima),
        excesses_fit(excesses),
        _largest(float(values.max()), len(values), max(tail.fit.chance(float(values.max())) for tail in tails)),
        _stable(times, tails, p),
    )
    return tails, tests


def _largest(largest: float, n: int, chance: float) -> Test:
    """Whether a run as long as the longest is to be expected among so many, under the fit that expects it most."""
    p = -math.expm1(n * math.log1p(-min(chance, 0.5)))
    return Test("largest run", "may the longest of the runs be expected?", largest, p, p > LEVEL)


def _stable(times: Sequence[int], tails: Sequence[Tail], p: float) -> Test:
    """Whether the limits that the first parts of the runs gave still stand above what all runs expect.

    The figure is the largest of what all expect over what a part allowed.
    """
    worst = 0.0
    for part in PARTS:
        before = _fits(times[: math.ceil(len(times) * part)])
        if not before:
            return Test("stable", "do limits stand when runs are added?", math.inf, None, False)
        worst = max(worst, *(tail.estimate / fit.limit(p) for tail, fit in zip(tails, before, strict=True)))
    return Test("stable", "do limits stand when runs are added?", worst, None, worst <= 1)
