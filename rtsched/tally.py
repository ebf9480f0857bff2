"""Sums over ended jobs, block by block: what remains of a run that keeps no trace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.engine.job import OK, UNFINISHED
from rtsched.engine.trace import NO_ANSWER
from rtsched.model.taskgraph import SystemSpec

Integers = NDArray[np.int64]

#: The widths of the buckets of a tally's histogram: percentiles are within half a per cent.
GROWTH = math.log(1.01)
BUCKETS = int(math.log(2.0**62) / GROWTH) + 2


class Tally:
    """Sums over ended jobs, block by block: memory depends on the number of tasks only.

    Counts, means, minima and maxima are exact; percentiles come from a histogram and are within half a per cent.
    """

    def __init__(self, system: SystemSpec, warm_up: int) -> None:
        count = len(system.tasks)
        self.tasks = count
        self.warm_up = warm_up
        self.released = 0
        self.outcomes = np.zeros((count, 5), np.int64)
        self.totals = [0] * count
        self.tardiness = [0] * count
        self.normalised = [0.0] * count
        self.least = np.full(count, np.iinfo(np.int64).max)
        self.most = np.full(count, -1)
        self.lateness = np.full(count, np.iinfo(np.int64).min)
        self.histogram = np.zeros((count, BUCKETS), np.int64)
        self.runs = MissRuns(count)
        self.answers = Answers(system, warm_up)

    def judge(self, answers: NDArray[Any]) -> None:
        """Take in a block of answers (structured, as a trace's)."""
        self.answers.update(answers)

    def update(self, ended: NDArray[Any]) -> None:
        """Take in a block of ended jobs (structured, with the fields of a trace's jobs)."""
        self.released += len(ended)
        counted = ended["release"] >= self.warm_up
        outcome = ended["outcome"].astype(np.int64)
        missed = (outcome != OK) & (outcome != UNFINISHED) & counted
        self.runs.update(ended["task"], ended["index"], missed)
        task = ended["task"][counted].astype(np.int64)
        self.outcomes += np.bincount(task * 5 + outcome[counted], minlength=5 * self.tasks).reshape(-1, 5)
        rows = ended[counted & (ended["finish"] >= 0)]
        if not len(rows):
            return
        task = rows["task"].astype(np.int64)
        response = rows["finish"] - rows["arrival"]
        late = rows["finish"] - rows["deadline"]
        np.minimum.at(self.least, task, response)
        np.maximum.at(self.most, task, response)
        np.maximum.at(self.lateness, task, late)
        bucket = (np.log(response.astype(float) + 1) / GROWTH).astype(np.int64)
        np.add.at(self.histogram, (task, bucket), 1)
        shares = np.bincount(task, response / (rows["deadline"] - rows["arrival"]), self.tasks)
        sums = np.zeros((2, self.tasks), np.int64)
        np.add.at(sums[0], task, response)
        np.add.at(sums[1], task, np.maximum(late, 0))
        for index in np.unique(task).tolist():
            self.totals[index] += int(sums[0, index])
            self.tardiness[index] += int(sums[1, index])
            self.normalised[index] += float(shares[index])

    def percentile(self, task: int, share: float) -> int:
        """The response time that a share of the finished jobs does not exceed, from the histogram."""
        counts = np.cumsum(self.histogram[task])
        bucket = int(np.searchsorted(counts, max(1, math.ceil(share * int(counts[-1])))))
        middle = math.exp((bucket + 0.5) * GROWTH) - 1
        return min(max(round(middle), int(self.least[task])), int(self.most[task]))


class Answers:
    """Sums over the answers of each task: how many there were and were right, what they were worth, how they ran.

    `chosen[task][k]` counts the jobs that ended as variant (or at exit) k; where a job mixed variants, its last choice.
    """

    def __init__(self, system: SystemSpec, warm_up: int) -> None:
        self.warm_up = warm_up
        count = len(system.tasks)
        self.given = np.zeros(count, np.int64)
        self.right = np.zeros(count, np.int64)
        self.worth = np.zeros(count, np.int64)
        qualities = [task.quality for task in system.tasks]
        self.by_exit = np.array([quality is not None and bool(quality.exits) for quality in qualities], bool)
        self.chosen = [
            np.zeros(0 if quality is None else max(len(quality.variants), len(quality.exits)), np.int64)
            for quality in qualities
        ]

    def update(self, answers: NDArray[Any]) -> None:
        """Take in a block of answers."""
        rows = answers[(answers["release"] >= self.warm_up) & (answers["accuracy"] != NO_ANSWER)]
        task = rows["task"].astype(np.int64)
        np.add.at(self.given, task, 1)
        np.add.at(self.right, task, rows["right"].astype(np.int64))
        np.add.at(self.worth, task, rows["worth"].astype(np.int64))
        number = np.where(self.by_exit[task], rows["exit"], rows["variant"])
        for index in np.unique(task[number >= 0]).tolist():
            mine = number[(task == index) & (number >= 0)]
            self.chosen[index] += np.bincount(mine, minlength=len(self.chosen[index]))


class MissRuns:
    """The longest run of consecutive misses per task, whatever the order in which the jobs end."""

    def __init__(self, tasks: int) -> None:
        self.expected = np.zeros(tasks, np.int64)
        self.current = np.zeros(tasks, np.int64)
        self.longest = np.zeros(tasks, np.int64)
        self.early: tuple[Integers, Integers, NDArray[np.bool_]] | None = None

    def update(self, task: Integers, index: Integers, missed: NDArray[np.bool_]) -> None:
        """Take in ended jobs; one that ended before its predecessor waits for it."""
        if self.early is None and not missed.any() and self._all_hit(task, index):
            return
        if self.early is not None:
            task, index, missed = (np.concatenate(pair) for pair in zip(self.early, (task, index, missed), strict=True))
        order = np.lexsort((index, task))
        task, index, missed = task[order].astype(np.int64), index[order].astype(np.int64), missed[order]
        first = np.ones(len(task), bool)
        first[1:] = task[1:] != task[:-1]
        begin = np.maximum.accumulate(np.where(first, np.arange(len(task)), 0))
        fits = index == self.expected[task] + np.arange(len(task)) - begin
        self.early = None if fits.all() else (task[~fits], index[~fits], missed[~fits])
        if self.early is not None:
            task, missed, first = task[fits], missed[fits], first[fits]
        self.expected += np.bincount(task, minlength=len(self.expected))
        total = np.cumsum(missed)
        before: Integers = total - missed
        # how many misses precede the present run: up to the last hit, or up to the task's first job in this block
        reset = np.maximum.accumulate(np.where(first, before, np.where(missed, 0, total)))
        run = np.where(missed, total - reset, 0)
        unbroken = missed & (_since_first(first, missed))
        run += np.where(unbroken, self.current[task], 0)
        np.maximum.at(self.longest, task, run)
        last = np.append(first[1:], True) if len(first) else first
        self.current[task[last]] = run[last]

    def _all_hit(self, task: Integers, index: Integers) -> bool:
        """The short way for a block without a miss; False if it has a gap, and so needs the long one."""
        counts = np.bincount(task, minlength=len(self.expected))
        last = np.full(len(self.expected), -1)
        np.maximum.at(last, task, index)
        there = counts > 0
        if (last[there] != (self.expected + counts - 1)[there]).any():
            return False
        self.expected += counts
        self.current[there] = 0
        return True


def _since_first(first: NDArray[np.bool_], missed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether every job of the task in this block, up to this one, missed."""
    hits = np.cumsum(~missed)
    base = np.maximum.accumulate(np.where(first, hits - ~missed, 0))
    unbroken: NDArray[np.bool_] = hits == base
    return unbroken
