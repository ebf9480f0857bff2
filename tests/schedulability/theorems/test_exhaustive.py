"""The exhaustive search of sporadic sets: against one that keeps every state, and where it ends."""

from __future__ import annotations

import random
from itertools import product

import pytest

from rtsched.schedulability.models import Cluster, Sporadic
from rtsched.schedulability.theorems import exhaustive
from rtsched.schedulability.theorems.exhaustive import exhaustive_global, worst_responses


def all_states(model: Cluster) -> list[int] | None:
    """Worst responses out of all reachable (ticks since the last arrival, work left), none left out."""
    tasks, m = model.tasks, model.m
    start = tuple((task.T, 0) for task in tasks)
    worst, seen, todo = [0] * len(tasks), {start}, [start]
    while todo:
        state = todo.pop()
        may = [i for i, (age, left) in enumerate(state) if age >= tasks[i].T and not left]
        for choice in product((False, True), repeat=len(may)):
            arrived = {i for i, yes in zip(may, choice, strict=True) if yes}
            now = [(0, tasks[i].C) if i in arrived else pair for i, pair in enumerate(state)]
            active = [i for i, (_, left) in enumerate(now) if left]
            if model.order == "EDF":
                active.sort(key=lambda i: (tasks[i].D - now[i][0], -now[i][0], i))
            after = []
            for i, (age, left) in enumerate(now):
                left -= i in active[:m]
                if i in active[:m] and not left:
                    worst[i] = max(worst[i], age + 1)
                if left and age + 1 >= tasks[i].D:
                    return None
                after.append((min(age + 1, tasks[i].T), left))
            if tuple(after) not in seen:
                seen.add(tuple(after))
                todo.append(tuple(after))
    return worst


def test_states_that_are_outdone_change_nothing() -> None:
    rng = random.Random(8)
    missed = 0
    for _ in range(60):
        tasks = []
        for name in "abcd"[: rng.randint(2, 4)]:
            T = rng.randint(2, 7)
            C = rng.randint(1, max(1, T // 2))
            tasks.append(Sporadic(name, C, T, rng.randint(C, T)))
        model = Cluster(tuple(tasks), rng.randint(1, 3), rng.choice(("FP", "EDF")))
        expected = all_states(model)
        assert worst_responses(model) == expected, model
        missed += expected is None
    assert 5 < missed < 55


def test_it_reaches_beyond_four_short_tasks() -> None:
    """Six tasks, and periods of 36 ticks: some hundred steps, and a thousand."""
    six = tuple(Sporadic(str(i), 1, 6 + i, 6 + i) for i in range(6))
    assert exhaustive_global(Cluster(six, 2, "EDF")).responses == [1, 1, 2, 2, 3, 3]
    long = Sporadic("a", 5, 22, 22), Sporadic("b", 9, 36, 36), Sporadic("c", 6, 24, 24)
    assert exhaustive_global(Cluster(long, 2)).responses == [5, 9, 11]


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its steps, and before it begins where there would be too many; also where all may come at once."""
    far = Cluster(tuple(Sporadic(str(i), 10**6, 10**7, 10**7) for i in range(3)), 2)
    assert "multiply to more than 20000" in exhaustive_global(far).reason
    many = Cluster(tuple(Sporadic(str(i), 1, 50, 50) for i in range(40)), 2)
    assert "2000000 steps" in exhaustive_global(many).reason
    monkeypatch.setattr(exhaustive, "MOST_STEPS", 20)
    few = Cluster(tuple(Sporadic(str(i), 2, 9, 9) for i in range(3)), 2)
    assert exhaustive_global(few).verdict == "unknown"
    assert "20 steps" in exhaustive_global(few).reason
