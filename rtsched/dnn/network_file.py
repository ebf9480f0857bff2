"""Network files: what rtsched needs of a network, one operator a line, so that it can be named without its model.

CSV with lines of metadata (``# key: value``) in front. ``rtsched import model.onnx`` writes one; the catalogue holds
some. A cell is empty where a figure is not known, and ``known`` is 0 where that is the count of multiply-accumulates.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtsched.dnn.network import Network, Operator
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.document import cut, read_text
from rtsched.visible import cell, visible

COLUMNS = (
    "name", "kind", "macs", "depthwise", "weights", "weight_bytes", "input_bytes", "output_bytes", "output_elements",
    "known", "after",
)  # fmt: skip
#: Columns that are written only where they say something: see `Operator`.
MORE = {"narrow_bytes": 0, "launches": 1}
NUMBERS = ("macs", "weights", "weight_bytes", "input_bytes", "output_bytes", "output_elements")
#: Figures that may not be known.
OPEN = ("macs", "input_bytes", "output_bytes", "output_elements")

#: A file with more operators than this, or a figure above that, is refused.
MOST_OPERATORS = 100_000
LARGEST = 1 << 48


def write(network: Network) -> str:
    """The network as the text of a network file."""
    shapes = "; ".join(
        f"{name}={'x'.join('?' if size is None else str(size) for size in shape)}"
        for name, shape in network.inputs.items()
    )
    lines = [
        f"# network: {network.name}",
        f"# nodes: {network.nodes}",
        f"# initializer_elements: {network.initializer_elements}",
        f"# initializer_bytes: {network.initializer_bytes}",
        f"# inputs: {shapes}",
        f"# unknown: {'; '.join(network.unknown)}",
        f"# custom: {'; '.join(network.custom)}",
    ]
    if network.notes:
        lines.append(f"# notes: {'; '.join(network.notes)}")
    more = [
        name for name, usual in MORE.items() if any(getattr(operator, name) != usual for operator in network.operators)
    ]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *more])
    for operator in network.operators:
        row = [getattr(operator, name) for name in COLUMNS[:-1]]
        row = [int(value) if isinstance(value, bool) else _label(value) for value in row]
        rest = [getattr(operator, name) for name in more]
        writer.writerow([*row, " ".join(map(str, operator.predecessors)), *rest])
    return "\n".join(" ".join(line.splitlines()).rstrip() for line in lines) + "\n" + stream.getvalue()


def _label(value: Any) -> Any:
    """A name or a kind on one line, for files are read by lines; spreadsheets must not take it for a formula."""
    return cell(visible(value)) if isinstance(value, str) else value


def as_data(network: Network) -> dict[str, Any]:
    """The network for JSON, with its totals; what is not known is null."""
    data = asdict(network)
    for entry, operator in zip(data["operators"], network.operators, strict=True):
        entry["known"] = operator.known
    return {"name": network.name, "macs": network.macs, "known": network.macs is not None, **data}


def read(path: Path) -> Network:
    """The network in a network file. Raises InputError with file and line."""
    lines = read_text(path).splitlines()
    about: dict[str, str] = {}
    start = 0
    while start < len(lines) and lines[start].startswith("#"):
        key, _, value = lines[start][1:].partition(":")
        about[key.strip()] = value.strip()
        start += 1
    if len(lines) - start - 1 > MOST_OPERATORS:
        raise InputError(f"{path}: more than {MOST_OPERATORS} operators")
    try:
        rows = list(csv.reader(lines[start:], strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}; check its quotes") from None
    header = tuple(rows[0]) if rows else ()
    if (
        header[: len(COLUMNS)] != COLUMNS
        or not set(header[len(COLUMNS) :]) <= set(MORE)
        or len(set(header)) < len(header)
    ):
        raise InputError(
            f"{path}:{start + 1}:1: a network file has the columns {','.join(COLUMNS)}, and perhaps {','.join(MORE)}"
        )
    custom = tuple(filter(None, about.get("custom", "").split("; ")))
    # older files wrote the kind of a custom operator without its domain, and 0 for its count
    old = {row[1] for row in rows[1:] if len(row) > 1}.isdisjoint(custom)
    foreign = {name.rpartition(":")[2] for name in custom} if old else set()
    operators = tuple(
        _operator(
            f"{path}:{start + 2 + index}", index, dict(_cells(f"{path}:{start + 2 + index}", header, row)), foreign
        )
        for index, row in enumerate(rows[1:])
    )
    if not operators:
        raise InputError(f"{path}: holds no operators; import the model again")
    return Network(
        name=about.get("network") or path.stem,
        operators=operators,
        nodes=_whole(path, about, "nodes", len(operators)),
        initializer_elements=_whole(path, about, "initializer_elements", 0),
        initializer_bytes=_whole(path, about, "initializer_bytes", 0),
        inputs=_shapes(path, about.get("inputs", "")),
        unknown=tuple(filter(None, about.get("unknown", "").split("; "))),
        custom=custom,
        notes=tuple(filter(None, about.get("notes", "").split("; "))),
    )


def _cells(place: str, header: tuple[str, ...], row: list[str]) -> Iterator[tuple[str, str]]:
    if len(row) != len(header):
        raise InputError(f"{place}: {len(row)} cells, and there are {len(header)} columns")
    return zip(header, row, strict=True)


def _operator(place: str, index: int, cells: dict[str, str], foreign: set[str]) -> Operator:
    numbers = {
        name: None if name in OPEN and not cells[name] else _number(place, name, cells[name]) for name in NUMBERS
    }
    counted = numbers["macs"] or (cells["kind"] not in foreign and not _multiplies(cells["kind"], numbers))
    if cells["known"] == "0" or not counted:
        numbers["macs"] = None
    more = {name: _number(place, name, cells[name]) for name in MORE if name in cells}
    before = tuple(_number(place, "after", cell) for cell in cells["after"].split())
    if any(other >= index for other in before):
        raise InputError(
            f"{place}: after: operator {index} comes after {max(before)}, which is not before it; "
            "list operators in topological order"
        )
    return Operator(
        index=index,
        name=cells["name"],
        kind=cells["kind"],
        predecessors=before,
        depthwise=cells["depthwise"] == "1",
        macs=numbers["macs"],
        weights=numbers["weights"] or 0,
        weight_bytes=numbers["weight_bytes"] or 0,
        input_bytes=numbers["input_bytes"],
        output_bytes=numbers["output_bytes"],
        output_elements=numbers["output_elements"],
        **more,
    )


def _multiplies(kind: str, numbers: dict[str, int | None]) -> bool:
    """Whether an operator must have multiply-accumulates: a 0 then means that nobody looked."""
    from rtsched.dnn.onnx.macs import PRODUCTS

    return kind in PRODUCTS and bool(numbers["weights"] and numbers["output_elements"])


def _number(place: str, name: str, cell: str) -> int:
    if not cell.isascii() or not cell.isdecimal() or len(cell) > 15 or int(cell) > LARGEST:
        raise InputError(f"{place}: {name}: {cut(cell)!r} is no whole number between 0 and 2^48")
    return int(cell)


def _whole(path: Path, about: dict[str, str], name: str, default: int) -> int:
    return _number(f"{path}:1", name, about[name]) if about.get(name) else default


def _shapes(path: Path, text: str) -> dict[str, tuple[int | None, ...]]:
    found: dict[str, tuple[int | None, ...]] = {}
    for part in filter(None, text.split("; ")):
        name, _, shape = part.rpartition("=")
        sizes = [size for size in shape.split("x") if size]
        found[name] = tuple(None if size == "?" else _number(f"{path}:1", "inputs", size) for size in sizes)
    return found


def load(reference: str, folder: Path | None = None) -> Network:
    """A network by the name of a catalogue's file, or the path of an ONNX model or a network file.

    Paths are relative to `folder` (that of the system that names it). Raises InputError.
    """
    if reference.endswith((".onnx", ".csv")):
        path = Path(reference)
        if folder is not None and not path.is_absolute():
            path = folder / path
        if reference.endswith(".onnx"):
            from rtsched.dnn.onnx import load as load_onnx

            return load_onnx(path)
        return read(path)
    return read(catalogue.find_network(reference))
