"""Tasks that suspend themselves: bounds against schedules in which each job suspends itself as it likes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.theorems import suspension, suspension_framework


def drawn(chance: random.Random, load: float) -> tuple[Sporadic, ...]:
    """Three or four small tasks, most urgent first, of about so much load with what they suspend."""
    found = []
    count = chance.randint(3, 4)
    for number in range(count):
        T = chance.randint(5, 24)
        C = max(1, round(load * T / count * chance.uniform(0.5, 1.3)))
        S = chance.choice((0, 0, chance.randint(1, max(1, T // 3))))
        D = chance.randint(min(T, C + S + 1), T)
        found.append(Sporadic(str(number), C, T, D, S=min(S, D - C) if D > C else 0))
    found.sort(key=lambda task: task.D)
    return tuple(found) if any(task.S for task in found) else drawn(chance, load)


def worst(tasks: tuple[Sporadic, ...], order: str, chance: random.Random, until: int = 300) -> dict[str, int]:
    """The longest responses of one run tick by tick: sporadic arrivals, suspensions anywhere before the last tick."""
    jobs: list[dict[str, int]] = []
    following = [chance.randint(0, task.T) for task in tasks]
    found = {task.name: 0 for task in tasks}
    lazy = chance.random()
    for now in range(until):
        for place, task in enumerate(tasks):
            if following[place] == now:
                jobs.append({"task": place, "arrival": now, "left": task.C, "rest": task.S, "due": now + task.D})
                following[place] += task.T + (0 if chance.random() < 0.8 else chance.randint(1, task.T))
        awake = []
        for job in jobs:
            if job["rest"] and chance.random() < lazy:
                job["rest"] -= 1  # it suspends itself for this tick
            else:
                awake.append(job)
        key = (lambda job: (job["due"], job["task"])) if order == "EDF" else (lambda job: (job["task"], job["arrival"]))
        if awake:
            first = min(awake, key=key)
            first["left"] -= 1
            if not first["left"]:
                jobs.remove(first)
                name = tasks[first["task"]].name
                found[name] = max(found[name], now + 1 - first["arrival"])
    return found


@pytest.mark.parametrize("order", ["FP", "EDF"])
def test_no_run_is_beyond_a_bound(order: str) -> None:
    chance, accepted, close = random.Random(8), 0, 0.0
    theorem = suspension.edf_suspension if order == "EDF" else suspension_framework.suspension_framework
    for _ in range(150):
        tasks = drawn(chance, chance.uniform(0.3, 0.8))
        result = theorem(Uniprocessor(tasks, order))  # type: ignore[arg-type]
        if result.verdict != "schedulable":
            continue
        accepted += 1
        for _ in range(4):
            seen = worst(tasks, order, chance)
            for task, bound in zip(tasks, result.bounds, strict=True):
                most = task.D if bound.wcrt is None else bound.wcrt
                assert seen[task.name] <= most, (tasks, task, bound)
                close = max(close, seen[task.name] / most)
    assert accepted > 30
    assert close == 1


def test_the_framework_is_never_worse_and_sometimes_better() -> None:
    chance, better = random.Random(9), 0
    for _ in range(300):
        model = Uniprocessor(drawn(chance, chance.uniform(0.4, 0.9)))
        three = suspension.self_suspension(model).verdict == "schedulable"
        framework = suspension_framework.suspension_framework(model).verdict == "schedulable"
        assert framework or not three
        better += framework and not three
    assert better


def test_many_suspending_tasks_are_not_tried_in_all_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = tuple(Sporadic(str(n), 2 + n % 7, 90 + n, 90 + n, S=1 + n % 3) for n in range(20))
    R = [task.C + task.S for task in tasks]
    assert len(set(suspension_framework._choices([0, 2, 3], tasks, R))) == 8
    assert 2 * 20 < len(set(suspension_framework._choices(list(range(20)), tasks, R))) <= 4 * 20
    monkeypatch.setattr(suspension_framework, "MOST_SUBSETS", 1)
    tasks = tuple(Sporadic(str(n), 2, 40 + n, 40 + n, S=n % 3) for n in range(6))
    assert suspension_framework.suspension_framework(Uniprocessor(tasks)).verdict == "schedulable"


#: (C, T, S) of ten tasks, D = T, as drawn by SSSEvaluation: the last needs a subset that is no end of the priorities.
TEN = (
    (2, 126, 6), (2, 173, 6), (56, 329, 24), (2, 644, 33), (40, 776, 11), (484, 6120, 441), (376, 7504, 397),
    (2793, 7920, 117), (248, 8728, 552), (348, 9796, 215),
)  # fmt: skip


def test_of_many_tasks_those_count_as_blocking_whose_suspension_is_short_beside_their_work() -> None:
    tasks = tuple(Sporadic(str(n), C, T, T, S=S) for n, (C, T, S) in enumerate(TEN))
    bounds = suspension_framework.suspension_framework(Uniprocessor(tasks)).responses
    assert bounds == [8, 10, 84, 95, 113, 1273, 1771, 5104, 6853, 7554]  # published, of whole jobs: 7556
    R = [bound for bound in bounds if bound is not None][:-1]
    ends = [frozenset(range(cut)) for cut in range(10)] + [frozenset(range(cut, 9)) for cut in range(10)]
    assert all(suspension_framework._framework(tasks[-1], tasks[:-1], R, X, True).wcrt is None for X in ends)


def test_what_executes_in_place_of_suspending_is_another_way_to_pass_under_edf() -> None:
    tasks = (Sporadic("a", 3, 5, 5), Sporadic("b", 1, 14, 14, S=1), Sporadic("c", 2, 12, 12, S=1))
    model = Uniprocessor(tasks, "EDF")
    assert suspension.edf_suspension(model).verdict == "schedulable"  # 3/5 + 2/14 + 3/12 <= 1
    assert suspension.edf_bounds(model) is None
    heavier = (*tasks[:2], replace(tasks[2], C=4))
    assert suspension.edf_suspension(replace(model, tasks=heavier)).verdict == "unknown"
