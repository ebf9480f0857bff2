"""Non-preemptive job sets (A10): exact on one processor, sufficient on several; and the files that describe them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rtsched.errors import InputError
from rtsched.model.document import read_text
from rtsched.schedulability.result import Bound, Failure, Result, explain, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged
from rtsched.schedulability.theorems.job_set_graph import (
    MOST_STATES,
    NEVER,
    Abort,
    Graph,
    Job,
    JobSet,
    OneProcessor,
    Policy,
    SeveralProcessors,
    Span,
    Starved,
)

__all__ = ["Job", "JobSet", "completions", "explore", "np_job_sets", "np_job_sets_global", "read_csv"]


def explore(model: JobSet, cap: int = MOST_STATES) -> Graph:
    """The whole graph; NotConverged beyond `cap` states."""
    graph = OneProcessor(model, cap) if model.m == 1 else SeveralProcessors(model, cap)
    graph.run()
    return graph


def completions(model: JobSet, cap: int = MOST_STATES) -> list[Span]:
    """Earliest and latest completion of each job: exact on one processor, a superset on several (see the module).

    Jobs that may take no time at all can widen it on one processor too. Raises NotConverged beyond `cap` states.

    >>> completions(JobSet((Job("low", 0, 0, 2, 2, 10, 2), Job("high", 0, 8, 2, 2, 10, 1))))
    [(2, 4), (2, 10)]
    """
    graph = explore(model, cap)
    return [(graph.best[k], graph.worst[k]) for k in sorted(range(len(graph.order)), key=graph.order.__getitem__)]


def _one(model: JobSet) -> str | None:
    return None if model.m == 1 else f"it is about one processor; there are {model.m}"


def _several(model: JobSet) -> str | None:
    return None if model.m > 1 else "it is about several processors; for one there is np-job-sets"


@theorem(
    "np-job-sets",
    title="Non-preemptive job set, graph of all schedules (A10)",
    strength="exact",
    citation="Nasri, Brandenburg, RTSS 2017",
    model=JobSet,
    needs=(_one,),
)
def np_job_sets(model: JobSet) -> Result:
    """Best and worst completions over all releases and execution times; also where jobs stop or a policy idles.

    Figure 1 of the paper: every job ends in time if all take their longest, but not in every case. Once the first
    jobs end early, the third task's one starts before the second job of task 1, due at 20:

    >>> times = [(0, 1, 2, 10), (10, 1, 2, 20), (20, 1, 2, 30), (30, 1, 2, 40), (40, 1, 2, 50), (50, 1, 2, 60)]
    >>> times += [(0, 7, 8, 30), (30, 7, 7, 60), (0, 3, 13, 60)]
    >>> jobs = [Job(f"J{i}", r, r, least, most, d, d) for i, (r, least, most, d) in enumerate(times, 1)]
    >>> result = np_job_sets(JobSet(tuple(jobs)))
    >>> result.verdict, result.first_failure.task, [latest for _, latest in completions(JobSet(tuple(jobs)))]
    ('unschedulable', 'J2', [2, 24, 27, 32, 42, 52, 10, 39, 25])
    """
    graph = OneProcessor(model, MOST_STATES)
    try:
        graph.run(settle=True)
    except NotConverged as cut:
        # Each state is reached by a schedule: what is late, or never starts, among the states so far is so.
        if graph.exact and isinstance(cut, Starved):
            return Result("unschedulable", first_failure=Failure(cut.job, str(cut)), reason=str(cut))
        if graph.late is None or not graph.exact:
            raise
        graph.whole = False
    return _judged(graph) if graph.whole else _late(graph)


def _late(graph: Graph) -> Result:
    """What is settled although not all states were seen."""
    late = next(bound for bound in _bounds(graph) if bound.slack is not None and bound.slack < 0)
    return Result("unschedulable", first_failure=explain(late), reason="a job is late; not all states were seen")


@theorem(
    "np-job-sets-global",
    title="Non-preemptive job set on several identical processors, graph of schedules",
    strength="sufficient",
    citation="Nasri, Nelissen, Brandenburg, ECRTS 2018",
    model=JobSet,
    needs=(_several,),
)
def np_job_sets_global(model: JobSet) -> Result:
    """Bounds on the completions under global work-conserving dispatch; sufficient: a late bound proves nothing.

    >>> jobs = (Job("a", 0, 0, 2, 4, 7, 1), Job("b", 0, 0, 10, 15, 20, 2), Job("c", 5, 5, 1, 7, 15, 3))
    >>> np_job_sets_global(JobSet(jobs, m=2)).responses
    [4, 15, 7]
    """
    return _judged(explore(model))


def _bounds(graph: Graph) -> list[Bound]:
    """The latest completions found so far as response times, by position."""
    found = {}
    for position, job, latest in zip(graph.order, graph.jobs, graph.worst, strict=True):
        found[position] = Bound(job.name, latest - job.r_min if latest > -NEVER else None, job.deadline - job.r_min)
    return [found[position] for position in sorted(found)]


def _judged(graph: Graph) -> Result:
    return replace(from_bounds(_bounds(graph), exact=graph.exact), details={"states": graph.states})


_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_JOBS = "task, job, release min, release max, cost min, cost max, deadline, priority"
_EDGES = "predecessor task, predecessor job, successor task, successor job"
_ABORTS = "task, job, trigger min, trigger max, cleanup min, cleanup max"


def read_csv(
    jobs: str | Path,
    precedence: str | Path | None = None,
    aborts: str | Path | None = None,
    m: int = 1,
    policy: Policy = "work-conserving",
) -> JobSet:
    """A job set from the files of np-schedulability-analysis: a header line, then rows of integers.

    Raises InputError with the line that cannot be used.
    """
    made: list[Job] = []
    places: dict[tuple[int, int], int] = {}
    for at, (task, number, *times, priority) in _rows(jobs, _JOBS):
        if (task, number) in places:
            raise InputError(f"{at}: job {number} of task {task} stands here again; give it a number of its own")
        places[task, number] = len(made)
        r_min, r_max, c_min, c_max, deadline = times
        try:
            made.append(Job(f"T{task}J{number}", r_min, r_max, c_min, c_max, deadline, priority, task, number))
        except ValueError as error:
            raise InputError(f"{at}: {error}") from None
    if not made:
        raise InputError(f"{jobs}: no jobs; add a row each: {_JOBS}")

    def place(at: str, task: int, number: int) -> int:
        if (task, number) not in places:
            raise InputError(f"{at}: there is no job {number} of task {task}; name one of {jobs}")
        return places[task, number]

    edges = [(place(at, a, b), place(at, c, d)) for at, (a, b, c, d) in _rows(precedence, _EDGES)]
    stops: dict[int, Abort] = {}
    for at, (task, number, first, last, least, most) in _rows(aborts, _ABORTS):
        if not (first <= last and 0 <= least <= most):
            raise InputError(f"{at}: triggers or cleanups are out of order; write least, most, from cleanup 0")
        stops[place(at, task, number)] = first, last, least, most
    try:
        return JobSet(tuple(made), m, tuple(edges), stops, policy, Path(jobs).stem)
    except ValueError as error:
        raise InputError(f"{jobs if precedence is None else precedence}: {error}") from None


def _rows(path: str | Path | None, columns: str) -> Iterator[tuple[str, list[int]]]:
    """The rows below the header as integers, each with its place; none without a file."""
    if path is None:
        return
    try:
        lines = list(enumerate(csv.reader(read_text(path).splitlines()), 1))
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    wanted = columns.count(",") + 1
    for number, cells in lines:
        row, at = [cell.strip() for cell in cells], f"{path}:{number}"
        odd = next((cell for cell in row if not _INTEGER.fullmatch(cell)), None)
        if number == 1 and row and odd is None:
            raise InputError(f"{at}: the first line is a header, and this is a row; put one above: {columns}")
        if number == 1 or not any(row):
            continue
        if len(row) != wanted:
            raise InputError(f"{at}: {len(row)} columns instead of {wanted}; write {columns}")
        if odd is not None:
            raise InputError(f"{at}: {odd!r} is no integer; scale the times to whole ticks")
        yield at, [int(cell) for cell in row]
