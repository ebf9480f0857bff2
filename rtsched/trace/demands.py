"""What the nodes of a trace took in all: as planned, as recorded for their input, or in their batch."""

from __future__ import annotations

from rtsched.model.task import Constant
from rtsched.model.taskgraph import SystemSpec
from rtsched.trace.batches import batch_times
from rtsched.trace.check_launches import stays_with_ends
from rtsched.trace.trace import Trace


class Demands:
    """The times of nodes whose tasks are `fixed`, and where their work has a speed that can be added up.

    Other tasks take what nobody can tell from a trace; on `streams` and links (both `exempt`) work has no speed.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.fixed = _as_planned(trace.system)
        self.streams = _streams(trace.system)
        self.exempt = self.streams | {each.index for each in trace.system.processors if each.kind == "link"}
        self._together = batch_times(trace, self.fixed)
        self._ended = stays_with_ends(trace)

    def time(self, job: int, node: int, place: int, start: int) -> int | None:
        """What a slice that began at `start` is a piece of, in ns; None in a batch with one that is not fixed."""
        if (start, place) in self._together:
            return self._together[start, place]
        time = self._trace.node(job, node).times[place]
        assert time is not None
        return self._trace.recorded(job, node, time)

    def begins_anew(self, job: int, node: int, place: int, start: int, end: int) -> bool:
        """Whether a kernel ended in this slice on a stream: that is kept there; elsewhere the node begins anew."""
        return place in self.streams and self._ended(job, node, place, start, end)


def _as_planned(system: SystemSpec) -> set[int]:
    """The tasks that always take what is planned, or what is recorded of their input."""
    return {
        task.index
        for task in system.tasks
        if isinstance(task.execution, Constant) and getattr(task.arrival, "execution", None) is None
    }


def _streams(system: SystemSpec) -> set[int]:
    """The streams of GPUs that are served block by block."""
    units = () if system.hardware is None else system.hardware.units
    return {place for unit in units if unit.block_level is not None for place in unit.processors}
