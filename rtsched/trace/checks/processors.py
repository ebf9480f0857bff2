"""What must hold of processors: they serve one at a time, and are busy while they do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtsched.trace.checks.common import name_of
from rtsched.trace.trace import Trace


def processors_serve_one(trace: Trace) -> Iterator[str]:
    """A processor runs one slice at a time, and each ends after it starts."""
    rows = trace.leading[np.lexsort(tuple(trace.leading[key] for key in ("end", "start", "processor")))]
    clash = (rows["processor"][1:] == rows["processor"][:-1]) & (rows["start"][1:] < rows["end"][:-1])
    for index in np.flatnonzero(clash):
        first, second = rows[index], rows[index + 1]
        name = trace.system.processors[first["processor"]].name
        both = f"{name_of(trace, first['job'])} and {name_of(trace, second['job'])}"
        yield f"processor {name!r} runs {both} at {second['start']}"
    for row in rows[rows["end"] < rows["start"]]:
        yield f"a slice of {name_of(trace, row['job'])} ends at {row['end']} before it starts at {row['start']}"


def busy(trace: Trace) -> Iterator[str]:
    """The slices on a processor, and its decisions, add up to its busy time."""
    totals = np.zeros(len(trace.processors), np.int64)
    np.add.at(totals, trace.leading["processor"], trace.leading["end"] - trace.leading["start"])
    plans = trace.plans
    np.add.at(totals, plans["subject"], plans["value"])
    for index, counters in enumerate(trace.processors):
        total = int(totals[index])
        if total != counters.busy:
            name = trace.system.processors[index].name
            yield f"processor {name!r}: slices of {total} ns, but busy for {counters.busy}"
