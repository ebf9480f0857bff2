"""Pieces of HTML: tables, lines and what is folded away. What they are given is text, and is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from rtsched import units
from rtsched.visible import cut, visible

#: The longest text of a cell, and the most rows of a table.
LONGEST, MOST = 300, 200
LEFT = "text-align:left;padding:0.15em 0.6em"
RIGHT = "text-align:right;padding:0.15em 0.6em;white-space:nowrap;font-variant-numeric:tabular-nums"


def text(words: object) -> str:
    """Text of one line; names in other directions stay where they are."""
    return f"<bdi>{escape(cut(str(words), LONGEST))}</bdi>"


def line(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(visible(words))}</p>"


def headed(name: str, rest: str = "") -> str:
    """A paragraph that begins with what it is about."""
    return f"<p><b>{text(name)}</b>{': ' * bool(rest)}{escape(visible(rest))}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: Sequence[int] = (0,)) -> str:
    """A table with the columns in `left` to the left; of very many rows the first, and how many there are more."""
    rows = list(rows)
    looks = [LEFT if place in left else RIGHT for place in range(len(head))]
    top = _row("th", looks, head)
    body = "".join(_row("td", looks, row) for row in rows[:MOST])
    more = line(f"… and {len(rows) - MOST} more") if len(rows) > MOST else ""
    return f"<table><thead>{top}</thead><tbody>{body}</tbody></table>{more}"


def _row(tag: str, looks: Sequence[str], cells: Sequence[object]) -> str:
    made = (f'<{tag} style="{look}">{text(cell)}</{tag}>' for look, cell in zip(looks, cells, strict=True))
    return f"<tr>{''.join(made)}</tr>"


def folded(title: str, lines: Sequence[str]) -> str:
    """Lines that are seen when somebody asks for them; nothing where there are none."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(visible(each))}</li>" for each in lines)
    return f"<details><summary>{escape(title)}</summary><ul>{items}</ul></details>"


def whole(*parts: str) -> str:
    """Everything together."""
    return f"<div>{''.join(parts)}</div>"


def time(nanoseconds: float | None) -> str:
    """A duration to four digits; a dash where there is none."""
    return "–" if nanoseconds is None else units.format_duration(round(nanoseconds), digits=4)


def exact(nanoseconds: int | None) -> str:
    """A duration with all its digits; a dash where there is none."""
    return "–" if nanoseconds is None else units.format_duration(nanoseconds)


def percent(share: float | None) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"
