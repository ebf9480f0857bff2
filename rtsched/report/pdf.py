"""A report as A4 pages through matplotlib alone: text set line by line, every figure on a page of its own, vectors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rtsched.report.blocks import (
    Block,
    Boxes,
    Bullets,
    Facts,
    Figures,
    Listing,
    Signatures,
    Table,
    Text,
    VerdictBox,
)
from rtsched.report.content import Report
from rtsched.report.drawing import INK, Drawing, settle, style
from rtsched.report.figures import drawings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A4 and its margins in points.
PAGE_WIDTH, PAGE_HEIGHT, LEFT, TOP, BOTTOM = 595.28, 841.89, 50.0, 46.0, 54.0
TEXT_WIDTH = PAGE_WIDTH - 2 * LEFT
LEADING = 1.36
WORDS = {"schedulable": "#00563B", "unschedulable": "#A40000", "unknown": INK}
BOX = 8.0


def pdf(report: Report) -> bytes:
    """The bytes of the file: the same for the same report."""
    from matplotlib.backends.backend_pdf import PdfPages

    stream = io.BytesIO()
    with style():
        pages = Pages()
        pages.write(report.title, 17, bold=True, after=4)
        why = report.found.loaded.system.why
        if why:
            pages.write(why.strip(), 9, colour="#444444", after=4)
        for section in report.sections:
            pages.heading(f"{section.number}. {section.title}")
            for block in section.blocks:
                if isinstance(block, Figures):
                    _figures(pages, drawings(report.found))
                else:
                    _block(pages, block)
        metadata = {"Title": report.title, "Creator": "rtsched", "CreationDate": None, "ModDate": None}
        with PdfPages(stream, metadata=metadata) as file:
            for number, page in enumerate(pages.done(), 1):
                page.text(LEFT / PAGE_WIDTH, 26 / PAGE_HEIGHT, report.footer, fontsize=7, color="#555555")
                page.text(1 - LEFT / PAGE_WIDTH, 26 / PAGE_HEIGHT, f"{number} / {len(pages.pages)}", fontsize=7,
                          color="#555555", ha="right")  # fmt: skip
                file.savefig(page)
    return stream.getvalue()


@lru_cache(maxsize=2)
def _font(bold: bool) -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(100, 72)
    return font


@lru_cache(maxsize=10_000)
def _advance(letter: str, bold: bool) -> float:
    """How wide a letter is in a font of size 1."""
    from matplotlib.ft2font import LoadFlags

    if not _font(bold).get_char_index(ord(letter)):
        return 1.0  # a box is drawn for what the font does not have
    return float(_font(bold).load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance) / 65536 / 100


def measure(text: str, size: float, bold: bool = False) -> float:
    """The width of a text in points (kerning, which only makes it narrower, left out)."""
    return size * sum(_advance(letter, bold) for letter in text)


def wrapped(text: str, width: float, size: float, bold: bool = False, *, indent: float = 0.0) -> list[str]:
    """The text in lines no wider than `width` (the first `indent` shorter); words that are longer are cut.

    Where possible after a hyphen, an underscore or the like.
    """
    lines: list[str] = []
    line, room = "", width - indent
    for word in text.split():
        trial = f"{line} {word}" if line else word
        if measure(trial, size, bold) <= room:
            line = trial
            continue
        if line or room < width:
            lines.append(line)
            room = width
        while measure(word, size, bold) > width and len(word) > 1:
            head = _head(word, width, size, bold)
            lines.append(head)
            word = word[len(head) :]
        line = word
    return [*lines, line]


def _head(word: str, width: float, size: float, bold: bool) -> str:
    """As much of a word as fits on a line."""
    count = 1
    while count < len(word) and measure(word[: count + 1], size, bold) <= width:
        count += 1
    for cut in range(count, max(1, count - 8), -1):
        if word[cut - 1] in "-_/.:,[(":
            return word[:cut]
    return word[:count]


class Pages:
    """A4 pages that fill from the top; positions in points from the left upper corner."""

    def __init__(self) -> None:
        self.pages: list[Figure] = []
        self.y = 0.0
        self.new()

    def new(self) -> None:
        """Begin a page."""
        from matplotlib.figure import Figure

        self.pages.append(Figure(figsize=(PAGE_WIDTH / 72, PAGE_HEIGHT / 72)))
        self.y = TOP

    def add(self, figure: Figure) -> None:
        """A page that is finished already; what follows begins another one."""
        self.pages.append(figure)
        self.y = PAGE_HEIGHT

    def done(self) -> list[Figure]:
        """All pages."""
        return self.pages

    def room(self, height: float) -> None:
        """Begin a page unless so much fits on this one."""
        if self.y + height > PAGE_HEIGHT - BOTTOM and self.y > TOP:
            self.new()

    def text(self, x: float, y: float, text: str, size: float, **look: Any) -> None:
        """One line, its top at `y`."""
        if look.pop("bold", False):
            look["fontweight"] = "bold"
        look = {"va": "baseline", "color": INK} | look
        self.pages[-1].text(x / PAGE_WIDTH, 1 - (y + size) / PAGE_HEIGHT, text, fontsize=size, **look)

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.6, colour: str = INK) -> None:
        """A straight line."""
        from matplotlib.lines import Line2D

        self.pages[-1].add_artist(
            Line2D([x0 / PAGE_WIDTH, x1 / PAGE_WIDTH], [1 - y0 / PAGE_HEIGHT, 1 - y1 / PAGE_HEIGHT], color=colour,
                   linewidth=width, solid_capstyle="butt")
        )  # fmt: skip

    def rectangle(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """A rectangle by its left upper corner."""
        from matplotlib.patches import Rectangle

        page = self.pages[-1]
        place = (x / PAGE_WIDTH, 1 - (y + height) / PAGE_HEIGHT)
        size = (width / PAGE_WIDTH, height / PAGE_HEIGHT)
        page.add_artist(Rectangle(place, *size, transform=page.transFigure, **look))

    def write(
        self, text: str, size: float = 9, *, bold: bool = False, x: float = LEFT, width: float = TEXT_WIDTH,
        colour: str = INK, after: float = 4, strong: str = "",
    ) -> None:  # fmt: skip
        """A paragraph; it may begin with `strong` words."""
        indent = measure(strong + " ", size, True) if strong else 0.0
        if indent > width:
            self.write(strong, size, bold=True, x=x, width=width, after=0)
            indent, strong = 0.0, ""
        for number, line in enumerate(wrapped(text, width, size, bold, indent=indent)):
            self.room(size * LEADING * (1 if number else 2))
            if strong and not number:
                self.text(x, self.y, strong, size, bold=True)
            self.text(x + (0 if number else indent), self.y, line, size, bold=bold, color=colour)
            self.y += size * LEADING
        self.y += after

    def heading(self, text: str) -> None:
        """A section's title with its rule, never alone at the foot of a page."""
        self.y += 10
        self.room(80)
        self.text(LEFT, self.y, text, 12.5, bold=True)
        self.y += 18
        self.line(LEFT, self.y, LEFT + TEXT_WIDTH, self.y, 0.8)
        self.y += 6


def _block(pages: Pages, block: Block) -> None:
    if isinstance(block, Text):
        pages.write(block.text, 8 if block.note else 9, strong=block.strong, colour="#333333" if block.note else INK)
    elif isinstance(block, VerdictBox):
        _verdict(pages, block)
    elif isinstance(block, Facts):
        for name, value in block.rows:
            lines = wrapped(value, TEXT_WIDTH - 105, 9)
            pages.room(9 * LEADING * min(4, len(lines)))
            pages.text(LEFT, pages.y, name, 9, bold=True)
            pages.write(value, 9, x=LEFT + 105, width=TEXT_WIDTH - 105, after=1)
        pages.y += 4
    elif isinstance(block, Bullets):
        for item in block.items:
            pages.room(9 * LEADING)
            pages.text(LEFT + 2, pages.y, "•", 9)
            pages.write(item, 9, x=LEFT + 12, width=TEXT_WIDTH - 12, after=1)
        pages.y += 4
    elif isinstance(block, Boxes):
        _boxes(pages, block)
    elif isinstance(block, Signatures):
        _signatures(pages, block)
    elif isinstance(block, Table):
        _table(pages, block)
    elif isinstance(block, Listing):
        _listing(pages, block)


def _verdict(pages: Pages, block: VerdictBox) -> None:
    lines = wrapped(block.scope, TEXT_WIDTH - 28, 9.5)
    height = 40 + len(lines) * 9.5 * LEADING
    pages.room(height + 8)
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": INK, "linewidth": 1.6}
    if block.look == "unknown":
        look["linestyle"] = "--"
    pages.rectangle(LEFT, pages.y, TEXT_WIDTH, height, **look)
    if block.look == "unschedulable":
        pages.rectangle(
            LEFT + 3, pages.y + 3, TEXT_WIDTH - 6, height - 6, facecolor="none", edgecolor=INK, linewidth=0.8
        )
    sign = {"schedulable": "✓", "unschedulable": "✗", "unknown": "?"}[block.look]
    word = f"{sign} {block.word.upper()}{block.basis}"
    pages.text(LEFT + 14, pages.y + 10, word, 15, bold=True, color=WORDS[block.look])
    y = pages.y + 32
    for line in lines:
        pages.text(LEFT + 14, y, line, 9.5)
        y += 9.5 * LEADING
    pages.y += height + 10


def _boxes(pages: Pages, block: Boxes) -> None:
    """Boxes to tick, a line for initials beside each."""
    width = TEXT_WIDTH - 130
    pages.text(LEFT + TEXT_WIDTH - 100, pages.y - 2, "initials, date", 7.5, color="#333333")
    pages.y += 10
    for item in block.items:
        lines = wrapped(item, width, 9)
        height = max(1, len(lines)) * 9 * LEADING
        pages.room(height + 6)
        pages.rectangle(LEFT + 1, pages.y + 1.5, BOX, BOX, facecolor="none", edgecolor=INK, linewidth=0.8)
        y = pages.y
        for line in lines:
            pages.text(LEFT + 18, y, line, 9)
            y += 9 * LEADING
        pages.line(LEFT + TEXT_WIDTH - 100, y - 1, LEFT + TEXT_WIDTH, y - 1, 0.5)
        pages.y = y + 5
    pages.y += 4


def _signatures(pages: Pages, block: Signatures) -> None:
    pages.room(20 + 30 * len(block.roles))
    stops = (LEFT + 85, LEFT + 240, LEFT + 400)
    for stop, name in zip(stops, ("name", "signature", "date"), strict=True):
        pages.text(stop, pages.y, name, 7.5, color="#333333")
    pages.y += 8
    for role in block.roles:
        pages.y += 26
        pages.text(LEFT, pages.y - 11, role, 9)
        ends = (stops[1] - 10, stops[2] - 10, LEFT + TEXT_WIDTH)
        for stop, end in zip(stops, ends, strict=True):
            pages.line(stop, pages.y, end, pages.y, 0.5)
    pages.y += 10


def _table(pages: Pages, table: Table) -> None:
    """A table whose header is repeated on every page."""
    size = 7.2 if len(table.header) > 6 else 8.0
    total = sum(table.widths)
    widths = [TEXT_WIDTH * width / total for width in table.widths]
    for column in table.numeric:
        if column + 1 < len(widths) and column + 1 not in table.numeric:
            widths[column] -= GAP  # the gap to a column that begins at its left edge
    pages.room(60)
    pages.write(table.title, 8.5, bold=True, after=2)
    head = _cells(widths, table.header, size, len(widths))
    _row(pages, table, widths, head, size, len(widths))
    for place, cells in enumerate(table.rows):
        bold = 2 if place in table.marked else 0
        lines = _cells(widths, cells, size, bold)
        height = _height(lines, size)
        if pages.y + height > PAGE_HEIGHT - BOTTOM:
            pages.new()
            _row(pages, table, widths, head, size, len(widths))
        if bold:
            pages.rectangle(LEFT, pages.y, TEXT_WIDTH, height, facecolor="#F4E6E6", edgecolor="none", zorder=0)
        _row(pages, table, widths, lines, size, bold)
    pages.line(LEFT, pages.y, LEFT + TEXT_WIDTH, pages.y, 0.8)
    pages.y += 8


PAD, GAP = 2.5, 6.0


def _cells(widths: Sequence[float], cells: Sequence[str], size: float, bold: int) -> list[list[str]]:
    """The lines of every cell, the first `bold` of them in bold letters."""
    pairs = enumerate(zip(cells, widths, strict=True))
    return [wrapped(cell, width - 2 * PAD, size, column < bold) for column, (cell, width) in pairs]


def _row(pages: Pages, table: Table, widths: Sequence[float], lines: list[list[str]], size: float, bold: int) -> None:
    """One row of a table, as high as its highest cell."""
    head = bold == len(lines)
    if head:
        pages.line(LEFT, pages.y, LEFT + TEXT_WIDTH, pages.y, 0.8)
    x = LEFT
    for column, (cell, width) in enumerate(zip(lines, widths, strict=True)):
        right = column in table.numeric
        place = x + width - PAD if right else x + PAD
        for number, line in enumerate(cell):
            y = pages.y + 1 + number * size * LEADING
            pages.text(place, y, line, size, bold=column < bold, ha="right" if right else "left")
        x += width + (GAP if right and column + 1 not in table.numeric else 0)
    pages.y += _height(lines, size)
    pages.line(LEFT, pages.y, LEFT + TEXT_WIDTH, pages.y, 0.6 if head else 0.25, INK if head else "#AAAAAA")


def _height(lines: list[list[str]], size: float) -> float:
    return max(map(len, lines)) * size * LEADING + 3


def _listing(pages: Pages, block: Listing) -> None:
    """Lines with their indentation, in two columns."""
    pages.y += 6
    pages.room(60)
    pages.write(block.title, 9, bold=True, after=3)
    size, gap = 6.4, 14.0
    width = (TEXT_WIDTH - gap) / 2
    lines: list[tuple[float, str]] = []
    for text in block.text.rstrip().split("\n"):
        indent = 0.45 * size * (len(text) - len(text.lstrip()))
        indent = min(indent, width / 2)
        lines += [(indent + (size * bool(number)), line)
                  for number, line in enumerate(wrapped(text.strip(), width - indent - size, size))]  # fmt: skip
    step = size * 1.3
    while lines:
        fit = int((PAGE_HEIGHT - BOTTOM - pages.y) / step)
        if fit < 3:
            pages.new()
            continue
        rows = min(fit, -(-len(lines) // 2))
        for column in (0, 1):
            for row, (indent, line) in enumerate(lines[column * rows : (column + 1) * rows]):
                pages.text(LEFT + column * (width + gap) + indent, pages.y + row * step, line, size)
        middle = LEFT + width + gap / 2
        pages.line(middle, pages.y, middle, pages.y + rows * step, 0.3, "#AAAAAA")
        lines = lines[2 * rows :]
        pages.y += rows * step + 6


def _figures(pages: Pages, figures: list[Drawing]) -> None:
    """What is left out in text, then every figure on a page of its own."""
    drawn = [each for each in figures if each.draw is not None]
    for each in figures:
        if each.draw is None:
            pages.write(f"{each.title}. {each.text}", 8.5, colour="#333333")
    if drawn:
        pages.write(
            "The figures stand on the next pages." if len(drawn) > 1 else "The figure stands on the next page.", 9
        )
    for each in drawn:
        pages.add(_page(each))


def _shrink(figure: Figure, top: float, height: float) -> None:
    """Lay a figure out in a part of an A4 page, its legends, which the layout forgets there, at the edges of it."""
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    sizes = [legend.get_window_extent() for legend in figure.legends]
    scale = 72 / figure.dpi
    figure.set_size_inches(PAGE_WIDTH / 72, PAGE_HEIGHT / 72)
    place = Bbox.from_bounds(LEFT / PAGE_WIDTH, 1 - (top + height) / PAGE_HEIGHT, TEXT_WIDTH / PAGE_WIDTH,
                             height / PAGE_HEIGHT)  # fmt: skip
    x0, y0, x1, y1 = place.extents
    legends: list[Any] = figure.legends
    for legend, size in zip(legends, sizes, strict=True):
        outside = legend._outside_loc
        legend._outside_loc = None
        legend.set_bbox_to_anchor(place, figure.transFigure)
        if outside == "right":
            x1 -= size.width * scale / PAGE_WIDTH
        elif outside == "upper":
            y1 -= size.height * scale / PAGE_HEIGHT
        else:
            y0 += size.height * scale / PAGE_HEIGHT
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(x0, y0, x1 - x0, y1 - y0))


def _page(drawing: Drawing) -> Figure:
    """A figure in the upper part of an A4 page, its caption above."""
    assert drawing.draw is not None
    figure = drawing.draw()
    title = wrapped(drawing.title, TEXT_WIDTH, 10, True)
    caption = wrapped(drawing.text, TEXT_WIDTH, 8.5)
    top = TOP + len(title) * 10 * LEADING + len(caption) * 8.5 * LEADING + 12
    _, inches = figure.get_size_inches()
    height = min(inches * 72, PAGE_HEIGHT - top - BOTTOM)
    _shrink(figure, top, height)
    settle(figure)
    y = TOP
    for size, bold, lines in ((10.0, True, title), (8.5, False, caption)):
        for line in lines:
            text = figure.text(LEFT / PAGE_WIDTH, 1 - (y + size) / PAGE_HEIGHT, line, fontsize=size,
                               fontweight="bold" if bold else "normal", color=INK)  # fmt: skip
            text.set_in_layout(False)
            y += size * LEADING
    return figure
