"""Clocks by utilisation: as fast as the last period needed, and something more."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.schedulers.speeds.base import Speed
from rtsched.units import MS

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc


class Utilisation(Speed):
    """Each period a clock goes to the lowest point that does `headroom` times the work that its busiest processor did.

    In the style of Linux' schedutil; unlike the governor of that name it counts work, not time: a busy share at half
    the clock is half as much. It needs nothing to be known of tasks, and guarantees nothing: it learns of a burst one
    `period_ms` after it has begun, and climbs from there. While nothing is open it stays where it is, without timers.
    """

    claims = frozenset({"work-conserving", "bounded-inversion"})

    def __init__(self, period_ms: float = 10.0, headroom: float = 1.25) -> None:
        if period_ms <= 0 or headroom < 1:
            raise InputError(
                f"utilisation: period_ms {period_ms!r} must be above 0, and headroom {headroom!r} at least 1"
            )
        self.period = max(1, round(period_ms * MS))
        self.headroom = Fraction(str(headroom))

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.open = 0
        self.due: int | None = None
        self.before = dict.fromkeys((place for clock in self.clocks for place in clock.processors), 0)
        self.levels = [len(clock.scales) - 1 for clock in self.clocks]

    def on_release(self, job: Job) -> None:
        self.open += 1
        if self.due is None:
            self._arm()

    def on_job_end(self, job: Job) -> None:
        self.open = max(0, self.open - 1)

    def on_timer(self, tag: Any) -> None:
        works = [self._most(clock.processors) / Fraction(clock.scales[level]) for clock, level in self._standing()]
        self.levels = [clock.level(work * self.headroom) for clock, work in zip(self.clocks, works, strict=True)]
        for clock, level in self._standing():
            self.set(clock, level)
        self.due = None
        if self.open or any(works):
            self._arm()

    def _standing(self) -> Any:
        return zip(self.clocks, self.levels, strict=True)

    def _arm(self) -> None:
        self.due = self.soc.now + self.period
        self.soc.wake_at(self.due, "look")

    def _most(self, places: tuple[int, ...]) -> Fraction:
        """The largest share of the last period in which one of some processors was busy."""
        shares = []
        for place in places:
            processor = self.soc.processors[place]
            busy = processor.busy + (0 if processor.segment is None else self.soc.now - processor.started)
            shares.append(Fraction(min(max(0, busy - self.before[place]), self.period), self.period))
            self.before[place] = busy
        return max(shares)
