"""What a start costs before the segment makes progress: the decision, the switch, the way here, what it needs first.

Whoever is taken off before that has passed owes the rest: it is paid where the segment goes on there and nobody else
was there in between. Elsewhere, or after others, a start is one as any; what the segment was to bring along (its
migration, its state that was put aside) is then on its way anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtsched.engine.splits import owner
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.chip.unit import Unit
    from rtsched.engine.core import Core
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor


class Luggage(NamedTuple):
    """What a segment brings along to its next start, wherever that is: a migration, a state that was put aside.

    `state` is in bytes, `origin` the unit that put it aside (None: there is none).
    """

    migrates: bool = False
    state: int = 0
    origin: Unit | None = None


NOTHING = Luggage()


class StartCosts:
    """The costs of a run's starts, and what is still owed of them."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.scheduling = core.system.overheads.scheduling
        #: by segment that is off its processor
        self.luggage: dict[Segment, Luggage] = {}
        #: by processor: what the last start there brought along
        self.coming: dict[Processor, Luggage] = {}

    def pay(self, segment: Segment, processor: Processor, before: Processor | None, now: int) -> int:
        """The overhead in ns before `segment` makes progress on `processor`; `before` is where it was last, if so."""
        luggage = self.luggage.pop(segment, NOTHING) if self.luggage else NOTHING
        inside = self.core.inside_run  # nobody was asked, and nobody else was there
        at_once = inside or segment.stopped == now
        cost = 0 if at_once else self.scheduling
        if processor.last is segment and before is processor and (processor.unpaid or (at_once and not luggage.origin)):
            cost += processor.unpaid
            cost += processor.rest(segment, cost) if at_once and not inside else processor.extra(segment, cost)
        else:
            if before is not None and before is not processor and not luggage.migrates:
                luggage = luggage._replace(migrates=True)
            cost = self._whole(segment, processor, luggage, inside)
        if luggage is not NOTHING:
            self.coming[processor] = luggage
        elif self.coming:
            self.coming.pop(processor, None)
        processor.overhead_total += cost
        return cost

    def _whole(self, segment: Segment, processor: Processor, luggage: Luggage, inside: bool) -> int:
        """What a start costs of which nothing is paid yet."""
        cost = 0
        if not inside:
            cost = self.scheduling
            if processor.last is not segment:
                cost += processor.context_switch
            if luggage.migrates:
                cost += processor.migration
        state = self.time_back(luggage, processor)
        return cost + state + processor.extra(segment, state)

    def time_back(self, luggage: Luggage, processor: Processor) -> int:
        """The time in ns until a state that was put aside is back: at the bandwidth of its new place, else its old."""
        chip, origin = self.core.chip, luggage.origin
        if chip is None or origin is None:
            return 0
        unit = chip.unit_of.get(processor.index)
        return (unit if unit is not None and unit.checkpoint is not None else origin).moving_time(luggage.state)

    def expected(self, segment: Segment, processor: Processor) -> int:
        """What the next start of a segment that has been taken off is believed to cost on `processor`, but for waits.

        The weights it needs do not count.
        """
        luggage = self.luggage.get(segment, NOTHING)
        if segment.processor is not processor and not luggage.migrates:
            luggage = luggage._replace(migrates=True)
        cost = self.scheduling + processor.context_switch + self.time_back(luggage, processor)
        return cost + processor.migration if luggage.migrates else cost

    # ---- what is owed --------------------------------------------------------------------------------------------

    def cut_short(self, segment: Segment, processor: Processor) -> None:
        """`segment` was taken off before its costs had passed: what it was to bring along is owed."""
        luggage = self.coming.get(processor)
        if luggage is not None:
            self._owe(owner(segment), luggage)

    def put_aside(self, segment: Segment, unit: Unit) -> None:
        """The state of `segment` has been put aside: it comes back with its next start."""
        owed = self.luggage.get(segment, NOTHING)
        self._owe(segment, Luggage(owed.migrates, unit.state(segment), unit))

    def _owe(self, segment: Segment, luggage: Luggage) -> None:
        self.luggage = {each: what for each, what in self.luggage.items() if each.job.outcome == OPEN}
        self.luggage[segment] = luggage

    def forget(self, segment: Segment) -> None:
        """`segment` begins anew, with nothing to bring along."""
        if self.luggage:
            self.luggage.pop(segment, None)

    def hand_over(self, segment: Segment, part: Segment, processor: Processor, units: set[Unit | Processor]) -> None:
        """A part of `segment` starts: it brings along the same, the state if it is the first on its unit.

        `units` are those on which others have started.
        """
        luggage = self.luggage.get(segment)
        if luggage is None:
            return
        chip = self.core.chip
        unit = processor if chip is None else chip.unit_of.get(processor.index, processor)
        self.luggage[part] = Luggage(luggage.migrates) if unit in units else luggage
        units.add(unit)
