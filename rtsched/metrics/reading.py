"""When the jobs of a run read and write: what cause-effect chains are followed by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtsched.trace.trace import Trace

Integers = NDArray[np.int64]


def reads(trace: Trace, task: int, numbers: Integers) -> Integers:
    """When these jobs of a task read: at their start (-1: none yet), or at their arrival (``communication: let``)."""
    by_arrival = trace.system.tasks[task].communication == "let"
    found: Integers = trace.jobs["arrival" if by_arrival else "start"][numbers]
    return found


def writes(trace: Trace, task: int, numbers: Integers) -> Integers:
    """When these jobs of a task write (-1: they never end): at their end, or at their deadline (``let``).

    A job that is late writes when it ends, for it has nothing to write before.
    """
    ends: Integers = trace.jobs["finish"][numbers]
    if trace.system.tasks[task].communication != "let":
        return ends
    found: Integers = np.where(ends < 0, ends, np.maximum(ends, trace.jobs["deadline"][numbers]))
    return found
