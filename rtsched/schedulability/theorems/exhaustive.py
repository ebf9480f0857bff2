"""Exhaustive truth for small sporadic sets on identical processors: for teaching, and to test every bound against.

Every pattern of integer arrivals at least T apart is explored by reachability (Baker and Cirinei, OPODIS 2007): over
age and work left of all open jobs, and how long each other task has to wait until it may release one. Of two states
with the same open jobs, one in which no task has to wait longer can do all that the other can, arrival by arrival: so
only states that no other one outdoes in this way are gone on from (the antichains of Geeraerts, Goossens, Lindström,
Real-Time Systems 49(2), 2013). All that goes from the outdone state goes from the other one, so deadlines missed and
worst responses are the same. Exponential still: what is explored has an end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

from rtsched.schedulability import needs
from rtsched.schedulability.models import Cluster
from rtsched.schedulability.result import Bound, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: Steps from a state to the next after which the search is given up: some ten seconds, and less than 1 GiB.
MOST_STEPS = 2_000_000
#: A set of which the C multiply to more is not tried: so many ways there are already for the work left of open jobs.
MOST_WORKS = 20_000

#: The open jobs, (task, age, work left) each, by task.
Open = tuple[tuple[int, int, int], ...]
#: For each task in how many ticks it may release a job; 0 for open jobs.
Waits = tuple[int, ...]


def small(model: Cluster) -> str | None:
    """The C multiply to at most MOST_WORKS ticks."""
    if math.prod(task.C for task in model.tasks) > MOST_WORKS:
        return (
            f"it explores every arrival pattern, tick by tick: the execution times multiply to more than {MOST_WORKS}"
        )
    return None


class _Search:
    """What is reachable, and the worst responses on the way."""

    def __init__(self, model: Cluster) -> None:
        self.tasks, self.m, self.edf = model.tasks, model.m, model.order == "EDF"
        self.worst = [0] * len(model.tasks)
        #: By open jobs the waits of which none outdoes another.
        self.known: dict[Open, list[Waits]] = {}
        self.todo: list[tuple[Open, Waits]] = []
        self.steps = 0

    def run(self) -> bool:
        """Whether no deadline can be missed. Raises NotConverged beyond MOST_STEPS."""
        self._reach((), (0,) * len(self.tasks))
        while self.todo:
            open_, waits = self.todo.pop()
            if waits not in self.known[open_]:
                continue  # it has been outdone
            after = tuple(wait - 1 if wait else 0 for wait in waits)
            for jobs in self._arrivals(open_, waits):
                if not self._tick(jobs, list(after)):
                    return False
        return True

    def _arrivals(self, open_: Open, waits: Waits) -> Iterator[list[tuple[int, int, int]]]:
        """The open jobs with each choice of who releases one now; not that of nobody where nothing is open."""
        busy = {index for index, _, _ in open_}
        may = [index for index, wait in enumerate(waits) if not wait and index not in busy]
        self.steps += 1 << len(may)
        if self.steps > MOST_STEPS:
            raise NotConverged(f"the exhaustive search made {MOST_STEPS} steps from state to state without an end")
        for choice in product((False, True), repeat=len(may)):
            jobs = [*open_, *((index, 0, self.tasks[index].C) for index, yes in zip(may, choice, strict=True) if yes)]
            if jobs:
                yield jobs

    def _tick(self, jobs: list[tuple[int, int, int]], waits: list[int]) -> bool:
        """One tick of service; whether all that are still open have time left."""
        tasks = self.tasks
        jobs.sort(key=(lambda job: (tasks[job[0]].D - job[1], -job[1], job[0])) if self.edf else None)
        after = []
        for place, (index, age, left) in enumerate(jobs):
            age, left = age + 1, left - (place < self.m)
            if left and age >= tasks[index].D:
                return False
            if left:
                after.append((index, age, left))
            else:
                self.worst[index] = max(self.worst[index], age)
                waits[index] = tasks[index].T - age
        self._reach(tuple(sorted(after)), tuple(waits))
        return True

    def _reach(self, open_: Open, waits: Waits) -> None:
        """Go on from a state, unless another one outdoes it; those that it outdoes are forgotten."""
        others = self.known.setdefault(open_, [])
        if any(_outdoes(other, waits) for other in others):
            return
        others[:] = [other for other in others if not _outdoes(waits, other)]
        others.append(waits)
        self.todo.append((open_, waits))


def _outdoes(one: Waits, other: Waits) -> bool:
    """Whether no task has to wait longer in one state than in the other."""
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def worst_responses(model: Cluster) -> list[int] | None:
    """The exact worst response of every task over all sporadic arrivals; None if a deadline can be missed.

    C, T and D of the model are in ticks, D <= T. Raises NotConverged beyond MOST_STEPS.
    """
    search = _Search(model)
    return search.worst if search.run() else None


@theorem(
    "exhaustive-global",
    title="Exhaustive search over all sporadic arrivals (small sets)",
    strength="exact",
    citation="Baker, Cirinei, OPODIS 2007; Geeraerts, Goossens, Lindström, Real-Time Systems 49(2), 2013",
    model=Cluster,
    needs=(
        needs.order("FP", "EDF"),
        needs.mode("preemptive"),
        needs.no_jitter,
        needs.no_blocking,
        needs.no_suspension,
        needs.constrained_deadlines,
        small,
    ),
    sustainable="",
)
def exhaustive_global(model: Cluster) -> Result:
    """Dhall's effect in three tasks on two processors: the long task misses though the load is far below two.

    >>> from rtsched.schedulability.models import Cluster, Sporadic
    >>> short = Sporadic("1", 2, 7, 7), Sporadic("2", 2, 7, 7)
    >>> exhaustive_global(Cluster((*short, Sporadic("3", 7, 8, 8)), 2)).verdict
    'unschedulable'
    """
    worst = worst_responses(model)
    if worst is None:
        return from_bounds([Bound(task.name, None, task.D, converged=False) for task in model.tasks], exact=True)
    return from_bounds([Bound(task.name, R, task.D) for task, R in zip(model.tasks, worst, strict=True)], exact=True)
