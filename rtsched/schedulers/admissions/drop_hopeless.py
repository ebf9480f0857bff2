"""Admission: what cannot be in time is dropped on release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.beliefs import ALWAYS
from rtsched.schedulers.admissions.base import Admission
from rtsched.schedulers.claims import GREEDY

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.engine.soc import Soc


class Drop(Admission):
    """Admission: a job that not even its quickest variant could finish in time is dropped on release.

    Counted are the job's own expected time (its smallest variant, up to its first exit, the short way at branches) and,
    with `backlog`, what is ahead of it (what runs and cannot be taken off, and all jobs that come before it). It needs
    expectations; it guarantees nothing; it fails by refusing what a preemption would have saved.
    """

    claims = GREEDY
    believes = ALWAYS

    def __init__(self, backlog: bool = True) -> None:
        self.count_backlog = backlog

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.fresh: list[Job] = []

    def on_release(self, job: Job) -> None:
        self.fresh.append(job)

    def settle(self) -> None:
        fresh, self.fresh = self.fresh, []
        for job in fresh:
            if job.outcome < 0 and job.start < 0:
                expected = self.soc.now + self._least(job)
                if expected > job.deadline:
                    self.soc.drop(job, expected, "even at its quickest it would be late")

    def _least(self, job: Job) -> int:
        """The least expected time in ns until `job` has an answer."""
        ahead = self.estimator.ahead(job) if self.count_backlog else self.estimator.idle()
        quality = job.task.spec.quality
        if quality is not None and quality.variants:
            return min(ahead.copy().run(job, variant.index, least=True) for variant in quality.variants)
        return ahead.run(job, exit_=0 if quality is not None and quality.exits else None, least=True)
