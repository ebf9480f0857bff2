"""Tables while they grow: rows of plain integers, packed into columns a block at a time; and how wide these must be."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.model.taskgraph import SystemSpec

#: As many nodes of a task, processors or resources fit into two bytes.
MOST_NARROW = 1 << 15


def is_wide(system: SystemSpec) -> bool:
    """Whether the tables of a system's traces need four bytes for the numbers of nodes, processors or resources."""
    counts = (len(system.processors), len(system.protocols), *(len(task.pieces) for task in system.tasks))
    return max(counts) > MOST_NARROW


def widened(dtype: np.dtype[Any], wide: bool) -> np.dtype[Any]:
    """The type of a table's rows, with four bytes for such numbers where they need them."""
    names = dtype.names if wide else None
    large = ("node", "processor", "resource")
    return np.dtype([(name, "i4" if name in large else dtype[name].str) for name in names]) if names else dtype


#: Rows that are kept as plain numbers before they become columns: small enough for a cache, large enough to forget.
BLOCK_ROWS = 8192


class Columns:
    """A growing table: rows are appended as plain integers to `buffer`, and packed a block at a time."""

    def __init__(self, dtype: np.dtype[Any], consume: Callable[[NDArray[Any]], None] | None = None) -> None:
        self.dtype = dtype
        self.width = len(dtype.names or ())
        self.buffer: list[int] = []
        self.blocks: list[NDArray[Any]] = []
        self.limit = BLOCK_ROWS * self.width
        self._consume = consume or self.blocks.append

    def pack(self) -> None:
        """Turn the buffered rows into a block (or hand them to whoever consumes them)."""
        if self.buffer:
            raw = np.frombuffer(array("q", self.buffer), dtype=np.int64).reshape(-1, self.width)
            block = np.empty(len(raw), self.dtype)
            for position, name in enumerate(self.dtype.names or ()):
                block[name] = raw[:, position]
            self.buffer.clear()
            self._consume(block)

    def table(self) -> NDArray[Any]:
        """All rows as one structured array."""
        self.pack()
        if not self.blocks:
            return np.empty(0, self.dtype)
        if len(self.blocks) > 1:
            self.blocks[:] = [np.concatenate(self.blocks)]
        return self.blocks[0]
