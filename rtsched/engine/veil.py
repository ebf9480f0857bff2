"""A policy of somebody else's at work: what it is told and handed are views, what it hands back the things behind them.

Who is rtsched's own is in a module of rtsched; everybody else is veiled, classes derived from ours included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from rtsched.engine.job import Job, Segment
from rtsched.engine.processor import Processor
from rtsched.engine.soc import Soc
from rtsched.engine.task_state import TaskState
from rtsched.engine.views import BELIEFS, TRUTHS, HiddenError, raw, view

if TYPE_CHECKING:
    from rtsched.model.taskgraph import NodeSpec
    from rtsched.schedulers.base import Scheduler

#: What may happen to be handed to a policy, by its first class that has a view.
_KINDS = (Job, Segment, Processor, TaskState)


def is_ours(thing: object) -> bool:
    """Whether a policy (or a part of one) is rtsched's own: it is tested to be honest, and sees no veil."""
    return type(thing).__module__.partition(".")[0] == "rtsched"


def shower(oracle: bool) -> Callable[[Any], Any]:
    """What shows a policy things of the engine, those in tuples and lists included, as views; the rest as it is."""
    kinds = {kind: (TRUTHS if oracle else BELIEFS)[kind] for kind in _KINDS}

    def show(thing: Any) -> Any:
        if isinstance(thing, tuple | list):
            return type(thing)([show(each) for each in thing])
        for kind, seen in kinds.items():
            if isinstance(thing, kind):
                return view(thing, seen)
        return thing

    return show


class SocView:
    """The handle as others have it: as `Soc`, but for what it shows."""

    def __init__(self, soc: Soc, oracle: bool = False) -> None:
        self._soc = soc
        self._oracle = oracle
        self._show = shower(oracle)
        #: what is run, as declared: without what was recorded and is to come, but for an oracle
        self.system = soc.system if oracle else soc.core.system_known
        self.until = soc.until
        self.beliefs = soc.beliefs
        self.tasks = tuple(self.show(task) for task in soc.tasks)
        self.processors = tuple(self.show(processor) for processor in soc.processors)

    def show(self, thing: Any) -> Any:
        """What a policy sees of a thing."""
        return self._show(thing)

    def running(self) -> Iterator[Any]:
        """As `Soc.running`."""
        for segment in self._soc.running():
            yield self.show(segment)

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(SocView, name):
            raise HiddenError(f"soc: {name!r} is not the policy's to set")
        object.__setattr__(self, name, value)


def unveiled(soc: Soc | SocView) -> Soc:
    """The handle itself, whether it is one with views or not."""
    return soc._soc if isinstance(soc, SocView) else soc


def _method(name: str) -> Callable[..., Any]:
    plain = getattr(Soc, name)

    @wraps(plain)
    def act(self: SocView, *arguments: Any, **named: Any) -> Any:
        behind = {key: raw(value) for key, value in named.items()}
        return self.show(plain(self._soc, *map(raw, arguments), **behind))

    return act


def _property(name: str) -> property:
    return property(lambda self: self.show(getattr(self._soc, name)), doc=getattr(Soc, name).__doc__)


#: The engine's own, which no policy calls, and what a view has of its own from the start. (Where the engine is
#: compiled, a class has its attributes, too.)
_INNER = frozenset({"begin_run", "core", "loop", "beliefs", "processors", "system", "tasks", "until"})
for _name in dir(Soc):
    if not _name.startswith("_") and _name not in _INNER and _name not in vars(SocView):
        setattr(SocView, _name, _method(_name) if callable(getattr(Soc, _name)) else _property(_name))


class Veiled:
    """A scheduler of somebody else's, as the engine calls it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.preemption = scheduler.preemption
        self.modes = scheduler.modes

    @property
    def oracle(self) -> bool:
        """Whether it sees the truth."""
        return self.scheduler.oracle

    @property
    def reads(self) -> frozenset[str]:
        """The keys of a task that it reads and most do not."""
        return self.scheduler.reads

    def keys_read(self) -> frozenset[str]:
        """As `reads`, of its parts, too."""
        return self.scheduler.keys_read()

    def begin(self, soc: Soc) -> None:
        """Let it prepare, before time starts."""
        self.soc = SocView(soc, self.scheduler.oracle)
        self.scheduler.begin(self.soc)  # type: ignore[arg-type]

    def dispatcher(self) -> Callable[[], None]:
        """What decides at the end of an instant."""
        return self.scheduler.dispatcher()

    def ranks(self) -> tuple[str, ...] | None:
        """What the ranks by which it orders are called."""
        return self.scheduler.ranks()

    def ranking(self, tasks: Sequence[TaskState]) -> tuple[int, ...]:
        """The tasks in the order of their standing ranks."""
        return self.scheduler.ranking(self.soc.show(tasks))

    def pools(self) -> tuple[tuple[int, ...], ...]:
        """Which processors share a queue of what is ready."""
        return self.scheduler.pools()

    def rules_at(self) -> tuple[tuple[str, str, tuple[str, ...] | None], ...]:
        """What serves the queue of each processor, where that differs."""
        return self.scheduler.rules_at()

    def estimates_read(self) -> frozenset[str]:
        """The keys of the system's `estimates` that can change what it does."""
        return self.scheduler.estimates_read()

    def listener(self, event: str) -> Callable[..., None] | None:
        """Who hears an event, if anybody."""
        listener = self.scheduler.listener(event)
        if listener is None:
            return None
        show = self.soc.show

        def veiled(*told: Any) -> None:
            listener(*map(show, told))

        return veiled

    def rekey(self, segment: Segment, entry: Any) -> None:
        """A locking protocol lends `segment` another urgency."""
        self.scheduler.rekey(self.soc.show(segment), self.soc.show(entry))

    def reconfigured(self, segment: Segment) -> None:
        """`segment`, which is ready, has another variant."""
        self.scheduler.reconfigured(self.soc.show(segment))

    def level(self, task: TaskState) -> int:
        """The fixed priority of a task."""
        return self.scheduler.level(self.soc.show(task))

    def places_of(self, task: TaskState, node: NodeSpec) -> Sequence[int]:
        """The indices of the processors on which it may ever run a node."""
        return self.scheduler.places_of(self.soc.show(task), node)
