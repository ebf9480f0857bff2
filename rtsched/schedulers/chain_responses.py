"""Bounds on the response times of chains over resources: the test of those who choose places or variants offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Visits(NamedTuple):
    """What a job asks of one resource: its time in ns, in how many nodes, and that of the longest."""

    total: int
    nodes: int
    longest: int


#: Period, deadline (ns), and the visits to each resource.
Demand = tuple[int, int, Mapping[str, Visits]]

LATE = float("inf")


def response_times(tasks: list[tuple[int, int, dict[str, list[int]]]]) -> list[float]:
    """Bounds on the response times of chains whose nodes visit resources served by priority, without preemption.

    `tasks` are (period, deadline, node times per resource) in the order of priority. On each resource a job waits at
    most, per visit, for the longest node of lower priority, and for all jobs of higher priority that can be there
    within its response time; each of those may come late by its own response time. Sufficient, for tasks whose jobs do
    not overlap. Infinity where the bound passes the deadline (ns).

    >>> response_times([(10, 10, {"gpu": [2]}), (20, 20, {"gpu": [4], "cpu": [3]})])
    [6, 11]
    """
    demands: list[Demand] = [
        (period, deadline, {name: Visits(sum(times), len(times), max(times)) for name, times in pieces.items()})
        for period, deadline, pieces in tasks
    ]
    found: list[float] = []
    for rank in range(len(demands)):
        below = [{name: visits.longest for name, visits in asks.items()} for _, _, asks in demands[rank + 1 :]]
        found.append(bound(demands, rank, below, found))
    return found


def bound(demands: Sequence[Demand], rank: int, below: Sequence[Mapping[str, int]], found: Sequence[float]) -> float:
    """The bound of one chain: `below` are the longest nodes of the lower ones by resource, `found` the bounds above."""
    _, deadline, pieces = demands[rank]
    own = 0
    for name, visits in pieces.items():
        own += visits.total + visits.nodes * max((longest.get(name, 0) for longest in below), default=0)
    before = []
    for (period, _, theirs), response in zip(demands[:rank], found, strict=True):
        if response == LATE:
            return LATE
        before.append((period, response, sum(visits.total for name, visits in theirs.items() if name in pieces)))
    response = own
    while response <= deadline:
        total = own + sum(-int(-(response + late) // period) * demand for period, late, demand in before)
        if total == response:
            return response
        response = total
    return LATE
