"""A network: a DAG of operators with shapes, multiply-accumulates and bytes, before any processor is chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a network.

    `macs` are multiply-accumulates; `weights` the elements of initializers that it reads, `weight_bytes` their size;
    `input_bytes` are the activations it reads and `output_bytes` those it writes. `predecessors` are operator indices.
    `known` is False when a shape it needs is not known, so that its figures are too small. `depthwise` convolutions see
    one channel each, and run far below the rate of others.
    """

    index: int
    name: str
    kind: str
    macs: int
    weights: int
    weight_bytes: int
    input_bytes: int
    output_bytes: int
    output_elements: int
    predecessors: tuple[int, ...]
    known: bool = True
    depthwise: bool = False


@dataclass(frozen=True)
class Network:
    """Operators in topological order, and what the file holds beyond them.

    `nodes` counts all nodes of the file, constants too. `unknown` names tensors without a shape; `custom` the operators
    outside the standard set, as ``domain:type``; `inputs` maps each input to its shape (None: not fixed).
    """

    name: str
    operators: tuple[Operator, ...]
    nodes: int
    initializer_elements: int
    initializer_bytes: int
    inputs: dict[str, tuple[int | None, ...]]
    unknown: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()

    @property
    def macs(self) -> int:
        """All multiply-accumulates of one inference."""
        return sum(operator.macs for operator in self.operators)

    @cached_property
    def macs_by_kind(self) -> dict[str, int]:
        """Multiply-accumulates by kind of operator, the largest first; kinds without any are left out."""
        counts: Counter[str] = Counter()
        for operator in self.operators:
            counts[operator.kind] += operator.macs
        return {kind: macs for kind, macs in counts.most_common() if macs}

    @property
    def output_elements(self) -> int:
        """Elements of all outputs of all operators (Identity not counted: it copies nothing)."""
        return sum(operator.output_elements for operator in self.operators if operator.kind != "Identity")

    @property
    def activation_bytes(self) -> int:
        """Bytes of all outputs of all operators (Identity not counted)."""
        return sum(operator.output_bytes for operator in self.operators if operator.kind != "Identity")

    @property
    def peak_bytes(self) -> int:
        """The largest sum of the activations that one operator reads and writes."""
        return max((operator.input_bytes + operator.output_bytes for operator in self.operators), default=0)
