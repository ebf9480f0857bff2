"""What the importers share: bounded reading, exact times, and the way into a System."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.document import read_text
from rtsched.model.system import System

MOST_CHARACTERS = 16 * 2**20


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
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise InputError(f"{where}: {value!r} is not a number; give a time in {unit}") from None
    if not number.is_finite() or abs(number) > units.LONGEST or abs(number) * units.DURATIONS[unit] > units.LONGEST:
        raise InputError(f"{where}: {value!r} is not a time below 100 years")
    if number < 0:
        raise InputError(f"{where}: {value!r} is negative; give a time of zero or more")
    return round(number * units.DURATIONS[unit])


def build(path: str, data: dict[str, Any], warnings: list[str]) -> ImportResult:
    """The system that `data` (in the words of a system file, times in ns) describes."""
    try:
        system = System.model_validate(data)
    except ValidationError as error:
        problems = []
        for each in error.errors():
            place = ".".join(str(part) for part in each["loc"])
            problems.append(f"{path}: {place}: {each['msg']}")
        raise InputError(*problems[:20]) from None
    return ImportResult(system, tuple(dict.fromkeys(warnings)))
