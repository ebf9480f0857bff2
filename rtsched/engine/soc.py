"""The handle a scheduler acts on: what is ready, what runs, and the actions, each checked before it takes effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from heapq import heappush
from typing import TYPE_CHECKING, Any, NoReturn

from rtsched.engine import trace as log
from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.job import (
    ABORTED,
    BLOCKED,
    DEAD,
    DONE,
    DROPPED,
    LATE,
    OK,
    OPEN,
    READY,
    RUNNING,
    STATES,
    UNFINISHED,
    WAITING,
    Job,
    Segment,
)
from rtsched.engine.kernel import DEADLINE, TIMER, Alarm, Kernel
from rtsched.engine.locks import Locks
from rtsched.engine.processor import Processor
from rtsched.engine.recorder import Recorder
from rtsched.engine.source import Source
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import SystemSpec, critical_paths

if TYPE_CHECKING:
    from rtsched.schedulers.base import Scheduler


class Soc:
    """The system on chip as a scheduler sees it, and the engine behind it.

    To read: `now`, `processors`, `tasks`, `ready` (segments that could start, in the order in which they became so),
    `remaining`, `expected`. To act: `start`, `preempt`, `finish`, `drop`, `wake_at`. Everything else is the engine's.
    """

    def __init__(self, system: SystemSpec, scheduler: Scheduler, kernel: Kernel, until: int, record: Recorder) -> None:
        self.system = system
        self.scheduler = scheduler
        self.kernel = kernel
        self.queue = kernel._queue
        self.eid = kernel._eid
        self.until = until
        self.record = record
        self.slices = record.slices.buffer if record.slices is not None else None
        self.slices_limit = record.slices.limit if record.slices is not None else 0
        self.rows = record.jobs.buffer
        self.rows_limit = record.jobs.limit
        self.changed = [False]
        self.released = 0
        self.ready: dict[Segment, None] = {}
        self.preemption = scheduler.preemption
        self.limited = scheduler.preemption == "limited"
        costs = system.overheads
        self.scheduling = costs.scheduling
        costly = bool(costs.context_switch or costs.migration or costs.scheduling)
        self.processors = tuple(Processor(spec, kernel, self._ended, costly) for spec in system.processors)
        for processor in self.processors:
            processor.context_switch += costs.context_switch
            processor.migration += costs.migration
        self.tasks = tuple(Source(spec, self) for spec in system.tasks)
        self.locks = Locks(self, system.protocols) if _uses_locks(system) else None
        self._listen(scheduler)

    def _listen(self, scheduler: Scheduler) -> None:
        """Find the events the policy overrides; the others are never delivered, and so cost nothing."""
        self.on_release: Callable[[Job], None] | None = scheduler.listener("on_release")
        self.on_ready = scheduler.listener("on_ready")
        self.on_completion = scheduler.listener("on_completion")
        self.on_processor = scheduler.listener("on_processor")
        self.on_deadline = scheduler.listener("on_deadline")
        self.on_timer = scheduler.listener("on_timer")

    # ---- reading -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The present instant in ns."""
        return self.kernel._now

    def expected(self, segment: Segment, processor: Processor) -> int | None:
        """The time in ns that `segment` is believed to need on `processor` from the start; None if it cannot run there."""
        return segment.node.times[processor.index]

    def remaining(self, segment: Segment) -> int:
        """The time in ns that `segment` is believed to need still, where it last ran (or at its fastest)."""
        processor = segment.processor
        if processor is None:
            return segment.node.fastest
        left: Any = segment.remaining
        if segment.state == RUNNING:
            left = left - processor.progress(self.kernel._now)
        believed = segment.node.times[processor.index]
        assert believed is not None
        return max(1, -(-(believed - segment.demand + left) // 1))

    def running(self) -> Iterator[Segment]:
        """The segments that run, in the order of their processors."""
        for processor in self.processors:
            if processor.segment is not None:
                yield processor.segment

    def preemptible(self, processor: Processor) -> bool:
        """Whether what runs on `processor` could be taken off it now."""
        segment = processor.segment
        return (
            segment is not None
            and self.preemption == "preemptive"
            and processor.preemptible
            and segment.node.preemptive
        )

    # ---- actions -------------------------------------------------------------------------------------------------

    def start(
        self, job: Job, nodes: Segment | int | Sequence[int], processor: Processor, *, priority: int | None = None
    ) -> Segment:
        """Run `nodes` (a ready segment, or the number of its node) of `job` on `processor`, from now on.

        Raises SchedulerError when the segment is not ready, or the processor is busy or not one of its own.
        """
        segment = nodes if nodes.__class__ is Segment else self._segment(job, nodes)
        time = segment.node.times[processor.index]
        if segment.state != READY or processor.segment is not None or time is None or segment.job is not job:
            self._refuse_start(job, segment, processor)
        now = self.kernel._now
        first = segment.processor
        if first is None:
            if job.factor is not None or job.task.truth is not None:
                time = self._true_demand(segment, processor, now, time)
            segment.demand = segment.remaining = time
            if job.start < 0:
                job.start = now
            if segment.plan is not None:
                self._plan(segment)
        elif first is not processor:
            self._move(segment, processor, time)
        if self.locks is not None and segment.plan and not self.locks.enter(segment):
            return segment
        del self.ready[segment]
        segment.state = RUNNING
        segment.processor = processor
        processor.segment = segment
        processor.started = now
        processor.starts += 1
        if processor.costly:
            processor.overhead = self._costs(segment, processor, first, now)
        processor.last = segment
        if segment.plan or processor.supply is not None:
            processor.begin(self._next_piece(segment), now)
            return segment
        remaining = segment.remaining
        if remaining.__class__ is not int:
            remaining = -(-remaining.numerator // remaining.denominator)
        end = processor.end = now + remaining + processor.overhead
        if end < processor.armed:
            processor.armed = end
            heappush(self.queue, (end, processor.rank, next(self.eid), processor.alarm))
        return segment

    def preempt(self, processor: Processor, how: str = "now") -> Segment | None:
        """Take what runs off `processor`.

        `how`: ``now`` (its progress is kept, and a later start resumes it), ``boundary`` (at the end of the region or
        node that it is in; the segment is then ready again) or ``kill`` (at once, and its work is lost).
        Returns the segment if it is ready again already.
        """
        segment = processor.segment
        if segment is None:
            raise SchedulerError(f"{processor!r} is idle: there is nothing to preempt (preempt only what runs)")
        if how == "boundary":
            processor.boundary_stop = True
            return None
        if how == "now":
            if not self.preemptible(processor):
                self._refuse_preemption(processor, segment)
        elif how != "kill":
            raise SchedulerError(f"preempt {processor!r}: how={how!r} is not one of now, boundary, kill")
        now = self.kernel._now
        self._stop(processor, segment, now, log.PREEMPTED)
        processor.preemptions += 1
        if how == "kill":
            segment.remaining = segment.demand
            self._plan(segment)
        segment.state = READY
        self.ready[segment] = None
        return segment

    def finish(self, job: Job) -> None:
        """Accept the answer `job` has by now: it completes at this instant (early exit)."""
        self._check_alive(job, "finish")
        self._halt(job, self.kernel._now)
        self._decide(job, log.FINISH)
        self._completed(job, self.kernel._now)

    def drop(self, job: Job, why: str = "") -> None:
        """Give `job` up: what runs of it stops, what waits never starts. The next job of its task takes its turn."""
        self._check_alive(job, "drop")
        now = self.kernel._now
        self._halt(job, now)
        self._decide(job, log.DROP)
        self._close(job, now, DROPPED if job.start < 0 else ABORTED)

    def wake_at(self, time: int, tag: Any = None) -> None:
        """Ask for ``on_timer(tag)`` and a dispatch at `time`, which lies in the future."""
        if time <= self.kernel._now:
            raise SchedulerError(f"wake_at({time}): the time now is {self.kernel._now}; ask for a later instant")

        def fire() -> None:
            self.changed[0] = True
            if self.on_timer is not None:
                self.on_timer(tag)

        self.kernel.arm(Alarm(self.kernel, TIMER, fire), time)

    # ---- what the actions rest on --------------------------------------------------------------------------------

    def _segment(self, job: Job, nodes: Any) -> Segment:
        """The segment of one node of a job, by number."""
        number = nodes if isinstance(nodes, int) else next(iter(nodes)) if len(nodes) == 1 else None
        if number is None:
            raise SchedulerError(f"start of {nodes} of {job!r}: one node at a time here")
        for segment in job.segments:
            if segment.node.index == number:
                return segment
        raise SchedulerError(f"{job!r} has no node {number} to start ({len(job.task.nodes)} nodes, outcome {job.outcome})")

    def _refuse_start(self, job: Job, segment: Segment, processor: Processor) -> NoReturn:
        what = f"start of {segment!r} on {processor!r} at t={self.kernel._now} ns"
        if segment.job is not job:
            raise SchedulerError(f"{what}: it is not a node of {job!r}; pass the job it belongs to")
        if segment.state != READY:
            raise SchedulerError(f"{what}: it is {STATES[segment.state]}; only ready segments can start")
        if processor.segment is not None:
            raise SchedulerError(f"{what}: the processor is busy with {processor.segment!r}; preempt it first")
        names = ", ".join(self.processors[index].name for index in segment.node.eligible)
        raise SchedulerError(f"{what}: it cannot run there (it can on {names})")

    def _refuse_preemption(self, processor: Processor, segment: Segment) -> NoReturn:
        what = f"preemption of {segment!r} on {processor!r} at t={self.kernel._now} ns"
        if self.preemption != "preemptive":
            raise SchedulerError(f"{what}: the scheduler is declared {self.preemption}")
        if not processor.preemptible:
            raise SchedulerError(f"{what}: the processor's service is {processor.service}; use how='boundary' or 'kill'")
        raise SchedulerError(f"{what}: the node is declared non-preemptive; use how='boundary'")

    def _check_alive(self, job: Job, action: str) -> None:
        if job.outcome != OPEN:
            raise SchedulerError(f"{action} of {job!r}: it has ended already; act on jobs that are open")

    def _true_demand(self, segment: Segment, processor: Processor, now: int, time: int) -> int:
        truth = segment.job.task.truth
        if truth is not None:
            return truth(segment, processor, now)
        return scaled(segment.job.factor, time)

    def _move(self, segment: Segment, processor: Processor, time: int) -> None:
        """The segment resumes elsewhere: count it, and restate what is left in that processor's time."""
        processor.migrations += 1
        if segment.job.factor is not None:
            time = scaled(segment.job.factor, time)
        elif segment.job.task.truth is not None:
            time = segment.demand
        if time != segment.demand:
            left = Fraction(segment.remaining) * time / segment.demand
            segment.remaining = left.numerator if left.denominator == 1 else left
            segment.demand = time

    def _costs(self, segment: Segment, processor: Processor, before: Processor | None, now: int) -> int:
        """The overhead in ns before `segment` makes progress on `processor`."""
        if processor.last is segment and segment.stopped == now and before is processor:
            return 0
        cost = self.scheduling
        if processor.last is not segment:
            cost += processor.context_switch
        if before is not None and before is not processor:
            cost += processor.migration
        processor.overhead_total += cost
        return cost

    def _plan(self, segment: Segment) -> None:
        """Lay out where the segment meets region boundaries and critical sections, nearest last."""
        node = segment.node
        whole = sum(node.regions) if node.regions else node.times[segment.processor.index] if segment.processor else 0
        points: list[tuple[int, int, str]] = []
        if self.limited and node.regions:
            position = 0
            for region in node.regions[:-1]:
                position += region
                points.append((position, 1, ""))
        for section in node.sections:
            points.append((section.start, 2, section.resource))
            points.append((section.end, 0, section.resource))
        base = whole or node.fastest
        if segment.demand != base:
            points = [(position * segment.demand // base, kind, name) for position, kind, name in points]
        points.sort(reverse=True)
        segment.plan = points

    def _next_piece(self, segment: Segment) -> int | Fraction:
        """The work up to the next point of the plan, or to the end."""
        if segment.plan:
            return segment.plan[-1][0] - (segment.demand - segment.remaining)
        return segment.remaining

    def _stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """The processor stands idle from now on; the segment keeps its progress."""
        segment.remaining -= processor.progress(now)
        segment.stopped = now
        processor.segment = None
        processor.busy += now - processor.started
        if self.slices is not None:
            self.record.slice(processor, segment, now, reason)
        processor.overhead = 0

    # ---- what happens in time ------------------------------------------------------------------------------------

    def activate(self, source: Source, job: Job) -> None:
        """`job` may run: make its segments, and the first ones ready."""
        if source.overlap:
            source.overlapping[job] = None
        else:
            source.active = job
        node = source.single
        if node is not None:
            segment = Segment(job, node, 0)
            if node.regions or node.sections:
                segment.plan = ()
            segment.state = READY
            segment.since = self.kernel._now
            self.ready[segment] = None
            job.segments = fresh = (segment,)
        else:
            job.left = len(source.nodes)
            job.segments = tuple(Segment(job, node, len(node.predecessors)) for node in source.nodes)
            for segment in job.segments:
                if segment.node.regions or segment.node.sections:
                    segment.plan = ()
            fresh = tuple(segment for segment in job.segments if not segment.waits)
            self._make_ready(fresh)
        if self.on_ready is not None:
            self.on_ready(job, fresh)

    def enrich(self, source: Source, job: Job) -> None:
        """The less common parts of a release: execution factor, deadline watch, overlap."""
        if source.factors is not None:
            job.factor = source.factors()
        elif source.executions is not None:
            job.factor = Fraction(source.executions[job.index], source.nodes[0].fastest)
        if source.watch:
            self._watch(source, job)
        if self.on_release is not None:
            self.on_release(job)

    def _watch(self, source: Source, job: Job) -> None:
        """Arm what a missed (or hopeless) deadline must set off."""
        rank = DEADLINE + source.index
        now = self.kernel._now
        self.kernel.arm(Alarm(self.kernel, rank, lambda: self._deadline(job)), max(now, job.deadline))
        if source.spec.on_miss == "drop_if_hopeless":
            alarm = Alarm(self.kernel, rank, lambda: self._hopeless(job, alarm))
            self.kernel.arm(alarm, max(now, job.deadline - source.spec.critical_path + 1))

    def _deadline(self, job: Job) -> None:
        if job.outcome != OPEN:
            return
        self.changed[0] = True
        on_miss = job.task.spec.on_miss
        if on_miss == "abort" or (on_miss == "drop_at_start" and job.start < 0):
            self._halt(job, self.kernel._now)
            self._decide(job, log.ABORT if job.start >= 0 else log.DROP)
            self._close(job, self.kernel._now, ABORTED if job.start >= 0 else DROPPED)
        if self.on_deadline is not None:
            self.on_deadline(job)

    def _hopeless(self, job: Job, alarm: Alarm) -> None:
        """Drop the job if not even the shortest way to its end fits before the deadline; else look again later."""
        if job.outcome != OPEN:
            return
        latest = job.deadline - self._shortest_way(job)
        now = self.kernel._now
        if now <= latest:
            self.kernel.arm(alarm, latest + 1)
            return
        self.changed[0] = True
        self.drop(job, "hopeless")

    def _shortest_way(self, job: Job) -> int:
        """The believed time to the end of `job` if all its remaining nodes ran at once on their fastest processors."""
        segments = job.segments
        paths = critical_paths(job.task.spec)
        if not segments:
            return max(paths)
        way = 0
        for segment, path in zip(segments, paths, strict=True):
            if segment.state in (READY, RUNNING, BLOCKED):
                way = max(way, path - segment.node.fastest + self._least(segment))
            elif segment.state == WAITING and not segment.node.predecessors:
                way = max(way, path)
        return way

    def _least(self, segment: Segment) -> int:
        if segment.processor is None:
            return segment.node.fastest
        here = segment.node.times[segment.processor.index]
        assert here is not None
        return -(-self.remaining(segment) * segment.node.fastest // here)

    def _make_ready(self, segments: Iterable[Segment]) -> None:
        now = self.kernel._now
        for segment in segments:
            segment.state = READY
            segment.since = now
            self.ready[segment] = None

    def _ended(self, processor: Processor, segment: Segment, now: int) -> None:
        """The processor reached the armed end: of the segment, or of a piece of its plan."""
        if segment.plan:
            self._point(processor, segment, now)
            return
        segment.state = DONE
        processor.segment = None
        started = processor.started
        processor.busy += now - started
        job = segment.job
        if self.slices is not None:
            if processor.overhead:
                self.record.slice(processor, segment, now, log.COMPLETED)
            else:
                self.slices += (started, now, job.number, segment.node.index, processor.index, log.COMPLETED)
                if len(self.slices) >= self.slices_limit:
                    self.record.pack()
        processor.overhead = 0
        self.changed[0] = True
        if self.on_completion is not None:
            self.on_completion(segment, {"time": now - started})
        if self.on_processor is not None:
            self.on_processor(processor, "idle")
        job.left -= 1
        if not job.left:
            self._completed(job, now)
        else:
            self._successors(segment)

    def _successors(self, segment: Segment) -> None:
        job = segment.job
        fresh = []
        for index in segment.node.successors:
            follower = job.segments[index]
            follower.waits -= 1
            if not follower.waits:
                fresh.append(follower)
        if fresh:
            self._make_ready(fresh)
            if self.on_ready is not None:
                self.on_ready(job, tuple(fresh))

    def _point(self, processor: Processor, segment: Segment, now: int) -> None:
        """A point of the plan: leave a critical section, reach a region's end, or ask for a resource.

        In the last two cases the segment competes anew; a resource is taken when it next starts (with its first tick).
        """
        self.changed[0] = True
        stop = processor.boundary_stop
        self._stop(processor, segment, now, log.BOUNDARY)
        plan = segment.plan
        position = plan[-1][0]
        while plan and plan[-1][0] == position and plan[-1][1] == 0:
            assert self.locks is not None
            self.locks.leave(segment, plan.pop()[2])
        if plan and plan[-1][0] == position and plan[-1][1] == 1:
            plan.pop()
        if stop:
            processor.boundary_stop = False
        if not segment.remaining:
            segment.state = RUNNING
            processor.segment = segment
            processor.started = now
            segment.plan = None
            self._ended(processor, segment, now)
            return
        segment.state = READY
        self.ready[segment] = None
        if self.on_ready is not None:
            self.on_ready(segment.job, (segment,))
        if self.on_processor is not None:
            self.on_processor(processor, "idle")

    def unblock(self, segment: Segment) -> None:
        """A blocked segment has been given what it waited for."""
        segment.state = READY
        self.ready[segment] = None
        self.changed[0] = True
        if self.on_ready is not None:
            self.on_ready(segment.job, (segment,))

    def _completed(self, job: Job, now: int) -> None:
        """All of `job` is done."""
        job.finish = now
        task = job.task
        if now <= job.deadline:
            self._close(job, now, OK)
        else:
            self._close(job, now, LATE)
        for follower in task.followers:
            if now < self.until and (follower.trigger is None or follower.trigger() < follower.spec.probability):
                follower.make(now, now)

    def _close(self, job: Job, now: int, outcome: int) -> None:
        """`job` leaves the system; the next one of its task takes its turn."""
        task = job.task
        job.outcome = outcome
        rows = self.rows
        rows += (
            job.number, task.index, job.index, job.arrival, job.release, job.deadline, job.start, job.finish, outcome,
        )  # fmt: skip
        if len(rows) >= self.rows_limit:
            self.record.pack()
        if outcome:
            self._missed(task)
        if task.overlap:
            task.overlapping.pop(job, None)
        elif task.active is job:
            task.active = None
            if task.pending:
                self.changed[0] = True
                self.activate(task, task.pending.popleft())

    def _missed(self, task: Source) -> None:
        task.misses += 1
        if task.spec.on_miss == "skip_next" and task.skip == 0:
            if task.pending:
                self.drop(task.pending[0], "the job before it missed")
            else:
                task.skip = 1

    def _halt(self, job: Job, now: int) -> None:
        """Stop everything of `job`: what runs leaves its processor, what waits is dead."""
        task = job.task
        for segment in job.segments:
            if segment.state == RUNNING:
                processor = segment.processor
                assert processor is not None
                self._stop(processor, segment, now, log.STOPPED)
                if self.on_processor is not None:
                    self.on_processor(processor, "idle")
            elif segment.state == READY:
                del self.ready[segment]
            if segment.state != DONE:
                segment.state = DEAD
                if self.locks is not None:
                    self.locks.forget(segment)
        if task.active is not job and job in task.pending:
            task.pending.remove(job)
        self.changed[0] = True

    def _decide(self, job: Job, action: int) -> None:
        if self.record.decisions is not None:
            self.record.decisions.buffer += (self.kernel._now, job.number, -1, -1, action)

    def end(self, now: int) -> None:
        """The run is over at `now`: close what is open, as late if its deadline has passed, else as unfinished."""
        for processor in self.processors:
            segment = processor.segment
            if segment is not None:
                self._stop(processor, segment, now, log.OPEN_END)
        for task in self.tasks:
            active = [task.active] if task.active is not None else []
            for job in [*active, *task.overlapping, *task.pending]:
                job.outcome = LATE if job.deadline <= now else UNFINISHED
                self.rows += (
                    job.number, task.index, job.index, job.arrival, job.release, job.deadline, job.start, job.finish,
                    job.outcome,
                )  # fmt: skip


def _uses_locks(system: SystemSpec) -> bool:
    return any(node.sections for task in system.tasks for node in task.nodes)
