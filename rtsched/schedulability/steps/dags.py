"""One graph alone on its processors: the closed formulas with the numbers put in."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rtsched.schedulability.models import DagTask, TypedPools
from rtsched.schedulability.result import Result
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import Scale, decimal, joined, name

GRAHAM = "R = len + (vol − len)/m"
JAFFE = "R = (1 − 1/max M)·len + Σ vol/M over the types"
HAN1 = "R = max over paths of Σ c·(1 − 1/M) + Σ vol/M over the types"


def graham(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """len + (vol - len) / m."""
    (task,) = model.tasks
    m = model.cores[task.dag.vertices[0].type]
    length, volume = task.dag.length, task.dag.volume
    text = f"{scale(length)} + ({scale(volume)} − {scale(length)})/{m}"
    return [_end(task, text, result, scale)]


def jaffe(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """(1 - 1/max M) len + Σ vol / M."""
    (task,) = model.tasks
    most = max(model.cores[kind] for kind in task.dag.volumes)
    return [_end(task, f"(1 − 1/{most})·{scale(task.dag.length)} + {_spread(model, task, scale)}", result, scale)]


def han1(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """Σ c (1 - 1/M) along the worst path + Σ vol / M."""
    (task,) = model.tasks
    path = result.details.get("path", {}).get(task.name, [])
    vertices = [task.dag.vertices[index] for index in path]
    along = [f"{scale(each.c)}·(1 − 1/{model.cores[each.type]})" for each in vertices]
    return [
        _path([each.name for each in vertices]),
        _end(task, f"{joined(along)} + {_spread(model, task, scale)}", result, scale),
    ]


def along_a_path(model: TypedPools, result: Result, scale: Scale) -> list[BoardLine]:
    """A bound whose terms are not written out: its value, and the path that attains it where there is one."""
    (task,) = model.tasks
    path = result.details.get("path", {}).get(task.name, [])
    first = [_path([task.dag.vertices[index].name for index in path])] if path else []
    return [*first, _end(task, "", result, scale)]


def _path(names: Sequence[str]) -> BoardLine:
    text = joined([name(each) or "(its node)" for each in names], " → ")
    return BoardLine("words", f"worst path: {text}", data={"path": list(names)})


def _spread(model: TypedPools, task: DagTask, scale: Scale) -> str:
    return joined([f"{scale(volume)}/{model.cores[kind]}" for kind, volume in task.dag.volumes.items()])


def _end(task: DagTask, terms: str, result: Result, scale: Scale) -> BoardLine:
    """The sum, rounded down to a nanosecond, with the jitter, beside D."""
    (bound,) = result.bounds
    if "value" not in result.details:  # a bound beyond the period is dropped, and its value with it
        text = f"{name(task.name)}: {terms or 'the bound'} lies beyond the period {scale(task.T)}: no bound"
        return BoardLine("words", text, task.name, False)
    value = Fraction(result.details["value"])
    text = f"{name(task.name)}: R = {terms or decimal(value / scale.size, 6)}"
    text += f" + {scale(task.J)} (jitter)" if task.J else ""
    if bound.wcrt is None:
        return BoardLine("words", f"{text}: beyond the period {scale(task.T)}, no bound", task.name, False)
    holds = bound.wcrt <= bound.deadline
    text += f" = {scale(bound.wcrt)} {'≤' if holds else '>'} {scale(bound.deadline)}"
    data = {"response_ns": bound.wcrt, "deadline_ns": bound.deadline, "exact": str(value), "parts": []}
    return BoardLine("bound", text, task.name, holds, data)
