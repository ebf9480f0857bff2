"""Whether a run that needs too many events gets on with its work, and would come to its end."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from rtsched.engine.job import DONE, RUNNING

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.job import Segment

#: A run has at most so many events, a hundred times what its jobs need.
MOST_EVENTS = 50_000
#: Why a system is not for a policy that decides more often than anybody can wait for, as with a turn of 1 ns.
FINE = f"it gets on, but needs more than the {MOST_EVENTS:,} events that are looked at; give it longer turns"
#: Looks that are kept: all of them have to be further than the one before; and the decisions from which that counts.
LOOKS, MANY = 4, 4096


class Pace:
    """How far a run was at its decisions number 1, 2, 4, 8 …: jobs that have ended, and work done for the others."""

    def __init__(self) -> None:
        self.marks: deque[tuple[int, int | Fraction]] = deque(maxlen=LOOKS)
        #: whether it is clear by now that there will be too many, though it gets on
        self.fine = False

    def look(self, decisions: int, core: Core) -> None:
        """So many decisions were made."""
        if decisions & (decisions - 1):
            return
        too_many = decisions >= MANY and decisions * core.until > MOST_EVENTS * core.loop._now
        self.fine = too_many and self.gets_on(core)
        self.marks.append(done(core))

    def gets_on(self, core: Core) -> bool:
        """Whether more is done at each look, and now: work is finite, so that this has an end."""
        marks = [*self.marks, done(core)]
        return len(marks) > LOOKS and all(before < after for before, after in pairwise(marks))


def done(core: Core) -> tuple[int, int | Fraction]:
    """How many jobs have ended, and the work in ns that was done for those that have not."""
    jobs = core.open_jobs()
    return core.released - len(jobs), sum(_done(each, core.loop._now) for job in jobs for each in job.segments)


def _done(segment: Segment, now: int) -> int | Fraction:
    if segment.state == DONE:
        return segment.demand
    stands = segment.demand - segment.remaining
    running = segment.state == RUNNING and segment.processor is not None
    return stands + segment.processor.progress(now) if running and segment.processor is not None else stands
