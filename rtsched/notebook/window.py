"""A window of a long run: the slices of some time, the jobs that were there, and what held of the hardware then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.page.contents import over
from rtsched.trace.trace import ABORTED, DROPPED, LATE, Trace

#: So many slices are shown at once.
MOST = 5000
#: How much of a window lies before the miss that it is about.
BEFORE = 0.6


@dataclass(frozen=True)
class Excerpt:
    """A part of a run, as a trace with all its times (ns) as they were, from `start` to `end`; and `why` it is that."""

    trace: Trace
    start: int
    end: int
    why: str

    @property
    def inside(self) -> frozenset[int]:
        """The jobs of which all that they met lies in it."""
        jobs, done = self.trace.jobs, over(self.trace)
        whole = (jobs["arrival"] >= self.start) & (done >= 0) & (done <= self.end)
        return frozenset(np.flatnonzero(whole).tolist())


def window(trace: Trace, most: int = MOST) -> Excerpt | None:
    """About `most` slices around the first miss, or the first ones; None where there are no more than these."""
    starts = trace.slices["start"]
    if len(starts) <= most:
        return None
    miss, first = first_miss(trace), 0
    if miss is not None and miss >= starts[most]:
        first = max(0, int(np.searchsorted(starts, miss)) - round(BEFORE * most))
    last = min(len(starts), first + most)
    start = int(starts[first]) if first else 0
    end = int(starts[last]) if last < len(starts) else int(trace.slices["end"].max())
    end = max(end, start + 1)
    why = "the first ones" if miss is None else "around the first miss" if first else "with the first miss"
    if miss is not None and miss >= end:  # more than that many slices begin at one instant
        why = "the first ones"
    return Excerpt(cut_out(trace, start, end), start, end, why)


def first_miss(trace: Trace) -> int | None:
    """The first deadline that was missed; None where none was."""
    missed = trace.jobs["deadline"][np.isin(trace.jobs["outcome"], (LATE, DROPPED, ABORTED))]
    return int(missed.min()) if len(missed) else None


def cut_out(trace: Trace, start: int, end: int) -> Trace:
    """What a page shows of a run, of the jobs that were there between two instants; jobs are numbered anew."""
    slices = trace.slices[(trace.slices["start"] < end) & (trace.slices["end"] > start)]
    done = over(trace)
    kept = (trace.jobs["release"] < end) & ((done >= start) | (done < 0))
    kept[slices["job"]] = True
    numbers = np.cumsum(kept) - 1

    def own(table: NDArray[Any], *, since: int | None = None) -> NDArray[Any]:
        """The rows of those jobs, before the end (and after `since`), with their new numbers."""
        chosen = kept[table["job"]]
        for column in ("time", "start", "launched"):
            if column in (table.dtype.names or ()):
                chosen &= table[column] < end
        if since is not None:
            chosen &= table["end"] > since
        rows: NDArray[Any] = table[chosen].copy()
        rows["job"] = numbers[rows["job"]]
        return rows

    slices = own(slices)
    return replace(
        trace,
        until=min(trace.until, end),
        end=min(trace.end, end),
        jobs=trace.jobs[kept],
        slices=slices,
        logged=own(trace.logged),
        waits=own(trace.waits, since=start),
        waves=own(trace.waves, since=start),
        locks=own(trace.locks),
        answers=own(trace.answers),
        choices=own(trace.choices),
        batches=own(trace.batches),
        launches=own(trace.launches),
        inputs=own(trace.inputs),
        splits=own(trace.splits),
        changes=changed(trace.changes, start, end),
        deadlocks=tuple(each for each in trace.deadlocks if start <= each.time < end),
        reasons=None,
    )


def changed(changes: NDArray[Any], start: int, end: int) -> NDArray[Any]:
    """The changes between two instants, and before them the last of each kind and subject: what held then."""
    before = np.flatnonzero(changes["time"] < start)
    kinds = changes[before][["what", "subject"]]
    _, latest = np.unique(kinds[::-1], return_index=True)
    held = before[::-1][latest]
    inside = np.flatnonzero((changes["time"] >= start) & (changes["time"] < end))
    rows: NDArray[Any] = changes[np.sort(np.concatenate((held, inside)))]
    return rows
