"""Round robin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.engine.job import RUNNING
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.parameters import duration

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class RoundRobin(Ordering):
    """Round robin: in the order of arrival, and after `quantum` ns on the processor behind all others.

    Fair, blind to deadlines. Without preemption it is first in, first out.
    """

    #: a turn lasts a quantum; turns that began together end together, and then the index decides
    claims = GREEDY - {"bounded-inversion", "symmetric"}
    dynamic = True
    steady_waiting = True  # a turn ends on the processor

    def __init__(self, quantum: int | str = 10 * units.MS) -> None:
        self.quantum = duration(quantum, "quantum")

    def key(self, segment: Segment) -> tuple[Any, ...]:
        if segment.memo is None:
            segment.memo = (segment.since, 0)
        processor = segment.processor
        if segment.state == RUNNING and processor is not None:
            now = self.soc.now
            if processor.progress(now) >= self.quantum:
                segment.memo = (now, 1)
        turn: tuple[int, int] = segment.memo
        return turn

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        if waiting is None or running.processor is None:
            return None
        turn = running.processor.started + running.processor.overhead + self.quantum
        return turn if turn > self.soc.now else self.soc.now + self.quantum
