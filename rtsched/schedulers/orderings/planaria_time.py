"""Planaria's score where an accelerator is shared in time only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class PlanariaTime(Ordering):
    """Planaria without fission: the largest weight over slack, after every layer; who has no slack left goes first.

    The slack is the deadline less now: it counts no work. It guarantees nothing, and fails by serving late what was
    short: EDF, but for the weights. Equal scores go to the earlier request.
    Ghodrati et al., "Planaria", MICRO 2020, as the published simulator of Fan et al., MICRO 2023, has it for one
    accelerator that is not divided; there who is late has a negative score. `planaria` divides.
    """

    claims = GREEDY - {"bounded-inversion"}  # scores change while segments wait
    dynamic = True

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        slack = job.deadline - self.soc.now
        return (-job.task.weight / slack if slack > 0 else -math.inf, job.arrival)
