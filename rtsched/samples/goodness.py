"""Whether a tail has the form that was fitted, or a lighter one: Anderson and Darling's test of GEV and GPD.

The shape is what L-moments say (Hosking, Journal of the Royal Statistical Society 1990), but at most 0: a bounded tail
may be lighter than the exponential that it is answered with, and not heavier. p-values come from samples that are drawn
from the fit and fitted alike, always by the same seed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rtsched.samples.independence import LEVEL, Test
from rtsched.samples.tails import DRAWN, SEED

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]


def maxima_fit(maxima: Array) -> Test:
    """The test of the largest of blocks, as GEV."""
    import numpy as np

    figure, bend = _of_maxima(np.sort(maxima)[None, :])
    return _test("Anderson-Darling (block maxima)", "do the largest of blocks follow GEV?", figure, _maxima(
        len(maxima), round(float(bend[0]), 2)
    ))  # fmt: skip


def excesses_fit(excesses: Array) -> Test:
    """The test of what exceeds a threshold, rising, as GPD."""
    figure, bend = _of_excesses(excesses[None, :])
    return _test("Anderson-Darling (excesses)", "do the excesses follow GPD?", figure, _excesses(
        len(excesses), round(float(bend[0]), 2)
    ))  # fmt: skip


def _test(name: str, asks: str, figures: Any, drawn: Any) -> Test:
    figure = float(figures[0])
    p = float(((drawn >= figure).sum() + 1) / (len(drawn) + 1))
    return Test(name, asks, figure, p, p > LEVEL)


@lru_cache(maxsize=64)
def _maxima(count: int, bend: float) -> Any:
    """Figures of samples of GEV with the shape -bend."""
    return _of_maxima(_bent(_drawn(count), bend)[:, ::-1])[0]


@lru_cache(maxsize=64)
def _excesses(count: int, bend: float) -> Any:
    """Figures of samples of GPD with the shape -bend."""
    import numpy as np

    return _of_excesses(_bent(np.exp(-_drawn(count)), bend))[0]


def _drawn(count: int) -> Any:
    """Samples of the exponential, rising."""
    import numpy as np

    return np.sort(np.random.default_rng(SEED).exponential(size=(DRAWN, count)), axis=-1)


def _bent(values: Any, bend: float) -> Any:
    """(1 - v^bend) / bend, which is -ln v where bend is 0: it falls where v rises."""
    import numpy as np

    return -np.log(values) if bend < 1e-6 else (1 - values**bend) / bend


def _of_excesses(ordered: Any) -> tuple[Any, Any]:
    """Anderson and Darling's figures of samples of excesses, and their bends (the shape is -bend)."""
    import numpy as np

    first, second = _l_moments(ordered, 2)
    bend = np.maximum(first / second - 2, 0.0)
    reduced = ordered * (1 / (first * (1 + bend)))[:, None]
    log_above = _unbent(reduced, bend)
    with np.errstate(divide="ignore"):
        return _figure(np.log(-np.expm1(np.minimum(log_above, -1e-300))), log_above), bend


def _of_maxima(ordered: Any) -> tuple[Any, Any]:
    """The same of samples of maxima. The shape is Hosking's approximation, good to 0.0009 up to |shape| = 0.5."""
    import numpy as np
    from scipy.special import gamma

    first, second, third = _l_moments(ordered, 3)
    place = 2 / (3 + third / second) - math.log(2) / math.log(3)
    bend = np.maximum(7.8590 * place + 2.9554 * place**2, 0.0)
    safe = np.maximum(bend, 1e-6)
    scale = second * safe / ((1 - 2**-safe) * gamma(1 + safe))
    location = first - scale * (1 - gamma(1 + safe)) / safe
    log_below = -np.exp(_unbent((ordered - location[:, None]) / scale[:, None], bend))
    with np.errstate(divide="ignore"):
        return _figure(log_below, np.log(-np.expm1(np.minimum(log_below, -1e-300)))), bend


def _unbent(reduced: Any, bend: Any) -> Any:
    """ln(1 - bend v) / bend, -v where bend is 0, minus infinity beyond the end."""
    import numpy as np

    safe = np.maximum(bend, 1e-6)[:, None]
    inner = np.maximum(1 - safe * reduced, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(inner) / safe


def _l_moments(ordered: Any, count: int) -> tuple[Any, ...]:
    """The first L-moments of samples that rise."""
    import numpy as np

    n = ordered.shape[-1]
    rank = np.arange(n)
    b0 = ordered.mean(axis=-1)
    b1 = (ordered * rank).sum(axis=-1) / (n * (n - 1))
    if count == 2:
        return b0, 2 * b1 - b0
    b2 = (ordered * (rank * (rank - 1))).sum(axis=-1) / (n * (n - 1) * (n - 2))
    return b0, 2 * b1 - b0, 6 * b2 - 6 * b1 + b0


def _figure(log_below: Any, log_above: Any) -> Any:
    """Anderson and Darling's figure from the logarithms of the chances below and above each time, rising."""
    import numpy as np

    count = log_below.shape[-1]
    weights = 2 * np.arange(1, count + 1) - 1
    with np.errstate(invalid="ignore"):
        figure = -count - (weights * (log_below + log_above[..., ::-1])).sum(axis=-1) / count
    return np.where(np.isnan(figure), np.inf, figure)
