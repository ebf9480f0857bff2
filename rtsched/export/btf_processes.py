"""The processes, cores and states of a run, as the Best Trace Format has them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from rtsched.export.identifiers import identifiers
from rtsched.export.ready import over, ready
from rtsched.export.timeline import PROCESSORS, Timeline
from rtsched.export.timeline_rows import processors
from rtsched.trace.trace import COMPLETED, DRAINED, DUPLICATE, OPEN_END, OVERHEAD, PART, STOPPED, Trace

#: Why a slice ends that is the last of its process.
LAST = (COMPLETED, PART, STOPPED, DRAINED)


class Presence(NamedTuple):
    """An instance of a process on a core from `start` to `end` (ns), and the events by which it came and left ("")."""

    start: int
    end: int
    process: int
    number: int
    core: int
    begin: str
    leave: str


class ProcessTable(NamedTuple):
    """All processes: names, the lanes of processors as cores, when instances are activated (time, job, process).

    `releases` are (time, process, number, core) of those that waited for a resource; `numbers` are the processes by
    (task, node); `meanings` say what names stand for.
    """

    tasks: list[str]
    names: list[str]
    cores: list[str]
    activations: list[tuple[int, int, int]]
    stays: list[Presence]
    releases: list[tuple[int, int, int, int]]
    numbers: dict[tuple[int, int], int]
    meanings: list[tuple[str, str]]


def processes(trace: Trace) -> ProcessTable:
    """The processes of a run: a node each; of a node that ran in several places at once one more for each place."""
    tracks = Timeline()
    lanes = tracks.add(PROCESSORS, [str(each.index) for each in trace.system.processors])
    processors(trace, tracks, lanes)
    places = tracks.spans[0].track.tolist()
    cores = [
        f"{trace.system.processors[int(track.name)].name}{f' lane {track.lane + 1}' if track.lane else ''}"
        for track in tracks.tracks
    ]
    made = _Maker(trace)
    made.states(places)
    made.activate()
    named, core_names = identifiers(made.named), identifiers(cores)
    return ProcessTable(
        identifiers(task.name for task in trace.system.tasks),
        [f"TASK_{name}" for name in named],
        [f"Core_{name}" for name in core_names],
        sorted(made.activations),
        made.stays,
        made.releases,
        {(task, node): number for (task, node, place), number in made.numbers.items() if place < 0},
        [(f"TASK_{own}", name) for own, name in zip(named, made.named, strict=True)]
        + [(f"Core_{own}", name) for own, name in zip(core_names, cores, strict=True)],
    )


class _Maker:
    """What is found of one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tasks: list[int] = trace.jobs["task"].tolist()
        self.index: list[int] = trace.jobs["index"].tolist()
        self.named: list[str] = []
        self.numbers: dict[tuple[int, int, int], int] = {}
        self.activations: list[tuple[int, int, int]] = []
        self.stays: list[Presence] = []
        self.releases: list[tuple[int, int, int, int]] = []
        self.begun: dict[tuple[int, int], int] = {}  # when the first slice of each node began
        for task in trace.system.tasks:
            for node in task.pieces:
                name = task.name if len(task.pieces) == 1 else f"{task.name}.{node.name}"
                self.numbers[task.index, node.index, -1] = len(self.named)
                self.named.append(name)
        twice = trace.logged[trace.logged["action"] == DUPLICATE]
        self.several = {who for table in (twice, trace.splits) for who in table[["job", "node"]].tolist()}

    def process(self, job: int, node: int, place: int) -> int:
        """The process of a node: that of the place where it is, if it was in several at once."""
        key = (self.tasks[job], node, place)
        if key not in self.numbers:
            where = self.trace.system.processors[place].name
            self.numbers[key] = len(self.named)
            self.named.append(f"{self.named[self.numbers[self.tasks[job], node, -1]]} on {where}")
        return self.numbers[key]

    def states(self, places: list[int]) -> None:
        """The stays of every instance, one after the other."""
        rows = self.trace.slices
        own = np.full(len(rows), -1)
        if self.several:
            parts = np.array([who in self.several for who in rows[["job", "node"]].tolist()], bool)
            own[parts] = rows["processor"][parts]
        order = np.lexsort((rows["end"], rows["start"], own, rows["node"], rows["job"]))
        columns = zip(rows[order].tolist(), order.tolist(), strict=True)
        ends = over(self.trace).tolist()
        for (job, node, place), group in groupby(columns, self._group):
            process = self.process(job, node, place)
            stays = list(_joined([(*row[:2], row[5], places[index]) for row, index in group]))
            if place >= 0:
                self.activations.append((stays[0][0], job, process))
            else:
                self.begun[job, node] = stays[0][0]
            self._instance(process, job, node, stays, ends[job])

    def _group(self, each: tuple[tuple[int, ...], int]) -> tuple[int, int, int]:
        _, _, job, node, place, _ = each[0]
        return job, node, place if (job, node) in self.several else -1

    def _instance(self, process: int, job: int, node: int, stays: list[tuple[int, int, int, int]], over: int) -> None:
        blocked = self._blocked(job, node)
        number = self.index[job]
        for place, (start, end, reason, core) in enumerate(stays):
            final = place == len(stays) - 1
            leave = "preempt"
            if end in blocked and end < blocked[end] and start < end:
                leave = "wait"
                self.releases.append((blocked[end], process, number, core))
            elif final and reason == OPEN_END:
                leave = ""
            elif final and (reason in LAST or over <= end):
                leave = "terminate"
            self.stays.append(Presence(start, end, process, number, core, "resume" if place else "start", leave))

    def _blocked(self, job: int, node: int) -> dict[int, int]:
        """From when to when a node waited for a resource."""
        if not len(self.trace.locks):
            return {}
        return {each.start: each.end for each in self.trace.history.blocked.get((job, node), ())}

    def activate(self) -> None:
        """Nodes without predecessors with their job, others when those before are done; transfers as they begin."""
        since = dict(self.begun)
        for start, _, job, node, _ in ready(self.trace).tolist():
            since[job, node] = min(since.get((job, node), start), start)
        releases = self.trace.jobs["release"].tolist()
        for task in self.trace.system.tasks:
            first = [node.index for node in task.nodes if not node.predecessors]
            for job in self.trace.numbers(task.index).tolist():
                for node in first:
                    since[job, node] = releases[job]
        for (job, node), time in since.items():
            if (job, node) not in self.several:
                self.activations.append((time, job, self.process(job, node, -1)))


def _joined(rows: list[tuple[int, int, int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """Costs and the work after them, and work and what drains after it, as one stay: (start, end, reason, core)."""
    open_one = rows[0]
    for start, end, reason, core in rows[1:]:
        since, until, why, where = open_one
        if until == start and where == core and since < until and (why == OVERHEAD or reason == DRAINED):
            open_one = (since, end, reason, core)
        else:
            yield open_one
            open_one = (start, end, reason, core)
    yield open_one
