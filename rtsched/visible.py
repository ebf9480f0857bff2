"""Text as it is shown: what cannot be seen is escaped, what is too long is cut. Data (JSON) stays as it is."""

from __future__ import annotations

import unicodedata
from dataclasses import fields, is_dataclass, replace
from typing import Any

__all__ = ["as_found", "cell", "cut", "message", "shown", "visible"]

#: The longest line of an error; the middle of a longer one is left out, for what to do stands at the end.
LONGEST = 2000


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with escapes, bells, line breaks, marks of direction and zero width written out: ``\\x1b``, ``\\u202e``.

    With `lines` its line breaks stay.
    """
    if lines and "\n" in text:
        return "\n".join(map(visible, text.split("\n")))
    return text if text.isprintable() else "".join(map(_seen, text))


def _seen(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    return char.encode("unicode_escape").decode()


def cut(text: str, length: int = 60) -> str:
    """`text` on one line, at most `length` characters, with what cannot be seen escaped."""
    line = visible(text[: length + 1])
    return line if len(line) <= length else line[: length - 1] + "…"


def as_found(thing: Any) -> str:
    """A thing that has no place where it was found, for an error: its type and a little of it."""
    return f"{type(thing).__name__} {cut(repr(thing))}"


def message(text: str) -> str:
    """The text of an error on one line, without its middle if it is longer than anyone reads."""
    line = visible(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 600]} … {line[-500:]}"


#: What spreadsheets take for the beginning of a formula, also in full width.
_FORMULA = tuple("=+-@\t\r＝＋－＠")


def cell(value: Any) -> Any:
    """A value as a cell of a CSV table: text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def shown(thing: Any) -> Any:
    """A description (dataclasses, models, tuples, mappings) with all its texts visible; itself where they are."""
    if isinstance(thing, str):
        return visible(thing)
    if isinstance(thing, list | tuple):
        made = [shown(item) for item in thing]
        return thing if _same(made, thing) else type(thing)(made)
    if isinstance(thing, dict):
        pairs = {shown(key): shown(value) for key, value in thing.items()}
        return thing if _same([*pairs, *pairs.values()], [*thing, *thing.values()]) else pairs
    if hasattr(thing, "model_copy"):
        values = dict(thing)
    elif is_dataclass(thing) and not isinstance(thing, type):
        values = {each.name: getattr(thing, each.name) for each in fields(thing) if each.init}
    else:
        return thing
    changed = {name: anew for name, value in values.items() if (anew := shown(value)) is not value}
    if not changed:
        return thing
    return thing.model_copy(update=changed) if hasattr(thing, "model_copy") else replace(thing, **changed)


def _same(made: list[Any], old: Any) -> bool:
    return len(made) == len(old) and all(one is other for one, other in zip(made, old, strict=True))
