"""How figures of a report are drawn and written: one style, the same bytes each time, legible without colour."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rtsched import units
from rtsched.plot.look import plain
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The width of a figure in inches, that of the text on A4; and the most it may be high.
WIDTH, HIGHEST = 7.0, 8.6
INK, GREY, DEADLINE, BOUND = "#111111", "#666666", "#C00000", "#0072B2"
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1)))


@dataclass(frozen=True)
class Drawing:
    """A figure of the report, or (without `draw`) the sentence why there is none."""

    key: str
    title: str
    text: str
    draw: Callable[[], Figure] | None = None


@contextmanager
def style() -> Iterator[None]:
    """Names from a file are never read as formulas; nothing written depends on the day."""
    look: Any = {
        "svg.fonttype": "path",
        "hatch.linewidth": 0.5,
        "font.family": ["DejaVu Sans"],
        "font.size": 8.0,
        "axes.unicode_minus": True,
    }
    with plain(**look):
        yield


def empty(height: float) -> Figure:
    """An empty figure of the text's width."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, min(height, HIGHEST)), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, grid: Literal["x", "y", "both"] = "x") -> None:
    """Only the lines that help reading."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis=grid, color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)


def scale(span: float) -> tuple[int, str]:
    """The unit of a time axis that goes up to `span` ns."""
    for unit, size in (("s", units.S), ("ms", units.MS), ("us", units.US)):
        if span >= 2 * size:
            return size, unit
    return 1, "ns"


def short(text: str, length: int = 28) -> str:
    """A name that fits beside an axis."""
    return cut(text, length)


def settle(figure: Figure) -> None:
    """Fix the layout, rounded: its solver finds the same places but for the last bits, which depend on the process."""
    if figure.get_layout_engine() is None:
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = (round(value, 5) for value in axes.get_position().bounds)
        axes.set_position((x, y, width, height))


def png(figure: Figure, dpi: int = 150) -> bytes:
    """The bytes of a picture."""
    stream = io.BytesIO()
    with style():
        settle(figure)
        figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()


def svg(figure: Figure, key: str, title: str) -> str:
    """An ``<svg>`` element to stand inside a page: ids of its own, a title, no reference to anything outside."""
    from html import escape

    stream = io.BytesIO()
    with style():
        settle(figure)
        empty_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=empty_metadata)
    text = stream.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    head, body = text.split(">", 1)
    head = re.sub(r'\s(xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    body = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{key}-", body)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    named = f'role="img" aria-labelledby="{key}-title"><title id="{key}-title">{escape(title)}</title>'
    return f"{head} {named}{body.rstrip()}"
