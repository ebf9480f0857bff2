"""Whether a claimed time holds for runs that it was not made from: how many exceed it, against how many may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtsched.samples.independence import LEVEL
from rtsched.samples.order import chance


@dataclass(frozen=True)
class Exceedances:
    """How many of n fresh runs exceed `time` (ns), which each may with chance `claimed`, and the binomial p-value.

    A time that is claimed never to be exceeded has the chance 0: one run beyond it fails.
    """

    time: int
    claimed: float
    n: int
    count: int
    largest: int
    p: float

    @property
    def passed(self) -> bool:
        """Whether so many exceedances may be, at 5 %."""
        return self.p > LEVEL

    @property
    def allowed(self) -> float:
        """What chance of exceeding the fresh runs still allow at 95 %, where none exceeds it."""
        return chance(self.n)


def exceedances(times: Sequence[int], time: int, claimed: float) -> Exceedances:
    """Count what exceeds a time, and the chance of so many or more if each run does with chance `claimed`.

    >>> exceedances([5, 6, 12], 10, 0.0).p, round(exceedances([5, 6, 12], 10, 0.1).p, 3)
    (0.0, 0.271)
    """
    from scipy.stats import binom

    count = sum(each > time for each in times)
    p = float(binom.sf(count - 1, len(times), claimed)) if count else 1.0
    return Exceedances(time, claimed, len(times), count, max(times), p)
