"""What the importers share: bounded reading, exact times, who wakes whom, and the way into a System."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.config import validate
from rtsched.model.document import Document, cut, read_text
from rtsched.model.system import System

MOST_CHARACTERS: Final = 16 * 2**20
MOST_DEPTH: Final = 32
#: XML elements or JSON values; the largest files that come with the two tools have a few hundred.
MOST_ITEMS: Final = 100_000
MOST_TASKS: Final = 5_000


@dataclass(frozen=True)
class ImportResult:
    """An imported system, and one sentence for everything that could not be carried over."""

    system: System
    warnings: tuple[str, ...]


def read_source(path: str) -> str:
    """The text of a file to import, of at most 16 MiB."""
    text = read_text(path)
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{path}: is larger than 16 MiB; split it")
    return text


def time(value: Any, unit: str, where: str) -> int:
    """A number of `unit` (a key of ``units.DURATIONS``) in ns, exactly; `where` names it in errors."""
    shown = cut(repr(str(value)))
    try:
        given = Decimal(str(value).strip())
    except ArithmeticError:
        raise InputError(f"{where}: {shown} is not a number; give a time in {unit}") from None
    if not given.is_finite() or given.adjusted() > 20 or abs(given * units.DURATIONS[unit]) > units.LONGEST:
        raise InputError(f"{where}: {shown} is no time below 100 years; give one in {unit}")
    number = given * units.DURATIONS[unit]
    if number < 0:
        raise InputError(f"{where}: {shown} is negative; give a time of zero or more")
    if number and not round(number):
        raise InputError(f"{where}: {shown} {unit} is shorter than the resolution of 1 ns; give more, or 0")
    return round(number)


def reached(order: Sequence[str], starters: Set[str], wakers: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """The tasks that ever run, and those of them that have to start by themselves although another one wakes them.

    `starters` can run without being woken; `wakers` tells who wakes a task. A circle of wakers is opened at the first
    starter in it; without one it never turns.
    """
    followers: dict[str, list[str]] = {}
    for name, waker in wakers.items():
        followers.setdefault(waker, []).append(name)
    alive: set[str] = set()
    opened: set[str] = set()
    for woken in (False, True):
        for name in order:
            if name in starters and name not in alive and (woken or name not in wakers):
                opened |= {name} if woken else set()
                waiting = [name]
                while waiting:
                    here = waiting.pop()
                    if here not in alive:
                        alive.add(here)
                        waiting += followers.get(here, ())
    return alive, opened


def build(path: str, data: dict[str, Any], warnings: Sequence[str]) -> ImportResult:
    """The system that `data`, in the words of a system file, describes; raises InputError that names the file."""
    if len(data["tasks"]) > MOST_TASKS:
        raise InputError(f"{path}: has more than {MOST_TASKS} tasks; split it")
    system = validate(System, Document({"name": Path(path).stem or "imported", **data}, path))
    return ImportResult(system, tuple(dict.fromkeys(cut(warning, 300) for warning in warnings)))
