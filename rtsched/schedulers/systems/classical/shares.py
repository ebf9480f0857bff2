"""Time in whole nanoseconds: the instants that plans are made for, and what a task gets of the time between them."""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING

from rtsched import units

if TYPE_CHECKING:
    from rtsched.model.taskgraph import SystemSpec, TaskSpec


def boundary(task: TaskSpec, now: int) -> int:
    """The first instant after `now` at which a job of a periodic task may come, and the one before is due."""
    period = task.period or task.deadline
    return task.offset if now < task.offset else now + period - (now - task.offset) % period


def grid(system: SystemSpec) -> int:
    """The greatest common divisor of all periods and offsets, in ns: all boundaries are multiples of it."""
    return gcd(*(task.period or task.deadline for task in system.tasks), *(task.offset for task in system.tasks))


def shares(system: SystemSpec, step: int) -> list[int]:
    """What each task needs of every `step`, in whole ns: C / T of it, rounded up."""
    return [-(-task.volume * step // (task.period or task.deadline)) for task in system.tasks]


def why_too_much(system: SystemSpec, processors: int) -> str | None:
    """Why the tasks' shares of each step, in whole ns, are more than there is; None where they are not."""
    step = grid(system)
    total = sum(shares(system, step))
    if total <= processors * step:
        return None
    load = sum((Fraction(task.volume, task.period or task.deadline) for task in system.tasks), Fraction(0))
    if load > processors:
        return f"the tasks load {float(load):.3f} processors, and there are {processors}"
    return (
        f"the tasks' shares of {units.format_duration(step)}, the common divisor of all periods and offsets, fill more "
        f"than {processors} processors when they are rounded up to whole ns; round the periods, e.g. to whole ms"
    )
