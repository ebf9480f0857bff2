"""Suspension by windows: bounds against the worst responses of small sets, found by looking at every schedule."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from rtsched.schedulability.models import Pipelines, PipelineTask, Stage, Uniprocessor
from rtsched.schedulability.theorems import suspension_framework
from rtsched.schedulability.theorems.priorities import audsley
from rtsched.schedulability.theorems.suspending import assignable, pipelines_suspending
from rtsched.schedulability.theorems.suspending_edf import edf_suspension_windows
from rtsched.schedulability.theorems.suspension_framework import suspension_assignable
from tests.schedulability.exhaustive_suspension import WORST, beaten, named


def test_no_schedule_of_a_small_set_is_worse() -> None:
    assert beaten() == []
    attained = [
        edf_suspension_windows(Uniprocessor(named(times), "EDF")).responses == worst for _, times, worst in WORST
    ]
    assert sum(attained) >= 2


def test_many_tasks_of_which_windows_accept_what_nothing_else_does() -> None:
    chance, better = random.Random(4), 0
    for _ in range(12):
        rows = []
        for _place in range(8):
            T = chance.randint(100, 1000)
            C = round(T * chance.uniform(0.06, 0.12))
            rows.append((C, T, T, chance.randint(1, max(1, (T - C) // 20))))
        model = Uniprocessor(tuple(sorted(named(rows), key=lambda task: task.D)), "EDF")
        better += edf_suspension_windows(model).verdict == "schedulable"
    assert better >= 9


def test_deadlines_beyond_periods() -> None:
    tasks = named([(2, 7, 7, 3), (3, 8, 20, 2), (2, 60, 60, 0)])
    fixed = suspension_framework.suspension_framework(Uniprocessor(tasks))
    assert fixed.responses == [5, 9, 17]  # 9 > T: the second job of a row waits for the first
    edf = edf_suspension_windows(Uniprocessor(tasks, "EDF"))
    assert edf.verdict == "schedulable"
    late = replace(tasks[1], C=6)  # 2/7 + 6/8 > 1
    for order in ("FP", "EDF"):
        overloaded = Uniprocessor((tasks[0], late), order)  # type: ignore[arg-type]
        test = edf_suspension_windows if order == "EDF" else suspension_framework.suspension_framework
        assert test(overloaded).verdict == "unknown"


def test_an_order_for_suspending_tasks_is_found_iff_one_is_accepted() -> None:
    chance, found = random.Random(12), 0
    for _ in range(25):
        rows = []
        for _place in range(3):
            T = chance.randint(6, 24)
            C = max(1, round(T * chance.uniform(0.08, 0.25)))
            S = chance.choice((0, chance.randint(0, T // 3)))
            rows.append((C, T, chance.randint(min(T, C + S), T), S))
        model = Uniprocessor(
            tuple(sorted(named([*rows[:2], (rows[2][0], rows[2][1], rows[2][1], 1)]), key=lambda t: t.D))
        )
        order = audsley(model, suspension_assignable)
        accepts = [
            suspension_assignable(Uniprocessor(each)).verdict == "schedulable"
            for each in itertools.permutations(model.tasks)
        ]
        assert (order is not None) == any(accepts)
        found += order is not None
    assert found > 5


def test_an_order_for_pipelines() -> None:
    tasks = (
        PipelineTask("loop", (Stage("cpu", 5),), 12, 11),
        PipelineTask("net", (Stage("cpu", 1), Stage("npu", 6), Stage("cpu", 1)), 12, 12),
    )
    model = Pipelines(tasks, {"cpu": "preemptive", "npu": "nonpreemptive"})
    assert pipelines_suspending(model).verdict == "unknown"
    order = audsley(model, assignable)
    assert order is not None
    assert [task.name for task in order] == ["net", "loop"]
    assert pipelines_suspending(replace(model, tasks=order)).verdict == "schedulable"
    assert audsley(replace(model, tasks=(replace(tasks[0], D=5), replace(tasks[1], D=9))), assignable) is None
