"""How wide a text will be, before it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Ruler:
    """Measures texts in the house's font, in points (1/72 inch), and cuts them to their place."""

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        # Hinting makes a text up to 4 % wider or narrower at another resolution: the widest counts.
        self.rulers: list[tuple[int, Any]] = []
        for dpi in (72, 100, 150):
            canvas: Any = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=dpi))
            self.rulers.append((dpi, canvas.get_renderer()))
        self.known: dict[tuple[str, float, bool], float] = {}

    def measure(self, text: str, size: float, bold: bool = False) -> float:
        """The width of a text in points."""
        from matplotlib.font_manager import FontProperties

        key = (text, size, bold)
        if key not in self.known:
            font = FontProperties(size=size, weight="bold" if bold else "normal")
            widths = (
                72 / dpi * ruler.get_text_width_height_descent(text, font, False)[0] for dpi, ruler in self.rulers
            )
            self.known[key] = max(map(float, widths))
        return self.known[key]

    def fit(self, texts: str | Sequence[str], width: float, size: float, bold: bool = False) -> str:
        """The first of the texts that is no wider than `width`, else the last of them with an ellipsis."""
        choices = [texts] if isinstance(texts, str) else [text for text in texts if text]
        for text in choices:
            if self.measure(text, size, bold) <= width:
                return text
        text = choices[-1] if choices else ""
        while text and self.measure(text.rstrip() + "…", size, bold) > width:
            text = text[:-1]
        return text.rstrip(" ,·(") + "…" if text else ""
