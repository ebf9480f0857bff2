"""Federated scheduling: heavy DAGs get processors of their own, light ones share the rest; also on typed processors.

A task alone on its share is bounded by the theorems about one DAG (Li et al.; with types, the first bound of Han). A
light task runs on one processor like a sequential one, so the rest is partitioned, by first fit with an exact test.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rtsched.schedulability import needs
from rtsched.schedulability.models import DagTask, Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.edf import edf_qpa
from rtsched.schedulability.theorems.typed_dag import han1


@dataclass(frozen=True)
class Federated:
    """DAG tasks to be given shares of `cores`; what is left serves the light tasks, preemptively, by EDF."""

    tasks: tuple[DagTask, ...]
    cores: dict[str, int]
    name: str = "system"


def shares(task: DagTask, cores: dict[str, int]) -> dict[str, int] | None:
    """Processors per type that, for `task` alone, bring the first bound of Han to D - J: greedy, fewest first.

    None if all `cores` are too few. For one type it is Li's ceil((vol - len) / (D - len)):

    >>> from rtsched.schedulability.models import Dag, Vertex
    >>> fork = Dag((Vertex("path", 5, "cpu"), *(Vertex(str(i), 1, "cpu") for i in range(15))))
    >>> shares(DagTask("job", fork, 10, 10), {"cpu": 8})
    {'cpu': 3}
    """
    if any(cores.get(kind, 0) < 1 for kind in task.dag.volumes):
        return None
    given = dict.fromkeys(task.dag.volumes, 1)
    while True:
        value, _ = han1(task.dag, given)
        if value <= task.D - task.J:
            return given
        best: tuple[Fraction, str] | None = None
        for kind in given:
            if given[kind] < cores[kind]:
                after, _ = han1(task.dag, {**given, kind: given[kind] + 1})
                if best is None or after < best[0]:
                    best = (after, kind)
        if best is None:
            return None
        given[best[1]] += 1


def light(task: DagTask) -> bool:
    """Whether a task of one type is done in time on one processor."""
    return len(task.dag.volumes) == 1 and task.dag.volume <= task.D - task.J


@theorem(
    "federated",
    title="Federated shares for heavy DAGs, the light ones partitioned",
    strength="sufficient",
    citation="Li, Chen, Agrawal, Lu, Gill, Saifullah, ECRTS 2014; with types: Han et al. (see han1) on each share",
    model=Federated,
    needs=(needs.constrained_deadlines,),
    sustainable="",
)
def federated(model: Federated) -> Result:
    """A way to give every task its processors; ``details`` say who gets what. Greedy: it may miss one that exists.

    >>> from rtsched.schedulability.models import Dag, Vertex
    >>> wide = Dag(tuple(Vertex(str(i), 4, "cpu") for i in range(3)))
    >>> tasks = DagTask("wide", wide, 8, 8), DagTask("small", Dag((Vertex("a", 2, "cpu"),)), 5, 5)
    >>> result = federated(Federated(tasks, {"cpu": 3}))
    >>> result.verdict, result.details["shares"], result.details["partition"]
    ('schedulable', {'wide': {'cpu': 2}}, {'small': 'cpu 1'})
    """
    left = dict(model.cores)
    given: dict[str, dict[str, int]] = {}
    bounds: dict[str, Bound] = {}
    for task in model.tasks:
        if light(task):
            continue
        share = shares(task, left)
        if share is None:
            return Result("unknown", reason=f"{task.name!r} finds no share of the processors that are left")
        for kind, count in share.items():
            left[kind] -= count
        given[task.name] = share
        value, _ = han1(task.dag, share)
        bounds[task.name] = Bound(task.name, -(-value.numerator // value.denominator) + task.J, task.D)
    bins: dict[str, list[list[Sporadic]]] = {kind: [[] for _ in range(count)] for kind, count in left.items()}
    partition: dict[str, str] = {}
    for task in sorted(filter(light, model.tasks), key=lambda task: Fraction(task.dag.volume, task.T), reverse=True):
        (kind,) = task.dag.volumes
        alone = Sporadic(task.name, task.dag.volume, task.T, task.D, task.J)
        for place, tasks in enumerate(bins[kind]):
            if edf_qpa(Uniprocessor((*tasks, alone), "EDF")).verdict == "schedulable":
                tasks.append(alone)
                partition[task.name] = f"{kind} {place + 1}"
                bounds[task.name] = Bound(task.name, None, task.D)
                break
        else:
            return Result("unknown", reason=f"{task.name!r} fits on none of the processors that are left")
    details = {"shares": given, "partition": partition}
    return Result("schedulable", tuple(bounds[task.name] for task in model.tasks), details=details)
