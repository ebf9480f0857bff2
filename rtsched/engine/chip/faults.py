"""What goes wrong or changes from outside: processors that fail or slow down, links whose bandwidth varies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rtsched.engine.kernel import TIMER, Alarm
from rtsched.model.environment import Change, Fault
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.model.environment import Markov

#: Where the random streams of the hardware begin, far beyond those of tasks: (kind, position).
FAULT, LINK, CHANNEL = 1 << 40, (1 << 40) + 1, (1 << 40) + 2


def generator(seed: int, kind: int, position: int) -> np.random.Generator:
    """The generator of one fault or link: it depends on (seed, kind, position) only."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(kind, position))))


class Breakdown:
    """One fault of the description at run time: takes its processors down (or slows them) and brings them back."""

    def __init__(self, chip: Chip, fault: Fault, position: int) -> None:
        self.chip = chip
        self.fault = fault
        self.position = position
        self.places = [p.index for p in chip.processors if fault.processor in (p.name, p.cluster)]
        self.random = generator(chip.seed, FAULT, position)
        self.broken = False
        self.alarm = Alarm(chip.kernel, TIMER, self._turn)

    def start(self) -> None:
        """Arm the first failure."""
        at = self.fault.at if self.fault.at is not None else self._draw(self.fault.mean_up)
        if at is not None and at <= self.chip.horizon:
            self.chip.kernel.arm(self.alarm, at)

    def _draw(self, mean: int | None) -> int | None:
        return None if mean is None else max(1, round(self.random.exponential(mean)))

    def _turn(self) -> None:
        chip, fault = self.chip, self.fault
        self.broken = not self.broken
        for place in self.places:
            if fault.speed is not None:
                chip.slow(place, self.position, fault.speed, self.broken)
            elif self.broken:
                chip.take_down(place)
            else:
                chip.bring_up(place)
        if fault.at is not None:
            wait = fault.lasts if self.broken else None
        else:
            wait = self._draw(fault.mean_down if self.broken else fault.mean_up)
        now = chip.kernel._now
        if wait is not None and chip.alive(always=self.broken):
            chip.kernel.arm(self.alarm, now + wait)


class FaultCourse:
    """The bandwidth of one link over time."""

    def __init__(self, chip: Chip, name: str, position: int) -> None:
        link = chip.spec.platform.links[name]
        assert link.bandwidth is not None
        self.chip = chip
        self.name = name
        self.nominal = self.bandwidth = link.bandwidth
        points = chip.spec.courses[name]
        if link.markov is not None:
            self.points: Iterator[tuple[int, int]] = _wander(link.markov, generator(chip.seed, LINK, position))
        else:
            self.points = iter(points)
        self.following: tuple[int, int] | None = None
        self.alarm = Alarm(chip.kernel, TIMER, self._turn)

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
            self.chip.kernel.arm(self.alarm, self.following[0])

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
        self.alarm = Alarm(chip.kernel, TIMER, self._turn)

    def start(self) -> None:
        """Arm it."""
        if self.change.at <= self.chip.horizon:
            self.chip.kernel.arm(self.alarm, self.change.at)

    def _turn(self) -> None:
        change = self.change
        if change.link is not None and change.bandwidth is not None:
            self.chip.courses[change.link].set(change.bandwidth)
        else:
            self.chip.announce({"name": change.name, "value": change.value})
