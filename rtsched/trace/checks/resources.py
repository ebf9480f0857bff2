"""What must hold of resources: locks have one holder, and no more is reserved than there is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from rtsched.model.taskgraph import SystemSpec
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import COMPLETED, GIVE, KILLED, OVERHEAD, RESERVE, TAKE, Trace


def holders(trace: Trace) -> Iterator[str]:
    """A resource is held by one node at a time, and given back by who holds it."""
    holder: dict[int, tuple[int, int]] = {}
    for row in trace.locks:
        who, what = (int(row["job"]), int(row["node"])), int(row["resource"])
        if row["what"] == TAKE and what in holder:
            both = f"{name_of(trace, holder[what][0])} and {name_of(trace, who[0])}"
            yield f"{both} hold {trace.resources[what]!r} at {row['time']}"
        if row["what"] == GIVE and holder.pop(what, None) != who:
            yield f"{name_of(trace, who[0])} gives {trace.resources[what]!r} back at {row['time']} and does not hold it"
        if row["what"] == TAKE:
            holder[what] = who


def ceilings(trace: Trace) -> Iterator[str]:
    """Under the original ceiling protocol nobody takes anything while another holds what it uses itself.

    Its priority is not higher than that one's ceiling, whatever the policy's priorities are. Not asked where another
    protocol is there besides, under which a holder may inherit more.
    """
    if set(trace.system.protocols.values()) != {"original-ceiling"}:
        return
    holder: dict[int, tuple[int, int]] = {}
    for _, job, node, taken, what in trace.locks.tolist():
        if what == TAKE:
            own = {section.resource for section in trace.node(job, node).sections}
            for other, who in holder.items():
                if who != (job, node) and trace.resources[other] in own:
                    yield (
                        f"{name_of(trace, job)} takes {trace.resources[taken]!r} beneath the ceiling of "
                        f"{trace.resources[other]!r}, which {name_of(trace, who[0])} holds"
                    )
            holder[taken] = (job, node)
        elif what == GIVE:
            holder.pop(taken, None)


def sections(trace: Trace) -> Iterator[str]:
    """Seen from the slices alone: no two nodes are inside their sections of one resource at a time.

    For nodes that completed on processors of a fixed speed.
    """
    tasks = {task.index for task in trace.system.tasks if any(node.sections for node in task.all_nodes)}
    if not tasks:
        return
    plain = _plain_processors(trace.system)
    rows = trace.own[trace.own["reason"] != OVERHEAD]
    rows = rows[np.isin(trace.jobs["task"][rows["job"]], list(tasks))]
    rows = rows[np.lexsort((rows["start"], rows["node"], rows["job"]))]
    pieces: dict[tuple[int, int], list[tuple[int, int]]] = {}
    elsewhere: set[tuple[int, int]] = set()
    held: dict[str, list[tuple[int, int, int]]] = {}
    for row in rows:
        key = (int(row["job"]), int(row["node"]))
        pieces.setdefault(key, []).append((int(row["start"]), int(row["end"])))
        if row["reason"] == KILLED:
            pieces[key].clear()
        if int(row["processor"]) not in plain:
            elsewhere.add(key)
        if row["reason"] != COMPLETED or key in elsewhere:
            continue
        node = trace.node(*key)
        demand = sum(end - start for start, end in pieces[key])
        for section in node.sections:
            bounds = (section.start * demand // node.fastest, section.end * demand // node.fastest)
            if bounds[0] < bounds[1]:
                begin, end = _instant(pieces[key], bounds[0] + 1) - 1, _instant(pieces[key], bounds[1])
                held.setdefault(section.resource, []).append((begin, end, key[0]))
    for resource, spans in held.items():
        spans.sort()
        for first, second in pairwise(spans):
            if second[0] < first[1]:
                both = f"{name_of(trace, first[2])} and {name_of(trace, second[2])}"
                yield f"{both} are in their sections of {resource!r} at {second[0]}"


def _instant(pieces: list[tuple[int, int]], work: int) -> int:
    """When `work` ns were done in these intervals."""
    for start, end in pieces:
        if work <= end - start:
            return start + work
        work -= end - start
    return pieces[-1][1]


def _plain_processors(system: SystemSpec) -> set[int]:
    rated = frozenset[int]() if system.hardware is None else system.hardware.rated
    return {each.index for each in system.processors if each.index not in rated and not each.blackouts}


def reserved(trace: Trace) -> Iterator[str]:
    """Never is more reserved than there is, and nothing when all is over."""
    rows = trace.changes[trace.changes["what"] == RESERVE]
    for number, (resource, capacity) in enumerate(trace.system.reservable.items()):
        mine = rows[rows["subject"] == number]
        for row in mine[(mine["value"] > capacity) | (mine["value"] < 0)]:
            yield f"{row['value']} of {resource!r} are reserved at {row['time']}, of {capacity}"
        if len(mine) and mine["value"][-1]:
            yield f"{mine['value'][-1]} of {resource!r} are still reserved when all is over"
