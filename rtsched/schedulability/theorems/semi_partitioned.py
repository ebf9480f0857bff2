"""Semi-partitioned EDF: tasks of which each job runs on one processor after another, piece by piece.

All pieces of a split task but the last are due at once (C = D): they end exactly when they are due, or with the job, so
that the next piece is released by then as if by a clock. Each processor then serves sporadic tasks of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtsched.model.policy import SplitPiece
from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Result, unknown
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.edf import edf_qpa


@dataclass(frozen=True, slots=True)
class SplitTask:
    """A sporadic task and the pieces that each of its jobs runs, in their order."""

    task: Sporadic
    pieces: tuple[SplitPiece, ...]

    @property
    def name(self) -> str:
        """Of the task."""
        return self.task.name


@dataclass(frozen=True)
class SplitTasks:
    """Split and whole tasks on processors that each serve the pieces they have by EDF, preemptive."""

    tasks: tuple[SplitTask, ...]
    name: str = "system"

    def processors(self) -> dict[int, Uniprocessor]:
        """What each processor serves, as sporadic tasks of its own."""
        found: dict[int, list[Sporadic]] = {}
        for each in self.tasks:
            for piece in each.pieces:
                mine = Sporadic(each.task.name, piece.length, each.task.T, piece.deadline - piece.begin)
                found.setdefault(piece.place, []).append(mine)
        return {
            place: Uniprocessor(tuple(tasks), "EDF", "preemptive", f"processor {place}")
            for place, tasks in sorted(found.items())
        }


def due_at_once(model: SplitTasks) -> str | None:
    """All pieces but the last have C = D and follow each other; together they are the task, due with it or its period.

    >>> split = (SplitPiece(0, 34, 0, 40), SplitPiece(1, 32, 40, 100))
    >>> due_at_once(SplitTasks((SplitTask(Sporadic("b", 66, 100, 100), split),)))
    "a piece of 'b' is not due at once: what follows it has no release of its own"
    """
    for each in model.tasks:
        task, end = each.task, 0
        if task.J:
            return f"it knows no release jitter: task {task.name!r} has J = {needs._ns(task.J)}"
        for piece in each.pieces[:-1]:
            if piece.begin != end or piece.deadline - piece.begin != piece.length:
                return f"a piece of {task.name!r} is not due at once: what follows it has no release of its own"
            end = piece.deadline
        last = each.pieces[-1]
        if last.begin != end or last.deadline > min(task.D, task.T):
            return f"the last piece of {task.name!r} begins late, or is due after its job, or the next one"
        if sum(piece.length for piece in each.pieces) < task.C:
            return f"the pieces of {task.name!r} are shorter than its execution time"
    return None


@theorem(
    "c-equals-d",
    title="Semi-partitioned EDF, processor demand per processor",
    strength="sufficient",
    citation="Burns, Davis, Wang, Zhang, Real-Time Systems 48(1), 2012",
    model=SplitTasks,
    needs=(due_at_once,),
)
def c_equals_d(model: SplitTasks) -> Result:
    """The demand of the pieces on every processor never exceeds the time there (QPA).

    >>> def task(name, *pieces):
    ...     return SplitTask(Sporadic(name, 66, 100, 100), tuple(SplitPiece(*piece) for piece in pieces))
    >>> split = task("b", (0, 34, 0, 34), (1, 32, 34, 100))      # the set of schedcat's tests: three tasks of 66/100
    >>> c_equals_d(SplitTasks((task("a", (0, 66, 0, 100)), split, task("c", (1, 66, 0, 100))))).verdict
    'schedulable'
    """
    bounds = tuple(Bound(each.task.name, None, each.task.D) for each in model.tasks)
    for processor in model.processors().values():
        found = edf_qpa(processor)
        if found.verdict != "schedulable":
            names = ", ".join(repr(task.name) for task in processor.tasks)
            why = f"the pieces of {names} ask for more than {processor.name} has"
            return unknown(why, bounds)
    return Result("schedulable", bounds)
