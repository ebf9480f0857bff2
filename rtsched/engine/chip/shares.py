"""What a policy gives to those who run: a share of a unit that serves several at once, a cap on their memory traffic.

Of a GPU that is served block by block a share is so many multiprocessors (`sets`).

Both belong to one stay on a processor and end with it, however it ends: nothing has to be given back. So nothing is
told when something stops; a grant says which start it belongs to, and counts for no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched.engine.chip.sets import Sets, choose
from rtsched.engine.chip.variable_speed import StreamProcessor, VariableSpeedProcessor
from rtsched.engine.gpu.blocks import Stream
from rtsched.engine.job import RUNNING, STATES, Segment
from rtsched.engine.processor import Processor
from rtsched.errors import SchedulerError
from rtsched.model.memory import Pairwise
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.engine.chip.memory import User
    from rtsched.engine.core import Core


#: A share as it is logged: its value, the start that has it, and the multiprocessors that it is.
Noted = tuple[int, int, tuple[int, ...]]


@dataclass(slots=True)
class Grant:
    """What one start on a processor was given; None: nothing. `start` counts the starts there.

    A part of a GPU that is served block by block is the multiprocessors `places` for the kernels of a `stream`.
    """

    processor: VariableSpeedProcessor
    start: int
    part: Fraction | None
    cap: int | None
    stream: Stream | None = None
    places: tuple[int, ...] = ()

    def holds(self) -> bool:
        """Whether that start is still on its processor, and has work: not being reset, put aside, or gone."""
        processor = self.processor
        there = processor.segment is not None and processor.starts == self.start
        return there and processor.work > 0 and not processor.down

    def really(self) -> Fraction | None:
        """The part of the unit that it has: of a GPU that is served block by block so many whole TPCs."""
        return self.part if self.stream is None else Fraction(len(self.places), len(self.stream.context.blocks))


class Shares:
    """The grants of a run, by processor."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.grants: dict[int, Grant] = {}
        #: what was logged last, by (processor, kind): the value, the start that has it, and its multiprocessors
        self.noted: dict[tuple[int, int], Noted] = {}
        #: who has which multiprocessors of which GPU, as soon as somebody was given any
        self.sets: Sets | None = None

    def give(
        self,
        processor: VariableSpeedProcessor,
        part: Fraction | None,
        cap: int | None,
        stream: Stream | None = None,
        places: tuple[int, ...] = (),
    ) -> None:
        """From now on what runs on `processor` has these, instead of what it had."""
        self.prune()
        self.grants.pop(processor.index, None)
        if part is not None or cap is not None:
            self.grants[processor.index] = Grant(processor, processor.starts, part, cap, stream, places)
        self.chip.touch()

    def prune(self) -> bool:
        """Forget the grants of those who are gone; whether any is left."""
        if any(not grant.holds() for grant in self.grants.values()):
            self.grants = {place: grant for place, grant in self.grants.items() if grant.holds()}
        return bool(self.grants)

    def carry(self, processor: Processor) -> None:
        """The next node of a run has just started there, without anybody being asked: it goes on with what it has."""
        grant = self.grants.get(processor.index)
        if grant is not None and grant.start == processor.starts - 1:
            grant.start = processor.starts

    def part(self, processor: VariableSpeedProcessor) -> Fraction | None:
        """What `processor` has of its unit: what it was given, or an equal part of the rest.

        None where nobody on that unit was given anything: they take equal turns.
        """
        unit = processor.unit
        if unit is None or not any(each.index in self.grants for each in unit.processors):
            return None
        if not unit.shared:
            return Fraction(1)
        own = self.given(processor)
        if own is not None:
            return own
        parts = [self.given(each) for each in unit.processors]
        equals = sum(1 for each, part in zip(unit.processors, parts, strict=True) if part is None and each.working)
        return (1 - sum((part for part in parts if part is not None), Fraction(0))) / equals

    def speed(self, processor: VariableSpeedProcessor, segment: Segment, part: Fraction | None) -> Fraction | None:
        """How fast `segment` goes there on its part, relative to all of the unit; None where they take equal turns.

        By what was measured for it, if it was given the part: turns at the rest need no measurement.
        """
        if part is None or self.given(processor) is None:
            return part
        return segment.node.speed_at(processor.index, part)

    def given(self, processor: Processor) -> Fraction | None:
        """The part that was given to what runs on `processor`."""
        grant = self.grants.get(processor.index)
        return None if grant is None else grant.part

    def throttle(self, running: Sequence[VariableSpeedProcessor], users: Sequence[User]) -> list[float]:
        """How many times as long the memory-bound part of each takes for its cap; `users` then ask for no more."""
        factors = []
        for processor, user in zip(running, users, strict=True):
            grant = self.grants.get(processor.index)
            cap = None if grant is None else grant.cap
            factor = 1.0
            if cap is not None and user.demand > cap:
                factor, user.demand = user.demand / cap, float(cap)
            factors.append(factor)
        return factors

    def settle(self) -> None:
        """Log what has changed, when an instant is over; 0 for what is not given any more. Then the GPUs know it."""
        present: dict[tuple[int, int], Noted] = {}
        for place, grant in self.grants.items():
            part = grant.really()
            if part is not None:
                value = part.numerator * log.FULL_SPEED // part.denominator
                present[place, log.SHARE] = (value, grant.start, grant.places)
            if grant.cap is not None:
                present[place, log.CAP] = (grant.cap, grant.start, ())
        for key in sorted(self.noted.keys() | present.keys()):
            if self.noted.get(key) != present.get(key) and self.chip.core.record.kept:
                self.chip.note(key[1], key[0], present.get(key, (0, 0, ()))[0])
        self.noted = present
        if self.sets is not None:
            self.sets.settle({each.stream: each.places for each in self.grants.values() if each.stream is not None})


# ---- what a policy asks for, checked ---------------------------------------------------------------------------------


def share(core: Core, what: Segment | Processor, part: Any, bandwidth: Any) -> None:
    """Give what runs a part of its unit and a cap on its traffic, if it may have them."""
    processor = what.processor if isinstance(what, Segment) else what
    said = f"share of {what!r}"
    segment = None if processor is None else processor.segment
    if processor is None or segment is None or (isinstance(what, Segment) and what is not segment):
        state = f"it is {STATES[what.state]}" if isinstance(what, Segment) else "it is idle"
        raise SchedulerError(f"{said}: {state}; a share belongs to what runs, so start it first")
    if not core.soc.available(processor):
        raise SchedulerError(f"{said}: the processor is down; a share belongs to what runs")
    if segment.state != RUNNING:
        raise SchedulerError(f"{said}: {segment!r} does not run there any more; wait for on_processor(…, 'idle')")
    chip = core.chip
    wanted = None if part is None else as_part(said, part)
    cap = None if bandwidth is None else _bytes(said, bandwidth)
    stream: Stream | None = None
    places: tuple[int, ...] = ()
    if wanted is not None and chip is not None and isinstance(processor, StreamProcessor):
        chip.shares.prune()
        stream, places = choose(chip, said, processor, wanted)
    elif wanted is not None:
        _check_part(chip, said, processor, wanted)
        if segment.node.speedup and "speedup" not in core.scheduler.reads:
            raise SchedulerError(
                f"{said}: the speed of its parts was measured ('speedup'); let the policy's class say that it goes by "
                "that: reads = frozenset({'speedup'})"
            )
    if cap is not None:
        _check_cap(chip, said, processor, cap)
    if chip is not None and isinstance(processor, VariableSpeedProcessor):
        chip.shares.give(processor, wanted, cap, stream, places)


def as_part(said: str, part: Any) -> Fraction:
    """A number as an exact fraction: 0.1 is a tenth."""
    try:
        found = part if isinstance(part, Fraction) else Fraction(str(part))
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found <= 1:
        raise SchedulerError(f"{said}: a part of {part!r} is not above 0 and at most 1; preempt what is not to go on")
    return found


def _bytes(said: str, bandwidth: Any) -> int:
    try:
        found = int(bandwidth)
    except (TypeError, ValueError, OverflowError):
        found = 0
    if found < 1:
        raise SchedulerError(f"{said}: a bandwidth of {bandwidth!r} is no positive number of bytes per second")
    return found


def _check_part(chip: Chip | None, said: str, processor: Processor, part: Fraction) -> None:
    """Only who shares a unit has a part of it, and all parts together are no more than the unit."""
    unit = None if chip is None else chip.unit_of.get(processor.index)
    if chip is None or unit is None or not unit.shared:
        if unit is not None and unit.spec.description.contexts > 1:
            why = "each of its contexts has all of its unit; write 'sharing: equal' to share one"
        else:
            why = "it serves one segment at a time; give its cluster 'contexts' that share it"
        raise SchedulerError(f"{said}: {why}")
    chip.shares.prune()
    parts = [chip.shares.given(each) for each in unit.processors if each is not processor]
    given = sum((each for each in parts if each is not None), Fraction(0))
    if given + part > 1:
        raise SchedulerError(
            f"{said}: {part} beside the {given} that others have of {unit.spec.name!r} is more than all of it; "
            "lower theirs first"
        )


def _check_cap(chip: Chip | None, said: str, processor: Processor, cap: int) -> None:
    """Only who uses the shared memory is capped, and all caps together are no more than its bandwidth."""
    memory = None if chip is None else chip.spec.platform.memory
    unit = None if chip is None else chip.unit_of.get(processor.index)
    if processor.kind == "link":
        raise SchedulerError(f"{said}: a link has a bandwidth of its own; cap those who use the memory")
    if chip is None or unit is None or memory is None or memory.bandwidth is None or memory.contention is None:
        raise SchedulerError(
            f"{said}: there is no bandwidth to cap in this run; give the platform a memory with 'bandwidth' and "
            "'contention', and the nodes their 'memory'"
        )
    if isinstance(memory.contention, Pairwise):
        raise SchedulerError(f"{said}: a measured matrix of slow-downs does not know what a cap of bandwidth changes")
    if unit.isolated:
        raise SchedulerError(f"{said}: an isolated instance of a GPU (MIG) has a bandwidth of its own")
    if not isinstance(processor, VariableSpeedProcessor):
        raise SchedulerError(f"{said}: no node of this run declares its 'memory', so there is no traffic to cap")
    chip.shares.prune()
    given = sum(grant.cap or 0 for grant in chip.shares.grants.values() if grant.processor is not processor)
    if given + cap > memory.bandwidth:
        raise SchedulerError(
            f"{said}: {cap} B/s beside the {given} B/s of other caps is more than the memory's {memory.bandwidth} B/s; "
            "lower theirs first"
        )
