"""Sums over ended jobs, block by block: what remains of a run that keeps no trace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.model.taskgraph import SystemSpec
from rtsched.trace.trace import (
    BANDWIDTH,
    CHECKPOINT,
    DOWN,
    EVICT,
    FREQUENCY,
    LOAD,
    NO_ANSWER,
    OUTCOMES,
    TEMPERATURE,
    UP,
)

Integers = NDArray[np.int64]

NONE = np.zeros(0, np.int64)
#: By the code of an outcome: whether it is a miss.
MISSED = np.array([name not in ("ok", "unfinished") for name in OUTCOMES])
LARGEST = 2**63 - 1

#: Up to so many response times of all tasks are kept as they are; beyond, only their histogram.
MOST_SAMPLES = 20_000
#: The widths of the buckets of a tally's histogram: percentiles are within half a per cent.
GROWTH = math.log(1.01)
BUCKETS = int(math.log(2.0**62) / GROWTH) + 2


class Tally:
    """Sums over ended jobs, block by block: memory depends on the number of tasks only.

    Counts, means, minima and maxima are exact, percentiles too as long as no more than `MOST_SAMPLES` jobs finished;
    then they come from a histogram and are within half a per cent. One that is `exact` keeps all response times.
    `changes` sums up what the hardware did.
    """

    def __init__(self, system: SystemSpec, warm_up: int, *, exact: bool = False) -> None:
        count = len(system.tasks)
        self.tasks = count
        self.warm_up = warm_up
        self.exact = exact
        self.released = 0
        self.outcomes = np.zeros((count, 5), np.int64)
        self.totals = [0] * count
        self.tardiness = [0] * count
        self.deadlines = np.array([task.deadline for task in system.tasks], np.int64)
        #: by task: the sum of the response times for each relative deadline
        self.by_deadline: list[dict[int, int]] = [{} for _ in range(count)]
        self.least = np.full(count, LARGEST)
        self.most = np.full(count, -1)
        self.lateness = np.full(count, -LARGEST - 1)
        self.finished = np.zeros(count, np.int64)
        self.histogram = Histogram()
        self.runs = MissRuns(count)
        self.answers = Answers(system, warm_up)
        self.changes = Changes()
        #: tasks and response times of the jobs that finished; None when they are too many
        self.samples: list[tuple[NDArray[Any], Integers]] | None = []
        #: where those of each task begin, once they stand in one block, task after task
        self.begins: list[int] | None = None

    def judge(self, answers: NDArray[Any]) -> None:
        """Take in a block of answers (structured, as a trace's)."""
        if len(answers):
            self.answers.update(answers)

    def update(self, ended: NDArray[Any]) -> None:
        """Take in a block of ended jobs (structured, with the fields of a trace's jobs)."""
        self.released += len(ended)
        # whole columns of numpy's own integers: out of the rows of a table `at` takes many times as long
        task, index, finish = (ended[name].astype(np.int64) for name in ("task", "index", "finish"))
        outcome = ended["outcome"]
        counted = ended["release"] >= self.warm_up
        self.runs.update(task, index, MISSED[outcome] & counted)
        kinds = task[counted] * 5 + outcome[counted]
        self.outcomes += np.bincount(kinds, minlength=5 * self.tasks).reshape(-1, 5)
        done = counted & (finish >= 0)
        task, finish, arrival, deadline = task[done], finish[done], ended["arrival"][done], ended["deadline"][done]
        if not len(task):
            return
        response = finish - arrival
        late = finish - deadline
        self._sample(task, response)
        np.minimum.at(self.least, task, response)
        np.maximum.at(self.most, task, response)
        np.maximum.at(self.lateness, task, late)
        counts = np.bincount(task, minlength=self.tasks)
        self.finished += counts
        self._add_up(np.flatnonzero(counts), task, deadline - arrival, response, np.maximum(late, 0))

    def _add_up(
        self, tasks: Integers, task: NDArray[Any], span: Integers, response: Integers, tardiness: Integers
    ) -> None:
        """Add response times (in all and by relative deadline, the `span`) and how late jobs of these `tasks` were."""
        sums = np.zeros((2, self.tasks), np.int64)
        np.add.at(sums[0], task, response)
        np.add.at(sums[1], task, tardiness)
        uniform = bool((span == self.deadlines[task]).all())
        for index in tasks.tolist():
            total = int(sums[0, index])
            self.totals[index] += total
            self.tardiness[index] += int(sums[1, index])
            if uniform:
                self._share(index, int(self.deadlines[index]), total)
        if not uniform:
            self._share_out(task, span, response)

    def _share(self, task: int, span: int, total: int) -> None:
        mine = self.by_deadline[task]
        mine[span] = mine.get(span, 0) + total

    def _share_out(self, task: NDArray[Any], span: Integers, response: Integers) -> None:
        """Sum up the response times by task and relative deadline: integers, so that no order changes the answer."""
        spans, place = np.unique(span, return_inverse=True)
        keys, where = np.unique(place * self.tasks + task, return_inverse=True)
        sums = np.zeros(len(keys), np.int64)
        np.add.at(sums, where, response)
        for key, total in zip(keys.tolist(), sums.tolist(), strict=True):
            self._share(key % self.tasks, int(spans[key // self.tasks]), total)

    def normalised(self, task: int) -> float:
        """The sum of the response times of a task, each in its own relative deadline."""
        return math.fsum(total / span for span, total in self.by_deadline[task].items())

    # ---- percentiles -------------------------------------------------------------------------------------------------

    def _sample(self, task: NDArray[Any], response: Integers) -> None:
        """Keep response times; when they become too many, only the histogram of all."""
        fresh = [(task, response)]
        if self.samples is not None:
            self.samples, self.begins = self.samples + fresh, None
            if self.exact or sum(len(block) for block, _ in self.samples) <= MOST_SAMPLES:
                return
            fresh, self.samples = self.samples, None
        for tasks, responses in fresh:
            bucket = (np.log(responses.astype(float) + 1) / GROWTH).astype(np.int64)
            self.histogram.add(tasks.astype(np.int64) * BUCKETS + bucket)

    def percentiles(self, task: int, shares: Sequence[float]) -> list[int]:
        """The response times that these shares of the finished jobs of a task do not exceed."""
        if self.samples is None:
            return [self._estimated(task, share) for share in shares]
        mine = np.sort(self._sampled(task))
        return [mine.item(max(0, math.ceil(len(mine) * share - 1))) for share in shares]

    def _sampled(self, task: int) -> Integers:
        """The response times of a task while all are kept; by then they stand in one block, sorted by task."""
        assert self.samples is not None
        if self.begins is None:
            tasks, responses = (np.concatenate(columns) for columns in zip(*self.samples, strict=True))
            order = np.argsort(tasks, kind="stable")
            self.samples = [(tasks[order], responses[order])]
            self.begins = np.searchsorted(tasks[order], np.arange(self.tasks + 1)).tolist()
        return self.samples[0][1][self.begins[task] : self.begins[task + 1]]

    def _estimated(self, task: int, share: float) -> int:
        """A percentile out of the histogram."""
        keys, counts = self.histogram.between(task * BUCKETS, (task + 1) * BUCKETS)
        place = int(np.searchsorted(np.cumsum(counts), max(1, math.ceil(share * int(self.finished[task])))))
        middle = math.exp((int(keys[place]) % BUCKETS + 0.5) * GROWTH) - 1
        return min(max(round(middle), int(self.least[task])), int(self.most[task]))


class Histogram:
    """How often each key was counted: memory is that of the keys that occurred, not of all there could be."""

    def __init__(self) -> None:
        self.keys = self.counts = np.empty(0, np.int64)
        self.fresh: list[Integers] = []
        self.waiting = 0

    def add(self, keys: Integers) -> None:
        """Count each of `keys` once; they are sorted in when they are as many as the known ones, so seldom."""
        self.fresh.append(keys)
        self.waiting += len(keys)
        if self.waiting > max(MOST_SAMPLES, len(self.keys)):
            self._settle()

    def _settle(self) -> None:
        keys, counts = np.unique(np.concatenate([np.empty(0, np.int64), *self.fresh]), return_counts=True)
        self.fresh, self.waiting = [], 0
        both, places = np.unique(np.concatenate([self.keys, keys]), return_inverse=True)
        sums = np.zeros(len(both), np.int64)
        np.add.at(sums, places, np.concatenate([self.counts, counts]))
        self.keys, self.counts = both, sums

    def between(self, first: int, last: int) -> tuple[Integers, Integers]:
        """The keys from `first` up to, not including, `last` that occurred, ascending, and how often each did."""
        if self.fresh:
            self._settle()
        place = slice(*np.searchsorted(self.keys, (first, last)).tolist())
        return self.keys[place], self.counts[place]


class RunningCourse:
    """A value over time, as far as it is known: how often it was set, and its integral up to the last time."""

    def __init__(self, time: int, value: int) -> None:
        self.begin = self.since = time
        self.first = self.value = value
        self.count = 0
        self.area = 0

    def set(self, time: int, value: int) -> None:
        """The value from `time` on."""
        self.area += self.value * (time - self.since)
        self.since, self.value = time, value
        self.count += 1

    def mean(self, before: int, end: int) -> float:
        """The mean over [0, end), the value being `before` until it was set first."""
        return (before * self.begin + self.area + self.value * (end - self.since)) / end if end else float(before)


class Changes:
    """What the hardware did, summed up: clocks, bandwidths and outages over time, heat, loads and checkpoints."""

    def __init__(self) -> None:
        self.courses: dict[tuple[int, int], RunningCourse] = {}
        self.counts = dict.fromkeys((LOAD, EVICT, CHECKPOINT), 0)
        self.loaded = 0
        self.hits: dict[int, int] = {}
        self.failures: dict[int, int] = {}
        self.trip = -1
        self.trips = 0

    def update(self, rows: NDArray[Any]) -> None:
        """Take in a block of changes (structured, as a trace's)."""
        if not len(rows):
            return
        for what in self.counts:
            self.counts[what] += int((rows["what"] == what).sum())
        self.loaded += int(rows["value"][rows["what"] == LOAD].sum())
        for row in rows[np.isin(rows["what"], (FREQUENCY, TEMPERATURE, BANDWIDTH, DOWN, UP))]:
            time, what, subject, value = (int(part) for part in row)
            if what == TEMPERATURE:
                self._meet(time, subject)
            elif what in (DOWN, UP):
                self._set(time, DOWN, subject, int(what == DOWN))
                if what == DOWN:
                    self.failures[subject] = self.failures.get(subject, 0) + 1
                    self.hits[subject] = self.hits.get(subject, 0) + (value >= 0)
            else:
                self._set(time, what, subject, value)

    def _set(self, time: int, what: int, subject: int, value: int) -> None:
        course = self.courses.get((what, subject))
        if course is None:
            course = self.courses[what, subject] = RunningCourse(time, value)
        course.set(time, value)

    def _meet(self, time: int, trip: int) -> None:
        """The trip in force; -1: none."""
        self.trips += (TEMPERATURE, 0) in self.courses and trip > self.trip
        self.trip = trip
        self._set(time, TEMPERATURE, 0, int(trip >= 0))

    def of(self, what: int) -> dict[int, RunningCourse]:
        """The courses of a kind by their subject, in order."""
        return {place: self.courses[kind, place] for kind, place in sorted(self.courses) if kind == what}


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
            NONE if quality is None else np.zeros(max(len(quality.variants), len(quality.exits)), np.int64)
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
        after = self.expected + counts
        last = self.expected - 1
        np.maximum.at(last, task, index)
        if (last + 1 != after).any():
            return False
        self.expected = after
        self.current[counts > 0] = 0
        return True


def _since_first(first: NDArray[np.bool_], missed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether every job of the task in this block, up to this one, missed."""
    hits = np.cumsum(~missed)
    base = np.maximum.accumulate(np.where(first, hits - ~missed, 0))
    unbroken: NDArray[np.bool_] = hits == base
    return unbroken
