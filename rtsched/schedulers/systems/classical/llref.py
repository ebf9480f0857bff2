"""LLREF: fair at every release, and between two of them the largest local remaining execution first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.orderings.pfair import window
from rtsched.schedulers.systems.classical.plain import PlainTasks
from rtsched.schedulers.systems.classical.shares import boundary

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class LLREF(PlainTasks):
    """Largest local remaining execution first: all tasks keep to their fluid rates from release to release of any.

    Each interval between two releases (a T-L plane) has a local execution for every task, its share of the interval.
    The m largest that remain run; the choice is made anew when one of them is done, or when another has to run on to
    the end of the plane (events B and C). No periodic set of U <= m and D >= T misses. Cho, Ravindran and Jensen, "An
    optimal real-time scheduling algorithm for multiprocessors", RTSS 2006. Time is in whole ns here: a task gets all
    whole ns of its fluid share, and the one more, where there is room, goes to whom PD² would give it first (as in
    boundary-fair scheduling: Zhu, Mossé and Melhem, RTSS 2003; Nelissen et al., Real-Time Systems 50, 2014). It pays
    with preemptions and migrations at every release, and leaves processors idle.
    """

    called = "llref"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.work = [(task.spec.volume, task.period or task.deadline) for task in soc.tasks]
        #: what the present job of each task has had, and what is left of its local execution in this plane
        self.had = [0] * len(soc.tasks)
        self.local = [0] * len(soc.tasks)
        self.end = 0

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        super().on_ready(job, segments)
        self.had[job.task.index] = self.local[job.task.index] = 0

    def dispatch(self) -> None:
        for index, ran in self.used().items():
            self.had[index] += ran
            self.local[index] -= ran
        now = self.soc.now
        alive = [index for index in range(len(self.current)) if self.live(index) is not None]
        if now >= self.end:
            self._plane(alive)
        able = sorted((index for index in alive if self.local[index] > 0), key=lambda index: -self.local[index])
        chosen, waiting = able[: len(self.places)], able[len(self.places) :]
        self.spread(segment for index in chosen if (segment := self.live(index)) is not None)
        if alive:
            done = [now + self.local[index] for index in chosen]
            urgent = [self.end - self.local[index] for index in waiting]
            self.wake(min([self.end, *done, *urgent]))

    def _plane(self, alive: list[int]) -> None:
        """Local executions until the next release of any task."""
        now = self.soc.now
        self.end = min(boundary(task.spec, now) for task in self.soc.tasks)
        length = self.end - now
        room = len(self.places) * length
        wanting, beyond = [], []
        for index in alive:
            segment = self.live(index)
            assert segment is not None
            (work, period), had = self.work[index], self.had[index]
            since = self.end - segment.job.release
            if since > period or had >= work:
                beyond.append(index)  # late, or longer than it was to be
                continue
            given = self.local[index] = min(length, room, max(0, work * since // period - had))
            room -= given
            number = had + given + 1
            if given < length and number <= -(-work * since // period):
                due, overlaps, group = window(number, work, period)
                begin = segment.job.release
                wanting.append((begin + due, -overlaps, -(begin + group) if group else 0, index))
        for *_, index in sorted(wanting)[:room]:
            self.local[index] += 1
            room -= 1
        for index in beyond:
            self.local[index] = min(length, room)
            room -= self.local[index]

    def policy(self, names: Mapping[str, str]) -> Policy:
        """It is optimal."""
        return replace(super().policy(names), plan=PlanTraits(self.refuses, optimal=True))

    def describe(self) -> str:
        return "LLREF"
