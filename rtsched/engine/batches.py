"""Batches: segments of several jobs that run as one on one processor, in the time declared for so many of them.

The first of them is what the processor is seen to run; the others are in its batch. They begin and end together. What
a processor needs for a batch is the longest that one of its members takes there alone, times the declared ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.execution_time import restated
from rtsched.engine.job import BATCHED, DEAD, DONE, DRAINING, READY, RUNNING, Segment
from rtsched.engine.job_path import asked
from rtsched.engine.requests import refuse_start
from rtsched.engine.steps import AroundSteps, Steps, complete
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor
    from rtsched.model.taskgraph import NodeSpec, SystemSpec


@dataclass(slots=True)
class Together:
    """Segments under way together; `size` is with how many it began, `alone` what each would take, `demand` all."""

    members: list[Segment]
    alone: dict[Segment, int]
    size: int
    ratio: Fraction
    demand: int


class Batches(AroundSteps):
    """The batches that run, by processor; there are none in a run whose policy does not say that it batches."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.running: dict[Processor, Together] = {}
        #: who was killed with the first of a batch, and is ready again when its processor has been reset
        self.held: dict[Segment, list[Segment]] = {}
        self.failing = False

    def start(self, segments: Sequence[Segment], processor: Processor) -> tuple[Segment, ...]:
        """Run `segments` on `processor` together; those that a last choice of variant left out are not among them."""
        core = self.core
        check(core, segments, processor)
        with asked(core, segments, [processor]):
            members = [each for each in segments if each.state == READY]
            if not members:
                return ()
            check(core, members, processor)  # they may have other variants now
            alone = {each: self._alone(each, processor) for each in members}
        ratio = _ratio(members[0].node, processor, len(members))
        assert ratio is not None
        demand = ceil(max(alone[each] for each in members) * ratio)
        for each in members:
            each.state = BATCHED
            each.processor = processor
            each.demand = each.remaining = demand
            if each.job.start < 0:
                each.job.start = core.loop._now
        first = members[0]
        first.state = READY
        self.running[processor] = Together(members, alone, len(members), ratio, demand)
        processor.done = self.ended
        core.soc.start(first.job, first, processor)
        return tuple(members)

    def _alone(self, segment: Segment, processor: Processor) -> int:
        """What a segment really takes by itself; it has not begun, or was killed."""
        time, factor = segment.node.times[processor.index], segment.job.factor
        assert time is not None
        if segment.processor is None:
            return time if factor is None else self.core.true_demand(segment, processor, time)
        if segment.processor is processor:
            return segment.demand
        if callable(factor):
            return restated(factor, segment, processor)
        return time if factor is None else scaled(factor, time)

    def ended(self, processor: Processor, _: Segment, now: int) -> None:
        """All are done, in the order in which they were named."""
        core, batch = self.core, self._over(processor)
        started = processor.started
        processor.segment = None
        processor.busy += now - started
        if core.slices is not None:
            core.record.slice(processor, batch.members[0], now, log.COMPLETED)
            self._log(processor, batch, now, log.COMPLETED)
            if len(core.slices) >= core.slices_limit:
                core.record.pack()
        for each in batch.members:
            each.state = DONE
            each.entry = None
        core.changed[0] = True
        if core.on_processor is not None:
            core.on_processor(processor, "idle")
        for each in batch.members:
            if each.job.outcome == OPEN:
                complete(self.core, each, {"time": now - started, "batch": batch.size}, now)

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """All are stopped; what is left to each, by itself, is the share that was left to all."""
        batch = self._over(processor) if processor in self.running else None
        self.inner.stop(processor, segment, now, reason)
        if batch is None:
            return
        if self.core.slices is not None:
            self._log(processor, batch, now, reason)
        left = Fraction(segment.remaining) / batch.demand
        for each in batch.members:
            each.demand = batch.alone[each]
            work = each.demand * (1 if reason == log.KILLED else left)
            each.remaining = work.numerator if work.denominator == 1 else work
            each.stopped = now
            if self.core.lookout is not None:
                self.core.lookout.look_again(each.job, now)
        others = batch.members[1:]
        if reason == log.KILLED and processor.spec.reset is not None and not self.failing:
            for each in others:
                each.state = DRAINING
            self.held[segment] = others
        elif reason != log.OPEN_END:
            self._announce(others)

    def freed(self, first: Segment) -> None:
        """The processor of a batch that was killed has been reset: the others are ready again, too."""
        self._announce(self.held.pop(first, []))

    def _announce(self, segments: list[Segment]) -> None:
        for each in segments:
            each.state = READY if each.job.outcome == OPEN else DEAD
        for each in segments:
            if each.state == READY and self.core.on_ready is not None:
                self.core.on_ready(each.job, (each,))

    def leave(self, segment: Segment, now: int) -> None:
        """The job of `segment` is over: its batch goes on for the others. The last one stops as anything else."""
        processor = segment.processor
        batch = None if processor is None else self.running.get(processor)
        if processor is None or batch is None or segment not in batch.members:
            return
        if len(batch.members) == 1:
            if not processor.preemptible and processor.spec.reset is None:  # it drains
                self._over(processor)
                self._log(processor, batch, now, log.STOPPED)
            return
        self._row(processor, batch, segment, now, log.STOPPED)
        batch.members.remove(segment)
        segment.state = BATCHED
        first = batch.members[0]
        first.state = RUNNING
        processor.segment = processor.last = first

    def fail(self, processor: Processor, gone: bool) -> None:
        """The processor fails: all begin anew, unless none of their tasks asks for that; then some are dropped."""
        members = list(self.running[processor].members)
        fates = [each.job.task.spec.on_fault for each in members]
        self.failing = True
        self.core.lose(processor, members[0], restart=gone or "restart" in fates)
        self.failing = False
        for each, fate in zip(members, fates, strict=True):
            if fate == "drop" and each.job.outcome == OPEN:
                self.core.give_up(each.job, "fault")

    def has(self, segment: Segment) -> bool:
        """Whether a segment runs in a batch."""
        batch = None if segment.processor is None else self.running.get(segment.processor)
        return batch is not None and segment in batch.members

    def believed(self, segment: Segment, time: int) -> int:
        """What a segment that would take `time` alone is believed to take as it runs."""
        if segment.processor is None or not self.has(segment):
            return time
        return ceil(time * self.running[segment.processor].ratio)

    def shares(self, processor: Processor, power: int) -> list[tuple[Segment, int]]:
        """Who draws which part of the power of `processor`: equal ones, what is over with the first."""
        members = self.running[processor].members
        each, over = divmod(power, len(members))
        return [(segment, each + (0 if number else over)) for number, segment in enumerate(members)]

    # ---- the trace -----------------------------------------------------------------------------------------------

    def _over(self, processor: Processor) -> Together:
        processor.done = self.core.ended
        return self.running.pop(processor)

    def _log(self, processor: Processor, batch: Together, now: int, reason: int) -> None:
        """Write down all but the slice of the first, which is written as any slice, with the overhead before it."""
        for each in batch.members:
            self._row(processor, batch, each, now, reason)

    def _row(self, processor: Processor, batch: Together, segment: Segment, now: int, reason: int) -> None:
        """One of the batch ran until `now`, if it got that far; it leads if it is the only one, or the last to end."""
        table, slices = self.core.record.batches, self.core.slices
        begun = processor.started + processor.overhead
        if table is None or slices is None or begun >= now:
            return
        place, who = processor.index, (segment.job.number, segment.node.index)
        leads = processor not in self.running and segment is batch.members[0]
        table.buffer += (begun, *who, place, batch.size, leads)
        if not leads:
            slices += (begun, now, *who, place, reason)


def check(core: Core, segments: Sequence[Segment], processor: Processor) -> None:
    """Refuse a batch that cannot be, with the reason."""
    what = f"batch on {processor!r} at t={core.loop._now} ns"
    if core.batches is None:
        raise SchedulerError(
            f"{what}: the run has none; give tasks a 'batch', and the policy's class reads = frozenset({{'batch'}})"
        )
    if not segments or not all(isinstance(each, Segment) for each in segments):
        raise SchedulerError(f"{what}: name the segments that are to run together (found {list(segments)!r})")
    first = segments[0]
    for number, each in enumerate(segments):
        if each.state != READY or processor.segment is not None or each.node.times[processor.index] is None:
            refuse_start(core, each.job, each, processor)
        if each in segments[:number]:
            raise SchedulerError(f"{what}: {each!r} is named twice")
        unlike = _unlike(first, each, processor)
        if unlike:
            raise SchedulerError(f"{what}: {first!r} and {each!r} do not go together: {unlike}")
        if each.processor is not None and each.remaining != each.demand:
            raise SchedulerError(f"{what}: {each!r} has begun; a batch takes what begins with it, start this one alone")
        if each.node.copies:
            raise SchedulerError(f"{what}: {each!r} sends for its input over links when it starts; start it alone")
    if _ratio(first.node, processor, len(segments)) is None:
        sizes = () if first.node.batch is None else first.node.batch.sizes[processor.index]
        most = f"at most {sizes[-1][0]}" if sizes else "no batches"
        raise SchedulerError(f"{what}: {first!r} has times for {most} there (found {len(segments)})")


def _unlike(first: Segment, other: Segment, processor: Processor) -> str:
    """Why two segments cannot share a batch; empty if they can."""
    one, two, place = first.node, other.node, processor.index
    if one is two:
        return ""
    names = [None if node.batch is None else node.batch.name for node in (one, two)]
    if names[0] != names[1]:
        return f"their batches are called {names[0]!r} and {names[1]!r}"
    if one.times[place] != two.times[place] or one.preemptive != two.preemptive:
        return f"they take {one.times[place]} and {two.times[place]} ns there, or one is not preemptive"
    if one.batch is not None and two.batch is not None and one.batch.sizes[place] != two.batch.sizes[place]:
        return "their times by batch size differ"
    if one.speedup != two.speedup:
        return "their speeds on parts of a unit differ"
    return "" if _weights(one) == _weights(two) else "they load weights of their own"


def _weights(node: NodeSpec) -> tuple[str, int]:
    about = node.hardware
    return (about.network, about.weights) if about is not None and about.weights else ("", 0)


def _ratio(node: NodeSpec, processor: Processor, size: int) -> Fraction | None:
    if size == 1:
        return Fraction(1)
    return None if node.batch is None else node.batch.ratio(processor.index, size)


def declares_batches(system: SystemSpec) -> bool:
    """Whether any node has times by batch size."""
    return any(node.batch is not None for task in system.tasks for node in task.all_nodes)
