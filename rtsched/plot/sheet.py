"""A page of a block diagram: rectangles, lines and measured texts, in points (1/72 inch) from the top left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rtsched.plot.ruler import Ruler

#: Colour (Okabe and Ito's) and hatch of each kind; the hatch repeats the colour for print in black and white.
LOOKS = {
    "cpu": ("#56B4E9", ""), "gpu": ("#009E73", "///"), "npu": ("#E69F00", "..."), "dsp": ("#CC79A7", "\\\\\\"),
    "dla": ("#D55E00", "xxx"), "mcu": ("#F0E442", "---"), "link": ("#BBBBBB", "|||"), "cloud": ("#0072B2", "+++"),
}  # fmt: skip
INK, GREY, LINE = "#111111", "#555555", "#777777"
ASSUMED = " †"

PAGE = 648.0
PAD = 9.0


@dataclass
class Rect:
    """A rectangle: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends to the right, in points."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends below, in points (y points downwards)."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Half way from left to right, in points."""
        return self.x + self.width / 2

    def inner(self, pad: float) -> Rect:
        """The rectangle without a margin of `pad`."""
        return Rect(self.x + pad, self.y + pad, self.width - 2 * pad, self.height - 2 * pad)


class Sheet:
    """A white page to draw on in points, y downwards, that can measure text."""

    def __init__(self, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(PAGE / 72, height / 72), facecolor="white")
        self.ruler = Ruler()
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, PAGE)
        self.axes.set_ylim(height, 0)

    def measure(self, text: str, size: float, bold: bool = False) -> float:
        """The width of a text in points."""
        return self.ruler.measure(text, size, bold)

    def fit(self, texts: str | Sequence[str], width: float, size: float, bold: bool = False) -> str:
        """The first of the texts that is no wider than `width`, else the last of them with an ellipsis."""
        return self.ruler.fit(texts, width, size, bold)

    def text(
        self, x: float, y: float, texts: str | Sequence[str], width: float, size: float = 8, **style: Any
    ) -> float:
        """Write one line, vertically centred at `y`, in at most `width`; returns its width."""
        bold = style.get("weight") == "bold"
        text = self.fit(texts, width, size, bold)
        look: dict[str, Any] = {"ha": "left", "va": "center_baseline", "color": INK, "zorder": 6} | style
        if text:
            self.axes.text(x, y, text, fontsize=size, parse_math=False, **look)
        return self.measure(text, size, bold) if text else 0.0

    def rect(self, rect: Rect, *, rounded: float = 0.0, **style: Any) -> Any:
        """A rectangle, its corners rounded by so many points; returns the patch."""
        from matplotlib.patches import FancyBboxPatch, Rectangle

        look: dict[str, Any] = {"facecolor": "white", "edgecolor": LINE, "linewidth": 0.8, "zorder": 3} | style
        if rounded:
            shape = f"round,pad=0,rounding_size={rounded}"
            patch: Any = FancyBboxPatch((rect.x, rect.y), rect.width, rect.height, boxstyle=shape, **look)
        else:
            patch = Rectangle((rect.x, rect.y), rect.width, rect.height, **look)
        return self.axes.add_patch(patch)

    def line(self, points: Sequence[tuple[float, float]], **style: Any) -> None:
        """A line through points."""
        look: dict[str, Any] = {"color": LINE, "linewidth": 1.2, "zorder": 1, "solid_joinstyle": "miter"} | style
        self.axes.plot([x for x, _ in points], [y for _, y in points], **look)

    def head(self, tip: tuple[float, float], way: tuple[float, float]) -> None:
        """An arrow head at `tip` that points along `way`."""
        from matplotlib.patches import Polygon

        (x, y), (dx, dy) = tip, way
        foot = (x - 6 * dx, y - 6 * dy)
        corners = [tip, (foot[0] + 3 * dy, foot[1] + 3 * dx), (foot[0] - 3 * dy, foot[1] - 3 * dx)]
        self.axes.add_patch(Polygon(corners, facecolor=INK, edgecolor="none", zorder=2))
