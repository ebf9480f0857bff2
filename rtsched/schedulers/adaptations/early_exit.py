"""Leaving at the first exit that is sure enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.errors import SchedulerError
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import exits_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc


class EarlyExit(Adaptation):
    """Early exit by confidence: a job ends at the first exit where its answer is right with probability `threshold`.

    With `gain`, the threshold follows the load: each release moves it by gain x (`target` - jobs waiting), kept within
    [`low`, 1], so that a queue makes answers come earlier. It needs exits; it promises an accuracy on average where
    confidences are calibrated, and no deadline; it fails when hard inputs come together. Teerapittayanon et al.,
    "BranchyNet", ICPR 2016 (there the entropy of the softmax is compared, here the calibrated confidence); the moving
    threshold is our own.
    """

    claims = GREEDY - {"symmetric"}
    shrinks = True

    def __init__(self, threshold: float = 0.9, gain: float = 0.0, target: float = 0.1, low: float = 0.0) -> None:
        if not 0 <= threshold <= 1 or not 0 <= low <= 1:
            raise ValueError("threshold and low are probabilities: between 0 and 1")
        if gain < 0:
            raise ValueError("gain must not be negative")
        self.threshold = threshold
        self.gain = gain
        self.target = target
        self.low = low

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.now = self.threshold
        if not any(exits_of(task) for task in soc.tasks):
            raise SchedulerError("adaptation 'early-exit': no task has 'exits'; give one some")

    def overrides(self, event: str) -> bool:
        return super().overrides(event) and (event != "on_release" or self.gain > 0)

    def on_release(self, job: Job) -> None:
        waiting = len({segment.job.number for segment in self.soc.ready})
        self.now = min(1.0, max(self.low, self.now + self.gain * (self.target - waiting)))

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        if "exit" in observation and observation["confidence"] >= self.now and segment.job.left > 1:
            self.soc.finish(segment.job)
