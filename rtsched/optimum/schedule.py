"""The best schedule as a trace, so that whatever shows a run shows it, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rtsched.optimum.solver import Solution
from rtsched.optimum.window import TimeWindow
from rtsched.trace.trace import (
    ANSWERS,
    CHOICES,
    COMPLETED,
    DECISIONS,
    DROP,
    DROPPED,
    FINISH,
    JOBS,
    LATE,
    OK,
    PREEMPTED,
    ProcessorCounters,
    Trace,
)

#: What the picture says instead of a policy.
NAME = "optimum"


def as_trace(window: TimeWindow, answer: Solution, bare: Trace) -> Trace:
    """The schedule of `answer` as a run of the system of `bare`, a run of the same seed without any work."""
    rows = sorted(_jobs(window, answer), key=lambda row: (row[4], row[1], row[2]))
    number = {row[0]: place for place, row in enumerate(rows)}
    slices = [
        (run.start, run.end, number[run.job], run.node, run.processor, COMPLETED if run.final else PREEMPTED)
        for run in sorted(answer.runs, key=lambda run: (run.end, run.processor))
    ]
    end = max([bare.until, *(run.end for run in answer.runs)])
    counters = []
    for place in range(len(bare.system.processors)):
        mine = [run for run in answer.runs if run.processor == place]
        counters.append(ProcessorCounters(sum(run.end - run.start for run in mine), 0, len(mine), 0, 0))
    return replace(
        bare,
        scheduler=NAME,
        end=end,
        jobs=np.array([row[1:] for row in rows], JOBS),
        slices=np.array(slices, bare.slices.dtype),
        logged=np.array(sorted(_decisions(window, answer, bare, rows)), DECISIONS),
        answers=np.empty(0, ANSWERS),
        choices=np.array(sorted(_choices(window, answer, bare, number)), CHOICES),
        processors=tuple(counters),
        energy=None,
    )


def _jobs(window: TimeWindow, answer: Solution) -> Iterator[tuple[int, ...]]:
    """Each job that comes: its place in the window, then its row; who answers nobody in time is dropped."""
    ends = {place: [run.end for run in answer.runs if run.job == place] for place in answer.ways}
    starts = {place: [run.start for run in answer.runs if run.job == place] for place in answer.ways}
    for place, job in enumerate(window.jobs):
        arrival, release, deadline = job.arrival, job.release, job.deadline
        if job.follows is not None:
            if job.follows not in answer.ways:
                continue
            arrival = release = max(ends[job.follows], default=arrival)
            deadline = release + job.span
        done = place in answer.ways
        start, finish = (min(starts[place], default=-1), max(ends[place], default=release)) if done else (-1, -1)
        outcome = DROPPED if not done else OK if finish <= deadline else LATE
        yield place, job.task, job.index, arrival, release, deadline, start, finish, outcome


def _decisions(
    window: TimeWindow, answer: Solution, bare: Trace, rows: list[tuple[int, ...]]
) -> Iterator[tuple[int, int, int, int, int]]:
    """Which jobs are given up, and which are finished before all their nodes are done."""
    for number, (place, task, _, _, release, *_, finish, outcome) in enumerate(rows):
        if outcome == DROPPED:
            yield release, number, -1, -1, DROP
        elif len(window.jobs[place].ways[answer.ways[place]].steps) < len(bare.system.tasks[task].nodes):
            yield finish, number, -1, -1, FINISH


def _choices(
    window: TimeWindow, answer: Solution, bare: Trace, number: dict[int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """What each node started as, of tasks with variants."""
    seen = set()
    for run in sorted(answer.runs, key=lambda run: run.start):
        quality = bare.system.tasks[window.jobs[run.job].task].quality
        if quality is not None and quality.variants and (run.job, run.node) not in seen:
            seen.add((run.job, run.node))
            names = [variant.name for variant in quality.variants]
            yield run.start, number[run.job], run.node, names.index(run.mode)
