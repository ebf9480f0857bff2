"""What stands on the tracks of devices in a timeline: blocks on GPUs, who held resources, what was out of service."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.export.identifiers import labels
from rtsched.export.timeline import BLOCKS, HARDWARE, RESOURCES, Label, Marks, Numbers, Said, Spans, Timeline
from rtsched.export.timeline_rows import LONGEST, Say, always, names_of
from rtsched.trace.trace import CEILING, CHECKPOINT, DOWN, EVICT, GIVE, LOAD, LOADED, SUSPEND, TAKE, UP, WAIT, Trace
from rtsched.visible import cut

# ---- GPUs ------------------------------------------------------------------------------------------------------------


def blocks(trace: Trace, made: Timeline) -> None:
    """Waves of blocks, copies, and where a stream had something and nothing of it ran."""
    copies = trace.waves["blocks"] == 0
    parts = (
        (trace.waves[~copies], "blocks", ""),
        (trace.waves[copies], "copy", " copies"),
        (trace.waits, "waiting", " waiting"),
    )
    for rows, category, suffix in parts:
        if len(rows):
            used = np.unique(rows["processor"])
            names = labels(trace.system.processors[place].name + suffix for place in used.tolist())
            place = made.add(BLOCKS, names)[np.searchsorted(used, rows["processor"])]
            start, end = rows["start"].astype(np.int64), rows["end"].astype(np.int64)
            made.spans.append(Spans(start, end, made.spread(start, end, place), _pieces(trace, rows, category)))


def _pieces(trace: Trace, table: NDArray[Any], category: str) -> Say:
    names = names_of(trace)
    more = {"blocks": ("kernel", "blocks"), "copy": ("kernel",)}.get(category, ())
    known: dict[tuple[int, int], Label] = {}

    def say(rows: Numbers) -> list[Said]:
        mine = table[rows]
        owner, index = trace.jobs["task"][mine["job"]].tolist(), trace.jobs["index"][mine["job"]].tolist()
        nodes = mine["node"].tolist()
        values = list(zip(index, *(mine[name].tolist() for name in more), strict=True))
        for task, node in set(zip(owner, nodes, strict=True)) - known.keys():
            known[task, node] = Label(names[task][node], category, (), ("job", *more))
        return [(known[task, node], each) for task, node, each in zip(owner, nodes, values, strict=True)]

    return say


# ---- resources and hardware ------------------------------------------------------------------------------------------


def resources(trace: Trace, made: Timeline) -> None:
    """Who held each resource and from when on somebody waited for it; deadlocks."""
    if len(trace.locks):
        tracks = made.add(RESOURCES, labels(trace.resources))
        spans = held(trace)
        table = np.array(spans, np.int64).reshape(-1, 4)
        made.spans.append(
            Spans(table[:, 0], table[:, 1], tracks[table[:, 3]], _named(trace, table[:, 2], "lock", "")),
        )
        waits = trace.locks[np.isin(trace.locks["what"], (WAIT, CEILING))]
        said = _named(trace, waits["job"].astype(np.int64), "lock", " waits")
        made.marks.append(Marks(waits["time"].astype(np.int64), tracks[waits["resource"]], said))
    if trace.deadlocks:
        track = made.add(RESOURCES, ["deadlocks"])
        texts = [(("what", cut(str(each), LONGEST)),) for each in trace.deadlocks]
        said_of: list[Said] = [(Label("deadlock", "deadlock", text), ()) for text in texts]
        times = np.array([each.time for each in trace.deadlocks], np.int64)
        made.marks.append(Marks(times, np.full(len(times), track[0]), _in_order(said_of)))


def held(trace: Trace) -> list[tuple[int, int, int, int]]:
    """From when to when a job held a resource: (start, end, job, resource), by start."""
    found: list[tuple[int, int, int, int]] = []
    begun: dict[tuple[int, int, int], int] = {}
    for time, job, node, resource, what in trace.locks.tolist():
        if what == TAKE:
            begun[job, node, resource] = time
        elif what == GIVE and (job, node, resource) in begun:
            found.append((begun.pop((job, node, resource)), time, job, resource))
    open_ones = [(start, max(start, trace.end), job, resource) for (job, _, resource), start in begun.items()]
    return sorted([*found, *open_ones])


def _named(trace: Trace, which: Numbers, category: str, suffix: str) -> Say:
    made = [Label(name + suffix, category, (), ("job",)) for name in labels(task.name for task in trace.system.tasks)]

    def say(rows: Numbers) -> list[Said]:
        mine = trace.jobs[which[rows]]
        both = zip(mine["task"].tolist(), mine["index"].tolist(), strict=True)
        return [(made[task], (index,)) for task, index in both]

    return say


def _in_order(said: list[Said]) -> Say:
    """What is said of rows, where it is all there."""
    return lambda rows: [said[row] for row in rows.tolist()]


#: Changes that are marked where they happen, with what their value means.
MARKED = {
    LOAD: ("load", "bytes"), EVICT: ("evict", "bytes"), LOADED: ("loaded", "bytes"), CHECKPOINT: ("checkpoint", ""),
    SUSPEND: ("suspend", "level"),
}  # fmt: skip


def hardware(trace: Trace, made: Timeline, tracks: Numbers) -> None:
    """When a processor was out of service; loads, evictions, checkpoints and suspensions where they happened."""
    for place, spans in sorted(outages(trace).items()):
        track = made.add(HARDWARE, labels([f"{trace.system.processors[place].name} out of service"]))
        start, end = np.array(spans, np.int64).T
        made.spans.append(Spans(start, end, np.full(len(start), track[0]), always(Label("out of service", "fault"))))
    memory: Numbers | None = None
    for what, (name, meaning) in MARKED.items():
        rows = trace.changes[trace.changes["what"] == what]
        if not len(rows):
            continue
        if memory is None and (rows["subject"] < 0).any():
            memory = made.add(HARDWARE, ["memory"])
        place_of = np.append(tracks, -1 if memory is None else memory[0])  # subject -1: the last
        label = Label(name, "hardware", (), (meaning,) if meaning else ())
        said: list[Said] = [(label, (each,) if meaning else ()) for each in rows["value"].tolist()]
        made.marks.append(Marks(rows["time"].astype(np.int64), place_of[rows["subject"]], _in_order(said)))


def outages(trace: Trace) -> dict[int, list[tuple[int, int]]]:
    """When each processor was out of service or stood still, within the run."""
    found: dict[int, list[tuple[int, int]]] = {}
    for each in trace.system.processors:
        spans = [(start, min(end, trace.end)) for start, end in each.blackouts if start < trace.end]
        if spans:
            found[each.index] = spans
    since: dict[int, int] = {}
    for time, what, place, _ in trace.changes[np.isin(trace.changes["what"], (DOWN, UP))].tolist():
        if what == DOWN:
            since.setdefault(place, time)
        elif place in since:
            found.setdefault(place, []).append((since.pop(place), time))
    for place, time in since.items():
        found.setdefault(place, []).append((time, max(time, trace.end)))
    return {place: _joined(sorted(spans)) for place, spans in found.items()}


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
