"""The steps of a job's life in which features take part: it may run, its nodes free others, it stops, it leaves.

A run's steps are chosen once, before time starts: the plain ones, and around them those of each feature that it uses
(several ways, hopeless jobs, copies to where a node was started). What is not used is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.job import READY, WAITING, Job, Segment, make_ready
from rtsched.engine.points import mark_pieces
from rtsched.trace.trace import LATE, OK, OPEN

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor
    from rtsched.engine.task_state import TaskState


class Steps:
    """What happens to a job, its segments and their processor."""

    def activate(self, task: TaskState, job: Job) -> None:
        """`job` may run: make its segments, and the first ones ready."""
        raise NotImplementedError

    def successors(self, segment: Segment) -> None:
        """A node is done: those that waited for it alone are ready."""
        raise NotImplementedError

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """The processor stands idle from now on; the segment keeps its progress."""
        raise NotImplementedError

    def close(self, job: Job, now: int, outcome: int) -> None:
        """`job` leaves the system; the next one of its task takes its turn."""
        raise NotImplementedError


class PlainSteps(Steps):
    """The steps without any feature around them."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.loop = core.loop
        self.record = core.record
        self.rows = core.record.jobs.buffer
        self.rows_limit = core.record.jobs.limit
        self.logs = core.record.slices is not None

    def activate(self, task: TaskState, job: Job) -> None:
        """Make the segments of `job` (one without a graph) and hand on those that wait for nothing."""
        if task.overlap:
            task.overlapping[job] = None
        else:
            task.active = job
        node = task.single
        if node is not None:
            segment = Segment(job, node, 0)
            if node.regions or node.sections:
                segment.points = ()
            segment.state = READY
            segment.since = self.loop._now
            fresh: tuple[Segment, ...] = (segment,)
            job.segments = fresh
        else:
            job.left = len(task.nodes)
            job.segments = tuple(Segment(job, node, len(node.predecessors)) for node in task.nodes)
            mark_pieces(job.segments)
            fresh = tuple(segment for segment in job.segments if not segment.waits)
            make_ready(fresh, self.loop._now)
        on_ready = self.core.on_ready
        if on_ready is not None:
            on_ready(job, fresh)

    def successors(self, segment: Segment) -> None:
        """Count the node as done in those that follow it; whichever waited for it alone is ready."""
        job = segment.job
        fresh = []
        for index in segment.node.successors:
            follower = job.segments[index]
            follower.waits -= 1
            if not follower.waits and follower.state == WAITING:
                fresh.append(follower)
        if fresh:
            make_ready(fresh, self.loop._now)
            if self.core.on_ready is not None:
                self.core.on_ready(job, tuple(fresh))

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """Take the segment off with the work that it did until `now`, and write its slice down for `reason`."""
        started = processor.started
        processor.segment = None
        if processor.special:
            segment.remaining -= processor.progress(now)
            processor.leave()
            if processor.unpaid:
                self.core.start_costs.cut_short(segment, processor)
        else:
            segment.remaining -= now - started
        segment.stopped = now
        processor.busy += now - started
        if self.logs:
            self.record.slice(processor, segment, now, reason)

    def close(self, job: Job, now: int, outcome: int) -> None:
        """Write the row of `job`, tell those that follow it, and activate the next one of its task."""
        task = job.task
        job.outcome = outcome
        rows = self.rows
        rows += (
            job.number, task.index, job.index, job.arrival, job.release, job.deadline, job.start, job.finish, outcome,
        )  # fmt: skip
        if len(rows) >= self.rows_limit:
            self.record.pack()
        if self.core.on_job_end is not None:
            self.core.on_job_end(job)
        if outcome:
            self._missed(task)
        if task.followers and job.finish >= 0:
            for follower in task.followers:
                follower.trigger(job, now)
        job.segments = ()  # no circle of references is left for the collector
        if task.overlap:
            task.overlapping.pop(job, None)
        elif task.active is job:
            task.active = None
            if task.pending:
                self.core.changed[0] = True
                self.core.steps.activate(task, task.pending.popleft())

    def _missed(self, task: TaskState) -> None:
        task.misses += 1
        if task.spec.on_miss == "skip_next" and task.skip == 0:
            if task.pending:
                self.core.skip(task.pending[0])
            else:
                task.skip = 1


def complete(core: Core, segment: Segment, observation: dict[str, Any], now: int) -> None:
    """A node is done that did not end like others (in a batch, in parts): tell of it, and let its job go on, or end."""
    job = segment.job
    if core.on_completion is not None:
        core.on_completion(segment, observation)
        if job.outcome != OPEN:
            return  # the policy accepted the answer so far, or gave the job up
    job.left -= 1
    if not job.left:
        job.finish = now
        core.steps.close(job, now, OK if now <= job.deadline else LATE)
    else:
        core.steps.successors(segment)


class AroundSteps(Steps):
    """Steps around others, to which all goes on that is not overridden."""

    def __init__(self, inner: Steps) -> None:
        self.inner = inner

    def activate(self, task: TaskState, job: Job) -> None:
        """As the inner steps."""
        self.inner.activate(task, job)

    def successors(self, segment: Segment) -> None:
        """As the inner steps."""
        self.inner.successors(segment)

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """As the inner steps."""
        self.inner.stop(processor, segment, now, reason)

    def close(self, job: Job, now: int, outcome: int) -> None:
        """As the inner steps."""
        self.inner.close(job, now, outcome)
