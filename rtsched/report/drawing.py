"""How figures of a report are drawn and written: one style, the same bytes each time, legible without colour."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rtsched import units
from rtsched.plot.look import plain
from rtsched.report.letters import OWN, spelled
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Letters that no font has in which is being drawn.
_LACKING: ContextVar[str] = ContextVar("lacking", default="")
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
def style(families: Sequence[str] = (), lacking: str = "") -> Iterator[None]:
    """Names from a file are never read as formulas; nothing written depends on the day.

    What is drawn inside of it is drawn with these `families` of fonts; the letters that they are `lacking` are spelled.
    """
    token = _LACKING.set(lacking)
    look: Any = {
        "svg.fonttype": "path",
        "hatch.linewidth": 0.5,
        "font.family": [*families] or [OWN],
        "font.size": 8.0,
        "axes.unicode_minus": True,
    }
    try:
        with plain(**look):
            yield
    finally:
        _LACKING.reset(token)


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
    """A name that fits beside an axis, in letters that there are."""
    written = spelled(text, _LACKING.get())
    return cut(written, length if written == text else length * 3 // 2)


def settle(figure: Figure) -> None:
    """Fix the layout, rounded: its solver finds the same places but for the last bits, which depend on the process."""
    if figure.get_layout_engine() is None:
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = (round(value, 5) for value in axes.get_position().bounds)
        axes.set_position((x, y, width, height))


def svg(figure: Figure, key: str, title: str, families: Sequence[str] = ()) -> str:
    """An ``<svg>`` element to stand inside a page: ids of its own, a title, no reference to anything outside."""
    from html import escape

    stream = io.BytesIO()
    with style(families):
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
