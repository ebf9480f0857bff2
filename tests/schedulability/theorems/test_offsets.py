"""Pipelines with offsets: by hand, beside the older bounds, and against schedules tick by tick."""

from __future__ import annotations

import random

import pytest

from rtsched.schedulability.models import Pipelines, PipelineTask, Stage
from rtsched.schedulability.theorems.offsets import Visitor, in_order, pipelines_offsets
from rtsched.schedulability.theorems.pipelines import holistic
from rtsched.schedulability.theorems.suspending import pipelines_suspending
from tests.schedulability.ticking_pipelines import drawn, longest_responses


def not_beaten(seeds: range | tuple[int, ...], runs: int) -> tuple[int, int]:
    """How many bounds no run of these systems beats, and how many a run attains."""
    bounds = attained = 0
    for seed in seeds:
        random_ = random.Random(seed)
        model = drawn(random_)
        result = pipelines_offsets(model)
        if result.verdict != "schedulable":
            continue
        for bound, seen in zip(result.bounds, longest_responses(model, random_, runs), strict=True):
            assert bound.wcrt is not None
            assert seen <= bound.wcrt, (seed, bound.task)
            bounds += 1
            attained += seen == bound.wcrt
    return bounds, attained


def test_what_a_job_brings_by_hand() -> None:
    """Stages of 3 and 2; the second is ready 4 to 12 after the arrival, and the job is over at 15; T = 20.

    Up to 4 ticks hold one of them. From the fifth on the window from the arrival holds both. In 9 ticks the second at
    its latest, at 12, and the next job's first, 8 later, are no more; from 13 on its second is there, too.
    """
    task = Visitor("t", 20, (3, 2), (0, 4), (0, 12), 15)
    assert [in_order(task, w) for w in (1, 4, 5, 9, 12, 13, 20, 21)] == [3, 3, 5, 5, 5, 7, 7, 8]
    assert [task.executed(w) for w in (1, 10, 11, 30, 31)] == [5, 5, 10, 10, 15]


def test_a_job_waits_once_for_what_comes_once() -> None:
    """By hand: the urgent job of 4 comes once into the 12 ticks of work of the other.

    The holistic analysis has it come into each of the four stages on the core, and a job before in front of each other.
    """
    urgent = PipelineTask("urgent", (Stage("cpu", 4),), 40, 40)
    net = PipelineTask("net", (Stage("cpu", 1), Stage("npu", 2)) * 4, 40, 40)
    model = Pipelines((urgent, net), {"cpu": "preemptive", "npu": "nonpreemptive"})
    assert pipelines_offsets(model).responses == [4, 16]
    assert holistic(model).responses == [4, 12 + 4 * 4 + 4 * 1]


def test_never_above_the_older_bounds() -> None:
    better = 0
    for seed in range(150):
        model = drawn(random.Random(seed))
        new = pipelines_offsets(model)
        for older in (holistic(model), pipelines_suspending(model)):
            if older.verdict == "schedulable":
                assert new.verdict == "schedulable", seed
                pairs = list(zip(new.responses, older.responses, strict=True))
                assert all(ours <= theirs for ours, theirs in pairs), seed
                better += any(ours < theirs for ours, theirs in pairs)
    assert better > 40


def test_no_schedule_beats_it() -> None:
    bounds, attained = not_beaten(range(40), 3)
    assert bounds > 30
    assert attained > bounds / 3


@pytest.mark.slow
def test_no_schedule_beats_it_in_many_systems() -> None:
    bounds, attained = not_beaten(range(1000, 6000), 6)
    assert attained > bounds / 2
