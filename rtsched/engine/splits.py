"""Splits: a node that runs on several processors at once, each with a share of its work, and a join in the end.

A processor is seen to run a part, a segment of its own, whose work is its share of what the whole node takes there. The
segment itself is "split over several processors" meanwhile: it is done when the last part is, and all are joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, NoReturn

from rtsched.engine.execution_time import InputTimes
from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.job import DEAD, DONE, DRAINING, READY, RUNNING, SPLIT, Job, Segment
from rtsched.engine.job_path import asked
from rtsched.engine.processor import Processor
from rtsched.engine.requests import refuse_start
from rtsched.engine.steps import AroundSteps, Steps, complete
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.chip.unit import Unit
    from rtsched.engine.core import Core
    from rtsched.model.taskgraph import SystemSpec

#: A share in the trace is in so many parts of the node.
WHOLE = log.FULL_SPEED


class SplitPart(Segment):
    """The share of a node that one processor runs. `amount` is its work in ns there, `demand` that of the node."""

    __slots__ = ("amount", "share", "split")

    def __init__(self, split: SplitNode, share: Fraction) -> None:
        super().__init__(split.whole.job, split.whole.node, 0)
        self.split = split
        self.share = share
        self.amount: int | Fraction = 0
        self.since = split.whole.since

    def __repr__(self) -> str:
        return f"{self.share} of {self.split.whole!r}"


@dataclass(slots=True)
class SplitNode:
    """A node under way in parts since `begun`: those that still run (or, when `joining`, the one that joins them)."""

    whole: Segment
    shares: dict[Processor, Fraction]
    begun: int
    parts: list[SplitPart]
    #: what all of the node takes on each processor
    demands: dict[Processor, int]
    joining: bool = False


class Splits(AroundSteps):
    """The nodes that run in parts; there are none in a run whose policy does not say that it splits."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.running: dict[Segment, SplitNode] = {}
        #: the parts that were killed and whose processors are being reset, by the segment that is ready after the last
        self.held: dict[Segment, list[SplitPart]] = {}
        #: the accuracy that nodes which were split have lost, where processors differ in that
        self.losses: dict[Segment, float] = {}

    # ---- from the start to the join ------------------------------------------------------------------------------

    def start(self, segment: Segment, shares: Mapping[Processor, Any]) -> Segment:
        """Run `segment` on several processors; it stays ready, or is left out, where a last choice of variant says."""
        core = self.core
        given = checked(core, segment, shares)
        with asked(core, [segment], list(given)):
            if segment.state != READY:
                return segment
            given = checked(core, segment, shares)  # it may have another variant now
            demands = self._demands(segment, list(given))
        now = core.loop._now
        before, left = segment.processor, Fraction(1)
        if before is not None:
            if core.chip is not None and core.chip.launches is not None:
                core.chip.launches.moved(segment, next(iter(given)))
            left = Fraction(segment.remaining) / segment.demand
        elif segment.job.start < 0:
            segment.job.start = now
        if core.parted:
            core.resumed(segment, now)
        split = self.running[segment] = SplitNode(segment, given, now, [], {})
        segment.state = SPLIT
        units: set[Unit | Processor] = set()
        for processor, share in given.items():
            part = SplitPart(split, share)
            part.processor = processor if before is None else before
            part.demand = segment.demand if before is not None else demands[processor]
            part.remaining = _plain(share * left * part.demand)
            part.state = READY
            core.start_costs.hand_over(segment, part, processor, units)
            split.parts.append(part)
            processor.done = self.ended
            core.soc.start(part.job, part, processor)
            part.amount = part.remaining
            split.demands[processor] = part.demand
        core.start_costs.forget(segment)
        segment.processor = next(iter(given))
        return segment

    def _demands(self, segment: Segment, processors: list[Processor]) -> dict[Processor, int]:
        """What all of a segment that has not begun really takes on each."""
        factor, times, first = segment.job.factor, segment.node.times, processors[0]
        if segment.processor is not None:
            return {}
        if factor is not None:
            planned = times[first.index] or 1
            took = self.core.true_demand(segment, first, planned)
            times = segment.node.times
            if isinstance(factor, InputTimes):
                return {each: factor(segment, each, self.core.loop._now) for each in processors}
            if callable(factor):  # what was recorded of one place tells of the others
                return {each: ceil(Fraction(took * (times[each.index] or 1), planned)) for each in processors}
        return {each: scaled(segment.job.factor or 1, times[each.index] or 1) for each in processors}

    def ended(self, processor: Processor, part: Segment, now: int) -> None:
        """A part is done. The last one goes on with the join, if that costs anything."""
        assert isinstance(part, SplitPart)
        core, split = self.core, part.split
        join = split.whole.node.split
        if not split.joining:
            split.parts.remove(part)
            part.state = DONE
            part.remaining = 0
            self._off(processor, part, now, log.PART)
            if not split.parts and join:
                self._join(split, processor, part, join, now)
                return
        else:
            part.state = DONE
            self._off(processor, part, now, log.OVERHEAD)
        over = not split.parts or split.joining
        if over:
            self._over(split, processor, now)
        if core.on_processor is not None:
            core.on_processor(processor, "idle")
        if over and split.whole.job.outcome == OPEN:
            self._done(split, now)

    def _off(self, processor: Processor, part: SplitPart, now: int, reason: int) -> None:
        """The processor is done with a part, or with the join."""
        core = self.core
        core.changed[0] = True
        self._row(processor, part, now, done=True)
        processor.done = core.ended
        processor.segment = None
        processor.busy += now - processor.started
        if core.slices is not None:
            core.record.slice(processor, part, now, reason)
        if part.split.joining:
            processor.overhead = 0

    def _join(self, split: SplitNode, processor: Processor, part: SplitPart, time: int, now: int) -> None:
        split.joining = True
        split.parts.append(part)
        part.state = RUNNING
        processor.segment = part
        processor.started = now
        processor.done = self.ended
        processor.overhead_total += time
        processor.hold(time, now)

    def _over(self, split: SplitNode, processor: Processor, now: int) -> None:
        """All parts are done and joined: the result is where the last one ran."""
        core, whole = self.core, split.whole
        del self.running[whole]
        if core.slices is not None:
            core.slices += (now, now, whole.job.number, whole.node.index, processor.index, log.COMPLETED)
            if len(core.slices) >= core.slices_limit:
                core.record.pack()
        whole.state = DONE
        whole.entry = None
        whole.processor = processor
        if whole.node.losses:
            lost = [float(share) * whole.node.losses[each.index] for each, share in split.shares.items()]
            self.losses[whole] = sum(lost)

    def _done(self, split: SplitNode, now: int) -> None:
        shares = {processor.name: share for processor, share in split.shares.items()}
        complete(self.core, split.whole, {"time": now - split.begun, "split": shares}, now)

    # ---- stopped before its end ----------------------------------------------------------------------------------

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """As the inner steps; a part lets go of its processor."""
        if isinstance(segment, SplitPart):
            self._row(processor, segment, now, done=False)
            processor.done = self.core.ended
            if self.core.copies is not None:
                self.core.copies.held.pop(segment, None)
        self.inner.stop(processor, segment, now, reason)
        if isinstance(segment, SplitPart) and segment.split.joining:
            processor.overhead = 0

    def preempt(self, processor: Processor, part: Segment, how: str) -> Segment | None:
        """Take all parts off: with what each has done (`now`), or for nothing (`kill`)."""
        assert isinstance(part, SplitPart)
        if how == "now" and not self.preemptible(part):
            why = "its parts are being joined" if part.split.joining else "another part of it cannot be taken off"
            raise SchedulerError(
                f"preemption of {part!r} on {processor!r} at t={self.core.loop._now} ns: {why}; use how='kill'"
            )
        others = [each.processor for each in part.split.parts if each is not part]
        self._stop_all(part, log.KILLED if how == "kill" else log.PREEMPTED, None)
        self._tell(others)
        whole = part.split.whole
        return whole if whole.state == READY else None

    def preemptible(self, segment: Segment) -> bool:
        """Whether everything that runs with `segment` could be taken off its processor now: all its parts."""
        if not isinstance(segment, SplitPart):
            return True
        places = [each.processor for each in segment.split.parts]
        return not segment.split.joining and all(each is not None and each.preemptible for each in places)

    def fail(self, processor: Processor, part: Segment, restart: bool) -> None:
        """The processor of a part fails, all parts stop: what was done is kept, or lost (during the join always)."""
        assert isinstance(part, SplitPart)
        whole = part.split.whole
        others = [each.processor for each in part.split.parts if each is not part]
        lost = restart or part.split.joining
        self._stop_all(part, log.KILLED if lost else log.PREEMPTED, processor)
        self.core.changed[0] = True
        if whole.state == READY and self.core.on_ready is not None:
            self.core.on_ready(whole.job, (whole,))
        self._tell(others)

    def _tell(self, others: list[Processor | None]) -> None:
        """The policy hears of processors that are idle, since a part elsewhere was stopped."""
        for each in others:
            if each is not None and each.segment is None and self.core.on_processor is not None:
                self.core.on_processor(each, "idle")

    def _stop_all(self, part: SplitPart, reason: int, failed: Processor | None) -> None:
        """All parts stop; the segment is ready again at once, or when all processors that need a reset have had it.

        From then on it counts as having been on the last of its processors.
        """
        core, split = self.core, part.split
        whole, now = split.whole, core.loop._now
        del self.running[whole]
        resetting: list[SplitPart] = []
        for each in split.parts:
            processor = each.processor
            assert processor is not None
            waiting = processor.waiting
            here = log.FAILED if processor is failed and reason == log.PREEMPTED else reason
            core.steps.stop(processor, each, now, here)
            each.state = DEAD
            if processor is failed:
                continue
            processor.preemptions += 1
            if reason == log.KILLED and processor.spec.reset is not None and not waiting:
                core.drains.reset(processor, each, now)
                resetting.append(each)
        left = Fraction(1)
        if reason == log.KILLED:
            core.start_costs.forget(whole)
        else:
            left = sum((Fraction(each.remaining) / each.demand for each in split.parts), Fraction(0))
        whole.processor, whole.demand = list(split.demands.items())[-1]
        whole.remaining = _plain(left * whole.demand)
        whole.stopped = now
        whole.state = DRAINING if resetting else READY
        if resetting:
            self.held[whole] = resetting

    def freed(self, segment: Segment) -> bool:
        """A processor has drained, or been reset: of a part? After the last one its segment is ready again."""
        if not isinstance(segment, SplitPart):
            return False
        segment.state = DEAD
        whole = segment.split.whole
        waited = self.held.get(whole, [])
        if segment in waited:
            waited.remove(segment)
            if not waited:
                del self.held[whole]
                whole.state = READY if whole.job.outcome == OPEN else DEAD
                if whole.state == READY and self.core.on_ready is not None:
                    self.core.on_ready(whole.job, (whole,))
        return True

    def leave(self, segment: Segment, now: int) -> None:
        """The job of `segment` is over: every part of it stops, drains or is reset, as its processor can."""
        split = self.running.pop(segment, None)
        for part in () if split is None else split.parts:
            processor = part.processor
            assert processor is not None
            if processor.preemptible or processor.waiting:
                self.core.steps.stop(processor, part, now, log.STOPPED)
                part.state = DEAD
                continue
            if processor.spec.reset is None:
                self._row(processor, part, now, done=False)
            self.core.drains.begin(processor, part, now)
        if split is not None:  # none of it runs any more, whatever the policy does when it hears
            self._tell([part.processor for part in split.parts])

    def close(self, job: Job, now: int, outcome: int) -> None:
        """As the inner steps; what its nodes have lost is forgotten."""
        segments = job.segments
        self.inner.close(job, now, outcome)
        if self.losses:
            for segment in segments:
                self.losses.pop(segment, None)

    # ---- what others ask -----------------------------------------------------------------------------------------

    def readers(self, segment: Segment) -> list[Segment]:
        """Who reads what was sent for `segment`: itself, or its parts."""
        split = self.running.get(segment)
        return [segment] if split is None else list(split.parts)

    def remaining(self, segment: Segment) -> int | None:
        """The believed rest in ns of a part, or of a segment that is split; None for any other."""
        split = self.running.get(segment)
        if split is not None:
            join = 0 if split.joining else split.whole.node.split or 0
            return max(self._rest(part) for part in split.parts) + join
        return self._rest(segment) if isinstance(segment, SplitPart) and segment.state in (RUNNING, DRAINING) else None

    def _rest(self, part: SplitPart) -> int:
        processor, now = part.processor, self.core.loop._now
        assert processor is not None
        if part.split.joining:
            return max(1, processor.started + (part.node.split or 0) - now)
        believed = self.core.beliefs.time(part.node, processor.index)
        assert believed is not None
        left = part.remaining - processor.progress(now)
        return max(1, ceil(believed * Fraction(part.amount) / part.demand - part.amount + left))

    # ---- the trace -----------------------------------------------------------------------------------------------

    def _row(self, processor: Processor, part: SplitPart, now: int, done: bool) -> None:
        """Write down that a part was on its processor until now, and whether its work is done; a join is no part."""
        table = self.core.record.splits
        if table is None or part.split.joining:
            return
        share = part.share.numerator * WHOLE // part.share.denominator
        number, node = part.job.number, part.node.index
        table.buffer += (part.split.begun, now, number, node, processor.index, share, done)


def owner(segment: Segment) -> Segment:
    """The segment that a part is a part of; any other itself."""
    return segment.split.whole if isinstance(segment, SplitPart) else segment


def _plain(work: Fraction) -> int | Fraction:
    return work.numerator if work.denominator == 1 else work


# ---- what a policy asks for, checked ---------------------------------------------------------------------------------


def checked(core: Core, segment: Segment, shares: Any) -> dict[Processor, Fraction]:
    """The shares of a split that can begin now, by processor in their order. Raises SchedulerError."""
    what = f"split of {segment!r} at t={core.loop._now} ns"
    if core.splits is None:
        raise SchedulerError(
            f"{what}: the run has none; give nodes a 'split', and the policy's class reads = frozenset({{'split'}})"
        )
    given = shares_of(what, shares)
    for processor in given:
        if segment.state != READY or processor.segment is not None or segment.node.times[processor.index] is None:
            refuse_start(core, segment.job, segment, processor)
        if processor.block_level is not None:
            raise SchedulerError(
                f"{what}: {processor!r} is a stream of a GPU served block by block, which runs no parts"
            )
    if segment.node.split is None:
        raise SchedulerError(f"{what}: it is not to be split; give its node 'split: {{join: …}}'")
    if segment.points or segment.run:
        raise SchedulerError(f"{what}: it is the first of a run of nodes, which runs on one processor")
    return given


def shares_of(what: str, shares: Any) -> dict[Processor, Fraction]:
    """Shares as exact fractions, by processor in their order; they add up to 1."""
    if not isinstance(shares, Mapping) or not shares or not all(isinstance(each, Processor) for each in shares):
        raise SchedulerError(f"{what}: shares are {{processor: share, …}} (found {shares!r})")
    given = {each: _share(what, each, shares[each]) for each in sorted(shares, key=lambda each: each.index)}
    total = sum(given.values(), Fraction(0))
    if total != 1:
        raise SchedulerError(
            f"{what}: the shares add up to {total}, not to 1; a number means what it prints as (0.1 is a tenth), so "
            "write thirds as Fraction(1, 3)"
        )
    return given


def _share(what: str, processor: Processor, share: Any) -> Fraction:
    try:
        found = share if isinstance(share, Fraction) else Fraction(str(share))
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if found <= 0:
        _refuse_share(what, processor, share)
    return found


def _refuse_share(what: str, processor: Processor, share: Any) -> NoReturn:
    raise SchedulerError(f"{what}: {share!r} is no share above 0 for {processor!r}; leave out who gets nothing")


def declares_splits(system: SystemSpec) -> bool:
    """Whether any node may be split."""
    return any(node.split is not None for task in system.tasks for node in task.all_nodes)
