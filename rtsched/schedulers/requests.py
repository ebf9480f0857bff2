"""Requests served layer by layer: what is left of one, how long it has waited, how dense it looks.

What Dysta's simulator calls est, iso, idle and gamma (Fan et al., MICRO 2023); several policies rest on these.
"""

from __future__ import annotations

from collections import deque
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import DEAD, DONE, RUNNING

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc

#: What tells how dense an input is, at a layer that is done.
SPARSITY = "sparsity"


class Requests:
    """The jobs of a run as requests. Its user hands on `ready`, `served` and `ended`; times are in ns, as believed.

    `look` is how many of the last layers of a job speak for its density: None all of them, 0 none. With `truth` what is
    left is what it really is, for an oracle.
    """

    def __init__(self, soc: Soc, look: int | None = None, truth: bool = False) -> None:
        self.soc = soc
        self.look = look
        self.truth = truth
        #: the jobs in the system of which something could run by now, with the end of their last layer (-1: none yet)
        self.last: dict[int, int] = {}
        self.ratios: dict[int, deque[float]] = {}

    def ready(self, job: Job) -> None:
        """Something of `job` is ready."""
        self.last.setdefault(job.number, -1)

    def served(self, segment: Segment, observation: dict[str, Any]) -> None:
        """A layer of a job is done, and its input was seen there."""
        self.last[segment.job.number] = self.soc.now
        usual = self.soc.expected_value(segment, SPARSITY)
        if self.look != 0 and usual is not None and usual < 1 and SPARSITY in observation:
            ratio = (1 - observation[SPARSITY]) / (1 - usual)
            self.ratios.setdefault(segment.job.number, deque(maxlen=self.look)).append(ratio)

    def ended(self, job: Job) -> None:
        """`job` has ended in any way."""
        self.last.pop(job.number, None)
        self.ratios.pop(job.number, None)

    def density(self, job: Job) -> float:
        """Gamma: how much denser than usual its layers were so far; 1 before the first, and where nothing is seen."""
        found = self.ratios.get(job.number)
        return fmean(found) if found else 1.0

    def left(self, job: Job) -> int:
        """The time of the layers that are not done, as usual: est. Layers that were left out take none."""
        needs = self.soc.really if self.truth else self.soc.remaining
        return sum(needs(each) for each in job.segments if each.state not in (DONE, DEAD))

    def alone(self, job: Job) -> int:
        """The time of all its layers, each where it is fastest: iso."""
        return sum(self.soc.beliefs.fastest(node) for node in job.task.nodes)

    def waited(self, job: Job) -> int:
        """The time since anything of it last ran, or since it arrived; 0 while something runs."""
        if any(each.state == RUNNING for each in job.segments):
            return 0
        stopped = max((each.stopped for each in job.segments), default=-1)
        return self.soc.now - max(job.arrival, self.last.get(job.number, -1), stopped)
