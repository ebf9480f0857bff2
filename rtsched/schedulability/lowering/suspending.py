"""Tasks that share one processor and wait elsewhere, as tasks that suspend themselves on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.lowering.pieces import Piece, is_chain, recorded_deadlines
from rtsched.schedulability.models import Sporadic, Uniprocessor

if TYPE_CHECKING:
    from rtsched.schedulability.lowering.group import TaskGroup


def on_one_processor(group: TaskGroup) -> list[Uniprocessor]:
    """The group as suspending tasks, for each preemptive processor that all of its tasks use.

    While a job has no node ready on it, some node of the job runs elsewhere, if that processor is the task's own: for
    as long as all of these take, in all. A chain may also wait for a processor that serves by arrival: for one segment
    of each other task at each request, since none has two requests outstanding. Jitter delays a job as a suspension
    before its first node does.
    """
    if len(group.specs) < 2 or not group.single or len(group.pools) < 2 or group.triggered or group.locks:
        return []
    users = {pool: [task for task in group.specs if _on(group, task, pool)] for pool in group.pools}
    found = []
    for home in group.pools:
        elsewhere = [pool for pool in group.pools if pool != home]
        if len(users[home]) < len(group.specs) or group._mode(home) != "preemptive":
            continue
        if group.at[home].order not in ("FP", "EDF") or not all(
            _serves(group, pool, users[pool]) for pool in elsewhere
        ):
            continue
        if any(_irregular(group, task) for task in group.specs):
            continue
        found.append(_suspending(group, home, users))
    return found


def _irregular(group: TaskGroup, task: TaskSpec) -> bool:
    """Whether its jobs may have deadlines of their own, or be released in another order than they arrive."""
    return len(set(recorded_deadlines(task))) > 1 or (task.jitter > 0 and task.deadline > group.T(task))


def _on(group: TaskGroup, task: TaskSpec, pool: int) -> list[Piece]:
    return [piece for piece in group.pieces[task.index] if piece.pool == pool]


def _serves(group: TaskGroup, pool: int, users: list[TaskSpec]) -> bool:
    """Whether what a request to `pool` takes is bounded without looking at responses."""
    if len(users) == 1:
        return True
    pieces = [piece for task in users for piece in _on(group, task, pool)]
    return (
        group.at[pool].order == "FIFO" and all(map(is_chain, users)) and not any(p.regions or p.mixed for p in pieces)
    )


def _suspending(group: TaskGroup, home: int, users: dict[int, list[TaskSpec]]) -> Uniprocessor:
    tasks = []
    order = group.at[home].order
    for task in sorted(group.specs, key=group.at[home].level) if order == "FP" else group.specs:
        S = task.jitter
        for piece in group.pieces[task.index]:
            if piece.pool != home:
                S += piece.c + sum(
                    max(each.c for each in _on(group, other, piece.pool))
                    for other in users[piece.pool]
                    if other is not task
                )
        C = sum(piece.c for piece in _on(group, task, home))
        tasks.append(Sporadic(task.name, C, group.T(task), group.D(task), S=S))
    return Uniprocessor(tuple(tasks), order, "preemptive", group._pool_name(home))
