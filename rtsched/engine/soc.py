"""The handle a scheduler acts on: what is ready, what runs, and the actions, each checked before it takes effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from heapq import heappush
from typing import Any

from rtsched.engine.batches import check
from rtsched.engine.chip.handle import ChipHandle
from rtsched.engine.chip.launches import LEVELS, limit
from rtsched.engine.chip.shares import share
from rtsched.engine.chip.variable_speed import VariableSpeedProcessor
from rtsched.engine.core import Core
from rtsched.engine.duplicates import Duplicates
from rtsched.engine.duplicates import check as check_duplicate
from rtsched.engine.event_loop import TIMER, Alarm
from rtsched.engine.job import DRAINING, READY, RUNNING, Job, Segment
from rtsched.engine.points import NEXT_NODE, SWITCH
from rtsched.engine.processor import Processor
from rtsched.engine.requests import (
    Whole,
    check_alive,
    check_answer,
    claimed,
    refuse_preemption,
    refuse_start,
    set_priority,
    whole,
)
from rtsched.engine.reservations import Reservations
from rtsched.engine.spawns import refuse as refuse_spawn
from rtsched.engine.splits import SplitPart, checked, shares_of
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log
from rtsched.trace.trace import LATE, OK, OPEN
from rtsched.visible import as_found


class Soc(ChipHandle):
    """The system on chip as a scheduler sees it.

    To read: `now`, `processors`, `tasks`, `ready` (segments that could start, in the order in which they became so),
    `remaining`, `expected`. To act: `start`, `preempt`, `finish`, `drop`, `wake_at`. Everything else is the engine's.
    With an `owner`, timers that are asked for here come up with what that makes of their tag.
    """

    def __init__(self, core: Core, owner: Callable[[Any], Any] | None = None) -> None:
        super().__init__(core)
        self._owner = owner

    def start(
        self, job: Job, nodes: Segment | Whole | Sequence[Whole], processor: Processor, priority: Whole | None = None
    ) -> Segment:
        """Run `nodes` of `job` on `processor` from now on: a ready segment, the number of its node, or several numbers.

        Several nodes run one after the other as one segment, without the scheduler being asked in between; each must
        need only nodes that are done or come before it. `priority` is that of the stream, on a GPU that is served block
        by block: smaller is more urgent, 0 the lowest. Raises SchedulerError when the (first) node is not ready, or
        the processor is busy or not one of its own.
        """
        core = self.core
        if nodes.__class__ is Segment:
            segment: Segment = nodes
        else:
            segment = claimed(core, job, nodes, processor)
        time = segment.node.times[processor.index]
        if segment.state != READY or processor.segment is not None or time is None or segment.job is not job:
            refuse_start(core, job, segment, processor)
        now = self.loop._now
        if priority is not None:
            set_priority(processor, priority)
        first = segment.processor
        if first is None:
            if job.factor is not None:
                time = core.true_demand(segment, processor, time)
                if segment.state != READY:
                    return self._not_started(segment)
            segment.demand = segment.remaining = time
            if job.start < 0:
                job.start = now
            # one that took a lock at its first tick and had to wait for a second keeps its plan
            if segment.points is not None and not (core.locks is not None and core.locks.held.get(segment)):
                core.lay_out(segment, processor)
        elif first is not processor:
            core.move(segment, processor, time)
        plain = segment.points is None
        if not plain:
            if first is not None and core.switches is not None and not core.switches.go_on(segment, processor):
                return self._not_started(segment)
            if segment.run:
                segment.points = [(segment.demand, NEXT_NODE, segment.run), *segment.points]
                segment.run = ()
            if core.parted:
                core.resumed(segment, now)
            if segment.points and core.locks is not None and not core.locks.enter(segment):
                if job.start == now and all(each.processor is None for each in job.segments):
                    job.start = -1  # it waits before its first tick
                if core.on_processor is not None:  # the processor is still free: its pool must choose again
                    core.on_processor(processor, "idle")
                return segment
        segment.state = RUNNING
        segment.processor = processor
        processor.segment = segment
        processor.started = now
        processor.starts += 1
        if not plain or processor.special:
            if processor.costly:
                if segment.node.copies and core.copies is not None and core.copies.hold(segment, processor, first):
                    return segment
                processor.overhead = core.start_costs.pay(segment, processor, first, now)
            processor.last = segment
            processor.begin(core.next_piece(segment), now)
            return segment
        remaining = segment.remaining
        if remaining.__class__ is not int:
            remaining = -(-remaining.numerator // remaining.denominator)
        end = processor.end = now + remaining
        if end < processor.armed:
            processor.armed = end
            heappush(core.queue, (end, processor.rank, next(core.eid), processor.alarm))
        return segment

    def start_batch(self, segments: Sequence[Segment], processor: Processor) -> tuple[Segment, ...]:
        """Run ready `segments` of several jobs on `processor` as one, in the time that is declared for so many.

        Their nodes declare a `batch` of one name and take the same time there; each begins with the batch. Returns
        those that run: all but what a last choice of variant (in `on_start`) left out. The first is what the processor
        is seen to run. One alone is started as by `start`. Raises SchedulerError when they do not go together, and as
        `start` does.
        """
        if len(segments) == 1 and isinstance(segments[0], Segment):
            started = self.start(segments[0].job, segments[0], processor)
            return (started,) if started.state == RUNNING else ()
        if self.core.batches is None:
            check(self.core, segments, processor)
        assert self.core.batches is not None
        return self.core.batches.start(tuple(segments), processor)

    def duplicate(self, segment: Segment | Any, processor: Processor) -> None:
        """Run a second copy of a running `segment` on `processor`, which is idle: whoever is done first completes it.

        The copy begins at the beginning, and the other one goes at once: it drains, or is reset, where it cannot be
        stopped. `preempt` of one of the two (``now`` or ``kill``) throws its work away, and a failure does: the other
        goes on. Raises SchedulerError for what does not run, runs twice already, or has stops on its way.
        """
        check_duplicate(self.core, segment, processor)
        if self.core.duplicates is None:
            self.core.duplicates = Duplicates(self.core)
        self.core.duplicates.start(segment, processor)

    def split(self, segment: Segment, shares: Mapping[Processor, Fraction | float]) -> Segment:
        """Run a ready `segment` on several processors at once, on each a share of it; all shares add up to 1.

        Each takes its share of the time of the whole there. When the last is done, its processor joins them, for as
        long as the node's `split` says; then the segment is complete. A share of 1 for one processor is a plain start.
        Raises SchedulerError for a node without `split`, shares that are not above 0 or do not add up, and as `start`
        does.
        """
        places = list(shares_of(f"split of {segment!r}", shares))
        if len(places) == 1:
            return self.start(segment.job, segment, places[0])
        if self.core.splits is None:
            checked(self.core, segment, shares)
        assert self.core.splits is not None
        return self.core.splits.start(segment, shares)

    def preempt(self, processor: Processor, how: str = "now") -> Segment | None:
        """Take what runs off `processor`.

        `how`: ``now`` (its progress is kept, and a later start resumes it), ``boundary`` (at the end of the region or
        node that it is in; the segment is then ready again), ``checkpoint`` (at once; the processor is busy putting its
        state aside, then it is ready again with its progress, and pays the same on its next start), ``drain`` (it runs
        to its end: nothing is lost, and nothing is done) or ``kill`` (at once, and its work is lost; where the cluster
        declares a `reset` the processor is busy with it first, then the segment is ready again).
        On a stream with a `limit` its kernels are the boundaries: ``boundary`` launches no more of them, ``recall``
        takes those back that have not begun, too, and ``now`` interrupts those that run, which begin anew.
        Returns the segment if it is ready again already; one of two copies is gone instead. What drains, or is being
        reset, is left to that. A batch is taken off as one: its first segment is returned, `on_ready` tells of the
        others. So are the parts of a segment that is split; it is the segment itself that is ready again then.
        """
        segment = processor.segment
        if segment is not None and segment.state == DRAINING:
            return None  # it is on its way off
        if segment is None:
            raise SchedulerError(f"{processor!r} is idle: there is nothing to preempt (preempt only what runs)")
        if segment.state != RUNNING:
            raise SchedulerError(f"{processor!r} is not to be had ({segment!r}): preempt only what runs")
        launches = None if self.core.chip is None else self.core.chip.launches
        if launches is not None and how in LEVELS and processor in launches.flights:
            return launches.suspend(launches.flights[processor], how)
        if how == "boundary":
            if processor.service == "run-to-completion":
                raise SchedulerError(
                    f"{processor!r} runs {segment!r} to completion, without boundaries; "
                    "use how='drain', 'checkpoint' or 'kill'"
                )
            processor.boundary_stop = bool(segment.points)  # without a plan it ends, or goes on to its end, anyway
            return None
        if how == "now":
            if not (processor.yields and segment.node.preemptive):
                refuse_preemption(self.core, processor, segment)
        elif how == "drain":
            return None
        elif how == "checkpoint":
            self._checkpoint(processor, segment)
            return None
        elif how == "recall":
            raise SchedulerError(
                f"preempt {processor!r}: how='recall' takes back launches, which only a stream with a limit has apart; "
                "set one (soc.limit) before the segment starts"
            )
        elif how != "kill":
            raise SchedulerError(
                f"preempt {processor!r}: how={how!r} is not one of now, boundary, recall, checkpoint, drain, kill"
            )
        core = self.core
        if core.duplicates is not None and core.duplicates.kill(processor):
            return None
        if core.splits is not None and isinstance(segment, SplitPart):
            return core.splits.preempt(processor, segment, how)
        waiting = processor.waiting
        core.steps.stop(processor, segment, self.loop._now, log.KILLED if how == "kill" else log.PREEMPTED)
        processor.preemptions += 1
        processor.boundary_stop = False
        if segment.points and segment.points[0][1] == NEXT_NODE:
            core.release(segment.points.pop(0)[2])
        if how == "kill":
            core.restart(segment)
            if processor.spec.reset is not None and not waiting:
                core.drains.reset(processor, segment, self.loop._now)
                return None
        segment.state = READY
        return segment

    def _checkpoint(self, processor: Processor, segment: Segment) -> None:
        if self.core.chip is None or not isinstance(processor, VariableSpeedProcessor):
            raise SchedulerError(
                f"{processor!r} has no checkpoints; use how='kill', or give its cluster a 'checkpoint'"
            )
        if processor.block_level is not None:
            raise SchedulerError(
                f"checkpoint of {segment!r} on {processor!r}: the state of running blocks is not put aside; set a "
                "limit (soc.limit) and use how='now', which keeps the kernels that have ended, or how='kill'"
            )
        if self.core.batches is not None and self.core.batches.has(segment):
            raise SchedulerError(
                f"checkpoint of {segment!r} on {processor!r}: the state of a batch is not put aside; use how='kill'"
            )
        if self.core.duplicates is not None and self.core.duplicates.has(segment):
            raise SchedulerError(f"checkpoint of {segment!r} on {processor!r}: it runs twice; use how='kill'")
        if isinstance(segment, SplitPart):
            raise SchedulerError(
                f"checkpoint of {segment!r} on {processor!r}: the state of a part is not put aside; use how='kill'"
            )
        if any(point[1] != SWITCH for point in segment.points or ()):
            raise SchedulerError(f"checkpoint of {segment!r}: a run of nodes stops at how='boundary'")
        self.core.chip.save(processor, segment)

    def share(
        self, what: Segment | Processor, part: Fraction | float | None = None, bandwidth: float | Whole | None = None
    ) -> None:
        """Give what runs a `part` of the unit that it shares, and a cap on its memory traffic in bytes per second.

        Of a GPU that is served block by block a part is so many multiprocessors, for kernels that begin from now on.
        This replaces what it had; what is left out is not given: it takes an equal turn at what the others leave, and
        its traffic has no cap. Both end when it leaves the processor. Raises SchedulerError for what does not run, a
        unit that is not shared, a memory without a bandwidth, and where all together would be more than there is.
        """
        share(self.core, what, part, bandwidth)

    def limit(self, processor: Processor, commands: Whole | None) -> None:
        """Let at most so many kernels and copies of what runs on a stream be in flight at once; None: all of a node's.

        The others are launched when half of those have ended, each batch a launch (`launch` of the `block_level`) ahead
        of its beginning. What runs there can then be stopped between its kernels (see `preempt`). It holds for the
        stream until it is changed. Raises SchedulerError where no commands are launched.
        """
        limit(self.core, processor, commands)

    def reserve(self, resource: str, amount: Whole, job: Job) -> bool:
        """Set `amount` more of a reservable resource aside for `job`, or give some back (negative).

        Returns whether there was so much left; if not, nothing changes. What a job holds is free again when it ends,
        however it does, and when any of it is killed. Raises SchedulerError for a job that has ended, a resource that
        the system does not declare (`reservable`), or more given back than the job holds.
        """
        check_alive(job, "reserve")
        return self._reservations(resource).reserve(resource, amount, job)

    def reserved(self, resource: str, job: Job | None = None) -> int:
        """How much of a reservable resource is set aside, in all or for one job; ``system.reservable`` says of what."""
        reservations = self._reservations(resource)
        return reservations.total[resource] if job is None else reservations.held[resource].get(job, 0)

    def _reservations(self, resource: str) -> Reservations:
        reservations = self.core.reservations
        if reservations is None or resource not in reservations.capacity:
            known = ", ".join(self.system.reservable) or "none"
            raise SchedulerError(
                f"{resource!r} is not reservable (the system declares: {known}); "
                f"write 'reservable: {{{resource}: 2 GB}}'"
            )
        return reservations

    def reconfigure(self, job: Job, variant: Whole, nodes: Sequence[Whole] | None = None) -> bool:
        """Let what of `job` has not started yet run as `variant` (0 is the best): all of it, or these `nodes`.

        A node that the variant skips is left out, also one that is about to start (in `on_start`): the job goes on
        behind it. Where variants may change inside nodes (``switch: region``) one that has begun goes on as the variant
        from its next boundary of regions, or at once if it stands at one; what is done stays done. Returns False where
        nothing of it can change any more. Raises SchedulerError for a variant that the task does not have, or that does
        not share what is done (or left out) already.
        """
        check_alive(job, "reconfigure")
        if self.core.paths is None or not job.task.adaptive:
            raise SchedulerError(f"reconfigure {job!r}: its task has no variants")
        number = whole(variant, "reconfigure: the number of a variant")
        chosen = None if nodes is None else tuple([whole(node, "reconfigure: the number of a node") for node in nodes])
        return self.core.paths.reconfigure(job, number, chosen)

    def finish(self, job: Job) -> None:
        """Accept the answer `job` has by now: it completes at this instant (early exit).

        What still runs of it on a processor that is not preemptive drains, or is reset (see ``rtsched.engine.drain``).
        Raises SchedulerError for a job that has none: it has reached no exit, or has none, and is not done.
        """
        check_alive(job, "finish")
        check_answer(self.core, job)
        now = self.loop._now
        self.core.halt(job, now)
        if job.outcome != OPEN:
            return  # it was ended when the policy heard of a processor that this made idle
        self.core.decide(job, log.FINISH)
        job.finish = now
        self.core.steps.close(job, now, OK if now <= job.deadline else LATE)

    def drop(self, job: Job, expected: int | None = None, reason: str | Any = None) -> None:
        """Give `job` up: what runs of it stops, what waits never starts. The next job of its task takes its turn.

        What runs on a processor that is not preemptive drains, or is reset (see ``rtsched.engine.drain``). Explanations
        tell when it was `expected` to end, in ns, and the `reason` in words (of which 200 characters are kept), if they
        are said; nothing else depends on them. Raises SchedulerError for a reason that is no text.
        """
        check_alive(job, "drop")
        if reason is not None and not isinstance(reason, str):
            raise SchedulerError(f"drop {job!r}: its reason is {as_found(reason)}; say it in words")
        grounds = self.core.grounds
        if grounds is None:
            self.core.give_up(job)
            return
        grounds.told = (expected, reason)
        self.core.give_up(job)
        grounds.told = (None, None)

    def spawn(self, task: TaskState | Any, deadline: Whole | None = None) -> Job | None:
        """Release a job of `task` now, which declares ``arrival: {kind: spawned}``; its deadline is `deadline` ns away.

        Without one it is the task's. `on_release` has heard of the job when this returns; a dispatch follows in this
        instant. None where the run releases no more jobs (`until`) or the task has had all of its `count`. Raises
        SchedulerError for other tasks, and before time begins.
        """
        if self.core.spawns is None:
            refuse_spawn(self.core, task)
        return self.core.spawns.spawn(task, deadline)

    def approximate(self, job: Job) -> None:
        """Log ``coarse``: what was planned now, `job` included, is near the best but was not searched out."""
        self.core.decide(job, log.COARSE)

    def wake_at(self, time: Whole, tag: Any = None) -> None:
        """Ask for ``on_timer(tag)`` and a dispatch at `time`, which lies in the future."""
        due = whole(time, "wake_at: a time in ns")
        if due <= self.loop._now:
            raise SchedulerError(f"wake_at({due}): the time now is {self.loop._now}; ask for a later instant")
        told = tag if self._owner is None else self._owner(tag)

        def fire() -> None:
            self.core.changed[0] = True
            if self.core.on_timer is not None:
                self.core.on_timer(told)

        self.loop.arm(Alarm(self.core.loop, TIMER, fire), due)

    # ---- runs of nodes -------------------------------------------------------------------------------------------

    def begin_run(self, run: tuple[Segment, ...], processor: Processor) -> None:
        """The engine's: go on with what is left of a run of nodes, without asking the scheduler."""
        first = run[0]
        if len(run) > 1:
            first.points = first.points or ()
            first.run = run[1:]
        self.core.inside_run = True
        self.start(first.job, first, processor)
        self.core.inside_run = False
        if self.core.chip is not None:
            self.core.chip.shares.carry(processor)

    def _not_started(self, segment: Segment) -> Segment:
        """At the last moment the policy chose a variant without this node, or ended the job: give back its run."""
        rest, segment.run = segment.run, ()
        if rest and segment.job.outcome == OPEN:
            self.core.release(rest)
        return segment
