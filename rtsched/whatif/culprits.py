"""Who was behind the waiting of a job, by its explanation: whose C, whose rank, and which node, are worth a change."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar

from rtsched.model.taskgraph import TaskSpec
from rtsched.trace.causes.explanation import explain
from rtsched.trace.causes.pieces import AHEAD, HIGHER, INVERSION, LOWER, Episode
from rtsched.trace.trace import Trace

Key = TypeVar("Key", int, tuple[int, int])


class Culprits:
    """The tasks for which job number `job` of a trace waited."""

    def __init__(self, trace: Trace, job: int) -> None:
        self.trace = trace
        self.job = job
        self.pieces = explain(trace, job).pieces
        self.own = int(trace.jobs["task"][job])

    @cached_property
    def main(self) -> int | None:
        """The number of the other task for which it waited the longest."""
        return _most((self._task(piece.culprits[0][0]), piece.length) for piece in self.others)

    @cached_property
    def passed(self) -> list[tuple[TaskSpec, TaskSpec]]:
        """Who would have to pass whom: its task those that were ahead, the holder of a lock those that kept it."""
        found: set[tuple[int, int]] = set()
        for piece in self.others:
            if piece.cause in (HIGHER, AHEAD):
                found.add((self.own, self._task(piece.culprits[0][0])))
            elif piece.cause == INVERSION:
                found.add((self._task(piece.culprits[1][0]), self._task(piece.culprits[0][0])))
        tasks = self.trace.system.tasks
        return [(tasks[low], tasks[high]) for low, high in sorted(found)]

    @cached_property
    def blocker(self) -> tuple[int, int] | None:
        """The task and the node that went on longest although it was less urgent, or nobody knows that it was not."""
        system = self.trace.system
        found = (
            ((self._task(job), node), piece.length)
            for piece in self.others
            if (piece.cause == LOWER and not piece.how) or piece.cause == AHEAD
            for job, node in piece.culprits[:1]
        )
        return _most((who, time) for who, time in found if who[1] < len(system.tasks[who[0]].nodes))

    @property
    def others(self) -> list[Episode]:
        """The pieces in which jobs of other tasks were ahead."""
        return [piece for piece in self.pieces if piece.culprits and self._task(piece.culprits[0][0]) != self.own]

    def variant(self, task: int) -> int:
        """The best variant that the jobs of `task` that mattered ran as: the job itself, or those it waited for."""
        jobs = {self.job} if task == self.own else {job for piece in self.others for job, _ in piece.culprits}
        ran = [number for (job, _), number in self.trace.chosen.items() if job in jobs and self._task(job) == task]
        return min(ran, default=0)

    def _task(self, job: int) -> int:
        return int(self.trace.jobs["task"][job])


def _most(times: Iterable[tuple[Key, int]]) -> Key | None:
    """Who has the largest sum; of several the least."""
    sums: dict[Key, int] = {}
    for key, time in times:
        sums[key] = sums.get(key, 0) + time
    return min(sums, key=lambda key: (-sums[key], key), default=None)
