"""Shortest job first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class ShortestJobFirst(Ordering):
    """Shortest job first: by the expected time on the fastest processor. Best mean response, starves the long."""

    claims = GREEDY
    believes = ALWAYS

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (self.soc.beliefs.fastest(segment.node),)
