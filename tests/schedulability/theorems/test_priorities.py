"""Priority orders: Audsley's against every permutation, and where deadline monotonic fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations_with_replacement, permutations

import pytest

from rtsched.errors import InputError
from rtsched.schedulability.models import Mode, Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Result, from_bounds
from rtsched.schedulability.theorem import Theorem, theorems
from rtsched.schedulability.theorems.fixed_priority import fp_rta, limited_fp_rta, np_fp_rta
from rtsched.schedulability.theorems.priorities import audsley, deadline_monotonic, rate_monotonic
from rtsched.schedulability.theorems.suspension import suspension_oblivious
from rtsched.schedulability.theorems.utilisation import hyperbolic

Test = Callable[[Uniprocessor], Result]
TESTS: dict[Mode, Test] = {"preemptive": fp_rta, "nonpreemptive": np_fp_rta, "limited": limited_fp_rta}


def split(rng: random.Random, C: int) -> tuple[int, ...]:
    """Random regions that sum to C."""
    cuts = sorted(rng.sample(range(1, C), rng.randint(0, min(2, C - 1))))
    return tuple(b - a for a, b in zip([0, *cuts], [*cuts, C], strict=True))


def random_tasks(rng: random.Random, mode: Mode) -> tuple[Sporadic, ...]:
    """Two to five tasks of a load around 1, with deadlines on both sides of T."""
    n = rng.randint(2, 5)
    tasks = []
    for name in "abcde"[:n]:
        T = rng.randint(3, 14)
        C = max(1, round(T * rng.uniform(0.6, 1.25) / n))
        D = round(T * rng.choice([rng.uniform(0.5, 1), 1, rng.uniform(1, 2)]))
        J = rng.choice([0, 0, rng.randint(0, T // 2)])
        tasks.append(Sporadic(name, C, T, D, J, regions=split(rng, C) if mode == "limited" else ()))
    return tuple(tasks)


def holds(model: Uniprocessor, order: tuple[Sporadic, ...], test: Test) -> bool:
    return test(Uniprocessor(order, model.order, model.mode)).verdict == "schedulable"


@pytest.mark.parametrize("mode", ["preemptive", "nonpreemptive", "limited"])
def test_audsley_finds_an_order_iff_there_is_one(mode: Mode) -> None:
    rng = random.Random(20)
    test = TESTS[mode]
    found = none = beyond = 0
    for _ in range(250):
        model = Uniprocessor(random_tasks(rng, mode), "FP", mode)
        order = audsley(model, test)
        some = any(holds(model, each, test) for each in permutations(model.tasks))
        assert (order is not None) == some, model
        if order is None:
            none += 1
            continue
        assert sorted(order, key=model.tasks.index) == list(model.tasks)
        assert holds(model, order, test)
        found += 1
        beyond += not holds(model, deadline_monotonic(model.tasks), test)
    assert found > 50
    assert none > 50
    assert beyond > 0  # deadline monotonic would have missed some


def test_an_order_that_holds_comes_back_as_it_is() -> None:
    tasks = (Sporadic("a", 1, 9, 9), Sporadic("b", 1, 5, 5), Sporadic("c", 1, 7, 7), Sporadic("d", 1, 6, 6))
    assert audsley(Uniprocessor(tasks), fp_rta) == tasks
    assert audsley(Uniprocessor(()), fp_rta) == ()


def test_deadline_monotonic_is_optimal_for_preemptive_constrained_deadlines() -> None:
    rng = random.Random(3)
    found = 0
    for _ in range(150):
        tasks = []
        for name in "abcd":
            T = rng.randint(3, 20)
            C = rng.randint(1, max(1, T // 3))
            tasks.append(Sporadic(name, C, T, rng.randint(C, T)))
        model = Uniprocessor(tuple(tasks))
        some = audsley(model, fp_rta) is not None
        assert some == holds(model, deadline_monotonic(model.tasks), fp_rta)
        found += some
    assert found > 20


def sets(n: int, longest: int) -> Iterator[tuple[Sporadic, ...]]:
    """Every set of `n` tasks with D = T <= `longest` and U <= 1, as a multiset, shortest periods first."""
    kinds = [(C, T) for T in range(1, longest + 1) for C in range(1, T + 1)]
    for each in combinations_with_replacement(kinds, n):
        if sum(Fraction(C, T) for C, T in each) <= 1:
            yield tuple(Sporadic(name, C, T, T) for name, (C, T) in zip("abc", each, strict=False))


def beyond_deadline_monotonic(n: int, longest: int) -> Iterator[tuple[Sporadic, ...]]:
    """Those sets that are schedulable without preemption, but in no deadline-monotonic order, whatever the ties."""
    for tasks in sets(n, longest):
        model = Uniprocessor(tasks, "FP", "nonpreemptive")
        if holds(model, tasks, np_fp_rta):  # sorted by D already: mostly so, and quickly seen
            continue
        orders = [order for order in permutations(tasks) if holds(model, order, np_fp_rta)]
        if orders and not any([task.D for task in order] == sorted(task.D for task in order) for order in orders):
            yield tasks


def test_the_smallest_set_that_deadline_monotonic_misses_without_preemption() -> None:
    assert list(beyond_deadline_monotonic(2, 8)) == []
    assert list(beyond_deadline_monotonic(3, 5)) == []
    found = list(beyond_deadline_monotonic(3, 6))
    assert [(task.C, task.T) for task in found[0]] == [(1, 3), (2, 4), (1, 6)]  # the docstring's


def test_deadline_monotonic_is_not_optimal_for_late_deadlines() -> None:
    # Lehoczky, RTSS 1990
    tasks = deadline_monotonic([Sporadic("2", 52, 140, 154), Sporadic("1", 52, 100, 110)])
    assert [task.name for task in tasks] == ["1", "2"]
    assert fp_rta(Uniprocessor(tasks)).verdict == "unschedulable"
    order = audsley(Uniprocessor(tasks), fp_rta)
    assert order is not None
    assert [task.name for task in order] == ["2", "1"]


def test_monotonic_orders_keep_ties() -> None:
    tasks = [Sporadic("a", 1, 8, 8), Sporadic("b", 1, 8, 4), Sporadic("c", 1, 4, 8), Sporadic("d", 1, 4, 4)]
    assert "".join(task.name for task in rate_monotonic(tasks)) == "cdab"
    assert "".join(task.name for task in deadline_monotonic(tasks)) == "bdac"


def test_audsley_refuses_tests_that_depend_on_the_order_above() -> None:
    model = Uniprocessor((Sporadic("a", 1, 4, 4), Sporadic("b", 1, 6, 6)))
    with pytest.raises(InputError, match="not valid with hyperbolic: it must not depend on the order"):
        audsley(model, hyperbolic)
    with pytest.raises(InputError, match="not valid with self-suspension"):
        audsley(model, theorems()["self-suspension"])
    with pytest.raises(InputError, match="needs a registered theorem"):
        audsley(model, lambda each: from_bounds([], exact=False))
    with pytest.raises(InputError, match="np-fp-rta does not apply: it is about nonpreemptive scheduling"):
        audsley(model, np_fp_rta)


def test_audsley_with_self_suspension() -> None:
    # a suspends for so long that it passes only on top, where its deadline would not put it
    tasks = (Sporadic("b", 2, 9, 6), Sporadic("a", 1, 9, 7, S=5))
    order = audsley(Uniprocessor(tasks), suspension_oblivious)
    assert order is None
    order = audsley(Uniprocessor((Sporadic("b", 2, 9, 8), Sporadic("a", 1, 9, 7, S=5))), suspension_oblivious)
    assert order is not None
    assert [task.name for task in order] == ["a", "b"]


def test_a_task_whose_analysis_was_cut_off_does_not_pass() -> None:
    def cut(model: Uniprocessor) -> Result:
        first = model.tasks[0]
        return Result("unknown", (Bound(first.name, first.C, first.D),), reason="enough")

    half = Theorem("half", "Only the first task", "sufficient", "none", Uniprocessor, cut, opa=True)
    assert audsley(Uniprocessor((Sporadic("a", 1, 4, 4),)), half) is not None
    assert audsley(Uniprocessor((Sporadic("a", 1, 4, 4), Sporadic("b", 1, 6, 6))), half) is None
