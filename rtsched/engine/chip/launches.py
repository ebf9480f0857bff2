"""Launches with a limit in flight: how many kernels and copies of a segment its stream is given at a time.

As in XSched (OSDI 2025): a stream is given commands up to its limit, and the next ones
when half of those have ended. So a segment can be stopped between its kernels, at three levels: launch no more, take
back what has not begun, interrupt what runs. Kernels that ended have ended: it goes on behind them on any stream of its
GPU, and begins anew elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rtsched.engine.chip.variable_speed import StreamProcessor
from rtsched.engine.event_loop import NEVER, RELEASE, Alarm
from rtsched.engine.gpu.blocks import Multiprocessors, Operation, Stream
from rtsched.engine.job import DRAINING, READY, Segment
from rtsched.engine.points import NEXT_NODE
from rtsched.engine.requests import refuse_preemption, whole
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from fractions import Fraction

    from rtsched.engine.chip.chip import Chip
    from rtsched.engine.chip.unit import Unit
    from rtsched.engine.core import Core
    from rtsched.engine.gpu.gpu import Gpu
    from rtsched.engine.processor import Processor

#: The levels of preemption by what `preempt` calls them.
LEVELS = {"boundary": 1, "recall": 2, "now": 3}


@dataclass(slots=True, eq=False)
class Flight:
    """A segment's stay on a stream: so many of its `operations` are `launched`, and of those so many have `ended`.

    It began with number `first`; `times` say when each was launched, `alone` how long all before one take alone, in a
    unit of its own. `level` is that of the suspension asked for, `idle` since when it has had nothing on the GPU for
    want of a launch (NEVER: it has).
    """

    processor: StreamProcessor
    segment: Segment
    first: int
    launched: int
    ended: int
    operations: list[Operation] = field(default_factory=list)
    alone: list[int] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)
    stream: Stream | None = None
    priority: int = 0
    level: int = 0
    idle: int = NEVER

    def progress(self, work: int | Fraction) -> int | Fraction:
        """The part of `work` that has ended, by what each command takes alone; before the last one some is left."""
        if self.stream is None:
            return 0
        demand, total = self.segment.demand, self.alone[-1]
        done = demand * self.alone[self.ended] // total - demand * self.alone[self.first] // total
        return min(done, max(0, int(work) - 1))


class Launches:
    """The limits of a run's streams, and what is in flight; there is none in a run whose policy never set a limit."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.limits: dict[StreamProcessor, int | None] = {}
        self.flights: dict[StreamProcessor, Flight] = {}
        #: the multiprocessors of each GPU when nothing runs
        self.empty: dict[Gpu, Multiprocessors] = {}
        #: who was stopped between two kernels: its GPU, and how many have ended
        self.stopped: dict[Segment, tuple[Unit, int]] = {}

    def limit(self, processor: StreamProcessor, commands: int | None) -> None:
        """From now on so many commands may be in flight there (None: all of a node's)."""
        if processor not in self.limits or self.limits[processor] != commands:
            self._note(log.LIMIT, processor, commands or 0)
        self.limits[processor] = commands
        flight = self.flights.get(processor)
        if flight is not None and flight.stream is not None:
            self._launch_more(flight, self.chip.loop._now)

    def _note(self, what: int, processor: Processor, value: int) -> None:
        if self.chip.core.record.kept:
            self.chip.note(what, processor.index, value)

    # ---- on the way ----------------------------------------------------------------------------------------------

    def prepare(self, processor: StreamProcessor, segment: Segment) -> None:
        """A segment has been started there; its costs come first."""
        flight = self.flights.get(processor)
        if flight is not None and flight.segment is segment:
            return  # it waited for a copy
        first = self.stopped.pop(segment)[1] if segment in self.stopped else 0
        self.flights[processor] = Flight(processor, segment, first, first, first)

    def moved(self, segment: Segment, processor: Processor) -> None:
        """A segment goes on elsewhere: only on another stream of its GPU with what has ended."""
        found = self.stopped.get(segment)
        if found is not None and not (isinstance(processor, StreamProcessor) and processor.unit is found[0]):
            del self.stopped[segment]
            segment.remaining = segment.demand

    def begin(self, processor: StreamProcessor, stream: Stream, operations: list[Operation], priority: int) -> None:
        """The costs of a start have passed: launch the first commands."""
        flight = self.flights[processor]
        flight.stream, flight.operations, flight.priority = stream, operations, priority
        flight.alone = list(accumulate((self._alone(processor.gpu, each) for each in operations), initial=0))
        now = self.chip.loop._now
        flight.idle = now
        if flight.segment.state == DRAINING:
            self._drained(flight, now)
        else:
            self._launch_more(flight, now)

    def _alone(self, gpu: Gpu, operation: Operation) -> int:
        """How long an operation takes with nothing else on the GPU, its mask and its context's part left aside."""
        if operation.copy:
            return operation.time
        if gpu not in self.empty:
            self.empty[gpu] = Multiprocessors(gpu.spec)
        slots = self.empty[gpu].room(operation, 0) * gpu.spec.sms
        return -(-operation.blocks // slots) * operation.time

    def _launch_more(self, flight: Flight, now: int) -> None:
        """Up to the limit, once no more than half of it is in flight."""
        limit, total = self.limits.get(flight.processor), len(flight.operations)
        if flight.level or flight.segment.state == DRAINING:
            return
        if limit is not None and 2 * (flight.launched - flight.ended) > limit:
            return
        until = total if limit is None else min(total, flight.ended + limit)
        numbers = range(flight.launched, until)
        if not numbers:
            return
        flight.launched = until
        flight.times.update(dict.fromkeys(numbers, now))
        latency = flight.processor.gpu.spec.launch
        if latency:
            loop = self.chip.loop
            loop.arm(Alarm(loop, RELEASE - 1, lambda: self._arrive(flight, numbers)), now + latency)
        else:
            self._arrive(flight, numbers)

    def _arrive(self, flight: Flight, numbers: range) -> None:
        """The GPU has what was launched, but for what has been taken back meanwhile."""
        processor, stream = flight.processor, flight.stream
        if self.flights.get(processor) is not flight or numbers.start >= flight.launched:
            return
        assert stream is not None
        for number in numbers:
            operation = flight.operations[number]
            operation.done = self._ending(flight, number)
            processor.gpu.launch(stream, operation, flight.priority)
        if flight.idle != NEVER:
            stream.idle, flight.idle = flight.idle, NEVER

    def _ending(self, flight: Flight, number: int) -> Any:
        return lambda now: self._ended(flight, number, now)

    def _ended(self, flight: Flight, number: int, now: int) -> None:
        """A command is complete."""
        flight.ended = number + 1
        self._log(flight, number, now, ended=True)
        if flight.ended == len(flight.operations):
            del self.flights[flight.processor]
            flight.processor.last_done(now)
            return
        if flight.stream is not None and not flight.stream.operations:
            flight.idle = now
        if flight.ended == flight.launched and (flight.level or flight.segment.state == DRAINING):
            self._drained(flight, now)
        else:
            self._launch_more(flight, now)

    def left(self, processor: StreamProcessor) -> None:
        """What ran there has been taken off: what was in flight did not end, and what was not there yet waited."""
        flight = self.flights.pop(processor, None)
        if flight is None:
            return
        now = self.chip.loop._now
        processor.priority = None  # one that was said for it, and not used yet
        self._cut(flight, flight.ended, now)
        if flight.idle < now and processor.gpu.waited is not None:
            processor.gpu.waited(flight.operations[flight.ended], flight.idle, now)

    def _cut(self, flight: Flight, begin: int, now: int) -> None:
        """Of what is launched, `begin` and all after it do not end."""
        for number in range(begin, flight.launched):
            self._log(flight, number, now, ended=False)
        flight.launched = begin

    def _log(self, flight: Flight, number: int, now: int, ended: bool) -> None:
        rows = self.chip.core.record.launches
        if rows is not None:
            segment, place = flight.segment, flight.processor.index
            rows.buffer += (flight.times[number], now, segment.job.number, segment.node.index, place, number, ended)
            if len(rows.buffer) >= rows.limit:
                rows.pack()

    # ---- suspension ----------------------------------------------------------------------------------------------

    def suspend(self, flight: Flight, how: str) -> Segment | None:
        """Launch no more of a segment; take back what has not begun, and interrupt what has, as the level says.

        Returns it if it is ready again already.
        """
        level, core, now = LEVELS[how], self.chip.core, self.chip.loop._now
        processor, segment = flight.processor, flight.segment
        if level > 1 and processor.mode != "preemptive":
            refuse_preemption(core, processor, segment)
        if level > 1 and not segment.node.preemptive:
            raise SchedulerError(
                f"preempt {processor!r} with how={how!r}: {segment!r} is declared non-preemptive; "
                "use how='boundary' (at its end) or 'kill'"
            )
        processor.boundary_stop = bool(segment.points)
        if not segment.node.preemptive:
            return None
        if level > flight.level:
            flight.level = level
            self._note(log.SUSPEND, processor, level)
        if level >= LEVELS["recall"] and flight.stream is not None:
            left = processor.gpu.recall(flight.stream, now)
            self._cut(flight, flight.ended + left, now)
        running = flight.launched > flight.ended
        if running and level < LEVELS["now"]:
            return None
        self._stop(flight, now)
        if running and processor.spec.reset is not None:
            core.drains.reset(processor, segment, now)
            return None
        segment.state = READY
        return segment

    def _stop(self, flight: Flight, now: int) -> None:
        """Take a segment off between two commands: what has ended has ended."""
        core, processor, segment = self.chip.core, flight.processor, flight.segment
        assert processor.unit is not None
        self.stopped = {each: about for each, about in self.stopped.items() if each.job.outcome == OPEN}
        if flight.ended:
            self.stopped[segment] = (processor.unit, flight.ended)
        core.steps.stop(processor, segment, now, log.PREEMPTED)
        processor.preemptions += 1
        processor.boundary_stop = False
        if segment.points and segment.points[0][1] == NEXT_NODE:
            core.release(segment.points.pop(0)[2])

    def _drained(self, flight: Flight, now: int) -> None:
        """Nothing of a suspended segment, or of one whose job is over, is in flight any more."""
        core, processor, segment = self.chip.core, flight.processor, flight.segment
        if segment.state == DRAINING:
            del self.flights[processor]
            processor.last_done(now)
            return
        self._stop(flight, now)
        segment.state = READY
        core.changed[0] = True
        if core.on_ready is not None:
            core.on_ready(segment.job, (segment,))
        if core.on_processor is not None:
            core.on_processor(processor, "idle")


# ---- what a policy asks for, checked ---------------------------------------------------------------------------------


def limit(core: Core, processor: Processor, commands: Any) -> None:
    """Allow so many commands in flight on a stream."""
    if core.chip is None or not isinstance(processor, StreamProcessor):
        raise SchedulerError(
            f"limit of {processor!r}: only the streams of a GPU with a 'block_level' launch commands; "
            "give its cluster one, or its nodes 'regions' and preempt with how='boundary'"
        )
    wanted = None if commands is None else whole(commands, f"limit of {processor!r}: the number of commands in flight")
    if wanted is not None and wanted < 1:
        raise SchedulerError(f"limit of {processor!r}: {wanted} commands in flight is not at least 1 (None: no limit)")
    if core.chip.launches is None:
        core.chip.launches = Launches(core.chip)
    core.chip.launches.limit(processor, wanted)
