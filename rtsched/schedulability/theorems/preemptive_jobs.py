"""Jobs at known instants on one preemptive processor: Horn's rule, and fixed priorities.

Both orders rank jobs once for all, so the processor is predictable (Ha, Liu, ICDCS 1994): no job ends later when others
take less than they may. The schedule in which all take their C is therefore the worst one, and following it is exact.
With release jitter it is not; EDF still meets every deadline iff no interval [t, d] has to hold more work than its
length, counting what can be released at t or later and is due by d: a run that fails has such an interval, and whoever
releases all of this work from t on sees it fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import Literal

from rtsched import units
from rtsched.schedulability.result import Bound, Contribution, Failure, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged
from rtsched.schedulability.theorems.job_set_graph import Job

#: More jobs than this are not followed, nor is each instant of more with jitter.
MOST_JOBS, MOST_JITTERED = 200_000, 3_000


@dataclass(frozen=True)
class PreemptiveJobs:
    """Jobs of the tasks called `names` on one processor that can be preempted at any time.

    ``job.task`` is the position of its task. Jobs of one task run in their order; under FP a smaller ``job.priority``
    is more urgent, under EDF the earlier deadline, then the earlier release, task and number.
    """

    jobs: tuple[Job, ...]
    names: tuple[str, ...]
    order: Literal["FP", "EDF"]
    name: str = "jobs"

    def rank(self, job: Job) -> tuple[int, ...]:
        """The urgency of a job, the smallest first."""
        if self.order == "FP":
            return job.priority, job.task, job.number
        return job.deadline, job.r_min, job.task, job.number


def _fp(model: PreemptiveJobs) -> str | None:
    return None if model.order == "FP" else "it is about fixed priorities"


def _edf(model: PreemptiveJobs) -> str | None:
    return None if model.order == "EDF" else "it is about EDF"


def no_jitter(model: PreemptiveJobs) -> str | None:
    """Every release is one instant."""
    late = next((job for job in model.jobs if job.r_min < job.r_max), None)
    return None if late is None else f"it needs exact releases: {late.name!r} has jitter"


def deadlines_in_order(model: PreemptiveJobs) -> str | None:
    """Under EDF the deadlines of each task's jobs follow each other, for its jobs do."""
    by_task = sorted(model.jobs, key=lambda job: (job.task, job.number))
    for earlier, later in pairwise(by_task):
        if earlier.task == later.task and earlier.deadline > later.deadline:
            return f"a later job of {later.name!r} has an earlier deadline"
    return None


def completions(model: PreemptiveJobs) -> list[int]:
    """When each job ends if all take their C and none has jitter, by position.

    >>> jobs = (Job("low", 0, 0, 5, 5, 20, 2, 0), Job("high", 2, 2, 2, 2, 10, 1, 1))
    >>> completions(PreemptiveJobs(jobs, ("low", "high"), "FP"))
    [7, 4]
    """
    if len(model.jobs) > MOST_JOBS:
        raise NotConverged(f"there are {len(model.jobs)} jobs")
    coming = sorted(range(len(model.jobs)), key=lambda place: -model.jobs[place].r_min)
    left = [job.c_max for job in model.jobs]
    ends = [0] * len(left)
    ready: list[tuple[tuple[int, ...], int]] = []
    now = 0
    while coming or ready:
        if not ready:
            now = max(now, model.jobs[coming[-1]].r_min)
        while coming and model.jobs[coming[-1]].r_min <= now:
            place = coming.pop()
            heappush(ready, (model.rank(model.jobs[place]), place))
        place = ready[0][1]
        until = now + left[place]
        if coming and model.jobs[coming[-1]].r_min < until:
            left[place] -= model.jobs[coming[-1]].r_min - now
            now = model.jobs[coming[-1]].r_min
        else:
            heappop(ready)
            ends[place] = now = until
    return ends


@theorem(
    "horn-edf",
    title="EDF, jobs at known instants on one preemptive processor (Horn's rule)",
    strength="exact",
    citation="Horn, Naval Research Logistics Quarterly 21(1), 1974",
    model=PreemptiveJobs,
    needs=(_edf, deadlines_in_order),
)
def horn_edf(model: PreemptiveJobs) -> Result:
    """Horn: EDF meets all deadlines if any policy does. Exact, with response times where no release has jitter.

    >>> rows = [(0, 1, 2), (0, 2, 5), (2, 2, 4), (3, 2, 10), (6, 2, 9)]    # release, C, deadline: Buttazzo, ch. 3
    >>> jobs = tuple(Job(f"J{i}", r, r, 1, C, d, 0, i) for i, (r, C, d) in enumerate(rows))
    >>> model = PreemptiveJobs(jobs, tuple(job.name for job in jobs), "EDF")
    >>> horn_edf(model).verdict, completions(model)
    ('schedulable', [1, 5, 4, 9, 8])
    """
    return _followed(model) if no_jitter(model) is None else _demanded(model)


@theorem(
    "fp-releases",
    title="Fixed priorities, jobs at known instants on one preemptive processor",
    strength="exact",
    citation="Ha, Liu, ICDCS 1994 (predictable: the schedule with every C is the worst); the schedule is followed",
    model=PreemptiveJobs,
    needs=(_fp, no_jitter),
)
def fp_releases(model: PreemptiveJobs) -> Result:
    """The schedule in which all jobs take their C: it has the latest end of each of them."""
    return _followed(model)


def _followed(model: PreemptiveJobs) -> Result:
    """The verdict of the schedule in which every job takes its C, and the worst response of each task in it."""
    ends = completions(model)
    worst: dict[int, tuple[int, Job]] = {}
    limits: dict[int, int] = {}
    tardy: set[int] = set()
    failed: tuple[int, Job] | None = None
    for end, job in zip(ends, model.jobs, strict=True):
        if job.task not in worst or end - job.r_min > worst[job.task][0]:
            worst[job.task] = end - job.r_min, job
        limits[job.task] = min(limits.get(job.task, job.deadline), job.deadline - job.r_min)
        if end > job.deadline:
            tardy.add(job.task)
            if failed is None or job.deadline < failed[1].deadline:
                failed = end, job
    bounds = []
    for task, name in enumerate(model.names):
        response, job = worst[task]
        waits = response - job.c_max
        parts = [Contribution("own", name, job.c_max)] + [
            Contribution("interference", "more urgent jobs", waits)
        ] * bool(waits)
        # where deadlines differ by job, the longest response may be in time though it exceeds the least of them
        exact = task in tardy or response <= limits[task]
        bounds.append(Bound(name, response, limits[task], tuple(parts), exact=exact))
    if failed is None:
        return Result("schedulable", tuple(bounds))
    end, job = failed
    time = units.format_duration
    why = (
        f"the job of {job.name!r} that is released at {time(job.r_min, digits=6)} ends at {time(end, digits=6)} and is "
        f"due at {time(job.deadline, digits=6)}"
    )
    failure = Failure(job.name, why, end - job.r_min, job.deadline - job.r_min)
    return Result("unschedulable", tuple(bounds), first_failure=failure)


def _demanded(model: PreemptiveJobs) -> Result:
    """The verdict of the demand of all intervals, which knows jitter and no response times."""
    if len(model.jobs) > MOST_JITTERED:
        raise NotConverged(f"there are {len(model.jobs)} jobs with jitter")
    bounds = tuple(
        Bound(name, None, min(job.deadline - job.r_min for job in model.jobs if job.task == task))
        for task, name in enumerate(model.names)
    )
    found = overload(model.jobs)
    if found is None:
        return Result("schedulable", bounds)
    begin, demand, job = found
    time = units.format_duration
    length = job.deadline - begin
    why = f"{job.name!r} may be late: {time(demand, digits=6)} of work can be due within {time(length, digits=6)} "
    why += f"from {time(begin, digits=6)} on"
    return Result("unschedulable", bounds, first_failure=Failure(job.name, why, demand, length))


def overload(jobs: Sequence[Job]) -> tuple[int, int, Job] | None:
    """An interval with more work than its length: its begin, the work, and the job due at its end; None without one."""
    by_deadline = sorted(jobs, key=lambda job: job.deadline)
    for begin in sorted({job.r_max for job in jobs} | {job.r_min for job in jobs}):
        demand = 0
        for job in by_deadline:
            if job.r_max >= begin:
                demand += job.c_max
                if demand > job.deadline - begin:
                    return begin, demand, job
    return None
