"""What a report is made of, whatever file it becomes: texts, tables, lists, listings and the places of figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; a `note` is set smaller, `strong` begins with these words in bold."""

    text: str
    note: bool = False
    strong: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one pair a line; an empty value is filled in by hand."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header. `widths` are relative; columns in `numeric` are aligned to the right; `marked` rows fail.

    Rows that are filled in `by_hand` are higher.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A text whose lines and spaces count, in `language`; one without is set over the whole width."""

    title: str
    text: str
    language: str = "yaml"


@dataclass(frozen=True, slots=True)
class VerdictBox:
    """The verdict in one word, what it rests on, and what exactly it claims.

    Only one that is `sound` is shown as proven or refuted.
    """

    word: str
    scope: str
    basis: str = ""
    sound: bool = True

    @property
    def look(self) -> str:
        """The verdict as which it is drawn."""
        if self.sound:
            return self.word
        return "conditional" if self.word == "schedulable" else "unknown"


@dataclass(frozen=True, slots=True)
class Signatures:
    """Lines to sign on: role, name and function, independence, date; what is empty is filled in by hand."""

    rows: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Where the figures stand."""


Block = Text | Facts | Bullets | Table | Listing | VerdictBox | Signatures | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered section; `name` is that in the registry."""

    number: int
    name: str
    title: str
    blocks: tuple[Block, ...]
