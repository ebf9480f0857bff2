"""What must hold of work: the slices of a node that is done add up to all of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from rtsched.trace.checks.common import name_of
from rtsched.trace.checks.demands import Demands
from rtsched.trace.duplicates import discarded
from rtsched.trace.speeds import Speeds
from rtsched.trace.splits import split_nodes
from rtsched.trace.trace import COMPLETED, DRAINED, KILLED, OVERHEAD, Trace


def work(trace: Trace) -> Iterator[str]:
    """Sum of speed dt / C over the slices of a completed node is 1, up to the last nanosecond of each of its pieces.

    Regions and sections begin and end at whole nanoseconds, whatever the speed of the moment. Work that a kill or a
    failure threw away counts as not done. Not for GPUs served block by block, whose kernels have no speed of their own,
    nor for links, whose latency no bandwidth shortens.
    """
    system = trace.system
    if any(processor.blackouts for processor in system.processors) or not len(trace.slices):
        return
    demands = Demands(trace)
    speeds = Speeds(trace)
    rows = trace.slices[~np.isin(trace.slices["reason"], (OVERHEAD, DRAINED)) & ~discarded(trace)]
    if len(trace.splits):
        rows = rows[~split_nodes(trace, rows)]
    rows = rows[np.lexsort((rows["end"], rows["start"], rows["node"], rows["job"]))]
    done: Any = Fraction(0)
    least: Any = None
    current = (-1, -1)
    for row in rows:
        job, node, processor = int(row["job"]), int(row["node"]), int(row["processor"])
        task = int(trace.jobs["task"][job])
        if (job, node) != current:
            current, done, least = (job, node), Fraction(0), None
        start, end = int(row["start"]), int(row["end"])
        if row["reason"] == KILLED or demands.begins_anew(job, node, processor, start, end):
            done, least = Fraction(0), None
        if row["reason"] == KILLED or task not in demands.fixed or processor in demands.exempt:
            continue
        about = trace.node(job, node)
        pieces = max(1, len(about.regions)) + 2 * len(about.sections)
        for begin, stop, time in demands.pieces(job, node, processor, start, end):
            if time is None or done is None:  # in a batch with one that takes what it wants: who knows what is left
                done = None
                continue
            done += speeds.work(processor, begin, stop) / time
            least = time if least is None else min(least, time)
        if row["reason"] == COMPLETED and done is not None and not 1 <= done < 1 + Fraction(pieces, least):
            yield f"node {node} of {name_of(trace, job)} did {float(done):.6f} of its work by {row['end']}"
