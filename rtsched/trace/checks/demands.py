"""What the nodes of a trace took in all: as planned, as recorded for their input, or in their batch."""

from __future__ import annotations

from typing import Any

from rtsched.trace.batches import batch_times
from rtsched.trace.checks.common import as_planned, stream_processors, without_speed
from rtsched.trace.checks.launches import stays_with_ends
from rtsched.trace.trace import Trace


class Demands:
    """The times of nodes whose tasks are `fixed`, and where their work has a speed that can be added up.

    Other tasks take what nobody can tell from a trace; on `streams` and links (both `exempt`) work has no speed.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.fixed = as_planned(trace.system)
        self.streams = stream_processors(trace.system)
        self.exempt = without_speed(trace.system)
        self._together = batch_times(trace, self.fixed)
        self._ended = stays_with_ends(trace)

    def time(self, job: int, node: int, place: int, start: int) -> int | None:
        """What a slice that began at `start` is a piece of, in ns; None in a batch with one that is not fixed."""
        if (start, place) in self._together:
            return self._together[start, place]
        time = self._trace.node(job, node).times[place]
        assert time is not None
        return self._trace.recorded(job, node, time)

    def pieces(self, job: int, node: int, place: int, start: int, end: int) -> list[tuple[int, int, Any]]:
        """A slice by the variants that its node went through: (begin, end, what that is a piece of, as in `time`)."""
        if (start, place) in self._together:
            return [(start, end, self._together[start, place])]
        forms = self._trace.forms(job, node, start, end)
        return [(begin, stop, self._trace.recorded(job, node, form.times[place] or 0)) for begin, stop, form in forms]

    def begins_anew(self, job: int, node: int, place: int, start: int, end: int) -> bool:
        """Whether a kernel ended in this slice on a stream: that is kept there; elsewhere the node begins anew."""
        return place in self.streams and self._ended(job, node, place, start, end)
