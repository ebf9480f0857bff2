"""A run as tracks: what the formats of other tools have in common, in the order of time and without overlaps.

Groups of tracks: `Processors` (what ran), `Tasks` (each job from its release until it was over, with marks),
`GPU blocks`, `Resources` (who held them), `Hardware` (what was out of service) and `Counters`. Only what happened has
a track; each processor and task has one in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtsched.export.courses import Course, courses
from rtsched.export.flows import NO_FLOWS, Flows
from rtsched.export.identifiers import labels
from rtsched.export.lanes import lanes
from rtsched.trace.trace import Trace

PROCESSORS, TASKS, BLOCKS, RESOURCES, HARDWARE, COUNTERS = (
    "Processors", "Tasks", "GPU blocks", "Resources", "Hardware", "Counters",
)  # fmt: skip
GROUPS = (PROCESSORS, TASKS, BLOCKS, RESOURCES, HARDWARE, COUNTERS)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What a span or a mark is called and belongs to, what else is said of it, and what its numbers mean.

    Whoever makes it keeps it for all that it is said of: formats encode each once.
    """

    name: str
    category: str
    texts: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()


#: A label (the same one for many), with the numbers of this one.
Said = tuple[Label, tuple[int, ...]]


@dataclass(frozen=True)
class Track:
    """A lane, or a counter; several lanes of one name and group are one thing that happens more than once at a time."""

    group: str
    name: str
    lane: int = 0
    unit: str = ""


@dataclass(frozen=True)
class Spans:
    """What begins and ends: half-open intervals in ns, each on a track (by number), with what is said of rows of it."""

    start: Numbers
    end: Numbers
    track: Numbers
    say: Callable[[Numbers], list[Said]]
    flows: Flows = NO_FLOWS


@dataclass(frozen=True)
class Marks:
    """What happens at instants (ns), on tracks."""

    time: Numbers
    track: Numbers
    say: Callable[[Numbers], list[Said]]


@dataclass
class Timeline:
    """All tracks of a run, and what is on them."""

    tracks: list[Track] = field(default_factory=list)
    spans: list[Spans] = field(default_factory=list)
    marks: list[Marks] = field(default_factory=list)
    courses: list[tuple[int, Course]] = field(default_factory=list)

    def add(self, group: str, names: list[str]) -> Numbers:
        """A track for each name; their numbers."""
        first = len(self.tracks)
        self.tracks += [Track(group, name) for name in names]
        return np.arange(first, first + len(names))

    def spread(self, start: NDArray[Any], end: NDArray[Any], track: NDArray[Any], first: int = 0) -> Numbers:
        """The tracks of spans, with further lanes where they would overlap; the lanes before `first` stay free."""
        found = np.asarray(track, np.int64).copy()
        own = lanes(start, end, found) + first
        more: dict[tuple[int, int], int] = {}
        for row in np.flatnonzero(own).tolist():
            key = (int(found[row]), int(own[row]))
            if key not in more:
                more[key] = len(self.tracks)
                self.tracks.append(replace(self.tracks[key[0]], lane=key[1]))
            found[row] = more[key]
        return found


def timeline(trace: Trace) -> Timeline:
    """The tracks of a run."""
    from rtsched.export import timeline_devices as devices
    from rtsched.export import timeline_rows as rows

    made = Timeline()
    processors = made.add(PROCESSORS, labels(each.name for each in trace.system.processors))
    tasks = made.add(TASKS, labels(each.name for each in trace.system.tasks))
    rows.processors(trace, made, processors)
    rows.jobs(trace, made, tasks)
    devices.blocks(trace, made)
    devices.resources(trace, made)
    devices.hardware(trace, made, processors)
    every = list(courses(trace))
    names = labels(each.name for each in every)
    for course, name in zip(every, names, strict=True):
        made.courses.append((len(made.tracks), course))
        made.tracks.append(Track(COUNTERS, name, 0, course.unit))
    return made


#: What happens at one instant comes in this order: spans end, empty ones begin and end, counters, spans begin, marks.
END, EMPTY, COUNT, BEGIN, MARK = range(5)
#: So many events of one kind are held at once.
AT_ONCE = 4096


class Event(NamedTuple):
    """Something on a track at an instant (ns): `kind` is one of ``END`` to ``MARK``."""

    time: int
    kind: int
    track: int
    said: Said | None
    value: int = 0
    end: int = 0
    leaves: tuple[int, ...] = ()
    comes: tuple[int, ...] = ()


def events(found: Timeline) -> Iterator[Event]:
    """Everything on the tracks in the order of time.

    Of spans `end` is where they end, `leaves` and `comes` the flows that begin and end there; of counters `value`.
    """
    sources = _sources(found)
    edges = np.unique(np.concatenate([np.empty(0, np.int64), *(each.time[::AT_ONCE] for each in sources)])).tolist()
    for low, high in pairwise([*edges, None]):
        inside = [np.searchsorted(each.time, [low, each.time[-1] + 1 if high is None else high]) for each in sources]
        spans = [slice(*ends) for ends in np.asarray(inside).tolist()]
        time = np.concatenate([each.time[span] for each, span in zip(sources, spans, strict=True)])
        which = np.repeat(np.arange(len(sources)), [span.stop - span.start for span in spans])
        kind = np.array([each.kind for each in sources])[which]
        feeds = [each.feed(each.rows[span]) for each, span in zip(sources, spans, strict=True)]
        for number in which[np.lexsort((kind, time))].tolist():  # the sort is stable: rows stay in order
            yield next(feeds[number])


class _Source(NamedTuple):
    """Events of one kind: when, in order, which rows of their table, and how these rows become events."""

    kind: int
    time: Numbers
    rows: Numbers
    feed: Callable[[Numbers], Iterator[Event]]


def _sources(found: Timeline) -> list[_Source]:
    """All sources that have any events."""
    made = []
    for spans in found.spans:
        empty = spans.start == spans.end
        for kind, chosen, time in ((END, ~empty, spans.end), (EMPTY, empty, spans.start), (BEGIN, ~empty, spans.start)):
            rows = np.flatnonzero(chosen)
            rows = rows[np.argsort(time[rows], kind="stable")]
            made.append(_Source(kind, time[rows], rows, _feed_of(kind, spans)))
    for marks in found.marks:
        rows = np.argsort(marks.time, kind="stable")
        made.append(_Source(MARK, marks.time[rows], rows, _feed_of_marks(marks)))
    for track, course in found.courses:
        made.append(_Source(COUNT, course.times, np.arange(len(course.times)), _feed_of_course(track, course)))
    return [source for source in made if len(source.time)]


def _feed_of(kind: int, spans: Spans) -> Callable[[Numbers], Iterator[Event]]:
    def ends(rows: Numbers) -> Iterator[Event]:
        for time, track in zip(spans.end[rows].tolist(), spans.track[rows].tolist(), strict=True):
            yield Event(time, END, track, None)

    def begins(rows: Numbers) -> Iterator[Event]:
        said = spans.say(rows)
        columns = (spans.start[rows].tolist(), spans.end[rows].tolist(), spans.track[rows].tolist())
        leaves, comes = spans.flows.of(rows)
        for start, end, track, what, out, into in zip(*columns, said, leaves, comes, strict=True):
            yield Event(start, kind, track, what, 0, end, out, into)

    return ends if kind == END else begins


def _feed_of_marks(marks: Marks) -> Callable[[Numbers], Iterator[Event]]:
    def feed(rows: Numbers) -> Iterator[Event]:
        columns = (marks.time[rows].tolist(), marks.track[rows].tolist(), marks.say(rows))
        for time, track, said in zip(*columns, strict=True):
            yield Event(time, MARK, track, said)

    return feed


def _feed_of_course(track: int, course: Course) -> Callable[[Numbers], Iterator[Event]]:
    def feed(rows: Numbers) -> Iterator[Event]:
        for time, value in zip(course.times[rows].tolist(), course.values[rows].tolist(), strict=True):
            yield Event(time, COUNT, track, None, value)

    return feed


__all__ = ["BEGIN", "COUNT", "EMPTY", "END", "GROUPS", "MARK", "Event", "Timeline", "Track", "timeline"]
