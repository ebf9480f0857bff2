"""A run under way: how far it is, a way to end it early, and its end when nothing but timers is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtsched.engine.event_loop import NEVER, SETTLE, TIMER, Alarm, EventLoop
from rtsched.engine.job import Job

if TYPE_CHECKING:
    from rtsched.engine.core import Core

#: After everything else at an instant.
LAST = SETTLE + 1
#: Timers that come up in vain, when nothing else is left, before a run is ended.
IN_VAIN = 10_000
#: So many of the jobs that can never finish are named.
MOST_NAMED = 20


class InterruptError(Exception):
    """Somebody ended the run between two events."""


class UnderWay:
    """A run under way, for another thread or the handler of a signal."""

    def __init__(self, loop: EventLoop, core: Core, warm_up: int = 0) -> None:
        self.loop = loop
        self.core = core
        self.warm_up = warm_up
        self.system = core.system
        self.until = core.until
        self.keeps_trace = core.record.kept

    @property
    def now(self) -> int:
        """The simulated time in ns."""
        return self.loop._now

    @property
    def jobs(self) -> int:
        """The jobs released so far."""
        return self.core.released

    def interrupt(self) -> None:
        """End the run at its present instant: what happened so far is its trace."""
        self.loop.arm(Alarm(self.loop, LAST, self._end), self.loop._now)

    def end_at_miss(self) -> None:
        """Let the run end as soon as a job misses its deadline (after the warm-up): said before time starts."""
        core, inner = self.core, self.core.on_deadline

        def missed(job: Job) -> None:
            if inner is not None:
                inner(job)
            if job.release >= self.warm_up:
                self.interrupt()

        core.on_deadline = missed
        for task in core.tasks:
            task.watch = True

    def _end(self) -> None:
        raise InterruptError


def drain_out(loop: EventLoop, core: Core, dispatch: Callable[[], None]) -> int | None:
    """Go on after the releases for as long as anything happens.

    A policy, a governor or a fault may arm its timer again and again while the jobs that are left can never finish.
    When for `IN_VAIN` instants, and until all that was to come at their beginning has come, only timers happened and
    nothing came of them, the run is over; returns since when (ns), else None.
    """
    queue = loop._queue
    since, beyond, vain, before = NEVER, NEVER, 0, (0, 0)
    while queue:
        loop.drain(core.changed, dispatch, queue[0][0])
        if any(entry[1] < TIMER and entry[3] is not deciding(core) for entry in queue):
            vain = 0
            continue
        resumed = 0 if core.planner is None else core.planner.resumed
        state = sum(processor.starts for processor in core.processors) - resumed, len(core.open_jobs())
        if not vain or state != before:
            since, beyond, vain, before = loop._now, max((entry[0] for entry in queue), default=0), 0, state
        vain += 1
        if vain > IN_VAIN and loop._now >= beyond:
            queue.clear()
            return since
    return None


def deciding(core: Core) -> Alarm | None:
    """The event that ends the decision of a planner, of which nothing comes by itself; None while none is made."""
    planner = core.planner
    return None if planner is None or planner.begun < 0 else planner.processor.alarm


def named(jobs: list[Job]) -> tuple[str, ...]:
    """The first of some jobs, as ``task[index]``."""
    return tuple(f"{job.task.name}[{job.index}]" for job in jobs[:MOST_NAMED])
