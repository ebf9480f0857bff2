"""A study as a database that people query: plain tables, and the same bytes however its rows came about."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.experiment.store import EXPORTED

if TYPE_CHECKING:
    from rtsched.experiment.results import Results
    from rtsched.experiment.store import Row

#: Bytes that are handed on at once.
AT_ONCE = 1 << 20

TABLES = """
PRAGMA page_size=4096; PRAGMA encoding='UTF-8'; PRAGMA auto_vacuum=NONE; PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF; PRAGMA application_id={application}; PRAGMA user_version=1;
CREATE TABLE study (name TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE points (point INTEGER PRIMARY KEY{axes});
CREATE TABLE policies (policy INTEGER PRIMARY KEY, label TEXT NOT NULL, fingerprint TEXT NOT NULL);
CREATE TABLE runs (run INTEGER PRIMARY KEY, point INTEGER NOT NULL REFERENCES points, "set" INTEGER NOT NULL,
  policy INTEGER NOT NULL REFERENCES policies, seed INTEGER NOT NULL, status TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE measured (run INTEGER NOT NULL REFERENCES runs, task TEXT, id TEXT, metric TEXT NOT NULL, value);
CREATE VIEW long AS SELECT points.*, "set", label AS policy, seed, task, id, metric, value, status, note
  FROM runs JOIN points USING (point) JOIN policies ON policies.policy = runs.policy LEFT JOIN measured USING (run);
"""


def copy(results: Results, stream: IO[bytes]) -> None:
    """Write a study as a SQLite database to an open file.

    `points` has a column for each axis, `runs` what became of each, `measured` a row for each value of a run or of a
    task of it, `long` is a view of it all. The bytes depend on the study, its rows and SQLite's own version alone.
    Raises InputError where the temporary folder is full.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export.db"
        try:
            _fill(results, path)
        except sqlite3.Error as error:
            raise InputError(f"the database cannot be written to {folder}: {error}; make room there") from None
        with open(path, "rb") as found:
            while part := found.read(AT_ONCE):
                stream.write(part)


def _fill(results: Results, path: Path) -> None:
    outline = results.outline
    base = sqlite3.connect(path, isolation_level=None)
    try:
        axes = "".join(f", {_quoted(name)}" for name in distinct(outline.axes))
        base.executescript(TABLES.format(application=EXPORTED, axes=axes))
        base.execute("BEGIN")
        told = {
            "digest": outline.digest,
            "name": outline.name,
            "rtsched": outline.version,
            "outline": outline.to_json(),
        }
        base.executemany("INSERT INTO study VALUES (?, ?)", told.items())
        _insert(
            base, "points", ((place, *values) for place, values in enumerate(outline.points)), 1 + len(outline.axes)
        )
        policies = zip(outline.policies, outline.fingerprints, strict=True)
        _insert(base, "policies", ((place, *each) for place, each in enumerate(policies)), 3)
        for number, row in enumerate(results):
            run = (number, row.run.point, row.run.set, row.run.policy, row.run.seed, row.status, row.note)
            base.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", run)
            base.executemany("INSERT INTO measured VALUES (?, ?, ?, ?, ?)", _measured(number, row))
        base.execute("COMMIT")
        base.execute("VACUUM")
    finally:
        base.close()


def _insert(base: sqlite3.Connection, table: str, rows: Iterator[Sequence[Any]], width: int) -> None:
    base.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)


def _measured(number: int, row: Row) -> Iterator[tuple[Any, ...]]:
    for metric, value in row.values.items():
        yield number, None, None, metric, value
    for task in row.tasks:
        for metric, value in task.items():
            if metric not in ("task", "id"):
                yield number, task["task"], task.get("id"), metric, value


def distinct(names: Sequence[str]) -> list[str]:
    """The names as columns of `points`, which SQLite does not tell apart by upper and lower case alone.

    >>> distinct(["tasks.a.wcet", "tasks.A.wcet", "point"])
    ['tasks.a.wcet', 'tasks.A.wcet_2', 'point_2']
    """
    taken = {"point", "set", "policy", "seed", "task", "id", "metric", "value", "status", "note"}
    found = []
    for name in names:
        column, count = name, 1
        while column.lower() in taken:
            count += 1
            column = f"{name}_{count}"
        taken.add(column.lower())
        found.append(column)
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
