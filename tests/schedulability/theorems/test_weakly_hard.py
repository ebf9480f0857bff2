"""(m,k)-firm deadlines: patterns of misses by hand, against windows by brute force and a tick-level simulation."""

from __future__ import annotations

import random
from math import lcm

import pytest

from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.theorems import weakly_hard
from rtsched.schedulability.theorems.fixpoint import NotConverged
from rtsched.schedulability.theorems.weakly_hard import (
    MissPattern,
    WeaklyHard,
    consecutive_misses,
    miss_patterns,
    mk_firm,
    satisfies,
    worst_window,
)


def tick_by_tick(model: Uniprocessor, offsets: tuple[int, ...], horizon: int) -> list[list[bool]]:
    """The outcome of every job that ends by `horizon`, one tick at a time."""
    tasks = model.tasks
    jobs: list[list[list[int]]] = [[] for _ in tasks]  # per task: [arrival, left]
    late: list[list[bool]] = [[] for _ in tasks]
    held = None
    for now in range(horizon):
        for index, task in enumerate(tasks):
            if now >= offsets[index] and (now - offsets[index]) % task.T == 0:
                jobs[index].append([now, task.C])
        ready = [index for index in range(len(tasks)) if jobs[index]]
        if not ready:
            continue
        if held is None or model.mode == "preemptive":
            if model.order == "FP":
                held = min(ready)
            else:
                held = min(ready, key=lambda i: (jobs[i][0][0] + tasks[i].D, jobs[i][0][0], i))
        jobs[held][0][1] -= 1
        if jobs[held][0][1] == 0:
            arrival, _ = jobs[held].pop(0)
            late[held].append(now + 1 > arrival + tasks[held].D)
            held = None
    return late


def some_model(rng: random.Random) -> tuple[Uniprocessor, tuple[int, ...]]:
    while True:
        tasks = []
        for index in range(rng.randint(1, 4)):
            T = rng.choice((2, 3, 4, 5, 6, 8, 10, 12))
            tasks.append(Sporadic("abcd"[index], rng.randint(1, max(1, T // 2)), T, rng.randint(1, T + 3)))
        order, mode = rng.choice(("FP", "EDF")), rng.choice(("preemptive", "nonpreemptive"))
        model = Uniprocessor(tuple(tasks), order, mode)
        if model.U <= 1:
            return model, tuple(rng.randint(0, 9) for _ in tasks)


def test_the_pattern_is_the_schedule() -> None:
    """Beginning and cycle, unrolled over several hyperperiods, equal the outcomes of a run that knows no cycles."""
    with_misses = beginnings = 0
    for seed in range(3000):
        model, offsets = some_model(random.Random(seed))
        horizon = 10 + 6 * lcm(*(task.T for task in model.tasks))
        seen = tick_by_tick(model, offsets, horizon)
        for outcome, outcomes in zip(miss_patterns(model, offsets), seen, strict=True):
            pattern = outcome.pattern
            assert [pattern[job] for job in range(len(outcomes))] == outcomes, (seed, model, offsets)
            with_misses += any(outcomes) and not all(outcomes)
            beginnings += any(pattern.start) != any(pattern.cycle)
    assert with_misses > 50
    assert beginnings > 5


def test_the_verdict_is_that_of_every_window() -> None:
    verdicts = set()
    for seed in range(3000):
        rng = random.Random(seed)
        model, offsets = some_model(rng)
        constraints = []
        for _ in model.tasks:
            k = rng.randint(1, 5)
            constraints.append((rng.randint(0, k), k))
        seen = tick_by_tick(model, offsets, 10 + 8 * lcm(*(task.T for task in model.tasks)))
        good = all(
            sum(not missed for missed in outcomes[first : first + k]) >= m
            for outcomes, (m, k) in zip(seen, constraints, strict=True)
            for first in range(len(outcomes) - k + 1)
        )
        result = mk_firm(WeaklyHard(model, tuple(constraints), offsets))
        assert result.verdict == ("schedulable" if good else "unschedulable"), (seed, model, offsets, constraints)
        verdicts.add(result.verdict)
    assert len(verdicts) == 2


def test_windows_by_brute_force() -> None:
    rng = random.Random(1)
    for _ in range(300):
        start = tuple(rng.random() < 0.4 for _ in range(rng.randint(0, 6)))
        cycle = tuple(rng.random() < 0.4 for _ in range(rng.randint(1, 6)))
        pattern = MissPattern(start, cycle)
        jobs = start + cycle * 20
        k = rng.randint(1, 15)
        counts = [sum(jobs[first : first + k]) for first in range(len(jobs) - k + 1)]
        window = worst_window(pattern, k)
        assert window.misses == max(counts)
        assert counts.index(max(counts)) == window.first
        for m in range(k + 1):
            assert satisfies(pattern, m, k) == (k - max(counts) >= m)
        text = "".join(".x"[missed] for missed in jobs)
        longest = max(map(len, text.split(".")))
        assert consecutive_misses(pattern) == (None if all(cycle) else longest)


def test_finite_sequences() -> None:
    assert worst_window([True, True, False, True], 2) == (2, 0)
    assert worst_window([True, False], 5) == (1, 0)
    assert worst_window([], 3) == (0, 0)
    assert consecutive_misses([True, True, False, True]) == 2
    assert consecutive_misses([]) == 0
    assert satisfies([True, False, True], 1, 2)
    with pytest.raises(ValueError, match=r"0 <= m <= k"):
        satisfies([], 3, 2)


def test_every_second_job_of_a_full_processor() -> None:
    """a runs 0-2, 4-6, 8-10; b gets 2-4 and 6-7 (late by 1), then 7-8 and 10-12 (in time)."""
    tasks = (Sporadic("a", 2, 4, 4), Sporadic("b", 3, 6, 6))
    a, b = miss_patterns(Uniprocessor(tasks))
    assert (str(a.pattern), a.R) == ("(...)", 2)
    assert (str(b.pattern), b.R) == ("(x.)", 7)
    result = mk_firm(WeaklyHard(Uniprocessor(tasks), ((3, 3), (1, 2))))
    assert result.verdict == "schedulable"
    assert result.responses == [2, 7]
    assert result.details["b"] == {"pattern": "(x.)", "worst": 1, "in_a_row": 1}
    assert all(item.status == "declared" for item in result.assumptions)


def test_an_offset_can_remove_the_misses() -> None:
    tasks = (Sporadic("a", 2, 4, 2), Sporadic("b", 2, 4, 2))
    assert [str(outcome.pattern) for outcome in miss_patterns(Uniprocessor(tasks))] == ["(.)", "(x)"]
    assert [str(outcome.pattern) for outcome in miss_patterns(Uniprocessor(tasks), (0, 2))] == [".(.)", "(.)"]


def test_a_backlog_that_is_never_worked_off_keeps_its_pattern() -> None:
    """U = 1: with offset 1 the processor idles at 0 and every job after that waits one tick more; none is late at once."""
    tasks = (Sporadic("a", 1, 2, 2), Sporadic("b", 2, 4, 4))
    model = Uniprocessor(tasks, "EDF", "nonpreemptive")
    seen = tick_by_tick(model, (1, 0), 80)
    a, b = miss_patterns(model, (1, 0))
    assert [a.pattern[job] for job in range(len(seen[0]))] == seen[0]
    assert [b.pattern[job] for job in range(len(seen[1]))] == seen[1]


def test_overload_further_down_does_not_matter_to_the_urgent() -> None:
    tasks = (Sporadic("a", 2, 4, 4), Sporadic("b", 3, 6, 6), Sporadic("c", 1, 5, 5))
    with pytest.raises(NotConverged, match="overloaded"):
        miss_patterns(Uniprocessor(tasks))
    strict = mk_firm(WeaklyHard(Uniprocessor(tasks), ((1, 1), (1, 2), (1, 1000))))
    assert strict.verdict == "unschedulable"  # c never runs: its jobs are overdue, although none ends
    assert strict.first_failure is not None
    assert strict.first_failure.task == "c"
    assert [bound.wcrt for bound in strict.bounds] == [2, 7, None]
    loose = mk_firm(WeaklyHard(Uniprocessor(tasks), ((1, 1), (1, 2), (0, 1))))
    assert loose.verdict == "unknown"
    assert "overloaded" in loose.reason
    under_edf = mk_firm(WeaklyHard(Uniprocessor(tasks, "EDF"), ((1, 1), (1, 1), (1, 1))))
    assert under_edf.verdict == "unschedulable"


def test_a_cycle_that_is_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = (Sporadic("a", 1, 997, 997), Sporadic("b", 1, 1009, 1009), Sporadic("c", 1, 1013, 1013))
    with pytest.raises(NotConverged, match="holds more than"):
        miss_patterns(Uniprocessor(tasks), cap=1000)
    with pytest.raises(NotConverged, match="did not repeat"):
        miss_patterns(Uniprocessor(tasks[:1]), (5,), cap=1)
    monkeypatch.setattr(weakly_hard, "OVERLOADED", 50)
    result = mk_firm(WeaklyHard(Uniprocessor(tasks, "EDF"), ((1, 1),) * 3))
    assert result.verdict == "unknown"
    assert result.responses == [None] * 3


def test_what_the_theorem_does_not_speak_of() -> None:
    one = Uniprocessor((Sporadic("a", 1, 4, 4),))
    assert "an (m,k) and an offset" in mk_firm(WeaklyHard(one, ())).reason
    assert "(3,2)" in mk_firm(WeaklyHard(one, ((3, 2),))).reason
    assert "offsets of at least 0" in mk_firm(WeaklyHard(one, ((1, 2),), (-1,))).reason
    assert "jitter" in mk_firm(WeaklyHard(Uniprocessor((Sporadic("a", 1, 4, 4, J=1),)), ((1, 2),))).reason
    assert "FIFO" in mk_firm(WeaklyHard(Uniprocessor(one.tasks, "FIFO"), ((1, 2),))).reason
