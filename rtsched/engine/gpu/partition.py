"""Multiprocessors of which a policy gives some to streams: who may use which from the next kernel on.

As a mask of libsmctrl (Bakita and Anderson, RTAS 2023), which is written into a launch: a kernel keeps the set with
which it began, and only whole TPCs are given. A stream that was given nothing has what its mask and the others leave.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtsched.engine.gpu.blocks import Multiprocessors, Operation, Stream
from rtsched.model.accelerator import BlockLevel


class Partition(Multiprocessors):
    """What is free on each multiprocessor, of which some were given to streams (`given`)."""

    def __init__(self, spec: BlockLevel, whole: Multiprocessors) -> None:
        """It takes the place of `whole`, whatever runs there."""
        super().__init__(spec)
        self.threads = whole.threads
        self.shared = whole.shared
        self.registers = whole.registers
        self.slots = whole.slots
        self.given: dict[Stream, tuple[int, ...]] = {}
        #: what the mask of its task leaves of each stream
        self.unmasked: dict[Stream, tuple[int, ...]] = {}

    def eligible(self, stream: Stream) -> tuple[int, ...]:
        """What the mask of its task leaves a stream."""
        return self.unmasked.setdefault(stream, stream.multiprocessors)

    def allowed(self, stream: Stream) -> tuple[int, ...]:
        """What a kernel of the stream that begins now may use."""
        eligible = self.eligible(stream)
        if stream in self.given:
            return self.given[stream]
        taken = {place for places in self.given.values() for place in places}
        return tuple([place for place in eligible if place not in taken])

    def take(self, operation: Operation, wanted: int) -> list[tuple[int, int]]:
        if not operation.begun:
            operation.stream.multiprocessors = self.allowed(operation.stream)
        return super().take(operation, wanted)


def clusters(spec: BlockLevel) -> list[tuple[int, ...]]:
    """The multiprocessors by TPC: the last one may have fewer."""
    size = spec.sms_per_tpc
    return [tuple(range(first, min(first + size, spec.sms))) for first in range(0, spec.sms, size)]


def pick(tpcs: Iterable[tuple[int, ...]], most: int) -> tuple[int, ...]:
    """The multiprocessors of whole TPCs, in their order, as long as they are no more than `most`; ascending."""
    found: list[int] = []
    for tpc in tpcs:
        if len(found) + len(tpc) <= most:
            found += tpc
    return tuple(sorted(found))
