"""Shortest job first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class ShortestJobFirst(Ordering):
    """Shortest job first: by the expected time on the fastest processor. Best mean response, starves the long."""

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.node.fastest,)
