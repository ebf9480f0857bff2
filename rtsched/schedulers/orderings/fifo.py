"""First in, first out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class FIFO(Ordering):
    """First in, first out: by the instant at which the segment first became ready (R4).

    Guarantees nothing about deadlines; needs nothing; fails by making the urgent wait behind the long.
    """

    claims = GREEDY
    order = "FIFO"
    ranks = ("ready time",)

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.since,)
