"""How answers are laid out: views, columns, broken lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rtsched.model.platform import Platform
from rtsched.visible import visible

#: Lines are broken here.
WIDTH = 110


@dataclass(frozen=True)
class Answer:
    """An answer as text for people and as data for programs; `platform` is what can be drawn."""

    text: str
    data: dict[str, Any]
    kind: str
    platform: Platform | None = None


def table(rows: Sequence[tuple[str, str]], indent: int = 2) -> list[str]:
    """Lines of two columns, the second one wrapped."""
    rows = [(visible(label), text) for label, text in rows]
    width = max((len(label) for label, _ in rows), default=0)
    lines = []
    for label, text in rows:
        lines += wrapped(text, f"{' ' * indent}{label:<{width}}  ")
    return lines


def wrapped(text: str, first: str) -> list[str]:
    """`text` after `first`, broken into lines that begin where it began."""
    room = max(40, WIDTH - len(first))
    parts = textwrap.wrap(visible(text), room, break_long_words=False, break_on_hyphens=False) or [""]
    return [first + parts[0], *(" " * len(first) + part for part in parts[1:])]
