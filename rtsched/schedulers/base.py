"""The interface of a scheduler: it is told events, and acts through the SoC handle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rtsched.engine.beliefs import NEVER, believes
from rtsched.errors import SchedulerError
from rtsched.model.policy import Policy

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

Preemption = Literal["preemptive", "limited", "nonpreemptive"]


class Scheduler:
    """A policy. Only `dispatch` must be written; events that are not overridden are never delivered.

    At each instant all events come first, then one `dispatch`. `soc` is there from `setup` on.

    >>> class FirstComeFirstServed(Scheduler):
    ...     preemption = "nonpreemptive"
    ...     def dispatch(self):
    ...         for segment in list(self.soc.ready):
    ...             for index in segment.node.eligible:
    ...                 if self.soc.processors[index].segment is None:
    ...                     self.soc.start(segment.job, segment, self.soc.processors[index])
    ...                     break
    """

    preemption: Preemption = "preemptive"
    #: The keys of a task that this policy reads and most do not: ``budget``, ``server_period``.
    reads: ClassVar[frozenset[str]] = frozenset()
    #: The keys of `estimates` that matter to it, said by each class; of one that says nothing: all (see `believes`).
    believes: frozenset[str] = NEVER
    #: Whether it sees the truth (``oracle: true``), not only beliefs; every output then says so.
    oracle: bool = False
    soc: Soc

    def setup(self, soc: Soc) -> None:
        """The offline phase: partition, assign priorities, search. Called once, before time starts."""

    def on_release(self, job: Job) -> None:
        """A job was released."""

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        """Segments of `job` can start (or can start again: after a boundary, or with a resource they waited for)."""

    def on_start(self, segment: Segment, processor: Processor) -> None:
        """A node of a task with variants is about to start: the last moment to ``soc.reconfigure`` it."""

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        """A segment is done; `observation` holds the measured ``time`` in ns since its last start.

        At an early exit also ``exit`` (its number) and ``confidence``; at a branch ``branch``, the node that follows.
        """

    def on_processor(self, processor: Processor, change: str) -> None:
        """A processor changed by itself; ``change`` is ``idle`` here."""

    def on_deadline(self, job: Job) -> None:
        """The deadline of an unfinished job passes now; what its task does on a miss comes after this."""

    def on_timer(self, tag: Any) -> None:
        """A time asked for with ``soc.wake_at`` has come."""

    def on_environment(self, change: dict[str, Any]) -> None:
        """Something outside changed: a link's bandwidth, a battery."""

    def dispatch(self) -> None:
        """Decide what runs now; called once per instant at which anything happened."""
        raise NotImplementedError

    def listener(self, event: str) -> Callable[..., None] | None:
        """The bound method for `event`, or None when it is not overridden."""
        if getattr(type(self), event) is getattr(Scheduler, event):
            return None
        bound: Callable[..., None] = getattr(self, event)
        return bound

    def rekey(self, segment: Segment, entry: Any) -> None:
        """A locking protocol lends `segment` another urgency."""
        raise SchedulerError(f"{type(self).__name__} cannot lend priorities; use protocol none or a composed scheduler")

    def reconfigured(self, segment: Segment) -> None:
        """`segment`, which is ready, has another variant than when it became so."""

    def level(self, task: TaskState) -> int:
        """The fixed priority of a task, for ceilings."""
        raise SchedulerError(f"{type(self).__name__} has no fixed priorities; the ceiling protocol needs fp, rm or dm")

    def estimates_read(self) -> frozenset[str]:
        """The keys of the system's `estimates` that can change what this policy does."""
        return believes(self)

    def policy(self, names: Mapping[str, str]) -> Policy:
        """What proofs may rely on, its parts called by `names`; of a scheduler that is no composition: nothing."""
        return Policy(preemption=self.preemption, whole=names.get("name", type(self).__name__))

    def describe(self) -> str:
        """One line that names the policy and its parameters."""
        return type(self).__name__
