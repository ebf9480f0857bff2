"""Which multiprocessors of a GPU served block by block a policy has given to what runs on its streams.

Who was given nothing has what is left. Where nothing is left for him, his kernels that have not begun are taken back,
and launched again, in their order, when something is: on the GPU a kernel without multiprocessors would block its
queue, its channel and the NULL stream for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from rtsched.engine.chip.variable_speed import StreamProcessor
from rtsched.engine.event_loop import NEVER
from rtsched.engine.gpu.blocks import Multiprocessors, Operation, Stream
from rtsched.engine.gpu.gpu import Gpu
from rtsched.engine.gpu.partition import Partition, clusters, pick
from rtsched.errors import SchedulerError
from rtsched.model.accelerator import BlockLevel, Copy
from rtsched.model.taskgraph import NodeSpec

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.engine.chip.launches import Flight


@dataclass(slots=True)
class Held:
    """Kernels, and copies behind them, that wait outside of the GPU; they were launched on `processor`.

    `idle` is since when nothing of their stream has run (NEVER: something does).
    """

    processor: StreamProcessor
    idle: int
    operations: list[Operation]


class Sets:
    """The multiprocessors that were given, by GPU; there are none in a run whose policy never gave any."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.held: dict[Stream, Held] = {}

    def partition(self, gpu: Gpu, stream: Stream) -> Partition:
        """The multiprocessors as the context of a stream sees them, from now on in parts."""
        whole = stream.context.multiprocessors
        if isinstance(whole, Partition):
            return whole
        made = Partition(gpu.spec, whole)
        for context in gpu.contexts.values():
            if context.multiprocessors is whole:
                context.multiprocessors = made
        return made

    def settle(self, given: dict[Stream, tuple[int, ...]]) -> None:
        """From now on kernels begin with these; who has none left waits outside, who has some again does not."""
        for gpu in self.chip.gpus.all:
            for context in gpu.contexts.values():
                partition = context.multiprocessors
                if isinstance(partition, Partition):
                    own = [stream for stream in given if stream.context.multiprocessors is partition]
                    partition.given = {stream: given[stream] for stream in own}
                    for stream in context.streams:
                        self._settle_stream(gpu, stream, bool(partition.allowed(stream)))

    def _settle_stream(self, gpu: Gpu, stream: Stream, some: bool) -> None:
        """One stream, which may use `some` multiprocessors, or none."""
        held = self.held.get(stream)
        if held is not None or not some:
            self._hold(gpu, stream, held, self.chip.loop._now)
        if some and stream in self.held:
            self._launch(gpu, stream, self.held.pop(stream))

    def left(self, processor: StreamProcessor) -> None:
        """What ran there has been taken off: what waits outside is not launched any more."""
        now = self.chip.loop._now
        for stream in processor.streams.values():
            held = self.held.pop(stream, None)
            if held is not None and held.idle < now and processor.gpu.waited is not None:
                processor.gpu.waited(held.operations[0], held.idle, now)

    def _hold(self, gpu: Gpu, stream: Stream, held: Held | None, now: int) -> None:
        """Take back what has not begun, from its first kernel on: a copy before that needs no multiprocessors."""
        operations, kept = list(stream.operations), 0
        for each in operations:
            if not (each.begun or each.copy if held is None else each.order < held.operations[0].order):
                break
            kept += 1
        taken = operations[kept:]
        if held is None:
            if not taken:
                return
            processor = self.chip.processors[taken[0].name[1]]
            assert isinstance(processor, StreamProcessor)
            held = self.held[stream] = Held(processor, NEVER, [])
        held.operations += taken
        if not kept:
            held.idle = min(held.idle, stream.idle if taken else now)
            stream.idle = NEVER
            flight = self._flight(held)
            if flight is not None:
                flight.idle = NEVER
        if taken:
            gpu.recall(stream, now, kept)

    def _launch(self, gpu: Gpu, stream: Stream, held: Held) -> None:
        """Launch again what waited outside, but for what the policy has taken back meanwhile."""
        flight = self._flight(held)
        for operation in held.operations:
            if flight is None or operation.name[2] < flight.launched:
                operation.queued = False
                gpu.launch(stream, operation, operation.level - gpu.spec.priorities + 1)
        if held.idle != NEVER:
            stream.idle = held.idle

    def _flight(self, held: Held) -> Flight | None:
        launches = self.chip.launches
        return None if launches is None else launches.flights.get(held.processor)


# ---- what a policy asks for, checked ---------------------------------------------------------------------------------


def worth(said: str, spec: BlockLevel, part: Fraction) -> int:
    """How many multiprocessors a part of a GPU is: whole TPCs, no more than the part. Raises where it is none."""
    found = pick(clusters(spec), int(part * spec.sms))
    if not found:
        least = Fraction(min(len(tpc) for tpc in clusters(spec)), spec.sms)
        raise SchedulerError(
            f"{said}: {part} of {spec.sms} SMs is not one whole TPC of {spec.sms_per_tpc} ('sms_per_tpc'), and TPCs "
            f"are not divided; give at least {least}"
        )
    return len(found)


def choose(chip: Chip, said: str, processor: StreamProcessor, part: Fraction) -> tuple[Stream, tuple[int, ...]]:
    """The stream of what runs there, and its multiprocessors: those that it had, then the lowest that nobody had."""
    spec, segment, unit = processor.gpu.spec, processor.segment, processor.unit
    assert segment is not None
    assert unit is not None
    wanted = worth(said, spec, part)
    stream = processor.stream_of(segment)
    if chip.shares.sets is None:
        chip.shares.sets = Sets(chip)
    partition = chip.shares.sets.partition(processor.gpu, stream)
    others = [
        each
        for each in chip.shares.grants.values()
        if each.stream is not None and each.stream is not stream and each.stream.context.multiprocessors is partition
    ]
    given = sum((each.part or Fraction(0) for each in others), Fraction(0))
    if given + part > 1:
        raise SchedulerError(
            f"{said}: {part} beside the {given} that others have of {unit.spec.name!r} is more than all of it; "
            "lower theirs first"
        )
    taken = {place for each in others for place in each.places}
    free = set(partition.eligible(stream)) - taken
    had = {place: each for each, places in partition.given.items() for place in places}
    tpcs = [tpc for tpc in clusters(spec) if free.issuperset(tpc)]
    places = pick(sorted(tpcs, key=lambda tpc: 1 if tpc[0] not in had else 0 if had[tpc[0]] is stream else 2), wanted)
    if len(places) < wanted:
        raise SchedulerError(
            f"{said}: {part} is {wanted} of {spec.sms} SMs in whole TPCs, but its mask and the others leave it "
            f"{len(places)}; ask for less, or lower theirs first"
        )
    return stream, places


def time_on(spec: BlockLevel, node: NodeSpec, place: int, sms: int) -> int:
    """The time in ns of what a node launches, one after the other, alone on so many multiprocessors."""
    about = node.hardware
    empty, total = Multiprocessors(spec), 0
    for item in () if about is None else about.kernels[place] or ():
        time = item.time or 1
        if not isinstance(item, Copy):
            registers = item.registers * item.threads
            kernel = Operation(None, time, item.blocks, item.threads, item.shared_memory, registers)
            time *= ceil(Fraction(item.blocks, empty.room(kernel, 0) * sms))
        total += time
    return total


def believed(said: str, spec: BlockLevel, node: NodeSpec, place: int, part: Fraction, time: int) -> int:
    """The time in ns that a node is believed to need on a part of a GPU, of which it needs all for `time`."""
    count = worth(said, spec, part)
    return ceil(Fraction(time * time_on(spec, node, place, count), time_on(spec, node, place, spec.sms)))
