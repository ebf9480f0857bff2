"""Graphs on shared pools: the iterates of their bounds, and what these consist of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtsched.schedulability.models import DagTask, TypedPools
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.steps.bounds import of_bound
from rtsched.schedulability.steps.choice import chosen, left_out
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import MOST_TERMS, Scale, joined, name, row
from rtsched.schedulability.steps.responses import MOST_KEPT
from rtsched.schedulability.theorems.dag_sets import (
    Windows,
    in_order,
    windows_by_deadline,
    windows_by_queue,
    windows_of_any_order,
    windows_of_melani,
)
from rtsched.schedulability.theorems.interference import Looks

NARROW = (
    "; or, of a graph no wider (w) than its one preemptive type, len + Σ W_j(R)/(M − w + 1), and where regions block "
    "on its one type, vol + those that block once + Σ W_j(R)"
)
WORK = "W_j(R) the most work of another's jobs in R that are done within R_j"
FP = (
    "R = max over paths of Σ (c + regions that block) + Σ over the types (X + Σ W_j(R))/M, rounded down, X what the "
    f"path can meet of its graph, j more urgent; {WORK}{NARROW}"
)
ANY = (
    "R = max over paths of Σ c + Σ over the types (X + Σ W_j(R))/M, rounded down, X what the path can meet of its "
    f"graph, j all others; {WORK}{NARROW}: the least that hold together, or none"
)
EDF = (
    "as a6-work-conserving, or with regions that block and min(W_j(R), E_j), E_j the most work with deadlines by D; "
    "the least that hold together, or none"
)
QUEUES = (
    "as a6-work-conserving; of a pool of fixed priorities only j more urgent, with regions that block, of one of EDF "
    "min(W_j(R), E_j) with regions, of any other W_j(R) of all others; the least that hold together, or none"
)
MELANI = (
    "R = len + (vol − len)/m + Σ W_j(R)/m, rounded down, j more urgent; under EDF j all others, min(W_j(R), E_j); "
    f"{WORK}"
)


def fixed_priority(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Of every task the iterates and the parts."""
    return _in_order(model, result, scale)


def melani(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Of every task the iterates and the parts."""
    if model.order == "FP":
        return _in_order(model, result, scale, published=True)
    return _together(model, result, scale, windows_of_melani)


def any_work_conserving(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Of every task the iterates and the parts, once the bounds of the others are known."""
    return _together(model, result, scale, windows_of_any_order)


def edf(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """The same, of the argument that gives the smaller bound."""
    return _together(model, result, scale, windows_by_deadline)


def by_queue(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """The same, where each pool has an order of its own."""
    return _together(model, result, scale, windows_by_queue)


def _in_order(model: TypedPools, result: Result, scale: Scale, published: bool = False) -> list[BoardLine]:
    names = [task.name for task in model.tasks]
    places = chosen(names, result)
    seen: dict[str, list[int]] = {names[place]: [] for place in places}
    bounds = in_order(model, published, seen).bounds
    lines = []
    for place in places:
        path = result.details["path"].get(names[place], [])
        lines += _task(model.tasks[place], bounds[place], path, seen[names[place]], scale)
    return lines + left_out(names, places)


def _together(
    model: TypedPools, result: Result, scale: Scale, windows_of: Callable[[TypedPools], Windows]
) -> list[BoardLine]:
    bounds = {bound.task: bound.wcrt for bound in result.bounds if bound.wcrt is not None}
    if len(bounds) < len(model.tasks):
        return [
            BoardLine("words", "no bounds hold together: as they grow by each other, one of them exceeds its deadline")
        ]
    names = [task.name for task in model.tasks]
    places = chosen(names, result)
    told = joined([f"{name(each)} {scale(bounds[each])}" for each in names[:MOST_TERMS]], ", ")
    more = f" and {len(names) - MOST_TERMS} more" if len(names) > MOST_TERMS else ""
    lines = [
        BoardLine(
            "words", f"together they hold: {told}{more}; with those of the others:", data={"responses_ns": bounds}
        )
    ]
    windows = windows_of(model)
    for place in places:
        tried = [(_iterates(window.bound, bounds), window) for window in windows[names[place]]]
        (_, seen), window = min(tried, key=lambda item: item[0][0])
        lines += _task(model.tasks[place], result.bounds[place], window.path, seen, scale)
    return lines + left_out(names, places)


def _iterates(bound: Callable[..., int | None], bounds: dict[str, int]) -> tuple[float, list[int]]:
    """The bound of a window where those of the others are `bounds`, and its iterates."""
    seen: list[int] = []
    found = bound(bounds, Looks(), seen)
    return float("inf") if found is None else found, seen


def _task(task: DagTask, bound: Bound, path: Sequence[int], values: Sequence[int], scale: Scale) -> list[BoardLine]:
    if not values:
        return [BoardLine("words", f"{name(task.name)}: none, for a more urgent task has none", task.name)]
    text = f"{name(task.name)}: {row([scale(value) for value in values])}"
    text += f" + {scale(task.J)} (jitter)" if task.J else ""
    holds = bound.wcrt is not None
    text += f" {'≤' if holds else '>'} {scale(task.D)}"
    if len(path) > 1:
        text += f", along {joined([name(task.dag.vertices[index].name) or 'its node' for index in path], ' → ')}"
    data = {
        "values_ns": list(values[:MOST_KEPT]),
        "left_out": max(0, len(values) - MOST_KEPT),
        "response_ns": bound.wcrt,
        "deadline_ns": task.D,
    }
    lines = [BoardLine("iterates", text, task.name, holds, data)]
    return [*lines, of_bound(bound, scale)] if holds else lines
