"""Nodes that ran twice in a trace: when, where, and which slices are those of copies that went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtsched.trace.trace import CANCEL, DRAINED, DUPLICATE, MIGRATE, RESUME, START

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

Node = tuple[int, int]


def pairs(trace: Trace) -> dict[Node, list[tuple[int, int, int, int]]]:
    """By (job, node) each time that it ran twice: from when (ns), the copy's processor, until when, who went then.

    -1 as the last one's processor: both were there when the run was over.
    """
    found: dict[Node, list[tuple[int, int, int, int]]] = {}
    begun: dict[Node, tuple[int, int]] = {}
    for time, job, node, place, action in trace.logged.tolist():
        if action == DUPLICATE:
            begun[job, node] = (time, place)
        elif action == CANCEL and (job, node) in begun:
            found.setdefault((job, node), []).append((*begun.pop((job, node)), time, place))
    for key, (time, place) in begun.items():
        found.setdefault(key, []).append((time, place, trace.end, -1))
    return found


def discarded(trace: Trace) -> NDArray[Any]:
    """Which slices are those of copies that went; of two that were there at the end the second counts as gone."""
    gone = np.zeros(len(trace.slices), bool)
    for (job, node), those in pairs(trace).items():
        mine = np.flatnonzero((trace.slices["job"] == job) & (trace.slices["node"] == node))
        for start, place, end, who in those:
            rows = trace.slices[mine]
            second = (rows["processor"] == place) & (rows["start"] >= start) & (rows["start"] < end)
            if who in (place, -1):
                gone[mine[second]] = True
            else:
                gone[mine[(rows["start"] < end) & ~second]] = True
            drained = (rows["processor"] == who) & (rows["start"] == end) & (rows["reason"] == DRAINED)
            gone[mine[drained]] = True
    return gone


def retold(trace: Trace, starts: NDArray[Any]) -> NDArray[Any]:
    """The `starts` without those of copies, which are logged; who resumes or migrates was the one that stayed."""
    kept = np.ones(len(starts), bool)
    told = starts.copy()
    for (job, node), those in pairs(trace).items():
        copies = {(start, place) for start, place, _, _ in those}
        where, to_come = -1, list(those)
        for index in np.flatnonzero((starts["job"] == job) & (starts["node"] == node)):
            time, place = int(starts["time"][index]), int(starts["processor"][index])
            if (time, place) in copies:
                kept[index] = False
                continue
            while to_come and to_come[0][2] <= time:
                _, second, _, who = to_come.pop(0)
                where = where if who in (second, -1) else second
            told["action"][index] = START if where < 0 else RESUME if where == place else MIGRATE
            where = place
    remaining: NDArray[Any] = told[kept]
    return remaining
