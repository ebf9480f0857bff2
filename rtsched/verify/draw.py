"""Small draws from one generator."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Draw:
    """Small draws from one generator."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return int(self.random.integers(low, max(low, high), endpoint=True))

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return bool(self.random.random() < share)

    def pick(self, options: Sequence[Item]) -> Item:
        """One of them."""
        return options[self.integer(0, len(options) - 1)]

    def split(self, total: int, parts: int) -> tuple[int, ...]:
        """`total` as a sum of so many positive integers (as far as it reaches)."""
        parts = min(parts, total)
        cuts = sorted(self.random.choice(total - 1, parts - 1, replace=False).tolist()) if parts > 1 else []
        ends = [0, *(cut + 1 for cut in cuts), total]
        return tuple(later - earlier for earlier, later in pairwise(ends))
