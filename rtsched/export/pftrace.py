"""A run as a Perfetto trace: what ui.perfetto.dev and its trace processor read (``.pftrace``).

A ``Trace`` of ``TracePacket``: descriptors of the tracks first, then ``TrackEvent`` in the order of time. The numbers
of fields are those of perfetto's ``protos/perfetto/trace``. No package is needed to write it; times are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.export import timeline as lines
from rtsched.export.exporter import exporter, need_trace
from rtsched.export.timeline import GROUPS, Event, Label, Timeline, timeline
from rtsched.export.wire import Times, content, double, key, varint, whole
from rtsched.trace.trace import Trace

# TracePacket; TrackEvent and its types; TrackDescriptor; CounterDescriptor; DebugAnnotation.
PACKET = 1
TIMESTAMP, SEQUENCE, TRACK_EVENT, TRACK_DESCRIPTOR = 8, 10, 11, 60
ANNOTATION, TYPE, TRACK, CATEGORY, NAME, COUNTER, DOUBLE_COUNTER, FLOW = 4, 9, 11, 22, 23, 30, 44, 47
BEGIN, END, INSTANT, COUNT = 1, 2, 3, 4
UUID, TRACK_NAME, PARENT, COUNTER_DESCRIPTOR, CHILD_ORDERING, RANK, DESCRIPTION = 1, 2, 5, 8, 11, 12, 14
EXPLICIT = 3
UNIT_NAME = 6
ARGUMENT, WHOLE, TEXT = 10, 4, 6

#: What the groups are for, to be read where the tracks are chosen.
MEANINGS = {
    lines.PROCESSORS: "what ran where; further lanes: members of one batch",
    lines.TASKS: "each job from its release until it was over",
    lines.BLOCKS: "blocks and copies that ran side by side on a GPU, and where a stream only waited",
    lines.RESOURCES: "who held each resource",
    lines.HARDWARE: "what was out of service",
    lines.COUNTERS: "what moved; a node that was ready counts where it ran next",
}
#: Pieces of this many bytes are handed on.
AT_ONCE = 1 << 18
#: So many encoded labels are kept.
MOST_LABELS = 20_000

_SEQUENCE = whole(SEQUENCE, 1)
_TIMESTAMP, _EVENT, _PACKET, _FLOW = key(TIMESTAMP, 0), key(TRACK_EVENT, 2), key(PACKET, 2), key(FLOW, 1)
_SEQUENCE_EVENT, _ANNOTATION = _SEQUENCE + _EVENT, key(ANNOTATION, 2)


@exporter(".pftrace", ".perfetto-trace", reasons=True)
def pftrace(trace: Trace) -> Iterator[bytes]:
    """A Perfetto trace, for ui.perfetto.dev."""
    need_trace(trace)
    found = timeline(trace)
    held = bytearray()
    for packet in _packets(found, trace):
        held += packet
        if len(held) >= AT_ONCE:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _packets(found: Timeline, trace: Trace) -> Iterator[bytes]:
    yield from _descriptors(found, trace)
    encode = PacketEncoder(found)
    for event in lines.events(found):
        yield encode(event)


def _descriptors(found: Timeline, trace: Trace) -> Iterator[bytes]:
    """The packets that say which tracks there are: groups have the first numbers, their tracks those behind."""
    used = [group for group in GROUPS if any(track.group == group for track in found.tracks)]
    for place, group in enumerate(used):
        told = whole(UUID, 1 + GROUPS.index(group)) + content(TRACK_NAME, group)
        told += whole(CHILD_ORDERING, EXPLICIT) + whole(RANK, place)
        yield _packet(content(TRACK_DESCRIPTOR, told + content(DESCRIPTION, MEANINGS[group])))
    for number, track in enumerate(found.tracks):
        told = whole(UUID, uuid(number)) + content(TRACK_NAME, track.name)
        told += whole(PARENT, 1 + GROUPS.index(track.group)) + whole(RANK, number)
        if track.group == lines.COUNTERS:
            told += content(COUNTER_DESCRIPTOR, content(UNIT_NAME, track.unit) if track.unit else b"")
        yield _packet(content(TRACK_DESCRIPTOR, told))


def uuid(track: int) -> int:
    """The number of a track in the file."""
    return len(GROUPS) + 1 + track


def _packet(inside: bytes) -> bytes:
    return content(PACKET, inside + _SEQUENCE)


class PacketEncoder:
    """Events as packets; what many have in common is encoded once."""

    def __init__(self, found: Timeline) -> None:
        heads = {lines.BEGIN: BEGIN, lines.EMPTY: BEGIN, lines.END: END, lines.MARK: INSTANT, lines.COUNT: COUNT}
        self.heads = {
            kind: [whole(TYPE, type_) + whole(TRACK, uuid(number)) for number in range(len(found.tracks))]
            for kind, type_ in heads.items()
        }
        self.scales = {number: course.scale for number, course in found.courses}
        self.labels: dict[Label, tuple[bytes, tuple[bytes, ...]]] = {}
        self.times = Times()

    def __call__(self, event: Event) -> bytes:
        time, kind, track, said, value, _, leaves, comes = event
        inside = self.heads[kind][track]
        if said is not None:
            label, numbers = said
            told = self.labels.get(label)
            if told is None:
                told = self._label(label)
            inside += told[0]
            for argument, number in zip(told[1], numbers, strict=True):
                raw = argument + varint(number)
                inside += _ANNOTATION + varint(len(raw)) + raw
            for flow in (*comes, *leaves):
                inside += _FLOW + flow.to_bytes(8, "little")
        elif kind == lines.COUNT:
            scale = self.scales[track]
            inside += whole(COUNTER, value // scale) if value % scale == 0 else double(DOUBLE_COUNTER, value / scale)
        packet = self._timed(time, inside)
        return packet + self._timed(time, self.heads[lines.END][track]) if kind == lines.EMPTY else packet

    def _timed(self, time: int, inside: bytes) -> bytes:
        raw = _TIMESTAMP + self.times(time) + _SEQUENCE_EVENT + varint(len(inside)) + inside
        return _PACKET + varint(len(raw)) + raw

    def _label(self, label: Label) -> tuple[bytes, tuple[bytes, ...]]:
        """The name, the category and what is said in words; the beginnings of its numbers."""
        told = content(CATEGORY, label.category) + content(NAME, label.name)
        for name, text in label.texts:
            told += content(ANNOTATION, content(ARGUMENT, name) + content(TEXT, text))
        if len(self.labels) >= MOST_LABELS:
            self.labels.clear()
        self.labels[label] = told, tuple(content(ARGUMENT, name) + key(WHOLE, 0) for name in label.numbers)
        return self.labels[label]
