"""Who waits in which order, as a page holds it: the ranks that nodes had, and who waited for which resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rtsched.model.collector import collector_paused
from rtsched.page.pack import PREVIOUS, Packed
from rtsched.trace.causes.history import Who
from rtsched.trace.reasons import Reasons
from rtsched.trace.trace import Trace
from rtsched.visible import cut

#: Ranks that take more letters than this are left out: then the page says no order.
MOST_LETTERS = 100_000
#: Each key ends in the tie: the task, the job and the node.
TIE = 3
KEYS = ("job", "after", "node", "order", "lent", "pool")
CLOSE = {"job": PREVIOUS, "order": PREVIOUS}


def facts(trace: Trace) -> dict[str, Any]:
    """What is said of the ranks: the names of their parts, the pools, and `why` there is no order."""
    reasons = trace.reasons
    if reasons is None:
        return {"names": [], "pools": [], "why": "as they came: the run was made without reasons"}
    why = "" if reasons.rows else "as they came: the policy has no ranks that stand"
    return {"names": [cut(name) for name in reasons.names], "pools": reasons.pools, "why": why}


@collector_paused()
def add(trace: Trace, packed: Packed) -> None:
    """Pack the ranks and the waits for resources.

    Tables: `ranks` (of a node, from `after` ns after the release of its job on: the place of its rank in the order of
    all ranks without their ties, and the number of its pool; empty where that takes too much room) and `awaits` (who
    waited for a resource, or was kept out by its `ceiling`).
    """
    rows = _rows(trace)
    table = np.array(rows, np.int64).reshape(-1, len(KEYS))
    columns = {key: table[:, place] for place, key in enumerate(KEYS)}
    alone = Packed()
    alone.table("ranks", columns, **CLOSE)
    if len(alone.blob()) > MOST_LETTERS:
        columns = {key: column[:0] for key, column in columns.items()}
    packed.table("ranks", columns, **CLOSE)
    waited = [
        (each.start, each.end, *who, each.resource, each.by_ceiling)
        for who, those in trace.history.blocked.items()
        for each in those
    ]
    table = np.array(sorted(waited), np.int64).reshape(-1, 6)
    names = ("start", "end", "job", "node", "resource", "ceiling")
    packed.table("awaits", {name: table[:, place] for place, name in enumerate(names)}, end="start")


def _rows(trace: Trace) -> list[tuple[int, ...]]:
    """The rows of `ranks`; none of a policy without ranks that stand."""
    reasons = trace.reasons
    if reasons is None or not reasons.rows:
        return []
    each = iter(reasons.rows)
    noted = list(zip(each, each, each, each, each, strict=True))
    pools = _Pools(trace, reasons)
    of = [pools.of((job, node), time) for time, job, node, *_ in noted]
    place = _places(((pool if reasons.rules else -1), row[4][:-TIE]) for pool, row in zip(of, noted, strict=True))
    release = trace.jobs["release"].tolist()
    return [
        (job, time - release[job], node, place[pool if reasons.rules else -1, key[:-TIE]], int(lent), pool)
        for pool, (time, job, node, lent, key) in zip(of, noted, strict=True)
    ]


def _places(keys: Iterable[tuple[int, tuple[Any, ...]]]) -> dict[tuple[int, tuple[Any, ...]], int]:
    """The number of each key in the order of its pool: keys of two pools with rules of their own do not compare."""
    by_pool: dict[int, set[tuple[Any, ...]]] = {}
    for pool, key in keys:
        by_pool.setdefault(pool, set()).add(key)
    return {(pool, key): number for pool, found in by_pool.items() for number, key in enumerate(sorted(found))}


class _Pools:
    """In which pool of processors a node waited: that of the processor on which it went on."""

    def __init__(self, trace: Trace, reasons: Reasons) -> None:
        self.history = trace.history
        self.pool_of = {place: number for number, places in enumerate(reasons.pools) for place in places}
        #: of a node of a task, wherever it was last seen
        self.usual = {
            (self.history.task_of[job], node): stays[-1].place for (job, node), stays in self.history.stays.items()
        }

    def of(self, who: Who, time: int) -> int:
        """The number of its pool; -1: not known."""
        stays = self.history.stays.get(who, ())
        place = next((stay.place for stay in stays if stay.end > time), None)
        if place is None:
            usual = self.usual.get((self.history.task_of[who[0]], who[1]))
            place = usual if usual is not None else next(iter(self.history.places(who)), -1)
        return self.pool_of.get(place, -1)
