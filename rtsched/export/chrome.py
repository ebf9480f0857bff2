"""A run in the JSON of Chrome's tracing, which Perfetto, speedscope and Firefox's profiler read, too.

The "JSON object format" of the Trace Event Format: groups of tracks are processes, tracks are threads; a span is a
complete event (``X``), a mark an instant (``i``), a counter ``C``, an arrow a pair of ``s`` and ``f``. Times are µs
with three decimals: nanoseconds, exactly. On one thread nothing overlaps, so that everything nests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from rtsched.export import timeline as lines
from rtsched.export.exporter import exporter, need_trace
from rtsched.export.timeline import GROUPS, Event, Label, Timeline, timeline
from rtsched.trace.trace import Trace

#: Pieces of so many lines are handed on.
AT_ONCE = 4096
#: So many encoded labels are kept.
MOST_LABELS = 20_000


@exporter(".json", reasons=True)
def chrome(trace: Trace) -> Iterator[str]:
    """A trace in the JSON of Chrome's tracing, for speedscope and others."""
    need_trace(trace)
    found = timeline(trace)
    yield '{"displayTimeUnit":"ns","traceEvents":['
    held: list[str] = []
    joint = "\n"
    for line in _lines(found):
        held.append(line)
        if len(held) >= AT_ONCE:
            yield joint + ",\n".join(held)
            joint = ",\n"
            held.clear()
    if held:
        yield joint + ",\n".join(held)
    yield "\n]}\n"


def _lines(found: Timeline) -> Iterator[str]:
    for number, group in enumerate(GROUPS, 1):
        if any(track.group == group for track in found.tracks):
            yield _named("process", group, number, 0)
            yield f'{{"ph":"M","pid":{number},"tid":0,"name":"process_sort_index","args":{{"sort_index":{number}}}}}'
    for number, track in enumerate(found.tracks):
        if track.group != lines.COUNTERS:
            name = track.name if not track.lane else f"{track.name} ({track.lane + 1})"
            place = GROUPS.index(track.group) + 1
            yield _named("thread", name, place, number + 1)
            yield (
                f'{{"ph":"M","pid":{place},"tid":{number + 1},"name":"thread_sort_index",'
                f'"args":{{"sort_index":{number + 1}}}}}'
            )
    encode = JsonEncoder(found)
    for event in lines.events(found):
        if event.kind != lines.END:
            yield from encode(event)


def _named(what: str, name: str, process: int, thread: int) -> str:
    told = json.dumps(name)
    return f'{{"ph":"M","pid":{process},"tid":{thread},"name":"{what}_name","args":{{"name":{told}}}}}'


def micro(time: int) -> str:
    """A time in ns as µs, with nothing lost."""
    return f"{time // 1000}.{time % 1000:03d}"


class JsonEncoder:
    """Events as lines of JSON; what many have in common is encoded once."""

    def __init__(self, found: Timeline) -> None:
        self.places = [
            f'"pid":{GROUPS.index(track.group) + 1},"tid":{number + 1}' for number, track in enumerate(found.tracks)
        ]
        self.courses = {
            number: (json.dumps(found.tracks[number].name), json.dumps(course.unit or "value"), course.scale)
            for number, course in found.courses
        }
        self.labels: dict[Label, tuple[str, str, tuple[str, ...]]] = {}

    def __call__(self, event: Event) -> Iterator[str]:
        time, kind, track, said, value, end, leaves, comes = event
        place, at = self.places[track], micro(time)
        if said is None:
            name, unit, scale = self.courses[track]
            exact = value // scale if value % scale == 0 else value / scale
            yield f'{{"ph":"C",{place},"ts":{at},"name":{name},"args":{{{unit}:{exact}}}}}'
            return
        label, numbers = said
        head, texts, names = self.labels.get(label) or self._label(label)
        more = ",".join(f"{name}{number}" for name, number in zip(names, numbers, strict=True))
        arguments = f"{texts},{more}" if texts and more else texts or more
        if kind == lines.MARK:
            yield f'{{"ph":"i","s":"t",{place},"ts":{at},{head},"args":{{{arguments}}}}}'
            return
        yield f'{{"ph":"X",{place},"ts":{at},"dur":{micro(end - time)},{head},"args":{{{arguments}}}}}'
        for flow in comes:
            yield f'{{"ph":"f","bp":"e",{place},"ts":{at},"cat":"flow","name":"next","id":{flow}}}'
        for flow in leaves:
            last = micro(max(time, end - 1))
            yield f'{{"ph":"s",{place},"ts":{last},"cat":"flow","name":"next","id":{flow}}}'

    def _label(self, label: Label) -> tuple[str, str, tuple[str, ...]]:
        """The name with the category, what is said in words, and the names of its numbers."""
        head = f'"name":{json.dumps(label.name)},"cat":{json.dumps(label.category)}'
        texts = ",".join(f"{json.dumps(name)}:{json.dumps(text)}" for name, text in label.texts)
        if len(self.labels) >= MOST_LABELS:
            self.labels.clear()
        self.labels[label] = head, texts, tuple(f"{json.dumps(name)}:" for name in label.numbers)
        return self.labels[label]
