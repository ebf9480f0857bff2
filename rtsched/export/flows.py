"""What leads to what: from each piece of a node to its next one, and from each node to those after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.trace.trace import COMPLETED, DRAINED, Trace

Numbers = NDArray[np.int64]


class Flows:
    """Edges between rows of a table; edge number n has the number n + 1."""

    def __init__(self, source: Numbers, target: Numbers) -> None:
        numbers = np.arange(1, len(source) + 1)
        self.source, self.target = source, target
        self._out, self._in = np.argsort(source, kind="stable"), np.argsort(target, kind="stable")
        self._sources, self._targets = source[self._out], target[self._in]
        self._leaving, self._coming = numbers[self._out], numbers[self._in]

    def of(self, rows: Numbers) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """The numbers of the edges that leave each row, and of those that come to it."""
        if not len(self.source):
            none: list[tuple[int, ...]] = [()] * len(rows)
            return none, none
        return _those(self._sources, self._leaving, rows), _those(self._targets, self._coming, rows)


def _those(keys: Numbers, numbers: Numbers, rows: Numbers) -> list[tuple[int, ...]]:
    first = np.searchsorted(keys, rows).tolist()
    last = np.searchsorted(keys, rows, side="right").tolist()
    if not first:
        return []
    low = min(first)
    near = numbers[low : max(last)].tolist()
    return [tuple(near[begin - low : end - low]) for begin, end in zip(first, last, strict=True)]


NO_FLOWS = Flows(np.empty(0, np.int64), np.empty(0, np.int64))


def flows(trace: Trace, slices: NDArray[Any]) -> Flows:
    """The edges between these slices; each leads from what has ended to what begins then, or later."""
    rows = np.flatnonzero(slices["reason"] != DRAINED)
    mine = slices[rows]
    order = np.lexsort((mine["end"], mine["start"], mine["node"], mine["job"]))
    rows, mine = rows[order], mine[order]
    same = (mine["job"][1:] == mine["job"][:-1]) & (mine["node"][1:] == mine["node"][:-1])
    joined = same & (mine["end"][:-1] <= mine["start"][1:])
    found = [(rows[:-1][joined], rows[1:][joined]), *_between_nodes(trace, mine, rows, np.append(True, ~same))]
    return Flows(
        np.concatenate([np.empty(0, np.int64), *(source for source, _ in found)]),
        np.concatenate([np.empty(0, np.int64), *(target for _, target in found)]),
    )


def _between_nodes(
    trace: Trace, mine: NDArray[Any], rows: Numbers, begins: NDArray[np.bool_]
) -> Iterator[tuple[Numbers, Numbers]]:
    """From the end of a node to the first slice of each that comes after it, and over the copies between them."""
    if not len(mine) or all(len(task.pieces) == 1 for task in trace.system.tasks):
        return
    width = int(mine["node"].max()) + 1
    keys = mine["job"].astype(np.int64) * width + mine["node"]
    first_keys, first_rows = keys[begins], np.flatnonzero(begins)
    ended = np.flatnonzero(mine["reason"] == COMPLETED)
    done_keys = keys[ended]
    for task in trace.system.tasks:
        jobs = trace.numbers(task.index).astype(np.int64)
        edges = [(before, node.index) for node in task.nodes for before in node.predecessors]
        for copy in {copy.node.index: copy for node in task.all_nodes for copy in node.copies}.values():
            edges.append((copy.source, copy.node.index))
        edges += [(copy.node.index, node.index) for node in task.nodes for copy in node.copies]
        for before, after in edges:
            source, there = _at(done_keys, jobs * width + before)
            target, here = _at(first_keys, jobs * width + after)
            pair = there & here
            out, into = ended[source[pair]], first_rows[target[pair]]
            late = mine["end"][out] <= mine["start"][into]
            yield rows[out[late]], rows[into[late]]


def _at(keys: Numbers, wanted: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Where each wanted key stands among the sorted keys, and whether it does."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return places, keys[places] == wanted
