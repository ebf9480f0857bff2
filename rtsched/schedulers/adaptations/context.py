"""Smaller variants as the battery empties or the chip gets hot."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of
from rtsched.units import MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc


class ContextAware(Adaptation):
    """In the style of context-aware adaptation: smaller variants as the battery empties or the chip gets hot.

    Wang et al., Scientia Sinica Informationis 2020; the paper was not read; our definition is: the level is the number
    of `charges` (descending) that the battery has fallen to, or of `temperatures` (ascending, in °C) that the hottest
    point has risen to, whichever is more; a job is released as the variant of that rank, or the last. The level falls
    again where the charge is `rise` beyond a threshold, the temperature `cool` below it, and it changes at most once in
    `dwell_ms`, since answers that change all the time are worth little. It guarantees nothing: a table that is too
    generous still empties the battery. It needs variants, and a `battery` or a thermal model.
    """

    claims = GREEDY - {"symmetric"}
    shrinks = True

    def __init__(
        self,
        charges: Sequence[float] = (0.5, 0.2),
        temperatures: Sequence[float] = (),
        rise: float = 0.05,
        cool: float = 3.0,
        dwell_ms: float = 0.0,
    ) -> None:
        steps = [*pairwise(reversed(charges)), *pairwise(temperatures)]
        if not all(0 <= charge <= 1 for charge in charges) or any(one >= other for one, other in steps):
            raise InputError("'charges' are shares of the battery, descending; 'temperatures' ascend")
        if min(rise, cool, dwell_ms) < 0:
            raise InputError("rise, cool and dwell_ms are 0 or more")
        self.charges, self.temperatures = tuple(charges), tuple(temperatures)
        self.rise, self.cool = rise, cool
        self.dwell = round(dwell_ms * MS)

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.last = {task.index: len(variants_of(task)) - 1 for task in soc.tasks}
        if max(self.last.values(), default=0) < 1:
            raise SchedulerError("adaptation 'context-aware-style': no task has variants; give one some")
        hardware = soc.system.hardware
        power = None if hardware is None else hardware.power
        heated = power is not None and hardware is not None and (power.thermal or hardware.platform.thermal) is not None
        charged = power is not None and power.battery is not None
        if not (charged and self.charges) and not (heated and self.temperatures):
            raise SchedulerError(
                "adaptation 'context-aware-style': there is neither a battery (for 'charges') nor heat (for "
                "'temperatures'); give 'power' one"
            )
        self.level = 0
        self.changed: int | None = None

    def on_release(self, job: Job) -> None:
        self._look()
        number = min(self.level, self.last[job.task.index])
        if number > 0:
            self.soc.reconfigure(job, number)

    def _look(self) -> None:
        now = self.soc.now
        level = self._level()
        if level != self.level and (self.changed is None or now - self.changed >= self.dwell):
            self.level, self.changed = level, now

    def _level(self) -> int:
        """The level by what the sensors say: as far up as thresholds are met, as far down as they are well behind."""
        charge, heat = self.soc.charge, self.soc.temperature
        up = down = 0
        if charge is not None:
            up = sum(charge <= threshold for threshold in self.charges)
            down = sum(charge < threshold + self.rise for threshold in self.charges)
        if heat is not None:
            up = max(up, sum(heat >= threshold for threshold in self.temperatures))
            down = max(down, sum(heat > threshold - self.cool for threshold in self.temperatures))
        return max(up, min(self.level, down))
