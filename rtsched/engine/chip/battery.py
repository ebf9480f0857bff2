"""A store of energy at run time: what the chip draws leaves it, what is harvested comes in, its levels are told.

Powers are constant between instants, so that charges are exact: nanowatts times nanoseconds, 1e-18 J, as integers.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from rtsched.engine.chip.faults import bring_up, take_down
from rtsched.engine.event_loop import NEVER, TIMER, Alarm, Appointment
from rtsched.trace import trace as log
from rtsched.trace.energy import NANOJOULE, StoreReport

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.model.power import Battery

#: Nanowatts in a microwatt.
MICROWATT = 1000
#: A level counts as met again when the charge has risen by this part of the capacity beyond it.
RISE = 100


class Store:
    """A battery: told the powers, it knows when its charge meets the next level, is gone, or is enough to go on."""

    def __init__(self, chip: Chip, battery: Battery) -> None:
        self.chip = chip
        self.capacity = battery.capacity * NANOJOULE
        self.start = self.stored = self.least = min(self.capacity, int(self.capacity * battery.charge))
        self.levels = sorted({level for level in battery.levels if level < 1})
        self.met = [int(level * self.capacity) for level in self.levels]
        #: how many levels lie below the charge; they are told when it falls to them, the others when it rises
        self.below = bisect_left(self.levels, battery.charge)
        self.restart = None if battery.restart is None else int(battery.restart * self.capacity)
        self.points = iter(battery.harvest)
        self.next = next(self.points, None)
        self.income = 0
        self.since = self.harvested = self.drawn = self.lost = self.short = self.dark = self.stops = 0
        self.off = False
        self.turn = Alarm(chip.loop, TIMER, self._turn)
        self.level = Appointment(chip.loop, TIMER, self._reached)

    @property
    def charge(self) -> float:
        """The share of the capacity that is left now."""
        passed = self.chip.loop._now - self.since if self.chip.living else 0
        return min(max(0, self.stored + self._flow() * passed), self.capacity) / self.capacity

    @property
    def harvest(self) -> int:
        """What comes in, in uW."""
        return self.income // MICROWATT

    def begin(self) -> None:
        """Take what comes in at the first instant, and arm the next change."""
        if self.next is not None and self.next.at == 0:
            self._take()
        self._arm()

    def _take(self) -> None:
        assert self.next is not None
        self.income = self.next.power * MICROWATT
        self.next = next(self.points, None)

    def _arm(self) -> None:
        if self.next is not None and self.next.at <= self.chip.horizon:
            self.chip.loop.arm(self.turn, self.next.at)

    def _turn(self) -> None:
        chip = self.chip
        chip.account(chip.loop._now)
        self._take()
        chip.note(log.BATTERY, -1, round(self.charge * 1000))
        chip.announce({"harvest": self.harvest})
        if chip.alive():
            self._arm()

    def _flow(self) -> int:
        """What comes in, less what is drawn, in nW."""
        assert self.chip.meter is not None
        return self.income - self.chip.meter.total_power

    def account(self, now: int) -> None:
        """Book what came and went under the last powers by now."""
        passed = now - self.since
        if passed <= 0:
            return
        flow = self._flow()
        self.since = now
        if self.off:
            self.dark += passed
        self.harvested += self.income * passed
        self.drawn += (self.income - flow) * passed
        self.stored += flow * passed
        if self.stored > self.capacity:
            self.lost += self.stored - self.capacity
            self.stored = self.capacity
        elif self.stored < 0:
            self.short -= self.stored
            self.stored = 0
        self.least = min(self.least, self.stored)

    def settle(self, now: int) -> None:
        """Arm the instant at which the charge meets what comes next under the present powers."""
        if not self.chip.living:
            return
        flow = self._flow()
        due = NEVER
        if flow < 0:
            target = self.met[self.below - 1] if self.below else 0 if self.restart is not None else None
            if target is not None:
                due = now + max(0, -(-(self.stored - target) // -flow))
        elif flow > 0:
            target = self._above()
            if target is not None:
                due = now + max(0, -(-(target - self.stored) // flow))
        self.level.set(due if due <= self.chip.horizon else NEVER)

    def _above(self) -> int | None:
        """The next charge that matters while it rises."""
        above = [self._risen(self.below)] if self.below < len(self.met) else []
        if self.off and self.restart is not None:
            above.append(self.restart)
        return min(above, default=None)

    def _risen(self, number: int) -> int:
        return min(self.capacity, self.met[number] + self.capacity // RISE)

    def _reached(self) -> None:
        chip = self.chip
        chip.account(chip.loop._now)
        if self.off and self.restart is not None and self.stored >= self.restart:
            self.off = False
            for processor in chip.processors:
                bring_up(chip, processor.index)
        while self.below and self.stored <= self.met[self.below - 1]:
            self.below -= 1
            self._tell(self.levels[self.below])
        while self.below < len(self.met) and self.stored >= self._risen(self.below):
            self.below += 1
            self._tell(self.charge)
        if not self.stored and not self.off and self.restart is not None:
            self.off = True
            self.stops += 1
            take_down(chip, [processor.index for processor in chip.processors])

    def _tell(self, charge: float) -> None:
        self.chip.note(log.BATTERY, -1, round(charge * 1000))
        self.chip.announce({"battery": charge})

    def report(self) -> StoreReport:
        """What became of it."""
        return StoreReport(
            capacity=self.capacity,
            start=self.start,
            harvested=self.harvested,
            drawn=self.drawn,
            end=self.stored,
            lost=self.lost,
            short=self.short,
            least=self.least,
            off=self.dark,
            stops=self.stops,
        )
