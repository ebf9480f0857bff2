"""Figures of one task that a summary leaves out: (m, k)-firmness and jitters. They need the jobs of a kept trace."""

from __future__ import annotations

import numpy as np

from rtsched.trace.trace import ABORTED, DROPPED, LATE, OK, UNFINISHED, Trace


def mk(trace: Trace, task: int, window: int) -> int | None:
    """The fewest jobs on time among any `window` consecutive jobs of a task: it is (m, k)-firm for m up to this.

    Hamdaoui and Ramanathan (IEEE ToC 44(12), 1995). None when fewer than `window` jobs ended.
    """
    rows = trace.jobs_of(task)
    rows = rows[rows["outcome"] != UNFINISHED]
    met = (rows["outcome"] == OK).astype(np.int64)
    if window < 1 or len(met) < window:
        return None
    sums = np.cumsum(np.concatenate(([0], met)))
    return int((sums[window:] - sums[:-window]).min())


def most_misses(trace: Trace, task: int, window: int) -> int:
    """The most misses among any `window` consecutive jobs of a task from the warm-up on, or among all if these are few.

    A job misses that is late, dropped or aborted.
    """
    rows = trace.jobs_of(task)
    rows = rows[rows["release"] >= trace.warm_up]
    missed = np.isin(rows["outcome"], (LATE, DROPPED, ABORTED)).astype(np.int64)
    sums = np.cumsum(np.concatenate(([0], missed)))
    return int((sums[window:] - sums[:-window]).max()) if len(missed) > window else int(sums[-1])


def start_jitter(trace: Trace, task: int) -> int | None:
    """The largest minus the smallest delay from arrival to first start, in ns."""
    rows = trace.jobs_of(task)
    rows = rows[rows["start"] >= 0]
    delays = rows["start"] - rows["arrival"]
    return int(delays.max() - delays.min()) if len(delays) else None


def output_jitter(trace: Trace, task: int) -> int | None:
    """The largest change of the response time from one finished job to the next, in ns."""
    rows = trace.jobs_of(task)
    rows = rows[rows["finish"] >= 0]
    steps = np.abs(np.diff(rows["finish"] - rows["arrival"]))
    return int(steps.max()) if len(steps) else None
