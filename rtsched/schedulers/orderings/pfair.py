"""Proportionate fairness: every task gets its share of the processors, quantum by quantum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.event_loop import NEVER
from rtsched.engine.job import DONE
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.parameters import duration

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class PD2(Ordering):
    """PD² with early releases: each quantum of a job has a deadline of its own, i T / C after the release, rounded up.

    Ties go to who overlaps the next window (b = 1), then to the later group deadline. Optimal on equal processors:
    periodic or sporadic tasks whose C and T = D are whole `quantum`s, released at whole ones, never miss where U <= m
    (Srinivasan and Anderson, "Optimal rate-based scheduling on multiprocessors", STOC 2002; early releases, which keep
    no processor idle: Anderson and Srinivasan, ECRTS 2000). It pays with preemptions and migrations at every quantum;
    what is no multiple of it can be late.
    """

    claims = GREEDY - {"bounded-inversion"}  # a pool is looked at when something happens there, and keys change between
    believes = ALWAYS
    dynamic = True

    def __init__(self, quantum: int | str = units.MS) -> None:
        self.quantum = duration(quantum, "quantum")

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        quantum = self.quantum
        #: (C, T) of each task in quanta
        self.weights = [
            (up(task.spec.volume, quantum), max(1, (task.spec.period or task.spec.deadline) // quantum))
            for task in soc.tasks
        ]

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        work, period = self.weights[job.task.index]
        due, overlaps, group = window(min(work, self._done(job) // self.quantum + 1), work, period)
        return (job.arrival + due * self.quantum, -overlaps, -group)

    def _done(self, job: Job) -> int:
        """The work that a job has behind it, as it is believed to be, in ns."""
        left = sum(self.soc.remaining(each) for each in job.segments if each.state != DONE)
        return max(0, job.task.spec.volume - left)

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        """At the end of the quantum, which all processors have in common."""
        return None if waiting is None else (self.soc.now // self.quantum + 1) * self.quantum


def window(number: int, work: int, period: int) -> tuple[int, int, int]:
    """(deadline, b, group deadline) of a job's quantum `number` (from 1), in quanta after its release.

    The group deadline is that of tasks that need half of a processor or more, 0 of others: until then a quantum that
    is served late pushes all that follow.

    >>> [window(number, 8, 11) for number in range(1, 9)]       # the papers' example, a task of weight 8/11
    [(2, 1, 4), (3, 1, 4), (5, 1, 8), (6, 1, 8), (7, 1, 8), (9, 1, 11), (10, 1, 11), (11, 0, 11)]
    """
    due = up(number * period, work)
    overlaps = int(number * period % work > 0)
    if 2 * work < period:
        return due, overlaps, 0
    if work >= period:
        return due, overlaps, NEVER
    idle = period - work
    return due, overlaps, up(up(due * idle, period) * period, idle)


def up(number: int, by: int) -> int:
    """The quotient, rounded up."""
    return -(-number // by)
