"""What cannot be stopped at once: it drains to its next boundary (or is reset), and its processor is busy meanwhile.

A processor that is not preemptive has its work handed over: when a job is aborted, dropped or accepted early, what runs
of it goes on for nothing, to the end of a segment that runs to completion, or to the end of the node (or region) on a
processor served by nodes. A declared `reset` stops it instead, and takes its time; a kill pays it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.job import DEAD, DRAINING, READY, Segment
from rtsched.engine.points import LEAVE, NEXT_NODE, SWITCH
from rtsched.trace import trace as log
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor


class Drains:
    """The processors that drain or are being reset; `since` says from when on.

    Meanwhile they report their ends here instead of to the core, so that others pay nothing for it.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.since: dict[Processor, int] = {}
        #: of segments that ran twice those of which nobody takes up what they did
        self.lost: set[Segment] = set()

    def begin(self, processor: Processor, segment: Segment, now: int) -> None:
        """The job of `segment`, which runs, is over: let it drain, or reset the processor."""
        if processor.spec.reset is not None:
            self.core.steps.stop(processor, segment, now, log.STOPPED)
            if self.core.locks is not None:
                self.core.locks.forget(segment)
            self.reset(processor, segment, now)
            return
        segment.state = DRAINING
        processor.done = self._over if processor.puts_aside() else self._piece_ended
        self.since[processor] = now

    def reset(self, processor: Processor, segment: Segment, now: int) -> None:
        """`segment` has been stopped: its processor is busy with that for as long as declared."""
        time = processor.spec.reset
        assert time is not None
        segment.state = DRAINING
        processor.segment = segment
        processor.started = now
        processor.overhead_total += time
        processor.hold(time, now)
        processor.done = self._over
        self.since[processor] = now

    def cut(self, processor: Processor, now: int) -> None:
        """Nothing drains any more: it is over, the processor fails, or the run ends. What was killed is ready again."""
        segment = processor.segment
        assert segment is not None
        self._log(processor, segment, now)
        self._free(processor, segment)
        if self.core.splits is not None and self.core.splits.freed(segment):
            return
        if segment.state == READY and self.core.on_ready is not None:
            self.core.on_ready(segment.job, (segment,))
        if self.core.batches is not None:
            self.core.batches.freed(segment)

    def _over(self, processor: Processor, segment: Segment, now: int) -> None:
        self.core.changed[0] = True
        self.cut(processor, now)
        if self.core.on_processor is not None:
            self.core.on_processor(processor, "idle")

    def _piece_ended(self, processor: Processor, segment: Segment, now: int) -> None:
        """Go on to the boundary: past the end of a section, and with the next node of a run that nothing interrupts."""
        self.core.changed[0] = True
        # after a move between speeds a fraction of a nanosecond may be left over: the end was rounded up
        segment.remaining = max(0, segment.remaining - processor.progress(now))
        plan = segment.points
        position = segment.demand - segment.remaining
        while plan and plan[-1][0] == position and plan[-1][1] == LEAVE:
            assert self.core.locks is not None
            self.core.locks.leave(segment, plan.pop()[2])
        here = bool(plan) and plan[-1][0] <= position  # past it where a fraction of a nanosecond was rounded up
        if here and plan[-1][1] == SWITCH and processor.service == "run-to-completion":
            plan.pop()
            here = False
        if segment.remaining and not here:
            self._log(processor, segment, now)
            self._go_on(processor, segment, 0, now)
        elif here and plan[-1][1] == NEXT_NODE and self._hands_over(processor, plan[-1][2][0]):
            self._log(processor, segment, now)
            segment.state = DEAD
            self._next_node(processor, plan[-1][2], now)
        else:
            self._over(processor, segment, now)

    def _hands_over(self, processor: Processor, following: Segment) -> bool:
        """Whether a run of nodes goes on with the next one by itself; one that reads copies waits for the host."""
        return processor.service == "run-to-completion" and not following.node.copies

    def _next_node(self, processor: Processor, run: tuple[Segment, ...], now: int) -> None:
        segment = run[0]
        time = segment.node.times[processor.index]
        factor = segment.job.factor
        assert time is not None
        if callable(factor):
            time = int(factor(segment, processor, now))
        elif factor is not None:
            time = scaled(factor, time)
        segment.state = DRAINING
        segment.processor = processor
        segment.demand = segment.remaining = time
        segment.points = [(time, NEXT_NODE, run[1:])] if run[1:] else None
        cost = processor.extra(segment) if processor.costly else 0
        processor.overhead_total += cost
        self._go_on(processor, segment, cost, now)

    def _go_on(self, processor: Processor, segment: Segment, overhead: int, now: int) -> None:
        processor.segment = segment
        processor.started = self.since[processor] = now
        processor.overhead = overhead
        processor.begin(self.core.next_piece(segment), now)

    def _log(self, processor: Processor, segment: Segment, now: int) -> None:
        """Write down what ran for the job until it ended, and what ran on for nothing."""
        core, since = self.core, self.since[processor]
        processor.busy += now - processor.started
        if core.slices is not None:
            core.record.slice(processor, segment, since, log.STOPPED)
            again = segment.job.outcome == OPEN and segment not in self.lost
            reason = log.OVERHEAD if again else log.DRAINED
            if now > since:
                core.slices += (since, now, segment.job.number, segment.node.index, processor.index, reason)

    def _free(self, processor: Processor, segment: Segment) -> None:
        del self.since[processor]
        processor.done = self.core.ended
        processor.segment = None
        processor.boundary_stop = False
        processor.leave()
        processor.overhead = 0
        segment.state = READY if segment.job.outcome == OPEN and segment not in self.lost else DEAD
        self.lost.discard(segment)
        if self.core.locks is not None:
            self.core.locks.forget(segment)
