"""The most accurate path within a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.adaptations.base import VariantAdaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor


class MultiPath(VariantAdaptation):
    """In the style of multi-path networks: the most accurate path whose time is within a limit.

    Heo, Cho, Kim and Kim, "Real-time object detection system with multi-path neural networks", RTAS 2020; the paper was
    not read; our definition is: at the first start of a job take the most accurate variant whose expected time is at
    most what is left until the deadline (or `limit` of the relative deadline, if that is less). It needs times per
    path; alone on its processor it meets the deadline whenever some path does; it fails under preemption.
    """

    claims = GREEDY - {"symmetric"}
    shrinks = True

    def __init__(self, limit: float = 1.0) -> None:
        if not 0 < limit <= 1:
            raise ValueError("limit must lie in (0, 1]")
        self.limit = limit

    def on_start(self, segment: Segment, processor: Processor) -> None:
        job = segment.job
        if job.start < 0 and variants_of(job.task) and self.soc.changeable(job):
            budget = min(job.deadline - self.soc.now, int(self.limit * job.task.deadline))
            at = {segment.node.index: processor.index}
            self.soc.reconfigure(job, self.fitting(job, budget, self.estimator.outlook(job), at))
