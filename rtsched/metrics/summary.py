"""What a run amounts to: pure functions of a trace.

Definitions: a job *misses* when it is late, dropped or aborted; a response time runs from the arrival (jitter inside)
to the finish; ANTT, STP and fairness as Eyerman and Eeckhout (IEEE Micro 28(3), 2008) define them, with the critical
path of a task on its fastest processors as its time alone. Response times are those of finished jobs; a task that had
jobs and finished none has made no progress: fairness is then 0, and the mean turnaround time (ANTT) unbounded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rtsched.metrics.chains import begun, chain_figures, data_ages, latencies, measured, reaction_times
from rtsched.metrics.figures import (
    ChainFigures,
    DeadlockFigures,
    MeasureFigures,
    MissesFigures,
    ProcessorFigures,
    Response,
    Summary,
    TaskFigures,
)
from rtsched.metrics.hardware import hardware
from rtsched.metrics.headline import headline
from rtsched.metrics.single import mk, most_misses, output_jitter, start_jitter
from rtsched.metrics.tally import Tally
from rtsched.model.collector import collector_paused
from rtsched.model.taskgraph import TaskSpec
from rtsched.trace.trace import ABORTED, DROPPED, LATE, OK, UNFINISHED, Trace

__all__ = [
    "ChainFigures",
    "Summary",
    "TaskFigures",
    "begun",
    "data_ages",
    "headline",
    "latencies",
    "measured",
    "mk",
    "output_jitter",
    "reaction_times",
    "start_jitter",
    "summary",
]


@collector_paused()
def summary(trace: Trace) -> Summary:
    """The figures of a run, from its trace, or from its tally if it kept none."""
    tally = trace.tally
    if trace.kept:
        tally = Tally(trace.system, trace.warm_up, exact=True)
        if len(trace.jobs):
            tally.update(trace.jobs)
        tally.judge(trace.answers)
        tally.changes.update(trace.changes[trace.changes["time"] <= trace.end])
    sums = _Sums(tally)
    tasks = tuple(_task(spec, sums, index) for index, spec in enumerate(trace.system.tasks))
    tasks = _in_a_row(trace, tasks)
    jobs = sum(task.jobs for task in tasks)
    misses = sum(task.misses for task in tasks)
    antt, stp, fairness = _progress(tasks)
    measures = _measures(trace, tasks)
    only = measures[0] if len(measures) == 1 else None
    figures = Summary(
        system=trace.system.name,
        scheduler=trace.scheduler,
        seed=trace.seed,
        until=trace.until,
        end=trace.end,
        warm_up=trace.warm_up,
        jobs=jobs,
        misses=misses,
        miss_ratio=misses / jobs if jobs else None,
        antt=antt,
        stp=stp,
        fairness=fairness,
        accuracy=None if only is None else only.accuracy,
        effective_accuracy=None if only is None else only.effective_accuracy,
        measures=measures,
        tasks=tasks,
        processors=_processors(trace),
        chains=tuple(chain_figures(trace, chain) for chain in trace.system.chains),
        hardware=hardware(trace, [sum(counts) for counts in sums.outcomes], tally.changes),
        deadlocks=tuple(DeadlockFigures(each.time, str(each)) for each in trace.deadlocks),
        deadlock_count=trace.deadlock_count,
        stranded=trace.stranded,
        stranded_count=trace.stranded_count,
        standstill=trace.standstill,
        planned=trace.planned,
        assumed=trace.system.assumed,
        headline="",
        id=trace.system.id,
    )
    return replace(figures, headline=headline(figures))


def _in_a_row(trace: Trace, tasks: tuple[TaskFigures, ...]) -> tuple[TaskFigures, ...]:
    """The tasks with the misses in a row of those that limit them; only a kept trace knows."""
    limits = [spec.misses for spec in trace.system.tasks]
    if not trace.kept or not any(limits):
        return tasks
    return tuple(
        task
        if limit is None
        else replace(task, misses_in_a_row=MissesFigures(limit.most, limit.of, most_misses(trace, index, limit.of)))
        for index, (task, limit) in enumerate(zip(tasks, limits, strict=True))
    )


def _progress(tasks: tuple[TaskFigures, ...]) -> tuple[float | None, float | None, float | None]:
    """ANTT, STP and fairness over the tasks that had jobs; one that finished none of them counts as standing still."""
    had_jobs = [task for task in tasks if task.jobs]
    slow = [task.slowdown for task in had_jobs if task.slowdown]
    speeds = [1 / value for value in slow]
    if not slow:
        return None, 0.0 if had_jobs else None, None
    if len(slow) < len(had_jobs):
        return None, sum(speeds), 0.0
    return sum(slow) / len(slow), sum(speeds), min(slow) / max(slow)


class _Sums:
    """The sums of a tally as Python's own numbers: of one task after the other they are read much faster."""

    def __init__(self, tally: Tally) -> None:
        answers = tally.answers
        self.tally = tally
        self.outcomes: list[list[int]] = tally.outcomes.tolist()
        self.finished: list[int] = tally.finished.tolist()
        self.least: list[int] = tally.least.tolist()
        self.most: list[int] = tally.most.tolist()
        self.lateness: list[int] = tally.lateness.tolist()
        self.longest_miss_runs: list[int] = tally.runs.longest.tolist()
        self.given: list[int] = answers.given.tolist()
        self.right: list[int] = answers.right.tolist()
        self.worth: list[int] = answers.worth.tolist()
        self.chosen = answers.chosen


def _task(spec: TaskSpec, sums: _Sums, index: int) -> TaskFigures:
    counts = sums.outcomes[index]
    jobs = sum(counts) - counts[UNFINISHED]
    misses = counts[LATE] + counts[DROPPED] + counts[ABORTED]
    response = _response(sums, index)
    finished, lateness, given = sums.finished[index], sums.lateness[index], sums.given[index]
    measured = spec.quality is not None and spec.quality.measured
    return TaskFigures(
        name=spec.name,
        criticality=spec.criticality,
        deadline=spec.deadline,
        jobs=jobs,
        ok=counts[OK],
        late=counts[LATE],
        dropped=counts[DROPPED],
        aborted=counts[ABORTED],
        unfinished=counts[UNFINISHED],
        finished=finished,
        misses=misses,
        miss_ratio=misses / jobs if jobs else None,
        longest_miss_run=sums.longest_miss_runs[index],
        response=response,
        lateness_max=lateness if finished else None,
        tardiness_mean=sums.tally.tardiness[index] / finished if finished else None,
        tardiness_max=max(0, lateness) if finished else None,
        slowdown=response.mean / spec.critical_path if response.mean is not None else None,
        measure=spec.quality.measure if measured and spec.quality is not None else None,
        accuracy=sums.right[index] / given if measured and given else None,
        effective_accuracy=sums.worth[index] / 1e6 / jobs if measured and jobs else None,
        variants=_ways(spec, sums.chosen[index]),
        id=spec.id,
    )


def _ways(spec: TaskSpec, counts: NDArray[np.int64]) -> dict[str, int] | None:
    """How often each variant or exit gave the answer."""
    if spec.quality is None or not (spec.quality.variants or spec.quality.exits):
        return None
    names = [way.name for way in spec.quality.variants or spec.quality.exits]
    return dict(zip(names, counts.tolist(), strict=True))


def _measures(trace: Trace, tasks: tuple[TaskFigures, ...]) -> tuple[MeasureFigures, ...]:
    """The accuracies by measure, in the order of the tasks."""
    groups: dict[str, list[tuple[float, TaskFigures]]] = {}
    for spec, task in zip(trace.system.tasks, tasks, strict=True):
        if task.measure is not None:
            groups.setdefault(task.measure, []).append((spec.weight, task))
    return tuple(
        MeasureFigures(
            name,
            tuple(task.name for _, task in group),
            _weighted([(weight, task.accuracy) for weight, task in group]),
            _weighted([(weight, task.effective_accuracy) for weight, task in group]),
        )
        for name, group in groups.items()
    )


def _weighted(values: list[tuple[float, float | None]]) -> float | None:
    """The mean of the values that there are, by their weights."""
    pairs = [(weight, value) for weight, value in values if value is not None]
    return sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs) if pairs else None


def _response(sums: _Sums, index: int) -> Response:
    finished = sums.finished[index]
    if not finished:
        return Response(None, None, None, None, None, None, None, None)
    p50, p95, p99 = sums.tally.percentiles(index, (0.5, 0.95, 0.99))
    least, most = sums.least[index], sums.most[index]
    return Response(
        min=least,
        mean=sums.tally.totals[index] / finished,
        p50=p50,
        p95=p95,
        p99=p99,
        max=most,
        jitter=most - least,
        normalised=sums.tally.normalised(index) / finished,
    )


def _processors(trace: Trace) -> tuple[ProcessorFigures, ...]:
    length = max(1, trace.end)
    return tuple(
        ProcessorFigures(
            name=spec.name,
            cluster=spec.cluster,
            utilisation=(counters.busy - counters.waiting) / length,
            waiting=counters.waiting / length,
            overhead=counters.overhead / length,
            starts=counters.starts,
            preemptions=counters.preemptions,
            migrations=counters.migrations,
        )
        for spec, counters in zip(trace.system.processors, trace.processors, strict=True)
    )
