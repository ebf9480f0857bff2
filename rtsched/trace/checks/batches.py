"""What must hold of batches: what runs in one goes together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtsched.trace.batches import together
from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import COMPLETED, OVERHEAD, Trace


def batches(trace: Trace) -> Iterator[str]:
    """What runs in a batch goes together, with whom it began; all begin together, and none ends after the leader."""
    for place, start, job, what in _wrong_batches(trace):
        name = trace.system.processors[place].name
        yield f"the batch on {name!r} at {start}, {name_of(trace, job)} in it, {what}"


def _wrong_batches(trace: Trace) -> Iterator[tuple[int, int, int, str]]:
    """What is wrong with batches: (processor, start, one of its jobs, what)."""
    if not len(trace.batches):
        return
    ends: dict[tuple[int, ...], tuple[int, int]] = {}
    for start, end, job, node, place, reason in trace.slices.tolist():
        if reason != OVERHEAD:
            ends[start, place, job, node] = (end, reason)
    for (start, place), rows in together(trace).items():
        what = _wrong(trace, rows, [ends.get((start, place, row["job"], row["node"])) for row in rows])
        if what:
            yield place, start, rows[0]["job"], what


def _wrong(trace: Trace, rows: list[dict[str, int]], ends: list[Any]) -> str:
    leaders = [end for row, end in zip(rows, ends, strict=True) if row["leads"]]
    if len(leaders) != 1:
        return f"has {len(leaders)} leaders"
    if None in ends:
        return "has a member that did not run"
    if len(rows) > rows[0]["size"] or len({row["size"] for row in rows}) > 1:
        return f"of {rows[0]['size']} has {len(rows)} members"
    nodes = [trace.node(row["job"], row["node"]) for row in rows]
    place = rows[0]["processor"]
    kinds = {(None if node.batch is None else node.batch.name, node.times[place]) for node in nodes}
    if len(rows) > 1 and (len(kinds) > 1 or nodes[0].batch is None):
        return "has members that do not go together"
    if any(end[0] > leaders[0][0] or (end[1] == COMPLETED and end != leaders[0]) for end in ends):
        return "has a member that ends by itself"
    return ""
