"""Compositional analysis: busy windows per processor, joined by the events that pass from one to the next.

A component is activated by a stream of events, or by the completions of another component. A stream is periodic with
jitter and a minimum distance; a component turns a stream of jitter J into one of jitter J + (worst - best response).
Jitters are grown to a fixpoint (Henia, Hamann, Jersak, Racu, Richter, Ernst, IEE Proc. 152(2), 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from rtsched import units
from rtsched.schedulability.models import Mode, Queues
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.backlog import EARLIER, MOST_JOBS, Work, parts_from
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged, least_fixpoint

#: Rounds in which jitters may grow.
MOST_ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class Events:
    """A stream of events: period P, jitter J, at least `distance` between two of them."""

    P: int
    J: int = 0
    distance: int = 0

    def within(self, window: int) -> int:
        """The most events in a half-open window."""
        if window <= 0:
            return 0
        most = -(-(window + self.J) // self.P)
        return min(most, -(-window // self.distance)) if self.distance else most

    def earliest(self, q: int) -> int:
        """How soon after an event the q-th one after it can come."""
        return max(q * self.P - self.J, q * self.distance, 0)


@dataclass(frozen=True, slots=True)
class Component:
    """A piece of work on a processor, activated by `events` or by each completion of `after`.

    `deadline` and response count from its activation, or with `from_arrival` from the arrival that it follows by up to
    the jitter of its events. Smaller `priority` is more urgent; ties by position. `B` is blocking by locks, named
    `blocker`, added once to each of its busy windows: whoever is less urgent runs in such a window only in a section
    that began before it, be it under the ceiling or under inheritance (Sha, Rajkumar, Lehoczky 1990), however many
    activations it holds.
    """

    name: str
    processor: str
    best: int
    worst: int
    priority: int
    events: Events | None = None
    after: str | None = None
    deadline: int | None = None
    from_arrival: bool = False
    B: int = 0
    blocker: str = "locks"


@dataclass(frozen=True)
class EventNetwork:
    """Components on processors with fixed priorities, each processor preemptive or not.

    With `queues` each processor has an order of its own; see the pipelines on what that means for a busy window.
    """

    components: tuple[Component, ...]
    modes: dict[str, Mode]
    name: str = "network"
    queues: Queues | None = None

    def by_priority(self, processor: str) -> bool:
        """Whether fixed priorities serve the queue of a processor; where not, all jobs of a busy period count."""
        return self.queues is None or self.queues.orders.get(processor) == "FP"

    def first(self, j: int, i: int) -> bool:
        """Whether component j, on the processor of i, may go before it; without fixed priorities any may."""
        one, other = self.components[j], self.components[i]
        if self.queues is None:
            return (one.priority, j) < (other.priority, i)
        return j != i and self.queues.may_precede(one.processor, one.name, other.name)


def no_circle(network: EventNetwork) -> str | None:
    """Activation does not go round in a circle, and starts from events."""
    known = {component.name: component for component in network.components}
    for component in network.components:
        seen: set[str] = set()
        at = component
        while at.events is None:
            if at.after is None or at.after not in known:
                return f"{at.name!r} is activated by nothing"
            if at.name in seen:
                return f"the activation of {component.name!r} goes round in a circle"
            seen.add(at.name)
            at = known[at.after]
    return None


def no_regions(network: EventNetwork) -> str | None:
    """Processors are preemptive or not at all."""
    for processor, mode in network.modes.items():
        if mode == "limited":
            return f"it knows preemptive and non-preemptive processors; {processor!r} is limited"
    return None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response; its parts are put together only when they are asked for, for most answers are not the last."""

    R: int
    told: Callable[[], tuple[Contribution, ...]] = tuple

    @property
    def parts(self) -> tuple[Contribution, ...]:
        return self.told()


def _respond(network: EventNetwork, index: int, streams: dict[str, Events]) -> _Answer | None:
    """The worst response of a component from its activation; None if its processor is overloaded above it.

    The search ends at the first response beyond its deadline.
    """
    me = network.components[index]
    limit = me.deadline
    mode = network.modes[me.processor]
    mine = [(place, c) for place, c in enumerate(network.components) if c.processor == me.processor]
    above = [c for place, c in mine if place != index and network.first(place, index)]
    below = [c for place, c in mine if place != index and not network.first(place, index)]
    U = sum((Fraction(c.worst, streams[c.name].P) for c in (*above, me)), Fraction(0))
    late = me.B or mode != "preemptive" or any(streams[c.name].J for c in (*above, me))
    if U > 1 or (U == 1 and late):
        return None
    blocked = [Contribution("blocking", me.blocker, me.B)] if me.B else []
    longest = max(below, key=lambda c: c.worst, default=None) if mode != "preemptive" else None
    if longest is not None and longest.worst > 1:
        blocked.append(Contribution("blocking", longest.name, longest.worst - 1))
    B = sum(part.amount for part in blocked)
    own = streams[me.name]
    busy = 0 if network.by_priority(me.processor) else _busy([(c.worst, streams[c.name]) for c in (*above, me)])
    last = me.worst if mode != "preemptive" else 0
    best, q, w = _Answer(-1), 0, B + me.worst - last
    while True:
        base = B + (q + 1) * me.worst - last
        open_ = 1 if last else 0
        found = least_fixpoint(
            lambda t: base + sum(streams[c.name].within(t + open_) * c.worst for c in above),  # noqa: B023
            max(w, base),
        )
        assert found is not None
        w = found
        R = w + last - own.earliest(q)
        if best.R < R:
            if limit is not None and limit < R:
                return _Answer(R)
            counts = [*(streams[c.name].within(w + open_) for c in above), q]
            whole = 0 if mode == "preemptive" else 1
            best = _Answer(R, partial(_parts, (*above, me), streams, counts, blocked, whole))
        q += 1
        if w + last <= own.earliest(q) and busy <= own.earliest(q):
            return best
        if q > CAP // 10:
            raise NotConverged(f"the busy window of {me.name!r} holds more than {q} activations")


def _busy(works: Sequence[tuple[int, Events]]) -> int:
    """The longest busy period of a processor that serves these."""
    found = least_fixpoint(lambda t: sum(stream.within(t) * c for c, stream in works), 1)
    assert found is not None
    return found


def _parts(
    who: Sequence[Component],
    streams: dict[str, Events],
    counts: Sequence[int],
    blocked: Sequence[Contribution],
    whole: int,
) -> tuple[Contribution, ...]:
    """Where a response comes from: that of the activation after as many of each of `who` (the last: itself)."""
    *_, me = who
    names = [c.name + (EARLIER if c is me else "") for c in who]
    others = [(name, count * c.worst) for name, count, c in zip(names, counts, who, strict=True)]
    arrival = streams[me.name].earliest(counts[-1])

    def jobs() -> list[Work]:
        return [
            Work(place, streams[c.name].earliest(k), (place, k), c.worst, (c.worst,) * whole)
            for place, (c, count) in enumerate(zip(who, counts, strict=True))
            for k in range(min(count, MOST_JOBS + 1))
        ]

    return parts_from(arrival, Contribution("own", me.name, me.worst), blocked, others, jobs)


def responses(network: EventNetwork) -> list[_Answer] | str:
    """The worst responses of all components once no jitter grows any more; or why there are none."""
    components: Sequence[Component] = network.components
    streams = {c.name: c.events or Events(1) for c in components}
    source = {c.name: c for c in components}
    for c in components:  # a derived stream begins with its source's
        at = c
        while at.events is None:
            at = source[at.after or ""]
        streams[c.name] = at.events if c.events is not None else Events(at.events.P, at.events.J)
    for _ in range(MOST_ROUNDS):
        answers = []
        for index, c in enumerate(components):
            answer = _respond(network, index, streams)
            if answer is None:
                return f"processor {c.processor!r} is overloaded by {c.name!r} and what is more urgent"
            J = c.events.J if c.from_arrival and c.events is not None else 0
            if c.deadline is not None and answer.R + J > c.deadline:  # jitters only grow from here
                needed, given = units.format_duration(answer.R + J), units.format_duration(c.deadline)
                return f"{c.name!r} may respond in {needed}, beyond its deadline of {given}"
            answers.append(answer)
        worst = {c.name: answer.R for c, answer in zip(components, answers, strict=True)}
        grown = False
        for c in components:
            if c.events is None:
                before = source[c.after or ""]
                stream = streams[before.name]
                J = stream.J + worst[before.name] - before.best
                new = Events(stream.P, J, before.best)
                if new != streams[c.name]:
                    streams[c.name] = new
                    grown = True
        if not grown:
            return answers
    raise NotConverged(f"the jitters still grow after {MOST_ROUNDS} rounds")


@theorem(
    "compositional",
    title="Compositional analysis of activations across processors",
    strength="sufficient",
    citation="Henia, Hamann, Jersak, Racu, Richter, Ernst, IEE Proc. Computers and Digital Techniques 152(2), 2005",
    model=EventNetwork,
    needs=(no_circle, no_regions),
    interlocked=True,
)
def compositional(network: EventNetwork) -> Result:
    """Responses from each activation; the jitter of a completion activates the next component.

    >>> parts = (Component("grab", "cpu", 1, 2, 0, Events(30)), Component("infer", "gpu", 5, 9, 0, after="grab"))
    >>> compositional(EventNetwork(parts, {"cpu": "preemptive", "gpu": "nonpreemptive"})).responses
    [2, 9]
    """
    found = responses(network)
    if isinstance(found, str):
        return Result("unknown", reason=found)
    bounds = []
    for c, answer in zip(network.components, found, strict=True):
        J = c.events.J if c.from_arrival and c.events is not None else 0
        parts = (*answer.parts, Contribution("jitter", c.name, J)) if J else answer.parts
        bounds.append(Bound(c.name, answer.R + J, answer.R + J if c.deadline is None else c.deadline, parts))
    return replace(from_bounds(bounds, exact=False), details={})
