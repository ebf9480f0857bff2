"""Federated scheduling: heavy DAGs get processors of their own, light ones share the rest; also on typed processors.

A task alone on its share is bounded by the theorems about one DAG, as long as it is done before its next job comes: on
equal processors several long paths (He et al., never worse than Li et al.'s Graham), with types the first bound of Han.
Any of them holds for every work-conserving order on the share. A light task runs on one processor like a sequential
one, so the rest is partitioned, by first fit with an exact test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from rtsched.schedulability.models import DagTask, Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.edf import edf_qpa
from rtsched.schedulability.theorems.typed_dag import han1, long_paths


@dataclass(frozen=True)
class Federated:
    """DAG tasks to be given shares of `cores`; what is left serves the light tasks, preemptively, by EDF."""

    tasks: tuple[DagTask, ...]
    cores: dict[str, int]
    name: str = "system"


def alone(task: DagTask, share: dict[str, int]) -> Fraction:
    """A bound on the time that a job takes with a share of its own: several long paths, or the first bound of Han."""
    if len(task.dag.volumes) > 1:
        return han1(task.dag, share)[0]
    (kind,) = task.dag.volumes
    return long_paths(task.dag, share[kind])


def fits(task: DagTask, value: Fraction) -> bool:
    """Whether a job that takes so long is in time, and done before the next one may come."""
    return math.floor(value) <= min(task.D - task.J, task.T)


def shares(task: DagTask, cores: dict[str, int]) -> dict[str, int] | None:
    """Processors per type that let `task` alone be in time: greedy, fewest first.

    None if all `cores` are too few. Graham's bound, ceil((vol - len) / (D - len)) of Li et al., would take 5 here:

    >>> from rtsched.schedulability.models import Dag, Vertex
    >>> vertices = *(Vertex(str(k), 5, "cpu") for k in range(2)), *(Vertex(str(k), 1, "cpu") for k in range(2, 6))
    >>> shares(DagTask("job", Dag(vertices, ((2, 3), (3, 4), (4, 5))), 7, 7), {"cpu": 8})
    {'cpu': 3}
    """
    if any(cores.get(kind, 0) < 1 for kind in task.dag.volumes):
        return None
    given = dict.fromkeys(task.dag.volumes, 1)
    while not fits(task, alone(task, given)):
        best: tuple[Fraction, str] | None = None
        for kind in given:
            if given[kind] < cores[kind]:
                after = alone(task, {**given, kind: given[kind] + 1})
                if best is None or after < best[0]:
                    best = (after, kind)
        if best is None:
            return None
        given[best[1]] += 1
    return given


def light(task: DagTask) -> bool:
    """Whether a task of one type is done in time on one processor."""
    return len(task.dag.volumes) == 1 and fits(task, Fraction(task.dag.volume))


@theorem(
    "federated",
    title="Federated shares for heavy DAGs, the light ones partitioned",
    strength="sufficient",
    citation="Li, Chen, Agrawal, Lu, Gill, Saifullah, ECRTS 2014; its shares: He et al. 2022 (see long-paths), with "
    "types Han et al. (see han1)",
    model=Federated,
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
        bounds[task.name] = Bound(task.name, math.floor(alone(task, share)) + task.J, task.D)
    bins: dict[str, list[list[Sporadic]]] = {kind: [[] for _ in range(count)] for kind, count in left.items()}
    partition: dict[str, str] = {}
    for task in sorted(filter(light, model.tasks), key=lambda task: Fraction(task.dag.volume, task.T), reverse=True):
        (kind,) = task.dag.volumes
        single = Sporadic(task.name, task.dag.volume, task.T, task.D, task.J)
        for place, tasks in enumerate(bins[kind]):
            if edf_qpa(Uniprocessor((*tasks, single), "EDF")).verdict == "schedulable":
                tasks.append(single)
                partition[task.name] = f"{kind} {place + 1}"
                bounds[task.name] = Bound(task.name, None, task.D)
                break
        else:
            return Result("unknown", reason=f"{task.name!r} fits on none of the processors that are left")
    details = {"shares": given, "partition": partition}
    return Result("schedulable", tuple(bounds[task.name] for task in model.tasks), details=details)
