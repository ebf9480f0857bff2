"""Network files: what rtsched needs of a network, one operator a line, so that it can be named without its model.

CSV with lines of metadata (``# key: value``) in front. ``rtsched import model.onnx`` writes one; the catalogue holds
some.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from rtsched.dnn.network import Network, Operator
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.document import cut, read_text

COLUMNS = (
    "name", "kind", "macs", "depthwise", "weights", "weight_bytes", "input_bytes", "output_bytes", "output_elements",
    "known", "after",
)  # fmt: skip
NUMBERS = ("macs", "weights", "weight_bytes", "input_bytes", "output_bytes", "output_elements")

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
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for operator in network.operators:
        row = [getattr(operator, name) for name in COLUMNS[:-1]]
        row = [int(value) if isinstance(value, bool) else value for value in row]
        writer.writerow([*row, " ".join(map(str, operator.predecessors))])
    return "\n".join(line.rstrip().replace("\r", " ") for line in lines) + "\n" + stream.getvalue()


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
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"{path}:{start + 1}:1: a network file has the columns {','.join(COLUMNS)}")
    operators = tuple(_operator(f"{path}:{start + 2 + index}", index, row) for index, row in enumerate(rows[1:]))
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
        custom=tuple(filter(None, about.get("custom", "").split("; "))),
    )


def _operator(place: str, index: int, row: list[str]) -> Operator:
    if len(row) != len(COLUMNS):
        raise InputError(f"{place}: {len(row)} cells, and there are {len(COLUMNS)} columns")
    cells = dict(zip(COLUMNS, row, strict=True))
    numbers = {name: _number(place, name, cells[name]) for name in NUMBERS}
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
        known=cells["known"] != "0",
        depthwise=cells["depthwise"] == "1",
        **numbers,
    )


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
