"""Of equal bounds the one that stands in a paper is named; a better or an exact one goes before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtsched import api
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulability.analyse import Applied, GroupAnalysis, analyse, combine
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.theorem import theorems
from tests.helpers import cpus, task

DERIVED, PAPER = theorems()["a6-fp"], theorems()["fp-rta"]


def part() -> GroupAnalysis:
    """Some part of some system."""
    return analyse(SystemSpec(cpus(), (task(0, 1, 5),)), api.policy("fp")).parts[0]


def bound(name: str, wcrt: int, exact: bool = False) -> Bound:
    """A bound by a test."""
    return Bound("t", wcrt=wcrt, deadline=5, test=name, exact=exact)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("derived", "paper", "named"),
    [((3, False), (3, False), "fp-rta"), ((2, False), (3, False), "a6-fp"), ((3, True), (3, False), "a6-fp")],
)
def test_the_published_test_is_named(
    derived: tuple[int, bool], paper: tuple[int, bool], named: str, turned: bool
) -> None:
    one = part()
    name = one.result.bounds[0].task
    applied = [
        Applied(theorem, None, Result("unknown", (replace(bound(theorem.name, *value), task=name),), ()))
        for theorem, value in ((DERIVED, derived), (PAPER, paper))
    ]
    found = combine(one.view, applied[::-1] if turned else applied, {name: one.result.bounds[0].deadline})
    assert found.bounds[0].test == named


def test_who_is_published() -> None:
    assert PAPER.published
    assert not DERIVED.published
    assert not replace(PAPER, package="theirs").published


def test_the_published_proof_is_named_first() -> None:
    one = part()
    yes = Result("schedulable", (), ())
    made = replace(one, applied=(Applied(DERIVED, None, yes), Applied(PAPER, None, yes)))
    assert made.proven_by() == ["fp-rta", "a6-fp"]
