"""Locks as semaphores of the Best Trace Format: free, full while one holds it, overfull while others wait for it."""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.export.btf_processes import ProcessTable
from rtsched.trace.trace import GIVE, TAKE, Trace

#: The order at one instant, as in `btf`: what is given back before, what is taken after the changes of the cores.
BEFORE, AFTER = 0, 5


def semaphores(trace: Trace, found: ProcessTable, names: list[str]) -> Iterator[tuple[int, int, str]]:
    """What processes ask of semaphores, and what becomes of those; at each instant in the order in which it happened.

    Who gives a resource back wakes all who wait for it: they ask again. The notes say how many hold it or wait.
    """
    waiting = [0] * len(names)
    latest = [(-1, BEFORE)] * len(names)
    tasks, index = trace.jobs["task"].tolist(), trace.jobs["index"].tolist()
    for time, job, node, resource, what in trace.locks.tolist():
        then, order = latest[resource]
        order = AFTER if what == TAKE or (then == time and order == AFTER) else BEFORE
        latest[resource] = (time, order)
        own = names[resource]
        process = f"{time},{found.names[found.numbers[tasks[job], node]]},{index[job]},SEM,{own},0"
        itself = f"{time},{own},0,SEM,{own},0"
        if what == TAKE:
            lines = [f"{process},requestsemaphore,0", f"{itself},lock,1", f"{process},assigned,1"]
        elif what == GIVE:
            lines = [f"{process},released,1"]
            if waiting[resource]:
                lines.append(f"{itself},full,1")
            lines.append(f"{itself},unlock,0")
            waiting[resource] = 0
        else:
            waiting[resource] += 1
            count = 1 + waiting[resource]
            lines = [
                f"{process},requestsemaphore,{count - 1}",
                f"{itself},overfull,{count}",
                f"{process},waiting,{count}",
            ]
        for line in lines:
            yield time, order, line
