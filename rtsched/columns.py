"""Text in columns: as wide as it is displayed, and no wider than there is room.

Who prints for a console says how much room there is (`fitting`); without it everything has its full width, as in files
and pipes. Names are shortened in the middle, words wrapped, wide tables cut into one below the other; numbers stay.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from rtsched.visible import cut, visible

__all__ = ["aligned", "fitting", "listed", "padded", "room", "shortened", "width", "wrapped"]

#: The widest cell of a table, however much room there is.
WIDEST = 120
#: Names are not shortened to less than this, and no text is wrapped into less.
LEAST, NARROWEST = 12, 20
GAP = "  "


class _Page(NamedTuple):
    room: int | None = None
    mark: str = "…"


_WHOLE = _Page()
_PAGE: ContextVar[_Page] = ContextVar("page", default=_WHOLE)


@contextmanager
def fitting(room: int | None, mark: str = "…") -> Iterator[None]:
    """Within, text is laid out for so many columns (None: as many as it takes); `mark` stands for what was left out."""
    token = _PAGE.set(_Page(room, mark))
    try:
        yield
    finally:
        _PAGE.reset(token)


def room() -> int | None:
    """How many columns there are; None: as many as it takes."""
    return _PAGE.get().room


def width(text: str) -> int:
    """How many columns a text takes: two for what is wide in East Asian scripts, none for marks above a letter."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """A text with blanks behind it (or before: then it stands to the right) up to so many columns."""
    blanks = " " * (columns - width(text))
    return blanks + text if right else text + blanks


def shortened(text: str, columns: int) -> str:
    """A text in at most so many columns; the middle of a longer one is left out."""
    if width(text) <= columns:
        return text
    mark = _PAGE.get().mark
    left = max(0, columns - width(mark))
    tail = _begin(text[::-1], left // 2)[::-1]
    return _begin(text, left - width(tail)) + mark + tail


def _begin(text: str, columns: int) -> str:
    """As much of the beginning as fits."""
    taken, end = 0, 0
    for end, char in enumerate(text):
        taken += _width(char)
        if taken > columns:
            return text[:end]
    return text


def wrapped(text: str, first: str = "", following: str | None = None) -> list[str]:
    """A text after `first`, in lines that fit; those after it begin with `following`, or blanks as wide as `first`.

    Words stay whole, however long.
    """
    most, blanks = room(), " " * width(first) if following is None else following
    if most is None or width(first) + width(text) <= most:
        return [first + text]
    lines: list[str] = []
    line: list[str] = []
    begin, taken = first, max(0, min(width(first), most - NARROWEST))
    for word in text.split(" "):
        if any(line) and taken + width(word) > most:
            lines.append(begin + " ".join(line))
            begin, line, taken = blanks, [], max(0, min(width(blanks), most - NARROWEST))
            if not word:
                continue
        line.append(word)
        taken += width(word) + 1
    return [each.rstrip() for each in (*lines, begin + " ".join(line))]


def listed(rows: Sequence[Sequence[str]], *, indent: str = "", right: Sequence[int] = ()) -> list[str]:
    """Rows whose last column is text, wrapped below itself; those before are aligned, the `right` ones to the right.

    Where there is hardly room for the text, it goes below the rest.
    """
    if not rows:
        return []
    last = max(map(len, rows)) - 1
    most = room()
    heads = [[shortened(visible(cell), WIDEST) for cell in row[:last]] for row in rows]
    if most is not None:
        names = [place for place in range(last) if place not in right]
        widths = [max((width(head[place]) for head in heads), default=0) for place in range(last)]
        over = len(indent) + sum(widths) + len(GAP) * last + min(NARROWEST, most // 2) - most
        heads = _less(heads, widths, names, over)
    widths = [max((width(head[place]) for head in heads), default=0) for place in range(last)]
    found = []
    for row, head in zip(rows, heads, strict=True):
        cells = [padded(cell, widths[place], right=place in right) for place, cell in enumerate(head)]
        found += [line.rstrip() for line in wrapped(row[last], indent + "".join(cell + GAP for cell in cells))]
    return found


def _less(rows: list[list[str]], widths: list[int], names: Sequence[int], over: int) -> list[list[str]]:
    """Rows with their names shortened until so many columns are gone, or there is no more to take: widest first."""
    widths = list(widths)
    taken: set[int] = set()
    while over > 0:
        wide = [place for place in names if widths[place] > LEAST]
        if not wide:
            break
        place = max(wide, key=lambda place: (widths[place], -place))
        widths[place] -= 1
        over -= 1
        taken.add(place)
    return [[shortened(cell, widths[at]) if at in taken else cell for at, cell in enumerate(row)] for row in rows]


def aligned(rows: list[list[str]], names: Sequence[int] = (0,)) -> str:
    """Rows as columns below a line, the first to the left, the others to the right.

    Where there is not room for all, the columns in `names` are shortened in the middle, then headings; what then still
    does not fit is told in further tables below, each of which begins with the first column.
    """
    rows = [[cut(cell, WIDEST) for cell in row] for row in rows]
    most, count = room(), len(rows[0])
    if most is None or _over(rows, most) <= 0:
        return _table(rows)
    names = [place % count for place in names]
    less = _less(rows, _widths(rows), names, _over(rows, most))
    body = [max(LEAST, wide) for wide in _widths(less[1:] or less)]
    less[0] = [shortened(cell, body[place]) for place, cell in enumerate(less[0])] if _over(less, most) > 0 else less[0]
    if _over(less, most) <= 0:
        return _table(less)
    third = max(LEAST, most // 3)
    rows = [[shortened(cell, third) if at in names else cell for at, cell in enumerate(row)] for row in rows]
    return "\n\n".join(_table([[row[place] for place in block] for row in rows]) for block in _blocks(rows, most))


def _blocks(rows: list[list[str]], most: int) -> list[list[int]]:
    """Which columns stand together where not all can: the first in each, then as many as fit."""
    widths, blocks, taken = _widths(rows), [[0]], 0
    for place in range(1, len(widths)):
        taken += len(GAP) + widths[place]
        if widths[0] + taken > most and len(blocks[-1]) > 1:
            blocks.append([0])
            taken = len(GAP) + widths[place]
        blocks[-1].append(place)
    return blocks


def _widths(rows: list[list[str]]) -> list[int]:
    return [max(width(row[place]) for row in rows) for place in range(len(rows[0]))]


def _over(rows: list[list[str]], most: int) -> int:
    """By how many columns the rows are too wide."""
    return sum(_widths(rows)) + len(GAP) * (len(rows[0]) - 1) - most


def _table(rows: list[list[str]]) -> str:
    widths = _widths(rows)
    lines = [
        GAP.join(padded(cell, widths[place], right=place > 0) for place, cell in enumerate(row)).rstrip()
        for row in rows
    ]
    whole = sum(widths) + len(GAP) * (len(widths) - 1)
    return "\n".join([lines[0], "─" * whole, *lines[1:]])
