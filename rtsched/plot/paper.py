"""What the figures of studies have in common: sizes of columns, looks that survive grey, legends beside the data."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rtsched.plot.look import plain
from rtsched.visible import cut, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The widths of a column and of a page of IEEE's journals, in inches.
WIDTHS = {"single": 3.5, "double": 7.16}
#: Okabe and Ito's colours (2008), dark and light ones in turn, without yellow, which is too light for a line.
COLOURS = ("#0072B2", "#E69F00", "#000000", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (3, 1)))
#: Panels beside each other.
BESIDE = {"single": 2, "double": 4}
#: More cannot be told apart.
MOST_LOOKS = len(COLOURS)
INK, GREY, GRID = "#111111", "#555555", "#E3E3E3"
#: Points (1/72 inch), at the size in which it is printed.
FONT, SMALL = 8.0, 7.0


@dataclass(frozen=True)
class Look:
    """How one thing is drawn: its colour, marker and line, each of which tells it apart."""

    colour: str
    marker: str
    style: Any
    size: float


def look(place: int) -> Look:
    """The look of the so-manyth thing; later markers are smaller, so that those beneath are seen."""
    return Look(COLOURS[place], MARKERS[place], STYLES[place], 6.2 - 0.45 * place)


def settings() -> Any:
    """Settings of matplotlib under which figures of studies are made and written."""
    return plain(
        **{
            "font.size": FONT, "axes.titlesize": FONT, "axes.labelsize": FONT, "xtick.labelsize": SMALL,
            "ytick.labelsize": SMALL, "legend.fontsize": FONT, "axes.linewidth": 0.6, "lines.linewidth": 1.2,
            "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
            "hatch.linewidth": 0.5, "axes.unicode_minus": True,
        }
    )  # fmt: skip


def sheet(size: str, height: float) -> Figure:
    """An empty figure of a column's width and so many inches high, on which everything finds room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTHS[size], height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.03, h_pad=0.03, wspace=0.04, hspace=0.04)
    return figure


@dataclass(frozen=True)
class Grid:
    """Panels of equal size in rows: how many stand beside each other, and how wide and high each may be, in inches."""

    figure: Figure
    panels: list[Any]
    beside: int
    room: tuple[float, float]

    def outer(self, place: int, x: str, y: str) -> tuple[str | None, str | None]:
        """The names of both axes where they stand at the rim, else none."""
        return x if place + self.beside >= len(self.panels) else None, None if place % self.beside else y


def beside(size: str, count: int) -> int:
    """How many of so many panels stand beside each other: as many as fit, or one less where that leaves no gap.

    >>> [beside("double", count) for count in (3, 4, 5, 6, 8, 9)]
    [3, 4, 4, 3, 4, 3]
    """
    most = BESIDE[size]
    full = next((each for each in (most, most - 1) if each > 1 and count % each == 0), most)
    return min(count, full)


def grid(size: str, count: int, height: float) -> Grid:
    """So many panels of this height, which share their axes."""
    columns = beside(size, count)
    rows = -(-count // columns)
    figure = sheet(size, rows * height + 0.75)
    cells = figure.add_gridspec(rows, columns)
    panels: list[Any] = []
    for place in range(count):
        same = panels[0] if panels else None
        panels.append(figure.add_subplot(cells[divmod(place, columns)], sharex=same, sharey=same))
        dress(panels[-1])
        panels[-1].tick_params(labelleft=place % columns == 0, labelbottom=place + columns >= count)
    return Grid(figure, panels, columns, (WIDTHS[size] / columns - 0.45, height))


def dress(axes: Any) -> None:
    """The frame of a panel: a light grid, no lines above and to the right."""
    axes.grid(color=GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """A legend above all panels, in as many columns as fit."""
    if not labels:
        return
    shown = [cut(label, 40) for label in labels]
    width = figure.get_figwidth() * 72 - 8
    each = max(_width(figure, text) for text in shown) + 34
    columns = max(1, min(len(shown), int(width // each)))
    rows = -(-len(shown) // columns)
    columns = -(-len(shown) // rows)  # as many rows, evenly filled
    figure.set_figheight(figure.get_figheight() + 0.155 * (rows - 1))
    figure.legend(
        handles, shown, loc="outside upper center", ncols=columns, frameon=False, handlelength=2.6, columnspacing=1.2,
        handletextpad=0.5, borderaxespad=0.1, borderpad=0.1, labelspacing=0.35,
    )  # fmt: skip


def _width(figure: Figure, text: str) -> float:
    from matplotlib.font_manager import FontProperties

    canvas: Any = figure.canvas
    size = canvas.get_renderer().get_text_width_height_descent(text, FontProperties(size=FONT), False)[0]
    return float(size) * 72 / figure.dpi


def said(figure: Figure, notes: Sequence[str]) -> None:
    """Small notes in the lower right corner, below all panels: what is counted, and how many."""
    lines = wrapped(figure, "; ".join(visible(note) for note in notes if note), figure.get_figwidth(), SMALL)
    figure.supxlabel(lines, x=0.995, ha="right", fontsize=SMALL, color=GREY)


def wrapped(figure: Figure, text: str, inches: float, size: float = FONT) -> str:
    """The text in lines no longer than so many inches."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(figure, longer) * size / FONT <= inches * 72 - 6:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def named(axes: Any, x: str | None, y: str | None, title: str, inches: tuple[float, float]) -> None:
    """The names of both axes and of a panel so wide and high, in lines that fit."""
    if x is not None:
        axes.set_xlabel(wrapped(axes.figure, visible(x), inches[0]), labelpad=2)
    if y is not None:
        axes.set_ylabel(wrapped(axes.figure, visible(y), inches[1]), labelpad=3)
    if title:
        axes.set_title(wrapped(axes.figure, cut(title, 80), inches[0]), pad=3)


def share_limits(axes: Any, most: float) -> None:
    """Limits of an upright axis in per cent: all of it, or as far as anything goes."""
    top = 100.0 if most > 40 else max(1.0, 1.15 * most)
    axes.set_ylim(-0.03 * top, 1.03 * top)


def numbered(axes: Any, values: Sequence[float]) -> None:
    """Ticks of a level axis: at its values where they are few, else round ones."""
    from matplotlib.ticker import MaxNLocator

    few = sorted(set(values))
    room = axes.figure.get_figwidth() / axes.get_subplotspec().get_gridspec().ncols
    apart = min((after - before for before, after in pairwise(few)), default=0)
    if 1 < len(few) <= 2.2 * room and apart > 0.08 * (few[-1] - few[0]):
        axes.set_xticks(few, [f"{value:g}" for value in few])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=max(3, int(2 * room)), steps=[1, 2, 2.5, 5, 10]))


def names(axes: Any, texts: Sequence[str], first: float) -> None:
    """Ticks of a level axis that are names, the first at `first`; aslant where they would meet."""
    shown = [cut(text, 16) for text in texts]
    room = 72 * (axes.figure.get_figwidth() / axes.get_subplotspec().get_gridspec().ncols - 0.5) / len(shown)
    slant = max(_width(axes.figure, text) for text in shown) > room
    axes.set_xticks([first + place for place in range(len(shown))], shown)
    if slant:
        axes.tick_params(axis="x", labelrotation=30)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def file(figure: Figure, kind: str, about: dict[str, str]) -> bytes:
    """The bytes of a figure: the same for the same figure. `about` has its title, command, version and study."""
    title, told = about["title"], "; ".join(f"{name}: {value}" for name, value in about.items() if name != "title")
    metadata: dict[str, Any] = {
        "pdf": {"Title": title, "Subject": told, "Creator": about["version"], "CreationDate": None, "ModDate": None},
        "svg": {"Title": title, "Description": told, "Creator": about["version"], "Date": None},
        "png": {"Title": title, "Description": told, "Software": about["version"]},
    }
    stream = io.BytesIO()
    with settings():
        figure.savefig(stream, format=kind, dpi=300, metadata=metadata[kind])
    return stream.getvalue()
