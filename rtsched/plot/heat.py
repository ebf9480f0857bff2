"""One metric over two axes, as a map of colours that are in order in grey, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.plot import paper
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = {"single": 1.9, "double": 2.2}
#: Values are written into their cells where these are at least so wide and high, in inches.
CELL = 0.3, 0.16


@dataclass(frozen=True)
class Map:
    """One map: a value for each (row, column), None where nobody has one; `partial` where some systems have none."""

    title: str
    values: tuple[tuple[float | None, ...], ...]
    partial: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Maps:
    """What a figure of maps shows; `columns` and `rows` are the values of the axes as text."""

    maps: tuple[Map, ...]
    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    z: str
    share: bool
    notes: tuple[str, ...]


def draw(what: Maps, size: str) -> Figure:
    """The figure, in the width of a column (single) or a page (double)."""
    import numpy as np

    known = [value for each in what.maps for row in each.values for value in row if value is not None]
    low, high = (0.0, 100.0) if what.share else (min(known), max(known))
    with paper.settings():
        grid = paper.grid(size, len(what.maps), HEIGHT[size])
        image: Any = None
        for place, (axes, each) in enumerate(zip(grid.panels, what.maps, strict=True)):
            values = np.array([[np.nan if value is None else value for value in row] for row in each.values])
            axes.grid(False)
            axes.set_facecolor("white")
            axes.patch.set_hatch("////")
            axes.patch.set_edgecolor("#AAAAAA")
            image = axes.pcolormesh(values, cmap="cividis", vmin=low, vmax=max(high, low + 1e-9), edgecolor="white",
                                    linewidth=0.4)  # fmt: skip
            _ticks(axes, what, grid.room)
            _written(axes, each, what, (low, high), grid.room)
            paper.named(axes, *grid.outer(place, what.x, what.y), each.title, grid.room)
        bar = grid.figure.colorbar(image, ax=grid.panels, pad=0.02, aspect=25, fraction=0.06)
        bar.set_label(what.z)
        bar.outline.set_linewidth(0.5)
        paper.said(grid.figure, what.notes)
        return grid.figure


def _ticks(axes: Any, what: Maps, room: tuple[float, float]) -> None:
    """The values of the axes at the middles of the cells, as many as find room."""
    longest = max(map(len, what.columns)) * 0.07 + 0.08
    step = max(1, -(-len(what.columns) * longest // (room[0] - 0.3)))
    each = max(1, -(-len(what.rows) * 0.14 // room[1]))
    columns, rows = range(0, len(what.columns), int(step)), range(0, len(what.rows), int(each))
    if len(what.columns) <= 6:
        paper.names(axes, what.columns, 0.5)
    else:
        axes.set_xticks([place + 0.5 for place in columns], [cut(what.columns[place], 14) for place in columns])
    axes.set_yticks([place + 0.5 for place in rows], [cut(what.rows[place], 14) for place in rows])
    axes.tick_params(length=0)


def _written(axes: Any, each: Map, what: Maps, limits: tuple[float, float], room: tuple[float, float]) -> None:
    """The values in their cells, where there is room; one with a star is not of all systems."""
    wide, high = (room[0] - 0.3) / len(what.columns), (room[1] - 0.3) / len(what.rows)
    for row, (values, partial) in enumerate(zip(each.values, each.partial, strict=True)):
        for column, (value, some) in enumerate(zip(values, partial, strict=True)):
            if value is None or (not some and (wide < CELL[0] or high < CELL[1])):
                continue
            bright = (value - limits[0]) / ((limits[1] - limits[0]) or 1) > 0.5
            text = f"{value:.0f}" if what.share else f"{value:.3g}"
            axes.text(column + 0.5, row + 0.5, text * (wide >= CELL[0]) + "*" * some, ha="center", va="center",
                      fontsize=paper.SMALL - 0.5, color="black" if bright else "white")  # fmt: skip
