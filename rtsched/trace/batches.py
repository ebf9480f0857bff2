"""Batches in a trace: what ran as one, and for how long."""

from __future__ import annotations

from collections.abc import Collection
from math import ceil

from rtsched.trace.trace import BATCHES, Trace


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
