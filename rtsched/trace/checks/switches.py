"""What must hold of nodes that change their variant inside: only where that may be, and only between two regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

import numpy as np

from rtsched.model.task import Constant
from rtsched.trace.speeds import Speeds
from rtsched.trace.trace import DRAINED, KILLED, OVERHEAD, Trace


def switched(trace: Trace) -> Iterator[str]:
    """A node that goes on as another variant has just done whole regions, as the sum of its work says."""
    if not trace.switches:
        return
    speeds = Speeds(trace)
    rows = trace.slices[~np.isin(trace.slices["reason"], (OVERHEAD, DRAINED))]
    mine: dict[tuple[int, int], list[Any]] = {key: [] for key in trace.switches}
    for row in rows[np.argsort(rows["start"], kind="stable")]:
        key = (int(row["job"]), int(row["node"]))
        if key in mine:
            mine[key].append(row)
    for (job, node), changes in trace.switches.items():
        task = trace.system.tasks[trace.jobs["task"][job]]
        about = trace.node(job, node)
        name = f"node {node} of job {trace.jobs['index'][job]} of {task.name!r}"
        if task.quality is None or not task.quality.inside:
            yield f"{name} goes on as another variant at {changes[0][0]}, which its variants do not allow"
        elif isinstance(task.execution, Constant) and getattr(task.arrival, "execution", None) is None:
            ends = [Fraction(end, sum(about.regions)) for end in accumulate((0, *about.regions[:-1]))]
            for time, _ in changes:
                done, near = _done(trace, speeds, mine[job, node], time)
                if not any(abs(done - end) < near for end in ends):
                    where = f"at {time}, inside a region: {float(done):.6f} of it is done"
                    yield f"{name} goes on as another variant {where}"


def _done(trace: Trace, speeds: Speeds, rows: Sequence[Any], until: int) -> tuple[Fraction, Fraction]:
    """The share of a node's work that was done by an instant; and how far that may be off, two ns in a region each."""
    done, least = Fraction(0), 0
    for row in rows:
        start, end, place = int(row["start"]), min(int(row["end"]), until), int(row["processor"])
        if start > until:
            break
        for begin, stop, form in trace.forms(int(row["job"]), int(row["node"]), start, end):
            time = form.times[place]
            assert time is not None
            least = min(least or time, time)
            done += speeds.work(place, begin, stop) / time
        if row["reason"] == KILLED and end == int(row["end"]):
            done = Fraction(0)
    pieces = 1 if not rows else len(trace.node(int(rows[0]["job"]), int(rows[0]["node"])).regions)
    return done, Fraction(2 * pieces, least or 1)
