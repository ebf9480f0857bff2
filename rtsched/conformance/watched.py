"""A policy at work, with somebody who looks over its shoulder: after each decision, and whenever it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rtsched.conformance.pace import Pace
from rtsched.engine.job import RUNNING
from rtsched.engine.veil import Veiled, is_ours
from rtsched.errors import EndlessError
from rtsched.schedulers.composed import ComposedScheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.engine.under_way import UnderWay
    from rtsched.model.taskgraph import NodeSpec, SystemSpec
    from rtsched.schedulers.base import Scheduler


class Watched:
    """Stands before a scheduler, as the engine calls it.

    What the policy raises while time runs is kept in `error`, and the run ends there. `stood` are the findings that
    stood when time went on, the first of each kind; `last` are those of the last decision.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.inner: Any = scheduler if is_ours(scheduler) else Veiled(scheduler)
        self.preemption = scheduler.preemption
        self.modes = scheduler.modes
        self.begun = False
        self.error: Exception | None = None
        self.costs: list[int] = []
        self.stood: dict[str, str] = {}
        self.last: dict[str, str] = {}
        self.pair: tuple[Segment, Processor, int] | None = None
        self.looked = -1
        self.starts: list[int] = []
        self.pace = Pace()

    # ---- what the engine calls ----------------------------------------------------------------------------------

    @property
    def oracle(self) -> bool:
        """Whether it sees the truth."""
        return self.scheduler.oracle

    @property
    def reads(self) -> frozenset[str]:
        """The keys that it reads and most do not."""
        return self.scheduler.reads

    def keys_read(self) -> frozenset[str]:
        """As `reads`, of its parts, too."""
        return self.scheduler.keys_read()

    def estimates_read(self) -> frozenset[str]:
        """The keys of `estimates` that matter to it."""
        return self.scheduler.estimates_read()

    def ranking(self, tasks: Sequence[TaskState]) -> tuple[int, ...]:
        """The tasks in the order of their standing ranks."""
        found: tuple[int, ...] = self.inner.ranking(tasks)
        return found

    def described(self, system: SystemSpec | None = None) -> str:
        """The policy and its parts in one line."""
        return self.scheduler.described(system)

    def begin(self, soc: Soc) -> None:
        """The offline phase; whoever refuses the system does so here."""
        self.soc = soc
        self.inner.begin(soc)

    def listener(self, event: str) -> Callable[..., None] | None:
        """Who hears an event, if anybody."""
        found = self.inner.listener(event)
        return None if found is None else partial(self._guarded, found)

    def dispatcher(self) -> Callable[[], None]:
        """What decides at the end of an instant."""
        self.decide = self.inner.dispatcher()
        return self._dispatch

    def rekey(self, segment: Segment, entry: Any) -> None:
        """A locking protocol lends `segment` another urgency."""
        self.inner.rekey(segment, entry)

    def reconfigured(self, segment: Segment) -> None:
        """`segment`, which is ready, has another variant."""
        self.inner.reconfigured(segment)

    def level(self, task: TaskState) -> int:
        """The fixed priority of a task."""
        return self.inner.level(task)  # type: ignore[no-any-return]

    def places_of(self, task: TaskState, node: NodeSpec) -> Sequence[int]:
        """The processors on which it may ever run a node."""
        return self.inner.places_of(task, node)  # type: ignore[no-any-return]

    # ---- what it does beside that -------------------------------------------------------------------------------

    def watch(self, run: UnderWay) -> None:
        """The run is about to begin: nobody has refused it."""
        self.run, self.begun = run, True

    def _guarded(self, action: Callable[..., None], *told: Any) -> None:
        if self.error is None:
            try:
                action(*told)
            except EndlessError:
                raise
            except Exception as error:
                self.error = error
                self.run.interrupt()

    def _dispatch(self) -> None:
        now = self.soc.now
        if self.looked < now:
            self.settle(now)
            self.starts = [processor.starts for processor in self.soc.processors]
        begun = time.perf_counter_ns()
        self._guarded(self.decide)
        self.costs.append(time.perf_counter_ns() - begun)
        self.pace.look(len(self.costs), self.soc.core)
        if self.pace.fine:
            self.run.interrupt()
        if self.error is None and self.soc.core.planner is None:
            self.looked = now
            self.last = {name: text for name, look in LOOKS.items() if (text := look(self))}
        if now >= self.soc.until and not self.soc.core.open_jobs():
            self.run.interrupt()  # who asks for timers for ever would go on for nothing

    def settle(self, now: int) -> None:
        """Time has gone on until `now`: what was found stood meanwhile."""
        if self.looked < now:
            self.stood = {**self.last, **self.stood}

    def places(self, segment: Segment) -> tuple[int, ...]:
        """Where the policy would have a segment run."""
        composed = self.scheduler
        if not isinstance(composed, ComposedScheduler):
            return segment.node.eligible
        seen = segment if isinstance(self.inner, ComposedScheduler) else self.inner.soc.show(segment)
        if composed.placement.dynamic:
            chosen = composed.places.chosen(seen)
            return () if chosen is None else (chosen,)
        return composed.places.where(seen.job.task, seen.node)

    def key(self, segment: Segment) -> Any:
        """How urgent the policy says that a segment is."""
        asked: Any = self.scheduler
        return asked.key(segment if asked is self.inner else self.inner.soc.show(segment))

    def since(self, segment: Segment, processor: Processor) -> int:
        """Since when the same two have been found at every decision."""
        if self.pair is None or self.pair[:2] != (segment, processor):
            self.pair = (segment, processor, self.soc.now)
        return self.pair[2]

    def free(self, segment: Segment) -> Processor | None:
        """A processor that idles although the segment has its place there."""
        for index in self.places(segment):
            processor = self.soc.processors[index]
            if processor.segment is None and self.soc.available(processor):
                return processor
        return None


def idle_beside_work(watched: Watched) -> str:
    """A ready segment beside a processor that idles and is one of its places."""
    for segment in watched.soc.ready:
        processor = watched.free(segment)
        if processor is not None:
            since = watched.since(segment, processor)
            return f"{segment!r} is ready, and {processor!r}, where it could run, idles from {since} ns on"
    watched.pair = None
    return ""


def inverted(watched: Watched) -> str:
    """A ready segment beside something less urgent that has just begun, or could be taken off, on one of its places."""
    soc = watched.soc
    if not hasattr(watched.scheduler, "key"):
        return ""
    waiting = [(watched.key(segment), segment) for segment in soc.ready]
    for processor in soc.processors if waiting else ():
        running = processor.segment
        if running is None or running.state != RUNNING:
            continue
        begun = processor.starts > watched.starts[processor.index] and processor.started == soc.now
        if not begun and not soc.preemptible(processor):
            continue
        own = watched.key(running)
        for key, segment in waiting:
            if key < own and processor.index in watched.places(segment):
                does = "begins" if begun else "goes on"
                return (
                    f"{running!r} {does} on {processor!r} at {soc.now} ns, and {segment!r} waits, which is more urgent"
                )
    return ""


#: What is looked at after each decision.
LOOKS: dict[str, Callable[[Watched], str]] = {"idle": idle_beside_work, "inverted": inverted}
