"""The engine behind the handle: what happens in time to jobs, segments and processors."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.batches import Batches, declares_batches
from rtsched.engine.beliefs import Beliefs, beliefs_of
from rtsched.engine.drain import Drains
from rtsched.engine.event_loop import DEADLINE, Alarm, EventLoop
from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.execution_time import restated
from rtsched.engine.job import DEAD, DONE, DRAINING, READY, RUNNING, WAITING, Job, Segment, make_ready
from rtsched.engine.locks import Locks
from rtsched.engine.lookout import Lookout
from rtsched.engine.points import LEAVE, NEXT_NODE, REGION_END, SWITCH, lay_out
from rtsched.engine.processor import Processor
from rtsched.engine.recorder import Recorder
from rtsched.engine.splits import Splits, declares_splits
from rtsched.engine.start_costs import StartCosts
from rtsched.engine.steps import PlainSteps, Steps
from rtsched.engine.streams import World
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError
from rtsched.model.known import known_before
from rtsched.model.taskgraph import SystemSpec
from rtsched.trace import trace as log
from rtsched.trace.trace import ABORTED, DROPPED, LATE, OK, OPEN, UNFINISHED

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.engine.chip.copies import Copies
    from rtsched.engine.duplicates import Duplicates
    from rtsched.engine.grounds import Grounds
    from rtsched.engine.job_path import JobPaths
    from rtsched.engine.planner import Decisions
    from rtsched.engine.reservations import Reservations
    from rtsched.engine.seen import Seen
    from rtsched.engine.soc import Soc
    from rtsched.engine.spawns import Spawns
    from rtsched.engine.switches import Switches
    from rtsched.engine.veil import Veiled
    from rtsched.schedulers.base import Scheduler


class Core:
    """The state of a run and everything that changes it. `soc` is the handle that it hands to the scheduler."""

    soc: Soc

    def __init__(
        self,
        system: SystemSpec,
        scheduler: Scheduler | Veiled,
        loop: EventLoop,
        until: int,
        record: Recorder,
        seed: int = 0,
    ) -> None:
        self.system = system
        self.scheduler = scheduler
        self.loop = loop
        self.queue = loop._queue
        self.eid = loop.numbers
        self.until = until
        self.world = World(seed)
        self.record = record
        self.slices = record.slices.buffer if record.slices is not None else None
        self.slices_limit = record.slices.limit if record.slices is not None else 0
        self.changed = [False]
        self.released = 0
        self.inside_run = False
        self.preemption = scheduler.preemption
        costs = system.overheads
        self.start_costs = StartCosts(self)
        costly = bool(costs.context_switch or costs.migration or costs.scheduling)
        copying = any(node.copies for task in system.tasks for node in task.all_nodes)
        costly = costly or copying
        self.chip: Chip | None = None
        if system.hardware is None:
            self.processors = tuple(Processor(spec, loop, self.ended, costly) for spec in system.processors)
        else:
            from rtsched.engine.chip.chip import Chip

            self.chip = Chip(system.hardware, self, loop)
            self.processors = tuple(self.chip.processor(spec, costly) for spec in system.processors)
        for processor in self.processors:
            processor.context_switch += costs.context_switch
            processor.migration += costs.migration
            processor.mode = scheduler.modes.get(processor.cluster, scheduler.preemption)
            processor.yields = processor.preemptible and processor.mode == "preemptive"
        #: whether segments compete anew at the ends of regions: everywhere, or (None) where their processor says so
        self.limited = None if scheduler.modes else scheduler.preemption == "limited"
        self.tasks = tuple(TaskState(spec, self) for spec in system.tasks)
        self.beliefs: Beliefs = beliefs_of(self, scheduler.estimates_read())
        self.drains = Drains(self)
        #: who stopped at a boundary and was ready to go on, and where
        self.parted: dict[Segment, Processor] = {}
        self.locks = Locks(self, system.protocols) if _uses_locks(system) else None
        hopeless = any(task.on_miss == "drop_if_hopeless" for task in system.tasks)
        steps: Steps = PlainSteps(self)
        self.lookout: Lookout | None = None
        if hopeless:
            steps = self.lookout = Lookout(self, steps)
        self.paths: JobPaths | None = None
        if any(task.quality is not None or task.branches for task in system.tasks):
            from rtsched.engine.job_path import JobPaths

            steps = self.paths = JobPaths(self, steps)
        self.switches: Switches | None = None
        if any(task.quality is not None and task.quality.inside for task in system.tasks):
            from rtsched.engine.switches import Switches

            steps = self.switches = Switches(self, steps)
        self.copies: Copies | None = None
        if copying:
            from rtsched.engine.chip.copies import Copies

            steps = self.copies = Copies(self, steps)
        self.reservations: Reservations | None = None
        if system.reservable:
            from rtsched.engine.reservations import Reservations

            steps = self.reservations = Reservations(self, steps)
        self.batches: Batches | None = None
        if "batch" in scheduler.reads and declares_batches(system):
            steps = self.batches = Batches(self, steps)
        self.seen: Seen | None = None
        if "values" in scheduler.keys_read():
            from rtsched.engine.seen import Seen

            steps = self.seen = Seen(self, steps)
        self.splits: Splits | None = None
        if "split" in scheduler.reads and declares_splits(system):
            steps = self.splits = Splits(self, steps)
        self.steps = steps
        #: from the first segment on that runs twice
        self.duplicates: Duplicates | None = None
        #: from when time begins, where jobs may be spawned
        self.spawns: Spawns | None = None
        #: of a run that is to be explained
        self.grounds: Grounds | None = None
        self._system_known: SystemSpec | None = None
        self.planner: Decisions | None = None
        if system.planner is not None:
            from rtsched.engine.planner import Decisions

            self.planner = Decisions(self, system.planner)

    @property
    def system_known(self) -> SystemSpec:
        """What is run, without what was recorded and is to come."""
        if self._system_known is None:
            self._system_known = known_before(self.system)
        return self._system_known

    def listen(self, scheduler: Scheduler | Veiled) -> None:
        """Find the events the policy wants; the others are never delivered, and so cost nothing."""
        self.on_release: Callable[[Job], None] | None = scheduler.listener("on_release")
        self.on_ready = scheduler.listener("on_ready")
        if self.grounds is not None:
            self.on_ready = self.grounds.hearing(self.on_ready)
        told = scheduler.listener("on_completion")
        self.on_completion = self.beliefs.hearing(told if self.seen is None else self.seen.hearing(told))
        self.on_processor = scheduler.listener("on_processor")
        self.on_deadline = scheduler.listener("on_deadline")
        self.on_job_end: Callable[[Job], None] | None = scheduler.listener("on_job_end")
        self.on_timer = scheduler.listener("on_timer")
        self.on_environment = scheduler.listener("on_environment")
        if self.paths is not None:
            self.paths.listen(scheduler.listener("on_start"))
        if self.planner is not None:
            self.on_ready = self.planner.hearing_ready(self.on_ready)
            self.on_processor = self.planner.hearing_processor(self.on_processor)

    def true_demand(self, segment: Segment, processor: Processor, time: int) -> int:
        """What the segment really takes on `processor`, where `time` is planned."""
        if segment.job.task.adaptive:
            assert self.paths is not None
            self.paths.start(segment, processor)
            time = segment.node.times[processor.index] or time
        factor = segment.job.factor
        if callable(factor):
            return int(factor(segment, processor, self.loop._now))
        return scaled(factor, time)

    def move(self, segment: Segment, processor: Processor, time: int) -> None:
        """The segment resumes elsewhere: count it, and restate what is left in that processor's time."""
        processor.migrations += 1
        if self.chip is not None and self.chip.launches is not None:
            self.chip.launches.moved(segment, processor)
        factor = segment.job.factor
        if callable(factor):
            time = restated(factor, segment, processor)
        elif factor is not None:
            time = scaled(factor, time)
        if time != segment.demand:
            left = Fraction(segment.remaining) * time / segment.demand
            segment.remaining = left.numerator if left.denominator == 1 else left
            segment.demand = time
        if self.limited is None and segment.points is not None and not segment.node.sections:
            self.lay_out(segment, processor)  # boundaries are those of where it goes
            done = segment.demand - segment.remaining
            segment.points = [point for point in segment.points if point[0] > done]

    def lay_out(self, segment: Segment, processor: Processor | None = None) -> None:
        """Lay out where the segment meets region boundaries and critical sections, nearest last.

        Regions are those of the `processor` on which it is about to run for the first time, or else last ran.
        """
        switches = self.switches is not None and self.switches.concern(segment)
        limited, processor = self.limited, processor or segment.processor
        if limited is None:
            limited = processor is not None and processor.mode == "limited"
        segment.points = lay_out(segment, REGION_END if limited else SWITCH if switches else None)

    def next_piece(self, segment: Segment) -> int | Fraction:
        """The work up to the next point of the plan, or to the end."""
        if segment.points:
            point: int = segment.points[-1][0]
            return point - (segment.demand - segment.remaining)
        return segment.remaining

    # ---- what happens in time ------------------------------------------------------------------------------------

    def enrich(self, task: TaskState, job: Job) -> None:
        """The less common parts of a release: execution factor, deadline watch, overlap."""
        if task.adaptive and self.paths is not None:
            self.paths.enter(job)
        if task.truth is not None:
            job.factor = task.truth
        elif task.factors is not None:
            job.factor = task.factors()
        elif task.executions is not None:
            job.factor = Fraction(task.executions[job.index], task.spec.volume)
        if task.followers:
            job.chances = {other.index: other.chance() for other in task.followers if other.chance is not None}
        if task.watch:
            self._watch(task, job)
        if self.on_release is not None:
            if task.nested:
                task.tell(job)
            else:
                self.on_release(job)

    def _watch(self, task: TaskState, job: Job) -> None:
        """Arm what a missed (or hopeless) deadline must set off."""
        rank = DEADLINE + task.index
        now = self.loop._now
        self.loop.arm(Alarm(self.loop, rank, lambda: self._deadline(job)), max(now, job.deadline))
        if task.spec.on_miss == "drop_if_hopeless":
            assert self.lookout is not None
            self.lookout.watch(job)

    def _deadline(self, job: Job) -> None:
        if job.outcome != OPEN:
            return
        self.changed[0] = True
        if self.on_deadline is not None:
            self.on_deadline(job)
            if job.outcome != OPEN:
                return  # the policy took the answer that there was, or gave the job up
        on_miss = job.task.spec.on_miss
        if on_miss == "abort" or (on_miss == "drop_at_start" and job.start < 0):
            self.give_up(job, "deadline")

    def ended(self, processor: Processor, segment: Segment, now: int) -> None:
        """The processor reached the armed end: of the segment, or of a piece of its plan."""
        if segment.points:
            self._point(processor, segment, now)
            return
        segment.state = DONE
        segment.entry = None
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
        self.changed[0] = True
        if self.on_processor is not None:
            self.on_processor(processor, "idle")
        if self.on_completion is not None:
            self.on_completion(segment, {"time": now - started})
            if job.outcome != OPEN:
                return  # the policy accepted the answer so far, or gave the job up
        job.left -= 1
        if not job.left:
            job.finish = now
            self.steps.close(job, now, OK if now <= job.deadline else LATE)
        else:
            self.steps.successors(segment)

    def _point(self, processor: Processor, segment: Segment, now: int) -> None:
        """A point of the plan: leave a critical section, reach a region's end, or ask for a resource.

        The segment then competes anew, and takes a resource when it next starts (with its first tick); inside a region
        (or where nothing is preempted) it keeps its processor, unless the resource is held.
        """
        self.changed[0] = True
        stop = processor.boundary_stop
        self.steps.stop(processor, segment, now, log.BOUNDARY)
        plan = segment.points
        position = plan[-1][0]
        if plan[-1][1] == SWITCH:
            assert self.switches is not None
            self.switches.pass_by(processor, segment, stop, now)
            return
        while plan and plan[-1][0] == position and plan[-1][1] == LEAVE:
            assert self.locks is not None
            self.locks.leave(segment, plan.pop()[2])
        region_ends = bool(plan) and plan[-1][0] == position and plan[-1][1] == REGION_END
        if region_ends:
            over = plan.pop()[2]
            if self.switches is not None:
                self.switches.reached(segment, over)
                plan = segment.points
        processor.boundary_stop = False
        if plan and plan[-1][1] == NEXT_NODE and plan[-1][0] == position:
            self._next_node(processor, segment, plan.pop()[2], stop, now)
            return
        if not segment.remaining:
            segment.state = RUNNING
            processor.segment = segment
            processor.started = now
            segment.points = None
            self.ended(processor, segment, now)
            return
        free = processor.yields and segment.node.preemptive
        if not (free or region_ends or stop):
            self._go_on(processor, segment, now)
            return
        segment.state = READY
        self.parted[segment] = processor
        if self.on_ready is not None:
            self.on_ready(segment.job, (segment,))
        if self.on_processor is not None:
            self.on_processor(processor, "idle")

    def resumed(self, segment: Segment, now: int) -> None:
        """A segment that gave its processor up at a boundary goes on (or is over): was it preempted there?"""
        processor = self.parted.pop(segment, None)
        if processor is not None and segment.stopped != now:
            processor.preemptions += 1

    def _go_on(self, processor: Processor, segment: Segment, now: int) -> None:
        """Inside a region: the segment goes on at once, or leaves the processor to wait for a resource."""
        assert self.locks is not None
        if processor.segment is not None:
            raise SchedulerError(
                f"start of {processor.segment!r} on {processor!r} at t={now} ns: {segment!r} goes on there, inside a "
                "region; start others in dispatch, not while you are told that they are ready"
            )
        if not self.locks.enter(segment):
            if self.on_processor is not None:
                self.on_processor(processor, "idle")
            return
        processor.segment = segment
        processor.started = now
        if processor.costly:
            processor.overhead = 0
        processor.begin(self.next_piece(segment), now)

    def _next_node(
        self, processor: Processor, segment: Segment, rest: tuple[Segment, ...], stop: bool, now: int
    ) -> None:
        """A node inside a run of nodes is done: go on with the next one, or give the rest back if asked to stop."""
        segment.state = DONE
        segment.entry = None
        segment.points = None
        processor.started = now
        if self.slices is not None:
            self.record.slice(processor, segment, now, log.COMPLETED)
        segment.job.left -= 1
        self.steps.successors(segment)
        if stop:
            self.release(rest)
            if self.on_processor is not None:
                self.on_processor(processor, "idle")
            return
        rest[0].state = READY
        rest[0].since = now
        self.soc.begin_run(rest, processor)
        if processor.segment is None and self.on_processor is not None:
            self.on_processor(processor, "idle")  # the next node was left out, or had to wait

    def lose(self, processor: Processor, segment: Segment, restart: bool) -> None:
        """The processor under `segment` is gone: it is ready again, from its beginning or from where it was."""
        self.steps.stop(processor, segment, self.loop._now, log.KILLED if restart else log.FAILED)
        processor.boundary_stop = False
        rest: tuple[Segment, ...] = ()
        if segment.points and segment.points[0][1] == NEXT_NODE:
            rest = segment.points.pop(0)[2]
        if restart:
            self.restart(segment)
        segment.state = READY
        self.changed[0] = True
        if self.on_ready is not None:
            self.on_ready(segment.job, (segment,))
        self.release(rest)

    def restart(self, segment: Segment) -> None:
        """All work of `segment` is lost, and what it held is free."""
        segment.remaining = segment.demand
        self.start_costs.forget(segment)
        if self.locks is not None:
            self.locks.forget(segment)
        if segment.points is not None:
            self.lay_out(segment)

    def release(self, rest: tuple[Segment, ...]) -> None:
        """The claimed nodes of a run that was cut short are anybody's again."""
        fresh = []
        for segment in rest:
            segment.state = WAITING
            if not segment.waits:
                fresh.append(segment)
        if fresh and self.paths is not None and fresh[0].job.task.adaptive:
            self.paths.offer(fresh[0].job, fresh)
        elif fresh:
            make_ready(fresh, self.loop._now)
            if self.on_ready is not None:
                self.on_ready(fresh[0].job, tuple(fresh))

    def unblock(self, segment: Segment) -> None:
        """A blocked segment has been given what it waited for."""
        segment.state = READY
        self.changed[0] = True
        if self.on_ready is not None:
            self.on_ready(segment.job, (segment,))

    def skip(self, job: Job) -> None:
        """Drop `job`, since the one before it missed: a miss as well, which skips nothing more."""
        task = job.task
        task.skip = 1
        self.give_up(job, "skip")
        task.skip = 0

    def give_up(self, job: Job, why: str = "policy") -> None:
        """Abort `job` if it has started, else drop it, for a reason of ``GONE``. The next job of its task goes on."""
        now = self.loop._now
        self.halt(job, now)
        if job.outcome != OPEN:
            return  # the policy gave it up itself when it heard of a processor that this made idle
        if self.grounds is not None:
            self.grounds.gave_up(job, why)
        self.decide(job, log.DROP if job.start < 0 else log.ABORT)
        self.steps.close(job, now, DROPPED if job.start < 0 else ABORTED)

    def halt(self, job: Job, now: int) -> None:
        """Stop everything of `job`: what runs leaves its processor (or drains there), what waits is dead."""
        task = job.task
        for segment in job.segments:
            processor = segment.processor
            if self.batches is not None:
                self.batches.leave(segment, now)
            if self.duplicates is not None:
                self.duplicates.leave(segment)
            if self.splits is not None:
                self.splits.leave(segment, now)
            if segment.state == RUNNING and processor is not None:
                if not (processor.preemptible or processor.waiting):  # for a copy: then nothing is under way yet
                    self.drains.begin(processor, segment, now)
                    continue
                self.steps.stop(processor, segment, now, log.STOPPED)
                segment.state = DEAD
                if self.on_processor is not None and processor.segment is None:
                    self.on_processor(processor, "idle")
            if segment.state not in (DONE, DRAINING):
                segment.state = DEAD
                self.resumed(segment, now)
                if self.locks is not None:
                    self.locks.forget(segment)
        if self.duplicates is not None:
            self.duplicates.tell()
        if task.active is not job and job in task.pending:
            task.pending.remove(job)
        self.changed[0] = True

    def decide(self, job: Job, action: int) -> None:
        """Record what was decided about a whole job, if decisions are recorded."""
        if self.record.decisions is not None:
            self.record.decisions.buffer += (self.loop._now, job.number, -1, -1, action)

    def open_jobs(self) -> list[Job]:
        """The jobs that are in the system, by task."""
        return [
            job
            for task in self.tasks
            for job in (*(() if task.active is None else (task.active,)), *task.overlapping, *task.pending)
        ]

    def end(self, now: int, forever: bool = False) -> None:
        """The run is over at `now`: close what is open, as late if its deadline has passed, else as unfinished.

        After a run that went on for as long as anything happened (`forever`) an open job never ends: it is late.
        """
        self.loop._now = now  # the last event may lie before, and what is thrown away ran (or waited) until now
        self.on_ready = self.on_processor = None  # nobody can do anything about it any more
        if self.copies is not None:
            self.copies.end(now)
        if self.planner is not None:
            self.planner.end(now)
        for segment in list(self.parted):
            self.resumed(segment, now)
        for processor in self.processors:
            running = processor.segment
            if processor in self.drains.since:
                self.drains.cut(processor, now)
            elif running is not None and running.state == RUNNING:
                self.steps.stop(processor, running, now, log.OPEN_END)
        for job in self.open_jobs():
            if self.reservations is not None:
                self.reservations.release(job)
            job.outcome = LATE if forever or job.deadline <= now else UNFINISHED
            self.record.jobs.buffer += (
                job.number, job.task.index, job.index, job.arrival, job.release, job.deadline, job.start, job.finish,
                job.outcome,
            )  # fmt: skip


def _uses_locks(system: SystemSpec) -> bool:
    return any(node.sections for task in system.tasks for node in task.nodes)
