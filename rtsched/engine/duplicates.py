"""Duplicates: a segment that runs on two processors at once. Whoever is done first completes the node.

The copy is a segment of its own that is not among those of the job. Where the job's own one has to go and the copy
stays, the two change places first: what goes is always the copy, and what stays is a plain segment that runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from rtsched.engine.chip.variable_speed import StreamProcessor
from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.job import DEAD, READY, RUNNING, STATES, Segment
from rtsched.engine.requests import refuse_start
from rtsched.engine.splits import SplitPart
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor


class Duplicates:
    """The segments that run twice, each with its copy, by both of their processors. Made with the first of them."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.pairs: dict[Processor, tuple[Segment, Segment]] = {}
        #: where copies of a job that is about to end went, which nobody has been told of yet
        self.left: list[Processor] = []

    def start(self, segment: Segment, processor: Processor) -> None:
        """Run a copy of `segment`, which runs, on `processor`, from the beginning of its node."""
        core, here = self.core, segment.processor
        assert here is not None
        copy = Segment(segment.job, segment.node, 0)
        copy.state = READY
        copy.since = segment.since
        copy.entry, copy.memo = segment.entry, segment.memo
        copy.processor = processor
        copy.demand = copy.remaining = self._time(segment, processor)
        self._log(copy, processor, log.DUPLICATE)
        core.soc.start(copy.job, copy, processor)
        for place in (here, processor):
            self.pairs[place] = (segment, copy)
            place.done = self.ended

    def _time(self, segment: Segment, processor: Processor) -> int:
        """What the node of `segment` really takes on `processor`: the same input, so the same factor."""
        time, factor = segment.node.times[processor.index], segment.job.factor
        assert time is not None
        if callable(factor):
            return int(factor(segment, processor, self.core.loop._now))
        return time if factor is None else scaled(factor, time)

    def ended(self, processor: Processor, _: Segment, now: int) -> None:
        """The first of the two is done: the other one goes, and the node completes as any."""
        segment, copy = self.pairs[processor]
        other = copy.processor if segment.processor is processor else segment.processor
        assert other is not None
        self._let_go(self._part(other), other)
        self.core.ended(processor, segment, now)
        if other.segment is None and self.core.on_processor is not None:
            self.core.on_processor(other, "idle")

    def kill(self, processor: Processor) -> bool:
        """What runs on `processor` is taken off, if it is one of two, and its work is lost: the other one goes on."""
        if processor not in self.pairs:
            return False
        copy, now = self._part(processor), self.core.loop._now
        self.core.steps.stop(processor, copy, now, log.STOPPED)
        copy.state = DEAD
        if processor.spec.reset is not None:
            self.core.drains.lost.add(copy)
            self.core.drains.reset(processor, copy, now)
        return True

    def fail(self, processor: Processor) -> bool:
        """The processor fails: if it runs one of two, the other one goes on."""
        if processor not in self.pairs:
            return False
        copy = self._part(processor)
        self.core.steps.stop(processor, copy, self.core.loop._now, log.FAILED)
        copy.state = DEAD
        self.core.changed[0] = True
        return True

    def leave(self, segment: Segment) -> None:
        """The job of `segment` is over: its copy goes, if it has one."""
        place = segment.processor
        if segment.state != RUNNING or place is None or place not in self.pairs or self.pairs[place][0] is not segment:
            return
        other = self.pairs[place][1].processor
        assert other is not None
        self._let_go(self._part(other), other)
        self.left.append(other)

    def tell(self) -> None:
        """A job is over, and nothing of it runs any more: the policy hears where its copies went."""
        left, self.left = self.left, []
        for each in left:
            if each.segment is None and self.core.on_processor is not None:
                self.core.on_processor(each, "idle")

    def has(self, segment: Segment) -> bool:
        """Whether a segment is one of two that run for the same node."""
        place = segment.processor
        return place is not None and segment in self.pairs.get(place, ())

    def _part(self, processor: Processor) -> Segment:
        """The two are no pair any more: who runs on `processor` goes, and is the copy from now on; the other stays."""
        segment, copy = self.pairs[processor]
        if segment.processor is processor:
            _exchange(segment, copy)
        for place in (segment.processor, copy.processor):
            assert place is not None
            del self.pairs[place]
            place.done = self.core.ended
        self._log(copy, processor, log.CANCEL)
        return copy

    def _let_go(self, copy: Segment, processor: Processor) -> None:
        """Nobody waits for `copy` any more: it stops, drains, or is reset."""
        core, now = self.core, self.core.loop._now
        if processor.preemptible:
            core.steps.stop(processor, copy, now, log.STOPPED)
            copy.state = DEAD
        else:
            core.drains.lost.add(copy)
            core.drains.begin(processor, copy, now)
            if core.lookout is not None:
                core.lookout.look_again(copy.job, now)

    def _log(self, copy: Segment, processor: Processor, action: int) -> None:
        decisions = self.core.record.decisions
        if decisions is not None:
            decisions.buffer += (
                self.core.loop._now, copy.job.number, copy.node.index, processor.index, action,
            )  # fmt: skip


def _exchange(one: Segment, other: Segment) -> None:
    """Two segments of one node that run change places: each goes on as what the other was."""
    here, there = one.processor, other.processor
    assert here is not None
    assert there is not None
    for name in ("demand", "remaining", "stopped"):
        mine, its = getattr(one, name), getattr(other, name)
        setattr(one, name, its)
        setattr(other, name, mine)
    one.processor, other.processor = there, here
    here.segment = here.last = other
    there.segment = there.last = one


def check(core: Core, segment: Any, processor: Processor) -> None:
    """Refuse a copy that cannot be, with the reason."""
    if not isinstance(segment, Segment):
        raise SchedulerError(f"duplicate of {segment!r}: pass a segment that runs")
    if isinstance(segment, SplitPart):
        _refuse(segment, processor, "it is a part of a node that is split, which is done when all of them are")
    here = segment.processor
    if segment.state != RUNNING or here is None or here.segment is not segment:
        _refuse(segment, processor, f"it is {STATES[segment.state]}; only what runs can run twice")
    if core.duplicates is not None and core.duplicates.has(segment):
        _refuse(segment, processor, "it runs twice already; preempt one of the two with how='kill' first")
    if segment.points is not None or segment.run:
        _refuse(segment, processor, "it stops at regions or sections, or belongs to a run of nodes")
    if core.batches is not None and core.batches.has(segment):
        _refuse(segment, processor, "it runs in a batch")
    if any(node.copies for node in segment.job.task.nodes):
        _refuse(segment, processor, "what its job reads is sent over links to where its nodes are started")
    if segment.node.times[processor.index] is None or processor.segment is not None:
        segment.state = READY
        try:
            refuse_start(core, segment.job, segment, processor)
        finally:
            segment.state = RUNNING
    for place in (here, processor):
        if isinstance(place, StreamProcessor):
            _refuse(segment, processor, f"the blocks on {place!r} have no progress of their own to be cancelled with")
        if core.planner is not None and core.planner.processor is place:
            _refuse(segment, processor, f"{place!r} is where the planner decides")
        if getattr(place, "saving", 0):
            _refuse(segment, processor, f"{place!r} is putting its state aside")
        if place.yields and place.ready_queue is not None:
            _refuse(
                segment, processor,
                f"the policy preempts what runs on {place!r}, one for each segment; make it nonpreemptive, or limited",
            )  # fmt: skip


def _refuse(segment: Segment, processor: Processor, why: str) -> NoReturn:
    raise SchedulerError(f"duplicate of {segment!r} on {processor!r}: {why}")
