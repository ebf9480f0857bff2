"""Whether runs may be taken for independent draws of one distribution: what every statement about a tail rests on.

Not rejected is not proven: a test that passes found nothing, with so many runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

#: Below this p-value a test fails.
LEVEL: Final = 0.05
LAGS: Final = 20


@dataclass(frozen=True)
class Test:
    """A test: what it asks, its figure, its p-value where it has one, and whether it passes."""

    __test__ = False  # not one of pytest's

    name: str
    asks: str
    figure: float
    p: float | None
    passed: bool

    @property
    def said(self) -> str:
        """The test with its figures, in a few words."""
        return f"{self.name} ({self.found})"

    @property
    def found(self) -> str:
        """Its p-value, else its figure."""
        if self.p is None:
            return f"{self.figure:.3g}"
        return f"p = {self.p:.3g}" if self.p >= 1e-15 else "p < 1e-15"


def independence(times: Sequence[int]) -> tuple[Test, ...]:
    """Ljung-Box to lag 20, and Kolmogorov and Smirnov's test of the first half of the runs against the second."""
    import numpy as np

    values = np.asarray(times, dtype=np.float64)
    return (ljung_box(values), halves(values))


def ljung_box(values: np.ndarray[Any, Any], lags: int = LAGS) -> Test:
    """Ljung and Box (Biometrika 1978): Q = n (n + 2) sum r_k^2 / (n - k) is chi-squared with `lags` degrees."""
    from scipy.stats import chi2

    n = len(values)
    asks = f"does a run tell of the next {lags}?"
    centred = values - values.mean()
    power = float(centred @ centred)
    if n <= 2 * lags or not power:
        return Test("Ljung-Box", asks, 0.0, None, False)
    q = sum((float(centred[:-lag] @ centred[lag:]) / power) ** 2 / (n - lag) for lag in range(1, lags + 1))
    q *= n * (n + 2)
    p = float(chi2.sf(q, lags))
    return Test("Ljung-Box", asks, q, p, p > LEVEL)


def halves(values: np.ndarray[Any, Any]) -> Test:
    """The two-sample test of Kolmogorov and Smirnov: is the second half distributed as the first?

    The p-value is that of scipy: exact for small samples, of the limit else. Ties make it larger than it is.
    """
    from scipy.stats import ks_2samp

    asks = "are both halves distributed alike?"
    half = len(values) // 2
    if half < 10 or values.min() == values.max():
        return Test("Kolmogorov-Smirnov", asks, 0.0, None, False)
    found = ks_2samp(values[:half], values[half:], method="auto" if half <= 10_000 else "asymp")
    p = float(found.pvalue)
    return Test("Kolmogorov-Smirnov", asks, float(found.statistic), p, p > LEVEL)
