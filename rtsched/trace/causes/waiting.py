"""Why a node that could run was on no processor: what it waited for, and who had that."""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.trace.causes.history import History, Visit, Who
from rtsched.trace.causes.pieces import (
    AHEAD,
    BATCH,
    BY_CEILING,
    DEADLOCK,
    DECIDING,
    DOWN,
    EARLIER,
    HIGHER,
    IDLE,
    INVERSION,
    LEFTOVER,
    LOCK,
    LOWER,
    OVERHEAD,
    SIBLING,
    UNEXPLAINED,
    Episode,
)
from rtsched.trace.causes.running import split
from rtsched.trace.trace import DRAINED
from rtsched.trace.trace import OVERHEAD as COSTS


def away(history: History, who: Who, start: int, end: int, following: Visit | None) -> Iterator[Episode]:
    """The pieces of [start, end), in which a node was nowhere; `following` is where it goes on, if it does."""
    for blocked in history.blocked.get(who, ()):
        if blocked.end <= start or blocked.start >= end:
            continue
        if blocked.start > start:
            yield from _ready(history, who, start, blocked.start, following)
        until = min(blocked.end, end)
        for piece in _blocked(history, who, max(start, blocked.start), until, blocked.resource, {who}):
            yield piece._replace(how=piece.how + BY_CEILING) if blocked.by_ceiling and piece.cause == LOCK else piece
        start = until
    if start < end:
        yield from _ready(history, who, start, end, following)


# ---- locks ---------------------------------------------------------------------------------------------------------


def _blocked(history: History, who: Who, start: int, end: int, resource: int, circle: set[Who]) -> Iterator[Episode]:
    """What its holder did while a node waited for a resource."""
    for begin, over, holder in history.held(resource, start, end):
        if begin > start:
            yield Episode(start, begin, LOCK, who[1], how=history.trace.resources[resource])
            start = begin
        until = min(over, end)
        for piece in _held(history, who, start, until, (resource, holder), circle):
            yield piece._replace(node=who[1])
        start = until
    if start < end:
        yield Episode(start, end, LOCK, who[1], how=history.trace.resources[resource])


def _held(
    history: History, who: Who, start: int, end: int, held: tuple[int, Who], circle: set[Who]
) -> Iterator[Episode]:
    """The pieces of [start, end), in which `held` is the resource and who holds it."""
    resource, holder = held
    name = history.trace.resources[resource]
    stays = [(stay.start, stay.end) for stay in history.stays.get(holder, ()) if stay.end > stay.start]
    for begin, until, there in split(start, end, stays):
        if there:
            yield Episode(begin, until, LOCK, culprits=(holder,), how=name)
            continue
        for inner, stop, waits in split(begin, until, [each[:2] for each in history.blocked.get(holder, ())]):
            if waits:
                other = next(each.resource for each in history.blocked[holder] if each.start <= inner < each.end)
                if any(following in circle for _, _, following in history.held(other, inner, stop)):
                    yield Episode(inner, stop, LOCK, culprits=(holder,), how=name + DEADLOCK)
                else:
                    yield from _blocked(history, who, inner, stop, other, {*circle, holder})
            else:
                yield from _instead(history, who, holder, (inner, stop), name)


def _instead(history: History, who: Who, holder: Who, span: tuple[int, int], name: str) -> Iterator[Episode]:
    """Who ran instead of the holder of what a node waits for: the third one, unless it is more urgent than both."""
    start, end = span
    following = next((stay for stay in history.stays.get(holder, ()) if stay.start >= end), None)
    for piece in _ready(history, holder, start, end, following):
        others = piece.culprits
        above = bool(others) and compare(history, who, others[0], piece.start) == HIGHER
        if above:
            yield piece._replace(cause=HIGHER)
        elif others:
            yield piece._replace(cause=INVERSION, culprits=(*others[:1], holder), how=name)
        elif piece.cause in (DOWN, DECIDING):
            yield piece
        else:
            yield piece._replace(cause=LOCK, culprits=(holder,), how=name)


# ---- ready ---------------------------------------------------------------------------------------------------------


def _ready(history: History, who: Who, start: int, end: int, following: Visit | None) -> Iterator[Episode]:
    """Who had the processor on which a node went on, or might have run."""
    place = _place(history, who, start, end) if following is None else following.place
    if place is None:
        yield Episode(start, end, UNEXPLAINED, who[1])
        return
    for stay in history.on(place, start, end):
        if stay.start > start:
            yield from _vacant(history, who, place, (start, stay.start), following)
            start = stay.start
        until = min(stay.end, end)
        yield occupied(history, who, stay, (start, until), following)
        start = until
    if start < end:
        yield from _vacant(history, who, place, (start, end), following)


def _place(history: History, who: Who, start: int, end: int) -> int | None:
    """Of a node that never goes on: where it was before, else the processor that was busiest of those it may use."""
    before = [stay.place for stay in history.stays.get(who, ()) if stay.end <= start]
    if before:
        return before[-1]
    busy = {
        place: sum(min(stay.end, end) - max(stay.start, start) for stay in history.on(place, start, end))
        for place in history.places(who)
    }
    return max(busy, key=lambda place: (busy[place], -place), default=None)


def occupied(history: History, who: Who, stay: Visit, span: tuple[int, int], following: Visit | None) -> Episode:
    """Another one had the processor."""
    start, end = span
    other = stay.who
    cause, how = AHEAD, ""
    if stay.reason == COSTS and who in history.members.get((stay.end, stay.place), ()):
        return Episode(start, end, OVERHEAD, who[1], stay.place, how="batch")
    if stay.reason == DRAINED or history.ends[stay.job] <= start:
        cause = LEFTOVER
    elif stay.job == who[0]:
        cause = SIBLING
    elif history.task_of[stay.job] == history.task_of[who[0]] and stay.job < who[0]:
        cause = EARLIER
    else:
        cause = compare(history, who, other, start)
        if cause == HIGHER and lent(history, who, other, start):
            cause, how = LOWER, _lent_by(history, other, start)
    return Episode(start, end, cause, who[1], stay.place, (other,), how)


def compare(history: History, who: Who, other: Who, time: int) -> str:
    """Whether another node is more urgent (HIGHER) or less (LOWER) by the policy's own ranks; AHEAD: nobody knows."""
    reasons = history.trace.reasons
    if reasons is None or not same_queue(history, who, other):
        return AHEAD
    mine, theirs = reasons.rank(who, time), reasons.rank(other, time)
    if mine is None or theirs is None:
        return AHEAD
    return HIGHER if theirs.key < mine.key else LOWER


def same_queue(history: History, who: Who, other: Who) -> bool:
    """Whether two nodes stand under one rule, whose ranks compare and stand."""
    reasons = history.trace.reasons
    if reasons is None or not reasons.rules:
        return True
    found = []
    for each in (who, other):
        stays = history.stays.get(each, ())
        place = stays[0].place if stays else next(iter(history.places(each)), None)
        found.append(None if place is None else reasons.rules[place])
    return found[0] is not None and found[0] == found[1] and found[0][2] is not None


def lent(history: History, who: Who, other: Who, time: int) -> bool:
    """Whether another node is more urgent at an instant only by what a locking protocol lends it."""
    reasons = history.trace.reasons
    if reasons is None or not any(rank.lent for rank in reasons.ranks.get(other, ())):
        return False
    if not same_queue(history, who, other):
        return False
    mine, theirs = reasons.rank(who, time), reasons.own(other)
    return mine is not None and theirs is not None and mine.key < theirs.key


def _lent_by(history: History, who: Who, time: int) -> str:
    """The resource that a node holds whose urgency is lent."""
    resource = history.holds(who, time)
    return "" if resource is None else history.trace.resources[resource]


def _vacant(
    history: History, who: Who, place: int, span: tuple[int, int], following: Visit | None
) -> Iterator[Episode]:
    """Nobody had the processor: it was out of service, the planner was deciding, or the policy left it idle."""
    for begin, until, out in split(*span, history.outages[place]):
        if out:
            yield Episode(begin, until, DOWN, who[1], place)
            continue
        for start, end, deciding in split(begin, until, list(history.planning(begin, until))):
            if deciding:
                yield Episode(start, end, DECIDING, who[1], place)
            else:
                yield from _idle(history, who, place, (start, end), following)


def _idle(history: History, who: Who, place: int, span: tuple[int, int], following: Visit | None) -> Iterator[Episode]:
    start, end = span
    last = start
    if following is not None:
        begun = [stay.end for stay in (following,) if stay.reason == COSTS] or [following.start]
        others = [each for each in history.members.get((begun[0], place), ()) if each != who]
        if others:
            last = min(end, max(history.activations[each[0]] for each in others))
            yield Episode(start, last, BATCH, who[1], place, tuple(others))
    yield Episode(max(start, last), end, IDLE, who[1], place)
