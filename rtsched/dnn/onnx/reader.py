"""From an ONNX graph to operators: one walk in topological order, with the graphs inside it (If, Loop, Scan)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from pathlib import Path

from rtsched.dnn.network import Network, Operator, total
from rtsched.dnn.onnx import control
from rtsched.dnn.onnx.macs import STANDARD, integer, least_inputs, macs
from rtsched.dnn.onnx.tensors import (
    MAX_ELEMENTS,
    NARROW,
    GraphProto,
    NodeProto,
    Scope,
    Tensor,
    constant,
    constant_node,
    inferred,
    tensor_of,
)
from rtsched.errors import InputError

#: A walk visits this many nodes at most, those of bodies once per visit; graphs stand this deep in one another.
MAX_VISITS = 500_000
MAX_DEPTH = 12

#: Products of one operator above this are refused.
MAX_MACS = 2**48

#: What turns numbers into coarser ones and back: it runs with its neighbours, and is no operator of its own.
FUSED = frozenset({"QuantizeLinear", "DequantizeLinear"})


@dataclass
class Reader:
    """One model on its way to a `Network`; `notes` are the assumptions that its counts rest on."""

    path: Path
    opsets: Mapping[str, int]
    symbols: Mapping[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    custom: set[str] = field(default_factory=set)
    visits: int = 0

    def problem(self, message: str) -> InputError:
        """An error of this file, to be raised."""
        return InputError(f"{self.path}: {message}")

    def note(self, text: str) -> None:
        """Remember, once, what a count rests on, in a line without the semicolons that part notes in a file."""
        text = " ".join(text.split()).replace("; ", ", ")
        if text not in self.notes:
            self.notes.append(text)

    # ---- tensors -------------------------------------------------------------------------------------------------

    def collect(self, graph: GraphProto, scope: Scope) -> None:
        """Take in what a graph states: its initializers, and shapes of inputs, outputs and tensors between."""
        for info in (*graph.input, *graph.output, *graph.value_info):
            found = self.checked(info.name, tensor_of(info.type, self.symbols))
            scope.stated[info.name] = found
        for info in graph.input:
            scope.tensors.setdefault(info.name, scope.stated[info.name])
        for initializer in graph.initializer:
            self.weight(scope, initializer.name, constant(initializer))
        for sparse in graph.sparse_initializer:  # no common processor skips zeros
            self.weight(scope, sparse.values.name, Tensor(tuple(sparse.dims), sparse.values.data_type))

    def bind(self, graph: GraphProto, inputs: Sequence[Tensor], scope: Scope) -> None:
        """Give the inputs of a body their tensors; what is not known of them is as the body states it."""
        for info, tensor in zip(graph.input, inputs, strict=False):
            scope.tensors[info.name] = tensor.filled(self.checked(info.name, tensor_of(info.type, self.symbols)))

    def weight(self, scope: Scope, name: str, tensor: Tensor) -> None:
        """Take note of a tensor that is stored in the file. Raises InputError."""
        scope.tensors[name] = self.checked(name, tensor)
        scope.weights.add(name)
        scope.initializers.add(name)

    def checked(self, name: str, tensor: Tensor) -> Tensor:
        """The tensor, if its shape is possible and small enough to count with. Raises InputError."""
        for dimension in tensor.shape or ():
            if dimension is not None and dimension < 0:
                raise self.problem(f"tensor {name!r} has the negative dimension {dimension}; export the model again")
        smallest = 1
        for dimension in tensor.shape or ():
            smallest *= 1 if dimension is None else dimension or 1
            if smallest > MAX_ELEMENTS:
                raise self.problem(f"tensor {name!r} of shape {list(tensor.shape or ())} has more than 2^48 elements")
        return tensor

    # ---- the walk ------------------------------------------------------------------------------------------------

    def operators(self, graph: GraphProto, scope: Scope, depth: int = 0) -> tuple[Operator, ...]:
        """All nodes but constants and fused ones, in topological order."""
        self.visits += len(graph.node)
        if self.visits > MAX_VISITS or depth > MAX_DEPTH:
            raise self.problem(f"more than {MAX_VISITS} nodes to follow, or graphs more than {MAX_DEPTH} deep")
        self.collect(graph, scope)
        nodes = []
        for node in graph.node:
            if node.op_type == "Constant" and node.domain in STANDARD:
                for name in node.output:
                    scope.tensors[name] = self.checked(name, constant_node(node))
                    scope.weights.add(name)
            else:
                nodes.append(node)
        before = self.needs(nodes)
        order = self.sorted(before, nodes)
        inner = {index: self.visit(nodes[index], scope, depth) for index in order}
        moved = self.fused([nodes[index] for index in order], scope, {info.name for info in graph.output})
        kept = [index for index in order if not is_fused(nodes[index])]
        place = {index: position for position, index in enumerate(kept)}
        return tuple(
            self.operator(
                place[index], nodes[index], sorted(place[each] for each in behind(index, before, place)), scope, moved,
                inner[index],
            )
            for index in kept
        )  # fmt: skip

    def needs(self, nodes: list[NodeProto]) -> list[list[int]]:
        """For each node those whose outputs it reads."""
        producer: dict[str, int] = {}
        for index, node in enumerate(nodes):
            for name in node.output:
                if name in producer:
                    raise self.problem(f"tensor {name!r} is written twice; the graph is not valid ONNX")
                if name:
                    producer[name] = index
        return [sorted({producer[name] for name in read(node) if name in producer}) for node in nodes]

    def sorted(self, before: list[list[int]], nodes: list[NodeProto]) -> list[int]:
        """The nodes so that each comes after what it needs, in the file's order where that is free."""
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

    def visit(self, node: NodeProto, scope: Scope, depth: int) -> control.Inner | None:
        """Find the outputs of a node; return what stands inside it, if it holds graphs."""
        inner = control.inside(self, node, scope, depth)
        outputs = inferred(node, scope) if inner is None else inner.outputs
        for name, tensor in zip(node.output, outputs, strict=False):
            if name:
                scope.set(name, tensor)
                self.checked(name, scope.tensors[name])
        first = node.input[0] if node.input and node.output else ""
        if scope.is_weight(first) and node.op_type in ("Identity", *FUSED) and node.domain in STANDARD:
            scope.weights.add(node.output[0])
            if node.op_type in FUSED and scope.is_initializer(first):
                scope.initializers.add(node.output[0])
        return inner

    # ---- operators -----------------------------------------------------------------------------------------------

    def fused(self, nodes: list[NodeProto], scope: Scope, outputs: set[str]) -> dict[str, Tensor]:
        """Tensors as they move where Q and DQ run with their neighbours: as the integers that they become or were."""
        moved: dict[str, Tensor] = {}
        coarse = [node for node in nodes if is_fused(node) and node.input and node.output]
        if not coarse:
            return moved
        others = {name for node in nodes if node.op_type != "QuantizeLinear" for name in read(node)} | outputs
        for node in coarse:
            source, target = node.input[0], node.output[0]
            have = moved.get(source, scope.tensor(source))
            if node.op_type == "DequantizeLinear":
                moved[target] = Tensor(scope.tensor(target).shape, have.type)
            elif source not in others:
                moved[source] = Tensor(have.shape, scope.tensor(target).type)
        return moved

    def operator(
        self,
        index: int,
        node: NodeProto,
        predecessors: list[int],
        scope: Scope,
        moved: Mapping[str, Tensor],
        inner: control.Inner | None,
    ) -> Operator:
        """One node as an operator: its counts and bytes, and those of the graphs inside it (`inner`)."""
        standard = node.domain in STANDARD
        kind = node.op_type if standard else f"{node.domain}:{node.op_type}"
        if not standard:
            self.custom.add(kind)
        name = node.name or f"{node.op_type}_{index}"
        if inner is not None:
            return inner.operator(index, name, kind, tuple(predecessors))

        def tensor(name: str) -> Tensor:
            return moved.get(name) or scope.tensor(name)

        names = [name for name in node.input if name]
        weights = [tensor(name) for name in dict.fromkeys(names) if scope.is_weight(name)]
        inputs = [tensor(name) for name in names if not scope.is_initializer(name)]
        outputs = [tensor(name) for name in node.output if name]
        count = self.macs(node, scope)
        return Operator(
            index=index,
            name=name,
            kind=kind,
            macs=count,
            weights=sum(tensor.elements or 0 for tensor in weights),
            weight_bytes=sum(tensor.bytes or 0 for tensor in weights),
            input_bytes=total(tensor.bytes for tensor in inputs),
            output_bytes=total(tensor.bytes for tensor in outputs),
            output_elements=total(tensor.elements for tensor in outputs),
            predecessors=tuple(predecessors),
            depthwise=depthwise(node, scope),
            narrow_bytes=sum(tensor.bytes or 0 for tensor in (*weights, *inputs, *outputs) if tensor.type in NARROW),
        )

    def macs(self, node: NodeProto, scope: Scope) -> int | None:
        """The multiply-accumulates of one node; None where a shape that they depend on is open. Raises InputError."""
        if len(node.input) < least_inputs(node) or not node.output:
            raise self.problem(f"node {node.name!r} of type {node.op_type} has too few inputs or outputs")
        inputs = [scope.tensor(name) for name in node.input]
        count = macs(node, inputs, [scope.tensor(name) for name in node.output])
        if count is not None and count > MAX_MACS:
            raise self.problem(f"node {node.name!r} of type {node.op_type} has more than 2^48 multiply-accumulates")
        return count


def is_fused(node: NodeProto) -> bool:
    """Whether a node runs with its neighbours, and moves nothing of its own."""
    return node.op_type in FUSED and node.domain in STANDARD


def behind(index: int, before: list[list[int]], place: Mapping[int, int]) -> set[int]:
    """The operators that a node comes after, seen through the fused ones between."""
    found: set[int] = set()
    seen: set[int] = set()
    stack = list(before[index])
    while stack:
        each = stack.pop()
        if each in place:
            found.add(each)
        elif each not in seen:
            seen.add(each)
            stack += before[each]
    return found


def depthwise(node: NodeProto, scope: Scope) -> bool:
    """Whether a node is a convolution each of whose filters sees a single one of several channels."""
    place = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}.get(node.op_type)
    if place is None or len(node.input) <= place:
        return False
    shape = scope.tensor(node.input[place]).shape
    return shape is not None and len(shape) > 2 and shape[1] == 1 and integer(node, "group") > 1


def read(node: NodeProto) -> list[str]:
    """The tensors a node reads, those of the graphs inside it too (If, Loop, Scan)."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            inside = {name for inner in graph.node for name in inner.output}
            inside.update(each.name for each in (*graph.input, *graph.initializer))
            needed = [name for inner in graph.node for name in read(inner)] + [each.name for each in graph.output]
            names += [name for name in needed if name not in inside]
    return names


def network(reader: Reader, graph: GraphProto, nodes: int, inputs: Mapping[str, tuple[int | None, ...]]) -> Network:
    """The network of a graph; `nodes` and `inputs` as the file has them."""
    scope = Scope(reader.opsets)
    operators = reader.operators(graph, scope)
    stored = [scope.tensors[name] for name in sorted(names_of(graph))]
    written = [name for node in graph.node if node.op_type != "Constant" for name in node.output if name]
    return Network(
        name=reader.path.stem,
        operators=operators,
        nodes=nodes,
        initializer_elements=sum(tensor.elements or 0 for tensor in stored),
        initializer_bytes=sum(tensor.bytes or 0 for tensor in stored),
        inputs=dict(inputs),
        unknown=tuple(name for name in written if scope.tensor(name).elements is None),
        custom=tuple(sorted(reader.custom)),
        notes=tuple(reader.notes),
    )


def names_of(graph: GraphProto) -> Iterable[str]:
    """The names of a graph's initializers."""
    return {each.name for each in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
