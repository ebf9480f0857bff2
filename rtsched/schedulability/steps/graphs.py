"""Graphs on shared pools: the iterates of their bounds, and what these consist of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtsched.schedulability.models import DagTask, TypedPools
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.steps.bounds import of_bound
from rtsched.schedulability.steps.choice import chosen, left_out
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import Scale, joined, name, row
from rtsched.schedulability.steps.responses import MOST_KEPT
from rtsched.schedulability.theorems.dag_sets import any_order, due_before, fp_bounds, melani_bounds

FP = (
    "R = max over paths of Σ (c·(1 − 1/M) + regions that block) + Σ over the types (vol + Σ ⌈(R + R_j)/T_j⌉·vol_j)/M, "
    "j more urgent"
)
ANY = (
    "R = max over paths of Σ c·(1 − 1/M) + Σ over the types (vol + Σ ⌈(R + D_j)/T_j⌉·vol_j)/M, j all others; "
    "for all tasks or none"
)
EDF = (
    "as a6-work-conserving, with at most ⌈D/T_j⌉ jobs of each other task and regions that block; for all tasks or none"
)
MELANI = "R = len + (vol − len)/m + Σ W_j(R)/m, W_j the most work of another (more urgent) task in R"

Found = tuple[Bound, tuple[int, ...]]


def fixed_priority(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Of every task the iterates and the parts."""
    return _together(model, result, scale, fp_bounds)


def melani(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Of every task the iterates and the parts."""
    return _together(model, result, scale, melani_bounds)


def any_work_conserving(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Of every task the iterates and the parts."""
    return _each(model, result, scale, any_order)


def edf(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """The same of the deadline argument; where the other one is smaller, that counts."""
    return _each(model, result, scale, due_before)


def _together(
    model: TypedPools, result: Result, scale: Scale, bounds: Callable[[TypedPools, dict[str, list[int]]], list[Found]]
) -> list[BoardLine]:
    names = [task.name for task in model.tasks]
    places = chosen(names, result)
    seen: dict[str, list[int]] = {names[place]: [] for place in places}
    found = bounds(model, seen)
    lines = []
    for place in places:
        lines += _task(model.tasks[place], found[place], seen[names[place]], scale)
    return lines + left_out(names, places)


def _each(
    model: TypedPools, result: Result, scale: Scale, bound: Callable[[TypedPools, DagTask, list[int]], Found]
) -> list[BoardLine]:
    names = [task.name for task in model.tasks]
    places = chosen(names, result)
    lines = []
    for place in places:
        seen: list[int] = []
        lines += _task(model.tasks[place], bound(model, model.tasks[place], seen), seen, scale)
        R = result.bounds[place].wcrt
        if R is not None and lines[-1].data.get("response_ns") != R:
            text = f"{' ' * (len(name(names[place])) + 2)}a6-work-conserving says {scale(R)}"
            lines.append(BoardLine("words", f"{text}, which counts", names[place]))
    return lines + left_out(names, places)


def _task(task: DagTask, found: Found, values: Sequence[int], scale: Scale) -> list[BoardLine]:
    bound, path = found
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
