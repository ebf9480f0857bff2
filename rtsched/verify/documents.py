"""Random system files that are no error, and smaller ones.

A document goes the way of a user's file (parsed, checked, lowered), so that nothing on that way is left out; one that
is refused is drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from rtsched import api
from rtsched.errors import RtschedError
from rtsched.model.system import System
from rtsched.verify.acting import scheduler_of
from rtsched.verify.draw import Draw
from rtsched.verify.generate import Case
from rtsched.verify.pencil import Document
from rtsched.verify.sketch import Sketch


class CrashError(Exception):
    """The way from a file to its lowered form broke instead of refusing the `document`."""

    def __init__(self, document: Document, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.document, self.kind = document, type(error).__name__


def random_document(draw: Draw, focus: str) -> tuple[Document, Case]:
    """A document of this focus that is no error, and the system it describes with its scheduler. Raises CrashError."""
    while True:
        document = Sketch(draw, focus).make()
        found = lowered(document)
        if found is not None:
            return document, found


def lowered(document: Document) -> Case | None:
    """The system and the scheduler that a document describes; None where it is refused. Raises CrashError."""
    try:
        loaded = api.load(System.model_validate(document, context={"file": True}))
        api.scheduler_of(loaded, scheduler_of(loaded.system.scheduler))
        return loaded.lower(), loaded.system.scheduler
    except RtschedError:
        return None
    except Exception as error:
        raise CrashError(document, error) from error


# ---- shrinking -------------------------------------------------------------------------------------------------------


def smaller(document: Document) -> Iterator[Document]:
    """The document without one of its entries, or with a smaller number: the boldest first."""
    places = list(_places(document, ()))
    for place in sorted(places, key=len):
        yield _edited(document, place, None)
    for place in places:
        for less in _less(_at(document, place)):
            yield _edited(document, place, less)


def _places(item: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    if isinstance(item, dict | list):
        for key, value in item.items() if isinstance(item, dict) else enumerate(item):
            yield from _places(value, (*place, key))


def _at(item: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        item = item[key]
    return item


def _edited(document: Document, place: tuple[Any, ...], value: Any) -> Document:
    """A copy with the entry at `place` replaced, or without it (None)."""
    made = deepcopy(document)
    *path, last = place
    holder = _at(made, tuple(path))
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return made


def _less(value: Any) -> Iterator[Any]:
    """Smaller numbers, also in front of a unit."""
    number, _, unit = value.partition(" ") if isinstance(value, str) else (str(value), "", "")
    if isinstance(value, bool) or not number.isdecimal():
        return
    for less in sorted({1, int(number) // 2, int(number) - 1}):
        if 0 < less < int(number):
            yield f"{less} {unit}" if isinstance(value, str) else less


def weight(document: Document) -> tuple[int, int]:
    """How complicated a document is: its entries, then its numbers."""
    places = list(_places(document, ()))
    numbers = [str(_at(document, place)).partition(" ")[0] for place in places]
    return len(places), sum(int(number) for number in numbers if number.isdecimal())
