"""Protocol buffers on the wire: numbers, fields, and messages of them.

The encoding is that of https://protobuf.dev/programming-guides/encoding: a field is a key (number and kind), then a
varint, eight bytes, or a length and as many bytes.
"""

from __future__ import annotations

from functools import cache
from struct import pack


def varint(number: int) -> bytes:
    """A number of at most 64 bits, seven to a byte, the lowest first; negative ones as two's complement."""
    if 0 <= number < 1 << 14:
        return _small()[number]
    number &= (1 << 64) - 1
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


@cache
def _small() -> list[bytes]:
    """The numbers below 2^14: made once (7 ms), since nearly all lengths are among them."""
    return [bytes([low]) if not high else bytes([low | 128, high]) for high in range(128) for low in range(128)]


class Times:
    """Varints of times: close ones have all but their lowest 14 bits in common, which are encoded once."""

    def __init__(self) -> None:
        self._low = [bytes([low | 128, high | 128]) for high in range(128) for low in range(128)]
        self._high, self._same = -1, b""

    def __call__(self, time: int) -> bytes:
        high = time >> 14
        if high != self._high:
            if not high:
                return varint(time)
            self._high, self._same = high, varint(high)
        return self._low[time & 16383] + self._same


def key(field: int, kind: int) -> bytes:
    """The key of a field: kind 0 a varint, 1 eight bytes, 2 a length and bytes."""
    return varint(field << 3 | kind)


def whole(field: int, number: int) -> bytes:
    """A field with a varint."""
    return key(field, 0) + varint(number)


def double(field: int, number: float) -> bytes:
    """A field with a floating-point number."""
    return key(field, 1) + pack("<d", number)


def content(field: int, inside: bytes | str) -> bytes:
    """A field with text, or with another message."""
    raw = inside.encode() if isinstance(inside, str) else inside
    return key(field, 2) + varint(len(raw)) + raw
