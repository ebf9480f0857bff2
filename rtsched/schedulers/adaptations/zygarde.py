"""What the energy is enough for: nothing, mandatory parts, or optional ones, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class ZygardeEnergy(Adaptation):
    """In the style of Zygarde's energy gate: no job below one charge, no optional part below another.

    Islam and Nirjon, IMWUT 2020; the paper was not read; our definition is: a job that is released while the battery's
    charge is below `least` is dropped; one whose confidence at an exit reaches `threshold` ends there (the utility
    test) while the charge is below `full`, and goes on otherwise. It saves energy for
    answers; it promises none, and fails where charge that it saved could not be kept. It needs a `battery`. Beside
    ``ordering: zygarde-style``.
    """

    claims = GREEDY - {"symmetric"}

    def __init__(self, least: float = 0.1, full: float = 0.5, threshold: float = 0.8) -> None:
        if not 0 <= least <= full <= 1 or not 0 <= threshold <= 1:
            raise InputError("least and full are charges, 0 <= least <= full <= 1, threshold a probability")
        self.least, self.full, self.threshold = least, full, threshold

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        hardware = soc.system.hardware
        if hardware is None or hardware.power is None or hardware.power.battery is None:
            raise SchedulerError("adaptation 'zygarde-energy-style': there is no battery; give 'power' one")
        self.fresh: list[Job] = []
        self.low = f"the charge was below {self.least:g} of the whole"

    def on_release(self, job: Job) -> None:
        self.fresh.append(job)

    def settle(self) -> None:
        fresh, self.fresh = self.fresh, []
        for job in fresh:
            if job.outcome < 0 and self._charge() < self.least:
                self.soc.drop(job, reason=self.low)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        sure = "exit" in observation and observation["confidence"] >= self.threshold
        if sure and segment.job.left > 1 and self._charge() < self.full:
            self.soc.finish(segment.job)

    def _charge(self) -> float:
        charge = self.soc.charge
        assert charge is not None
        return charge
