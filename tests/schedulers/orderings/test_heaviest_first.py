"""Heavy tasks first: the papers' bounds hold on random sets, their examples run, and Dhall's effect is gone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.generate import Generate, draw
from rtsched.schedulers.orderings.heaviest_first import EdfK, EdfUtilisationSeparated, least_k
from rtsched.verify.verification import verify

#: Dhall and Liu 1978 on two processors: two light tasks and one that loads a processor wholly.
DHALL = {
    "platform": "multicore:2",
    "tasks": [
        {"name": "a", "wcet": "1 ms", "period": "5 ms"},
        {"name": "b", "wcet": "1 ms", "period": "5 ms"},
        {"name": "c", "wcet": "6 ms", "period": "6 ms"},
    ],
}


def missed(system: Any, policy: Any, until: str = "1 s") -> int:
    trace = rtsched.simulate(system, scheduler=policy, until=until)
    assert trace.check() == []
    return sum(task.misses for task in rtsched.summary(trace).tasks)


@pytest.mark.parametrize("policy", ["edf-us", "edf-k", "rm-us"])
def test_dhalls_effect_is_gone(policy: str) -> None:
    assert missed(DHALL, "edf" if policy != "rm-us" else "rm", "30 ms")
    assert not missed(DHALL, policy, "30 ms")


@pytest.mark.parametrize(
    ("policy", "bound"),
    [("edf-us", Fraction(16, 7)), ("rm-us", Fraction(16, 10)), ({"name": "edf-us", "threshold": 0.5}, Fraction(5, 2))],
)
def test_no_set_up_to_the_published_bound_misses_on_four_processors(policy: Any, bound: Fraction) -> None:
    asked = Generate(
        platform="multicore:4", tasks=6, total_utilisation=float(bound) * 0.999, periods={"longest": "100 ms"}
    )  # type: ignore[arg-type]
    heavy = 0
    for index in range(40):
        system = draw(asked, seed=3, index=index)
        heavy += any(task["wcet"] > 0.6 * task["period"] for task in system["tasks"])
        assert not missed(system, {"ordering": policy}, "300 ms")
    assert heavy > 20


def test_edf_k_meets_all_deadlines_where_its_bound_says_so() -> None:
    asked = Generate(platform="multicore:3", tasks=5, total_utilisation=1.7, periods={"longest": "100 ms"})  # type: ignore[arg-type]
    helped = 0
    for index in range(60):
        system = draw(asked, seed=5, index=index)
        shares = sorted((Fraction(task["wcet"], task["period"]) for task in system["tasks"]), reverse=True)
        k, processors = least_k(shares)
        if processors <= 3:
            helped += k > 1
            assert not missed(system, "edf-k", "300 ms")
    assert helped > 15


def test_k_is_the_one_that_needs_the_fewest_processors() -> None:
    thirds = [Fraction(1, 3)] * 4
    assert least_k(thirds) == (1, 2)  # 1 / (2/3) = 1.5
    assert least_k([Fraction(1), *thirds]) == (2, 3)  # one to itself, two for the others
    assert least_k([Fraction(1), Fraction(1)]) == (1, 2)  # no fewer than both
    assert least_k([Fraction(1, 2)]) == (1, 1)


def test_k_and_the_threshold_may_be_given() -> None:
    assert missed(DHALL, {"ordering": {"name": "edf-k", "k": 1}}, "30 ms")  # is EDF
    assert not missed(DHALL, {"ordering": {"name": "edf-k", "k": 2}}, "30 ms")
    assert missed(DHALL, {"ordering": {"name": "edf-us", "threshold": 1.0}}, "30 ms")  # nobody loads more
    for k in (0, True, 1.5):
        with pytest.raises(InputError, match="k: must be a whole number"):
            EdfK(k)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="threshold: must be above 0 and at most 1"):
        EdfUtilisationSeparated(1.5)


def test_rm_us_is_proven_as_fixed_priorities_are() -> None:
    assert rtsched.analyse(DHALL, scheduler="rm-us").verdict == "schedulable"


def test_edf_us_and_edf_k_are_proven_by_what_heavy_tasks_leave() -> None:
    for policy in ("edf-us", "edf-k"):
        found = verify(DHALL, scheduler=policy, runs=2)
        assert found.verdict == "schedulable"
        assert found.analysis.parts[0].proven_by() == ["heavy-first"]
    assert verify(DHALL, scheduler={"ordering": {"name": "edf-k", "k": 1}}, runs=0).verdict == "unknown"  # is EDF
    assert verify(DHALL, scheduler={"ordering": {"name": "edf-k", "k": 3}}, runs=0).verdict == "unknown"  # 2 of 2 first


def test_every_set_within_the_bound_of_edf_us_is_proven_and_no_proof_is_beaten() -> None:
    asked = Generate(platform="multicore:4", tasks=6, total_utilisation=16 / 7 * 0.999, periods={"longest": "50 ms"})  # type: ignore[arg-type]
    for index in range(12):
        found = verify(draw(asked, seed=6, index=index), scheduler="edf-us", runs=1)
        assert found.verdict == "schedulable"
    more = Generate(platform="multicore:3", tasks=5, total_utilisation=1.9, periods={"longest": "50 ms"})  # type: ignore[arg-type]
    proven = sum(
        verify(draw(more, seed=6, index=index), scheduler="edf-k", runs=1).verdict == "schedulable"
        for index in range(12)
    )
    assert proven > 0


def test_a_rule_derived_from_it_is_not_proven_by_what_it_inherits() -> None:
    class Other(EdfK):
        def key(self, segment: Any) -> tuple[Any, ...]:
            return (-segment.job.deadline,)

    assert EdfK().traits("edf-k").first is not None
    assert Other().traits("other").first is None
