"""Longer steps, and looks that save a search, end where the search tick by tick ends."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from textwrap import dedent
from typing import Any

import pytest

from rtsched.schedulability.models import Cluster, Dag, Sporadic, Uniprocessor, Vertex, total
from rtsched.schedulability.theorems import edf, multiprocessor, suspension
from rtsched.schedulability.theorems.interference import JobWork, due_within, joint_fixpoint, stride

Compared = Callable[[random.Random], bool]


def tasks(chance: random.Random, count: int, load: float) -> tuple[Sporadic, ...]:
    """So many tasks of a load, with jitter and suspensions here and there."""
    found = []
    for place in range(count):
        T = chance.randint(4, 24)
        C = max(1, min(T, round(chance.uniform(0, 2) * load * T / count)))
        found.append(Sporadic(str(place), C, T, chance.randint(C, T)))
    return tuple(found)


def one_by_one(chance: random.Random) -> bool:
    """Responses under EDF: those of every arrival."""
    mode: Any = chance.choice(("preemptive", "nonpreemptive", "limited"))
    drawn = tasks(chance, 3, 0.9)
    drawn = tuple(
        replace(task, J=chance.randint(0, 2), regions=(1,) * task.C if chance.random() < 0.5 else ()) for task in drawn
    )
    model = Uniprocessor(drawn, "EDF", mode)
    L = edf.horizon_busy(drawn, max(task.region(mode) for task in drawn) - 1)
    if L is None:
        return True
    for index, bound in enumerate(edf.responses(model)):
        task = drawn[index]
        ends = [edf.finish(model, index, a) - a for a in edf._arrivals(drawn, task, L)]
        if bound.wcrt is not None and bound.wcrt != max(task.C + task.J, *ends):
            return False
    return True


def frozen(chance: random.Random) -> bool:
    """The least y with Σ min(work, y + 1) < m (y + 1)."""
    m, works = chance.randint(1, 4), [chance.randint(0, 12) for _ in range(chance.randint(0, 6))]
    least = next(y for y in range(200) if sum(min(work, y + 1) for work in works) < m * (y + 1))
    return multiprocessor.frozen(works, m) == least


def delays(chance: random.Random) -> bool:
    """A delay on several processors, with and without its iterates."""
    drawn, m = tasks(chance, 5, 2.2), chance.randint(2, 3)
    works = multiprocessor._edf_works(Cluster(drawn, m, "EDF"), 0, [0] * 5, multiprocessor.Budget(5))
    seen: list[int] = []
    task = drawn[0]

    def following(x: int) -> int:
        return sum(min(work, x + 1) for work in works(task.C + x)) // m

    least = next((x for x in range(task.D - task.C + 1) if following(x) <= x), None)
    quick, slow = multiprocessor._delay(task, m, works), multiprocessor._delay(task, m, works, seen)
    return quick == slow and (None if quick is None else quick[0]) == least


def at_once(chance: random.Random) -> bool:
    """Who says yes at once says what the theorem says."""
    model = Cluster(tasks(chance, 5, 1.6), 2, "EDF")
    return not multiprocessor.accepts_at_once(model) or multiprocessor.global_edf_rta(model).verdict == "schedulable"


def rising(chance: random.Random) -> bool:
    """Work that is sure to rise does, at its rate."""
    rate, T = chance.randint(1, 3), chance.randint(2, 12)
    work = JobWork(T, chance.randint(1, 2 * T), chance.randint(1, rate * T), rate)
    if chance.random() < 0.5:
        work = work._replace(most=due_within(chance.randint(1, 30), T, work))
    L = chance.randint(0, 40)
    found, span = work.rises(L)
    return found == work.within(L) and all(work.within(L + d) >= found + rate * d for d in range(span + 1))


def strides(chance: random.Random) -> bool:
    """The least d with lack + Σ rate min(d, span) < d scale."""
    scale, lack = chance.randint(1, 4), chance.randint(0, 20)
    each = [(chance.randint(0, 9), chance.randint(1, 3)) for _ in range(chance.randint(0, 4))]
    least = next(d for d in range(500) if lack + sum(rate * min(d, span) for span, rate in each) < d * scale)
    return stride(lack, scale, each) == least


def suspensions(chance: random.Random) -> bool:
    """Bounds that hold together under EDF: tick by tick from below."""
    drawn = tuple(replace(task, S=chance.randint(0, task.D - task.C)) for task in tasks(chance, 3, 0.7))
    by_name = {task.name: task for task in drawn}

    def step(name: str, bounds: Any) -> int | None:
        task, found = by_name[name], by_name[name].C + by_name[name].S
        for other in drawn:
            if other is not task:
                work = JobWork(other.T, bounds[other.name], other.C, 1)
                found += min(work.within(bounds[name]), due_within(task.D, other.D, work))
        return None if found > task.D else min(found, bounds[name] + 1)

    expected = joint_fixpoint({task.name: task.C + task.S for task in drawn}, lambda name, now: settle(step, name, now))
    found = suspension.edf_bounds(Uniprocessor(drawn, "EDF"))
    return (None if found is None else {bound.task: bound.wcrt for bound in found}) == expected


def settle(step: Callable[[str, Any], int | None], name: str, now: Any) -> int | None:
    """A step of one task until it stays."""
    mine = dict(now)
    while (found := step(name, mine)) is not None and found > mine[name]:
        mine[name] = found
    return found if found is None else mine[name]


#: What is compared, and what breaks it: where, which words, and what stands there instead.
COMPARED: dict[str, tuple[Compared, Any, str, str, str]] = {
    "responses": (one_by_one, edf, "responses", "+ before.others_by(a, t) <= t", "<= t"),
    "the end of the busy period": (one_by_one, edf, "responses", "L - a <= worst.R", "L - a <= 2 * worst.R"),
    "frozen works": (frozen, multiprocessor, "frozen", "rest // (m - k)", "rest // m"),
    "delays": (delays, multiprocessor, "frozen", "return least", "return least + 1"),
    "at once": (at_once, multiprocessor, "accepts_at_once", "if x <= room", "if x <= 2 * room"),
    "rising": (rising, JobWork, "rises", "self.volume - rest", "self.volume"),
    "cut off": (rising, JobWork, "rises", "min(left, self.most - found)", "left"),
    "strides": (strides, None, "stride", "lack += rate * span", "pass"),
    "suspensions": (suspensions, suspension, "stride", "- rates) + 1", "- rates) + 2"),
}


@pytest.mark.parametrize("name", COMPARED)
def test_what_is_quick_says_the_same_and_a_mutant_does_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared, where, function, old, new = COMPARED[name]
    assert all(compared(random.Random(number)) for number in range(60))
    owner = where
    if where is None:  # this module's own
        import tests.schedulability.theorems.test_strides as owner
    real = getattr(owner, function)
    source = dedent(inspect.getsource(real))
    assert old in source
    made: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source.replace(old, new), real.__globals__, made)
    monkeypatch.setattr(owner, function, made[function])
    assert not all(compared(random.Random(number)) for number in range(200))


def test_loads_are_added_up_exactly() -> None:
    chance = random.Random(1)
    for _ in range(50):
        shares = [(chance.randint(0, 90), chance.randint(1, 90)) for _ in range(chance.randint(0, 8))]
        assert total(shares) == sum((Fraction(C, T) for C, T in shares), Fraction(0))


def test_a_path_weighs_the_same_in_integers_and_fractions() -> None:
    chance = random.Random(2)
    for _ in range(50):
        count = chance.randint(1, 6)
        edges = tuple((a, b) for b in range(count) for a in range(b) if chance.random() < 0.4)
        dag = Dag(tuple(Vertex(str(k), chance.randint(1, 3), "cpu") for k in range(count)), edges + edges[:1])
        weights = [vertex.c for vertex in dag.vertices]
        paths = [(k,) for k in range(count)]
        for path in paths:
            paths += [(*path, b) for a, b in edges if a == path[-1]]
        whole = [path for path in paths if not dag.predecessors[path[0]] and not dag.successors[path[-1]]]
        best = max(sum(weights[k] for k in path) for path in whole)
        first = min(path for path in whole if sum(weights[k] for k in path) == best)
        assert dag.heaviest(weights) == dag.heaviest([Fraction(each) for each in weights]) == (best, first)
