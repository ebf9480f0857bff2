"""Bounds on the response times of chains over resources: the test of those who choose places or variants offline."""

from __future__ import annotations


def response_times(tasks: list[tuple[int, int, dict[str, list[int]]]]) -> list[float]:
    """Bounds on the response times of chains whose nodes visit resources served by priority, without preemption.

    `tasks` are (period, deadline, node times per resource) in the order of priority. On each resource a job waits at
    most, per visit, for the longest node of lower priority, and for all jobs of higher priority that can be there
    within its response time; each of those may come late by its own response time. Sufficient, for tasks whose jobs do
    not overlap. Infinity where the bound passes the deadline (ns).

    >>> response_times([(10, 10, {"gpu": [2]}), (20, 20, {"gpu": [4], "cpu": [3]})])
    [6, 11]
    """
    found: list[float] = []
    for rank, (_, deadline, pieces) in enumerate(tasks):
        own = sum(sum(times) for times in pieces.values())
        for name, times in pieces.items():
            lower = [max(other[2][name]) for other in tasks[rank + 1 :] if name in other[2]]
            own += len(times) * max(lower, default=0)
        response: float = own
        while True:
            total = own
            for higher, (period, _, theirs) in enumerate(tasks[:rank]):
                if found[higher] == float("inf"):
                    total = deadline + 1
                    break
                demand = sum(sum(times) for name, times in theirs.items() if name in pieces)
                total += -int(-(response + found[higher]) // period) * demand
            if total > deadline:
                response = float("inf")
                break
            if total == response:
                break
            response = total
        found.append(response)
    return found
