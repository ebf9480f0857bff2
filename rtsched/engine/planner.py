"""The planner's own time: a decision occupies a named core, and takes effect when it is over.

Whatever happens calls for a decision. It begins when the core can be had, with what waits then; until it is over the
core serves nobody. What comes to wait meanwhile, and what becomes free, is the next decision's: it begins at once.
Everything else goes on: what runs, copies over links, events other than these two, and what a policy does in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import BLOCKED, READY, RUNNING, WAITING, Job, Segment
from rtsched.engine.processor import Processor
from rtsched.engine.splits import SplitPart
from rtsched.engine.task_state import TaskState
from rtsched.model.taskgraph import NodeSpec, PlannerSpec, TaskSpec
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.core import Core

Ready = Callable[[Job, tuple[Segment, ...]], None]


class Decisions:
    """The decisions of a run. Only where one costs anything is there a planner."""

    def __init__(self, core: Core, spec: PlannerSpec) -> None:
        self.core = core
        self.spec = spec
        self.processor = core.processors[spec.processor]
        #: since when a decision is being made (-1: none is), and whether it has taken its time
        self.begun = -1
        self.over = False
        #: whether what comes to wait is the next decision's
        self.holding = False
        #: whether something happened that only the next decision sees
        self.called = False
        #: how often what was pushed aside went on
        self.resumed = 0
        self.aside: Segment | None = None
        #: what who was there last owes of the costs of its start
        self.unpaid = 0
        self.known_idle: list[Processor] = []
        self.held: list[tuple[Job, tuple[Segment, ...]]] = []
        self.dispatch: Callable[[], None] = lambda: None
        self.told_ready: Ready | None = None
        self.told_processor: Callable[[Processor, str], None] | None = None
        self.deciding = _occupant(core, "the planner")
        self.out_of_sight = _occupant(core, "free for the next decision")

    # ---- what the engine calls -----------------------------------------------------------------------------------

    def around(self, dispatch: Callable[[], None]) -> Callable[[], None]:
        """`dispatch`, called when a decision is over."""
        self.dispatch = dispatch
        return self.turn

    def hearing_ready(self, told: Ready | None) -> Ready:
        """The listener to segments that become ready: during (and by) a decision they do not before its end."""
        self.told_ready = told

        def hear(job: Job, segments: tuple[Segment, ...]) -> None:
            if self.holding:
                for segment in segments:
                    segment.state = WAITING
                self.held.append((job, segments))
            elif told is not None:
                told(job, segments)

        return hear

    def hearing_processor(
        self, told: Callable[[Processor, str], None] | None
    ) -> Callable[[Processor, str], None] | None:
        """The listener to processors, kept so that it can be told of those that are out of sight for a decision."""
        self.told_processor = told
        return told

    def turn(self) -> None:
        """Something happened at this instant."""
        if self.begun < 0:
            self._call()
        elif self.over:
            self._act()
        else:
            self.called = True

    def lose(self, processor: Processor) -> bool:
        """The core fails: what was being decided is lost, and decided anew when it is back. Whether anything was."""
        if processor is not self.processor or self.begun < 0:
            return False
        self._free()
        return True

    def end(self, now: int) -> None:
        """The run is over: so is what is being decided."""
        if self.begun >= 0:
            self._account(now)

    # ---- a decision ----------------------------------------------------------------------------------------------

    def _call(self) -> None:
        """Begin a decision, if the core can be had; if not, whatever frees it calls again."""
        core, processor = self.core, self.processor
        time = self.spec.cost + self.spec.per_segment * self._waiting()
        if not time or (core.chip is not None and not core.chip.living):  # the run is over, but for its timers
            self.dispatch()
            return
        running = processor.segment
        if running is not None and (not core.soc.preemptible(processor) or isinstance(running, SplitPart)):
            return
        self.known_idle = [each for each in core.processors if each.segment is None]
        if running is not None:
            self._push_aside(running)
        now = core.loop._now
        self.begun, self.unpaid = now, processor.unpaid
        self.holding = True
        processor.segment = self.deciding
        processor.started = now
        processor.done = self._ended
        processor.hold(time, now)
        if core.chip is not None:
            core.chip.touch()

    def _waiting(self) -> int:
        """How many segments wait to be started."""
        return sum(
            segment.state == READY
            for task in self.core.tasks
            for job in ((task.active,) if task.active is not None else task.overlapping)
            for segment in job.segments
        )

    def _push_aside(self, segment: Segment) -> None:
        processor = self.processor
        self.core.steps.stop(processor, segment, self.core.loop._now, log.PREEMPTED)
        processor.preemptions += 1
        segment.state = BLOCKED
        self.aside = segment

    def _ended(self, processor: Processor, segment: Segment, now: int) -> None:
        self.over = True
        self.core.changed[0] = True

    def _act(self) -> None:
        """The decision takes effect, on what it knew of."""
        core = self.core
        self._free()
        late = [each for each in core.processors if each.segment is None and each not in self.known_idle]
        for processor in late:
            processor.segment = self.out_of_sight
        self.dispatch()
        for processor in late:
            processor.segment = None
            if self.told_processor is not None:
                self.told_processor(processor, "idle")
        self.show_held()
        if late or self.called:
            self.called = False
            core.changed[0] = True

    def _free(self) -> None:
        """The core serves again; what was pushed aside goes on there."""
        core, processor, segment = self.core, self.processor, self.aside
        self._account(core.loop._now)
        self.begun, self.over, self.aside = -1, False, None
        processor.segment = None
        processor.done = core.ended
        processor.overhead = 0
        processor.leave()
        processor.unpaid = self.unpaid
        if segment is not None and segment.state == BLOCKED:
            segment.state = READY
            self.resumed += 1
            core.inside_run = True
            core.soc.start(segment.job, segment, processor)
            core.inside_run = False
            if segment.state != RUNNING:
                self.called = True  # it waits for a resource at once

    def _account(self, now: int) -> None:
        """Write the decision down: its core was busy with it until now."""
        processor = self.processor
        time = max(0, now - self.begun)
        processor.busy += time
        processor.overhead_total += time
        changes = self.core.record.changes
        if time and self.core.record.kept:
            changes.buffer += (now, log.PLAN, processor.index, time)
            if len(changes.buffer) >= changes.limit:
                changes.pack()

    def show_held(self) -> None:
        """What came to wait during the decision waits from now on, where it still can."""
        self.holding = False
        held, self.held = self.held, []
        for job, segments in held:
            fresh = tuple(segment for segment in segments if segment.state == WAITING)
            for segment in fresh:
                segment.state = READY
            if fresh:
                self.called = True
                if self.told_ready is not None:
                    self.told_ready(job, fresh)


class Occupant(Segment):
    """What "runs" on a processor that nobody may use: no policy can start there, nor take it off."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self.node.name


def _occupant(core: Any, name: str) -> Occupant:
    node = NodeSpec(0, name, (), preemptive=False)
    task = TaskState(TaskSpec(-1, name, (node,), None, 0, 0), core)
    return Occupant(Job(task, 0, -1, 0, 0, 0), node, 0)
