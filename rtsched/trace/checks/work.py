"""What must hold of work: the slices of a node that is done add up to all of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from rtsched.trace.batches import batch_times
from rtsched.trace.checks.common import as_planned, name_of, stream_processors, without_speed
from rtsched.trace.checks.launches import stays_with_ends
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
    fixed = as_planned(system)
    streams, ended = stream_processors(system), stays_with_ends(trace)
    exempt = without_speed(system)
    speeds = Speeds(trace)
    together = batch_times(trace, fixed)
    rows = trace.slices[~np.isin(trace.slices["reason"], (OVERHEAD, DRAINED)) & ~discarded(trace)]
    if len(trace.splits):
        rows = rows[~split_nodes(trace, rows)]
    rows = rows[np.lexsort((rows["end"], rows["start"], rows["node"], rows["job"]))]
    done: Any = Fraction(0)
    current = (-1, -1)
    for row in rows:
        job, node, processor = int(row["job"]), int(row["node"]), int(row["processor"])
        task = int(trace.jobs["task"][job])
        if (job, node) != current:
            current, done = (job, node), Fraction(0)
        if row["reason"] == KILLED or (processor in streams and ended(row)):
            done = Fraction(0)  # what ended on a stream is kept there; elsewhere a node begins anew
        if row["reason"] == KILLED or task not in fixed or processor in exempt:
            continue
        forms = trace.forms(job, node, int(row["start"]), int(row["end"]))
        about = forms[-1][2]
        pieces = max(1, len(about.regions)) + 2 * len(about.sections)
        batch: Any = together.get((int(row["start"]), processor), 0)
        least: Any = batch
        if batch == 0:
            planned = min(form.times[processor] or 0 for _, _, form in trace.forms(job, node, 0, int(row["end"])))
            least = trace.recorded(job, node, planned)
        if least is None or done is None:  # in a batch with one that takes what it wants: who knows what is left
            done = None
            continue
        for begin, end, form in forms:
            alone: Any = batch or trace.recorded(job, node, form.times[processor] or 0)
            done += speeds.work(processor, begin, end) / alone
        if row["reason"] == COMPLETED and not 1 <= done < 1 + Fraction(pieces, least):
            yield f"node {node} of {name_of(trace, job)} did {float(done):.6f} of its work by {row['end']}"
