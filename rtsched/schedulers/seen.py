"""Orderings and placements of somebody else's among parts of ours: what they are asked about are views of things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rtsched.engine.soc import Soc
from rtsched.engine.veil import SocView, is_ours, shower
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.placements.base import Placement

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec

Show = Callable[[Any], Any]


class SeenOrdering(Ordering):
    """An ordering that is asked about views."""

    def __init__(self, inner: Ordering, show: Show) -> None:
        self.inner, self.show = inner, show
        self.dynamic, self.estimates = inner.dynamic, inner.estimates

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return self.inner.key(self.show(segment))

    def urgency(self, task: TaskState) -> Any:
        return self.inner.urgency(self.show(task))

    def urgencies(self, tasks: Sequence[TaskState]) -> list[Any] | None:
        return self.inner.urgencies(self.show(tasks))

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        return self.inner.review(self.show(running), self.show(waiting))

    def is_steady(self) -> bool:
        return self.inner.is_steady()


class SeenPlacement(Placement):
    """A placement that is asked about views."""

    def __init__(self, inner: Placement, show: Show) -> None:
        self.inner, self.show = inner, show
        self.dynamic = inner.dynamic

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        return self.inner.where(self.show(task), node)

    def choose(self, segment: Segment) -> int:
        return self.inner.choose(self.show(segment))

    def chosen(self, segment: Segment) -> int | None:
        return self.inner.chosen(self.show(segment))

    def forget(self, segment: Segment) -> None:
        self.inner.forget(self.show(segment))


def veil_of(part: Any, soc: Soc) -> Show | None:
    """What shows things to a part where queues have the things themselves; None where nothing need be shown."""
    if isinstance(soc, SocView):
        return soc.show
    return None if is_ours(part) else shower(soc.core.scheduler.oracle)


def seen_ordering(ordering: Ordering, show: Show | None) -> Ordering:
    """An ordering as those may use it who have no views."""
    return ordering if show is None else SeenOrdering(ordering, show)


def seen_placement(placement: Placement, show: Show | None) -> Placement:
    """A placement as those may use it who have no views."""
    return placement if show is None else SeenPlacement(placement, show)
