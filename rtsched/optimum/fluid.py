"""The program whose proofs are bounds: of a node that can be interrupted only how much runs between which instants.

Every schedule is an answer of this program, so that no policy reaches more than it proves (see docs/optimum.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rtsched.optimum.program import Program, StepVariables, grain_of, shares, unit_for, unit_of
from rtsched.optimum.window import Mode, TimeWindow


@dataclass(slots=True)
class WindowDemand:
    """Work that is done inside [head, tail) if `here`: all of `time` in one pool."""

    head: int
    tail: int
    time: int
    here: Any
    job: int


class FluidProgram(Program):
    """Amounts of work in slices of time; on a processor that nobody can leave, Horn's condition says the same."""

    def __init__(self, window: TimeWindow) -> None:
        self.horn, self.sliced = _kinds(window)
        #: amounts, and the instants between which they lie, are in so many ns; begins and ends may be in coarser units
        self.fine = unit_of(window)
        self.cuts = self._cuts(window)
        self.demands: dict[int, list[WindowDemand]] = {place: [] for place in self.horn}
        #: by pool and slice, the amounts that run there
        self.amounts: dict[tuple[int, int], list[Any]] = {}
        unit = unit_for(window) if self.sliced else self.fine
        self.rounded = int(unit not in (self.fine, grain_of(window)))
        super().__init__(window, unit)

    # Begins and lengths are rounded down, so that ends, too, come at most one unit too early: orders hold, and what is
    # measured from an end has a unit to spare.

    def instant(self, time: int) -> int:
        return time // self.unit

    def duration(self, time: int) -> int:
        return time // self.unit

    def least(self, time: int) -> int:
        return max(0, time // self.unit - self.rounded)

    def wait(self, time: int) -> int:
        return -(-time // self.unit) + self.rounded

    def _cuts(self, window: TimeWindow) -> list[int]:
        """The instants between which only amounts count: those from which, or until when, a step may run there."""
        found: set[int] = set()
        for job in window.jobs:
            for way in job.ways:
                for step, span in zip(way.steps, way.windows(job.release, job.last), strict=True):
                    if any(self.sliced & set(mode.pools) for mode in step.modes):
                        found |= {span[0] // self.fine, span[1] // self.fine}
        return sorted(found)

    def interruptible(self, step: StepVariables) -> None:
        """Each mode that can be interrupted somewhere: amounts of it in all its pools add up to the whole."""
        for mode, m in zip(step.step.modes, step.modes, strict=True):
            if not mode.rigid:
                self.energies = None
                self.model.add(step.end >= step.start + self.least(mode.least)).only_enforce_if(m)
                if set(mode.pools) <= self.horn:
                    place = mode.pools[0]
                    self.occupy(step, place, mode.times[place] or 0, m)
                else:
                    self._spread(step, mode, m)

    def occupy(self, step: StepVariables, place: int, time: int, here: Any) -> None:
        """A step takes so many ns of a pool, somewhere between its head and its tail."""
        head, tail, time = step.span[0] // self.fine, step.span[1] // self.fine, time // self.fine
        if place in self.horn:
            self.demands[place].append(WindowDemand(head, tail, time, here, step.key[0]))
        elif place in self.sliced:
            amounts = [amount for _, amount in self._amounts(step, place, time, here)]
            self.model.add(sum(amounts) == time * here)

    def _amounts(self, step: StepVariables, place: int, time: int, here: Any) -> Iterator[tuple[int, Any]]:
        """How much of a step runs in a pool in each slice, if it is `here`."""
        head, tail = step.span[0] // self.fine, step.span[1] // self.fine
        for number, (begin, end) in enumerate(pairwise(self.cuts)):
            if head <= begin and end <= tail:
                amount = self.model.new_int_var(0, min(end - begin, time), "")
                self.model.add(amount <= min(end - begin, time) * here)
                self.amounts.setdefault((place, number), []).append(amount)
                yield number, amount

    def _spread(self, step: StepVariables, mode: Mode, m: Any) -> None:
        """Amounts in all pools of a mode, in which it is at no two at once; a rigid one only has its end."""
        times = {place: time // self.fine for place, time in enumerate(mode.times) if time is not None}
        slices: dict[int, list[Any]] = {}
        work: dict[int, list[Any]] = {}
        for place, time in times.items():
            here = m
            if not mode.loose[place]:
                here = self._last(step, place, time, m, work)
            if place in self.sliced:
                found = list(self._amounts(step, place, time, here))
                for number, amount in found:
                    slices.setdefault(number, []).append(amount)
                if mode.loose[place]:
                    work[place] = [amount for _, amount in found]
                else:
                    self.model.add(sum(amount for _, amount in found) == sum(work[place]))
        whole, parts = shares(list(times.values()), sum(map(len, work.values())))
        done = sum(part * sum(work[place]) for place, part in zip(times, parts, strict=True))
        self.model.add(done >= whole).only_enforce_if(m)
        for number, amounts in slices.items():
            self.model.add(sum(amounts) <= (self.cuts[number + 1] - self.cuts[number]))

    def _last(self, step: StepVariables, place: int, time: int, m: Any, work: dict[int, list[Any]]) -> Any:
        """What is left of a step runs to its end where it cannot be interrupted, or nothing of it there."""
        here, amount = self.model.new_bool_var(""), self.model.new_int_var(0, time, "")
        size, coarse = self.model.new_int_var(0, self.duration(time * self.fine), ""), self.unit // self.fine
        begin = self.model.new_int_var(min(step.head, step.tail), max(step.head, step.tail), "")
        self.model.add_implication(here, m)
        self.model.add(amount <= time * here)
        self.model.add(amount <= coarse * size + coarse - 1)
        self.intervals[place].append(self.model.new_optional_interval_var(begin, size, step.end, here, ""))
        self.model.add(begin >= step.start).only_enforce_if(here)
        work[place] = [amount]
        return here

    def capacities(self) -> None:
        """No slice holds more than its processors give, and no span between a head and a tail."""
        super().capacities()
        for (place, number), amounts in self.amounts.items():
            room = (self.cuts[number + 1] - self.cuts[number]) * self.window.pools[place].size
            self.model.add(sum(amounts) <= room)
        for demands in self.demands.values():
            self._horn(demands)

    def _horn(self, demands: list[WindowDemand]) -> None:
        """What must begin and end between two instants takes no more than lies between them (Horn 1974)."""
        for head in sorted({each.head for each in demands}):
            inside = sorted((each for each in demands if each.head >= head), key=lambda each: each.tail)
            held: list[WindowDemand] = []
            most: dict[int, int] = {}
            for number, each in enumerate(inside):
                held.append(each)
                most[each.job] = most.get(each.job, 0) + each.time
                final = number + 1 == len(inside) or inside[number + 1].tail > each.tail
                if final and sum(most.values()) > each.tail - head:
                    self.model.add(sum(one.time * one.here for one in held) <= each.tail - head)


def _kinds(window: TimeWindow) -> tuple[set[int], set[int]]:
    """The pools where something can be interrupted: single processors that nobody can leave, and all others.

    A node that can leave one makes slices of all that it can go to, and so does one of several modes there.
    """
    modes = [mode for job in window.jobs for way in job.ways for step in way.steps for mode in step.modes if mode.times]
    fluid = {place for mode in modes for place in mode.pools if mode.loose[place]}
    sliced = {place for place in fluid if window.pools[place].size > 1}
    sliced |= {place for mode in modes if len(mode.pools) > 1 for place in mode.pools if place in fluid}
    return fluid - sliced, sliced
