"""Least slack time, and least laxity first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.event_loop import NEVER
from rtsched.engine.job import RUNNING
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.parameters import duration

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class LeastSlackTime(Ordering):
    """Least slack time: by deadline minus expected remaining time, compared at every dispatch.

    Slack is compared when something happens anyway (a release, a completion), not in between: see ``llf``.
    """

    claims = GREEDY - {"bounded-inversion"}  # a pool is looked at when something happens there, and keys change between
    believes = ALWAYS
    dynamic = True
    steady_waiting = True  # the slack of all that wait falls alike, by 1 ns each ns: what compares them is constant

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.job.deadline - self.soc.remaining(segment),)


class LeastLaxityFirst(LeastSlackTime):
    """Least laxity first (Mok 1983): as least slack time, and compared again when a waiting segment overtakes.

    Laxities that meet would make two segments alternate without end; so after they meet, the running one keeps the
    processor for another `quantum`. Optimal on one preemptive processor for a vanishing quantum; many preemptions.
    """

    steady_waiting = True

    def __init__(self, quantum: int | str = units.MS) -> None:
        self.quantum = duration(quantum, "quantum")

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        if waiting is None:
            return None
        overhead = 0 if running.processor is None else running.processor.overhead
        return int(self.soc.now + max(0, waiting[0] - super().key(running)[0]) + overhead + self.quantum)

    def key(self, segment: Segment) -> tuple[Any, ...]:
        processor = segment.processor
        if segment.state == RUNNING and processor is not None and processor.overhead:
            if not processor.progress(self.soc.now):
                return (-NEVER,)  # a switch under way is not undone, or costs above the quantum would stop all progress
        return super().key(segment)
