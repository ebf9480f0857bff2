"""The best answer that there is at the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import exits_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job


class Anytime(Adaptation):
    """Anytime prediction: at the deadline the answer of the last exit reached is accepted, and the rest given up.

    A job that has reached no exit goes on, and is late. It needs exits; whoever reaches the first exit in time answers
    in time; it fails by spending on one job what another needed for its first answer. Huang et al., "Multi-scale dense
    networks" (MSDNet), ICLR 2018.
    """

    claims = GREEDY - {"symmetric"}

    def on_deadline(self, job: Job) -> None:
        if job.outcome < 0 and exits_of(job.task) and self.soc.answer(job)[0] >= 0:
            self.soc.finish(job)
