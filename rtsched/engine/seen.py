"""What is seen of nodes that are done: their time, the exit or way they led to, and the side values of their input.

Only for policies that say they read ``values``; for others there is none of it. Nothing is seen before a node is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rtsched.engine.execution_time import InputTimes
from rtsched.engine.job import Segment
from rtsched.engine.steps import AroundSteps, Steps
from rtsched.errors import SchedulerError

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor

Listener = Callable[[Segment, dict[str, Any]], None]


class Seen(AroundSteps):
    """Keeps with every segment what its completion showed; also of inner nodes of runs, of which nobody is told."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.stint = 0

    def hearing(self, told: Listener | None) -> Listener:
        """The listener to completions that adds the side values, and remembers all of it."""

        def hear(segment: Segment, observation: dict[str, Any]) -> None:
            observation.update(_values(segment))
            segment.seen = MappingProxyType(dict(observation))
            if told is not None:
                told(segment, observation)

        return hear

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """Note how long it ran: it may be the inner node of a run, which is done."""
        self.stint = now - processor.started
        self.inner.stop(processor, segment, now, reason)

    def successors(self, segment: Segment) -> None:
        """A node is done: if nobody was told, it is inside a run, and has just been stopped."""
        if not hasattr(segment, "seen"):
            paths = self.core.paths
            of_path = {} if paths is None or not segment.job.task.adaptive else paths.observed(segment)
            segment.seen = MappingProxyType({"time": self.stint, **of_path, **_values(segment)})
        self.inner.successors(segment)


def seen(core: Core, segment: Any) -> Mapping[str, Any] | None:
    """What was seen of a segment; None before it is done. Raises SchedulerError where nothing is kept."""
    if core.seen is None:
        raise SchedulerError(
            f"seen of {segment!r}: nothing is kept for this policy; its class (or that of its part) says "
            "reads = frozenset({'values'})"
        )
    if not isinstance(segment, Segment):
        raise SchedulerError(f"seen of {segment!r}: ask of a segment, e.g. one of job.segments")
    found: Mapping[str, Any] | None = getattr(segment, "seen", None)
    return found


def _values(segment: Segment) -> Mapping[str, float]:
    """The side values of a segment's node for the input of its job; none where none are recorded."""
    factor = segment.job.factor
    if not isinstance(factor, InputTimes):
        return {}
    return factor.inputs.values[factor.number].get(segment.node.index, {})
