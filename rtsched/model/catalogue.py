"""The catalogue: platforms, workloads and latency tables, wherever rtsched is installed, and the user's own folders."""

from __future__ import annotations

import csv
import difflib
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.model.config import parse_override, read_yaml, validate
from rtsched.model.document import Document, parse_value
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


def folders(kind: str) -> list[Path]:
    """Where things of a kind are looked for: ``$RTSCHED_PATH``, the wheel, the repository; only folders that exist."""
    places = [Path(entry) / kind for entry in os.environ.get("RTSCHED_PATH", "").split(os.pathsep) if entry]
    inside = Path(str(resources.files("rtsched")))
    places += [inside / kind, inside.parent / kind]
    return [place for place in places if place.is_dir()]


def names(kind: str) -> list[str]:
    """All names of a kind, sorted."""
    return sorted({path.stem for folder in folders(kind) for path in folder.glob("*.yaml")})


def find(kind: str, name: str) -> Path:
    """The file of a name; the user's own folders come first."""
    if name and not set(name) & {"/", "\\", "\0"} and name not in (".", ".."):
        for folder in folders(kind):
            path = folder / f"{name}.yaml"
            if path.is_file():
                return path
    known = names(kind)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"`rtsched list {kind}` names them"
    raise InputError(f"no {kind.removesuffix('s')} is called {name!r}; {hint}")


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


def load_system(reference: str, overrides: Sequence[str] = ()) -> tuple[System, Document, Path]:
    """A system by name or path, its document and its file."""
    path = Path(reference) if is_path(reference) else find("workloads", reference)
    document = read_yaml(path)
    document.data.setdefault("name", path.stem)
    return validate(System, document, [parse_override(text) for text in overrides]), document, path


# ---- platforms -------------------------------------------------------------------------------------------------------


def load_platform(reference: str, base: Path | None = None) -> Platform:
    """A platform by name, alias or path (relative to `base`), with parameters: ``multicore:4``, ``multicore:m=4``."""
    name, _, parameters = reference.partition(":")
    if is_path(name):
        path = Path(name)
        if base is not None and not path.is_absolute() and (base / path).is_file():
            path = base / path
    else:
        path = _by_alias(name)
    document = read_yaml(path)
    document.data.setdefault("name", path.stem)
    return validate(Platform, document.with_data(_filled(document, parameters, reference)))


def _by_alias(name: str) -> Path:
    try:
        return find("platforms", name)
    except InputError:
        for each in names("platforms"):
            path = find("platforms", each)
            if name in (read_yaml(path).data.get("aliases") or ()):
                return path
        raise


def _filled(document: Document, given: str, reference: str) -> Any:
    """The data of a platform file with its parameters put in: those given, else the file's own values."""
    data = dict(document.data)
    parameters = data.pop("parameters", {})
    if not isinstance(parameters, dict):
        raise InputError(f"{document.where(('parameters',))}: parameters: must be a mapping of 'name: value'")
    values = dict(parameters)
    for position, part in enumerate(part for part in given.split(",") if part):
        key, equals, text = part.partition("=")
        if not equals:
            if position or not parameters:
                known = ", ".join(parameters) or "none"
                raise InputError(f"platform {reference!r}: write {key}=VALUE (parameters: {known})")
            key, text = next(iter(parameters)), part
        if key not in parameters:
            raise InputError(f"platform {reference!r}: no parameter is called {key!r}; known: {', '.join(parameters)}")
        values[key] = parse_value(text, f"platform {reference!r}")
    return _replaced(data, values) if values else data


def _replaced(data: Any, values: dict[str, Any]) -> Any:
    """`data` with every text that equals a parameter's name replaced by its value."""
    if isinstance(data, dict):
        return {key: _replaced(item, values) for key, item in data.items()}
    if isinstance(data, list):
        return [_replaced(item, values) for item in data]
    return values.get(data, data) if isinstance(data, str) else data


# ---- latencies -------------------------------------------------------------------------------------------------------


def latency_table() -> list[dict[str, str]]:
    """All rows of all ``platforms/latency.csv``, the user's own first."""
    rows: list[dict[str, str]] = []
    for folder in folders("platforms"):
        path = folder / "latency.csv"
        if path.is_file():
            rows += _latencies(path)
    return rows


def _latencies(path: Path) -> list[dict[str, str]]:
    from rtsched.model.tables import MAX_BYTES, scaled

    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; split it")
    rows = []
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in LATENCY_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}:1:1: column {missing[0]!r} is missing; add it")
            for number, row in enumerate(reader, start=2):
                row = {key: value or "" for key, value in row.items() if key is not None}
                try:
                    positive = scaled(row["latency_ms"], 10**6) > 0
                except ValueError as error:
                    raise InputError(f"{path}:{number}: latency_ms: {error}") from None
                if not positive:
                    raise InputError(f"{path}:{number}: latency_ms: must be positive (found {row['latency_ms']!r})")
                rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from None
    return rows
