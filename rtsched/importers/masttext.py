"""The text format of MAST: elements such as ``Operation (Type => Simple, Name => a);``, case and order left open."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from rtsched.errors import InputError
from rtsched.importers.common import MOST_DEPTH, MOST_ITEMS
from rtsched.model.document import cut

_TOKEN: Final = re.compile(r'\s+|--[^\n]*|=>|[(),;]|"[^"\n]*"|[^\s(),;="]+')


@dataclass
class MastValue:
    """A value of a file: a word, or a list in brackets of values and of pairs of a key and a value."""

    line: int
    word: str = ""
    pairs: list[tuple[str, MastValue]] = field(default_factory=list)
    values: list[MastValue] = field(default_factory=list)

    def get(self, key: str) -> MastValue | None:
        """The value of a key, whatever its case."""
        return next((value for name, value in self.pairs if name == key), None)

    def text(self, key: str, default: str = "") -> str:
        """The word of a key."""
        found = self.get(key)
        return default if found is None else found.word

    @property
    def type(self) -> str:
        """Its type in small letters."""
        return self.text("type").lower()

    def members(self) -> list[MastValue]:
        """A list of lists as it is written: one alone may stand without its own brackets."""
        return [self] if self.pairs else self.values


def parse(path: str, text: str) -> list[tuple[str, MastValue]]:
    """The elements of a text, by kind in small letters. Raises InputError with the line."""
    return _Parser(path, text).elements()


class _Parser:
    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.tokens: list[tuple[int, str]] = []
        line, place = 1, 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                self.fail(line, f"{cut(text[place])!r} stands where MAST has nothing of the kind")
            token = match[0]
            if not token.isspace() and not token.startswith("--"):
                self.tokens.append((line, token))
                if len(self.tokens) > 10 * MOST_ITEMS:
                    self.fail(line, "the file is too large; split it")
            line += token.count("\n")
            place = match.end()
        self.tokens.append((line, ""))
        self.place = 0

    def fail(self, line: int, what: str) -> NoReturn:
        raise InputError(f"{self.path}:{line}: is not MAST text: {what}; check the file")

    def take(self, wanted: str = "") -> tuple[int, str]:
        line, token = self.tokens[self.place]
        if wanted and token != wanted:
            self.fail(line, f"{cut(token)!r} stands where {wanted!r} is to be" if token else f"{wanted!r} is missing")
        self.place += 1
        return line, token

    def elements(self) -> list[tuple[str, MastValue]]:
        found = []
        while self.tokens[self.place][1]:
            line, kind = self.take()
            if kind in "(),;=>":
                self.fail(line, f"{kind!r} stands where an element begins")
            found.append((kind.lower(), self.list(1)))
            self.take(";")
        return found

    def list(self, depth: int) -> MastValue:
        line, _ = self.take("(")
        if depth > MOST_DEPTH:
            self.fail(line, f"brackets are nested deeper than {MOST_DEPTH}")
        item = MastValue(line)
        while self.tokens[self.place][1] != ")":
            if self.tokens[self.place + 1 : self.place + 2] and self.tokens[self.place + 1][1] == "=>":
                at, key = self.take()
                self.take("=>")
                if item.get(key.lower()) is not None:
                    self.fail(at, f"{cut(key)!r} stands twice")
                item.pairs.append((key.lower(), self.value(depth)))
            else:
                item.values.append(self.value(depth))
            if self.tokens[self.place][1] != ")":
                self.take(",")
        self.take(")")
        return item

    def value(self, depth: int) -> MastValue:
        line, token = self.tokens[self.place]
        if token == "(":
            return self.list(depth + 1)
        self.take()
        if not token or token in "),;=>":
            self.fail(line, f"{cut(token)!r} stands where a value is to be")
        return MastValue(line, token.strip('"'))
