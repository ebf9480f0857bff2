"""How systems share out over the values of a metric: for each value, the share of systems that has no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.plot import paper

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = {"single": 1.9, "double": 2.4}


@dataclass(frozen=True)
class Sample:
    """The values of one policy, and of how many systems they are: a step for each that has one."""

    label: str
    values: tuple[float, ...]
    count: int
    look: int


@dataclass(frozen=True)
class Samples:
    """What a figure of distributions shows: in each panel its title and samples."""

    panels: tuple[tuple[str, tuple[Sample, ...]], ...]
    x: str
    notes: tuple[str, ...]


def draw(what: Samples, size: str) -> Figure:
    """The figure, in the width of a column (single) or a page (double)."""
    from matplotlib.lines import Line2D

    with paper.settings():
        grid = paper.grid(size, len(what.panels), HEIGHT[size])
        for place, (axes, (title, samples)) in enumerate(zip(grid.panels, what.panels, strict=True)):
            for sample in samples:
                _steps(axes, sample)
            paper.named(axes, *grid.outer(place, what.x, "systems up to it (%)"), title, grid.room)
        paper.share_limits(grid.panels[0], 100)
        grid.panels[0].locator_params(axis="x", nbins=5 if grid.beside < 3 else 4)
        known = {sample.look: sample.label for _, samples in what.panels for sample in samples}
        handles = [Line2D([], [], **_style(place)) for place in sorted(known)]
        paper.legend(grid.figure, handles, [known[place] for place in sorted(known)])
        paper.said(grid.figure, what.notes)
        return grid.figure


def _steps(axes: Any, sample: Sample) -> None:
    """A staircase, marked here and there, at other places for each policy."""
    values = sorted(sample.values)
    if not values:
        return
    heights = [100 * (place + 1) / sample.count for place in range(len(values))]
    gap = max(1, len(values) // 5)
    marks = slice(sample.look * gap // paper.MOST_LOOKS, None, gap)
    axes.plot(
        [values[0], *values], [0, *heights], drawstyle="steps-post", markevery=marks, zorder=2 + sample.look / 10,
        clip_on=False, **_style(sample.look),
    )  # fmt: skip


def _style(place: int) -> dict[str, Any]:
    each = paper.look(place)
    return {
        "color": each.colour, "marker": each.marker, "linestyle": each.style, "markersize": each.size - 1,
        "markerfacecolor": "white", "markeredgewidth": 0.9,
    }  # fmt: skip
