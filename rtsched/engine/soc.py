"""The handle a scheduler acts on: what is ready, what runs, and the actions, each checked before it takes effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappush
from typing import Any, NoReturn

from rtsched.engine.chip.power import Domain, point_index
from rtsched.engine.chip.variable_speed import StreamProcessor, VariableSpeedProcessor
from rtsched.engine.core import Core
from rtsched.engine.job import CLAIMED, DONE, DRAINING, READY, RUNNING, STATES, WAITING, Job, Segment
from rtsched.engine.kernel import TIMER, Alarm
from rtsched.engine.points import NEXT_NODE
from rtsched.engine.processor import Processor
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log
from rtsched.trace.trace import LATE, OK, OPEN


class Soc(Core):
    """The system on chip as a scheduler sees it.

    To read: `now`, `processors`, `tasks`, `ready` (segments that could start, in the order in which they became so),
    `remaining`, `expected`. To act: `start`, `preempt`, `finish`, `drop`, `wake_at`. Everything else is the engine's.
    """

    # ---- reading -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The present instant in ns."""
        return self.kernel._now

    @property
    def ready(self) -> list[Segment]:
        """The segments that could start, in the order in which they first became ready (then task, job, node)."""
        found = [
            segment
            for task in self.tasks
            for job in ((task.active,) if task.active is not None else task.overlapping)
            for segment in job.segments
            if segment.state == READY
        ]
        found.sort(key=_first_ready)
        return found

    def expected(self, segment: Segment, processor: Processor, frequency: int | None = None) -> int | None:
        """The time in ns that `segment` is believed to need in all on `processor`; None if it cannot run there.

        With a `frequency` (one of ``frequencies(processor)``), at that clock, else at the highest; alone in any case.
        """
        time = self.beliefs.time(segment.node, processor.index)
        if frequency is None or time is None:
            return time
        return self._clocked(segment, processor, frequency)[0]

    def expected_energy(self, segment: Segment, processor: Processor, frequency: int | None = None) -> int | None:
        """The energy in nJ that `segment` is believed to need on `processor`, at a clock as in `expected`.

        None if it cannot run there, or the run counts no energy. Measured energy is taken as it was measured, any other
        is power times expected time.
        """
        if self.chip is None or self.chip.meter is None or segment.node.times[processor.index] is None:
            return None
        return self._clocked(segment, processor, frequency)[1]

    def expected_wait(self, segment: Segment, processor: Processor) -> int:
        """The time in ns that `segment` is believed to wait on `processor` for what it reads, if it started there now.

        0 where its input is there already, or needs no link. It counts what its links have to carry first, at their
        nominal bandwidth; ``rtsched.units.LONGEST`` while one of them is down.
        """
        return 0 if self.copies is None or not segment.node.copies else self.copies.expected(segment, processor)

    def _clocked(self, segment: Segment, processor: Processor, frequency: int | None) -> tuple[int, int]:
        time = self.beliefs.time(segment.node, processor.index)
        assert time is not None
        unit = None if self.chip is None else self.chip.unit_of.get(processor.index)
        if unit is None:
            return time, 0
        return unit.at_clock(processor, segment, frequency, time)

    def running(self) -> Iterator[Segment]:
        """The segments that run, in the order of their processors."""
        for processor in self.processors:
            if processor.segment is not None and processor.segment.state == RUNNING:
                yield processor.segment

    def preemptible(self, processor: Processor) -> bool:
        """Whether what runs on `processor` could be taken off it now."""
        segment = processor.segment
        return segment is not None and self.may_preempt and processor.preemptible and segment.node.preemptive

    # ---- actions -------------------------------------------------------------------------------------------------

    def start(
        self, job: Job, nodes: Segment | int | Sequence[int], processor: Processor, priority: int | None = None
    ) -> Segment:
        """Run `nodes` of `job` on `processor` from now on: a ready segment, the number of its node, or several numbers.

        Several nodes run one after the other as one segment, without the scheduler being asked in between; each must
        need only nodes that are done or come before it. `priority` is that of the stream, on a GPU that is served block
        by block: smaller is more urgent, 0 the lowest. Raises SchedulerError when the (first) node is not ready, or
        the processor is busy or not one of its own.
        """
        if nodes.__class__ is Segment:
            segment: Segment = nodes
        else:
            segment = self._segment(job, nodes, processor)  # type: ignore[arg-type]
        time = segment.node.times[processor.index]
        if segment.state != READY or processor.segment is not None or time is None or segment.job is not job:
            self._refuse_start(job, segment, processor)
        now = self.kernel._now
        if priority is not None:
            self._set_priority(processor, priority)
        first = segment.processor
        if first is None:
            if job.factor is not None:
                time = self._true_demand(segment, processor, time)
                if segment.state != READY:
                    return self._not_started(segment)
            segment.demand = segment.remaining = time
            if job.start < 0:
                job.start = now
            # one that took a lock at its first tick and had to wait for a second keeps its plan
            if segment.points is not None and not (self.locks is not None and self.locks.held.get(segment)):
                self._plan(segment)
        elif first is not processor:
            self._move(segment, processor, time)
        plain = segment.points is None
        if not plain:
            if segment.run:
                segment.points = [(segment.demand, NEXT_NODE, segment.run), *segment.points]
                segment.run = ()
            if self.parted:
                self.resumed(segment, now)
            if segment.points and self.locks is not None and not self.locks.enter(segment):
                if job.start == now and all(each.processor is None for each in job.segments):
                    job.start = -1  # it waits before its first tick
                if self.on_processor is not None:  # the processor is still free: its pool must choose again
                    self.on_processor(processor, "idle")
                return segment
        segment.state = RUNNING
        segment.processor = processor
        processor.segment = segment
        processor.started = now
        processor.starts += 1
        if not plain or processor.special:
            if processor.costly:
                if segment.node.copies and self.copies is not None and self.copies.hold(segment, processor, first):
                    return segment
                processor.overhead = self._costs(segment, processor, first, now)
            processor.last = segment
            processor.begin(self._next_piece(segment), now)
            return segment
        remaining = segment.remaining
        if remaining.__class__ is not int:
            remaining = -(-remaining.numerator // remaining.denominator)
        end = processor.end = now + remaining
        if end < processor.armed:
            processor.armed = end
            heappush(self.queue, (end, processor.rank, next(self.eid), processor.alarm))
        return segment

    def preempt(self, processor: Processor, how: str = "now") -> Segment | None:
        """Take what runs off `processor`.

        `how`: ``now`` (its progress is kept, and a later start resumes it), ``boundary`` (at the end of the region or
        node that it is in; the segment is then ready again), ``checkpoint`` (at once; the processor is busy putting its
        state aside, then it is ready again with its progress, and pays the same on its next start), ``drain`` (it runs
        to its end: nothing is lost, and nothing is done) or ``kill`` (at once, and its work is lost; where the cluster
        declares a `reset` the processor is busy with it first, then the segment is ready again).
        Returns the segment if it is ready again already. What drains, or is being reset, is left to that.
        """
        segment = processor.segment
        if segment is not None and segment.state == DRAINING:
            return None  # it is on its way off
        if segment is None or segment.state != RUNNING:
            raise SchedulerError(f"{processor!r} is idle: there is nothing to preempt (preempt only what runs)")
        if how == "boundary":
            if processor.service == "run-to-completion":
                raise SchedulerError(
                    f"{processor!r} runs {segment!r} to completion, without boundaries; "
                    "use how='drain', 'checkpoint' or 'kill'"
                )
            processor.boundary_stop = bool(segment.points)  # without a plan it ends, or goes on to its end, anyway
            return None
        if how == "now":
            if not (self.may_preempt and processor.preemptible and segment.node.preemptive):
                self._refuse_preemption(processor, segment)
        elif how == "drain":
            return None
        elif how == "checkpoint":
            self._checkpoint(processor, segment)
            return None
        elif how != "kill":
            raise SchedulerError(
                f"preempt {processor!r}: how={how!r} is not one of now, boundary, checkpoint, drain, kill"
            )
        waiting = processor.waiting
        self._stop(processor, segment, self.kernel._now, log.KILLED if how == "kill" else log.PREEMPTED)
        processor.preemptions += 1
        processor.boundary_stop = False
        if segment.points and segment.points[0][1] == NEXT_NODE:
            self.release(segment.points.pop(0)[2])
        if how == "kill":
            self._restart(segment)
            if processor.spec.reset is not None and not waiting:
                self.drains.reset(processor, segment, self.kernel._now)
                return None
        segment.state = READY
        return segment

    def _checkpoint(self, processor: Processor, segment: Segment) -> None:
        if self.chip is None or not isinstance(processor, VariableSpeedProcessor):
            raise SchedulerError(
                f"{processor!r} has no checkpoints; use how='kill', or give its cluster a 'checkpoint'"
            )
        if segment.points:
            raise SchedulerError(f"checkpoint of {segment!r}: a run of nodes stops at how='boundary'")
        self.chip.save(processor, segment)

    def set_speed(self, cluster: str | Processor, level: int | None = None, frequency: int | None = None) -> None:
        """Set the operating point of a cluster (or of a processor's clock domain): a `level` from 0, or a `frequency`.

        A frequency between two points is rounded up to the next. It holds as soon as the switch is over, and as far as
        heat allows. Raises SchedulerError if the run has no power side, or the clock belongs to another governor.
        """
        domains = self._domains(cluster)
        for domain in domains:
            if domain.governor.name != "userspace":
                raise SchedulerError(
                    f"set_speed of {domain.name}: its clock belongs to the governor {domain.governor.name!r}; "
                    "write 'power: {governor: userspace}'"
                )
        for domain in domains:
            domain.ask(point_index(domain, level, frequency))

    def frequency(self, processor: Processor) -> int | None:
        """The clock of a processor in Hz; None where it has no operating points or the run no power side."""
        unit = None if self.chip is None else self.chip.unit_of.get(processor.index)
        return None if unit is None or unit.domain is None else unit.domain.frequency

    def frequencies(self, cluster: str | Processor) -> list[int]:
        """The clocks in Hz that a cluster can run at, ascending: level 0 is the first."""
        return list(self._domains(cluster)[0].points)

    def available(self, processor: Processor) -> bool:
        """Whether a processor is in service (it may be busy)."""
        return not (isinstance(processor, VariableSpeedProcessor) and processor.down)

    @property
    def temperature(self) -> float | None:
        """The temperature of the hottest point in °C, as last observed; None without a thermal model."""
        return None if self.chip is None or self.chip.heat is None else self.chip.heat.temperature

    @property
    def charge(self) -> float | None:
        """The share of the battery that was left at the last change of power; None without a battery."""
        return None if self.chip is None or self.chip.store is None else self.chip.store.charge

    def _domains(self, cluster: str | Processor) -> list[Domain]:
        domains = [] if self.chip is None else self.chip.domains
        if isinstance(cluster, Processor):
            found = [d for d in domains if any(cluster.index in unit.spec.processors for unit in d.units)]
        else:
            found = [d for d in domains if cluster in (d.name, d.units[0].spec.cluster)]
        if not found:
            known = ", ".join(domain.name for domain in domains) or "none: give the system a 'power' section"
            raise SchedulerError(f"{cluster!r} has no operating points to choose from; these have: {known}")
        return found

    def reconfigure(self, job: Job, variant: int, nodes: Sequence[int] | None = None) -> None:
        """Let what of `job` has not started yet run as `variant` (0 is the best): all of it, or these `nodes`.

        A node that the variant skips is left out, also one that is about to start (in `on_start`): the job goes on
        behind it. Raises SchedulerError for a variant that the task does not have, or that does not share what is done
        (or left out) already.
        """
        self._check_alive(job, "reconfigure")
        if self.paths is None or not job.task.adaptive:
            raise SchedulerError(f"reconfigure {job!r}: its task has no variants")
        self.paths.reconfigure(job, variant, None if nodes is None else tuple(nodes))

    def changeable(self, job: Job) -> bool:
        """Whether `reconfigure` may still choose another variant for `job`: see there."""
        return self.paths is not None and job.task.adaptive and self.paths.changeable(job)

    def answer(self, job: Job) -> tuple[int, float | None]:
        """The answer that `job` has by now: the exit reached (-1: none) and its accuracy (None: not known)."""
        if self.paths is None or not job.task.adaptive:
            return -1, None
        return self.paths.answer(job)

    def expected_accuracy(self, job: Job, accuracy: float) -> float:
        """The probability that an answer of `accuracy` would be right on the input of `job`, from what is known of it.

        That is the accuracy itself until an exit has been reached (or a predictor has looked at the input).
        """
        if self.paths is None or not job.task.adaptive:
            return accuracy
        return self.paths.expected(job, accuracy)

    def finish(self, job: Job) -> None:
        """Accept the answer `job` has by now: it completes at this instant (early exit).

        What still runs of it on a processor that is not preemptive drains, or is reset (see ``rtsched.engine.drain``).
        """
        self._check_alive(job, "finish")
        if self.paths is not None and job.task.adaptive:
            self.paths.check_answer(job)
        now = self.kernel._now
        self._halt(job, now)
        self._decide(job, log.FINISH)
        job.finish = now
        self._close(job, now, OK if now <= job.deadline else LATE)

    def drop(self, job: Job) -> None:
        """Give `job` up: what runs of it stops, what waits never starts. The next job of its task takes its turn.

        What runs on a processor that is not preemptive drains, or is reset (see ``rtsched.engine.drain``).
        """
        self._check_alive(job, "drop")
        self.give_up(job)

    def approximate(self, job: Job) -> None:
        """Log ``coarse``: what was planned now, `job` included, is near the best but was not searched out."""
        self._decide(job, log.COARSE)

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

    def _set_priority(self, processor: Processor, priority: int) -> None:
        if not isinstance(processor, StreamProcessor):
            raise SchedulerError(
                f"start on {processor!r} with a priority: it is no stream of a GPU with a 'block_level'"
            )
        levels = processor.gpu.spec.priorities
        if not -levels < priority <= 0:
            raise SchedulerError(f"start on {processor!r}: priority {priority} is not in {1 - levels}..0")
        processor.priority = priority

    def _segment(self, job: Job, nodes: int | Sequence[int], processor: Processor) -> Segment:
        """The segment of one node by number, or of the first of several, the others claimed for the same run."""
        numbers = [nodes] if isinstance(nodes, int) else list(nodes)
        known = range(len(job.segments))  # a node's number is its place
        unknown = [number for number in numbers if number not in known]
        if unknown or not numbers:
            which = unknown[0] if unknown else "in this run"
            raise SchedulerError(
                f"start of nodes {numbers} of {job!r}: it has no node {which} to start "
                f"({len(job.task.nodes)} nodes; a job that has ended has none)"
            )
        run = tuple(job.segments[number] for number in numbers)
        first = run[0]
        if len(run) > 1:
            if first.state != READY or processor.segment is not None or first.node.times[processor.index] is None:
                self._refuse_start(job, first, processor)
            self._check_run(run, processor)
            for segment in run[1:]:
                segment.state = CLAIMED
            first.points = first.points or ()
            first.run = run[1:]
        return first

    def _check_run(self, run: tuple[Segment, ...], processor: Processor) -> None:
        """Each node of a run must wait for nothing outside, and be able to run there."""
        inside = {run[0].node.index}
        if self.paths is not None and run[0].job.task.adaptive:
            self.paths.check_run(run)
        for segment in run[1:]:
            what = f"run of nodes {[each.node.index for each in run]} of {run[0].job!r} on {processor!r}"
            open_ones = [
                before
                for before in segment.node.predecessors
                if before not in inside and segment.job.segments[before].state != DONE
            ]
            if open_ones:
                raise SchedulerError(
                    f"{what}: node {segment.node.index} waits for node {open_ones[0]}, which is not before it"
                )
            if segment.state not in (WAITING, READY) or segment.node.index in inside:
                raise SchedulerError(f"{what}: node {segment.node.index} is {STATES[segment.state]} or named twice")
            if segment.node.times[processor.index] is None:
                raise SchedulerError(f"{what}: node {segment.node.index} cannot run there")
            inside.add(segment.node.index)

    def begin_run(self, run: tuple[Segment, ...], processor: Processor) -> None:
        first = run[0]
        if len(run) > 1:
            first.points = first.points or ()
            first.run = run[1:]
        self.inside_run = True
        self.start(first.job, first, processor)
        self.inside_run = False

    def _refuse_start(self, job: Job, segment: Segment, processor: Processor) -> NoReturn:
        what = f"start of {segment!r} on {processor!r} at t={self.kernel._now} ns"
        if segment.job is not job:
            raise SchedulerError(f"{what}: it is not a node of {job!r}; pass the job it belongs to")
        if segment.state != READY:
            raise SchedulerError(f"{what}: it is {STATES[segment.state]}; only ready segments can start")
        if not self.available(processor):
            raise SchedulerError(f"{what}: the processor is down; wait for on_processor(processor, 'up')")
        if processor.segment is not None:
            raise SchedulerError(f"{what}: the processor is busy with {processor.segment!r}; preempt it first")
        names = ", ".join(self.processors[index].name for index in segment.node.eligible)
        raise SchedulerError(f"{what}: it cannot run there (it can on {names})")

    def _refuse_preemption(self, processor: Processor, segment: Segment) -> NoReturn:
        what = f"preemption of {segment!r} on {processor!r} at t={self.kernel._now} ns"
        if self.preemption != "preemptive":
            raise SchedulerError(f"{what}: the scheduler is declared {self.preemption}")
        if not processor.preemptible:
            raise SchedulerError(
                f"{what}: the processor's service is {processor.service}; use how='boundary', 'checkpoint' or 'kill'"
            )
        raise SchedulerError(f"{what}: the node is declared non-preemptive; use how='boundary'")

    def _not_started(self, segment: Segment) -> Segment:
        """At the last moment the policy chose a variant without this node, or ended the job: give back its run."""
        rest, segment.run = segment.run, ()
        if rest and segment.job.outcome == OPEN:
            self.release(rest)
        return segment

    def _check_alive(self, job: Job, action: str) -> None:
        if job.outcome != OPEN:
            raise SchedulerError(f"{action} of {job!r}: it has ended already; act on jobs that are open")


def _first_ready(segment: Segment) -> int:
    return segment.since
