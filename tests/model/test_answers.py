"""Members whose errors are not nested: closed forms, and what is seen of an input."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from rtsched.model.answers import (
    NORMAL,
    Combination,
    ErrorsSpec,
    Sight,
    confidence,
    draw_scores,
    is_right,
    probability,
    quantile,
)

#: All three of one input in two, the first alone of one in five, the other two of one in ten.
PATTERNS = (
    ((True, True, True), 0.5), ((True, False, False), 0.2), ((False, True, True), 0.1), ((False, False, False), 0.2)
)  # fmt: skip
RECORDED = ErrorsSpec((0.7, 0.6, 0.6), patterns=PATTERNS, combine="majority")


@pytest.mark.parametrize("p", [0.1, 0.5, 0.7, 0.95])
def test_three_independent_members_gain_by_a_majority(p: float) -> None:
    """Right are all three or two of them: p³ + 3p²(1 - p). Of two who disagree one decides, so that two gain nothing."""
    three = ErrorsSpec((p, p, p), combine="majority")
    assert [probability(three, answer) for answer in range(3)] == pytest.approx([p, p, p**3 + 3 * p * p * (1 - p)])


def test_a_tie_is_decided_by_the_most_accurate() -> None:
    """Of 0.6, 0.9, 0.7, 0.5: the second decides two against two. Counted over all sixteen ways to be right."""
    accuracies = (0.6, 0.9, 0.7, 0.5)
    wanted = 0.0
    for right in product((False, True), repeat=4):
        chance = math.prod(p if said else 1 - p for p, said in zip(accuracies, right, strict=True))
        wanted += chance * (sum(right) > 2 or (sum(right) == 2 and right[1]))
    assert probability(ErrorsSpec(accuracies, combine="majority"), 3) == pytest.approx(wanted)
    assert probability(ErrorsSpec(accuracies, combine="majority"), 1) == pytest.approx(0.9)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8, 0.95])
def test_an_average_of_equals_has_their_quantile_times_what_it_takes_off_their_spread(rho: float) -> None:
    """The mean of k scores has the variance ρ + (1 - ρ)/k."""
    for k in (2, 3, 6):
        spread = math.sqrt(rho + (1 - rho) / k)
        found = probability(ErrorsSpec((0.7,) * k, rho, combine="average"), k - 1)
        assert found == pytest.approx(NORMAL.cdf(quantile(0.7) / spread), abs=1e-6)


def test_what_goes_together_gains_less() -> None:
    found = [probability(ErrorsSpec((0.7,) * 3, rho, combine="majority"), 2) for rho in (0, 0.2, 0.5, 0.8, 0.95)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(0.784)
    assert 0.7 < found[-1] < 0.704  # nested ones gain nothing


def test_a_recorded_table_says_who_is_right_together() -> None:
    """The first decides between two; of three, two are right where all are, or the other two: 0.5 + 0.1."""
    assert [probability(RECORDED, answer) for answer in range(3)] == pytest.approx([0.7, 0.7, 0.6])


@pytest.mark.parametrize("combine", ["majority", "average", None])
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_as_many_draws_are_right_as_the_model_says(combine: Combination | None, rho: float) -> None:
    errors = ErrorsSpec((0.7, 0.8, 0.6), rho, combine=combine)
    draws = np.random.default_rng(5).standard_normal((4000, 4))
    scores = [draw_scores(errors, float(z), own) for z, *own in draws.tolist()]
    for answer in range(3):
        said = probability(errors, answer)
        found = sum(is_right(errors, answer, each) for each in scores) / len(scores)
        assert abs(found - said) < 4 * math.sqrt(said * (1 - said) / len(scores))


def test_draws_from_a_table_are_its_patterns() -> None:
    random = np.random.default_rng(6)
    counts = dict.fromkeys((right for right, _ in PATTERNS), 0)
    for z, *own in random.standard_normal((4000, 4)).tolist():
        scores = draw_scores(RECORDED, z, own)
        each = zip(scores, RECORDED.accuracies, strict=True)
        right = tuple(score < quantile(accuracy) for score, accuracy in each)
        counts[right] += 1  # and no others
        assert is_right(RECORDED, 2, scores) == (sum(right) > 1)
    for right, share in PATTERNS:
        assert abs(counts[right] / 4000 - share) < 4 * math.sqrt(share * (1 - share) / 4000)


@pytest.mark.parametrize(
    "errors",
    [
        ErrorsSpec((0.7, 0.8, 0.6), 0.4, combine="majority"),
        ErrorsSpec((0.7, 0.8, 0.6), 0.4, combine="average"),
        ErrorsSpec((0.7, 0.8, 0.6), 0.0),
        RECORDED,
    ],
)
def test_what_is_expected_after_a_look_comes_true_as_often(errors: ErrorsSpec) -> None:
    """Calibrated, for who has seen two of the members: of the last answer, in three classes of confidence."""
    groups: dict[int, list[tuple[float, bool]]] = {}
    for z, one, two, three, *noise in np.random.default_rng(7).standard_normal((1200, 6)).tolist():
        scores = draw_scores(errors, z, (one, two, three))
        sight = Sight(tuple((member, 0.8 * scores[member] + 0.6 * noise[member]) for member in range(2)), 0.8)
        said = probability(errors, 2, sight)
        groups.setdefault(int(said * 3), []).append((said, is_right(errors, 2, scores)))
    for group in groups.values():
        said, was = (sum(column) / len(group) for column in zip(*group, strict=True))
        assert abs(said - was) < 4 * math.sqrt(0.25 / len(group))


def test_who_sees_a_member_itself_knows_whether_it_is_right_and_who_sees_nothing_knows_its_accuracy() -> None:
    alone = ErrorsSpec((0.7, 0.8), 0.5)
    for score in (-1.0, 0.5, 2.0):
        assert probability(alone, 0, Sight(((0, score),), 1.0)) == float(score < quantile(0.7))
        assert probability(alone, 0, Sight(((0, score),), 0.0)) == pytest.approx(0.7)
        # by itself a member is seen as ever
        lonely = ErrorsSpec((0.7, 0.8), 0.0)
        assert probability(lonely, 0, Sight(((0, score),), 0.8)) == pytest.approx(confidence(0.7, score, 0.8))
        assert probability(lonely, 1, Sight(((0, score),), 0.8)) == pytest.approx(0.8)
        # and what it shows of another goes through what they share
        assert probability(alone, 1, Sight(((0, score),), 0.8)) == pytest.approx(confidence(0.8, score, 0.4), abs=1e-6)


def test_a_hint_of_what_members_share_goes_through_its_root() -> None:
    """A member's score and what all share have the correlation √ρ."""
    errors = ErrorsSpec((0.7, 0.8), 0.25)
    found = probability(errors, 1, Sight(hint=(0.6, 0.9)))
    assert found == pytest.approx(confidence(0.8, 0.6, 0.9 * 0.5), abs=1e-6)
