"""The best variant that meets the deadline behind what is ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.adaptations.base import VariantAdaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job


class Resolution(VariantAdaptation):
    """Slack-driven scaling: on release the best variant that still meets the deadline behind what is ahead of it.

    Ahead are what runs and cannot be taken off, and all jobs that come before it, as expected. `margin` keeps that
    share of the relative deadline free. It needs times per variant and expectations of the others; it guarantees
    nothing, since later releases may come first; it fails by giving all the slack to whoever asks first. Our definition
    of the dynamic resolution scaling that is common practice.
    """

    claims = GREEDY - {"symmetric"}
    shrinks = True

    def __init__(self, margin: float = 0.0) -> None:
        if not 0 <= margin < 1:
            raise ValueError("margin must lie in [0, 1)")
        self.margin = margin
        self.fresh: list[Job] = []

    def on_release(self, job: Job) -> None:
        if variants_of(job.task):
            self.fresh.append(job)

    def settle(self) -> None:
        fresh, self.fresh = self.fresh, []
        for job in sorted(fresh, key=lambda job: (job.deadline, job.number)):
            if job.outcome < 0 and job.start < 0 and self.soc.changeable(job):
                spare = int(self.margin * job.task.deadline)
                budget = job.deadline - self.soc.now - spare
                self.soc.reconfigure(job, self.fitting(job, budget, self.estimator.ahead(job)))
