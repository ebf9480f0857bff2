"""Curves with bands over an axis, one for each policy, and below them the share of which nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.plot import paper

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The height of a row of panels, and of the strip below it, in inches.
HEIGHT, STRIP = {"single": 1.9, "double": 2.4}, 0.75


@dataclass(frozen=True)
class Curve:
    """One curve: means over the axis with the ends of their intervals, None where there is none.

    `open` are the shares, in per cent, of what is undecided or has no value.
    """

    label: str
    xs: tuple[float, ...]
    means: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    open: tuple[float, ...]
    look: int = 0


@dataclass(frozen=True)
class Panel:
    """The curves of one panel, and what it is of."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Curves:
    """What a figure of curves shows; `ticks` name the places of an axis that is not of numbers."""

    panels: tuple[Panel, ...]
    x: str
    y: str
    share: bool
    open: str
    notes: tuple[str, ...]
    ticks: tuple[str, ...] = ()


def draw(what: Curves, size: str) -> Figure:
    """The figure, in the width of a column (single) or a page (double)."""
    with paper.settings():
        beside = paper.beside(size, len(what.panels))
        rows = -(-len(what.panels) // beside)
        strip = any(any(curve.open) for panel in what.panels for curve in panel.curves)
        heights = [HEIGHT[size], STRIP] if strip else [HEIGHT[size]]
        figure = paper.sheet(size, rows * sum(heights) + 0.75)
        grid = figure.add_gridspec(rows * len(heights), beside, height_ratios=heights * rows)
        room = paper.WIDTHS[size] / beside - 0.45
        first: list[Any] = []
        for place, panel in enumerate(what.panels):
            row, column = divmod(place, beside)
            x = what.x if place + beside >= len(what.panels) else None
            y, undecided = (what.y, what.open) if column == 0 else (None, None)
            parts = [figure.add_subplot(grid[row * len(heights) + part, column]) for part in range(len(heights))]
            _join(parts, first)
            _curves(parts[0], panel, what)
            paper.named(parts[0], None if strip else x, y, panel.title, (room, HEIGHT[size]))
            if strip:
                _open(parts[1], panel)
                paper.named(parts[1], x, undecided, "", (room, STRIP + 0.15))
        _limits(first, what)
        _legend(figure, what)
        paper.said(figure, what.notes)
        return figure


def _join(parts: list[Any], first: list[Any]) -> None:
    """All panels have the axes of the first ones."""
    if not first:
        first.extend(parts)
    for part, same in zip(parts, first, strict=True):
        paper.dress(part)
        if part is not same:
            part.sharey(same)
            part.tick_params(labelleft=part.get_subplotspec().colspan.start == 0)
        if part is not first[0]:
            part.sharex(first[0])
    for part in parts[:-1]:
        part.tick_params(labelbottom=False)


def _curves(axes: Any, panel: Panel, what: Curves) -> None:
    for place, curve in enumerate(panel.curves):
        each = paper.look(curve.look)
        beside = (place - (len(panel.curves) - 1) / 2) * 0.6 / len(panel.curves) if what.ticks else 0
        rows = zip((x + beside for x in curve.xs), curve.means, curve.lows, curve.highs, strict=True)
        known = [
            (x, mean, mean if low is None else low, mean if high is None else high)
            for x, mean, low, high in rows
            if mean is not None
        ]
        if not known:
            continue
        xs, means, lows, highs = zip(*known, strict=True)
        if what.ticks:
            axes.vlines(xs, lows, highs, color=each.colour, linewidth=1, zorder=2, clip_on=False)
        else:
            axes.fill_between(xs, lows, highs, color=each.colour, alpha=0.18, linewidth=0, zorder=1)
        axes.plot(xs, means, **_style(curve.look, not what.ticks), zorder=3 + curve.look / 10, clip_on=False)


def _style(place: int, line: bool = True) -> dict[str, Any]:
    each = paper.look(place)
    return {
        "color": each.colour, "marker": each.marker, "linestyle": each.style if line else "none",
        "markersize": each.size, "markerfacecolor": "white", "markeredgewidth": 1.0,
    }  # fmt: skip


def _open(axes: Any, panel: Panel) -> None:
    """The strip below: the share of which nothing is known, as an area for each policy."""
    for curve in panel.curves:
        each = paper.look(curve.look)
        axes.fill_between(curve.xs, curve.open, color=each.colour, alpha=0.18, linewidth=0, zorder=1)
        axes.plot(curve.xs, curve.open, color=each.colour, linestyle=each.style, linewidth=1, zorder=2, clip_on=False)
        axes.plot(curve.xs, curve.open, **_style(curve.look, False), zorder=3, clip_on=False)


def _limits(first: list[Any], what: Curves) -> None:
    curves = [curve for panel in what.panels for curve in panel.curves]
    xs = sorted({x for curve in curves for x in curve.xs})
    if what.ticks:
        for axes in first[0].figure.axes:
            paper.names(axes, what.ticks, 0)
        first[0].set_xlim(-0.5, len(what.ticks) - 0.5)
    else:
        paper.numbered(first[0], xs)
    if what.share:
        paper.share_limits(
            first[0], max((high for curve in curves for high in curve.highs if high is not None), default=100)
        )
    else:
        first[0].margins(y=0.08)
    if len(first) > 1:
        paper.share_limits(first[1], max(share for curve in curves for share in curve.open))
        first[1].locator_params(axis="y", nbins=3)


def _legend(figure: Figure, what: Curves) -> None:
    from matplotlib.lines import Line2D

    known = {curve.look: curve.label for panel in what.panels for curve in panel.curves}
    handles = [Line2D([], [], **_style(place, not what.ticks)) for place in sorted(known)]
    paper.legend(figure, handles, [known[place] for place in sorted(known)])
