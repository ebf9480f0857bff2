"""What must hold of each format, by its own rules: checks that know nothing of how rtsched writes them."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from perfetto.protos.perfetto.trace import perfetto_trace_pb2

from rtsched.export.btf import btf
from rtsched.export.chrome import chrome
from rtsched.export.pftrace import pftrace
from rtsched.export.vcd import vcd
from rtsched.metrics.summary import summary
from rtsched.trace.trace import Trace

# ---- Perfetto --------------------------------------------------------------------------------------------------------


@dataclass
class Perfetto:
    """A Perfetto trace as it was read: names of tracks by (group, name), what was on them."""

    raw: bytes
    tracks: dict[int, tuple[str, str]] = field(default_factory=dict)
    first: dict[tuple[str, str], int] = field(default_factory=dict)
    spans: dict[int, list[tuple[int, int, str, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    instants: list[tuple[int, str, str]] = field(default_factory=list)
    counters: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    flows: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def named(self, group: str, name: str) -> list[tuple[int, int, str, dict[str, Any]]]:
        """The spans on the first lane of that name."""
        return self.spans[self.first[group, name]]


def said(event: Any) -> dict[str, Any]:
    """The annotations of an event."""
    found = {}
    for each in event.debug_annotations:
        kind = each.WhichOneof("value")
        assert kind in ("int_value", "string_value")
        assert each.name not in found
        found[each.name] = getattr(each, kind)
    return found


def unknown(message: Any) -> bool:
    """Whether a message, or one inside it, has fields that its description does not know."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    inside = [value for descriptor, value in message.ListFields() if descriptor.message_type is not None]
    every = [each for value in inside for each in (value if hasattr(value, "__len__") else [value])]
    return len(UnknownFieldSet(message)) > 0 or any(map(unknown, every))


def perfetto(trace: Trace) -> Perfetto:
    """The Perfetto trace of a run, if it keeps all rules."""
    found = Perfetto(b"".join(pftrace(trace)))
    message = perfetto_trace_pb2.Trace.FromString(found.raw)
    assert not unknown(message)
    now, groups = 0, {}
    begun: dict[int, Any] = {}
    counters = set()
    for packet in message.packet:
        assert packet.trusted_packet_sequence_id == 1
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert not begun
            assert track.uuid not in found.tracks
            assert track.uuid not in groups
            assert track.name
            assert track.name.isprintable()
            if not track.parent_uuid:
                assert track.child_ordering == track.EXPLICIT
                groups[track.uuid] = track.name
                continue
            found.tracks[track.uuid] = (groups[track.parent_uuid], track.name)
            found.first.setdefault(found.tracks[track.uuid], track.uuid)
            if track.HasField("counter"):
                counters.add(track.uuid)
            continue
        event = packet.track_event
        assert packet.timestamp >= now
        now = packet.timestamp
        assert event.track_uuid in found.tracks
        assert (event.type == event.TYPE_COUNTER) == (event.track_uuid in counters)
        if event.type == event.TYPE_SLICE_BEGIN:
            assert event.track_uuid not in begun, found.tracks[event.track_uuid]
            assert event.name
            assert len(event.categories) == 1
            begun[event.track_uuid] = (now, event)
        elif event.type == event.TYPE_SLICE_END:
            start, first = begun.pop(event.track_uuid)
            found.spans[event.track_uuid].append((start, now, first.name, said(first)))
            for flow in first.flow_ids:
                found.flows[flow].append((start, now))
        elif event.type == event.TYPE_INSTANT:
            found.instants.append((now, found.tracks[event.track_uuid][1], event.name))
        else:
            value = event.counter_value if event.HasField("counter_value") else event.double_counter_value
            found.counters[found.tracks[event.track_uuid][1]].append((now, value))
    assert not begun
    for flow, ends in found.flows.items():
        assert len(ends) == 2, flow
        (_, source), (target, _) = sorted(ends)
        assert source <= target
    _totals(trace, found)
    return found


def _totals(trace: Trace, found: Perfetto) -> None:
    """Busy times, jobs and misses are those of the run."""
    lanes: dict[tuple[str, str], list[int]] = {}
    for number, name in found.tracks.items():
        lanes.setdefault(name, []).append(number)
    machines = [numbers[0] for (group, _), numbers in lanes.items() if group == "Processors"]
    for number, counters in zip(machines, trace.processors, strict=True):
        assert sum(end - start for start, end, *_ in found.spans[number]) == counters.busy
    jobs = [
        span for (group, _), numbers in lanes.items() if group == "Tasks" for n in numbers for span in found.spans[n]
    ]
    assert len(jobs) == len(trace.jobs)
    kinds = Counter(name for *_, name in found.instants)
    assert kinds["release"] == kinds["deadline"] == len(trace.jobs)
    if not trace.warm_up:
        assert kinds["miss"] == summary(trace).misses


# ---- Chrome ----------------------------------------------------------------------------------------------------------

_KEYS = {
    "M": {"ph", "pid", "tid", "name", "args"},
    "X": {"ph", "pid", "tid", "ts", "dur", "name", "cat", "args"},
    "i": {"ph", "s", "pid", "tid", "ts", "name", "cat", "args"},
    "C": {"ph", "pid", "tid", "ts", "name", "args"},
    "s": {"ph", "pid", "tid", "ts", "cat", "name", "id"},
    "f": {"ph", "bp", "pid", "tid", "ts", "cat", "name", "id"},
}


def nanoseconds(micro: Decimal) -> int:
    """A time of the file in ns: exactly."""
    time = micro * 1000
    assert time == int(time)
    return int(time)


def chromium(trace: Trace) -> list[dict[str, Any]]:
    """The events of the Chrome trace of a run, if it keeps all rules; times are ns."""
    text = "".join(chrome(trace))
    assert text.isascii()
    whole = json.loads(text, parse_float=Decimal)
    assert set(whole) == {"displayTimeUnit", "traceEvents"}
    events: list[dict[str, Any]] = whole["traceEvents"]
    spans: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    named, flows = set(), defaultdict(list)
    for event in events:
        assert set(event) == _KEYS[event["ph"]], event
        assert all(type(event[key]) is int for key in ("pid", "tid"))
        place = (event["pid"], event["tid"])
        for key in ("ts", "dur"):
            if key in event:
                event[key] = nanoseconds(event[key])
                assert event[key] >= 0
        if event["name"] == "thread_name":
            named.add(place)
        elif event["ph"] == "X":
            spans[place].append((event["ts"], event["ts"] + event["dur"]))
        if event["ph"] in "Xi":
            assert place in named
        if event["ph"] in "sf":
            flows[event["id"]].append(event)
    for mine in spans.values():  # none overlaps: each nests
        assert all(first[1] <= second[0] for first, second in pairwise(mine))
    for ends in flows.values():
        assert [each["ph"] for each in ends] == ["s", "f"]
        assert ends[0]["ts"] <= ends[1]["ts"]
        for each in ends:
            assert any(start <= each["ts"] <= end for start, end in spans[each["pid"], each["tid"]])
    busy = [sum(end - start for start, end in spans[1, 1 + place]) for place in range(len(trace.processors))]
    assert busy == [counters.busy for counters in trace.processors]
    return events


# ---- BTF -------------------------------------------------------------------------------------------------------------

#: The state charts of the specification (2.2): what each event leads to, by the state before.
_PROCESS = {
    ("terminated", "activate"): "active",
    ("terminated", "mtalimitexceeded"): "terminated",
    ("active", "start"): "running",
    ("running", "preempt"): "ready",
    ("running", "wait"): "waiting",
    ("running", "terminate"): "terminated",
    ("ready", "resume"): "running",
    ("waiting", "release"): "ready",
}
_SEMAPHORE = {
    ("", "free"): "free",
    ("free", "lock"): "full",
    ("full", "unlock"): "free",
    ("full", "overfull"): "overfull",
    ("overfull", "overfull"): "overfull",
    ("overfull", "full"): "full",
}
_ASKED = ("requestsemaphore", "assigned", "waiting", "released")


@dataclass
class Btf:
    """A file of the format as it was read: lines, states of instances, comments."""

    text: str
    lines: list[list[str]] = field(default_factory=list)
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    busy: Counter[str] = field(default_factory=Counter)
    comments: list[str] = field(default_factory=list)


def best(trace: Trace) -> Btf:
    """The Best Trace Format file of a run, if it keeps all rules."""
    found = Btf("".join(btf(trace)))
    assert found.text.isascii()
    assert found.text.startswith("#version 2.2.1\n#creator rtsched ")
    assert "#timescale ns\n" in found.text
    on: dict[str, tuple[str, str] | None] = {}
    since: dict[str, int] = {}
    semaphores: dict[str, str] = defaultdict(str)
    triggered: set[tuple[str, str]] = set()
    now = 0
    for line in found.text.splitlines():
        if line.startswith("#"):
            found.comments.append(line)
            continue
        parts = line.split(",")
        assert 7 <= len(parts) <= 8, line
        assert all(re.fullmatch("[A-Za-z0-9_]+", each) for each in parts), line
        found.lines.append(parts)
        time, source, number, kind, target, instance, event = parts[:7]
        assert int(time) >= now, line
        now = int(time)
        if kind == "STI":
            assert (source, number, event) == (target, instance, "trigger")
            assert (source, number) not in triggered
            triggered.add((source, number))
        elif kind == "T":
            who = (target, instance)
            before = found.states.get(who, "terminated")
            assert before != "terminated" or who not in found.states, f"{line}: it is over"
            assert (before, event) in _PROCESS, f"{line}: from {before}"
            found.states[who] = _PROCESS[before, event]
            if event in ("activate", "mtalimitexceeded"):
                assert (source, number) in triggered
            else:
                assert source.startswith("Core_")
            if event in ("start", "resume"):
                assert on.get(source) is None, f"{line}: {on[source]} is there"
                assert who not in on.values(), line
                on[source], since[source] = who, now
            elif event in ("preempt", "wait", "terminate"):
                assert on[source] == who, line
                on[source] = None
                found.busy[source] += now - since[source]
        elif kind == "SEM":
            if event in _ASKED:
                assert source.startswith("TASK_")
            else:
                assert source == target
                semaphores[target] = _SEMAPHORE[semaphores[target], event]
                assert (event in ("free", "unlock")) == (parts[7] == "0")
        else:
            assert (kind, event) == ("C", "set_frequence")
    jobs = trace.jobs
    names = [f"TASK_{task.index}" for task in trace.system.tasks]
    assert len(names) == len(trace.system.tasks)
    assert sum("missed its deadline" in line for line in found.comments) == int(
        np.isin(jobs["outcome"], (1, 2, 3)).sum()
    )
    return found


# ---- VCD -------------------------------------------------------------------------------------------------------------


def waves(trace: Trace) -> dict[str, list[tuple[int, str]]]:
    """The signals of the Value Change Dump of a run by their full names: (time, value), if it keeps all rules."""
    text = "".join(vcd(trace))
    assert text.isascii()
    head, body = text.split("$enddefinitions $end\n")
    assert "$timescale 1 ns $end" in head
    kinds: dict[str, tuple[str, str]] = {}
    scope: list[str] = []
    for command, rest in re.findall(r"\$(\w+) ?(.*?) ?\$end\n", head):
        if command == "scope":
            assert rest.startswith("module ")
            scope.append(rest.removeprefix("module "))
        elif command == "upscope":
            scope.pop()
        elif command == "var":
            kind, width, code, name = rest.split(" ")
            assert width == ("64" if kind == "real" else "1")
            assert kind in ("wire", "event", "string", "real")
            assert re.fullmatch("[!-~]+", code)
            assert re.fullmatch("[A-Za-z0-9_]+", name)
            assert code not in kinds
            kinds[code] = kind, ".".join((*scope, name))
        else:
            assert command in ("version", "comment", "timescale")
            assert "$" not in rest
    assert re.sub(r"\$(\w+) ?(.*?) ?\$end\n", "", head) == ""
    assert not scope
    assert len({name for _, name in kinds.values()}) == len(kinds)
    start, *lines = body.splitlines()
    assert start == "#0"
    assert lines[0] == "$dumpvars"
    dumped = lines.index("$end")
    found: dict[str, list[tuple[int, str]]] = {name: [] for _, name in kinds.values()}
    now = 0
    for place, line in enumerate(lines):
        if line in ("$dumpvars", "$end"):
            assert place in (0, dumped)
            continue
        if line.startswith("#"):
            assert int(line[1:]) > now
            now = int(line[1:])
            continue
        written = re.fullmatch(r"([01])([!-~]+)|([rs])([!-~]+) ([!-~]+)", line)
        assert written is not None, line
        value, code = (written[1], written[2]) if written[1] else (written[4], written[5])
        kind, name = kinds[code]
        assert kind in {"r": ("real",), "s": ("string",)}.get(written[3] or "", ("wire", "event")), line
        if kind == "real":
            float(value)
        if place < dumped:
            assert kind != "event"
        elif kind in ("wire", "string"):
            assert found[name][-1][1] != value or now == 0, line
        found[name].append((now, value))
    return found


def every(trace: Trace) -> tuple[Perfetto, list[dict[str, Any]], Btf, dict[str, list[tuple[int, str]]]]:
    """A run in all four formats, if it keeps the rules of each, the same bytes each time."""
    found = perfetto(trace), chromium(trace), best(trace), waves(trace)
    assert b"".join(pftrace(trace)) == found[0].raw
    assert "".join(btf(trace)) == found[2].text
    return found
