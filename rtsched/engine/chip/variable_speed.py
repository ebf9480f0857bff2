"""Processors whose speed can change while they work, and that can fail, put work aside, or need weights first."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from heapq import heappush
from typing import TYPE_CHECKING, Any

from rtsched.engine.event_loop import NEVER, RELEASE, Alarm, EventLoop
from rtsched.engine.gpu.blocks import ONE, Operation, Stream
from rtsched.engine.gpu.gpu import Gpu
from rtsched.engine.processor import Processor
from rtsched.model.accelerator import BlockLevel, Copy
from rtsched.model.taskgraph import ProcessorSpec

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.engine.chip.unit import Unit
    from rtsched.engine.job import Segment


class VariableSpeedProcessor(Processor):
    """A processor that works at speed/ONE of its nominal speed, `speed` being set at the end of each instant.

    The work left is kept in 1/ONE ns, so that the sum of speed times time is exactly the work, and a completion is
    rounded up to the next ns. Overheads, and the latency of a link (`lead`), always pass at wall-clock time.
    """

    __slots__ = ("chip", "down", "lead", "left", "over", "priority", "saving", "since", "speed", "unit", "work")

    def __init__(
        self,
        spec: ProcessorSpec,
        loop: EventLoop,
        done: Callable[[Processor, Segment, int], None],
        costly: bool,
        chip: Chip,
        unit: Unit | None,
    ) -> None:
        super().__init__(spec, loop, done, costly or (unit is not None and unit.costly))
        self.special = True
        self.chip = chip
        self.unit = unit
        self.speed = 0
        self.work: int | Fraction = 0
        self.left = self.over = self.lead = self.since = 0
        self.down = False
        self.saving = 0
        self.priority: int | None = None

    @property
    def working(self) -> bool:
        """Whether it is at work: neither idle, nor out of service, nor held for a copy that is on its way."""
        return self.segment is not None and not self.down and not self.waiting

    def begin(self, work: int | Fraction, now: int) -> None:
        self.work = work
        scaled = work * ONE
        self.left = scaled if isinstance(scaled, int) else -(-scaled.numerator // scaled.denominator)
        self.over = self.overhead
        self.lead = min(self.chip.lead(self), self.left // ONE)
        self.since = now
        self.speed = 0
        self.end = NEVER

    def pace(self, speed: int, now: int) -> None:
        """Go on at another speed from now on."""
        self._advance(now)
        self.speed = speed
        if speed <= 0:
            self.end = NEVER
            return
        rest = self.over + self.lead - (self.lead * ONE - self.left) // speed
        end = self.end = now + rest if self.supply is None else self.supply.finish(now, rest)
        if end < self.armed:
            self.armed = end
            heappush(self.queue, (end, self.rank, next(self.loop.numbers), self.alarm))

    def _advance(self, now: int) -> None:
        passed = now - self.since if self.supply is None else self.supply.before(now) - self.supply.before(self.since)
        self.since = now
        for part in ("over", "lead"):
            used = min(getattr(self, part), passed)
            if used:
                setattr(self, part, getattr(self, part) - used)
                passed -= used
                if part == "lead":
                    self.left -= used * ONE
        self.left = max(0, self.left - passed * self.speed)

    def progress(self, now: int) -> int | Fraction:
        self._advance(now)
        if not self.left:
            return self.work
        done = Fraction(self.work) - Fraction(self.left, ONE)
        return done.numerator if done.denominator == 1 else max(done, Fraction(0))

    def fire(self) -> None:
        now = self.loop._now
        if now != self.armed:
            return
        self.armed = NEVER
        segment = self.segment
        if segment is None or self.end == NEVER:
            return
        if self.end == now:
            if self.saving:
                self.chip.saved(self, segment, now)
            else:
                self.done(self, segment, now)
        else:
            self.armed = self.end
            heappush(self.queue, (self.end, self.rank, next(self.loop.numbers), self.alarm))

    def extra(self, segment: Segment, after: int = 0) -> int:
        return 0 if self.unit is None else self.unit.extra(self, segment, after)

    def rest(self, segment: Segment, after: int = 0) -> int:
        return 0 if self.unit is None else self.unit.rest(self, segment, after)

    def puts_aside(self) -> bool:
        saving, self.saving = self.saving, 0
        return saving > 0

    def leave(self) -> None:
        """What ran is gone: nothing can come up any more, and nobody is next while it is down."""
        super().leave()
        self.end = NEVER
        if self.down:
            self.segment = self.chip.out_of_service
        if self.saving:
            self.saving = self.unpaid = 0  # to put a state aside is no cost of a start


class StreamProcessor(VariableSpeedProcessor):
    """A stream of a GPU that is served block by block: a segment launches its kernels, and ends with the last one."""

    __slots__ = ("complete", "gpu", "launching", "streams")

    def __init__(
        self,
        spec: ProcessorSpec,
        loop: EventLoop,
        done: Callable[[Processor, Segment, int], None],
        costly: bool,
        chip: Chip,
        unit: Unit,
        gpu: Gpu,
    ) -> None:
        super().__init__(spec, loop, done, costly, chip, unit)
        self.gpu = gpu
        self.streams: dict[Any, Stream] = {}
        self.complete = False
        self.launching: Segment | None = None

    @property
    def block_level(self) -> BlockLevel:
        return self.gpu.spec

    def begin(self, work: int | Fraction, now: int) -> None:
        segment = self.segment
        assert segment is not None
        self.work = work
        self.since = now
        self.end = NEVER
        self.complete = False
        self.speed = ONE
        self.launching = segment
        launches = self.chip.launches
        if launches is not None:
            launches.prepare(self, segment)
        if self.waiting:
            return
        delay = self.overhead if launches is not None else self.overhead + self.gpu.spec.launch
        if delay:
            started = self.started
            alarm = Alarm(self.loop, RELEASE - 1, lambda: self._launch(segment, started))
            self.loop.arm(alarm, now + delay)
        else:
            self._launch(segment, self.started)

    def _launch(self, segment: Segment, started: int) -> None:
        """Issue the kernels and copies of the segment's node to the stream of its context: all, or as many as it may.

        Whatever it did elsewhere before, since no kernel corresponds to a part of a node's time.
        """
        if self.launching is not segment or self.started != started:
            return  # it was taken off before its overhead had passed
        self.launching = None
        stream = self.stream_of(segment)
        priority = self.chip.gpus.priority(self, segment)
        now = self.loop._now
        self.gpu.pace_stream(stream, self.speed, now)
        operations = self._operations(segment)
        launches = self.chip.launches
        if launches is not None and self in launches.flights:
            launches.begin(self, stream, operations, priority)
            return
        operations[-1].done = self.last_done
        for operation in operations:
            self.gpu.launch(stream, operation, priority)
        stream.idle = now - self.gpu.spec.launch

    def _operations(self, segment: Segment) -> list[Operation]:
        """What the node of `segment` launches, in the times that it takes."""
        node = segment.node
        assert node.hardware is not None
        items = node.hardware.kernels[self.index]
        planned = node.times[self.index]
        assert items is not None
        assert planned is not None
        operations = []
        for number, item in enumerate(items):
            time = item.time or 1
            if segment.demand != planned:
                time = max(1, round(Fraction(time * segment.demand, planned)))
            label = (segment, self.index, number)
            if isinstance(item, Copy):
                engine = 0 if item.copy_ == "in" else self.gpu.spec.copy_engines - 1
                operations.append(Operation(label, time, engine=engine))
            else:
                registers = item.registers * item.threads
                operations.append(Operation(label, time, item.blocks, item.threads, item.shared_memory, registers))
        return operations

    def stream_of(self, segment: Segment) -> Stream:
        """The stream of this number in the task's context, with the task's mask."""
        task = segment.job.task
        spec = self.gpu.spec
        name = task.name.partition("[")[0]  # instances of a task share its mask
        key = (task.spec.context, name if name in spec.masks else None)
        stream = self.streams.get(key)
        if stream is None:
            number = self.chip.gpus.number(self)
            stream = self.streams[key] = self.gpu.stream(
                (key, number), key[0], mask=spec.masks.get(name, 0), null=spec.null_stream and number == 0
            )
        return stream

    def last_done(self, now: int) -> None:
        """The last of what was launched is over, and so is the segment's stay."""
        segment = self.segment
        assert segment is not None
        self.complete = True
        self.end = now
        self.done(self, segment, now)

    def hold(self, time: int, now: int) -> None:
        self.overhead = time
        self.complete = False
        self.work = 0
        self.end = now + time
        if self.end < self.armed:
            self.armed = self.end
            heappush(self.queue, (self.end, self.rank, next(self.loop.numbers), self.alarm))

    def pace(self, speed: int, now: int) -> None:
        """All that runs in its stream goes on at another speed."""
        self.speed = speed
        if self.segment is not None and self.launching is None:
            self.gpu.pace_stream(self.stream_of(self.segment), speed, now)

    def progress(self, now: int) -> int | Fraction:
        """All of the work when it is complete; before, what it would be alone, since blocks have no fixed order."""
        if self.complete:
            return self.work
        if self.chip.launches is not None and self in self.chip.launches.flights:
            return self.chip.launches.flights[self].progress(self.work)
        ran = max(0, now - self.started - self.overhead)
        return min(ran, max(0, int(self.work) - 1))

    def leave(self) -> None:
        super().leave()
        self.launching = None
        self.end = NEVER
        if self.chip.launches is not None:
            self.chip.launches.left(self)
        if not self.complete:
            if self.chip.shares.sets is not None:
                self.chip.shares.sets.left(self)
            for stream in self.streams.values():
                if stream.operations:
                    self.gpu.kill(stream, self.loop._now)
