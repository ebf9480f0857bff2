"""Bounds against observations: a dot for each task, the diagonal where both are the same, and how many lie where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.plot import paper
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = {"single": 1.8, "double": 2.1}
#: More dots are drawn as a picture inside of the file: as shapes nobody could open it.
MOST_SHAPES = 3_000


@dataclass(frozen=True)
class Cloud:
    """The tasks of a panel: (observed, bound) of each that has both; `counts` say how many lie where."""

    title: str
    dots: tuple[tuple[float, float], ...]
    counts: tuple[str, ...]
    look: int


@dataclass(frozen=True)
class Clouds:
    """What a figure of clouds shows."""

    clouds: tuple[Cloud, ...]
    x: str
    y: str
    notes: tuple[str, ...]


def draw(what: Clouds, size: str) -> Figure:
    """The figure, in the width of a column (single) or a page (double); both axes go by factors of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    values = [value for cloud in what.clouds for dot in cloud.dots for value in dot]
    low, high = min(values, default=1) / 1.5, max(values, default=1) * 1.5
    with paper.settings():
        grid = paper.grid(size, len(what.clouds), HEIGHT[size])
        for place, (axes, cloud) in enumerate(zip(grid.panels, what.clouds, strict=True)):
            _cloud(axes, cloud)
            axes.plot([low, high], [low, high], color=paper.INK, linewidth=0.8, zorder=1)
            paper.named(axes, *grid.outer(place, what.x, what.y), "", grid.room)
            lines = [paper.wrapped(grid.figure, text, grid.room[0], paper.SMALL) for text in cloud.counts]
            title = paper.wrapped(grid.figure, cut(cloud.title, 80), grid.room[0], paper.SMALL)
            axes.set_title("\n".join([title, *lines]), pad=3, loc="left", fontsize=paper.SMALL)
        axes = grid.panels[0]
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(numticks=5))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        paper.said(grid.figure, what.notes)
        return grid.figure


def _cloud(axes: Any, cloud: Cloud) -> None:
    each = paper.look(cloud.look)
    axes.plot(
        [x for x, _ in cloud.dots], [y for _, y in cloud.dots], linestyle="none", marker=each.marker, markersize=2.2,
        markerfacecolor=each.colour, markeredgecolor="none", alpha=0.6, zorder=2,
        rasterized=len(cloud.dots) > MOST_SHAPES,
    )  # fmt: skip
