"""Proportionate fairness: with whole quanta every load up to the number of processors is met."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.schedulers.orderings.pfair import PD2, window


def whole(random: np.random.Generator, processors: int) -> dict[str, Any]:
    """Random tasks of whole milliseconds that load so many processors wholly, with a hyperperiod of 60 ms."""
    tasks: list[dict[str, Any]] = []
    left = Fraction(processors)
    while left:
        period = int(random.choice([4, 5, 6, 10, 12, 15, 20, 30]))
        work = int(random.integers(1, period + 1))
        if Fraction(work, period) > left or len(tasks) > 3 * processors:  # what is left, or a whole processor
            period, work = left.denominator, min(left.denominator, left.numerator)
        tasks.append({"name": f"t{len(tasks)}", "wcet": f"{work} ms", "period": f"{period} ms"})
        left -= Fraction(work, period)
    return {"platform": f"multicore:{processors}", "tasks": tasks}


@pytest.mark.parametrize("processors", [2, 3, 4])
def test_processors_that_are_loaded_wholly_are_enough(processors: int) -> None:
    by_edf = 0
    for index in range(12):
        system = whole(np.random.default_rng([processors, index]), processors)
        misses = {}
        for policy in ("pd2", "edf"):
            trace = rtsched.simulate(system, scheduler=policy, until="120 ms")
            assert trace.check() == []
            misses[policy] = sum(task.misses for task in rtsched.summary(trace).tasks)
        assert misses["pd2"] == 0, system
        by_edf += misses["edf"] > 0
    assert by_edf > 6  # which none of these is easy for


def test_group_deadlines_are_those_of_the_definition() -> None:
    """The least t >= d at which a cascade ends: a window that overlaps none, or the end before a window of three."""
    for period in range(2, 16):
        for work in range(-(-period // 2), period):
            for number in range(1, work + 1):
                ends = []
                for later in range(number, number + 2 * period):
                    due, begin = -(-later * period // work), (later - 1) * period // work
                    if due * work == later * period:
                        ends.append(due)
                    if due - begin == 3:
                        ends.append(due - 1)
                due, overlaps, group = window(number, work, period)
                assert due == -(-number * period // work)
                assert overlaps == (due * work != number * period)
                assert group == min(end for end in ends if end >= due)


def test_the_quantum_is_what_it_runs_by() -> None:
    """Two tasks of 2/4 on one processor, by turns of a millisecond, or of two."""
    tasks = [{"name": name, "wcet": "2 ms", "period": "4 ms"} for name in "ab"]
    for quantum, turns in (("1 ms", [0, 1, 0, 1]), ("2 ms", [0, 1])):
        policy = {"ordering": {"name": "pd2", "quantum": quantum}}
        trace = rtsched.simulate({"platform": "uniprocessor", "tasks": tasks}, scheduler=policy, until="4 ms")
        assert [int(each["job"]) for each in trace.slices] == turns


def test_a_quantum_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="quantum must be positive"):
        PD2("0 ms")
