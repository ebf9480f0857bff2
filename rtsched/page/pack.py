"""Data inside a page: JSON that ends no element, and columns of whole numbers that compress well.

A column is a list of bytes of equal places: first the lowest byte of all its numbers, then the next, as many as the
largest needs; a number n is written as 2n, a negative one as -2n-1. Times are written as the difference to what is
close to them: the row before, or another column. The numbers of real runs are then mostly zeros, which cost nothing.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: What ends an element or begins another one, and the line breaks of JavaScript that JSON does not know.
UNSAFE = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
#: Instead of the name of a column: the differences are those to the row before.
PREVIOUS = "previous"


def safe_json(thing: Any) -> str:
    """A thing as JSON for a script element: whatever its texts hold, they end nothing and begin nothing."""
    text = json.dumps(thing, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(UNSAFE).encode(errors="backslashreplace").decode()


def letters(content: bytes) -> str:
    """Bytes compressed and written as letters; the same for the same bytes."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


class Packed:
    """Columns of whole numbers on their way into a page: `index` says what `blob` holds, in its order.

    Each is the name of a table, that of the column, how many rows it has, the bytes of each number, and the column (or
    `PREVIOUS`) to which it is a difference, if it is one.
    """

    def __init__(self) -> None:
        self.index: list[list[Any]] = []
        self._bytes: list[bytes] = []

    def table(self, name: str, columns: dict[str, NDArray[Any]], **minus: str) -> None:
        """Add a table; `minus` says of a column which one (or the row before) it is written as a difference to."""
        for key in sorted(columns, key=lambda key: minus.get(key, PREVIOUS) != PREVIOUS):  # others need the first ones
            values, less = columns[key], minus.get(key)
            numbers = values.astype(np.int64)
            if less == PREVIOUS:
                numbers = np.diff(numbers, prepend=0)
            elif less is not None:
                numbers = numbers - columns[less].astype(np.int64)
            width, raw = _places(numbers)
            self._bytes.append(raw)
            about = [name, key, len(values), width]
            self.index.append(about if less is None else [*about, less])

    def blob(self) -> str:
        """All columns, compressed, as letters; the same for the same columns."""
        return joined([self])


def joined(packs: Iterable[Packed]) -> str:
    """The columns of several, one after the other, compressed, as letters."""
    return letters(b"".join(part for each in packs for part in each._bytes))


def _places(numbers: NDArray[np.int64]) -> tuple[int, bytes]:
    """How many bytes each number has, and these bytes, place by place."""
    plain = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    width = max(1, (int(plain.max(initial=0)).bit_length() + 7) // 8)
    raw = plain.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    return width, raw.T.tobytes()
