"""What all parts of a policy share: they are told every event, hear their own timers, and may look at beliefs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.beliefs import NEVER
from rtsched.engine.soc import Soc
from rtsched.engine.veil import SocView, is_ours, shower, unveiled
from rtsched.schedulers.events import EVENTS, Listener, check
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.model.policy import Policy
    from rtsched.schedulers.estimator import Estimator


class Part(Listener):
    """A part of a policy: an ordering, a placement, an adaptation, an admission, or one that sets clocks.

    `soc` is the handle of the scheduler that it is a part of, but for its timers: what a part asks for with
    ``soc.wake_at(time, tag)`` comes back as ``on_timer(tag)`` to that part alone. `estimator` says how long jobs are
    believed to need, placed and ordered as they are.
    """

    #: what it is, for errors
    kind: ClassVar[str] = "part"
    #: which keys of `estimates` matter to it
    believes: frozenset[str] = NEVER
    #: ``reservable``, if it reserves, ``values``, if it asks what was seen, ``spawned``, if it spawns jobs: keys that
    #: most policies do not read
    reads: ClassVar[frozenset[str]] = frozenset()
    #: whether it rests on the truth: a policy with such an ordering is an oracle
    oracle: ClassVar[bool] = False
    soc: Soc
    estimator: Estimator

    def joins(self, policy: Policy) -> None:
        """Raises InputError if this part cannot stand beside the ordering and placement of a policy."""

    def setup(self, soc: Soc) -> None:
        """Prepare, before time starts."""
        self.soc = soc

    def settle(self) -> None:
        """All events of this instant are delivered, and dispatch is next."""

    def overrides(self, event: str) -> bool:
        """Whether this part wants to be told of `event`."""
        return getattr(type(self), event) is not getattr(Part, event)

    def listener(self, event: str) -> Callable[..., None] | None:
        """The bound method for `event`, or None when it is not wanted."""
        if not self.overrides(event):
            return None
        bound: Callable[..., None] = getattr(self, event)
        return bound

    def heard(self) -> list[str]:
        """The events that it is told of, `settle` among them."""
        return [event for event in (*EVENTS, "settle") if self.overrides(event)]


def checked(part: Any, kind: str) -> None:
    """Raises InputError for a part that waits for what never comes; anything that is no `Part` is left alone."""
    if isinstance(part, Part):
        check(part, kind, ("setup", "settle"))


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """A timer that a part asked for: whose it is, and its tag."""

    part: Part
    tag: Any


def wakes(part: Part) -> bool:
    """Whether a part may ask for timers: those of rtsched that do not listen to any ask for none."""
    return part.overrides("on_timer") or not is_ours(part)


def handle(soc: Soc, part: Part) -> Soc:
    """The handle for a part: the scheduler's own, with timers of the part's where it may ask for some.

    Of a scheduler, or a part, of somebody else's it is one with views.
    """
    behind = unveiled(soc)
    if behind is soc and is_ours(part) and not wakes(part):
        return soc
    own = Soc(behind.core, partial(Ring, part))
    if behind is soc and is_ours(part):
        return own
    return SocView(own, behind.core.scheduler.oracle)  # type: ignore[return-value]


def hears(part: Part, event: str, soc: Soc) -> Callable[..., None] | None:
    """Who hears an event for a part, if anybody; where the scheduler has no views, others are shown what is told."""
    found = part.listener(event)
    if found is None or is_ours(part) or isinstance(soc, SocView):
        return found
    listener, show = found, shower(soc.core.scheduler.oracle)

    def shown(*told: Any) -> None:
        listener(*map(show, told))

    return shown


def ring(own: Callable[..., None] | None, stir: Callable[[], None], tag: Any) -> None:
    """A timer has come: that of a part, after which anything may have changed (`stir`), or the scheduler's `own`."""
    if isinstance(tag, Ring):
        tag.part.on_timer(tag.tag)
        stir()
    elif own is not None:
        own(tag)


def in_turn(event: str, told: Sequence[Callable[..., None]], own: Callable[..., None] | None) -> Callable[..., None]:
    """One listener for several: first the parts, until one of them ends the job that it is about, then the `own`."""
    if len(told) == 1 and own is None:
        return told[0]
    last = own or _nobody
    if event in ("on_processor", "on_environment", "on_timer", "on_job_end"):

        def tell(*about: Any) -> None:
            for listener in told:
                listener(*about)
            last(*about)

        return tell

    def tell_of_a_job(subject: Any, *about: Any) -> None:
        job: Job = subject if event in ("on_release", "on_ready", "on_deadline") else subject.job
        for listener in told:
            if job.outcome == OPEN:
                listener(subject, *about)
        last(subject, *about)

    return tell_of_a_job


def _nobody(*about: Any) -> None:
    """Nobody else listens."""
