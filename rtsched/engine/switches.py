"""Another variant for a node that has begun: at the end of one of its regions, and what is done stays done.

Only runs with tasks whose variants may change there (``switch: region``) come here. Their nodes meet the end of each
region, whatever the mode of preemption: in limited mode they compete anew, else they go on at once.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.job import READY, RUNNING, Job, Segment
from rtsched.engine.points import NEXT_NODE, REGION_END, SWITCH
from rtsched.engine.steps import AroundSteps, Steps
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor
    from rtsched.model.taskgraph import QualitySpec


class Switches(AroundSteps):
    """The nodes that stand at the end of a region, and the variants that others are to take at their next one."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        #: the variant from the next boundary on
        self.wanted: dict[Segment, int] = {}
        #: how many regions were over at the last boundary, and the work that was left there
        self.stands: dict[Segment, tuple[int, int | Fraction]] = {}
        #: what it runs as, if not what it started as
        self.present: dict[Segment, int] = {}

    def concern(self, segment: Segment) -> bool:
        """Whether the variant of a node may change inside it."""
        quality = segment.job.task.spec.quality
        return quality is not None and quality.inside and len(segment.node.regions) > 1

    def may_change(self, segment: Segment) -> bool:
        """Whether a node that has begun can still go on as another variant: it stands at a boundary, or will."""
        return self._over(segment) is not None or _ahead(segment)

    def ask(self, segment: Segment, number: int) -> bool:
        """Let a node that has begun go on as variant `number`; False if it keeps its own to its end.

        It does so at its next boundary, or at once if it stands at one. What has begun is not left out any more.
        """
        if not self.concern(segment) or segment.node.index in _quality(segment.job).variants[number].skipped:
            return False
        self.wanted.pop(segment, None)
        over = self._over(segment)
        if number == self._present(segment):
            return over is not None or _ahead(segment)
        if over is not None:
            self._change(segment, number, over)
        elif _ahead(segment):
            self.wanted[segment] = number
        else:
            return False
        return True

    def _over(self, segment: Segment) -> int | None:
        """How many of its regions are over, if it waits at the end of the last of them (or at its own beginning)."""
        if segment.state != READY or not self.concern(segment):
            return None
        if segment.remaining == segment.demand:
            return 0
        over, left = self.stands.get(segment, (None, None))
        return over if left == segment.remaining else None

    def _present(self, segment: Segment) -> int:
        return self.present.get(segment, segment.job.path.ran[segment.node.index])

    def _change(self, segment: Segment, number: int, over: int) -> None:
        """From now on variant `number`: what is left is the same share of its time."""
        job, at = segment.job, segment.node.index
        whole = segment.remaining == segment.demand
        left = Fraction(segment.remaining) / segment.demand
        segment.node = _quality(job).variants[number].nodes[at]
        segment.demand = self._demand(segment)
        left *= segment.demand
        segment.remaining = left.numerator if left.denominator == 1 else left
        self._plan(segment, over)
        self.stands[segment] = over, segment.remaining
        self.present[segment] = number
        job.path.ran[at] = number if whole else max(number, job.path.ran[at])
        choices = self.core.record.choices
        if choices is not None:
            choices.buffer += (self.core.loop._now, job.number, at, number)
        if segment.state == READY:
            self.core.scheduler.reconfigured(segment)

    def _demand(self, segment: Segment) -> int:
        """What the whole node really takes in its present variant."""
        processor, factor = segment.processor, segment.job.factor
        assert processor is not None
        if callable(factor):
            return int(factor(segment, processor, self.core.loop._now))
        time = segment.node.times[processor.index]
        assert time is not None
        return time if factor is None else scaled(factor, time)

    def _plan(self, segment: Segment, over: int) -> None:
        """The boundaries that are ahead, in the time of the present variant, and the nodes that follow in a run."""
        old: list[tuple[int, int, Any]] = segment.points
        run = [(segment.demand, NEXT_NODE, point[2]) for point in old[:1] if point[1] == NEXT_NODE]
        self.core.lay_out(segment)
        done = segment.demand - segment.remaining
        segment.points = run + [point for point in segment.points if point[2] > over and point[0] > done]

    # ---- what happens in time ------------------------------------------------------------------------------------

    def reached(self, segment: Segment, over: int) -> None:
        """A region has ended: so many are over."""
        if not self.concern(segment):
            return
        self.stands[segment] = over, segment.remaining
        number = self.wanted.pop(segment, None)
        if number is not None:
            self._change(segment, number, over)

    def pass_by(self, processor: Processor, segment: Segment, stop: bool, now: int) -> None:
        """A region has ended where nobody else may take the processor: go on at once, unless asked to stop here."""
        core = self.core
        processor.boundary_stop = False
        self.reached(segment, segment.points.pop()[2])
        segment.state = READY
        if stop:
            core.parted[segment] = processor
            if core.on_ready is not None:
                core.on_ready(segment.job, (segment,))
        elif self.go_on(segment, processor):
            segment.state = RUNNING
            processor.segment = segment
            processor.started = now
            if processor.costly:
                processor.overhead = 0
            processor.begin(core.next_piece(segment), now)
            return
        if core.on_processor is not None:
            core.on_processor(processor, "idle")

    def go_on(self, segment: Segment, processor: Processor) -> bool:
        """A node that has begun is about to go on; at a boundary it is the moment to choose how. False if it ended."""
        over = self._over(segment)
        if over is None:
            return True
        number = self.wanted.pop(segment, None)
        if number is not None:
            self._change(segment, number, over)
        paths = self.core.paths
        if paths is not None:
            paths.consult(segment, [processor])
        return segment.state == READY

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """As the inner steps; of work that is lost no earlier variant counts."""
        self.inner.stop(processor, segment, now, reason)
        if reason == log.KILLED and segment in self.present:
            segment.job.path.ran[segment.node.index] = self.present[segment]

    def close(self, job: Job, now: int, outcome: int) -> None:
        """Forget the nodes of a job that is over."""
        for segment in job.segments:
            for notes in (self.wanted, self.stands, self.present):
                notes.pop(segment, None)
        self.inner.close(job, now, outcome)


def _ahead(segment: Segment) -> bool:
    """Whether the end of a region is still to come."""
    return any(point[1] in (REGION_END, SWITCH) for point in segment.points or ())


def _quality(job: Job) -> QualitySpec:
    quality = job.task.spec.quality
    assert quality is not None
    return quality
