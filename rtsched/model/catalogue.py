"""The catalogue: platforms, workloads and latency tables, wherever rtsched is installed, and the user's own folders."""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.model.config import read_yaml, validate
from rtsched.model.document import Document, cut, parse_value, parse_yaml, read_text
from rtsched.model.overrides import Override, parse_override
from rtsched.model.platform import Platform
from rtsched.model.system import System

KINDS = ("platforms", "workloads")

#: The columns of a latency table that must be there.
LATENCY_COLUMNS = (
    "platform",
    "network",
    "input",
    "processor",
    "threads",
    "precision",
    "runtime",
    "latency_ms",
    "status",
    "source",
)


#: Columns that it may have, with values of repeated measurements above the median.
UPPER = ("p99_ms", "p99_9_ms", "max_ms")
#: All columns with figures that may be there, and the units of those that are no times.
FIGURES = (*UPPER, "energy_mj", "edp_ms_mj")
_UNITS = {"energy_mj": "millijoules", "edp_ms_mj": "milliseconds times millijoules"}

#: A name out of the catalogue: one part of a path.
_NAME = re.compile(r"[^\W_][\w.+-]{0,99}")
#: How many threads a row was measured with; nothing is one.
_THREADS = re.compile(r"(?:[1-9][0-9]{0,3})?")
#: How many runs a row sums up; nothing is not stated.
_RUNS = re.compile(r"(?:[1-9][0-9]{0,11})?")


def folders(kind: str) -> list[Path]:
    """Where things of a kind are looked for: ``$RTSCHED_PATH``, the wheel, the repository; only folders that exist."""
    places = [Path(entry) / kind for entry in os.environ.get("RTSCHED_PATH", "").split(os.pathsep) if entry]
    inside = Path(str(resources.files("rtsched")))
    # An installed rtsched carries its own; a folder of that name beside it would be a stranger's.
    places.append(inside / kind if (inside / kind).is_dir() else inside.parent / kind)
    return [place for place in places if place.is_dir()]


def names(kind: str) -> list[str]:
    """All names of a kind, sorted."""
    return sorted({path.stem for folder in folders(kind) for path in folder.glob("*.yaml")})


def find(kind: str, name: str) -> Path:
    """The file of a name; the user's own folders come first."""
    if _NAME.fullmatch(name):
        for folder in folders(kind):
            path = folder / f"{name}.yaml"
            if path.is_file():
                return path
    known = names(kind)
    close = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"`rtsched list {kind}` names them"
    raise InputError(f"no {kind.removesuffix('s')} is called {cut(name)!r}; {hint}")


def network_names() -> list[str]:
    """All names of network files, sorted."""
    return sorted({path.stem for folder in folders("networks") for path in folder.glob("*.csv")})


def find_network(name: str) -> Path:
    """The network file of a name; the user's own folders come first."""
    if _NAME.fullmatch(name):
        for folder in folders("networks"):
            path = folder / f"{name}.csv"
            if path.is_file():
                return path
    known = network_names()
    close = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known)}"
    raise InputError(
        f"no network file is called {cut(name)!r}; {hint}; or `rtsched import` an ONNX model, and name the file"
    )


def is_path(reference: str) -> bool:
    """Whether a reference is meant as a file rather than a name."""
    return reference.endswith((".yaml", ".yml")) or "/" in reference or os.sep in reference


def is_platform_file(reference: str) -> bool:
    """Whether a reference is the path of a platform's file."""
    if not is_path(reference):
        return False
    data = read_yaml(reference).data
    return "processors" in data and "platform" not in data


def title(kind: str, name: str) -> str:
    """The title of a catalogue entry, or nothing."""
    return str(read_yaml(find(kind, name)).data.get("title", ""))


# ---- systems ---------------------------------------------------------------------------------------------------------


def load_system(reference: str, overrides: Sequence[str | Override] = ()) -> tuple[System, Document, Path]:
    """A system by name or path, its document and its file."""
    path = Path(reference) if is_path(reference) else find("workloads", reference)
    document = read_yaml(path)
    document.data.setdefault("name", path.stem)
    return validate(System, document, [parse_override(each) for each in overrides]), document, path


# ---- platforms -------------------------------------------------------------------------------------------------------


def load_platform(reference: str, base: Path | None = None) -> Platform:
    """A platform by name, alias or path (relative to `base`), with parameters: ``multicore:4``, ``multicore:m=4``."""
    name, parameters = reference, ""
    if not reference.endswith((".yaml", ".yml")):
        name, _, parameters = reference.partition(":")
    path = _platform_path(name, base) if is_path(name) else _by_alias(name)
    return Platform.model_validate(_read_platform(path, read_text(path), parameters, reference))


@lru_cache(maxsize=64)
def _read_platform(path: Path, text: str, parameters: str, reference: str) -> Platform:
    """The platform in the text of a file: what is the same text is read once, which a board takes milliseconds for."""
    document = parse_yaml(text, str(path))
    document.data.setdefault("name", path.stem)
    return validate(Platform, document.with_data(_filled(document, parameters, reference)))


def _platform_path(name: str, base: Path | None) -> Path:
    """The file that a path means: beside the workload, else from the working folder."""
    beside = Path(name) if base is None else base / name
    return Path(name) if not os.path.exists(beside) and os.path.exists(name) else beside


def _by_alias(name: str) -> Path:
    try:
        return find("platforms", name)
    except InputError:
        for each in names("platforms"):
            path = find("platforms", each)
            try:
                aliases = _aliases(read_text(path))
            except InputError:  # a broken file has no aliases
                continue
            if name in aliases:
                return path
        raise


@lru_cache(maxsize=256)
def _aliases(text: str) -> tuple[Any, ...]:
    """The other names of a platform, in the text of its file."""
    aliases = parse_yaml(text).data.get("aliases")
    return tuple(aliases) if isinstance(aliases, list) else ()


def _filled(document: Document, given: str, reference: str) -> Any:
    """The data of a platform file with its parameters put in: those given, else the file's own values."""
    data = dict(document.data)
    values = data.pop("parameters", {})
    if not isinstance(values, dict) or not all(isinstance(value, int | float | str) for value in values.values()):
        raise InputError(f"{document.where(('parameters',))}: parameters: must be 'name: value' lines; write e.g. m: 2")
    values = values | _given(list(values), given, f"platform {cut(reference)!r}")
    return _replaced(data, values)


def _given(known: list[str], given: str, place: str) -> dict[str, Any]:
    """The values of ``4`` (the first parameter) or ``m=4,speed=1/2``."""
    values: dict[str, Any] = {}
    for part in filter(None, given.split(",")):
        key, equals, text = part.rpartition("=")
        if not equals and not values and known:
            key = known[0]
        if not key:
            raise InputError(f"{place}: write {cut(part)}=VALUE (parameters: {', '.join(known) or 'none'})")
        if key not in known:
            raise InputError(f"{place}: no parameter is called {cut(key)!r}; known: {', '.join(known) or 'none'}")
        values[key] = parse_value(text, place)
        if not isinstance(values[key], int | float | str):
            raise InputError(f"{place}: the parameter {key!r} must be a number or a text; write e.g. {key}=4")
    return values


def _replaced(data: Any, values: dict[str, Any]) -> Any:
    """`data` with every text that equals a parameter's name replaced by its value."""
    if isinstance(data, dict):
        return {key: _replaced(item, values) for key, item in data.items()}
    if isinstance(data, list):
        return [_replaced(item, values) for item in data]
    return values.get(data, data) if isinstance(data, str) else data


# ---- latencies -------------------------------------------------------------------------------------------------------


def latency_table(tell: Callable[[InputError], None] | None = None) -> list[Mapping[str, str]]:
    """All rows of all ``platforms/latency.csv``, the user's own first; what is wrong with one is raised, or told."""
    rows: list[Mapping[str, str]] = []
    for folder in folders("platforms"):
        path = folder / "latency.csv"
        if path.is_file():
            try:
                rows += _latencies(path, read_text(path))
            except InputError as error:
                if tell is None:
                    raise
                tell(error)
    return rows


@lru_cache(maxsize=8)
def _latencies(path: Path, text: str) -> tuple[Mapping[str, str], ...]:
    """The rows in the text of a table: what is the same text is read once, which takes some 50 ms."""
    from rtsched.model.tables import scaled

    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    rows = []
    try:
        missing = [name for name in LATENCY_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1:1: column {missing[0]!r} is missing; add it")
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if None in row:
                raise InputError(f"{place}: more cells than columns; put text with commas in double quotes")
            for column in ("latency_ms", *(name for name in FIGURES if row.get(name))):
                try:
                    positive = scaled(row[column], 10**6) > 0
                except ValueError as error:
                    raise InputError(
                        f"{place}: {column}: {error}; write {_UNITS.get(column, 'milliseconds')}, e.g. 4.2"
                    ) from None
                if not positive:
                    raise InputError(f"{place}: {column}: must be positive (got {row[column]!r})")
            if not _THREADS.fullmatch(row["threads"]):
                raise InputError(f"{place}: threads: {cut(row['threads'])!r} is no number of threads; write e.g. 4")
            if not _RUNS.fullmatch(row.get("n") or ""):
                raise InputError(f"{place}: n: {cut(row['n'])!r} is no number of runs; write e.g. 1000")
            row["row"] = f"{path.parent.name}/{path.name}:{reader.line_num}"
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"{path}:{reader.reader.line_num}: cannot be read as CSV: {error}; check its quotes") from None
    return tuple(rows)
