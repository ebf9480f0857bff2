"""The largest subnet that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.adaptations.base import VariantAdaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor


class SubFlow(VariantAdaptation):
    """SubFlow's subnets: the largest whose expected time fits what is left until the deadline.

    Chosen when the job is released; and, where the variants share what is done (``switch: node``), again before each
    node for all that is left, so that waiting and overruns shrink the subnet. What fits nowhere runs the smallest. It
    needs times per subnet; it guarantees nothing about the deadlines, since it does not know what will preempt it; it
    fails by starting large and then having to finish small. Lee and Nirjon, "SubFlow: a dynamic induced-subgraph
    strategy toward real-time DNN inference and training", RTAS 2020 (the families are the artefact's; the run-time rule
    is as usually told, the paper itself was not read).
    """

    claims = GREEDY - {"symmetric"}
    shrinks = True

    def on_release(self, job: Job) -> None:
        if variants_of(job.task):
            self.soc.reconfigure(job, self.fitting(job, job.deadline - self.soc.now, self.estimator.outlook(job)))

    def on_start(self, segment: Segment, processor: Processor) -> None:
        job = segment.job
        if variants_of(job.task) and self.soc.changeable(job):
            at = {segment.node.index: processor.index}
            number = self.fitting(job, job.deadline - self.soc.now, self.estimator.outlook(job), at)
            if number != job.path.variant:
                self.soc.reconfigure(job, number)
