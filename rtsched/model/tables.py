"""CSV tables of times: columns by name, units in the cell ("3 ms") or in the header (``release_us``)."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from rtsched import units
from rtsched.errors import InputError

MAX_BYTES = 64 * 2**20
MAX_ROWS = 5_000_000

_SUFFIXES = {f"_{unit}": scale for unit, scale in units.DURATIONS.items() if unit.isascii()}


@dataclass(frozen=True)
class Column:
    """A column of times: where it stands, and the ns of one unit (None: each cell carries its own unit)."""

    name: str
    position: int
    scale: int | None


class TimeTable:
    """The rows of a CSV file whose columns `wanted` hold times; further columns are text."""

    def __init__(self, path: Path, wanted: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        self.path = path
        self.rows = list(self._read())
        if not self.rows:
            raise InputError(
                f"{path}:1:1: the file is empty; its first line names the columns, e.g. {','.join(wanted)}"
            )
        self.header = [name.strip() for name in self.rows.pop(0)]
        self.columns = {name: self._find(name) for name in wanted}
        for name in optional:
            if any(head == name or head in {name + suffix for suffix in _SUFFIXES} for head in self.header):
                self.columns[name] = self._find(name)

    def _read(self) -> Iterator[list[str]]:
        try:
            if not self.path.is_file():
                raise InputError(f"{self.path}: no such file; give the path of a CSV, relative to the system file")
            if os.path.getsize(self.path) > MAX_BYTES:
                raise InputError(f"{self.path}: larger than {units.format_size(MAX_BYTES)}; split or thin it out")
            with open(self.path, newline="", encoding="utf-8-sig") as stream:
                lines = (line for line in stream if line.strip() and not line.startswith("#"))
                for number, row in enumerate(csv.reader(lines)):
                    if number > MAX_ROWS:
                        raise InputError(f"{self.path}: more than {MAX_ROWS} rows; thin it out")
                    yield row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.path}: cannot be read as CSV: {error}") from None

    def _find(self, name: str) -> Column:
        for position, head in enumerate(self.header):
            if head == name:
                scale = next((s for suffix, s in _SUFFIXES.items() if head.endswith(suffix)), None)
                return Column(name, position, scale)
            stem, _, unit = head.rpartition("_")
            if stem == name and f"_{unit}" in _SUFFIXES:
                return Column(name, position, _SUFFIXES[f"_{unit}"])
        have = ", ".join(self.header[:10])
        raise InputError(
            f"{self.path}:1:1: column {name!r} is missing (found: {have}); add {name!r} or e.g. '{name}_us'"
        )

    def times(self, name: str, *, least: int = 0) -> tuple[int, ...]:
        """A column in ns; every cell a number, finite and at least `least`."""
        column = self.columns[name]
        return tuple(self._time(row, number, column, least) for number, row in enumerate(self.rows, start=2))

    def _time(self, row: list[str], number: int, column: Column, least: int) -> int:
        place = f"{self.path}:{number}:{column.position + 1}: {column.name}"
        if column.position >= len(row):
            raise InputError(f"{place}: the row has {len(row)} cells; fill it up")
        cell = row[column.position].strip()
        try:
            value = units.parse_duration(cell) if column.scale is None else scaled(cell, column.scale)
        except ValueError as error:
            raise InputError(f"{place}: {error}") from None
        if value < least:
            raise InputError(f"{place}: must be {'positive' if least else 'zero or more'} (found {cell!r})")
        return value

    def text(self, name: str) -> tuple[str, ...] | None:
        """A column as it stands; None if there is none of that name."""
        if name not in self.header:
            return None
        position = self.header.index(name)
        return tuple(row[position].strip() if position < len(row) else "" for row in self.rows)


def scaled(cell: str, scale: int) -> int:
    """A plain decimal number of `scale` ns each, in ns, rounded to the nearest."""
    try:
        number = Decimal(cell)
    except InvalidOperation:
        raise ValueError(f"{cell!r} is not a number") from None
    # the exponent first: arithmetic on 1e999999999 overflows
    if not number.is_finite() or number.adjusted() > 20 or abs(number) * scale > units.LONGEST:
        raise ValueError(f"{cell!r} is not a time below 100 years")
    return round(number * scale)


@dataclass(frozen=True)
class Arrivals:
    """A recorded arrival trace in ns: arrivals in order, relative deadlines and execution times where recorded."""

    times: tuple[int, ...]
    deadlines: tuple[int, ...] | None
    execution: tuple[int, ...] | None


def read_arrivals(path: Path) -> Arrivals:
    """Columns release, and optionally deadline (relative) and execution, of a CSV file."""
    table = TimeTable(path, ("release",), ("deadline", "execution"))
    times = table.times("release")
    if not times:
        raise InputError(f"{path}: no arrivals; add a row below the header")
    for number, (earlier, later) in enumerate(pairwise(times), start=3):
        if later < earlier:
            raise InputError(
                f"{path}:{number}:{table.columns['release'].position + 1}: release: the trace goes back in time "
                f"({units.format_duration(later)} after {units.format_duration(earlier)}); sort it"
            )
    extra = {name: table.times(name, least=1) for name in ("deadline", "execution") if name in table.columns}
    return Arrivals(times, extra.get("deadline"), extra.get("execution"))


def read_samples(path: Path, column: str) -> tuple[int, ...]:
    """One column of measured execution times, in ns."""
    samples = TimeTable(path, (column,)).times(column, least=1)
    if not samples:
        raise InputError(f"{path}: no samples; add a row below the header")
    return samples


@dataclass(frozen=True)
class InputRow:
    """A row of a file of inputs: which input, which node, its time in ns and its side values."""

    place: str
    input: str
    node: str
    time: int
    values: dict[str, float]


def read_inputs(path: Path) -> tuple[InputRow, ...]:
    """The rows of a CSV file with the columns input, node and time (with its unit); all others are side values."""
    table = TimeTable(path, ("time",))
    inputs, nodes = table.text("input"), table.text("node")
    if inputs is None or nodes is None:
        raise InputError(
            f"{path}:1:1: inputs have the columns 'input' and 'node' (found: {', '.join(table.header[:10])})"
        )
    if not table.rows:
        raise InputError(f"{path}: no inputs; add a row below the header")
    names = [
        name for name in table.header if name not in ("input", "node", table.header[table.columns["time"].position])
    ]
    columns = {name: _numbers(table, name) for name in names}
    return tuple(
        InputRow(
            f"{path}:{place + 2}", inputs[place], nodes[place], time, {name: columns[name][place] for name in names}
        )
        for place, time in enumerate(table.times("time", least=1))
    )


def _numbers(table: TimeTable, name: str) -> list[float]:
    """A column of plain numbers."""
    found = []
    for number, cell in enumerate(table.text(name) or (), start=2):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            place = f"{table.path}:{number}:{table.header.index(name) + 1}"
            raise InputError(f"{place}: {name}: {cell!r} is no number; every input has a value at every node")
        found.append(value)
    return found
