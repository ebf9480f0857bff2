"""Earliest deadline first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class EDF(Ordering):
    """Earliest deadline first: by absolute deadline, then release (R4; Liu and Layland, JACM 20(1), 1973).

    Optimal on one preemptive processor (Dertouzos 1974); on several it suffers from Dhall's effect, and in overload
    misses cascade from job to job.
    """

    claims = PREDICTABLE
    order = "EDF"
    ranks = ("deadline", "release")

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        return (job.deadline, job.release)
