"""Policies by misses and another metric, with the front of those that no other beats in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtsched.plot import paper
from rtsched.plot.front import Point, draw_points, label_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = {"single": 2.3, "double": 2.6}


@dataclass(frozen=True)
class Fronts:
    """What a figure of fronts shows: in each panel its title and points; `share`: per cent upwards, too."""

    panels: tuple[tuple[str, tuple[Point, ...]], ...]
    x: str
    y: str
    share: bool
    notes: tuple[str, ...]


def draw(what: Fronts, size: str) -> Figure:
    """The figure, in the width of a column (single) or a page (double)."""
    from matplotlib.patheffects import withStroke

    with paper.settings():
        grid = paper.grid(size, len(what.panels), HEIGHT[size])
        for place, (axes, (title, points)) in enumerate(zip(grid.panels, what.panels, strict=True)):
            draw_points(axes, list(points), what.share)
            paper.named(axes, *grid.outer(place, what.x, what.y), title, grid.room)
        paper.said(grid.figure, what.notes)
        for axes, (_, points) in zip(grid.panels, what.panels, strict=True):
            label_points(axes, list(points))
            for text in axes.texts:
                text.set_zorder(5)
                text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])
        return grid.figure
