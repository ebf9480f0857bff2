"""How fast every processor went over time, out of the changes of a trace."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from rtsched.trace.trace import FULL_SPEED, SPEED, Trace


class Speeds:
    """The speed of every processor over time; or another share of its full speed that is logged like it."""

    def __init__(self, trace: Trace, what: int = SPEED) -> None:
        rows = trace.changes[trace.changes["what"] == what]
        self.times: dict[int, list[int]] = {}
        self.values: dict[int, list[int]] = {}
        for row in rows:
            self.times.setdefault(int(row["subject"]), []).append(int(row["time"]))
            self.values.setdefault(int(row["subject"]), []).append(int(row["value"]))

    def work(self, processor: int, start: int, end: int) -> Fraction:
        """The integral of the speed over [start, end), in ns at full speed."""
        times = self.times.get(processor)
        if times is None:
            return Fraction(end - start)
        values = self.values[processor]
        total, index = 0, bisect_right(times, start) - 1
        while start < end:
            until = min(end, times[index + 1]) if index + 1 < len(times) else end
            total += (until - start) * (values[index] if index >= 0 else FULL_SPEED)
            start, index = until, index + 1
        return Fraction(total, FULL_SPEED)
