"""The tasks as the theorems saw them: lowered, with what switches cost inside C, and with the blocking by locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtsched.schedulability.lowering.group import View
from rtsched.schedulability.models import Cluster, DagTask, Sporadic, TypedPools, Uniprocessor
from rtsched.schedulability.steps.choice import MOST_TASKS
from rtsched.schedulability.steps.line import BoardLine
from rtsched.schedulability.steps.numbers import Scale, joined, name
from rtsched.schedulability.theorems.locks import Blocker


def given(view: View, scale: Scale) -> list[BoardLine]:
    """One line a task, from the first model that has them by themselves, and how B comes about."""
    model = next((each for each in view.models if isinstance(each, Uniprocessor | Cluster | TypedPools)), None)
    if model is None:
        return []
    lines = [_task(task, view, scale) for task in model.tasks[:MOST_TASKS]]
    if len(model.tasks) > MOST_TASKS:
        lines.append(BoardLine("words", f"… {len(model.tasks) - MOST_TASKS} more tasks"))
    if isinstance(model, Uniprocessor):
        for task in model.tasks[:MOST_TASKS]:
            if view.blockers.get(task.name):
                lines.append(blocking(task, view.blockers[task.name], scale))
    return lines


def _task(task: Sporadic | DagTask, view: View, scale: Scale) -> BoardLine:
    """C, or length and volume, then T, D and what there is besides."""
    inflation = view.overheads.get(task.name, 0)
    data: dict[str, Any] = {"T_ns": task.T, "D_ns": task.D, "J_ns": task.J, "switches_ns": inflation}
    if isinstance(task, DagTask):
        first = f"length {scale(task.dag.length)}, volume {scale(task.dag.volume)}"
        data |= {"length_ns": task.dag.length, "volume_ns": task.dag.volume}
    else:
        own = f" = {scale(task.C - inflation)} + {scale(inflation)} (switches)" if inflation else ""
        first = f"C = {scale(task.C)}{own}"
        data |= {"C_ns": task.C, "B_ns": task.B, "regions_ns": list(task.regions)}
    text = f"{name(task.name)}: {first}, T = {scale(task.T)}, D = {scale(task.D)}"
    text += f", J = {scale(task.J)}" if task.J else ""
    if isinstance(task, Sporadic):
        text += f", B = {scale(task.B)}" if task.B else ""
        text += f", S = {scale(task.S)}" if task.S else ""
        text += f", regions {joined([scale(region) for region in task.regions], ', ')}" if task.regions else ""
    elif inflation:
        text += f"; {scale(inflation)} of the volume are switches"
    return BoardLine("words", text, task.name, data=data)


def blocking(task: Sporadic, sections: Sequence[Blocker], scale: Scale) -> BoardLine:
    """Which sections can block a task, and which of them make up its B."""
    each = [f"{scale(one.length)} ({name(one.task)} in {name(one.resource)})" for one in sections]
    how, rule = _rule(task, sections)
    rule = rule if how else "as its protocol bounds it"
    names = joined(each, ", ")
    text = f"B({name(task.name)}) = {scale(task.B)}: {rule} of {names}"
    data = {
        "blocking_ns": task.B,
        "rule": how,
        "sections": [
            {"task": one.task, "resource": one.resource, "protocol": one.protocol, "length_ns": one.length}
            for one in sections
        ],
    }
    return BoardLine("blocking", text, task.name, data=data)


def _rule(task: Sporadic, sections: Sequence[Blocker]) -> tuple[str, str]:
    """By which rule the B of the model comes of the sections; nothing where none gives it."""
    by_task: dict[str, int] = {}
    by_resource: dict[str, int] = {}
    for one in sections:
        by_task[one.task] = max(by_task.get(one.task, 0), one.length)
        by_resource[one.resource] = max(by_resource.get(one.resource, 0), one.length)
    if "inheritance" not in {one.protocol for one in sections}:
        return ("longest", "the longest section") if max(one.length for one in sections) == task.B else ("", "")
    if sum(by_task.values()) == task.B <= sum(by_resource.values()):
        return "per task", "the longest of each task, summed,"
    if sum(by_resource.values()) == task.B:
        return "per resource", "the longest of each resource, summed,"
    return "", ""
