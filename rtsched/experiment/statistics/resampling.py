"""Bootstrap intervals, for statistics that have no formula of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.statistics.intervals import NOISE

#: How many samples are drawn anew.
RESAMPLES = 9_999

#: How many numbers are held at once (16 MB).
HELD = 2_000_000

#: A function of an array, along an axis where it takes one: ``numpy.mean``, ``numpy.median``, or a function of a list.
Statistic = Callable[..., Any]


def bootstrap(
    values: Sequence[float], statistic: Statistic, level: float = 0.95, *, seed: int = 0
) -> tuple[float, float] | None:
    """The interval of any statistic of independent values, bias-corrected and accelerated (Efron, JASA 82, 1987).

    The same seed gives the same answer. None where there is nothing to draw from: fewer than two values, all of them
    the same, or a statistic that is the same for all that are drawn. From fewer than some 20 values it is too narrow.

    >>> import numpy
    >>> low, high = bootstrap(range(100), numpy.median)
    >>> 35 < low < 44 and 55 < high < 64
    True
    """
    return ends_of((values,), statistic, level, seed)


def paired_bootstrap(
    values: Sequence[float], base: Sequence[float], statistic: Statistic | None = None, level: float = 0.95, *,
    seed: int = 0,
) -> tuple[float, float] | None:  # fmt: skip
    """The interval of the difference of a statistic (the mean, unless named) between two samples of the same worlds.

    Pairs are drawn, not values, so what is common to both cancels. As `bootstrap` else. Raises InputError where they
    are not as many.

    >>> low, high = paired_bootstrap([k + k % 2 for k in range(100)], range(100))  # half of the pairs differ by one
    >>> 0.39 < low < 0.42 and 0.58 < high < 0.61
    True
    """
    import numpy as np

    if len(values) != len(base):
        raise InputError(f"pairs need as many values as bases (found {len(values)} and {len(base)})")
    of = np.mean if statistic is None else statistic
    if _takes_axis(of):
        return ends_of((values, base), lambda a, b, axis: of(a, axis=axis) - of(b, axis=axis), level, seed)
    return ends_of((values, base), lambda a, b: of(a) - of(b), level, seed)


def ends_of(
    samples: tuple[Sequence[float], ...], statistic: Statistic, level: float, seed: int
) -> tuple[float, float] | None:
    """The ends of a bootstrap interval of a statistic of one sample, or of several whose pairs are drawn together."""
    import numpy as np
    from scipy import stats

    if len(samples[0]) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # 0 / 0 in the acceleration: the answer is NaN, and None here
        found = stats.bootstrap(
            tuple(np.asarray(each, dtype=float) for each in samples), statistic, paired=len(samples) > 1,
            vectorized=_takes_axis(statistic), n_resamples=RESAMPLES, batch=max(1, HELD // len(samples[0])),
            confidence_level=level, method="BCa", rng=np.random.default_rng(seed),
        )  # fmt: skip
    low, high = (float(end) for end in found.confidence_interval)
    alike = np.ptp(found.bootstrap_distribution) <= NOISE * np.max(np.abs(found.bootstrap_distribution))
    return None if alike or np.isnan(low) or np.isnan(high) else (low, high)


def _takes_axis(statistic: Statistic) -> bool:
    import inspect

    try:
        return "axis" in inspect.signature(statistic).parameters
    except ValueError:  # a builtin without a signature
        return False
