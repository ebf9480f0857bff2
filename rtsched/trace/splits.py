"""Splits in a trace: which slices are parts of a node that ran on several processors, and of which split."""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtsched.trace.trace import COMPLETED, OVERHEAD, Trace

#: A node of a job, by numbers.
Who = tuple[int, int]


class Stay(NamedTuple):
    """A part on its processor, from the split on until it leaves; its share, and whether that was done."""

    start: int
    end: int
    processor: int
    share: int
    done: bool


def splits(trace: Trace) -> dict[Who, list[list[Stay]]]:
    """The splits of every node that was split, in order of time; each is its parts.

    One that was stopped at its very instant is none: another may begin then.
    """
    found: dict[Who, list[list[Stay]]] = {}
    rows = [(job, node, Stay(start, end, place, share, bool(done)))
            for start, end, job, node, place, share, done in trace.splits.tolist() if end > start or done]  # fmt: skip
    for (job, node, _), group in groupby(sorted(rows), key=lambda row: (row[0], row[1], row[2].start)):
        found.setdefault((job, node), []).append([stay for *_, stay in group])
    return found


def split_nodes(trace: Trace, rows: NDArray[Any]) -> NDArray[Any]:
    """Which slices are of nodes that were split at some time."""
    nodes = set(trace.splits[["job", "node"]].tolist())
    return np.array([who in nodes for who in rows[["job", "node"]].tolist()], bool)


def joins(trace: Trace, rows: NDArray[Any]) -> NDArray[Any]:
    """Which slices are joins, or the completion after one: nothing was decided there."""
    lasts = {who: max(found[-1], key=lambda stay: (stay.end, stay.processor)) for who, found in splits(trace).items()}
    keys = ["job", "node", "processor", "start", "end", "reason"]
    mask = []
    for job, node, place, start, end, reason in rows[keys].tolist():
        last = lasts.get((job, node))
        join = last is not None and place == last.processor and start == last.end and reason == OVERHEAD
        mask.append(join or (last is not None and reason == COMPLETED and start == end))
    return np.array(mask, bool)


def beside(trace: Trace, rows: NDArray[Any]) -> NDArray[Any]:
    """Which slices (by job, node and start) began in the split in which the one before them began."""
    found = splits(trace)
    own = [split_of(found.get((job, node), []), *row) for job, node, *row in rows[_PLACE].tolist()]
    same = [bool(index) and each is not None and each is own[index - 1] for index, each in enumerate(own)]
    return np.array(same, bool)


_PLACE = ["job", "node", "processor", "start", "end"]


def split_of(found: list[list[Stay]], place: int, start: int, end: int) -> list[Stay] | None:
    """The split in which a slice is (of) a part."""
    for split in found:
        if any(stay.processor == place and stay.start <= start and end <= stay.end for stay in split):
            return split
    return None
