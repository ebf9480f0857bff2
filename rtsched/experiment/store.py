"""The runs of a study in SQLite: written as they come, found again by their keys, so that a study can go on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from rtsched.errors import InputError
from rtsched.experiment.outline import Outline, Run

Status = Literal["ok", "error", "timeout"]
FORMAT = 1
#: What SQLite files of ours say they are ("rtsd").
APPLICATION = 0x72747364
#: And the databases that `rtsched export` makes of them ("rtsx").
EXPORTED = 0x72747378
#: So many keys are asked for at once.
AT_ONCE = 500


@dataclass(frozen=True)
class Row:
    """What became of a run: its values by metric, those of its tasks, or why there are none (`note`).

    Where nothing was `random`, every other seed gives the same.
    """

    run: Run
    status: Status
    note: str = ""
    values: dict[str, float | None] = field(default_factory=dict)
    tasks: tuple[dict[str, Any], ...] = ()
    random: bool = True


class Store:
    """The database of a study; without a path it is forgotten in the end. Raises InputError where it cannot be used."""

    def __init__(self, path: Path | None, *, new: bool = True) -> None:
        self.path = path
        if path is not None and not new and not path.is_file():
            raise InputError(f"{path}: there is no such file; name the database of a study (rtsched sweep writes it)")
        with self._guarded():
            name = ":memory:" if path is None else path  # a sweep in a thread gives its results to others
            self.base = sqlite3.connect(name, timeout=60, isolation_level=None, check_same_thread=False)
            self._open(new)

    def _open(self, new: bool) -> None:
        kind = self.base.execute("PRAGMA application_id").fetchone()[0]
        tables = self.base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and kind != APPLICATION:
            what = "not of a study; name another file"
            if kind == EXPORTED:
                what = "an export; name the one that rtsched sweep wrote"
            raise InputError(f"{self.path}: is a database, but {what}")
        if not tables and not new:
            raise InputError(f"{self.path}: holds no study; name the database of one (rtsched sweep writes it)")
        self.base.execute("PRAGMA synchronous=NORMAL")
        if not tables:
            self.base.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id={APPLICATION};"
                "CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
                "CREATE TABLE IF NOT EXISTS runs (key BLOB PRIMARY KEY, status TEXT NOT NULL, note TEXT NOT NULL, "
                "found TEXT NOT NULL, tasks TEXT NOT NULL, random INTEGER NOT NULL) WITHOUT ROWID; COMMIT;"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.base.close()

    def begin(self, outline: Outline) -> None:
        """From now on the database is that of this study. Rows that it shares with an earlier form of it stay."""
        before = self.find_outline()
        if before is not None and (before.version, before.code) != (outline.version, outline.code):
            raise InputError(
                f"{self.path}: holds runs of rtsched {before.version} ({before.code}), and this is {outline.version} "
                f"({outline.code}); name another file, or use that version"
            )
        with self._guarded():
            self.base.execute("DELETE FROM study WHERE name = 'reach'")
            self.base.execute("INSERT OR REPLACE INTO study VALUES ('outline', ?)", (outline.to_json(),))

    def find_outline(self) -> Outline | None:
        """The study that the database is of; None where it has none yet. Raises InputError."""
        with self._guarded():
            found = self.base.execute("SELECT value FROM study WHERE name = 'outline'").fetchone()
        try:
            return None if found is None else Outline.from_json(found[0])
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None

    def outline(self) -> Outline:
        """The study that the database is of. Raises InputError where it has none."""
        found = self.find_outline()
        if found is None:
            raise InputError(f"{self.path}: no study has been begun in it; run rtsched sweep")
        return found

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that no row has."""
        found: set[bytes] = set(keys)
        with self._guarded():
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ",".join("?" * len(some))
                found.difference_update(
                    key for (key,) in self.base.execute(f"SELECT key FROM runs WHERE key IN ({marks})", some)
                )
        return found

    def add(self, rows: Iterable[tuple[bytes, Row]]) -> None:
        """Write rows, all or none of them."""
        packed = [(key, row.status, row.note, _json(row.values), _json(row.tasks), row.random) for key, row in rows]
        with self._guarded(), self._whole():
            self.base.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", packed)

    def forget(self, status: Status) -> int:
        """Delete the rows that came to nothing in this way, so that they are run again; how many there were."""
        with self._guarded():
            return self.base.execute("DELETE FROM runs WHERE status = ?", (status,)).rowcount

    def row(self, outline: Outline, run: Run) -> Row | None:
        """What became of a run; None while nothing has."""
        return next(iter(self._some(outline, [run])), None)

    def rows(
        self, outline: Outline, points: Iterable[int] | None = None, numbers: range | None = None
    ) -> Iterator[Row]:
        """What became of the runs of a study, at all points or some, by point, set, policy and seed.

        These are its own sets: of a point that ended early (`reach`) those before, whatever else is there.
        """
        everywhere = range(len(outline.points)) if points is None else points
        reached = self._reached()
        runs = (
            run
            for point in everywhere
            for number in numbers or range(min(outline.sets, reached.get(str(point), outline.sets)))
            for run in outline.runs(point, number)
        )
        while some := list(islice(runs, AT_ONCE)):
            yield from self._some(outline, some)

    def reach(self, points: Mapping[int, int]) -> None:
        """At these points the study goes as far as so many sets, and no further unless this is said again."""
        found = self._reached() | {str(point): sets for point, sets in points.items()}
        with self._guarded():
            self.base.execute("INSERT OR REPLACE INTO study VALUES ('reach', ?)", (_json(found),))

    def _reached(self) -> dict[str, int]:
        with self._guarded():
            found = self.base.execute("SELECT value FROM study WHERE name = 'reach'").fetchone()
        try:
            return {} if found is None else {point: int(sets) for point, sets in json.loads(found[0]).items()}
        except (AttributeError, TypeError, ValueError):
            raise InputError(f"{self.path}: is damaged; name another file") from None

    def _some(self, outline: Outline, runs: Sequence[Run]) -> list[Row]:
        """What became of these runs, as far as anything has."""
        keys = [outline.key(run) for run in runs]
        marks = ",".join("?" * len(keys))
        with self._guarded():
            query = f"SELECT key, status, note, found, tasks, random FROM runs WHERE key IN ({marks})"
            found = {key: rest for key, *rest in self.base.execute(query, keys)}
        try:
            return [_row(run, *found[key]) for run, key in zip(runs, keys, strict=True) if key in found]
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.path}: holds a row that cannot be read ({error}); name another file") from None

    @contextmanager
    def _whole(self) -> Iterator[None]:
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")
            raise
        self.base.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What SQLite says is wrong, as an error that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(f"{self.path or 'the runs'}: {_reason(error)}") from None


def _row(run: Run, status: Status, note: str, values: str, tasks: str, random: int) -> Row:
    per_task = tuple(json.loads(tasks)) if tasks != "[]" else ()
    return Row(run, status, note, dict(json.loads(values)), per_task, bool(random))


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    kept = "what was written so far is kept, and the same command goes on from there"
    if "full" in text:
        return f"the disk is full; make room: {kept}"
    if "locked" in text:
        return "another process is writing to it; wait for that one, or name another file"
    if "readonly" in text:
        return "is write-protected; choose another place"
    if "not a database" in text or "malformed" in text:
        return f"is no database that can be read ({text}); name one that rtsched sweep wrote, or a new file"
    if "no such" in text:
        return f"lacks what the database of a study has ({text}); name another file"
    if "I/O" in text:
        return f"the disk cannot be written or read (is it full, or a quota used up?); make room: {kept}"
    if "unable to open" in text:
        return "cannot be opened; check the folder, and what is allowed there"
    return f"cannot be used ({text}); {kept}"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
