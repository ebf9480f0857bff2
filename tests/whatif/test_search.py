"""The search for less C assumes nothing of how deadlines are met."""

from __future__ import annotations

import pytest

from rtsched.whatif.ask import largest


@pytest.mark.parametrize("bound", [1, 2, 37, 50, 87, 88, 98, 99])
def test_of_what_only_falls_it_is_the_largest(bound: int) -> None:
    assert largest(lambda time: time <= bound, 100) == bound


def test_none_where_nothing_is_met() -> None:
    assert largest(lambda _time: False, 100) is None
    assert largest(lambda _time: False, 1) is None


@pytest.mark.parametrize("whole", [2, 7, 8, 1000])
@pytest.mark.parametrize("step", [2, 3, 5])
def test_of_what_rises_and_falls_it_is_met_and_the_next_is_not(whole: int, step: int) -> None:
    def met(time: int) -> bool:
        return time < whole and time // step % 2 == 0

    found = largest(met, whole)
    assert found is None or (met(found) and not met(found + 1))
    assert found is not None or not met(1)


def test_few_runs() -> None:
    asked: list[int] = []

    def met(time: int) -> bool:
        asked.append(time)
        return time <= 1234567

    assert largest(met, 10**10) == 1234567
    assert len(asked) <= 8 + 31
    assert 10**10 not in asked
