"""What fits on one preemptive processor: the tests that packing may ask beyond a load of at most 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError, SchedulerError

if TYPE_CHECKING:
    from rtsched.model.policy import OrderingTraits
    from rtsched.model.taskgraph import SystemSpec, TaskSpec

#: A demand test that has looked at so many instants says no.
MOST_INSTANTS = 10_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """A task on a processor: its time there `C`, period `T`, relative deadline `D` and jitter `J`, in ns."""

    C: int
    T: int
    D: int
    J: int

    @property
    def load(self) -> Fraction:
        """The share of the processor that it takes."""
        return Fraction(self.C, self.T)


def liu_layland(tenants: Sequence[Tenant]) -> bool:
    """The bound of Liu and Layland (JACM 20(1), 1973): a load of at most n(2^(1/n) - 1), in exact fractions."""
    n = len(tenants)
    return (sum((each.load for each in tenants), Fraction(0)) / n + 1) ** n <= 2


def response_times(tenants: Sequence[Tenant]) -> bool:
    """Whether every response, the most urgent task first, is in time (Joseph and Pandya 1986; jitter: Tindell 1994).

    Exact for D <= T; a task with D > T has to be done within T. Blocking and overheads are left to the proof.

    >>> [response_times([Tenant(C, 4, 4, 0), Tenant(3, 6, 6, 0)]) for C in (1, 2)]
    [True, False]
    """
    for place, mine in enumerate(tenants):
        room = min(mine.D, mine.T) - mine.J
        response, before = mine.C, 0
        while before < response <= room:
            before = response
            response = mine.C + sum(-(-(before + each.J) // each.T) * each.C for each in tenants[:place])
        if response > room:
            return False
    return True


def demand(tenants: Sequence[Tenant]) -> bool:
    """Whether the demand of EDF never exceeds the time (QPA: Zhang and Burns, IEEE Trans. Computers 58(9), 2009).

    >>> demand([Tenant(2, 6, 4, 0), Tenant(2, 8, 5, 0), Tenant(3, 9, 7, 0)])
    True
    """
    load = sum((each.load for each in tenants), Fraction(0))
    first = min(each.D - each.J for each in tenants)
    if load > 1 or first <= 0:
        return False
    if all(each.D - each.J >= each.T for each in tenants):
        return True
    far = math.lcm(*(each.T for each in tenants)) + max(each.D for each in tenants)  # from there on all repeats
    t = _deadline_before(tenants, min(_busy(tenants) or far, far) + 1)
    for _ in range(MOST_INSTANTS):
        if t is None:
            return True
        work = sum(((t - each.D + each.J) // each.T + 1) * each.C for each in tenants if t >= each.D - each.J)
        if work > t:
            return False
        if work <= first:
            return True
        t = work if work < t else _deadline_before(tenants, t)
    return False


def _busy(tenants: Sequence[Tenant]) -> int | None:
    """How long the processor is busy at most when all come at once; None if that has no end, or too late a one."""
    length = sum(each.C for each in tenants)
    for _ in range(MOST_INSTANTS):
        longer = sum(-(-(length + each.J) // each.T) * each.C for each in tenants)
        if longer == length:
            return length
        length = longer
    return None


def _deadline_before(tenants: Sequence[Tenant], t: int) -> int | None:
    """The last deadline before `t` when all arrive at 0."""
    rooms = [(t - 1 - (each.D - each.J), each.T) for each in tenants]
    return max((t - 1 - room % period for room, period in rooms if room >= 0), default=None)


#: Each test with the order that it speaks of.
TESTS: dict[str, tuple[str, Callable[[Sequence[Tenant]], bool]]] = {
    "liu-layland": ("FP", liu_layland),
    "response-times": ("FP", response_times),
    "demand": ("EDF", demand),
}
#: A load of at most 1: what is asked unless something else is.
PLAIN = "utilisation"
_ORDERS = {"FP": "fixed priorities (fp, rm, dm)", "EDF": "EDF"}


class Fitting:
    """A test of processors under one ordering: whether tasks, each with its time there, fit together.

    Raises InputError where the test speaks of another ordering or preemption.
    """

    def __init__(self, test: str, ordering: OrderingTraits, preemption: str) -> None:
        self.test = test
        self.order, self.holds = TESTS[test]
        self.level: Callable[[TaskSpec], Any] = ordering.level or (lambda task: 0)
        if ordering.order != self.order:
            other = [name for name, (order, _) in TESTS.items() if order == ordering.order]
            instead = f"write test: {' or '.join(other)}" if other else "leave 'test' out"
            raise InputError(self.why(f"{_ORDERS[self.order]}, and the ordering is {ordering.name!r}; {instead}"))
        if preemption != "preemptive":
            raise InputError(self.why(f"preemptive scheduling (found {preemption!r}); leave 'test' out"))

    def why(self, speaks_of: str) -> str:
        """The text of an error."""
        return f"the packing test {self.test!r} is of {speaks_of}"

    def check(self, system: SystemSpec) -> None:
        """Refuse tasks of which the test knows nothing. Raises SchedulerError."""
        for task in system.tasks:
            if len(task.nodes) > 1 or task.period is None:
                lacks = f"has {len(task.nodes)} nodes" if len(task.nodes) > 1 else "has no period"
                raise SchedulerError(
                    self.why(f"tasks of one node and a period, and {task.name!r} {lacks}; leave 'test' out")
                )
            if not task.nodes[0].preemptive:
                raise SchedulerError(self.why(f"what can be preempted, and {task.name!r} cannot; leave 'test' out"))

    def together(self, tasks: Sequence[tuple[TaskSpec, int]]) -> bool:
        """Whether tasks, each with its time on a processor, fit on it."""
        by_level = sorted(tasks, key=lambda item: (self.level(item[0]), item[0].index))
        return self.holds([Tenant(time, task.period or 0, task.deadline, task.jitter) for task, time in by_level])
