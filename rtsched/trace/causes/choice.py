"""Which job of a run is to be explained: by name, the first that missed, or the one that was the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtsched.errors import InputError
from rtsched.trace.causes.explanation import number_of
from rtsched.trace.trace import ABORTED, DROPPED, LATE

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace


def chosen(trace: Trace, job: str | None, *, first_miss: bool = False, worst: bool = False) -> int:
    """The number of the job that is meant by ``task[index]``, by a task, or by nothing. Raises InputError."""
    if first_miss and worst:
        raise InputError("--first-miss and --worst are two jobs; leave one out")
    task, index = parsed(trace, job)
    if index is not None and task is not None:
        if first_miss or worst:
            raise InputError(f"{job!r} is one job, and --first-miss or --worst another; write the task alone: {task}")
        return number_of(trace, task, index)
    if not len(trace.jobs):
        raise InputError("the run has no jobs; run for longer (--until)")
    found = None if worst else first_missed(trace, task)
    if found is None and first_miss:
        of = "" if task is None else f" of {task}"
        raise InputError(f"no job{of} missed its deadline in this run; ask for --worst")
    return latest(trace, task) if found is None else found


def parsed(trace: Trace, job: str | None) -> tuple[str | None, int | None]:
    """The task and the index that ``task[index]`` names; names of tasks may have brackets themselves."""
    names = [task.name for task in trace.system.tasks]
    if job is None or job in names:
        return job, None
    task, bracket, rest = job.rpartition("[")
    if bracket and rest.endswith("]") and rest[:-1].isdecimal():
        return task, int(rest[:-1])
    raise InputError(f"no task is called {job!r}, and it is no job as 'camera[2]'; the tasks are: {', '.join(names)}")


def first_missed(trace: Trace, task: str | None) -> int | None:
    """The job (of a task) that missed first: late, dropped or aborted; None: none did."""
    mine = _of(trace, task)
    missed = mine[np.isin(trace.jobs["outcome"][mine], (LATE, DROPPED, ABORTED))]
    return int(missed[np.argmin(trace.jobs["deadline"][missed])]) if len(missed) else None


def latest(trace: Trace, task: str | None) -> int:
    """The job (of a task) that ended the latest against its deadline; what never finished counts until its end."""
    mine = _of(trace, task)
    ends = np.array(trace.history.ends)[mine]
    return int(mine[np.argmax(ends - trace.jobs["deadline"][mine])])


def _of(trace: Trace, task: str | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if task is None:
        return np.arange(len(trace.jobs))
    index = next(each.index for each in trace.system.tasks if each.name == task)
    mine = trace.numbers(index)
    if not len(mine):
        raise InputError(f"{task} has no jobs in this run; run for longer (--until)")
    return mine
