"""Of many tasks those that are written out: the one that fails, and those with the least time left."""

from __future__ import annotations

from collections.abc import Sequence

from rtsched.schedulability.result import Result
from rtsched.schedulability.steps.line import BoardLine

#: So many tasks are written out one by one.
MOST_TASKS = 20


def chosen(names: Sequence[str], result: Result) -> list[int]:
    """The places of at most MOST_TASKS tasks, in their order: the first that fails, then by slack against D."""
    if len(names) <= MOST_TASKS:
        return list(range(len(names)))
    bounds = {bound.task: bound for bound in result.bounds}

    def left(place: int) -> tuple[float, int]:
        bound = bounds.get(names[place])
        if bound is None or bound.wcrt is None:
            return float("inf"), place
        return (bound.deadline - bound.wcrt) / max(1, bound.deadline), place

    failed = result.first_failure.task if result.first_failure else ""
    tightest = sorted(range(len(names)), key=lambda place: (names[place] != failed, left(place)))
    return sorted(tightest[:MOST_TASKS])


def left_out(names: Sequence[str], places: Sequence[int]) -> list[BoardLine]:
    """A word on the tasks that are not written out, if any are not."""
    if len(places) == len(names):
        return []
    return [BoardLine("words", f"… {len(names) - len(places)} more tasks: above are those with the least time left")]
