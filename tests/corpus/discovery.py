"""Finds corpus records in a folder by what files contain, never by what they are called."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.corpus.adapters import ADAPTERS

#: A YAML file (or one of its documents) with GPU vectors says so on a line of its own.
GPU_VECTOR = re.compile(r"^kind:\s*['\"]?gpu_vector\b", re.MULTILINE)
#: How tables of expected figures begin, and the kind of their records.
TABLES = {"scenario,organisation,dataflow,model,": "xrbench_cell", "file,nodes,macs,": "onnx_counts"}
RUN_KINDS = ("fp", "np")
RUN_HEADER = "task,job,variant,release_us,start_us,finish_us,deadline_us"


@dataclass
class Found:
    """What a folder holds: `records` (kind, id, record or the reason why it cannot be read), runs, other kinds."""

    records: list[tuple[str, str, Any]] = field(default_factory=list)
    runs: list[tuple[str, Path, Path | str]] = field(default_factory=list)
    later: Counter[str] = field(default_factory=Counter)


def _text(path: Path) -> str | None:
    """The text of a file, unpacked; None if it is no text."""
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError, gzip.zlib.error):  # type: ignore[attr-defined]
        return None


def discover(folder: Path) -> Found:
    """All records below `folder`, in the order of paths."""
    found = Found()
    runs: list[tuple[Path, dict[str, Any]]] = []
    isolated: dict[Path, list[Path]] = {}
    described: set[Path] = set()
    tables: list[Path] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = _text(path)
        if text is None:
            continue
        if text.lstrip()[:1] in ("{", "["):
            _take_json(path, text, found, runs, isolated)
        elif text.startswith(RUN_HEADER):
            tables.append(path)
        elif text.startswith(tuple(TABLES)):
            found.records += _table_records(path, text)
        elif GPU_VECTOR.search(text) and path.suffix not in (".md", ".py"):
            found.records += _yaml_records(path, text)
    for path, info in runs:
        name = str(info.get("id", path.stem))
        described.add(path.with_name(f"{name}.csv.gz"))
        # A run without any supply ran beside a co-runner and is outside the replay check, as its README says of P15.
        if any(path.parent.glob(f"{name}.supply*.csv")):
            found.runs.append((name, path, _isolated_for(path, isolated)))
        else:
            found.later["recorded run without supply"] += 1
    for path in tables:
        if path not in described:
            found.runs.append((path.name.split(".")[0], path, f"{path.name}: recorded jobs without their description"))
    return found


def _table_records(path: Path, text: str) -> list[tuple[str, str, Any]]:
    """The records of a CSV table: one a cell of XRBench (its models' rows together), or one a graph beside the file."""
    kind = next(kind for start, kind in TABLES.items() if text.startswith(start))
    rows = list(csv.DictReader(io.StringIO(text)))
    if kind == "onnx_counts":
        return [(kind, row["file"], {**row, "folder": path.parent}) for row in rows]
    cells: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        cells.setdefault((row["scenario"], row["organisation"], row["dataflow"]), []).append(row)
    return [(kind, "-".join(cell), {"cell": cell, "rows": mine}) for cell, mine in cells.items()]


def _yaml_records(path: Path, text: str) -> list[tuple[str, str, Any]]:
    """The GPU vectors of a YAML file: one a document, or several under ``instances``."""
    kind = "gpu_vector"
    try:
        read = yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        documents = [data for data in read if isinstance(data, dict) and data.get("kind") == kind]
    except yaml.YAMLError as error:
        return [(kind, path.stem, f"{path.name} is no YAML: {error}")]
    records = []
    for number, data in enumerate(documents):
        each = data["instances"] if isinstance(data.get("instances"), list) else [data]
        for place, record in enumerate(each):
            name = record.get("name") if isinstance(record, dict) else None
            records.append((kind, str(name or f"{path.stem}-{number}-{place}"), record))
    return records


def _take_json(
    path: Path, text: str, found: Found, runs: list[tuple[Path, dict[str, Any]]], isolated: dict[Path, list[Path]]
) -> None:
    try:
        data = json.loads(text)
    except ValueError as error:
        for kind in ADAPTERS:
            if f'"{kind}"' in text:
                found.records.append((kind, path.stem, f"{path.name} is no JSON: {error}"))
                break
        return
    if not isinstance(data, dict):
        return
    if isinstance(data.get("instances"), list):
        for number, record in enumerate(data["instances"]):
            kind = (record.get("kind") if isinstance(record, dict) else None) or data.get("kind")
            name = record.get("id", f"{path.stem}-{number}") if isinstance(record, dict) else f"{path.stem}-{number}"
            if kind in ADAPTERS:
                if kind == "np_jobsets" and isinstance(record, dict):
                    record = {**record, "folder": path.parent}  # its jobs stand in files beside it
                found.records.append((kind, str(name), record))
    elif data.get("kind") in ADAPTERS:
        found.records.append((data["kind"], str(data.get("id", path.stem)), data))
    elif data.get("kind") in RUN_KINDS and "tasks" in data:
        runs.append((path, data))
    elif data and all(isinstance(value, dict) and "thrash" in value for value in data.values()):
        isolated.setdefault(path.parent, []).append(path)


def _isolated_for(run: Path, isolated: dict[Path, list[Path]]) -> Path | str:
    """The isolated samples of a run: the earliest in its own folder, or in a folder above or anywhere else."""
    for folder in (run.parent, *run.parents):
        if folder in isolated:
            # two sets are recorded, before and after the runs; the replay takes the one from the start
            starts = [path for path in isolated[folder] if "start" in path.name]
            return (starts or isolated[folder])[0]
    for paths in isolated.values():
        return paths[0]
    return "no isolated samples found for this run"
