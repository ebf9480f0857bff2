"""A study as files: the long table as CSV or Parquet, row by row, a database, JSON, a table for LaTeX."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.files import format_of, open_whole, write_whole
from rtsched.visible import cell, cut

if TYPE_CHECKING:
    from rtsched.experiment.results import Results

#: What a row of the long table says beside the values of the axes, which stand after the first.
COLUMNS = ("point", "set", "policy", "seed", "task", "id", "metric", "value", "status", "note")
#: Rows that are written together.
AT_ONCE = 50_000


def columns(results: Results) -> list[str]:
    """The columns of the long table: the point, the axes, and the rest."""
    return [COLUMNS[0], *results.outline.axes, *COLUMNS[1:]]


def write(results: Results, path: str | Path, metric: str | None = None) -> None:
    """Write a study into `path`, whole or not at all, as its ending says; ``-`` is standard output, as CSV.

    ``.csv`` and ``.parquet`` (the extra ``parquet``) hold the long table, ``.db`` a SQLite database with plain tables,
    ``.json`` the study and its estimates, ``.tex`` a table of one `metric` (the first one measured, unless named) with
    intervals. The same study gives the same bytes, whoever ran it in which order. Raises InputError.
    """
    path = Path(path)
    ending = format_of(path, ENDINGS, f"{path}: a study is written as {', '.join(ENDINGS)}; rename it")
    source = results.store.path
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"{path}: is the study itself; name another file")
    if ending == ".tex":
        from rtsched.experiment.latex import table

        write_whole(path, table(results, metric))
        return
    if metric is not None:
        raise InputError(f"{path}: {ending} holds all metrics, not {cut(metric)!r} alone; name none, or write .tex")
    if ending == ".parquet":
        _pyarrow()
    with open_whole(path) as stream:
        WRITERS[ending](results, stream)


def _csv(results: Results, stream: IO[bytes]) -> None:
    text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=False)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(cell, columns(results)))
    writer.writerows(map(cell, record.values()) for record in results.records())
    text.flush()
    text.detach()


def _json(results: Results, stream: IO[bytes]) -> None:
    stream.write(json.dumps(results.to_dict(), indent=1, ensure_ascii=False).encode() + b"\n")


def _database(results: Results, stream: IO[bytes]) -> None:
    from rtsched.experiment.canonical import copy

    copy(results, stream)


# ---- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(results: Results, stream: IO[bytes]) -> None:
    pyarrow = _pyarrow()
    from pyarrow import parquet

    about = {"rtsched": results.outline.version, "study": results.outline.digest}
    kinds = _kinds(results)
    schema = pyarrow.schema([(name, getattr(pyarrow, kind)()) for name, kind in kinds.items()], about)
    made: Any = parquet.ParquetWriter
    with made(stream, schema, compression="zstd") as writer:
        for rows in _parts(results.records()):
            together = [[_fitting(row[name], kind) for row in rows] for name, kind in kinds.items()]
            arrays = [pyarrow.array(values, each.type) for values, each in zip(together, schema, strict=True)]
            writer.write_table(pyarrow.table(arrays, schema=schema))


def _kinds(results: Results) -> dict[str, str]:
    """The kind of each column, as pyarrow calls it: axes of numbers are numbers, all others text."""
    values = zip(*results.outline.points, strict=True)
    axes = {name: _kind(each) for name, each in zip(results.outline.axes, values, strict=False)}
    plain = {"point": "int32", "set": "int32", "seed": "int64", "value": "float64"}
    return {name: axes.get(name) or plain.get(name, "string") for name in columns(results)}


def _kind(values: Iterable[Any]) -> str:
    found = {type(value) for value in values} - {type(None)}
    if found == {bool}:
        return "bool_"
    if found and found <= {int, float}:
        return "int64" if found == {int} else "float64"
    return "string"


def _fitting(value: Any, kind: str) -> Any:
    return str(value) if kind == "string" and value is not None else value


def _parts(records: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while rows := list(islice(records, AT_ONCE)):
        yield rows


def _pyarrow() -> Any:
    """The module of that name. Raises InputError where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        raise InputError("pyarrow is not installed; pip install 'rtsched[parquet]', or write .csv") from None
    return pyarrow


#: What writes a file, by its ending; the first where there is none.
WRITERS: dict[str, Callable[[Results, IO[bytes]], None]] = {
    ".csv": _csv, ".parquet": _parquet, ".db": _database, ".json": _json
}  # fmt: skip
ENDINGS = (*WRITERS, ".tex")
