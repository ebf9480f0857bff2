"""A network: a DAG of operators with shapes, multiply-accumulates and bytes, before any processor is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a network.

    `macs` are multiply-accumulates; `weights` the elements of initializers that it reads, `weight_bytes` their size;
    `input_bytes` are the activations it reads and `output_bytes` those it writes. What is not known is None: the count
    of an operator that is not understood, and whatever depends on a shape that is not known. `predecessors` are
    operator indices. `depthwise` convolutions see one channel each, and run far below the rate of others.
    `narrow_bytes` are those of its bytes whose numbers are stored in less than four bytes already (a quantised network,
    or one of half floats). `launches` is how many operators it stands for (a Loop: those of all its runs).
    """

    index: int
    name: str
    kind: str
    macs: int | None
    weights: int
    weight_bytes: int
    input_bytes: int | None
    output_bytes: int | None
    output_elements: int | None
    predecessors: tuple[int, ...]
    depthwise: bool = False
    narrow_bytes: int = 0
    launches: int = 1

    @property
    def known(self) -> bool:
        """Whether its multiply-accumulates are known."""
        return self.macs is not None

    @property
    def sized(self) -> bool:
        """Whether the bytes that it moves are known."""
        return self.input_bytes is not None and self.output_bytes is not None

    def moved(self, width: float = 1.0) -> float:
        """The bytes that it moves if numbers of four bytes take `width` of that; nothing is known without sizes."""
        size = (self.input_bytes or 0) + (self.output_bytes or 0) + self.weight_bytes
        return self.narrow_bytes + (size - self.narrow_bytes) * width

    def passed(self, width: float = 1.0) -> float:
        """The bytes that it hands on if numbers of four bytes take `width` of that."""
        size, elements = self.output_bytes or 0, self.output_elements or 0
        return size if size < 4 * elements else size * width


@dataclass(frozen=True)
class Network:
    """Operators in topological order, and what the file holds beyond them.

    `nodes` counts all nodes of the file, constants too. `unknown` names tensors without a shape; `custom` the operators
    outside the standard set, as ``domain:type``; `inputs` maps each input to its shape (None: not fixed); `notes` say
    what the counts rest on (a branch, a batch that is assumed). Totals are None as soon as a part is.
    """

    name: str
    operators: tuple[Operator, ...]
    nodes: int
    initializer_elements: int
    initializer_bytes: int
    inputs: dict[str, tuple[int | None, ...]]
    unknown: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def macs(self) -> int | None:
        """All multiply-accumulates of one inference."""
        return total(operator.macs for operator in self.operators)

    @cached_property
    def macs_by_kind(self) -> dict[str, int]:
        """Known multiply-accumulates by kind of operator, the largest first; kinds without any are left out."""
        counts: Counter[str] = Counter()
        for operator in self.operators:
            counts[operator.kind] += operator.macs or 0
        return {kind: macs for kind, macs in counts.most_common() if macs}

    @property
    def not_counted(self) -> tuple[Operator, ...]:
        """The operators whose multiply-accumulates are not known."""
        return tuple(operator for operator in self.operators if not operator.known)

    @property
    def output_elements(self) -> int | None:
        """Elements of all outputs of all operators (Identity not counted: it copies nothing)."""
        return total(operator.output_elements for operator in self.operators if operator.kind != "Identity")

    @property
    def activation_bytes(self) -> int | None:
        """Bytes of all outputs of all operators (Identity not counted)."""
        return total(operator.output_bytes for operator in self.operators if operator.kind != "Identity")

    @property
    def peak_bytes(self) -> int | None:
        """The largest sum of the activations that one operator reads and writes."""
        if not all(operator.sized for operator in self.operators):
            return None
        return max(((each.input_bytes or 0) + (each.output_bytes or 0) for each in self.operators), default=0)


def total(amounts: Iterable[int | None]) -> int | None:
    """The sum; None if a summand is not known."""
    found = list(amounts)
    return sum(amount for amount in found if amount is not None) if None not in found else None
