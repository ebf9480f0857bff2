"""Lanes: rows of a picture or a track, on which no interval overlaps another."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def lanes(start: NDArray[Any], end: NDArray[Any], key: NDArray[Any]) -> Numbers:
    """The lane of each interval among those of its `key`: the first one that is free when it begins.

    Intervals are half-open; an empty one fits beside another, not into it.
    """
    order = np.lexsort((end, start, key))
    begins, ends, keys = start[order], end[order], key[order]
    same = keys[1:] == keys[:-1]
    found = np.zeros(len(order), np.int64)
    for crowded in np.unique(keys[1:][same & (begins[1:] < ends[:-1])]).tolist():
        first, last = np.searchsorted(keys, [crowded, crowded + 1]).tolist()
        found[first:last] = _greedy(zip(begins[first:last].tolist(), ends[first:last].tolist(), strict=True))
    own = np.empty_like(found)
    own[order] = found
    return own


def _greedy(spans: Iterable[tuple[int, int]]) -> list[int]:
    """The lane of each span; they come by start."""
    busy: list[tuple[int, int]] = []  # (until when, lane)
    free: list[int] = []
    count, found = 0, []
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        else:
            lane, count = count, count + 1
        heappush(busy, (end, lane))
        found.append(lane)
    return found
