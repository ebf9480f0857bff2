"""Imprecise computation: optional parts by what they bring per time."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.quality import is_optional

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class BestIncrementalReturn(Ordering):
    """Imprecise computation: mandatory parts by EDF, then the optional part with the most accuracy to gain per time.

    What is to gain is expected from the last exit's confidence. The same guarantee as mandatory first; it fails by
    starving the cheap deadline for the rich one. Dey, Kurose and Towsley, "On-line scheduling policies for a class of
    IRIS real-time tasks", IEEE ToC 45(7), 1996.
    """

    claims = GREEDY - {"bounded-inversion"}  # what is to gain changes while a segment waits
    believes = ALWAYS
    estimates = True

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        if not is_optional(segment):
            return (False, 0.0, job.deadline, job.release)
        quality = job.task.spec.quality
        assert quality is not None
        places = [exit_.node for exit_ in quality.exits]
        following = quality.exits[bisect_left(places, segment.node.index)]
        reached, have = self.soc.answer(job)
        gain = self.soc.expected_accuracy(job, following.accuracy, following.index)
        gain -= self.soc.expected_accuracy(job, have or 0.0, reached)
        time = self.estimator.work(job.task, range(segment.node.index, following.node + 1))
        return (True, -gain / time, job.deadline, job.release)
