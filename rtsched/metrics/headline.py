"""The figures of a run in one line, for people."""

from __future__ import annotations

from rtsched import units
from rtsched.metrics.figures import Summary


def headline(figures: Summary) -> str:
    """The one line that says what to look at."""
    busiest = max(figures.processors, key=lambda processor: processor.utilisation)
    load = f"{busiest.name} is busy {_percent(busiest.utilisation)} of the time"
    missing = [task for task in figures.tasks if task.misses]
    unfinished = sum(task.unfinished for task in figures.tasks)
    still_open = (
        f"{_jobs(unfinished)} still open at the end, before {'its deadline' if unfinished == 1 else 'their deadlines'}"
    )
    if not figures.jobs and unfinished:
        return f"No job was judged: {still_open}; {load}."
    if not figures.jobs:
        return "No job was released; look at the offsets and at the length of the run."
    if not missing:
        done = [task for task in figures.tasks if task.response.max is not None]
        tight = max(done, key=lambda task: (task.response.max or 0) / task.deadline)
        share = (tight.response.max or 0) / tight.deadline
        return (
            f"{_all(figures.jobs, still_open if unfinished else '')}; the tightest is {tight.name}, whose slowest job "
            f"used {_percent(share)} of its deadline; {load}."
        )
    worst = max(missing, key=lambda task: (task.criticality == "hard", task.miss_ratio or 0.0))
    first = (
        f"{'Hard task ' if worst.criticality == 'hard' else ''}{worst.name} misses {_percent(worst.miss_ratio or 0)}"
    )
    first += " of its deadlines"
    if worst.tardiness_max:
        first += f", by up to {units.format_duration(worst.tardiness_max, digits=3)}"
    parts = [first]
    if len(missing) > 1:
        parts.append(f"{len(missing) - 1} more {'task misses' if len(missing) == 2 else 'tasks miss'} some")
    lost = sum(task.dropped + task.aborted for task in missing)
    if lost:
        parts.append(f"{lost} {'job was' if lost == 1 else 'jobs were'} dropped or aborted")
    if figures.deadlock_count:
        first = units.format_duration(figures.deadlocks[0].time, digits=4)
        parts.append(
            f"deadlock at {first}" + (f" and {figures.deadlock_count - 1} more" if figures.deadlock_count > 1 else "")
        )
    if figures.stranded_count:
        parts.append(f"{_jobs(figures.stranded_count)} can never finish")
    if unfinished:
        parts.append(still_open)
    return "; ".join([*parts, load]) + "."


def _all(jobs: int, still_open: str) -> str:
    if still_open:
        return f"{_jobs(jobs)} met {'its deadline' if jobs == 1 else 'their deadlines'}, and {still_open}"
    return "The only job met its deadline" if jobs == 1 else f"All {jobs} jobs met their deadlines"


def _jobs(count: int) -> str:
    return f"{count} {'job' if count == 1 else 'jobs'}"


def _percent(share: float) -> str:
    """A share as a percentage: never 0 % or 100 % unless it is exactly that."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"
