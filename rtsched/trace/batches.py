"""Batches in a trace: what ran as one, for how long, and whether that was right."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import ceil
from typing import Any

from rtsched.trace.trace import BATCHES, COMPLETED, OVERHEAD, Trace


def together(trace: Trace) -> dict[tuple[int, int], list[dict[str, int]]]:
    """The rows of `trace.batches` of each batch, by its start (ns, costs before it not counted) and processor."""
    found: dict[tuple[int, int], list[dict[str, int]]] = {}
    for values in trace.batches.tolist():
        row = dict(zip(BATCHES.names or (), values, strict=True))
        found.setdefault((row["start"], row["processor"]), []).append(row)
    return found


def batch_times(trace: Trace, fixed: Collection[int]) -> dict[tuple[int, int], int | None]:
    """The planned time in ns of each batch, by start and processor.

    None where one of them belongs to a task that does not always take what is planned (or what was recorded of its
    input): those are not `fixed`; and where the one with the longest input may have left before it began.
    """
    times: dict[tuple[int, int], int | None] = {}
    for key, rows in together(trace).items():
        first = trace.node(rows[0]["job"], rows[0]["node"])
        time = first.times[key[1]]
        ratio = 1 if first.batch is None else first.batch.ratio(key[1], rows[0]["size"])
        tasks = {int(trace.jobs["task"][row["job"]]) for row in rows}
        sure = tasks <= set(fixed)
        if any(trace.system.tasks[task].inputs is not None for task in tasks):
            sure = sure and len(rows) == rows[0]["size"]
            time = max(trace.recorded(row["job"], row["node"], time or 1) for row in rows)
        times[key] = None if time is None or ratio is None or not sure else ceil(time * ratio)
    return times


def wrong_batches(trace: Trace) -> Iterator[tuple[int, int, int, str]]:
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
