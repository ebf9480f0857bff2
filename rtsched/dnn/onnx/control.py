"""If, Loop and Scan: the graphs inside a node, how often they run, and what they leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rtsched.dnn.cost import FREE
from rtsched.dnn.network import Operator, total
from rtsched.dnn.onnx.macs import STANDARD, integer, integers
from rtsched.dnn.onnx.tensors import UNKNOWN, GraphProto, NodeProto, Scope, Tensor, product

if TYPE_CHECKING:
    from rtsched.dnn.onnx.reader import Reader

#: Shapes that a body hands on must settle after so many passes; what still changes then is not known.
MOST_PASSES = 4


@dataclass(frozen=True)
class Inner:
    """The graphs inside a node: the figures of all their runs, and the tensors that they leave behind."""

    macs: int | None
    input_bytes: int | None
    output_bytes: int | None
    output_elements: int | None
    narrow_bytes: int
    launches: int
    weights: int
    weight_bytes: int
    outputs: list[Tensor]

    def repeated(self, times: int | None, outputs: list[Tensor]) -> Inner:
        """The figures of so many runs; weights are counted once."""
        return Inner(
            macs=0 if self.macs == 0 else product(self.macs, times),  # without products the count does not matter
            input_bytes=product(self.input_bytes, times),
            output_bytes=product(self.output_bytes, times),
            output_elements=product(self.output_elements, times),
            narrow_bytes=self.narrow_bytes * (times or 0),
            launches=self.launches * (times or 0),
            weights=self.weights,
            weight_bytes=self.weight_bytes,
            outputs=outputs,
        )

    def operator(self, index: int, name: str, kind: str, predecessors: tuple[int, ...]) -> Operator:
        """One operator that stands for all of them."""
        return Operator(
            index=index,
            name=name,
            kind=kind,
            macs=self.macs,
            weights=self.weights,
            weight_bytes=self.weight_bytes,
            input_bytes=self.input_bytes,
            output_bytes=self.output_bytes,
            output_elements=self.output_elements,
            predecessors=predecessors,
            narrow_bytes=self.narrow_bytes,
            launches=self.launches,
        )


def inside(reader: Reader, node: NodeProto, scope: Scope, depth: int) -> Inner | None:
    """What stands inside a node; None if it holds no graphs that are understood."""
    found: Inner | None = None
    if node.domain in STANDARD:
        if node.op_type == "If":
            found = _if(reader, node, scope, depth)
        elif node.op_type == "Loop":
            found = _loop(reader, node, scope, depth)
        elif node.op_type == "Scan" and reader.opsets.get("", 1) >= 9:
            found = _scan(reader, node, scope, depth)
    limit = 2**48
    if found is not None and max(found.macs or 0, found.input_bytes or 0, found.output_bytes or 0) > limit:
        raise reader.problem(f"node {node.name!r} of type {node.op_type} computes or moves more than 2^48")
    return found


def _run(reader: Reader, graph: GraphProto, inputs: Sequence[Tensor], scope: Scope, depth: int) -> Inner:
    """One run of a graph, with these inputs."""
    own = scope.inner()
    reader.bind(graph, inputs, own)
    operators = reader.operators(graph, own, depth + 1)
    costly = [each for each in operators if each.kind not in FREE]
    return Inner(
        macs=total(each.macs for each in operators),
        input_bytes=total(each.input_bytes for each in costly),
        output_bytes=total(each.output_bytes for each in costly),
        output_elements=total(each.output_elements for each in costly),
        narrow_bytes=sum(each.narrow_bytes for each in costly),
        launches=sum(each.launches for each in costly),
        weights=sum(each.weights for each in operators),
        weight_bytes=sum(each.weight_bytes for each in operators),
        outputs=[own.tensor(info.name) for info in graph.output],
    )


def _graph(reader: Reader, node: NodeProto, name: str) -> GraphProto:
    for attribute in node.attribute:
        if attribute.name == name and attribute.HasField("g"):
            return attribute.g
    raise reader.problem(f"node {node.name!r} of type {node.op_type} has no {name!r}; the graph is not valid ONNX")


def _if(reader: Reader, node: NodeProto, scope: Scope, depth: int) -> Inner:
    """The branch that is taken, or of two the larger."""
    ways = [_graph(reader, node, name) for name in ("then_branch", "else_branch")]
    condition = _truth(_input(node, scope, 0))
    if condition is not None:
        return _run(reader, ways[0 if condition else 1], (), scope, depth)
    first, second = (_run(reader, way, (), scope, depth) for way in ways)
    outputs = [one.common(other) for one, other in zip(first.outputs, second.outputs, strict=False)]
    reader.note(f"{node.name or 'If'}: conditional, the larger of its branches is counted")
    return Inner(
        macs=_larger(first.macs, second.macs),
        input_bytes=_larger(first.input_bytes, second.input_bytes),
        output_bytes=_larger(first.output_bytes, second.output_bytes),
        output_elements=_larger(first.output_elements, second.output_elements),
        narrow_bytes=min(first.narrow_bytes, second.narrow_bytes),
        launches=max(first.launches, second.launches),
        weights=max(first.weights, second.weights),
        weight_bytes=max(first.weight_bytes, second.weight_bytes),
        outputs=outputs,
    )


def _loop(reader: Reader, node: NodeProto, scope: Scope, depth: int) -> Inner:
    """Trip count times body; the count is known, or nothing is that depends on it."""
    body = _graph(reader, node, "body")
    carried = [scope.tensor(name) for name in node.input[2:]]
    fixed = [Tensor((), 7), Tensor((), 9, _true())]
    once, states = _settled(reader, body, fixed, carried, [], scope, depth, skip=1)
    trips, early = _trips(node, scope, once)
    name = node.name or "Loop"
    if trips is None:
        reader.note(f"{name}: how often it runs does not stand in the file")
    elif early:
        reader.note(f"{name}: it may end early, all its {trips} runs are counted (the worst case)")
    rows = None if early else trips
    states = carried if trips == 0 else states
    collected = [_stacked(tensor, rows, 0) for tensor in once.outputs[1 + len(carried) :]]
    return once.repeated(trips, [*states, *collected])


def _trips(node: NodeProto, scope: Scope, once: Inner) -> tuple[int | None, bool]:
    """How often a loop runs, and whether it may end before."""
    count = _whole(_input(node, scope, 0)) if node.input and node.input[0] else None
    most = None if count is None else max(0, count)
    start = _truth(_input(node, scope, 1)) if len(node.input) > 1 and node.input[1] else True
    goes_on = _truth(once.outputs[0]) if once.outputs else None
    if start is False or most == 0:
        return 0, False
    if goes_on is False:
        return 1, start is None
    return most, start is None or goes_on is None


def _scan(reader: Reader, node: NodeProto, scope: Scope, depth: int) -> Inner:
    """The length of the scanned axis times body."""
    body = _graph(reader, node, "body")
    count = integer(node, "num_scan_inputs")
    names = list(node.input)
    if not 0 < count <= len(names):
        raise reader.problem(f"node {node.name!r} of type Scan scans {count} of its {len(names)} inputs")
    carried = [scope.tensor(name) for name in names[:-count]]
    axes = integers(node, "scan_input_axes") or [0] * count
    length: int | None = None
    parts = []
    for name, axis in zip(names[-count:], axes, strict=False):
        tensor = scope.tensor(name)
        shape = tensor.shape
        if shape is None or not -len(shape) <= axis < len(shape):
            parts.append(Tensor(None, tensor.type))
            continue
        axis %= len(shape)
        length = shape[axis] if length is None else length
        parts.append(Tensor(shape[:axis] + shape[axis + 1 :], tensor.type))
    once, states = _settled(reader, body, [], carried, parts, scope, depth, skip=0)
    outer = integers(node, "scan_output_axes")
    collected = [
        _stacked(tensor, length, outer[place] if place < len(outer) else 0)
        for place, tensor in enumerate(once.outputs[len(carried) :])
    ]
    return once.repeated(length, [*states, *collected])


def _settled(
    reader: Reader,
    body: GraphProto,
    first: list[Tensor],
    carried: list[Tensor],
    last: list[Tensor],
    scope: Scope,
    depth: int,
    skip: int,
) -> tuple[Inner, list[Tensor]]:
    """A run of a body in shapes that hold for every run, and the states that it hands on."""
    states = [replace(tensor, value=None) for tensor in carried]
    for number in range(MOST_PASSES):
        if number == MOST_PASSES - 1:
            states = [Tensor(None, tensor.type) for tensor in states]
        once = _run(reader, body, [*first, *states, *last], scope, depth)
        after = once.outputs[skip : skip + len(states)]
        after += [UNKNOWN] * (len(states) - len(after))
        both = [
            replace(one.common(other), type=other.type or one.type) for one, other in zip(states, after, strict=True)
        ]
        if [tensor.shape for tensor in both] == [tensor.shape for tensor in states]:
            break
        states = both
    return once, [tensor.filled(replace(now, value=None)) for tensor, now in zip(states, after, strict=True)]


def _stacked(tensor: Tensor, length: int | None, axis: int) -> Tensor:
    """What a loop collects: one more axis, as long as it runs often."""
    if tensor.shape is None:
        return Tensor(None, tensor.type)
    place = axis % (len(tensor.shape) + 1)
    return Tensor((*tensor.shape[:place], length, *tensor.shape[place:]), tensor.type)


def _input(node: NodeProto, scope: Scope, place: int) -> Tensor:
    return scope.tensor(node.input[place]) if len(node.input) > place and node.input[place] else UNKNOWN


def _truth(tensor: Tensor) -> bool | None:
    return None if tensor.value is None or tensor.value.size != 1 else bool(tensor.value.reshape(-1)[0])


def _whole(tensor: Tensor) -> int | None:
    return None if tensor.value is None or tensor.value.size != 1 else int(tensor.value.reshape(-1)[0])


def _true() -> Any:
    import numpy as np

    return np.array(True)


def _larger(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
