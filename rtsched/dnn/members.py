"""Lowering of errors: whose answers go together how, and what the answers of ensembles are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.model.answers import ErrorsSpec, probability
from rtsched.model.task import Task
from rtsched.model.taskgraph import NodeSpec, QualitySpec
from rtsched.model.variants import ROUNDING, Errors

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering


def lower_errors(lowering: Lowering, task: Task, nodes: Sequence[NodeSpec], quality: QualitySpec) -> QualitySpec:
    """The quality of a task with the errors that it declares. Raises InputError where there are no such errors."""
    errors = task.errors
    if errors is None:
        return quality
    where = f"{lowering.place(task, 'errors')}: "
    members = quality.variants or quality.exits
    names = [member.name for member in members]
    accuracies = tuple(member.accuracy for member in members if member.accuracy is not None)
    if len(accuracies) < len(members):
        raise InputError(f"{where}how often each of its variants is right must be known; give them an 'accuracy'")
    if len(members) < 2:
        raise InputError(f"{where}a single answer has nothing to go together with; leave them out, or add another")
    if any(node.losses for variant in quality.variants for node in variant.nodes) or any(n.losses for n in nodes):
        raise InputError(f"{where}which member a 'loss' makes err is not known; leave one of the two out")
    patterns = _patterns(errors, names, accuracies, where)
    found = ErrorsSpec(accuracies, errors.correlation or 0.0, patterns, errors.combine)
    if errors.combine is None:
        return replace(quality, accuracy=max(accuracies), errors=found)
    _check_chain(task, nodes, quality, where)
    exits = tuple(replace(exit_, accuracy=round(probability(found, exit_.index), 9)) for exit_ in quality.exits)
    shown = ", ".join(f"{exit_.accuracy:.4g}" for exit_ in exits)
    lowering.assume(
        f"{task.name}: a member more at each exit, by {errors.combine}; right together, by the model: {shown}"
    )
    return replace(quality, accuracy=max(exit_.accuracy for exit_ in exits), exits=exits, errors=found)


def _patterns(
    errors: Errors, names: list[str], accuracies: Sequence[float], where: str
) -> tuple[tuple[tuple[bool, ...], float], ...]:
    """Who is right together, as recorded; checked against what each member is said to be right on."""
    if errors.recorded is None:
        return ()
    for pattern in errors.recorded:
        for name in pattern.right:
            if name not in names:
                raise InputError(f"{where}'recorded' names {name!r}, which is no member; known: {', '.join(names)}")
    total = sum(pattern.share for pattern in errors.recorded)
    found = tuple((tuple(name in each.right for name in names), each.share / total) for each in errors.recorded)
    for number, (name, accuracy) in enumerate(zip(names, accuracies, strict=True)):
        right = sum(share for pattern, share in found if pattern[number])
        if abs(right - accuracy) > ROUNDING:
            raise InputError(
                f"{where}{name!r} is right on {right:.4g} of the recorded inputs, and has an accuracy of {accuracy:g}; "
                "give it the same"
            )
    return found


def _check_chain(task: Task, nodes: Sequence[NodeSpec], quality: QualitySpec, where: str) -> None:
    """The members of an ensemble come one after the other: at an exit, all before it have answered."""
    if task.graph is not None and task.graph.branches:
        raise InputError(
            f"{where}a member on a way that is not taken gives no answer; leave out 'combine' or the branches"
        )
    for before, exit_ in zip(quality.exits, quality.exits[1:], strict=False):
        if before.node not in _ancestors(nodes, exit_.node):
            raise InputError(
                f"{where}the members of an ensemble come one after the other, and {exit_.name!r} does not wait for "
                f"{before.name!r}; add an edge"
            )


def _ancestors(nodes: Sequence[NodeSpec], last: int) -> set[int]:
    """All nodes that a node waits for."""
    found: set[int] = set()
    waiting = [last]
    while waiting:
        for each in nodes[waiting.pop()].predecessors:
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found
