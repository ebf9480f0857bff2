"""Execution times out of a CSV table: one row a run, in the order of the runs.

A column says its unit in its name (``time_us``, ``latency [ms]``, ``wall (ns)``), its cells say it (``5.2 ms``), or the
caller does. Columns that name what ran (task, node, processor, …) part the rows into groups.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.document import cut, read_text

#: Columns that name what ran; the others are left alone unless somebody asks.
GROUPS: Final = (
    "platform", "board", "task", "network", "model", "variant", "node", "cluster", "processor", "threads", "precision",
    "runtime", "mode",
)  # fmt: skip
#: More runs than these are not read.
MOST_RUNS: Final = 2_000_000
MOST_GROUPS: Final = 1_000
_UNIT = re.compile(r"(?:.*[_ \t]|.*[\[(])?(ns|us|µs|μs|ms|s)[\])]?\s*", re.IGNORECASE)
#: Tables that hold figures of runs, and not the runs: two of their columns, and who writes them.
_SUMMARIES: Final = (
    ({"p50_ms", "max_ms"}, "a latency table"),
    ({"median_us", "largest_us"}, "a table of `rtsched profile --nodes`"),
)


@dataclass(frozen=True)
class Series:
    """The execution times of one thing in ns, in the order of the runs, and what tells it from the others."""

    group: tuple[tuple[str, str], ...]
    column: str
    times: tuple[int, ...]
    file: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """What ran, or the column where nothing says so."""
        return " ".join(value for _, value in self.group if value) or self.column


@dataclass(frozen=True)
class _Table:
    """The rows of a file with their lines; a file without a header has the columns 1, 2, …"""

    path: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]

    def place(self, name: str) -> int:
        if name not in self.header:
            known = ", ".join(cut(each, 30) for each in self.header[:20])
            raise InputError(f"{self.path}: there is no column {cut(name)!r}; it has {known}")
        return self.header.index(name)


def read_series(
    path: Path,
    *,
    columns: Sequence[str] = (),
    unit: str | None = None,
    by: Sequence[str] = (),
    where: Sequence[tuple[str, str]] = (),
) -> tuple[Series, ...]:
    """The series of a CSV file, in the order in which they begin.

    `columns` are those of times (else the one that has a unit), `unit` the unit of plain numbers, `by` the columns that
    part the rows (else those of GROUPS that are there); `where` keeps rows with these values. A time that is no whole
    number of ns is rounded up. Raises InputError with file and line.
    """
    text = read_text(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    table = _table(str(path), text)
    chosen = [(name, table.place(name)) for name in columns] or [_only(table, unit)]
    parts = [name for name in (by or GROUPS) if by or name in table.header]
    places = [(name, table.place(name)) for name in parts]
    kept = [(table.place(name), name, value) for name, value in where]
    found: dict[tuple[int, tuple[tuple[str, str], ...]], list[int]] = {}
    for line, row in table.rows:
        if any(row[place].strip() != value for place, _, value in kept):
            continue
        group = tuple((name, row[place].strip()) for name, place in places)
        for name, place in chosen:
            time = _time(row[place], name, unit, f"{path}:{line}")
            found.setdefault((place, group), []).append(time)
    if not found:
        raise InputError(f"{path}: no row is left; check --where")
    if len(found) > MOST_GROUPS:
        raise InputError(f"{path}: has more than {MOST_GROUPS} groups; say with --by which columns part the rows")
    return tuple(
        Series(
            group if len(chosen) == 1 else (*group, ("column", table.header[place])), table.header[place], tuple(times),
            path.name, digest,
        )
        for (place, group), times in found.items()
    )  # fmt: skip


def _table(path: str, text: str) -> _Table:
    limit = csv.field_size_limit()
    try:
        reader = csv.reader(io.StringIO(text), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row)) and not row[0].startswith("#")]
    except csv.Error as error:
        what = f"a cell is longer than {limit} letters" if "limit" in str(error) else cut(str(error), 100)
        raise InputError(f"{path}: is not CSV: {what}; check the file") from None
    if not rows:
        raise InputError(f"{path}: is empty; write one execution time a line, in the order of the runs")
    first = [cell.strip() for cell in rows[0][1]]
    header = tuple(map(str, range(1, len(first) + 1)))
    if not any(map(_is_time, first)):
        header = tuple(first)
        del rows[0]
        twice = next((name for name in header if header.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{path}:1: two columns are called {cut(twice)!r}; rename one")
    for wanted, what in _SUMMARIES:
        if wanted <= set(header):
            raise InputError(
                f"{path}: is {what}: it holds medians and maxima, and not the runs; write those with "
                "`rtsched profile --samples FILE`"
            )
    if not rows:
        raise InputError(f"{path}: has a header and no runs; add some")
    if len(rows) > MOST_RUNS:
        raise InputError(f"{path}: has more than {MOST_RUNS:,} rows; split it")
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}:{line}: has {len(row)} cells, the first row {len(header)}; mend it")
    return _Table(path, header, tuple(rows))


def _only(table: _Table, unit: str | None) -> tuple[str, int]:
    """The one column of times."""
    united = [name for name in table.header if _UNIT.fullmatch(name)]
    if not united:
        united = [name for name, cell in zip(table.header, table.rows[0][1], strict=True) if _has_unit(cell)]
    if not united and unit is not None and len(table.header) == 1:
        united = list(table.header)
    if not united and unit is not None:
        united = [name for name in table.header if name.lower() in ("time", "latency", "duration", "wcet", "execution")]
    if len(united) != 1:
        found = ", ".join(cut(name, 30) for name in united[:12])
        what = f"several columns have a unit ({found})" if united else "no column says its unit"
        todo = "say which with --column" if united else "call it e.g. time_us, or give --unit us (and --column)"
        raise InputError(f"{table.path}: {what}; {todo}")
    return united[0], table.header.index(united[0])


def _is_time(cell: str) -> bool:
    return _has_unit(cell) or _number(cell) is not None


def _has_unit(cell: str) -> bool:
    try:
        units.parse_duration(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> Decimal | None:
    try:
        value = Decimal(cell.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _time(cell: str, column: str, unit: str | None, where: str) -> int:
    """A cell in ns, rounded up."""
    value = _number(cell)
    if value is None:
        if not cell.strip():
            raise InputError(f"{where}: {cut(column)} is empty; a run has a time, or leave rows out with --where")
        try:
            time = units.parse_duration(cell)
        except ValueError as error:
            raise InputError(f"{where}: {cut(column)}: {error}") from None
    else:
        named = _UNIT.fullmatch(column)
        own = named[1].lower() if named else None
        if own is None and unit is None:
            raise InputError(f"{where}: {cut(column)}: {cut(cell)!r} has no unit; give --unit us, or write it")
        if own is not None and unit is not None and units.DURATIONS[own] != units.DURATIONS[unit]:
            raise InputError(f"--unit {unit}: the column {cut(column)!r} says {own}; leave --unit out")
        if value.adjusted() > 20:
            raise InputError(f"{where}: {cut(column)}: {cut(cell)!r} is no time below 100 years")
        exact = value * units.DURATIONS[own or unit or "ns"]
        time = int(exact) + (exact > int(exact))
    if not 0 < time <= units.LONGEST:
        raise InputError(
            f"{where}: {cut(column)}: {cut(cell)!r} is no execution time; leave such runs out with --where"
        )
    return time
