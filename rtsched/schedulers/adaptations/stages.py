"""Plans over stages: how deep each job goes, so that the most accuracy fits before the deadlines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

#: At most this many (time, accuracy) pairs are carried from job to job: a plan for 36 jobs then takes milliseconds.
PAIRS = 64

#: Times beyond this (36 years) are taken for it, so that sums stay exact.
_LONG = 1 << 60

#: (exit, time in ns, accuracy expected), the least first.
Option = tuple[int, int, float]

#: (deadline, number, job, options) of a job with a choice; of one without, the job is None and there is one option.
Demand = tuple[int, int, Any, list[Option]]


def merged(demands: list[Demand], now: int) -> Iterator[tuple[int, list[Option]]]:
    """(time left, options) of each job with a choice, in order; those without, in between, as one with exit -1."""
    for fixed, group in groupby(demands, key=lambda demand: demand[2] is None):
        if not fixed:
            yield from ((deadline - now, options) for deadline, _, _, options in group)
            continue
        total, spare = 0, None
        for deadline, _, _, options in group:
            total += options[0][1]
            spare = deadline - now - total if spare is None else min(spare, deadline - now - total)
        assert spare is not None
        yield spare + total, [(-1, total, 0.0)]


class Depths(NamedTuple):
    """The exit chosen for each job, and whether the best was not searched to the end."""

    depths: list[int]
    coarse: bool


def best_depths(plan: list[tuple[int, list[Option]]], start: int = 0) -> Depths:
    """The exit of each job, in order of deadlines, with the largest sum of accuracies that fits.

    `plan` holds per job the time left until its deadline and its options (exit, time, accuracy), the least first; one
    with the only exit -1 is no choice, and not in the answer. An option fits if all times chosen so far, `start` and
    its own end by the job's deadline; where none does the least is taken. Exact up to `PAIRS` undominated states.

    >>> best_depths([(10, [(0, 4, 0.6), (1, 8, 0.9)]), (12, [(0, 4, 0.5), (1, 6, 0.7)])]).depths
    [1, 0]
    """
    # The undominated ways to serve the jobs so far, by time: when all is done, and what it is worth.
    spent, value = np.array([min(start, _LONG)]), np.array([0.0])
    steps: list[tuple[Any, Any]] = []  # per job, for each way: the option taken, and the way before it
    coarse = False
    for left, options in plan:
        times = np.array([[min(time, _LONG)] for _, time, _ in options])
        ends = (spent + times).ravel()
        fits = np.flatnonzero(ends <= left)
        if len(fits):
            worth = (value + np.array([[accuracy] for _, _, accuracy in options])).ravel()[fits]
            ends = ends[fits]
        else:
            fits, ends, worth = np.arange(len(spent)), np.minimum(spent + times[0], _LONG), value
        kept = _undominated(ends, worth)
        if len(kept) > PAIRS:
            coarse = True
            kept = kept[_thinned(worth[kept])]
        taken, before = np.divmod(fits[kept], len(spent))
        steps.append((taken, before))
        spent, value = ends[kept], worth[kept]
    depths = []
    way = len(spent) - 1  # the last is worth most
    for (taken, before), (_, options) in zip(reversed(steps), reversed(plan), strict=True):
        depths.append(options[taken[way]][0])
        way = before[way]
    return Depths([number for number in reversed(depths) if number >= 0], coarse)


def _undominated(ends: Any, worth: Any) -> Any:
    """The numbers of the ways that no other beats in both time and value, by time; of equals the first."""
    order = np.lexsort((-worth, ends))
    best = np.maximum.accumulate(worth[order])
    better = np.ones(len(order), bool)
    better[1:] = worth[order][1:] > best[:-1] + 1e-12
    return order[better]


def _thinned(worth: Any) -> Any:
    """The places of the first (quickest) way in each of `PAIRS` equal steps of value; `worth` ascends."""
    steps = np.minimum((worth - worth[0]) * (PAIRS / (worth[-1] - worth[0])), PAIRS - 1).astype(int)
    return np.unique(steps, return_index=True)[1]
