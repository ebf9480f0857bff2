"""Policies by misses and another metric, with the front of those that no other beats in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.plot import paper
from rtsched.plot.front import BLUE, GREY, Point, draw_points, label_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = {"single": 2.3, "double": 2.6}


@dataclass(frozen=True)
class Spot:
    """A policy at its point, and the ends of its intervals to the right and upwards; None where it has none."""

    point: Point
    level: tuple[float, float] | None
    upright: tuple[float, float] | None


@dataclass(frozen=True)
class Fronts:
    """What a figure of fronts shows: in each panel its title and policies; `share`: per cent upwards, too."""

    panels: tuple[tuple[str, tuple[Spot, ...]], ...]
    x: str
    y: str
    share: bool
    notes: tuple[str, ...]


def draw(what: Fronts, size: str) -> Figure:
    """The figure, in the width of a column (single) or a page (double)."""
    from matplotlib.patheffects import withStroke

    with paper.settings():
        grid = paper.grid(size, len(what.panels), HEIGHT[size])
        for place, (axes, (title, spots)) in enumerate(zip(grid.panels, what.panels, strict=True)):
            for spot in spots:
                _intervals(axes, spot)
            draw_points(axes, [spot.point for spot in spots], what.share)
            paper.named(axes, *grid.outer(place, what.x, what.y), title, grid.room)
        paper.said(grid.figure, what.notes)
        for axes, (_, spots) in zip(grid.panels, what.panels, strict=True):
            label_points(axes, [spot.point for spot in spots])
            for text in axes.texts:
                text.set_zorder(5)
                text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])
        return grid.figure


def _intervals(axes: Any, spot: Spot) -> None:
    point, style = spot.point, {"color": BLUE if spot.point.best else GREY, "linewidth": 0.9, "zorder": 1.5}
    if spot.level is not None:
        axes.hlines(point.y, *spot.level, **style)
    if spot.upright is not None:
        axes.vlines(point.x, *spot.upright, **style)
