"""Einsum: its labels, its output, its products.

The library is not asked: an equation with an odd character keeps its inference busy for ever (1.23).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rtsched.dnn.network import total
from rtsched.dnn.onnx.tensors import Shape, product


@dataclass(frozen=True)
class Einsum:
    """The labels of each operand and of the output (those under dots are ``...1``, ``...2``), and the labels' sizes."""

    operands: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]
    sizes: dict[str, int | None]

    @property
    def shape(self) -> Shape:
        """The shape of the output."""
        return tuple(self.sizes[label] for label in self.output)

    @property
    def macs(self) -> int | None:
        """One operand: none. Two: the product of all sizes if anything is summed. More: by pairs from the left."""
        count: int | None = 0
        have = set(self.operands[0])
        for position, other in enumerate(self.operands[1:], 2):
            have |= set(other)
            needed = set(self.output).union(*self.operands[position:])
            if have - needed:
                count = total((count, product(*(self.sizes[label] for label in sorted(have)))))
            have &= needed
        return count


def parsed(equation: str, shapes: Sequence[Shape | None]) -> Einsum | None:
    """The equation for operands of these shapes; None where they do not fit, or a shape is not known."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    pattern = r"[A-Za-z]*(\.{3})?[A-Za-z]*"
    if len(terms) != len(shapes) or not all(re.fullmatch(pattern, term) for term in (*terms, right)):
        return None
    sizes: dict[str, int | None] = {}
    operands = []
    for term, shape in zip(terms, shapes, strict=True):
        labels = None if shape is None else _labels(term, len(shape))
        if labels is None or shape is None:
            return None
        operands.append(labels)
        for label, size in zip(labels, shape, strict=True):
            if sizes.get(label, 1) == 1:  # of sizes that are broadcast, the larger
                sizes[label] = size
    dots = tuple(label for label in sorted(sizes, key=len_first, reverse=True) if label.startswith("..."))
    if not arrow:
        once = sorted(label for label in sizes if label not in dots and left.count(label) == 1)
        return Einsum(tuple(operands), (*dots, *once), sizes)
    before, mark, after = right.partition("...")
    output = (*before, *(dots if mark else ()), *after)
    return Einsum(tuple(operands), output, sizes) if set(output) <= set(sizes) else None


def len_first(label: str) -> tuple[int, str]:
    """A key that sorts ``...10`` behind ``...9``."""
    return len(label), label


def _labels(term: str, rank: int) -> tuple[str, ...] | None:
    """The label of each dimension of an operand; those under the dots are counted from the right."""
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after)
    if hidden < 0 or (hidden and not dots):
        return None
    return (*before, *(f"...{number}" for number in range(hidden, 0, -1)), *after)
