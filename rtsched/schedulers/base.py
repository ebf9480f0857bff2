"""The interface of a scheduler: it is told events, and acts through the SoC handle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rtsched.engine.beliefs import NEVER, believes
from rtsched.engine.veil import is_ours
from rtsched.errors import InputError, SchedulerError
from rtsched.model.collector import collector_paused
from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import claims_of
from rtsched.schedulers.events import Listener
from rtsched.schedulers.part import Part, checked, handle, hears, in_turn, ring, wakes

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec, SystemSpec
    from rtsched.schedulers.estimator import Estimator

Preemption = Literal["preemptive", "limited", "nonpreemptive"]

#: The kinds of parts that may stand beside any scheduler, in the order in which they are told events.
GUESTS = ("admission", "adaptation", "speed")


class Scheduler(Listener):
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
    #: The modes of the clusters that have one of their own, by name.
    modes: Mapping[str, Preemption] = MappingProxyType({})
    #: The keys that this policy reads and most do not: ``budget``, ``server_period``, ``batch``, ``speedup``, ``split``
    #: of a task, ``reservable`` of the system, if it reserves, ``values`` of inputs, if it asks what was seen,
    #: ``spawned``, if it spawns jobs. Parts say so, too.
    reads: ClassVar[frozenset[str]] = frozenset()
    #: What it promises, by the names of ``rtsched.schedulers.claims``; a class that derives from it says so again.
    claims: ClassVar[frozenset[str]] = frozenset()
    #: Whether it sees the truth (``oracle: true``), not only beliefs; every output then says so.
    oracle: bool = False
    #: The kinds of parts that may decide beside it, out of `GUESTS`; and why it takes no others.
    takes: ClassVar[frozenset[str]] = frozenset()
    alone: ClassVar[str] = "its class does not say that it does (takes)"
    #: The parts that decide beside it, by kind, in the order in which they are told events.
    guests: Mapping[str, Part] = MappingProxyType({})
    #: The keys of `estimates` that matter to it, said by each class; of one that says nothing: all (see `believes`).
    believes: frozenset[str] = NEVER
    soc: Soc

    def setup(self, soc: Soc) -> None:
        """The offline phase: partition, assign priorities, search. Called once, before time starts."""

    def dispatch(self) -> None:
        """Decide what runs now; called once per instant at which anything happened."""
        raise NotImplementedError

    # ---- the parts that decide beside it -------------------------------------------------------------------------

    def take(self, kind: str, part: Part, name: str | None = None) -> None:
        """Let `part` decide beside this scheduler, which is called `name`. Raises InputError if it takes none."""
        if kind not in self.takes:
            raise InputError(f"scheduler {name or type(self).__name__!r} takes no {kind}: {self.alone}")
        checked(part, kind)
        part.joins(self.policy({"name": name} if name else {}))
        guests = {**self.guests, kind: part}
        self.guests = {each: guests[each] for each in GUESTS if each in guests}

    def parts(self) -> Sequence[Part]:
        """The parts that are told events, in the order in which they are: before the scheduler itself."""
        return tuple(self.guests.values())

    def beliefs(self, soc: Soc) -> Estimator:
        """What its parts are to believe of times; made once, after `setup`."""
        from rtsched.schedulers.estimator import Estimator
        from rtsched.schedulers.placements.declared import Global

        return Estimator(soc, Global())

    @collector_paused()
    def begin(self, soc: Soc) -> None:
        """The engine calls this before time starts: the offline phase of the scheduler, then of the parts it takes."""
        self.soc = soc
        self.setup(soc)
        if self.guests:
            estimator = self.beliefs(soc)
            for part in self.guests.values():
                part.estimator = estimator
                part.setup(handle(soc, part))

    def stirred(self) -> None:
        """A part heard a timer and may have changed anything: the next `dispatch` has to look everywhere."""

    def own_listener(self, event: str) -> Callable[..., None] | None:
        """The bound method for `event`, or None when it is not overridden."""
        if getattr(type(self), event) is getattr(Scheduler, event):
            return None
        bound: Callable[..., None] = getattr(self, event)
        return bound

    def listener(self, event: str) -> Callable[..., None] | None:
        """Whom the engine tells of `event`, the parts included; None when nobody wants to know."""
        parts, own = self.parts(), self.own_listener(event)
        if event == "on_timer":
            return partial(ring, own, self.stirred) if any(wakes(part) for part in parts) else own
        told = [found for part in parts if (found := hears(part, event, self.soc)) is not None]
        return in_turn(event, told, own) if told else own

    def dispatcher(self) -> Callable[[], None]:
        """What the engine calls at the end of an instant: the parts settle, then the scheduler dispatches."""
        settles = [part.settle for part in self.parts() if part.overrides("settle")]
        return partial(_settled, settles, self.decision()) if settles else self.decision()

    def decision(self) -> Callable[[], None]:
        """`dispatch`, or what does the same in fewer steps."""
        return self.dispatch

    # ---- what it says of itself ----------------------------------------------------------------------------------

    def rekey(self, segment: Segment, entry: Any) -> None:
        """A locking protocol lends `segment` another urgency."""
        raise SchedulerError(f"{type(self).__name__} cannot lend priorities; use protocol none or a composed scheduler")

    def reconfigured(self, segment: Segment) -> None:
        """`segment`, which is ready, has another variant than when it became so."""

    def level(self, task: TaskState) -> int:
        """The fixed priority of a task, for ceilings."""
        raise SchedulerError(f"{type(self).__name__} has no fixed priorities; the ceiling protocols need fp, rm or dm")

    def places_of(self, task: TaskState, node: NodeSpec) -> Sequence[int]:
        """The indices of the processors on which it may ever run a node, for ceilings."""
        return node.eligible

    def ranks(self) -> tuple[str, ...] | None:
        """What the parts of its segments' ranks are called, for explanations; None: it has none that stand."""
        return None

    def pools(self) -> tuple[tuple[int, ...], ...]:
        """Which processors share a queue of what is ready, by number, for explanations; empty: it has none."""
        return ()

    def rules_at(self) -> tuple[tuple[str, str, tuple[str, ...] | None], ...]:
        """By processor the order, the mode of preemption, and what the parts of ranks are called (None: none stand).

        For explanations; empty: all go by one rule.
        """
        return ()

    def keys_read(self) -> frozenset[str]:
        """The keys that it, or a part of it, reads and most policies do not."""
        return self.reads.union(*(part.reads for part in self.parts()))

    def estimates_read(self) -> frozenset[str]:
        """The keys of the system's `estimates` that can change what this policy does."""
        return believes(self).union(*map(believes, self.parts()))

    def claimed(self) -> frozenset[str]:
        """What it claims, together with the parts that decide beside it. Raises InputError for what is no claim."""
        return claims_of(self).intersection(*map(claims_of, self.parts()))

    def policy(self, names: Mapping[str, str]) -> Policy:
        """What proofs may rely on, its parts called by `names`; of a scheduler that is no composition: nothing."""
        whole = Policy(preemption=self.preemption, whole=names.get("name", type(self).__name__), oracle=self.oracle)
        return replace(whole, **self.guest_traits(names))

    def planned(self, names: Mapping[str, str], plan: PlanTraits) -> Policy:
        """`policy` of one whose `plan` proofs may rely on; what a class of others makes of it, they do not know."""
        found = Scheduler.policy(self, names)
        return replace(found, plan=plan) if is_ours(self) else found

    def guest_traits(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The parts that decide beside it, as proofs know them."""
        called = {kind: names.get(kind, type(part).__name__) for kind, part in self.guests.items()}
        traits = {kind: part.traits(called[kind]) for kind, part in self.guests.items() if isinstance(part, Adaptation)}
        return called | {kind: each for kind, each in traits.items() if kind == "adaptation"}

    def describe(self) -> str:
        """One line that names the policy and its parameters."""
        return type(self).__name__

    def ranking(self, tasks: Sequence[TaskState]) -> tuple[int, ...]:
        """The indices of the tasks, the most urgent first; empty where ranks of tasks do not stand."""
        return ()

    def described(self, system: SystemSpec | None = None) -> str:
        """`describe`, and the parts that decide beside it; in words for `system`, where it is known."""
        parts = (self.describe(), *(type(part).__name__ for part in self.guests.values()))
        return " + ".join(parts) + ", oracle" * self.oracle


def _settled(settles: list[Callable[[], None]], dispatch: Callable[[], None]) -> None:
    for settle in settles:
        settle()
    dispatch()
