"""What layers take on several unlike processors: the mean over those that can run one, and the least."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtsched.engine.job import DEAD, DONE
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import NodeSpec

Time = Callable[["NodeSpec"], float]


class Latencies:
    """Believed times in ns of nodes, each as if it were alone."""

    def __init__(self, soc: Soc) -> None:
        self.soc = soc

    def on(self, node: NodeSpec) -> dict[int, int]:
        """By processor."""
        found = ((place, self.soc.beliefs.time(node, place)) for place in node.eligible)
        return {place: time for place, time in found if time is not None}

    def mean(self, node: NodeSpec) -> float:
        """The mean over the processors that can run it."""
        times = self.on(node).values()
        return sum(times) / len(times)

    def least(self, node: NodeSpec) -> float:
        """On the fastest."""
        return self.soc.beliefs.fastest(node)

    def rest(self, job: Job, time: Time, number: int | None = None) -> float:
        """What is left of `job`, one layer after the other: as it is now meant to run, or as variant `number`.

        What has begun counts with what it needs still where it ran.
        """
        if not job.segments:
            return sum(map(time, job.task.nodes))
        return sum(self._left(each, time, number) for each in job.segments if each.state not in (DONE, DEAD))

    def _left(self, segment: Segment, time: Time, number: int | None) -> float:
        if segment.processor is not None:
            return self.soc.remaining(segment)
        if number is None:
            return time(segment.node)
        variant = variants_of(segment.job.task)[number]
        return 0 if segment.node.index in variant.skipped else time(variant.nodes[segment.node.index])

    def heaviest(self, job: Job, time: Time, budget: float) -> int:
        """The best variant of `job` whose rest takes no more than `budget`, else the one that takes the least."""
        rests = [self.rest(job, time, variant.index) for variant in variants_of(job.task)]
        return next((number for number, rest in enumerate(rests) if rest <= budget), rests.index(min(rests)))
