"""Families of early exits out of the catalogue: how much of the time each takes, and how often it is right."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass

from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.document import cut, read_text

COLUMNS = ("family", "network", "exit", "share", "accuracy", "relative_cost", "status", "source")


@dataclass(frozen=True, slots=True)
class ExitPoint:
    """An exit: its accuracy on all inputs, and the share of the full network's time up to it."""

    name: str
    accuracy: float
    cost: float


@dataclass(frozen=True)
class ExitFamily:
    """The exits of a network in order, the last one its end; `note` says what is derived or assumed."""

    name: str
    exits: tuple[ExitPoint, ...]
    note: str


def exit_rows() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """All rows of all ``platforms/exits.csv`` by family, with their places; the user's own folders come first."""
    found: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for folder in catalogue.folders("platforms"):
        path = folder / "exits.csv"
        if not path.is_file():
            continue
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="")
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1:1: column {missing[0]!r} is missing; add it")
        mine: dict[str, list[tuple[str, dict[str, str]]]] = {}
        for row in reader:
            mine.setdefault(row["family"], []).append((f"{path}:{reader.line_num}", row))
        for name, rows in mine.items():
            found.setdefault(name, rows)
    return found


def exit_family(name: str, what: str) -> ExitFamily:
    """The exits of a family, for the task that `what` names in messages.

    Published are the shares of inputs that leave at each exit and the accuracy of all answers together. Where an exit's
    own accuracy is not known, at least the share that leaves up to it, less all wrong answers, is right there.
    """
    known = exit_rows()
    if name not in known:
        close = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(sorted(known))}"
        raise InputError(f"{what}: no family of exits is called {cut(name)!r}; {hint}")
    numbered = [(place, row) for place, row in known[name] if row["exit"].isdecimal()]
    overall = next((_share(place, row, "accuracy") for place, row in known[name] if row["exit"] == "all"), None)
    if not numbered or overall is None:
        raise InputError(f"{what}: family {name!r} needs numbered exits and a row 'all' with their accuracy together")
    exits: list[ExitPoint] = []
    gone = 0.0
    for position, (place, row) in enumerate(numbered):
        cost = _share(place, row, "relative_cost")
        if cost is None or cost <= (exits[-1].cost if exits else 0.0):
            raise InputError(
                f"{what}: family {name!r} has no time for exit {row['exit']} (its source does not say); give the task "
                "a 'graph' and 'exits' of your own"
            )
        gone += _share(place, row, "share") or 0.0
        own = _share(place, row, "accuracy")
        last = position == len(numbered) - 1
        accuracy = overall if last else own if own is not None else max(0.0, gone - (1 - overall))
        exits.append(ExitPoint(f"exit{row['exit']}", accuracy, cost))
    source = numbered[0][1]["source"]
    note = f"exits of {name} ({source}): accuracies before the last are lower bounds, from the shares that leave"
    return ExitFamily(name, tuple(exits), note)


def _share(place: str, row: dict[str, str], column: str) -> float | None:
    if not row[column]:
        return None
    try:
        value = float(row[column])
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"{place}: {column}: {cut(row[column])!r} is no share between 0 and 1")
    return value
