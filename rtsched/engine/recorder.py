"""The observer of a run: takes rows as they happen, and makes columns (or a running tally) of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtsched.trace.columns import Columns, widened
from rtsched.trace.trace import (
    ANSWERS,
    BATCHES,
    BOUNDARY,
    CHANGES,
    CHOICES,
    COMPLETED,
    DECISIONS,
    DRAINED,
    JOBS,
    KILLED,
    LAUNCHES,
    LOCKS,
    OVERHEAD,
    POWERS,
    SLICES,
    SPLITS,
    WAITS,
    WAVES,
    Deadlock,
)

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor

#: A job's row as the engine writes it: its number first, since jobs end in another order than they were released.
ENDED = np.dtype([("number", "i4"), *((name, JOBS[name].str) for name in JOBS.names or ())])


#: So many deadlocks are described; further ones are counted.
MOST_DEADLOCKS = 100


class Recorder:
    """Columns of a run: jobs always, slices and decisions only when a trace is kept.

    Without a trace every block of ended jobs is handed to `consume`, of answers to `judge`, of changes of the hardware
    to `change`, and forgotten, so that memory stays flat. Of a `wide` system numbers take more room.
    """

    def __init__(
        self,
        keep: bool,
        consume: Callable[[NDArray[Any]], None] | None = None,
        judge: Callable[[NDArray[Any]], None] | None = None,
        change: Callable[[NDArray[Any]], None] | None = None,
        wide: bool = False,
    ) -> None:
        self.kept = keep
        self.jobs = Columns(ENDED, None if keep else consume)
        self.slices = Columns(widened(SLICES, wide)) if keep else None
        self.decisions = Columns(widened(DECISIONS, wide)) if keep else None
        self.changes = Columns(CHANGES, None if keep else change)
        self.waves = Columns(widened(WAVES, wide)) if keep else None
        self.waits = Columns(widened(WAITS, wide)) if keep else None
        self.answers = Columns(ANSWERS, None if keep else judge)
        self.choices = Columns(widened(CHOICES, wide)) if keep else None
        self.locks = Columns(widened(LOCKS, wide)) if keep else None
        self.batches = Columns(widened(BATCHES, wide)) if keep else None
        self.launches = Columns(widened(LAUNCHES, wide)) if keep else None
        self.splits = Columns(widened(SPLITS, wide)) if keep else None
        self.powers = Columns(POWERS) if keep else None
        self.deadlocks: list[Deadlock] = []
        self.deadlock_count = 0

    def slice(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """Log that `segment` ran on `processor` since it started there, its overhead first.

        A kill that comes before any work here is logged too where it loses work done elsewhere.
        """
        assert self.slices is not None
        started = processor.started
        job, node = segment.job.number, segment.node.index
        if processor.overhead and now > started:
            until = min(now, started + processor.overhead)
            self.slices.buffer += (started, until, job, node, processor.index, OVERHEAD)
            started = until
        lost = reason == KILLED and segment.remaining != segment.demand
        if now > started or reason == COMPLETED or lost:
            self.slices.buffer += (started, now, job, node, processor.index, reason)

    def pack(self) -> None:
        """Turn full buffers into columns."""
        some = (self.slices, self.decisions, self.waves, self.waits, self.choices, self.locks, self.batches)
        for columns in (self.jobs, self.answers, self.changes, *some, self.launches, self.splits, self.powers):
            if columns is not None:
                columns.pack()

    def job_table(self) -> NDArray[Any]:
        """All jobs in order of release."""
        ended = self.jobs.table()
        if not len(ended):
            return np.empty(0, JOBS)
        ended = ended[np.argsort(ended["number"], kind="stable")]
        table = np.empty(len(ended), JOBS)
        for name in JOBS.names or ():
            table[name] = ended[name]
        return table

    def slice_table(self) -> NDArray[Any]:
        """All slices by start and processor; pieces that only a boundary divides are one slice."""
        if self.slices is None:
            return np.empty(0, SLICES)
        table = self.slices.table()
        order = np.lexsort((table["start"], table["processor"]))
        table = table[order]
        if np.isin(table["reason"], (BOUNDARY, DRAINED)).any():
            table = _merged(table)
        return table[np.lexsort((table["processor"], table["start"]))]

    def decision_table(self) -> NDArray[Any]:
        """All logged decisions in the order they were taken."""
        return np.empty(0, DECISIONS) if self.decisions is None else self.decisions.table()

    def change_table(self) -> NDArray[Any]:
        """All changes of the hardware in the order of time."""
        return self.changes.table()

    def answer_table(self) -> NDArray[Any]:
        """All answers by job."""
        table = self.answers.table()
        return table[np.argsort(table["job"], kind="stable")]

    def choice_table(self) -> NDArray[Any]:
        """All choices of variants in the order of time."""
        return np.empty(0, CHOICES) if self.choices is None else self.choices.table()

    def lock_table(self) -> NDArray[Any]:
        """All that became of resources, in the order of time."""
        return np.empty(0, LOCKS) if self.locks is None else self.locks.table()

    def batch_table(self) -> NDArray[Any]:
        """Who ran in which batch: by start, processor and job."""
        if self.batches is None:
            return np.empty(0, BATCHES)
        table = self.batches.table()
        return table[np.lexsort((table["node"], table["job"], table["processor"], table["start"]))]

    def launch_table(self) -> NDArray[Any]:
        """All commands that were launched under a limit: by launch, processor and number."""
        if self.launches is None:
            return np.empty(0, LAUNCHES)
        table = self.launches.table()
        return table[np.lexsort((table["kernel"], table["processor"], table["launched"]))]

    def split_table(self) -> NDArray[Any]:
        """Which parts of nodes that were split stayed where: by start, job, node and processor."""
        if self.splits is None:
            return np.empty(0, SPLITS)
        table = self.splits.table()
        return table[np.lexsort((table["processor"], table["node"], table["job"], table["start"]))]

    def power_table(self) -> NDArray[Any]:
        """What the chip drew, in the order of time."""
        return np.empty(0, POWERS) if self.powers is None else self.powers.table()

    def deadlock(self, found: Deadlock) -> None:
        """Remember a deadlock; of many only the first."""
        self.deadlock_count += 1
        if len(self.deadlocks) < MOST_DEADLOCKS:
            self.deadlocks.append(found)

    def wave_table(self) -> NDArray[Any]:
        """All waves of GPUs served block by block, in the order of their ends."""
        return np.empty(0, WAVES) if self.waves is None else self.waves.table()

    def wait_table(self) -> NDArray[Any]:
        """All intervals in which a stream's segment had nothing running, by start and processor."""
        if self.waits is None:
            return np.empty(0, WAITS)
        table = self.waits.table()
        return table[np.lexsort((table["processor"], table["start"]))]


def _merged(table: NDArray[Any]) -> NDArray[Any]:
    """Join each slice that ended at a boundary (or drains on) with its continuation.

    `table` is sorted by processor and start.
    """
    joins = np.zeros(len(table), bool)
    joins[1:] = (
        (table["reason"][:-1] == np.where(table["reason"][1:] == DRAINED, DRAINED, BOUNDARY))
        & (table["end"][:-1] == table["start"][1:])
        & (table["job"][:-1] == table["job"][1:])
        & (table["node"][:-1] == table["node"][1:])
        & (table["processor"][:-1] == table["processor"][1:])
        & (table["reason"][1:] != OVERHEAD)
    )
    first = np.flatnonzero(~joins)
    last = np.append(first[1:] - 1, len(table) - 1)
    merged = table[first].copy()
    merged["end"] = table["end"][last]
    merged["reason"] = table["reason"][last]
    return merged
