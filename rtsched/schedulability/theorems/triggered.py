"""EDF on one processor where jobs also release jobs: the completion of one task is the arrival of another.

A triggered task arrives as often as its trigger, but as much later as that one takes to respond. Look at the first
deadline that would be missed: every trigger that completed before it did so by its own deadline. So the activations
of a triggered task deviate from periodic ones by at most the deadline of its trigger (and the deviation of that one),
and its own deadline counts from there: in an interval of t there are at most floor((t - D + J) / T) + 1 jobs of it
with release and deadline inside, and none if t < D. The demand test with these counts holds for all tasks or for
none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from heapq import heapify, heappop, heappush

from rtsched import units
from rtsched.schedulability import needs
from rtsched.schedulability.models import Mode, Sporadic
from rtsched.schedulability.result import Bound, Failure, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged


@dataclass(frozen=True)
class TriggeredEDF:
    """Sporadic tasks under EDF on one processor; ``after[i]`` is the place of the task whose completions release i."""

    tasks: tuple[Sporadic, ...]
    after: tuple[int | None, ...]
    mode: Mode = "preemptive"
    name: str = "processor"

    def root(self, index: int) -> int:
        """The task whose arrivals the releases of a task go back to; itself where nobody releases it."""
        seen: set[int] = set()
        while (before := self.after[index]) is not None and index not in seen:
            seen.add(index)
            index = before
        return index

    def lateness(self, index: int) -> int:
        """How much the releases of a task deviate from periodic ones."""
        before = self.after[index]
        if before is None:
            return self.tasks[index].J
        return (
            self.lateness(before) + self.tasks[before].D - (self.tasks[before].J if self.after[before] is None else 0)
        )

    def first(self, index: int) -> int:
        """The shortest interval that holds a release and the deadline of its job."""
        task = self.tasks[index]
        return task.D if self.after[index] is not None else task.D - task.J


def triggers_known(model: TriggeredEDF) -> str | None:
    """Triggers do not go round in a circle."""
    for index in range(len(model.tasks)):
        seen: set[int] = set()
        at: int | None = index
        while at is not None:
            if at in seen:
                return f"the triggers of {model.tasks[index].name!r} go round in a circle"
            seen.add(at)
            at = model.after[at]
    return None


@theorem(
    "edf-triggered",
    title="EDF with tasks that release each other, processor demand",
    strength="sufficient",
    citation="demand criterion (George, Rivierre, Spuri 1996) with the jitter of a trigger; derived in the module",
    model=TriggeredEDF,
    needs=(triggers_known, needs.no_suspension, needs.no_blocking),
    interlocked=True,
)
def edf_triggered(model: TriggeredEDF) -> Result:
    """For all t: blocking(t) + Σ (floor((t - D + J) / T) + 1) C <= t, from the first deadline on.

    >>> tasks = Sporadic("keyword", 1, 30, 30), Sporadic("speech", 9, 30, 30), Sporadic("seg", 4, 10, 10)
    >>> edf_triggered(TriggeredEDF(tasks, (None, 0, None), "nonpreemptive")).verdict
    'unknown'
    >>> tasks = Sporadic("keyword", 1, 60, 30), Sporadic("speech", 9, 60, 60), Sporadic("seg", 4, 20, 20)
    >>> edf_triggered(TriggeredEDF(tasks, (None, 0, None), "nonpreemptive")).verdict
    'schedulable'
    """
    tasks, mode = model.tasks, model.mode
    bounds = tuple(Bound(task.name, None, task.D) for task in tasks)
    U = sum((task.U for task in tasks), Fraction(0))
    if U >= 1:
        why = f"the tasks of {model.name!r} use {float(100 * U):.1f} % of it: the test needs less than all"
        return Result("unknown", bounds, reason=why)
    late = [model.lateness(index) for index in range(len(tasks))]
    longest = max(task.region(mode) for task in tasks) - 1
    extra = sum((task.U * max(0, task.T - task.D + J) for task, J in zip(tasks, late, strict=True)), Fraction(0))
    end = max(max(task.D for task in tasks), math.ceil((extra + longest) / (1 - U)))
    heap = [(model.first(index), index) for index in range(len(tasks))]
    heapify(heap)
    for _ in range(CAP):
        t, index = heappop(heap)
        if t > end:
            return Result("schedulable", bounds)
        heappush(heap, (_next(tasks[index], late[index], t), index))
        if heap[0][0] == t:
            continue
        demand = sum(
            ((t - task.D + J) // task.T + 1) * task.C
            for place, (task, J) in enumerate(zip(tasks, late, strict=True))
            if t >= model.first(place)
        )
        behind = max((task.region(mode) - 1 for task in tasks if task.D > t), default=0)
        if demand + behind > max(t, 0):
            time = partial(units.format_duration, digits=6)
            why = f"{tasks[index].name!r} may be late: {time(demand)} of work may be due within {time(max(t, 0))}"
            why += f", behind a region of {time(behind)}" if behind else ""
            failure = Failure(tasks[index].name, why, demand + behind, max(t, 0))
            return Result("unknown", bounds, first_failure=failure, reason=why)
    raise NotConverged(f"the demand test looked at {CAP} instants without an end")


def _next(task: Sporadic, J: int, t: int) -> int:
    """The next interval length after t at which the count of a task grows."""
    return t + task.T - (t - task.D + J) % task.T
