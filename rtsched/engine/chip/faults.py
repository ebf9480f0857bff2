"""What goes wrong or changes from outside: processors that fail or slow down, links whose bandwidth varies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rtsched.engine.chip.copies import Delivery
from rtsched.engine.chip.variable_speed import StreamProcessor, VariableSpeedProcessor
from rtsched.engine.event_loop import TIMER, Alarm
from rtsched.engine.splits import SplitPart
from rtsched.model.environment import Change, Fault
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.model.environment import Markov


class Breakdown:
    """One fault of the description at run time: takes its processors down (or slows them) and brings them back."""

    def __init__(self, chip: Chip, fault: Fault, position: int) -> None:
        self.chip = chip
        self.fault = fault
        self.position = position
        self.places = [p.index for p in chip.processors if fault.processor in (p.name, p.cluster)]
        before = chip.spec.faults[:position]
        number = sum(each.processor == fault.processor for each in before)
        self.random = chip.core.world.generator("fault", fault.processor, str(number))
        self.broken = False
        self.alarm = Alarm(chip.loop, TIMER, self._turn)

    def start(self) -> None:
        """Arm the first failure."""
        at = self.fault.at if self.fault.at is not None else self._draw(self.fault.mean_up)
        if at is not None and at <= self.chip.horizon:
            self.chip.loop.arm(self.alarm, at)

    def _draw(self, mean: int | None) -> int | None:
        return None if mean is None else max(1, round(self.random.exponential(mean)))

    def _turn(self) -> None:
        chip, fault = self.chip, self.fault
        self.broken = not self.broken
        if self.broken and fault.speed is None:
            take_down(chip, self.places)
        for place in self.places:
            if fault.speed is not None:
                slow(chip, place, self.position, fault.speed, self.broken)
            elif not self.broken:
                bring_up(chip, place)
        if fault.at is not None:
            wait = fault.lasts if self.broken else None
        else:
            wait = self._draw(fault.mean_down if self.broken else fault.mean_up)
        now = chip.loop._now
        if wait is not None and chip.alive(always=self.broken):
            chip.loop.arm(self.alarm, now + wait)


def slow(chip: Chip, place: int, fault: int, speed: float, begins: bool) -> None:
    """A processor goes on at a share of its speed because of a fault, or that fault is over."""
    if begins:
        chip.slowed.setdefault(place, {})[fault] = speed
    else:
        chip.slowed[place].pop(fault)
    chip.tell([place], "slow" if begins else "normal")


def take_down(chip: Chip, places: list[int]) -> None:
    """Processors fail: what runs there restarts, resumes or is dropped, as its task says.

    Whatever a policy does while it is told, none of them that is idle by then can be had any more.
    """
    chip.account(chip.loop._now)
    failing: list[VariableSpeedProcessor] = []
    for place in places:
        chip.failed[place] = chip.failed.get(place, 0) + 1
        processor = chip.processors[place]
        assert isinstance(processor, VariableSpeedProcessor)
        if not processor.down:
            failing.append(processor)
    for processor in failing:
        if processor.segment is None:
            processor.down = True
            processor.segment = chip.out_of_service
    for processor in failing:
        _fail(chip, processor)


def _fail(chip: Chip, processor: VariableSpeedProcessor) -> None:
    """A processor is down: what runs there leaves it, and whoever that concerns is told."""
    core, place, now = chip.core, processor.index, chip.loop._now
    deciding = core.planner is not None and core.planner.lose(processor)
    segment = None if processor.down else processor.segment
    chip.note(log.DOWN, place, -1 if segment is None else segment.job.number)
    processor.down = True  # from the moment at which it is left nobody can start there
    if isinstance(segment, Delivery):
        assert core.copies is not None
        core.copies.lose(processor, segment, now)
    elif segment is not None and processor not in core.drains.since:
        fate = segment.job.task.spec.on_fault
        if core.batches is not None and processor in core.batches.running:
            core.batches.fail(processor, gone=False)
        elif core.duplicates is not None and core.duplicates.fail(processor):
            pass  # the other one goes on
        elif fate == "drop":
            core.give_up(segment.job, "fault")
        else:
            # A GPU's blocks have no order, and a state that is not put aside yet is none: both begin anew.
            gone = processor.saving > 0 or isinstance(processor, StreamProcessor)
            if core.splits is not None and isinstance(segment, SplitPart):
                core.splits.fail(processor, segment, restart=fate == "restart")
            else:
                core.lose(processor, segment, restart=fate == "restart" or gone)
    if processor in core.drains.since:  # nothing drains on a processor that is down
        core.drains.cut(processor, now)
    processor.segment = chip.out_of_service
    if deciding and core.planner is not None:
        core.planner.show_held()
    chip.tell([place], "down")


def bring_up(chip: Chip, place: int) -> None:
    """A processor is back."""
    chip.failed[place] -= 1
    processor = chip.processors[place]
    assert isinstance(processor, VariableSpeedProcessor)
    if chip.failed[place] or not processor.down:
        return
    chip.account(chip.loop._now)
    processor.down = False
    processor.segment = None
    processor.last = None
    chip.note(log.UP, place, 0)
    chip.tell([place], "up")


class FaultCourse:
    """The bandwidth of one link over time."""

    def __init__(self, chip: Chip, name: str) -> None:
        link = chip.spec.platform.links[name]
        assert link.bandwidth is not None
        self.chip = chip
        self.name = name
        self.nominal = self.bandwidth = link.bandwidth
        points = chip.spec.courses[name]
        if link.markov is not None:
            self.points: Iterator[tuple[int, int]] = _wander(link.markov, chip.core.world.generator("link", name))
        else:
            self.points = iter(points)
        self.following: tuple[int, int] | None = None
        self.alarm = Alarm(chip.loop, TIMER, self._turn)

    def start(self) -> None:
        """Take the bandwidth of the first instant, and arm the next change."""
        self.following = next(self.points, None)
        if self.following is not None and self.following[0] == 0:
            self.bandwidth = self.following[1]
            self.chip.note(log.BANDWIDTH, self.chip.place(self.name), self.bandwidth)
            self.following = next(self.points, None)
        self._arm()

    def _arm(self) -> None:
        if self.following is not None and self.following[0] <= self.chip.horizon:
            self.chip.loop.arm(self.alarm, self.following[0])

    def _turn(self) -> None:
        assert self.following is not None
        self.set(self.following[1])
        self.following = next(self.points, None)
        if self.chip.alive():
            self._arm()

    def set(self, bandwidth: int) -> None:
        """From now on the link carries so many bytes per second."""
        self.bandwidth = bandwidth
        self.chip.note(log.BANDWIDTH, self.chip.place(self.name), bandwidth)
        self.chip.announce({"link": self.name, "bandwidth": bandwidth})


def _wander(markov: Markov, random: np.random.Generator) -> Iterator[tuple[int, int]]:
    """The points of a Markov link, for ever; it begins in its first state."""
    count = len(markov.states)
    state, time = 0, 0
    while True:
        yield time, markov.states[state].bandwidth
        time += max(1, round(random.exponential(markov.states[state].dwell)))
        odds = markov.to[state] if markov.to is not None else tuple(float(other != state) for other in range(count))
        chance = np.array(odds)
        state = int(random.choice(count, p=chance / chance.sum()))


class Announcement:
    """A change that the file announces for an instant."""

    def __init__(self, chip: Chip, change: Change) -> None:
        self.chip = chip
        self.change = change
        self.alarm = Alarm(chip.loop, TIMER, self._turn)

    def start(self) -> None:
        """Arm it."""
        if self.change.at <= self.chip.horizon:
            self.chip.loop.arm(self.alarm, self.change.at)

    def _turn(self) -> None:
        change = self.change
        if change.link is not None and change.bandwidth is not None:
            self.chip.courses[change.link].set(change.bandwidth)
        else:
            self.chip.announce({"name": change.name, "value": change.value})
