"""What a node met while it was on a processor: its work, its costs, transfers, slower speeds, others on its GPU."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from rtsched.trace.causes.history import History, Span, Visit, Who
from rtsched.trace.causes.pieces import DOWN, GPU, LOAD, LOST, OVERHEAD, RUNNING, SLOWED, TRANSFER, Episode
from rtsched.trace.trace import CHECKPOINT, DRAINED, FREQUENCY, FULL_SPEED, KILLED, TEMPERATURE
from rtsched.trace.trace import LOAD as LOADED
from rtsched.trace.trace import OVERHEAD as COSTS


def there(history: History, stay: Visit, start: int, end: int) -> Iterator[Episode]:
    """The pieces of [start, end), in which a node was where it is."""
    if stay.reason in (COSTS, DRAINED):
        yield from _costs(history, stay, start, end)
        return
    lost = stay.reason == KILLED if stay.place in history.streams else stay.end <= history.lost.get(stay.who, -1)
    for begin, until, out in split(start, end, history.outages[stay.place]):
        if lost:
            yield Episode(begin, until, LOST, stay.node, stay.place)
        elif out:
            yield Episode(begin, until, DOWN, stay.node, stay.place)
        elif history.system.processors[stay.place].kind == "link":
            yield Episode(begin, until, TRANSFER, stay.node, stay.place)
        elif stay.place in history.streams:
            yield from _on_stream(history, stay, begin, until)
        elif stay.place in history.speeds:
            yield from _at_speeds(history, stay, begin, until)
        else:
            yield Episode(begin, until, RUNNING, stay.node, stay.place)


def split(start: int, end: int, spans: list[Span]) -> Iterator[tuple[int, int, bool]]:
    """[start, end) by whether it is inside one of the `spans`, which are in order and do not overlap."""
    for begin, until in spans:
        if until <= start:
            continue
        if begin >= end:
            break
        if begin > start:
            yield start, begin, False
            start = begin
        yield start, min(until, end), True
        start = min(until, end)
    if start < end:
        yield start, end, False


def _costs(history: History, stay: Visit, start: int, end: int) -> Iterator[Episode]:
    """What passes before (or after) the work: a switch, a state put aside, weights, data of its own on a link."""
    node = history.trace.node(stay.job, stay.node)
    if node.copies:
        yield from _brought(history, stay, start, end)
        return
    about = node.hardware
    if about is not None and about.weights and _loads(history, stay):
        yield Episode(start, end, LOAD, stay.node, stay.place, how=about.network)
        return
    yield Episode(start, end, OVERHEAD, stay.node, stay.place, how=_kind(history, stay))


def _kind(history: History, stay: Visit) -> str:
    """What the costs are, where the trace tells: of a checkpoint, or of a reset."""
    times, _ = history.courses.get(CHECKPOINT, {}).get(stay.place, ([], []))
    if stay.start in times:
        return "checkpoint"
    killed = any(other.reason == KILLED and other.end == stay.start for other in history.stays[stay.who])
    return "reset" if killed else ""


def _loads(history: History, stay: Visit) -> bool:
    """Whether weights came when a stay began, or are more than all else that a start can cost."""
    unit = history.unit_of.get(stay.place)
    subjects = (-1,) if unit is None else (-1, unit.processors[0])
    loads = history.courses.get(LOADED, {})
    if any(stay.start in loads[subject][0] for subject in subjects if subject in loads):
        return True
    costs, processor = history.system.overheads, history.system.processors[stay.place]
    most = costs.scheduling + costs.context_switch + costs.migration + processor.context_switch + processor.migration
    return stay.end - stay.start > most


def _brought(history: History, stay: Visit, start: int, end: int) -> Iterator[Episode]:
    """A node that holds its processor until what it reads is there: on the link, or waiting for the link."""
    node = history.trace.node(stay.job, stay.node)
    ways = sorted(
        (copy.start, copy.end, copy.place)
        for each in node.copies
        for copy in history.stays.get((stay.job, each.node.index), ())
        if copy.end > start
    )
    until = start
    for begin, over, link in ways:
        if begin > until and until < end:
            yield from _before_link(history, stay, link, until, min(begin, end))
        if min(over, end) > max(until, begin) and begin < end:
            yield Episode(max(until, begin), min(over, end), TRANSFER, stay.node, link)
        until = max(until, min(over, end))
    if until < end:
        yield Episode(until, end, OVERHEAD, stay.node, stay.place)


def _before_link(history: History, stay: Visit, link: int, start: int, end: int) -> Iterator[Episode]:
    for other in history.on(link, start, end):
        if other.start > start:
            yield Episode(start, other.start, TRANSFER, stay.node, link)
        until = min(other.end, end)
        yield Episode(max(start, other.start), until, TRANSFER, stay.node, link, (other.who,))
        start = until
    if start < end:
        yield Episode(start, end, TRANSFER, stay.node, link)


def _on_stream(history: History, stay: Visit, start: int, end: int) -> Iterator[Episode]:
    waits = [(begin, until) for begin, until, place in history.waits.get(stay.who, ()) if place == stay.place]
    for begin, until, waiting in split(start, end, waits):
        if waiting:
            who = history.beside(stay.who, stay.place, begin, until)
            yield Episode(begin, until, GPU, stay.node, stay.place, who)
        else:
            yield Episode(begin, until, RUNNING, stay.node, stay.place)


def _at_speeds(history: History, stay: Visit, start: int, end: int) -> Iterator[Episode]:
    """At less than full speed a piece is divided: so much work as was done, and the excess over it.

    Which of its instants are which is arbitrary; how many, is not. Parts of a nanosecond go on to the next piece.
    """
    times, values = history.speeds[stay.place]
    index = bisect_right(times, start) - 1
    over = 0
    while start < end:
        until = min(end, times[index + 1]) if index + 1 < len(times) else end
        speed = values[index] if index >= 0 else FULL_SPEED
        if speed >= FULL_SPEED:
            yield Episode(start, until, RUNNING, stay.node, stay.place)
        else:
            work, over = divmod((until - start) * speed + over, FULL_SPEED)
            yield Episode(start, start + work, RUNNING, stay.node, stay.place)
            how, who = _slowed(history, stay, start)
            yield Episode(start + work, until, SLOWED, stay.node, stay.place, who, how)
        start, index = until, index + 1


def _slowed(history: History, stay: Visit, time: int) -> tuple[str, tuple[Who, ...]]:
    """What slows a processor at an instant, as far as the trace tells: heat, its clock, or who runs beside."""
    hardware = history.system.hardware
    unit = history.unit_of.get(stay.place)
    assert hardware is not None
    if unit is None:
        return "bandwidth", ()
    points = unit.description.operating_points
    clock = _clock(history, stay.place, time)
    if points and clock is not None and clock < points[-1].frequency:
        return "heat" if _throttled(history, time) else "clock", ()
    beside = tuple(
        other.who
        for place in range(len(history.system.processors))
        if place != stay.place
        for other in history.on(place, time, time + 1)
        if other.reason != COSTS
    )
    return ("contention" if beside else ""), beside


def _clock(history: History, place: int, time: int) -> int | None:
    """The clock of a processor at an instant, in Hz: noted at the first one of all that share it."""
    course = history.courses.get(FREQUENCY, {})
    cluster = history.system.processors[place].cluster
    first = [each for each in course if each <= place and history.system.processors[each].cluster == cluster]
    if not first:
        return None
    times, values = course[max(first)]
    index = bisect_right(times, time) - 1
    return values[index] if index >= 0 else None


def _throttled(history: History, time: int) -> bool:
    """Whether a trip was in force when the temperature was last noted."""
    trips = history.courses.get(TEMPERATURE, {})
    noted = [(times[bisect_right(times, time) - 1], trip) for trip, (times, _) in trips.items() if times[0] <= time]
    return bool(noted) and max(noted)[1] >= 0
