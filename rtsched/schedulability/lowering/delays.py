"""Who can delay whom: the tasks on whose execution times the responses of a task depend, and no others.

A task is delayed by itself, by the one that releases it, by whoever holds a lock that blocks it, and on the processors
that it uses: under fixed priorities by more urgent tasks and by nodes that cannot be interrupted at once, in any other
order by all. Take a set that holds, with each task, all that delay it. Whatever the tasks outside do, however long
they take, those inside run at the same instants: they are never behind one of them in a queue, and one that holds a
processor that they want leaves it at once. So each bound that holds for the execution times of all tasks holds for
those of the set alone, by whichever theorem it was found. What switches cost is inside the execution times of the set;
whatever else could couple tasks (memory, clocks, heat, weights, a planner) is no part of a proof (``claims``). What is
packed or ranked before time starts, by times as they are planned, stays as it is whatever jobs take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtsched.schedulability.lowering.pieces import Pieces


@dataclass(frozen=True)
class Queue:
    """What waits for the processors of one pool: `tasks`, the most urgent first if `ordered` (else any may go first).

    Nodes of `holders` cannot be interrupted at every instant.
    """

    tasks: tuple[int, ...]
    ordered: bool
    holders: tuple[int, ...] = ()

    @cached_property
    def ranks(self) -> dict[int, int]:
        """Of each task how many of the first ones may delay it, itself among them."""
        return {task: rank if self.ordered else len(self.tasks) for rank, task in enumerate(self.tasks, 1)}


def queues(group: Pieces) -> tuple[Queue, ...]:
    """The queue of each pool of a part that is not planned as a whole."""
    found = []
    for pool, policy in enumerate(group.at):
        here = [task for task in group.specs if any(piece.pool == pool for piece in group.pieces[task.index])]
        ordered = policy.order == "FP"
        if ordered:
            here.sort(key=policy.level)
        holders = (
            task.index
            for task in here
            if any(piece.pool == pool and not piece.preemptible for piece in group.pieces[task.index])
        )
        found.append(Queue(tuple(task.index for task in here), ordered, tuple(holders) if ordered else ()))
    return tuple(found)


def delaying(
    those: Sequence[Queue],
    releases: Mapping[int, int],
    task: int,
    blockers: Mapping[int, Sequence[int]] | None = None,
) -> frozenset[int]:
    """The smallest set with `task` that holds all that delay its members.

    `releases` says which task releases which, `blockers` whose sections can block which.

    >>> cpu, npu = Queue((0, 1, 2), True), Queue((2, 3), False)
    >>> [sorted(delaying((cpu, npu), {}, task)) for task in range(4)]
    [[0], [0, 1], [0, 1, 2, 3], [0, 1, 2, 3]]
    """
    found, waiting, reached = {task}, [task], [0] * len(those)
    while waiting:
        each = waiting.pop()
        delays = [releases[each]] if each in releases else []
        delays += blockers.get(each, ()) if blockers else ()
        for place, queue in enumerate(those):
            rank = queue.ranks.get(each, 0)
            if rank > reached[place]:
                delays += queue.tasks[reached[place] : rank]
                delays += queue.holders if not reached[place] else ()
                reached[place] = rank
        fresh = set(delays) - found
        found |= fresh
        waiting += sorted(fresh)
    return frozenset(found)
