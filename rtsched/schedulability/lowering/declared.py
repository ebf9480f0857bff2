"""The phases exactly as a file declares them: the exact answer for periodic queues that are never preempted (A10).

The sporadic model lets every phase drift. Where phases are held (one timer, one clock), fewer interleavings exist, and
the schedule-abstraction graph decides over one hyperperiod: the one that begins at an instant that no job crosses, and
what comes before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.schedulability.lowering.group import View
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.theorems.job_sets import Job, JobSet, np_job_sets

#: Larger job sets are not looked at.
MOST_JOBS = 5_000


def boundary(tasks: Sequence[TaskSpec]) -> int | None:
    """An instant after all offsets that no job crosses if deadlines are met: where a hyperperiod can begin.

    Looked for among arrivals; None if there is none, or too many jobs lie before it.
    """
    periods = [task.period or 0 for task in tasks]
    H = math.lcm(*periods)
    start = max(task.offset for task in tasks)
    if (start + 2 * H) * sum(1 / period for period in periods) > MOST_JOBS:
        return None
    arrivals = sorted(
        {t for task in tasks for t in range(task.offset, start + H + 1, task.period or 1) if t >= start} | {start}
    )
    for t in arrivals:
        if all(_clear(task, t) for task in tasks):
            return t
    return None


def _clear(task: TaskSpec, t: int) -> bool:
    """Whether no job of the task that is in time is open at t."""
    assert task.period is not None
    phase = (t - task.offset) % task.period
    return phase == 0 or phase >= task.deadline


def job_set(view: View, system: SystemSpec) -> JobSet | None:
    """The jobs of the part up to the end of one hyperperiod; None where the exact analysis does not apply."""
    model = next((model for model in view.models if isinstance(model, Uniprocessor)), None)
    if model is None or model.mode != "nonpreemptive" or model.order not in ("FP", "EDF"):
        return None
    tasks = [system.tasks[index] for index in view.tasks]
    periodic = all(
        task.arrival.kind == "periodic" and task.period and task.count is None and task.deadline <= task.period
        for task in tasks
    )
    if not periodic or (model.order == "EDF" and any(task.jitter for task in tasks)):
        return None
    at = boundary(tasks)
    if at is None:
        return None
    end = at + math.lcm(*(task.period or 1 for task in tasks))
    jobs: list[Job] = []
    for place, (task, each) in enumerate(zip(tasks, model.tasks, strict=True)):
        for number, arrival in enumerate(range(task.offset, end, task.period or 1)):
            deadline = arrival + task.deadline
            urgency = place if model.order == "FP" else deadline
            name = f"job {number} of {task.name}"
            jobs.append(Job(name, arrival, arrival + task.jitter, 1, each.C, deadline, urgency, place, number))
    if model.order == "EDF":  # ties by release, then task (R4)
        jobs.sort(key=lambda job: (job.deadline, job.r_min, job.task, job.number))
        jobs = [replace(job, priority=rank) for rank, job in enumerate(jobs)]
    return JobSet(tuple(jobs), name=view.name)


def as_declared(view: View, system: SystemSpec) -> Result | None:
    """The exact verdict for the phases as they are declared, with a bound per task; None where it does not apply."""
    jobs = job_set(view, system)
    if jobs is None:
        return None
    found = np_job_sets(jobs)
    details = {"jobs": len(jobs.jobs)}
    if found.verdict != "schedulable":  # bounds would hold only for the jobs looked at
        return replace(found, verdict=found.verdict if view.exact else "unknown", bounds=(), details=details)
    bounds = []
    for place, index in enumerate(view.tasks):
        task = system.tasks[index]
        each = [bound for bound, job in zip(found.bounds, jobs.jobs, strict=True) if job.task == place]
        worst = max((bound.wcrt for bound in each if bound.wcrt is not None), default=None)
        bounds.append(Bound(task.name, worst, task.deadline, test="np-job-sets", exact=view.exact))
    return replace(found, bounds=tuple(bounds), details=details)
