"""Imprecise computation: mandatory parts first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.quality import is_optional

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class MandatoryFirst(Ordering):
    """Imprecise computation: all mandatory parts (up to the first exit) by EDF, then all optional ones by EDF.

    Meets all deadlines of the mandatory parts if EDF alone would; the rest is best effort, and wants an adaptation that
    accepts what there is at the deadline (``anytime``). Nodes must be numbered in the order of the exits. Liu et al.,
    "Algorithms for scheduling imprecise computations", IEEE Computer 24(5), 1991.
    """

    claims = GREEDY

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (is_optional(segment), segment.job.deadline, segment.job.release)
