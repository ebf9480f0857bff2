"""What is known of the tensors of an ONNX graph: shapes, element types, and the values of small constants.

Shapes come from the shape inference of the library `onnx`, one node at a time; shapes that a model computes (Shape,
Gather, Concat, Reshape) are followed by evaluating small constants with its reference implementation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

# The classes of onnx' protobuf, which carry no types of their own.
AttributeProto: TypeAlias = Any
GraphProto: TypeAlias = Any
ModelProto: TypeAlias = Any
NodeProto: TypeAlias = Any
TensorProto: TypeAlias = Any
TypeProto: TypeAlias = Any

#: A tensor with more elements is refused.
MAX_ELEMENTS = 2**48

#: So many nodes are evaluated in one model; no exporter computes shapes with more.
MAX_FOLDS = 20_000

#: Values of constants with more elements are not kept: no shape is that long.
SMALL = 256

#: Bits of one element by ONNX' number of its type; strings (8) have no size.
ELEMENT_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16, 17: 8,
    18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip

#: Numbers that are stored in less than four bytes (truth values are no numbers).
NARROW = frozenset(number for number, bits in ELEMENT_BITS.items() if bits < 32) - {9}

#: Operators that are evaluated where their inputs are small constants: what exporters compute shapes and counts with.
FOLDED = frozenset(
    {
        "Abs", "Add", "And", "Cast", "CastLike", "Ceil", "Concat", "ConstantOfShape", "Div", "Equal", "Expand",
        "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Greater", "GreaterOrEqual", "Identity", "Less",
        "LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Range", "ReduceMax", "ReduceMin",
        "ReduceProd", "ReduceSum", "Reshape", "Round", "ScatterElements", "ScatterND", "Sign", "Slice", "Split",
        "Sqrt", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze", "Where", "Xor",
    }
)  # fmt: skip

Shape = tuple[int | None, ...]


def product(*factors: int | None) -> int | None:
    """The product; None if a factor is not known."""
    return math.prod(factor for factor in factors if factor is not None) if None not in factors else None


@dataclass(frozen=True)
class Tensor:
    """What is known of a tensor: its shape (None: nothing; an entry None: that dimension), type and small value."""

    shape: Shape | None
    type: int = 0
    value: Any = None

    @property
    def elements(self) -> int | None:
        """How many elements it has; None if that is not known."""
        return None if self.shape is None else product(*self.shape)

    @property
    def bytes(self) -> int | None:
        """Its size, half bytes two to a byte; None if that is not known."""
        bits = product(self.elements, ELEMENT_BITS.get(self.type, None if self.type == 8 else 32))
        return None if bits is None else -(-bits // 8)

    def filled(self, stated: Tensor | None) -> Tensor:
        """This tensor, with what is not known of it as the file states it."""
        if stated is None:
            return self
        shape = self.shape
        if shape is None:
            shape = stated.shape
        elif stated.shape is not None and len(stated.shape) == len(shape):
            shape = tuple(b if a is None else a for a, b in zip(shape, stated.shape, strict=True))
        return Tensor(shape, self.type or stated.type, self.value)

    def common(self, other: Tensor) -> Tensor:
        """What this tensor and another have in common."""
        if self.shape is None or other.shape is None or len(self.shape) != len(other.shape):
            return Tensor(None, self.type)
        return Tensor(tuple(a if a == b else None for a, b in zip(self.shape, other.shape, strict=True)), self.type)


UNKNOWN = Tensor(None)


@dataclass
class Scope:
    """The names of one graph; what it does not have comes from the graph around it."""

    opsets: Mapping[str, int]
    outer: Scope | None = None
    tensors: dict[str, Tensor] = field(default_factory=dict)
    stated: dict[str, Tensor] = field(default_factory=dict)
    weights: set[str] = field(default_factory=set)
    initializers: set[str] = field(default_factory=set)
    folds: list[int] = field(default_factory=lambda: [0])

    def inner(self) -> Scope:
        """The scope of a graph inside this one."""
        return Scope(self.opsets, self, folds=self.folds)

    def _home(self, name: str) -> Scope | None:
        scope: Scope | None = self
        while scope is not None and name not in scope.tensors:
            scope = scope.outer
        return scope

    def tensor(self, name: str) -> Tensor:
        """The tensor of a name; one of which nothing is known if nobody wrote it."""
        home = self._home(name)
        return UNKNOWN if home is None else home.tensors[name]

    def is_weight(self, name: str) -> bool:
        """Whether a tensor is the same in every inference."""
        home = self._home(name)
        return home is not None and name in home.weights

    def is_initializer(self, name: str) -> bool:
        """Whether a tensor is an initializer (perhaps dequantised), which is counted with the weights only."""
        home = self._home(name)
        return home is not None and name in home.initializers

    def set(self, name: str, tensor: Tensor) -> None:
        """Take in a tensor; what the file states of it fills the gaps."""
        self.tensors[name] = tensor.filled(self.stated.get(name))


def constant(proto: TensorProto) -> Tensor:
    """The tensor of an initializer or a constant, with its value if it is small and stands in the file itself."""
    shape = tuple(proto.dims)
    value = None
    if math.prod(shape) <= SMALL and not proto.external_data and not proto.data_location:
        from onnx import numpy_helper

        try:
            value = numpy_helper.to_array(proto)
        except Exception:  # dimensions and payload that do not fit: the library raises what it likes
            value = None
    return Tensor(shape, proto.data_type, value)


def constant_node(node: NodeProto) -> Tensor:
    """The tensor of a Constant."""
    import numpy as np

    for attribute in node.attribute:
        if attribute.name == "value":
            return constant(attribute.t)
        if attribute.name == "sparse_value":
            return Tensor(tuple(attribute.sparse_tensor.dims), attribute.sparse_tensor.values.data_type)
        if attribute.name in ("value_int", "value_float"):
            value = np.array(attribute.i, np.int64) if attribute.name == "value_int" else np.array(attribute.f, "f4")
            return Tensor((), 7 if attribute.name == "value_int" else 1, value)
        if attribute.name in ("value_ints", "value_floats"):
            whole = attribute.name == "value_ints"
            many = attribute.ints if whole else attribute.floats
            kept = np.array(many, np.int64 if whole else np.float32) if len(many) <= SMALL else None
            return Tensor((len(many),), 7 if whole else 1, kept)
    return UNKNOWN


def inferred(node: NodeProto, scope: Scope) -> list[Tensor]:
    """The outputs of a node, by shape inference and, where its inputs are small constants, by evaluation."""
    inputs = {name: scope.tensor(name) for name in node.input if name}
    if node.op_type in ("Shape", "Size") and node.domain in ("", "ai.onnx"):
        return [_shape_of(node, next(iter(inputs.values()), UNKNOWN))]
    if node.op_type == "Einsum" and node.domain in ("", "ai.onnx"):
        return [_einsum(node, [inputs[name] for name in node.input if name])]
    outputs = _library_shapes(node, inputs, scope.opsets)
    if node.op_type in FOLDED and node.domain in ("", "ai.onnx") and scope.folds[0] < MAX_FOLDS:
        return _folded(node, inputs, outputs, scope)
    return outputs


def _shape_of(node: NodeProto, tensor: Tensor) -> Tensor:
    import numpy as np

    if node.op_type == "Size":
        return Tensor((), 7, None if tensor.elements is None else np.array(tensor.elements, np.int64))
    if tensor.shape is None:
        return Tensor((None,), 7)
    ends = {attribute.name: int(attribute.i) for attribute in node.attribute}
    part = tensor.shape[ends.get("start", 0) : ends.get("end", len(tensor.shape))]
    return Tensor((len(part),), 7, None if None in part else np.array(part, np.int64))


def _einsum(node: NodeProto, inputs: Sequence[Tensor]) -> Tensor:
    from rtsched.dnn.onnx.einsum import parsed

    found = parsed(text(node, "equation"), [tensor.shape for tensor in inputs])
    return Tensor(None if found is None else found.shape, inputs[0].type if inputs else 0)


def text(node: NodeProto, name: str) -> str:
    """The value of a text attribute, empty if it is not there."""
    found: Any = next((each.s for each in node.attribute if each.name == name), b"")
    return bytes(found).decode("utf-8", "replace")


def _library_shapes(node: NodeProto, inputs: Mapping[str, Tensor], opsets: Mapping[str, int]) -> list[Tensor]:
    """What the library says of the outputs of a node."""
    import onnx
    from onnx import numpy_helper, shape_inference

    domain = "" if node.domain == "ai.onnx" else node.domain
    unknown = [UNKNOWN for _ in node.output]
    if any(each.name == "num_outputs" and each.i > len(node.output) for each in node.attribute):
        return unknown  # the library would make room for as many as the file says
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets.get(domain, 1), domain)
        found = shape_inference.infer_node_outputs(
            schema,
            node,
            {name: type_of(tensor) for name, tensor in inputs.items()},
            {name: numpy_helper.from_array(each.value) for name, each in inputs.items() if each.value is not None},
            opset_imports=[onnx.helper.make_opsetid(*each) for each in opsets.items()],
        )
    except Exception:  # the library raises what it likes; nothing is known then
        return unknown
    outputs = [tensor_of(found[name]) if name in found else UNKNOWN for name in node.output]
    if getattr(schema, "has_function", False) and node.output and outputs[0].shape is None:
        return _by_body(node, inputs, opsets)
    return outputs


def _by_body(node: NodeProto, inputs: Mapping[str, Tensor], opsets: Mapping[str, int]) -> list[Tensor]:
    """The outputs of an operator that the standard defines by other ones: the library looks into models only."""
    import onnx

    try:
        found = onnx.shape_inference.infer_shapes(_alone(node, inputs, opsets)).graph
    except Exception:  # as above
        return [UNKNOWN for _ in node.output]
    known = {each.name: tensor_of(each.type) for each in (*found.value_info, *found.output)}
    return [known.get(name, UNKNOWN) for name in node.output]


def _alone(node: NodeProto, inputs: Mapping[str, Tensor], opsets: Mapping[str, int]) -> ModelProto:
    """A model of nothing but this node."""
    from onnx import ValueInfoProto, helper

    given = [helper.make_value_info(name, type_of(tensor)) for name, tensor in inputs.items()]
    graph = helper.make_graph([node], "one", given, [ValueInfoProto(name=name) for name in node.output if name])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*each) for each in opsets.items()])


def _folded(node: NodeProto, inputs: Mapping[str, Tensor], outputs: list[Tensor], scope: Scope) -> list[Tensor]:
    """The outputs with their values, if all inputs are small constants and all outputs small."""
    if "" in node.output or any(tensor.value is None for tensor in inputs.values()):
        return outputs
    if any(tensor.elements is None or tensor.elements > SMALL for tensor in outputs):
        return outputs
    import numpy as np
    from onnx.reference import ReferenceEvaluator

    scope.folds[0] += 1
    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(_alone(node, inputs, scope.opsets))
            values = evaluator.run(None, {name: each.value for name, each in inputs.items()})
        made = [np.asarray(value) for value in values]
    except Exception:  # divisions by zero, indices out of range: then there is no value
        return outputs
    return [
        replace(tensor, shape=value.shape, value=value) if value.size <= SMALL else tensor
        for tensor, value in zip(outputs, made, strict=False)
    ]


def type_of(tensor: Tensor) -> TypeProto:
    """The tensor as the library describes one."""
    import onnx

    shape = None if tensor.shape is None else list(tensor.shape)
    made: TypeProto = onnx.helper.make_tensor_type_proto(tensor.type, shape)
    return made


def tensor_of(kind: TypeProto, symbols: Mapping[str, int] | None = None) -> Tensor:
    """The tensor that a type describes; open dimensions by name are those of `symbols`."""
    if not kind.HasField("tensor_type"):
        return UNKNOWN
    if not kind.tensor_type.HasField("shape"):
        return Tensor(None, kind.tensor_type.elem_type)
    # dim_value reads 0 for a dimension that is not stated: only HasField tells
    dimensions: Sequence[int | None] = [
        dim.dim_value if dim.HasField("dim_value") else (symbols or {}).get(dim.dim_param)
        for dim in kind.tensor_type.shape.dim
    ]
    return Tensor(tuple(dimensions), kind.tensor_type.elem_type)
