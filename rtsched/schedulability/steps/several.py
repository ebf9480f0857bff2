"""Global scheduling on several processors: bounds, iterates and rounds with the numbers put in."""

from __future__ import annotations

from rtsched.schedulability.models import Cluster
from rtsched.schedulability.result import Result
from rtsched.schedulability.steps.bounds import of_parts
from rtsched.schedulability.steps.choice import chosen, left_out
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import MOST_TERMS, Scale, joined, name, row
from rtsched.schedulability.steps.responses import MOST_KEPT
from rtsched.schedulability.theorems.multiprocessor import (
    WorksAbove,
    carrying_works,
    delays_within,
    edf_bounds,
    limited_works,
    sequence,
)

BCL = (
    "for every task: Σ min(W, D − C + 1) < m·(D − C + 1), with W the most work of a more urgent task h in D + D_h − C_h"
)
RTA = "R = C + ⌊Σ min(W, R − C + 1) / m⌋, with W the most work of a more urgent task h in R + R_h − C_h"
RTA_LC = "R = C + ⌊Σ min(W, R − C + 1) / m⌋, of the more urgent tasks at most m − 1 carry a job into R"
EDF_RTA = (
    "R = C + ⌊Σ min(W, I, R − C + 1) / m⌋ over all others; "
    "slack D − R that is proven shortens W and I in the next round"
)


def bcl(model: Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """The works that can delay each task beside the room that it has, up to the first that fails."""
    lines = []
    names = [task.name for task in model.tasks]
    places = chosen(names, result)
    for place in places:
        task = model.tasks[place]
        room = task.D - task.C + 1
        works = delays_within(model, place)
        total = sum(works)
        holds = room >= 1 and total < model.m * room
        terms = joined([scale(work) for work in works]) or "0"
        text = f"{name(task.name)}: {terms}{f' = {scale(total)}' if len(works) > 1 else ''} "
        text += f"{'<' if holds else '≥'} {model.m}·{scale.inside(room)} = {scale(model.m * room)}"
        data = {"value_ns": total, "limit_ns": model.m * room, "works_ns": works}
        lines.append(BoardLine("sum", text, task.name, holds, data))
        if not holds:
            return lines
    return lines + left_out(names, places)


def global_rta(model: Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """The iterates of every response, every task above carrying in."""
    return _responses(model, result, scale, carrying_works)


def global_rta_lc(model: Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """The iterates of every response, at most m - 1 tasks above carrying in."""
    return _responses(model, result, scale, limited_works)


def _responses(model: Cluster, result: Result, scale: Scale, works_of: WorksAbove) -> list[BoardLine]:
    names = [task.name for task in model.tasks]
    places = chosen(names, result)
    seen: dict[str, list[int]] = {names[place]: [] for place in places}
    bounds = sequence(model, works_of, seen).bounds
    responses = [bound.wcrt for bound in bounds if bound.wcrt is not None]
    lines = []
    for place in places:
        task, values, R = model.tasks[place], seen[names[place]], bounds[place].wcrt
        if not values:
            lines.append(BoardLine("words", f"{name(task.name)}: none, for a more urgent task has none", task.name))
            continue
        shown = row([scale(value) for value in (values if R is None else [*values, R])])
        text = f"{name(task.name)}: {shown} {'>' if R is None else '≤'} {scale(task.D)}"
        data = {
            "values_ns": values[:MOST_KEPT],
            "left_out": max(0, len(values) - MOST_KEPT),
            "response_ns": R,
            "deadline_ns": task.D,
        }
        lines.append(BoardLine("iterates", text, task.name, R is not None, data))
        if R is not None and place:
            room = R - task.C + 1
            works = [min(work, room) for work in works_of(model, place, R, responses[:place])]
            terms = joined([scale(work) for work in works])
            text = f"{' ' * (len(name(task.name)) + 2)}{scale(R)} = {scale(task.C)} + ⌊({terms})/{model.m}⌋"
            data = {"value_ns": R, "own_ns": task.C, "works_ns": works, "m": model.m}
            lines.append(BoardLine("sum", text, task.name, data=data))
    return lines + left_out(names, places)


def global_edf_rta(model: Cluster, result: Result, scale: Scale) -> list[BoardLine]:
    """The proven slack, round by round, and the bounds of the last one."""
    rounds: list[list[int]] = []
    bounds = edf_bounds(model, rounds)
    lines = []
    for number, slack in enumerate(rounds[:MOST_TERMS], 1):
        each = joined([f"{name(task.name)} {scale(left)}" for task, left in zip(model.tasks, slack, strict=True)], ", ")
        data = {"round": number, "slack_ns": slack}
        lines.append(BoardLine("words", f"round {number}: slack {each}", data=data))
    if len(rounds) > MOST_TERMS:
        lines.append(BoardLine("words", f"… {len(rounds) - MOST_TERMS} more rounds"))
    return lines + of_parts(bounds, result, scale)
