"""Heavy tasks first, all others as before: what Dhall's effect does not touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.fixed_priority import FixedPriority

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.policy import OrderingTraits
    from rtsched.model.taskgraph import TaskSpec


def utilisation(task: TaskSpec) -> Fraction:
    """C / T of a task at its fastest; of one without a period, C / D."""
    return Fraction(task.volume, task.period or task.deadline)


def reach(task: TaskSpec) -> int:
    """How many processors a task may use: the m of the papers, where every task may use all."""
    return len({place for node in task.nodes for place in node.eligible})


class SomeFirst(Ordering):
    """Some tasks before all others, by index; the others by deadline."""

    #: by task, from `setup` on
    heavy: list[bool]

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        first = self.first([task.spec for task in soc.tasks])
        self.heavy = [task.index in first for task in soc.tasks]

    def first(self, tasks: Sequence[TaskSpec]) -> frozenset[int]:
        """The indices of those that go before all others, from the descriptions of all tasks."""
        raise NotImplementedError

    def traits(self, name: str) -> OrderingTraits:
        """Who goes first, too, for proofs: unless a class derived from this one has a key or a set-up of its own."""
        own = next(each for each in type(self).__mro__ if "key" in vars(each) or "setup" in vars(each))
        known = own is SomeFirst and "key" not in vars(self)
        return replace(super().traits(name), first=self.first if known else None)

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        return (0, 0, 0) if self.heavy[job.task.index] else (1, job.deadline, job.release)


class EdfUtilisationSeparated(SomeFirst):
    """EDF-US[m/(2m-1)]: tasks that load a processor by more than m/(2m-1) first, by index; the others by deadline.

    With implicit deadlines no set of U <= m²/(2m-1) misses on m equal processors, preemptive and global: Srinivasan and
    Baruah, "Deadline-based scheduling of periodic task systems on multiprocessors", Information Processing Letters
    84(2), 2002. `threshold` may be another one: with 1/2 the bound is (m+1)/2 (Baker, IEEE TPDS 16(8), 2005). It fails
    where several tasks just below the threshold meet.
    """

    claims = PREDICTABLE - {"symmetric", "sustainable-processors"}  # heavy is what m makes it, and goes by index

    def __init__(self, threshold: float | None = None) -> None:
        if threshold is not None and not 0 < threshold <= 1:
            raise InputError(f"threshold: must be above 0 and at most 1 (found {threshold!r}); e.g. 0.5")
        self.threshold = None if threshold is None else Fraction(str(threshold))

    def first(self, tasks: Sequence[TaskSpec]) -> frozenset[int]:
        return frozenset(task.index for task in tasks if self.is_heavy(task))

    def is_heavy(self, task: TaskSpec) -> bool:
        """Whether a task goes before all deadlines."""
        m = reach(task)
        return utilisation(task) > (self.threshold or Fraction(m, 2 * m - 1))


class EdfK(SomeFirst):
    """EDF(k): the k - 1 tasks that load a processor most first, by index; the others by deadline.

    Without `k` it is PriD: the k that needs the fewest processors by the bound for implicit deadlines (`least_k`); on
    so many of them, or more, all deadlines are met. Goossens, Funk and Baruah, "Priority-driven scheduling of periodic
    task systems on multiprocessors", Real-Time Systems 25, 2003. EDF(1) is EDF.
    """

    claims = PREDICTABLE - {"symmetric", "sustainable-processors"}  # heavy is what m makes it, and goes by index

    def __init__(self, k: int | None = None) -> None:
        if k is not None and (not isinstance(k, int) or isinstance(k, bool) or k < 1):
            raise InputError(f"k: must be a whole number, 1 or more (found {k!r}); 1 is EDF")
        self.k = k

    def first(self, tasks: Sequence[TaskSpec]) -> frozenset[int]:
        tasks = sorted(tasks, key=lambda task: (-utilisation(task), task.index))
        k = self.k or least_k([utilisation(task) for task in tasks])[0]
        return frozenset(task.index for task in tasks[: k - 1])


def least_k(utilisations: Sequence[Fraction]) -> tuple[int, int]:
    """The least k for which EDF(k) needs the fewest processors, and how many; `utilisations` from the largest on.

    m = k - 1 + (sum of those after the k-th) / (1 - u_k), rounded up, and k at the least.

    >>> least_k([Fraction(9, 10), Fraction(1, 5), Fraction(1, 5)])     # EDF needs 0.4 / 0.1 = 4 processors
    (2, 2)
    """
    best = (1, len(utilisations))
    rest = sum(utilisations, Fraction(0))
    for k, heaviest in enumerate(utilisations, start=1):
        rest -= heaviest
        if rest and heaviest >= 1:
            continue  # who comes after it would never run beside it
        needed = k - 1 + max(1, math.ceil(rest / (1 - heaviest)) if rest else 1)
        if needed < best[1]:
            best = (k, needed)
    return best


class RmUtilisationSeparated(FixedPriority):
    """RM-US[m/(3m-2)]: tasks that load a processor by more than m/(3m-2) first, by index; the others rate monotonic.

    With implicit deadlines no set of U <= m²/(3m-2) misses on m equal processors, preemptive and global: Andersson,
    Baruah and Jonsson, "Static-priority scheduling on multiprocessors", RTSS 2001. Proven as fixed priorities are.
    """

    claims = PREDICTABLE - {"symmetric", "sustainable-processors"}  # heavy is what m makes it, and goes by index

    def level(self, task: TaskSpec) -> tuple[int, int]:
        m = reach(task)
        return (0, 0) if utilisation(task) > Fraction(m, 3 * m - 2) else (1, task.period or task.deadline)
