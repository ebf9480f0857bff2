"""Keys of a task that have no effect on the platform at hand, though they would on another: what to note of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rtsched.model.task import Task
from rtsched.model.taskgraph import NodeSpec, UnitSpec
from rtsched.model.variants import Choice
from rtsched.model.work import Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: What a processor that a task may use must have for a key of the task to matter.
NEEDS = {
    "threads": "none of its processors is a CPU cluster as one server",
    "kernels": "none of its processors is a GPU served block by block",
    "context": "none of its processors is a GPU served block by block",
    "speedup": "none of its processors has contexts that share a unit",
    "state": "none of its processors has checkpoints",
    "weights": "none of its processors has a memory for weights, nor has the platform a storage to load them from",
}


def unused_keys(lowering: Lowering, task: Task, nodes: Sequence[NodeSpec]) -> Iterator[str]:
    """A note for every key of a task, or of one of its nodes, that no processor that it may use knows of."""
    yield from _unused(lowering, task, task.name, nodes)
    for choice in () if task.variants is None else task.variants.choices:
        if choice.kernels:
            yield from _unused(lowering, choice, f"{task.name}, variant {choice.name or 'with kernels'!r}", nodes)
    if task.graph is not None:
        for node, spec in zip(task.graph.nodes.items(), nodes, strict=False):  # transfers come last
            yield from _unused(lowering, node[1], f"{task.name}.{node[0]}", (spec,))


def _unused(lowering: Lowering, work: Work | Choice, name: str, nodes: Sequence[NodeSpec]) -> Iterator[str]:
    given = [key for key in NEEDS if getattr(work, key, None)]
    if not given:
        return  # as nearly always, and there may be thousands of tasks on thousands of units
    places = {place for node in nodes for place in node.eligible}
    units = [unit for unit in lowering.units if not places.isdisjoint(unit.processors)]
    for key in given:
        if not any(_knows(lowering, unit, key) for unit in units):
            yield f"{name}: {key!r} has no effect on {lowering.platform.name}: {NEEDS[key]}"


def _knows(lowering: Lowering, unit: UnitSpec, key: str) -> bool:
    """Whether a piece of hardware does anything with a key."""
    memory = lowering.platform.memory
    if key == "threads":
        return unit.description.threads is not None
    if key == "speedup":
        return unit.description.contexts > 1 and unit.description.sharing == "equal"
    if key == "state":
        return unit.description.checkpoint is not None
    if key == "weights":
        return unit.description.weights is not None or (memory is not None and memory.load_bandwidth is not None)
    return unit.block_level is not None
