"""The worst responses of small sets of suspending tasks, found by looking at every schedule, and what tests say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtsched.schedulability.models import Order, Sporadic, Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.theorems import suspending_edf, suspension_framework

Times = tuple[int, int, int, int]
#: Order, (C, T, D, S) of each task, and the worst responses (None: a deadline is missed), by an exhaustive search over
#: sporadic arrivals and suspensions at any tick.
WORST: list[tuple[Order, list[Times], list[int] | None]] = [
    ("EDF", [(1, 6, 6, 2), (1, 6, 6, 0)], [4, 2]),
    ("EDF", [(1, 6, 4, 0), (1, 6, 6, 3), (1, 7, 7, 2)], [3, 6, 6]),
    ("EDF", [(1, 3, 3, 1), (1, 6, 6, 1), (1, 8, 8, 1)], [3, 5, 5]),
    ("EDF", [(1, 4, 2, 1), (1, 7, 7, 0), (1, 7, 12, 3)], [2, 2, 7]),
    ("EDF", [(2, 4, 7, 2), (1, 5, 9, 1)], [6, 6]),
    ("EDF", [(1, 4, 3, 0), (2, 6, 6, 1), (1, 7, 7, 0)], [2, 5, 4]),
    ("EDF", [(1, 5, 5, 0), (1, 6, 6, 2), (2, 7, 7, 0)], [2, 5, 4]),
    ("FP", [(1, 6, 4, 0), (1, 5, 5, 3), (1, 6, 6, 0)], [1, 5, 4]),
    ("FP", [(1, 5, 5, 0), (1, 4, 9, 3)], None),
    ("FP", [(1, 3, 3, 2), (1, 4, 4, 1), (1, 6, 9, 1)], [3, 4, 8]),
]


def named(times: Sequence[Times]) -> tuple[Sporadic, ...]:
    return tuple(Sporadic(str(9 - place), C, T, D, S=S) for place, (C, T, D, S) in enumerate(times))


def beaten() -> list[tuple[list[Times], Result]]:
    """What tests say of the sets, where a schedule is worse."""
    tests: dict[str, tuple[Callable[[Uniprocessor], Result], ...]] = {
        "EDF": (suspending_edf.edf_suspension_windows,),
        "FP": (suspension_framework.suspension_framework, suspension_framework.suspension_assignable),
    }
    found = []
    for order, times, worst in WORST:
        for test in tests[order]:
            result = test(Uniprocessor(named(times), order))
            if result.verdict == "schedulable" and (
                worst is None or any((R or 0) < seen for R, seen in zip(result.responses, worst, strict=True))
            ):
                found.append((times, result))
    return found
