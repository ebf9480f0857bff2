"""Least fixpoints of monotone integer functions, always with an end."""

from __future__ import annotations

from collections.abc import Callable

#: Steps after which a fixpoint is given up: the verdict is then unknown, never a guess.
CAP = 200_000


class NotConverged(Exception):  # noqa: N818 - a signal inside the room, turned into the verdict `unknown`
    """A search was cut off; the message says which."""


def least_fixpoint(
    f: Callable[[int], int], start: int, limit: int | None = None, cap: int = CAP, seen: list[int] | None = None
) -> int | None:
    """The least x >= `start` with ``f(x) <= x``, for a monotone `f` on integers; None once x exceeds `limit`.

    `start` must not lie above the least fixpoint. Raises NotConverged after `cap` steps. Every iterate is added to
    `seen`, where that is given: ``start, f(start), …``, the last one twice.

    >>> least_fixpoint(lambda x: 3 + 2 * -(-x // 10), 3)
    5
    >>> least_fixpoint(lambda x: x + 1, 0, limit=10) is None
    True
    >>> seen = []
    >>> least_fixpoint(lambda x: 3 + 2 * -(-x // 4), 3, seen=seen), seen
    (7, [3, 5, 7, 7])
    """
    if seen is not None:
        f = _noting(f, start, seen)
    x = start
    for _ in range(cap):
        if limit is not None and x > limit:
            return None
        y = f(x)
        if not isinstance(y, int):
            raise TypeError(f"a fixpoint of integers met {y!r}; round it up first")
        if y <= x:
            return x
        x = y
    raise NotConverged(f"no fixpoint was found in {cap} steps (the last was {x})")


def _noting(f: Callable[[int], int], start: int, seen: list[int]) -> Callable[[int], int]:
    """`f`, of which every value is added to `seen`."""
    seen.append(start)

    def noting(x: int) -> int:
        y = f(x)
        seen.append(y)
        return y

    return noting
