"""Whether a tail is heavier than an exponential: the shape of GEV and GPD by likelihood, with an interval.

The interval is that of the profile likelihood (Coles 2001, section 2.6.6): the shapes whose best likelihood is within
chi-squared's 90 % of the largest, so that each end holds with 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from rtsched.samples.independence import Test
from rtsched.samples.tails import Exponential, Gumbel, Shape

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

#: Shapes are looked for between these; half of chi-squared's 90 % with one degree of freedom.
STEEPEST: Final = 2.0
FLATTEST: Final = -0.95
_WITHIN: Final = 1.352772


def gpd_shape(excesses: Array, fit: Exponential, p: float) -> Shape:
    """The shape of the generalised Pareto distribution of excesses."""
    reduced = excesses / fit.scale
    scale_of: dict[float, float] = {}

    def deviance(shape: float) -> float:
        scale, value = _gpd_scale(reduced, shape)
        scale_of[shape] = scale
        return value

    best, lower, upper = _profile(deviance)
    scale = scale_of[upper] * fit.scale
    ratio = fit.share / p
    steep = fit.threshold + scale * (math.expm1(upper * math.log(ratio)) / upper if upper else math.log(ratio))
    return Shape(best, lower, upper, steep)


def _gpd_scale(reduced: Array, shape: float) -> tuple[float, float]:
    """The best scale for a shape, and minus the logarithm of the likelihood there."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    count, largest = len(reduced), float(reduced[-1])
    if abs(shape) < 1e-9:
        scale = float(reduced.mean())
        return scale, count * (math.log(scale) + 1)

    def minus(log_scale: float) -> float:
        scale = math.exp(log_scale)
        if 1 + shape * largest / scale <= 0:
            return math.inf
        return float(count * log_scale + (1 + 1 / shape) * np.log1p(shape * reduced / scale).sum())

    low = math.log(max(-shape * largest, 1e-3)) + 1e-9 if shape < 0 else -7.0
    found = minimize_scalar(minus, bounds=(low, max(low, 0.0) + 3), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x), float(found.fun)


def gev_shape(maxima: Array, fit: Gumbel, p: float) -> Shape:
    """The shape of the generalised extreme value distribution of block maxima (positive: heavy)."""
    reduced = (maxima - fit.location) / fit.scale
    found_at: dict[float, tuple[float, float]] = {}

    def deviance(shape: float) -> float:
        near = min(found_at, key=lambda other: abs(other - shape)) if found_at else None
        start = found_at[near] if near is not None else (0.0, 0.0)
        place, value = _gev_place(reduced, shape, start)
        found_at[shape] = place
        return value

    best, lower, upper = _profile(deviance)
    location, log_scale = found_at[upper]
    y = -fit.size * math.log1p(-p)
    steps = (math.expm1(-upper * math.log(y)) / upper) if upper else -math.log(y)
    return Shape(best, lower, upper, fit.location + fit.scale * (location + math.exp(log_scale) * steps))


def _gev_place(reduced: Array, shape: float, start: tuple[float, float]) -> tuple[tuple[float, float], float]:
    """The best location and logarithm of the scale for a shape, and minus the logarithm of the likelihood there."""
    import numpy as np
    from scipy.optimize import minimize

    def minus(place: Any) -> float:
        z = (reduced - place[0]) * math.exp(-min(max(place[1], -50.0), 50.0))
        if abs(shape) < 1e-9:
            return float(len(z) * place[1] + (z + np.exp(np.minimum(-z, 700.0))).sum())
        inner = 1 + shape * z
        if inner.min() <= 0:
            return 1e12 * (1 - float(inner.min()))
        logs = np.log(inner)
        return float(len(z) * place[1] + (1 + 1 / shape) * logs.sum() + np.exp(np.minimum(-logs / shape, 700.0)).sum())

    found = minimize(minus, np.asarray(start), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7})
    return (float(found.x[0]), float(found.x[1])), float(found.fun)


def _profile(deviance: Callable[[float], float]) -> tuple[float, float, float]:
    """The best shape, and the ends of the interval around it."""
    from scipy.optimize import brentq, minimize_scalar

    deviance(0.0)
    found = minimize_scalar(deviance, bounds=(FLATTEST, STEEPEST), method="bounded", options={"xatol": 1e-4})
    best, least = float(found.x), float(found.fun)

    def over(shape: float) -> float:
        return deviance(shape) - least - _WITHIN

    lower = float(brentq(over, FLATTEST, best, xtol=1e-4)) if over(FLATTEST) > 0 else FLATTEST
    upper = float(brentq(over, best, STEEPEST, xtol=1e-4)) if over(STEEPEST) > 0 else STEEPEST
    deviance(upper)
    return best, lower, upper


def not_heavy(shape: Shape, method: str) -> Test:
    """Whether the interval of the shape reaches down to 0: a tail surely heavier than exponential is refused."""
    kind = "GEV" if method == Gumbel.method else "GPD"
    return Test(f"shape of {kind}", "does its interval reach 0 or below?", shape.value, None, shape.lower <= 0)
