"""Members whose errors are not nested: who is right on an input, and how likely an answer of theirs is right.

Every member (an exit of a task, or a variant) has a standard normal score of its own on each input, and is right iff
that lies below the quantile of its accuracy. How the scores of members go together is what `ErrorsSpec` says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

NORMAL = NormalDist()

#: No probability is nearer to 0 or 1 than this where its quantile is asked for.
LEAST = 1e-12
#: Means over what members share are sums over these points, in standard deviations.
STEPS = tuple(0.25 * number for number in range(-24, 25))

Combination = Literal["majority", "average"]


@dataclass(frozen=True, slots=True)
class ErrorsSpec:
    """How members err: the accuracy of each, by itself; and what they share.

    Two scores have the `correlation`; or, if there are any `patterns`, each input has one of these: who is right, and
    the share of inputs. With `combine` the answer of an exit is that of all members up to it.
    """

    accuracies: tuple[float, ...]
    correlation: float = 0.0
    patterns: tuple[tuple[tuple[bool, ...], float], ...] = ()
    combine: Combination | None = None

    def members(self, answer: int) -> range:
        """The numbers of the members that give an answer."""
        return range(answer, answer + 1) if self.combine is None else range(answer + 1)

    def votes(self, answer: int) -> list[tuple[int, int]]:
        """The members that give an answer, each with its votes: of an even number the most accurate has one more."""
        members = self.members(answer)
        best = max(members, key=lambda member: (self.accuracies[member], -member))
        return [(member, 3 if len(members) % 2 == 0 and member == best else 2) for member in members]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of an input: noisy scores of some members, by number, and perhaps one of what all share.

    `reliability` is the correlation of a noisy score with the true one; `hint` is (noisy score, its reliability).
    """

    scores: tuple[tuple[int, float], ...] = ()
    reliability: float = 0.0
    hint: tuple[float, float] | None = None


NOTHING = Sight()


@lru_cache
def quantile(accuracy: float) -> float:
    """The score below which a member of this accuracy is right."""
    return NORMAL.inv_cdf(min(max(accuracy, LEAST), 1 - LEAST))


def confidence(accuracy: float, seen: float, reliability: float) -> float:
    """The probability that an answer of `accuracy` is right, for who knows only the noisy standard score `seen`.

    The input's own standard score z is normal, `seen` = reliability z + sqrt(1 - reliability²) noise, and the answer is
    right iff z lies below the accuracy's quantile: so confidences are calibrated, and their mean is the accuracy.

    >>> round(confidence(0.9, 0.0, 0.9), 3)
    0.998
    """
    if accuracy <= 0 or accuracy >= 1:
        return float(accuracy >= 1)
    spread = math.sqrt(1 - reliability * reliability)
    gap = NORMAL.inv_cdf(accuracy) - reliability * seen
    return float(gap > 0) if spread == 0 else NORMAL.cdf(gap / spread)


def draw_scores(errors: ErrorsSpec, shared: float, own: Sequence[float]) -> tuple[float, ...]:
    """The members' scores on an input, from a standard normal draw that they share and one of each of them.

    Where patterns were recorded, the shared draw says which of them it is, and their own only by how much.
    """
    if errors.patterns:
        right = _pattern(errors, NORMAL.cdf(shared))
        return tuple(map(_within, errors.accuracies, right, own))
    together, apart = math.sqrt(errors.correlation), math.sqrt(1 - errors.correlation)
    return tuple([together * shared + apart * each for each in own])


def _pattern(errors: ErrorsSpec, draw: float) -> tuple[bool, ...]:
    bound = 0.0
    for right, share in errors.patterns:
        bound += share
        if draw < bound:
            return right
    return errors.patterns[-1][0]


def _within(accuracy: float, right: bool, own: float) -> float:
    """A score on the side of the quantile where a member is right, or on the other."""
    draw = NORMAL.cdf(own)
    return quantile(draw * accuracy if right else accuracy + draw * (1 - accuracy))


def is_right(errors: ErrorsSpec, answer: int, scores: Sequence[float]) -> bool:
    """Whether an answer (of an exit, or of a variant, by its number) is right on an input with these scores."""
    if errors.combine == "average":
        return sum(quantile(errors.accuracies[member]) - scores[member] for member in errors.members(answer)) > 0
    votes = errors.votes(answer)
    said = sum(count for member, count in votes if scores[member] < quantile(errors.accuracies[member]))
    return 2 * said > sum(count for _, count in votes)


def probability(errors: ErrorsSpec, answer: int, sight: Sight = NOTHING) -> float:
    """The probability that an answer is right, for who has seen this of the input.

    Three independent members of accuracy p are right together on p³ + 3p²(1 - p) of all inputs.

    >>> three = ErrorsSpec((0.7, 0.7, 0.7), combine="majority")
    >>> [round(probability(three, answer), 6) for answer in range(3)]
    [0.7, 0.7, 0.784]
    """
    if errors.patterns:
        return _by_patterns(errors, answer, sight)
    members = errors.members(answer)
    if sight is NOTHING and len(members) == 1:
        return errors.accuracies[answer]
    shared, spread = _shared(errors, sight)
    known = [_score(errors, sight, member) for member in members]
    if errors.combine == "majority":
        return _by_votes(errors, answer, known, shared, spread)
    margin = sum(quantile(errors.accuracies[member]) for member in members)
    slope = sum(each.slope for each in known)
    margin -= sum(each.mean for each in known) + slope * shared
    return _below(margin, sum(each.variance for each in known) + (slope * spread) ** 2)


def _by_patterns(errors: ErrorsSpec, answer: int, sight: Sight) -> float:
    """Bayes' rule over the patterns: given one, noisy scores of several members are independent."""
    votes = errors.votes(answer)
    majority = sum(count for _, count in votes)
    total = good = 0.0
    for right, share in errors.patterns:
        for member, score in sight.scores:
            accuracy = errors.accuracies[member]
            likely = confidence(accuracy, score, sight.reliability)
            if 0 < accuracy < 1:
                share *= likely / accuracy if right[member] else (1 - likely) / (1 - accuracy)
        total += share
        good += share * (2 * sum(count for member, count in votes if right[member]) > majority)
    return good / total if total else probability(errors, answer)


def _shared(errors: ErrorsSpec, sight: Sight) -> tuple[float, float]:
    """Mean and standard deviation of what members share, after what was seen."""
    precision, mean = 1.0, 0.0
    part = sight.reliability * math.sqrt(errors.correlation)
    noisy = [(score, part) for _, score in sight.scores]
    for score, likeness in [*noisy, *([] if sight.hint is None else [sight.hint])]:
        likeness = min(likeness, 1 - 1e-9)
        precision += likeness * likeness / (1 - likeness * likeness)
        mean += likeness * score / (1 - likeness * likeness)
    return mean / precision, 1 / math.sqrt(precision)


@dataclass(frozen=True, slots=True)
class _Score:
    """A member's score given what was seen of it: normal, of this variance, around mean + slope x what is shared."""

    mean: float
    slope: float
    variance: float


def _score(errors: ErrorsSpec, sight: Sight, member: int) -> _Score:
    rho, known = errors.correlation, sight.reliability
    for seen, score in sight.scores:
        if seen == member:
            left = 1 - known * known * rho
            gain = known * (1 - rho) / left
            rest = max(0.0, (1 - rho) * (1 - known * known) / left)
            return _Score(gain * score, math.sqrt(rho) * (1 - gain * known), rest)
    return _Score(0.0, math.sqrt(rho), 1 - rho)


def _by_votes(errors: ErrorsSpec, answer: int, known: list[_Score], shared: float, spread: float) -> float:
    """The probability that a majority is right: given what they share, members are independent."""
    votes = errors.votes(answer)
    majority = sum(count for _, count in votes)
    gaps = [quantile(errors.accuracies[member]) - each.mean for (member, _), each in zip(votes, known, strict=True)]
    total = good = 0.0
    for step in STEPS if errors.correlation else (0.0,):
        weight, at = math.exp(-step * step / 2), shared + spread * step
        said = {0: 1.0}
        for (_, count), each, gap in zip(votes, known, gaps, strict=True):
            right = _below(gap - each.slope * at, each.variance)
            grown = {sum_: chance * (1 - right) for sum_, chance in said.items()}
            for sum_, chance in said.items():
                grown[sum_ + count] = grown.get(sum_ + count, 0.0) + chance * right
            said = grown
        total += weight
        good += weight * sum(chance for sum_, chance in said.items() if 2 * sum_ > majority)
    return good / total


def _below(margin: float, variance: float) -> float:
    """The probability that a normal score of mean 0 stays below the margin."""
    return float(margin > 0) if variance <= 0 else NORMAL.cdf(margin / math.sqrt(variance))
