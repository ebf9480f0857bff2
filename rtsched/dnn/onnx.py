"""Networks out of ONNX files: shapes, multiply-accumulates and bytes, from the graph alone.

Payloads of weights are never needed and external data are never opened. A file from a stranger cannot run code, and
cannot make us allocate more than its own size: shapes are only multiplied, and everything is bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from rtsched.dnn.network import Network, Operator
from rtsched.errors import InputError
from rtsched.units import format_size

# The classes of onnx' protobuf, which carry no types of their own.
AttributeProto: TypeAlias = Any
GraphProto: TypeAlias = Any
NodeProto: TypeAlias = Any
TypeProto: TypeAlias = Any

#: Larger files, graphs with more nodes and tensors with more elements are refused.
MAX_BYTES = 2 * 2**30
MAX_NODES = 500_000
#: Missing shapes are inferred in files up to this size.
INFER_BYTES = 64 * 2**20
MAX_ELEMENTS = 2**48

#: Bytes of one element by ONNX' number of its type; half bytes count as one.
ELEMENT_BYTES = {
    1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 8: 1, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2, 17: 1,
    18: 1, 19: 1, 20: 1, 21: 1, 22: 1, 23: 1,
}  # fmt: skip

#: The operator domains of the standard itself.
STANDARD = ("", "ai.onnx", "ai.onnx.ml")

Shape = tuple[int | None, ...]


@dataclass
class Tensor:
    """What is known of a tensor: its shape (None: nothing; an entry None: that dimension) and its element type."""

    shape: Shape | None
    type: int = 1

    @property
    def elements(self) -> int | None:
        """How many elements it has; None if that is not known."""
        if self.shape is None or None in self.shape:
            return None
        return math.prod(dimension for dimension in self.shape if dimension is not None)

    @property
    def bytes(self) -> int:
        """Its size; 0 where that is not known."""
        return (self.elements or 0) * ELEMENT_BYTES.get(self.type, 4)


@dataclass
class _Reader:
    """One graph on its way to a `Network`."""

    path: Path
    graph: GraphProto
    tensors: dict[str, Tensor] = field(default_factory=dict)
    weights: set[str] = field(default_factory=set)
    initializers: set[str] = field(default_factory=set)

    def problem(self, message: str) -> InputError:
        return InputError(f"{self.path}: {message}")

    def tensor(self, name: str) -> Tensor:
        return self.tensors.get(name) or Tensor(None)

    # ---- shapes --------------------------------------------------------------------------------------------------

    def collect(self) -> tuple[int, int]:
        """Take in every shape the file states; return elements and bytes of all initializers."""
        for info in (*self.graph.input, *self.graph.output, *self.graph.value_info):
            self.tensors[info.name] = self.stated(info.name, info.type)
        elements = size = 0
        for initializer in self.graph.initializer:
            tensor = Tensor(self.dimensions(initializer.name, initializer.dims), initializer.data_type)
            self.tensors[initializer.name] = tensor
            self.weights.add(initializer.name)
            self.initializers.add(initializer.name)
            elements += tensor.elements or 0
            size += tensor.bytes
        return elements, size

    def stated(self, name: str, kind: TypeProto) -> Tensor:
        if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
            return Tensor(None, kind.tensor_type.elem_type or 1)
        # dim_value reads 0 for a dimension that is not stated: only HasField tells
        dimensions = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.tensor_type.shape.dim]
        return Tensor(self.dimensions(name, dimensions), kind.tensor_type.elem_type or 1)

    def dimensions(self, name: str, dimensions: Iterable[int | None]) -> Shape:
        shape = tuple(dimensions)
        for dimension in shape:
            if dimension is not None and dimension < 0:
                raise self.problem(f"tensor {name!r} has the negative dimension {dimension}; export the model again")
        if math.prod(dimension or 1 for dimension in shape) > MAX_ELEMENTS:
            raise self.problem(f"tensor {name!r} of shape {list(shape)} has more than 2^48 elements")
        return shape

    # ---- operators -----------------------------------------------------------------------------------------------

    def operators(self) -> tuple[Operator, ...]:
        """All nodes but constants, in topological order."""
        producer: dict[str, int] = {}
        nodes = [node for node in self.graph.node if node.op_type != "Constant"]
        constants = {name for node in self.graph.node if node.op_type == "Constant" for name in node.output}
        for index, node in enumerate(nodes):
            for name in node.output:
                if name in producer:
                    raise self.problem(f"tensor {name!r} is written twice; the graph is not valid ONNX")
                if name:
                    producer[name] = index
        self.weights |= constants
        for node in nodes:  # weights may stand behind an Identity
            if node.op_type == "Identity" and len(node.input) == 1 and node.input[0] in self.weights:
                self.weights.add(node.output[0])
                self.tensors.setdefault(node.output[0], self.tensor(node.input[0]))
        before = [sorted({producer[name] for name in read(node) if name in producer}) for node in nodes]
        order = self.sorted(before, nodes)
        place = {index: position for position, index in enumerate(order)}
        return tuple(
            self.operator(place[index], nodes[index], tuple(sorted(place[each] for each in before[index])))
            for index in order
        )

    def sorted(self, before: list[list[int]], nodes: list[NodeProto]) -> list[int]:
        """The nodes so that each comes after what it needs, in the file's order where that is free."""
        from heapq import heapify, heappop, heappush

        waits = [len(each) for each in before]
        after: list[list[int]] = [[] for _ in before]
        for index, needed in enumerate(before):
            for each in needed:
                after[each].append(index)
        free = [index for index, count in enumerate(waits) if not count]
        heapify(free)
        order = []
        while free:
            index = heappop(free)
            order.append(index)
            for each in after[index]:
                waits[each] -= 1
                if not waits[each]:
                    heappush(free, each)
        if len(order) < len(before):
            stuck = next(index for index, count in enumerate(waits) if count)
            raise self.problem(f"the graph has a cycle through node {nodes[stuck].name or nodes[stuck].op_type!r}")
        return order

    def operator(self, index: int, node: NodeProto, predecessors: tuple[int, ...]) -> Operator:
        read_here = [name for name in node.input if name]
        weights = [self.tensor(name) for name in dict.fromkeys(read_here) if name in self.weights]
        outputs = [self.tensor(name) for name in node.output if name]
        macs = self.macs(node)
        return Operator(
            index=index,
            name=node.name or f"{node.op_type}_{index}",
            kind=node.op_type,
            macs=macs or 0,
            weights=sum(tensor.elements or 0 for tensor in weights),
            weight_bytes=sum(tensor.bytes for tensor in weights),
            input_bytes=sum(self.tensor(name).bytes for name in read_here if name not in self.initializers),
            output_bytes=sum(tensor.bytes for tensor in outputs),
            output_elements=sum(tensor.elements or 0 for tensor in outputs),
            predecessors=predecessors,
            known=macs is not None and all(tensor.elements is not None for tensor in outputs),
            depthwise=self.depthwise(node),
        )

    def depthwise(self, node: NodeProto) -> bool:
        """Whether a node is a convolution each of whose filters sees a single one of several channels."""
        if node.op_type != "Conv" or len(node.input) < 2:
            return False
        shape = self.tensor(node.input[1]).shape
        return shape is not None and len(shape) > 2 and shape[1] == 1 and integer(node.attribute, "group") > 1

    def macs(self, node: NodeProto) -> int | None:
        """Multiply-accumulates of a node; None where a shape is missing. What is not listed here has none."""
        if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            return 0
        if len(node.input) < 2 or not node.output:
            raise self.problem(f"node {node.name!r} of type {node.op_type} has too few inputs or outputs")
        first, second, output = (self.tensor(name) for name in (node.input[0], node.input[1], node.output[0]))
        out, inputs = output.elements, first.elements
        if node.op_type in ("Conv", "ConvTranspose"):
            if second.shape is None or None in second.shape[1:] or len(second.shape) < 3:
                return None
            window = math.prod(each for each in second.shape[1:] if each is not None)
            base = out if node.op_type == "Conv" else inputs
            return None if base is None else base * window
        if first.shape is None or len(first.shape) == 0 or out is None:
            return None
        transposed = node.op_type == "Gemm" and integer(node.attribute, "transA")
        depth = first.shape[0] if transposed else first.shape[-1]
        return None if depth is None else out * depth


def integer(attributes: Iterable[AttributeProto], name: str) -> int:
    """The value of an integer attribute, 0 if it is not there."""
    return next((int(attribute.i) for attribute in attributes if attribute.name == name), 0)


def read(node: NodeProto) -> list[str]:
    """The tensors a node reads, those of the graphs inside it too (If, Loop, Scan)."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            inside = {name for inner in graph.node for name in inner.output}
            names += [name for inner in graph.node for name in read(inner) if name not in inside]
    return names


def load(path: str | Path) -> Network:
    """The network in an ONNX file (the extra ``onnx``). Raises InputError, with what to do."""
    path = Path(path)
    try:
        import onnx
        import onnx.shape_inference
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InputError("onnx is not installed; pip install 'rtsched[onnx]'") from None
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: larger than {format_size(MAX_BYTES)}; export it with external weights")
        model: Any = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (DecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no ONNX model, or is cut short: {error}; export it again") from None
    graph = model.graph
    if not graph.node:
        raise InputError(f"{path}: holds no operators; is it an ONNX model?")
    if len(graph.node) > MAX_NODES:
        raise InputError(f"{path}: more than {MAX_NODES} nodes")
    found = network(path, graph)
    if found.unknown and size <= INFER_BYTES:
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except Exception:  # the library raises what it likes; what the file states is still there
            return found
        better = network(path, inferred.graph)
        if len(better.unknown) < len(found.unknown):
            return better
    return found


def network(path: Path, graph: GraphProto) -> Network:
    """The network of a graph."""
    reader = _Reader(path, graph)
    elements, size = reader.collect()
    operators = reader.operators()
    outputs = [name for node in graph.node if node.op_type != "Constant" for name in node.output if name]
    unknown = tuple(name for name in outputs if reader.tensor(name).elements is None)
    custom = {f"{node.domain}:{node.op_type}" for node in graph.node if node.domain not in STANDARD}
    return Network(
        name=path.stem,
        operators=operators,
        nodes=len(graph.node),
        initializer_elements=elements,
        initializer_bytes=size,
        inputs={
            each.name: reader.tensor(each.name).shape or ()
            for each in graph.input
            if each.name not in reader.initializers
        },
        unknown=unknown,
        custom=tuple(sorted(custom)),
    )
