"""Multiply-accumulates of ONNX operators: one product that is added to a sum.

Only contractions count; biases, elementwise operators, normalisation, pooling, reductions and copies have none. Counts
are dense: products with padding, masked or sparse zeros count. An operator that stands in neither list here has no
count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtsched.dnn.network import total
from rtsched.dnn.onnx.einsum import parsed
from rtsched.dnn.onnx.tensors import NodeProto, Shape, Tensor, product, text

#: The domains of the standard's own operators.
STANDARD = ("", "ai.onnx")

#: Operators that multiply nothing into a sum: each was looked at. What is not here, nor below, is not understood.
MOVES = frozenset(
    {
        # elementwise, activations, comparisons, types
        "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitCast", "BitShift", "BitwiseAnd",
        "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div",
        "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid",
        "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min",
        "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "RotaryEmbedding", "Round",
        "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "SwiGLU",
        "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
        # normalisation, softmax, losses
        "BatchNormalization", "GroupNormalization", "Hardmax", "InstanceNormalization", "LRN", "LayerNormalization",
        "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "NegativeLogLikelihoodLoss", "RMSNormalization",
        "Softmax", "SoftmaxCrossEntropyLoss",
        # reductions, pooling, selection
        "ArgMax", "ArgMin", "AveragePool", "CumProd", "CumSum", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool",
        "LpPool", "MaxPool", "MaxRoiPool", "MaxUnpool", "NonMaxSuppression", "NonZero", "ReduceL1", "ReduceL2",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
        "ReduceSumSquare", "RoiAlign", "TopK", "Unique",
        # copies, shapes, resampling
        "CenterCropPad", "Col2Im", "Compress", "Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Expand",
        "EyeLike", "Flatten", "Gather", "GatherElements", "GatherND", "GridSample", "OneHot", "Pad", "Range",
        "Reshape", "Resize", "ReverseSequence", "Scatter", "ScatterElements", "ScatterND", "Shape", "Size", "Slice",
        "SpaceToDepth", "Split", "Squeeze", "TensorScatter", "Tile", "Transpose", "Trilu", "Unsqueeze", "Upsample",
        # quantisation
        "DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear",
        # random numbers, sequences
        "Bernoulli", "ConcatFromSequence", "Multinomial", "Optional", "OptionalGetElement", "OptionalHasElement",
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "SequenceAt", "SequenceConstruct",
        "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SplitToSequence",
    }
)  # fmt: skip

#: Where the weights stand among the inputs of a convolution, and the second factor among those of a matrix product.
SECOND = {"QLinearConv": 3, "QLinearMatMul": 3}

Formula = Callable[[NodeProto, Sequence[Tensor], Sequence[Tensor]], int | None]


def macs(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    """Multiply-accumulates of a node; None where a shape is missing, and where the operator is not understood.

    `inputs` and `outputs` go with the node's names (absent ones too). If, Loop and Scan are counted elsewhere.
    """
    if node.domain not in STANDARD:
        return None
    if node.op_type in MOVES:
        return 0
    formula = PRODUCTS.get(node.op_type)
    return None if formula is None else formula(node, inputs, outputs)


def least_inputs(node: NodeProto) -> int:
    """How many inputs a node must have for its products to be counted."""
    if node.op_type == "Einsum":
        return 1
    return SECOND.get(node.op_type, 1) + 1 if node.op_type in PRODUCTS and node.domain in STANDARD else 0


def _convolution(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    window = _window(inputs[SECOND.get(node.op_type, 1)].shape)
    return product(outputs[0].elements, window)


def _transposed(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    return product(inputs[0].elements, _window(inputs[1].shape))


def _window(weights: Shape | None) -> int | None:
    """Products for an element: the channels and positions that one filter sees."""
    return None if weights is None or len(weights) < 3 else product(*weights[1:])


def _gemm(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    shape = inputs[0].shape
    if shape is None or len(shape) != 2:
        return None
    return product(outputs[0].elements, shape[0 if integer(node, "transA") else 1])


def _matrix_product(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    first, second = inputs[0].shape, inputs[SECOND.get(node.op_type, 1)].shape
    if not first:
        return None
    depth = first[-1]
    if depth is None and second:  # the same size stands in the second factor
        depth = second[-2] if len(second) > 1 else second[0]
    return product(outputs[0].elements, depth)


def _recurrent(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    """Directions x steps x batch x g H (I + H); the lengths of sequences never lower it."""
    if len(inputs) < 3:
        return None
    shape, weights, recurrence = (tensor.shape for tensor in inputs[:3])
    if shape is None or len(shape) != 3 or weights is None or len(weights) != 3:
        return None
    hidden = recurrence[2] if recurrence is not None and len(recurrence) == 3 else integer(node, "hidden_size") or None
    if hidden is None or shape[2] is None:
        return None
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[node.op_type]
    return product(weights[0], shape[0], shape[1], gates * hidden * (shape[2] + hidden))


def _attention(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    """Batch x query heads x queries x keys x (depth of keys + depth of values); keys include the past."""
    if len(inputs) < 3:
        return None
    heads, key_heads = integer(node, "q_num_heads"), integer(node, "kv_num_heads")
    query, key, value = (
        _by_head(tensor, count) for tensor, count in zip(inputs[:3], (heads, key_heads, key_heads), strict=True)
    )
    if query is None or key is None or value is None or query[3] is None or value[3] is None:
        return None
    keys = key[2]
    if len(inputs) > 4 and node.input[4]:
        past = inputs[4].shape
        keys = total((keys, past[2])) if past is not None and len(past) == 4 else None
    return product(*query[:3], keys, query[3] + value[3])


def _by_head(tensor: Tensor, heads: int) -> Shape | None:
    """Batch, heads, length and depth of an operand of Attention, which may have its heads side by side."""
    shape = tensor.shape
    if shape is not None and len(shape) == 3 and heads > 0:
        return shape[0], heads, shape[1], None if shape[2] is None else shape[2] // heads
    return shape if shape is not None and len(shape) == 4 else None


def _einsum(node: NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int | None:
    found = parsed(text(node, "equation"), [tensor.shape for tensor in inputs])
    return 0 if len(inputs) == 1 else None if found is None else found.macs


#: What multiplies, and how it is counted.
PRODUCTS: dict[str, Formula] = {
    "Conv": _convolution,
    "ConvInteger": _convolution,
    "QLinearConv": _convolution,
    "DeformConv": _convolution,
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "MatMul": _matrix_product,
    "MatMulInteger": _matrix_product,
    "QLinearMatMul": _matrix_product,
    "Einsum": _einsum,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "Attention": _attention,
}


def integer(node: NodeProto, name: str, default: int = 0) -> int:
    """The value of an integer attribute, `default` if it is not there."""
    return next((int(each.i) for each in node.attribute if each.name == name), default)


def integers(node: NodeProto, name: str) -> list[int]:
    """The values of an attribute of integers, none if it is not there."""
    return next((list(map(int, each.ints)) for each in node.attribute if each.name == name), [])
