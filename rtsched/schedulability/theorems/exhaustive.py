"""Exhaustive truth for tiny sporadic sets on identical processors: for teaching, and to test every bound against.

Every pattern of integer arrivals at least T apart is explored by reachability over (age, remaining work) of all tasks
(Baker and Cirinei, OPODIS 2007). Exponential: a few tasks with periods of a few ticks.
"""

from __future__ import annotations

from itertools import product

from rtsched.schedulability import needs
from rtsched.schedulability.models import Cluster
from rtsched.schedulability.result import Bound, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: Reachable states after which the search is given up.
MOST_STATES = 300_000

State = tuple[tuple[int, int], ...]


def tiny(model: Cluster) -> str | None:
    """At most four tasks with periods of at most twelve ticks."""
    if len(model.tasks) > 4 or any(task.T > 12 for task in model.tasks):
        return "it explores every arrival pattern: at most four tasks with T <= 12"
    return None


def worst_responses(model: Cluster) -> list[int] | None:
    """The exact worst response of every task over all sporadic arrivals; None if a deadline can be missed.

    A state holds for each task the ticks since its last arrival (capped at T) and the work left of that job.
    """
    tasks, m = model.tasks, model.m
    start: State = tuple((task.T, 0) for task in tasks)
    worst = [0] * len(tasks)
    seen = {start}
    todo = [start]
    while todo:
        state = todo.pop()
        may = [index for index, (age, left) in enumerate(state) if age >= tasks[index].T and not left]
        for choice in product((False, True), repeat=len(may)):
            arrived = {index for index, yes in zip(may, choice, strict=True) if yes}
            now = [(0, tasks[i].C) if i in arrived else pair for i, pair in enumerate(state)]
            active = [i for i, (_, left) in enumerate(now) if left]
            if model.order == "EDF":
                active.sort(key=lambda i: (tasks[i].D - now[i][0], -now[i][0], i))
            running = set(active[:m])
            after = []
            for i, (age, left) in enumerate(now):
                left -= i in running
                if i in running and not left:
                    worst[i] = max(worst[i], age + 1)
                if left and age + 1 >= tasks[i].D:
                    return None
                after.append((min(age + 1, tasks[i].T), left))
            following = tuple(after)
            if following not in seen:
                seen.add(following)
                todo.append(following)
                if len(seen) > MOST_STATES:
                    raise NotConverged(f"the exhaustive search met {MOST_STATES} states")
    return worst


@theorem(
    "exhaustive-global",
    title="Exhaustive search over all sporadic arrivals (tiny sets)",
    strength="exact",
    citation="Baker, Cirinei, OPODIS 2007",
    model=Cluster,
    needs=(
        needs.order("FP", "EDF"),
        needs.mode("preemptive"),
        needs.no_jitter,
        needs.no_blocking,
        needs.no_suspension,
        needs.constrained_deadlines,
        tiny,
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
