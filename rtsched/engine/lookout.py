"""Dropping jobs as soon as they are hopeless: when not even the shortest way to an answer ends before the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.chip.variable_speed import VariableSpeedProcessor
from rtsched.engine.event_loop import DEADLINE, NEVER, Appointment
from rtsched.engine.job import BATCHED, BLOCKED, DRAINING, READY, RUNNING, WAITING, Job, Segment
from rtsched.engine.steps import AroundSteps, Steps
from rtsched.model.paths import shortest_paths
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor

#: On a processor whose speed may change a node is looked at again after this part (2^-5) of its time.
PART = 5


class Lookout(AroundSteps):
    """The jobs of tasks with ``on_miss: drop_if_hopeless``, and when to look at each of them again.

    What waits becomes hopeless at a known instant; what runs at full speed does not, so it is looked at when it stops.
    """

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.looks: dict[int, Appointment] = {}
        self.paths = {
            task.index: shortest_paths(task.spec) for task in core.tasks if task.spec.on_miss == "drop_if_hopeless"
        }

    def watch(self, job: Job) -> None:
        """A job was released."""
        look = Appointment(self.core.loop, DEADLINE + job.task.index, lambda: self._look(job))
        look.set(max(self.core.loop._now, job.deadline - max(self.paths[job.task.index]) + 1))
        self.looks[job.number] = look

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """A segment leaves its processor before its end: as the plain step, and a look at its job."""
        self.inner.stop(processor, segment, now, reason)
        self.look_again(segment.job, now)

    def look_again(self, job: Job, now: int) -> None:
        """Look at a job at this instant, if it is one to look at."""
        if job.number in self.looks:
            self.looks[job.number].set(now)

    def _look(self, job: Job) -> None:
        if job.outcome != OPEN:
            del self.looks[job.number]
            return
        now = self.core.loop._now
        way, again = self._outlook(job, now)
        if now > job.deadline - way:
            self.core.give_up(job, "hopeless")
        else:
            self.looks[job.number].set(again)

    def _outlook(self, job: Job, now: int) -> tuple[int, int]:
        """The planned time to an answer if all that remains ran at once at its fastest, and when to look again.

        What policies believe does not count here: a job that could be in time as planned is never dropped.
        """
        paths = self.paths[job.task.index]
        if not job.segments:
            return max(paths), job.deadline - max(paths) + 1
        longest, again = 0, NEVER
        for segment, path in zip(job.segments, paths, strict=True):
            if self._shares_its_fate(segment):  # it may be over soon, or go on alone
                way = path - segment.node.fastest
            elif segment.state in (READY, RUNNING, BLOCKED, DRAINING):
                way = path - segment.node.fastest + self._least(segment)
            elif segment.state == WAITING and not segment.waits:
                way = path
            else:
                continue
            longest = max(longest, way)
            look = job.deadline - way + 1
            processor = segment.processor
            if segment.state in (RUNNING, BATCHED) and processor is not None and not processor.waiting:
                look = processor.end + 1
                if isinstance(processor, VariableSpeedProcessor):
                    look = min(look, now + 1 + (segment.node.fastest >> PART))
            again = min(again, look)
        return longest, max(now + 1, again)

    def _shares_its_fate(self, segment: Segment) -> bool:
        """Whether a segment runs in a batch, or twice."""
        batches, duplicates = self.core.batches, self.core.duplicates
        together = batches is not None and batches.has(segment)
        return together or (duplicates is not None and duplicates.has(segment))

    def _least(self, segment: Segment) -> int:
        if segment.processor is None:
            return segment.node.fastest
        here = segment.node.times[segment.processor.index]
        assert here is not None
        return -(-self.core.soc.remaining(segment, here) * segment.node.fastest // here)
