"""Values set anew on the way from a document to a model: ``--set tasks.detector.period=20ms``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from rtsched.errors import InputError
from rtsched.model.document import MAX_DEPTH, Location, cut, parse_value

#: Keys that say the same thing: setting one from the command line takes the other away.
EXCLUSIVE = {"period": ("rate",), "rate": ("period",), "pin": ("processors",), "processors": ("pin",)}


@dataclass(frozen=True, slots=True)
class Override:
    """One ``--set PATH=VALUE``: the path, the value, the text as it was written, and who asks for it."""

    path: str
    value: Any
    text: str
    how: str = "--set"

    @property
    def place(self) -> str:
        """How errors name it."""
        return f"{self.how} {cut(self.text, 120)}"


def parse_override(text: str | Override) -> Override:
    """``tasks.detector.period=20ms`` as path and YAML value; one that is made already as it is."""
    if isinstance(text, Override):
        return text
    path, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not path:
        raise InputError(f"--set {cut(text)!r}: write PATH=VALUE, e.g. tasks.detector.period=20ms")
    return Override(path, parse_value(value, f"--set {cut(path)}"), text)


def apply(data: Any, override: Override) -> tuple[Any, Location]:
    """`data` with the value set, what is not touched shared, and the place that the override answers for."""
    loc: list[str | int] = []
    owned = None
    here, rest = data, override.path
    while rest:
        if len(loc) >= MAX_DEPTH:
            raise InputError(f"{override.place}: the path is longer than {MAX_DEPTH} parts; shorten it")
        step, rest = _step(here, rest, override)
        loc.append(step)
        if isinstance(step, int):
            here = here[step]
        else:
            here = (here or {}).get(step)
            owned = len(loc) if here is None and owned is None else owned
    return _put(data, tuple(loc), override.value), tuple(loc[:owned])


def _step(here: Any, rest: str, override: Override) -> tuple[str | int, str]:
    """The next part of a path, the longest known one, and what is left of the path."""
    if isinstance(here, dict | None):
        known = list(here or ())
    elif isinstance(here, list):
        known = [item_name(item, index) for index, item in enumerate(here)]
    else:
        raise InputError(f"{override.place}: {cut(repr(here))} has nothing inside; end the path before {cut(rest)!r}")
    fitting = [name for name in known if rest == name or (rest.startswith(name + ".") and rest != name + ".")]
    if fitting:
        name = max(fitting, key=len)
        return (known.index(name) if isinstance(here, list) else name), rest[len(name) + 1 :]
    name, dot, after = rest.partition(".")
    if not name or (dot and not after):
        raise InputError(f"{override.place}: a part of the path is empty; write e.g. tasks.detector.period=20ms")
    if not isinstance(here, list):
        return name, after
    if name.isascii() and name.isdecimal() and len(name) < 9 and int(name) < len(here):
        return int(name), after
    raise InputError(f"{override.place}: nothing here is called {cut(name)!r}; {suggestion(name, known)}")


def _put(data: Any, loc: Location, value: Any) -> Any:
    """A copy of `data` with `value` at `loc`."""
    if not loc:
        return value
    step = loc[0]
    if isinstance(step, int):
        items = list(data)
        items[step] = _put(items[step], loc[1:], value)
        return items
    pairs = dict(data or {})
    if len(loc) == 1 and value is not None:
        for other in EXCLUSIVE.get(step, ()):
            pairs.pop(other, None)
    pairs[step] = _put(pairs.get(step), loc[1:], value)
    return pairs


def item_name(item: Any, index: int) -> str:
    """What a list item is called: its name if it has one, else its number."""
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) and name else str(index)


def suggestion(name: str, known: list[str]) -> str:
    """What was probably meant, or what there is."""
    close = difflib.get_close_matches(name[:100], known[:1000], n=1)
    return f"did you mean {cut(close[0])!r}?" if close else f"known: {cut(', '.join(known[:20]), 300)}"
