"""Deadline miss models: the numbers of a small example, runs that never miss more, and rules that runs notice."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.theorems import miss_models
from rtsched.schedulability.theorems.fixed_priority import fp_rta
from rtsched.schedulability.theorems.miss_models import MissModel, TypicalAndOverload, UnderOverload, miss_model
from rtsched.schedulability.theorems.miss_models import typical_worst_case as bound
from rtsched.schedulability.theorems.weakly_hard import worst_window

TASKS = Sporadic("recover", 9, 200, 200), Sporadic("a", 2, 10, 10), Sporadic("b", 6, 12, 12)
RARE = frozenset({"recover"})


def model_of(tasks: tuple[Sporadic, ...], overload: frozenset[str], k: int = 1) -> TypicalAndOverload:
    return TypicalAndOverload(Uniprocessor(tasks), overload, ((0, k),) * len(tasks))


def late(tasks: tuple[Sporadic, ...], arrivals: list[list[tuple[int, int]]]) -> list[list[bool]]:
    """Which jobs are late; per task (arrival, release), every job takes C: fixed priorities, tick by tick."""
    left = [[task.C for _ in each] for task, each in zip(tasks, arrivals, strict=True)]
    first = [0] * len(tasks)
    found: list[list[bool]] = [[] for _ in tasks]
    now = 0
    while any(place < len(each) for place, each in zip(first, arrivals, strict=True)):
        ready = [i for i, each in enumerate(arrivals) if first[i] < len(each) and each[first[i]][1] <= now]
        if not ready:
            now = min(each[place][1] for place, each in zip(first, arrivals, strict=True) if place < len(each))
            continue
        i = ready[0]
        left[i][first[i]] -= 1
        now += 1
        if not left[i][first[i]]:
            found[i].append(now - arrivals[i][first[i]][0] > tasks[i].D)
            first[i] += 1
    return found


def drawn(draw: random.Random) -> tuple[tuple[Sporadic, ...], frozenset[str]]:
    """Two or three tasks that come always, one or two rare ones, in any order."""
    tasks = []
    for index in range(draw.randint(2, 3)):
        T = draw.randint(4, 14)
        tasks.append(Sporadic(f"t{index}", draw.randint(1, max(1, T // 3)), T, draw.randint(T // 2, T + 4)))
    for index in range(draw.randint(1, 2)):
        tasks.append(Sporadic(f"o{index}", draw.randint(2, 12), draw.randint(20, 60), 200))
    draw.shuffle(tasks)
    jittery = [replace(task, J=draw.randint(1, 3)) if draw.random() < 0.2 else task for task in tasks]
    return tuple(jittery), frozenset(task.name for task in tasks if task.name.startswith("o"))


def pattern(draw: random.Random, tasks: tuple[Sporadic, ...], overload: frozenset[str]) -> list[list[tuple[int, int]]]:
    """Periodic arrivals in any phases; overload as soon as it may, or later, often where others come."""
    found = []
    marks = [draw.randint(0, 12) for _ in tasks]
    for task, mark in zip(tasks, marks, strict=True):
        at = mark if draw.random() < 0.5 else marks[0]
        each = []
        while at < 260:
            each.append((at, at + (draw.choice((0, task.J)) if task.J else 0)))
            at += task.T
            if task.name in overload and draw.random() < 0.3:
                at += draw.randint(0, task.T)
        found.append(each)
    return found


def examine(seed: int, runs: int) -> tuple[int, int]:
    """How often a bound was attained, of those that are neither 0 nor k; asserts that none is beaten."""
    draw = random.Random(seed)
    tasks, overload = drawn(draw)
    model = model_of(tasks, overload)
    models = [miss_model(model, index) for index in range(len(tasks))]
    most = {(i, k): each(k) for i, each in enumerate(models) for k in (1, 2, 3, 5, 8)}
    seen = dict.fromkeys(most, 0)
    for _ in range(runs):
        outcomes = late(tasks, pattern(draw, tasks, overload))
        for i, k in most:
            misses = worst_window(outcomes[i], k).misses
            assert misses <= most[i, k], f"seed {seed}: {tasks[i].name} misses {misses} of {k}, at most {most[i, k]}"
            seen[i, k] = max(seen[i, k], misses)
    real = [key for key in most if 0 < most[key] < key[1]]
    return sum(seen[key] == most[key] for key in real), len(real)


def test_a_recovery_makes_two_jobs_late_and_comes_each_200_ticks() -> None:
    model = model_of(TASKS, RARE)
    found = miss_model(model, 2)
    assert found.worst == {(1,): 2}
    assert (found.R, found.L) == (19, 35)  # 6 + 9 + 2 * 2, then 27 - 12 = 15 and 35 - 24 = 11
    assert [found(k) for k in (1, 2, 13, 14, 30)] == [1, 2, 2, 4, 6]
    assert bound(replace(model, constraints=((1, 1), (9, 10), (8, 10)))).verdict == "schedulable"
    tight = bound(replace(model, constraints=((1, 1), (9, 10), (9, 10))))
    assert tight.verdict == "unknown"
    assert tight.first_failure is not None
    assert tight.first_failure.why == "'b' may miss 2 of 10 jobs in a row, 1 are allowed"


def test_two_kinds_of_overload_that_only_hurt_together() -> None:
    tasks = Sporadic("x", 3, 100, 100), Sporadic("y", 3, 150, 150), Sporadic("work", 5, 10, 10)
    found = miss_model(model_of(tasks, frozenset({"x", "y"})), 2)
    assert found.worst == {(1, 1): 1}  # either alone is harmless
    assert found(40) == min(found.overload(40)) == 3


def test_what_always_misses_and_what_never_does() -> None:
    always = miss_model(model_of((Sporadic("a", 3, 6, 6), Sporadic("b", 4, 9, 8)), frozenset()), 1)
    assert [always(k) for k in (1, 7)] == [1, 7]
    never = miss_model(model_of((TASKS[0], replace(TASKS[2], D=40)), RARE), 1)
    assert never(1000) == 0
    assert miss_model(model_of((TASKS[1], TASKS[0]), RARE), 1)(5) == 0  # overload itself, in time


def test_without_overload_it_agrees_with_the_exact_responses() -> None:
    for seed in range(60):
        tasks, _ = drawn(random.Random(seed))
        exact = fp_rta(Uniprocessor(tasks))
        for index, task in enumerate(tasks):
            R = exact.bounds[index].wcrt
            found = miss_model(model_of(tasks, frozenset()), index)
            assert (found(4) == 0) == (R is not None and R <= task.D)


def test_runs_never_miss_more_and_often_as_many() -> None:
    attained, real = map(sum, zip(*(examine(seed, 3) for seed in range(40)), strict=True))
    assert real > 40
    assert attained > 0.1 * real


@pytest.mark.slow
def test_many_runs_never_miss_more() -> None:
    for seed in range(1000, 2500):
        examine(seed, 12)


def test_a_large_integer_program_is_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Sporadic("x", 3, 100, 100), Sporadic("y", 3, 150, 150), Sporadic("work", 5, 10, 10)
    model = model_of(tasks, frozenset({"x", "y"}))
    exact = miss_model(model, 2)(40)
    monkeypatch.setattr(miss_models, "MOST_PACKINGS", 2)
    assert miss_model(model, 2)(40) >= exact
    monkeypatch.setattr(miss_models, "MOST_VECTORS", 2)
    assert miss_model(model, 2)(40) >= exact


#: Rules that one could get wrong, each of which a run notices.
def _one_miss(self: UnderOverload, n: object) -> int:
    return min(1, HONEST_MISSES(self, n))  # type: ignore[arg-type]


def _short_span(self: MissModel, k: int) -> tuple[int, ...]:
    return tuple(-(-((k - 1) * self.level.task.T) // o.T) for o in self.level.overload)


def _no_carry(self: MissModel, k: int) -> tuple[int, ...]:
    return tuple(((k - 1) * self.level.task.T + self.R + self.L - 1) // o.T for o in self.level.overload)


HONEST_MISSES = UnderOverload.misses
MUTANTS = {
    "one miss a busy period": (UnderOverload, "misses", _one_miss),
    "span without the busy period": (MissModel, "overload", _short_span),
    "span rounded down": (MissModel, "overload", _no_carry),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_runs_notice_a_rule_that_is_wrong(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])

    def beaten(seed: int) -> bool:
        try:
            examine(seed, 6)
        except AssertionError:
            return True
        return False

    assert any(map(beaten, range(400)))


def test_what_it_needs() -> None:
    one = Uniprocessor((Sporadic("a", 1, 4, 4),))
    assert "an (m,k) for each" in bound(TypicalAndOverload(one, frozenset(), ())).reason
    assert "(3,2)" in bound(TypicalAndOverload(one, frozenset(), ((3, 2),))).reason
    assert "no task 'b'" in bound(TypicalAndOverload(one, frozenset({"b"}), ((1, 2),))).reason
    under_edf = Uniprocessor(one.tasks, "EDF")
    assert "EDF" in bound(TypicalAndOverload(under_edf, frozenset(), ((1, 2),))).reason
