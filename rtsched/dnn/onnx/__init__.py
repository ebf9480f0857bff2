"""Networks out of ONNX files: shapes, multiply-accumulates and bytes, from the graph alone.

Payloads of weights are never needed: they are dropped as soon as a file is read, and external data are never opened. A
file from a stranger cannot run code, and cannot make us allocate more than a few times its own size: shapes are only
multiplied, and everything is bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rtsched.dnn.network import Network
from rtsched.dnn.onnx.functions import expanded
from rtsched.dnn.onnx.reader import Reader, names_of, network
from rtsched.dnn.onnx.tensors import SMALL, GraphProto, ModelProto, TensorProto
from rtsched.errors import InputError
from rtsched.units import format_size

#: Larger files, and graphs with more nodes, are refused.
MAX_BYTES = 2 * 2**30
MAX_NODES = 500_000

#: Open dimensions of this name are a batch, which is taken as one input at a time.
BATCH = re.compile(r"(dyn(amic)?_?)?batch(_?(size|dim|axis))?", re.IGNORECASE)


def load(path: str | Path, shapes: Mapping[str, Sequence[int]] | None = None) -> Network:
    """The network in an ONNX file (the extra ``onnx``), with `shapes` for inputs that the file leaves open.

    An open batch is taken as 1, which the network's notes say; other open dimensions leave counts unknown. Raises
    InputError, with what to do.
    """
    path = Path(path)
    model = _read(path)
    graph = model.graph
    if not graph.node:
        raise InputError(f"{path}: holds no operators; is it an ONNX model?")
    nodes = len(graph.node)
    if nodes > MAX_NODES:
        raise InputError(f"{path}: more than {MAX_NODES} nodes")
    symbols = _given(path, graph, shapes or {})
    stated = _inputs(graph, symbols)
    assumed = {
        name: 1
        for name in dict.fromkeys(name for _, names in _open(graph) for name in names)
        if name not in symbols and BATCH.fullmatch(name)
    }
    model = expanded(path, model, MAX_NODES)
    opsets = {"" if each.domain == "ai.onnx" else each.domain: each.version for each in model.opset_import}
    reader = Reader(path, opsets, {**symbols, **assumed})
    for name in assumed:
        reader.note(f"the open batch {name!r} is assumed to be 1 (`rtsched import --shape` says otherwise)")
    return network(reader, model.graph, nodes, stated)


def _read(path: Path) -> ModelProto:
    """The model in a file, without the payloads of its weights."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InputError("onnx is not installed; pip install 'rtsched[onnx]'") from None
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is {'a folder' if path.is_dir() else 'no regular file'}; name an ONNX model")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {format_size(MAX_BYTES)}; export it with external weights")
        model: Any = onnx.load(str(path), format="protobuf", load_external_data=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (DecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no ONNX model, or is cut short: {error}; export it again") from None
    for graph in (model.graph, *model.functions):
        if any(isinstance(each, bytes) for each in _names(graph)):
            raise InputError(f"{path}: holds names that are no text; the file is damaged, export it again")
        for tensor in _tensors(graph):
            if math.prod(tensor.dims) > SMALL:
                for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
                    tensor.ClearField(field)
                tensor.data_location = 1  # elsewhere: what is not here is not read as zeros
    return model


def _names(graph: GraphProto) -> Iterator[str | bytes]:
    """Every name in a graph or function, those of graphs inside it too; protobuf gives bytes for what is no UTF-8."""
    if hasattr(graph, "initializer"):
        for info in (*graph.input, *graph.output, *graph.value_info):
            yield info.name
            yield from (dim.dim_param for dim in info.type.tensor_type.shape.dim)
        yield from (each.name for each in graph.initializer)
        yield from (each.values.name for each in graph.sparse_initializer)
    else:
        yield from (graph.name, graph.domain, *graph.input, *graph.output)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _names(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor with a payload in a graph or function, those of graphs inside it too."""
    if hasattr(graph, "initializer"):
        yield from graph.initializer
        yield from (part for sparse in graph.sparse_initializer for part in (sparse.values, sparse.indices))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _tensors(inner)


# ---- inputs ----------------------------------------------------------------------------------------------------------


def _open(graph: GraphProto) -> Iterator[tuple[str, list[str]]]:
    """The inputs of a model that are no weights, with the names of their open dimensions."""
    weights = set(names_of(graph))
    for info in graph.input:
        if info.name not in weights:
            yield info.name, [dim.dim_param for dim in info.type.tensor_type.shape.dim if dim.dim_param]


def _inputs(graph: GraphProto, symbols: Mapping[str, int]) -> dict[str, tuple[int | None, ...]]:
    """The shapes of a model's inputs: what is not fixed is None."""
    from rtsched.dnn.onnx.tensors import tensor_of

    kinds = {info.name: info.type for info in graph.input}
    return {name: tensor_of(kinds[name], symbols).shape or () for name, _ in _open(graph)}


def _given(path: Path, graph: GraphProto, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Put the given shapes into the inputs; return what open dimensions are by name."""
    kinds = {info.name: info.type.tensor_type for info in graph.input}
    symbols: dict[str, int] = {}
    for name, shape in shapes.items():
        if name not in dict(_open(graph)):
            known = ", ".join(sorted(dict(_open(graph))))
            raise InputError(f"--shape {name}: {path} has no such input; it has {known}")
        if not kinds[name].HasField("shape"):
            for _ in shape:
                kinds[name].shape.dim.add()
        dimensions = kinds[name].shape.dim
        given = "x".join(map(str, shape))
        if len(dimensions) != len(shape):
            raise InputError(
                f"--shape {name}={given}: the input has {len(dimensions)} dimensions, and {len(shape)} are given"
            )
        for dim, size in zip(dimensions, shape, strict=True):
            have = symbols.setdefault(dim.dim_param, size) if dim.dim_param else size
            have = dim.dim_value if dim.HasField("dim_value") else have
            if have != size or size < 1:
                raise InputError(f"--shape {name}={given}: a dimension is {size}, where the model has {have}")
            if not dim.dim_param:
                dim.dim_value = size
    return symbols
