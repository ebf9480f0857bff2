"""Acceptance of task sets: accepted, refused, and what nobody decided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.statistics.intervals import Band, proportion, ratio, rule_of_three
from rtsched.experiment.statistics.resampling import ends_of

#: The most sets of which intervals are bootstrapped: the time goes with their square, and for more the normal one of a
#: ratio is the same to three digits.
MANY = 20_000

#: What became of a task set: accepted, refused, or undecided (`unknown`, a timeout, an error).
Outcome = bool | None


@dataclass(frozen=True, slots=True)
class Shares:
    """How many task sets were accepted, refused, and undecided (`unknown`, a timeout, an error).

    >>> Shares.of([True, True, False, None])
    Shares(accepted=2, refused=1, undecided=1)
    """

    accepted: int
    refused: int
    undecided: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Shares:
        """Count outcomes: True, False, or None for undecided."""
        found = list(outcomes)
        undecided = sum(each is None for each in found)
        accepted = sum(bool(each) for each in found)
        return cls(accepted, len(found) - undecided - accepted, undecided)

    @property
    def count(self) -> int:
        """All task sets."""
        return self.accepted + self.refused + self.undecided

    def lowest(self, level: float = 0.95) -> Band | None:
        """The share accepted if all that is undecided were refused; None of no sets."""
        return self._band(self.accepted, level)

    def highest(self, level: float = 0.95) -> Band | None:
        """The share accepted if all that is undecided were accepted; None of no sets."""
        return self._band(self.accepted + self.undecided, level)

    def band(self, level: float = 0.95) -> Band | None:
        """The share known to be accepted, in an interval that holds whatever the undecided are; None of no sets.

        It goes from the low end of `lowest` to the high end of `highest`, and covers the true share at least as often
        as each of them its own (Horowitz and Manski, JASA 95, 2000).

        >>> Shares(50, 50).band().high < 0.6 < Shares(50, 30, 20).band().high
        True
        """
        lowest, highest = self.lowest(level), self.highest(level)
        if lowest is None or highest is None:
            return None
        return Band(lowest.mean, lowest.low, highest.high, self.count)

    def _band(self, accepted: int, level: float) -> Band | None:
        if not self.count:
            return None
        return Band(accepted / self.count, *proportion(accepted, self.count, level), self.count)


@dataclass(frozen=True, slots=True)
class Discordance:
    """Task sets that only one of two policies accepts, those that either left undecided, and McNemar's p-value."""

    first_only: int
    second_only: int
    undecided: int
    p: float


def mcnemar(first: Sequence[Outcome], second: Sequence[Outcome]) -> Discordance:
    """Whether two policies accept the same sets equally often: the exact test of McNemar (Psychometrika 12, 1947).

    Only sets that one accepts and the other refuses tell; each way is a fair coin if there is no difference, so p is
    two-sided binomial (Liddell, Journal of Epidemiology and Community Health 37, 1983). No such set: 1. Sets that
    either left undecided are left out, and counted. Raises InputError where they are not as many.

    >>> mcnemar([True] * 8 + [False] * 3, [True] * 2 + [False] * 8 + [True])
    Discordance(first_only=6, second_only=1, undecided=0, p=0.125)
    """
    from scipy.stats import binomtest

    if len(first) != len(second):
        raise InputError(f"the same sets are needed under both policies (found {len(first)} and {len(second)})")
    decided = [(bool(a), bool(b)) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    only_first = sum(a and not b for a, b in decided)
    only_second = sum(b and not a for a, b in decided)
    apart = only_first + only_second
    p = float(binomtest(only_first, apart).pvalue) if apart else 1.0
    return Discordance(only_first, only_second, len(first) - len(decided), p)


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """How many times the odds of one are those of the other, with its interval; infinite where the other has none."""

    ratio: float
    low: float
    high: float


def odds_ratio(first_only: int, second_only: int, level: float = 0.95) -> OddsRatio | None:
    """The odds ratio of acceptance of the same sets under two policies: those only one accepts, against the others.

    The conditional estimate of matched pairs, with the exact interval of the share first_only / (both) turned into
    odds (Breslow and Day, Statistical Methods in Cancer Research I, 1980, 5.2). None where no set tells them apart.

    >>> found = odds_ratio(6, 1)  # 6 of 7: 0.4213 to 0.9964 by Clopper and Pearson
    >>> found.ratio, round(found.low, 3), round(found.high)
    (6.0, 0.728, 276)
    """
    from scipy.stats import binomtest

    if not first_only + second_only:
        return None
    ends = binomtest(first_only, first_only + second_only).proportion_ci(level, "exact")
    low, high = (share / (1 - share) if share < 1 else math.inf for share in (float(ends.low), float(ends.high)))
    return OddsRatio(first_only / second_only if second_only else math.inf, low, high)


def weighted_schedulability(
    utilisations: Sequence[float], accepted: Sequence[Outcome], level: float = 0.95, *, seed: int = 0
) -> Band | None:
    """One number for a whole acceptance curve: the share of sets accepted, each counted by its utilisation.

    W = sum(U S) / sum(U) with S = 1 for a set that is accepted (Bastoni, Brandenburg and Anderson, OSPERT 2010), so
    that what is hard to schedule counts for more. Its interval is a bootstrap over the sets (as `bootstrap`), of more
    than 20,000 that of a `ratio`. Where all sets agree it is that of the rule of three, whose unseen sets may be the
    heaviest: q max(U) / mean(U). What is undecided counts as refused in the mean and at the low end, and as accepted at
    the high end. None without sets, or where all utilisations are 0. Raises InputError where they are not as many, and
    for a negative one.

    >>> weighted_schedulability([0.5, 0.5, 1.0, 1.0], [True, True, True, False]).mean  # 2 of 3
    0.6666666666666666
    """
    if len(utilisations) != len(accepted):
        raise InputError(f"each set has one utilisation (found {len(utilisations)} for {len(accepted)} sets)")
    if any(not 0 <= each < math.inf for each in utilisations):
        raise InputError("utilisations are zero or more, and finite")
    total = math.fsum(utilisations)
    if not total:
        return None
    mean, low, high = _weighted(utilisations, [bool(each) for each in accepted], level, seed)
    if None in accepted:
        _, _, high = _weighted(utilisations, [each is None or bool(each) for each in accepted], level, seed)
    return Band(mean, low, high, len(accepted))


def _weighted(
    utilisations: Sequence[float], accepted: Sequence[bool], level: float, seed: int
) -> tuple[float, float, float]:
    """The weighted share of the accepted, and both ends of its interval."""
    mean = math.fsum(u for u, yes in zip(utilisations, accepted, strict=True) if yes) / math.fsum(utilisations)
    if all(accepted) or not any(accepted):
        unseen = rule_of_three(len(accepted), level) * max(utilisations) * len(accepted) / math.fsum(utilisations)
        return (mean, max(0.0, 1 - unseen), 1.0) if all(accepted) else (mean, 0.0, min(1.0, unseen))

    def share(loads: Any, yes: Any, axis: int) -> Any:
        return (loads * yes).sum(axis=axis) / loads.sum(axis=axis)

    if len(accepted) > MANY:
        _, half = ratio([u if yes else 0.0 for u, yes in zip(utilisations, accepted, strict=True)], utilisations, level)
        return mean, max(0.0, mean - (half or 0.0)), min(1.0, mean + (half or 0.0))
    found = ends_of((utilisations, accepted), share, level, seed)
    return (mean, 0.0, 1.0) if found is None else (mean, *found)
