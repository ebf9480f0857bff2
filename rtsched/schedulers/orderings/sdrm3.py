"""SDRM3: urgency and fairness, layer by layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.layers import ByRequest

if TYPE_CHECKING:
    from rtsched.engine.job import Segment


class SDRM3(ByRequest):
    """SDRM3 on one accelerator: the largest urgency plus `alpha` times fairness, after every layer.

    Urgency is min(1, gamma est / slack), and 1 where there is no slack; fairness is idle / (gamma times the believed
    time of the next layer). Gamma, est and idle are as in `dysta`; the slack is the deadline less now.
    It guarantees nothing. Whose next layer is short and who has waited goes first, so that all are served in turns, and
    it fails as FCFS does. Equal scores go to the earlier request.
    Kim et al., "SDRM3" (later DREAM, see `dream-style`), as the published simulator of Fan et al., MICRO 2023, has it;
    there who is late has a negative score, here urgency 1.
    """

    claims = GREEDY - {"bounded-inversion"}  # scores change while segments wait

    def __init__(self, alpha: float = 1.0) -> None:
        if not 0 <= alpha < math.inf:
            raise InputError(f"sdrm3: alpha must be a number from 0 on (found {alpha!r})")
        self.alpha = alpha

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job, requests = segment.job, self.requests
        density, slack = requests.density(job), job.deadline - self.soc.now
        left = density * requests.left(job)
        urgency = min(1.0, left / slack) if slack > 0 else 1.0
        fairness = requests.waited(job) / max(1.0, density * self.soc.beliefs.fastest(segment.node))
        return (-(urgency + self.alpha * fairness), job.arrival)
