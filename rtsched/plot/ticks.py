"""Where the time axis has its numbers: at releases of periodic tasks where these are few, their numbers short."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from rtsched.plot.look import NAMES
from rtsched.plot.ruler import Ruler
from rtsched.trace.trace import Trace

#: The fewest and the most numbers that are worth it, and the longest.
FEWEST, MOST, LONGEST = 4, 40, 6
#: The least room between two numbers, in points.
APART = 4.0


def releases(trace: Trace, task: int, start: int, end: int) -> list[int] | None:
    """The arrivals of a strictly periodic task in a window, and the one after the last; None of any other."""
    spec = trace.system.tasks[task]
    arrivals = trace.jobs_of(task)["arrival"].tolist()
    period = spec.period
    if period is None or not arrivals or any(b - a != period for a, b in pairwise(arrivals)):
        return None
    return [time for time in [*arrivals, arrivals[-1] + period] if start <= time <= end]


def number(time: int, scale: int) -> str | None:
    """An instant on the time axis, exactly; None where that is too long."""
    value = Fraction(time, scale)
    text = f"{float(value):.4f}".rstrip("0").rstrip(".")
    return text if Fraction(text) == value and len(text) <= LONGEST else None


def period_ticks(
    trace: Trace, tasks: Sequence[int], window: tuple[int, int], scale: int, width: float, ruler: Ruler
) -> list[tuple[float, str]] | None:
    """The ticks, as (instant on the axis, number): at all releases, or else at those of one task, or None.

    `width` is that of the axis in points.
    """
    start, end = window
    found = [releases(trace, task, start, end) for task in tasks]
    periodic = [times for times in found if times is not None]
    if not periodic:
        return None
    every = sorted({time for times in periodic for time in times})
    for times in [every] * (len(periodic) == len(found)) + sorted(periodic, key=len, reverse=True):
        if not FEWEST <= len(times) <= MOST:
            continue
        texts = [number(time, scale) for time in times]
        wide = [ruler.measure(text, NAMES) for text in texts if text is not None]
        if len(wide) < len(times):
            continue
        at = [(time - start) / (end - start) * width for time in times]
        pairs = pairwise(zip(at, wide, strict=True))
        if all(b - a >= (first + second) / 2 + APART for (a, first), (b, second) in pairs):
            return [(time / scale, text) for time, text in zip(times, texts, strict=True) if text is not None]
    return None
