"""Two criticalities on one preemptive processor: what is hard is in time, even where all others have to go."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic
from rtsched.schedulability.result import Bound, Result, unknown
from rtsched.schedulability.theorem import theorem


@dataclass(frozen=True, slots=True)
class MixedTask:
    """A sporadic task whose C is that of its own criticality; `low` is that of low criticality, C if not hard."""

    task: Sporadic
    low: int
    hard: bool

    @property
    def name(self) -> str:
        """Of the task."""
        return self.task.name


@dataclass(frozen=True)
class MixedCriticality:
    """Tasks of two criticalities on one processor under EDF-VD."""

    tasks: tuple[MixedTask, ...]
    name: str = "system"


def plain(model: MixedCriticality) -> str | None:
    """D >= T, no jitter, and no task takes less than at low criticality."""
    for each in model.tasks:
        task = each.task
        if task.D < task.T:
            return f"it needs D >= T: task {task.name!r} has D = {needs._ns(task.D)} < T = {needs._ns(task.T)}"
        if task.J:
            return f"it knows no release jitter: task {task.name!r} has J = {needs._ns(task.J)}"
        if each.low > task.C:
            return f"task {task.name!r} takes more at low criticality than at its own"
    return None


@theorem(
    "edf-vd",
    title="Mixed criticality, EDF with virtual deadlines",
    strength="sufficient",
    citation="Baruah, Bonifaci, D'Angelo, Li, Marchetti-Spaccamela, van der Ster, Stougie, ECRTS 2012",
    model=MixedCriticality,
    needs=(plain,),
)
def edf_vd(model: MixedCriticality) -> Result:
    """All are in time if U_LO(LO) + U_HI(HI) <= 1; the hard ones if x U_LO(LO) + U_HI(HI) <= 1.

    x = U_HI(LO) / (1 - U_LO(LO)); a hard job is done within its period.

    >>> low, high = Sporadic("low", 4, 10, 10), Sporadic("high", 8, 10, 10)
    >>> found = edf_vd(MixedCriticality((MixedTask(low, 4, False), MixedTask(high, 3, True))))
    >>> found.verdict, [bound.wcrt for bound in found.bounds]              # x = 0.3 / 0.6, and 0.5 * 0.4 + 0.8 = 1
    ('unknown', [None, 10])
    """
    low = sum((each.task.U for each in model.tasks if not each.hard), Fraction(0))
    high = sum((each.task.U for each in model.tasks if each.hard), Fraction(0))
    high_low = sum((Fraction(each.low, each.task.T) for each in model.tasks if each.hard), Fraction(0))
    if low + high <= 1:
        return Result("schedulable", tuple(Bound(each.task.name, None, each.task.D) for each in model.tasks))
    safe = low < 1 and high_low <= 1 - low and high_low / (1 - low) * low + high <= 1
    bounds = tuple(
        Bound(each.task.name, each.task.T if safe and each.hard else None, each.task.D) for each in model.tasks
    )
    if safe:
        return unknown("hard tasks are in time; all others are dropped once a hard one exceeds its budget", bounds)
    return unknown("x U_LO(LO) + U_HI(HI) exceeds 1: hard tasks may be late when they exceed their budgets", bounds)
