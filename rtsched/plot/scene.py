"""What all parts of the picture of a schedule need to know: the window, the scale, the rows, the width."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtsched.plot.hardware import split_waits
from rtsched.plot.look import INSIDE, look_of
from rtsched.plot.ruler import Ruler
from rtsched.trace.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A bar: from so much above the middle of its row, so high.
TOP, HEIGHT = -0.25, 0.55
#: A bar narrower than so many points is all colour, for its edges would hide it.
NARROW = 2.0
#: Tasks that were not asked for, on processors that they share with those that were.
OTHERS = {"facecolor": "#E4E4E4", "edgecolor": "#AAAAAA", "linewidth": 0.4, "hatch": ""}


class Row(NamedTuple):
    """A row of a task, or of one node of it."""

    task: int
    node: int | None
    name: str


@dataclass
class Scene:
    """A window [start, end) in ns of a trace, of which `rows` are drawn; `slices` are those in the window.

    `scale` ns are one of the time axis; `width` of the axes and `high` of a row of tasks are in points, known
    once all beside them is.
    """

    trace: Trace
    start: int
    end: int
    scale: int
    tasks: tuple[int, ...]
    rows: list[Row]
    slices: NDArray[Any]
    ruler: Ruler = field(default_factory=Ruler)
    width: float = 0.0
    high: float = 0.0

    @cached_property
    def owner(self) -> NDArray[Any]:
        """The task of each slice."""
        found: NDArray[Any] = self.trace.jobs["task"][self.slices["job"]]
        return found

    def of(self, row: Row) -> NDArray[np.bool_]:
        """Which slices belong into a row."""
        mine: NDArray[np.bool_] = self.owner == row.task
        return mine if row.node is None else mine & (self.slices["node"] == row.node)

    @cached_property
    def heads(self) -> dict[int, int]:
        """The first row of each task."""
        found: dict[int, int] = {}
        for lane, row in enumerate(self.rows):
            found.setdefault(row.task, lane)
        return found

    def room(self, left: int, right: int) -> float:
        """How wide the visible part of an interval is, in points."""
        return (min(right, self.end) - max(left, self.start)) / (self.end - self.start) * self.width

    def middle(self, left: int, right: int) -> float:
        """Where the middle of the visible part of an interval is, on the time axis."""
        return (max(left, self.start) + min(right, self.end)) / 2 / self.scale

    def write(self, axes: Axes, left: int, right: int, height: float, *texts: str) -> None:
        """Write the first of the texts that an interval has room for into it, at `height`."""
        room = self.room(left, right) - 3
        for text in texts:
            if self.ruler.measure(text, INSIDE) <= room:
                axes.text(
                    self.middle(left, right), height, text, ha="center", va="center", fontsize=INSIDE, zorder=3,
                    bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
                )  # fmt: skip
                return

    def spans(self, rows: Any) -> list[tuple[float, float]]:
        """(begin, length) of intervals on the time axis."""
        return [((row["start"]) / self.scale, (row["end"] - row["start"]) / self.scale) for row in rows]

    def bars(self, axes: Axes, rows: Any, lane: int, task: int, **style: Any) -> None:
        """A bar for each interval."""
        if len(rows):
            colour, hatch = look_of(task)
            look: dict[str, Any] = {
                "facecolor": colour, "hatch": hatch, "edgecolor": "black", "linewidth": 0.6, "zorder": 2,
            }  # fmt: skip
            look |= style
            narrow = (rows["end"] - rows["start"]) / (self.end - self.start) * self.width < NARROW
            plain = look["facecolor"] if look["facecolor"] != "white" else look["edgecolor"]
            plain = "#CCCCCC" if plain == "black" else plain
            thin = look | {"facecolor": plain, "edgecolor": plain, "hatch": "", "linewidth": 0.3, "zorder": 1.9}
            for those, style in ((rows[~narrow], look), (rows[narrow], thin)):
                if len(those):
                    axes.broken_barh(self.spans(those), (lane + TOP, HEIGHT), **style)

    def work(self, axes: Axes, rows: Any, lane: int, task: int, **style: Any) -> None:
        """Bars of work: filled where something ran, hollow where a stream of a GPU only waited."""
        running, waiting = split_waits(self.trace, rows)
        self.bars(axes, running, lane, task, **style)
        edge = style.get("edgecolor", "black")
        self.bars(axes, waiting, lane, task, facecolor="white", hatch="", edgecolor=edge, linestyle=(0, (3, 2)))

    def strip(
        self, axes: Axes, spans: list[tuple[int, int]], edge: float, height: float, zorder: float, **style: Any
    ) -> None:
        """A thin bar for each (from, until), from `edge` down, cut at the window."""
        inside = [(max(left, self.start), min(right, self.end)) for left, right in spans]
        drawn = [(left / self.scale, (right - left) / self.scale) for left, right in inside if left < right]
        if drawn:
            axes.broken_barh(drawn, (edge, height), zorder=zorder, **({"linewidth": 0.6} | style))
