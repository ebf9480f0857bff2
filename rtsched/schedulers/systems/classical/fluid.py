"""Fluid rates in whole quanta: what each task gets between one release of any task and the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched import units
from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.orderings.pfair import window
from rtsched.schedulers.systems.classical.plain import PlainTasks
from rtsched.schedulers.systems.classical.shares import boundary

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import SystemSpec


class Fluid(PlainTasks):
    """Plans from release to release: every task has its fluid share of the time between, in whole quanta.

    It gets all whole quanta that its fluid rate has brought it by then, and the one more, where there is room, goes to
    whom PD² would give it first (boundary-fair scheduling: Zhu, Mossé and Melhem, RTSS 2003; Nelissen et al., Real-Time
    Systems 50, 2014). So no periodic set of U <= m and D >= T misses, if only what is planned is served.
    """

    #: what time is shared out in, in ns
    quantum = 1

    def refuses(self, system: SystemSpec) -> str | None:
        reason = super().refuses(system)
        for task in system.tasks if reason is None else ():
            if any(time % self.quantum for time in (task.volume, task.period or 0, task.offset)):
                return f"the times of task {task.name!r} are no multiples of {units.format_duration(self.quantum)}"
        return reason

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        periods = [task.period or task.deadline for task in soc.tasks]
        volumes = [task.spec.volume for task in soc.tasks]
        #: C and T of each task in quanta
        self.work = [
            (volume // self.quantum, period // self.quantum) for volume, period in zip(volumes, periods, strict=True)
        ]
        #: what the present job of each task has had, and what is left of its share until `end`, in ns
        self.had = [0] * len(soc.tasks)
        self.local = [0] * len(soc.tasks)
        self.end = 0

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        super().on_ready(job, segments)
        self.had[job.task.index] = self.local[job.task.index] = 0

    def charge(self) -> list[int]:
        """Count what has run since the last look. Returns the tasks that have work."""
        for index, ran in self.used().items():
            self.had[index] += ran
            self.local[index] -= ran
        return [index for index in range(len(self.current)) if self.live(index) is not None]

    def share_out(self, alive: list[int]) -> int:
        """Share out the time until the next release of any task. Returns how much it is."""
        now, quantum = self.soc.now, self.quantum
        self.end = min(boundary(task.spec, now) for task in self.soc.tasks)
        length = (self.end - now) // quantum
        room = len(self.places) * length
        wanting, beyond = [], []
        for index in alive:
            segment = self.live(index)
            assert segment is not None
            (work, period), had = self.work[index], self.had[index] // quantum
            since = (self.end - segment.job.release) // quantum
            if since > period or had >= work:
                beyond.append(index)  # late, or longer than it was to be
                continue
            given = min(length, room, max(0, work * since // period - had))
            self.local[index] = given * quantum
            room -= given
            number = had + given + 1
            if given < length and number <= -(-work * since // period):
                due, overlaps, group = window(number, work, period)
                begin = segment.job.release // quantum
                wanting.append((begin + due, -overlaps, -(begin + group) if group else 0, index))
        for *_, index in sorted(wanting)[:room]:
            self.local[index] += quantum
            room -= 1
        for index in beyond:
            given = min(length, room)
            self.local[index] = given * quantum
            room -= given
        return length * quantum

    def policy(self, names: Mapping[str, str]) -> Policy:
        """It is optimal."""
        return self.planned(names, PlanTraits(self.refuses, optimal=True))
