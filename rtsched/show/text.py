"""How answers are laid out: views, columns, broken lines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from rtsched import columns
from rtsched.columns import listed
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
    with _page():
        return listed([(visible(label), visible(text)) for label, text in rows], indent=" " * indent)


def wrapped(text: str, first: str) -> list[str]:
    """`text` after `first`, broken into lines that begin where it began."""
    with _page():
        return columns.wrapped(visible(text), first)


def _page() -> AbstractContextManager[None]:
    """Lines are broken at WIDTH, and before it where there is less room."""
    return columns.fitting(min(WIDTH, columns.room() or WIDTH))
