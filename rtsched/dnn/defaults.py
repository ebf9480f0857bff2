"""What a task says of itself when it has a graph: what holds for each node, and what its nodes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.dnn.batch import batch_name
from rtsched.errors import InputError
from rtsched.model.graph import GraphModel, NodeModel
from rtsched.model.task import Task
from rtsched.model.taskgraph import NodeHardware, NodeSpec
from rtsched.model.work import NetworkUse

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: What a task says for each of its nodes.
EACH = ("pin", "processors", "threads", "preemptive", "memory", "state", "batch", "split", "speedup")
#: What a task says for all of its nodes together, shared out in proportion to their fastest times.
SHARED = ("energy", "loss", "memory")


def lower_nodes(lowering: Lowering, task: Task, graph: GraphModel) -> list[NodeSpec]:
    """The nodes of a graph; what a node leaves open is as its task says."""
    models = {name: completed(task, name, node) for name, node in graph.nodes.items()}

    def lowered() -> list[NodeSpec]:
        return [
            lowering.node(
                f"task {task.name!r}, node {name!r}", name, index, model, partial(_limit, lowering, task, model)
            )
            for index, (name, model) in enumerate(models.items())
        ]

    nodes = lowered()
    parts = _parts(task, graph, nodes)
    if any(parts):  # the shares are those of the times, which are known by now
        models = {
            name: model.model_copy(update=part) for (name, model), part in zip(models.items(), parts, strict=True)
        }
        nodes = lowered()
    return _loaded_as_one(lowering, task, graph, nodes)


def completed(task: Task, name: str, node: NodeModel) -> NodeModel:
    """A node with what its task says for each of its nodes."""
    given = {key: getattr(task, key) for key in EACH if getattr(node, key) is None and getattr(task, key) is not None}
    if node.pin is not None or node.processors is not None:  # either of them says where
        given = {key: value for key, value in given.items() if key not in ("pin", "processors")}
    if node.regions or node.sections:
        given.pop("batch", None)
        given.pop("split", None)
    elif "batch" in given:
        common = batch_name(task)
        given["batch"] = given["batch"].model_copy(update={"name": None if common is None else f"{common}/{name}"})
    return node.model_copy(update=given) if given else node


def _limit(lowering: Lowering, task: Task, model: NodeModel) -> str:
    """The place of the task's own `pin` or `processors`, if that is what says where this node runs."""
    for key in ("pin", "processors"):
        if getattr(task, key) is not None and getattr(model, key) is getattr(task, key):
            return f"{lowering.place(task, key)}: "
    return ""


def _parts(task: Task, graph: GraphModel, nodes: Sequence[NodeSpec]) -> list[dict[str, Any]]:
    """For every node its part of what the task says for all nodes together."""
    parts: list[dict[str, Any]] = [{} for _ in nodes]
    for key in SHARED:
        whole = getattr(task, key)
        if whole is None or (key == "memory" and all(use.traffic is None for use in whole.values())):
            continue
        mine = [index for index, node in enumerate(graph.nodes.values()) if getattr(node, key) is None]
        total = sum(nodes[index].fastest for index in mine)
        done = 0
        for index in mine:
            start, done = Fraction(done, total), done + nodes[index].fastest
            end = Fraction(done, total)
            parts[index][key] = {place: _between(value, start, end) for place, value in whole.items()}
    return parts


def _between(value: Any, start: Fraction, end: Fraction) -> Any:
    """The part of an amount from one share of it to another: integers sum exactly."""
    if isinstance(value, int):
        return round(value * end) - round(value * start)
    if isinstance(value, float):
        return value * float(end - start)
    return value if value.traffic is None else value.model_copy(update={"traffic": _between(value.traffic, start, end)})


def _loaded_as_one(lowering: Lowering, task: Task, graph: GraphModel, nodes: list[NodeSpec]) -> list[NodeSpec]:
    """The task's weights, which its nodes need as one: whichever node comes first loads them."""
    size = task.weights
    mine = [index for index, node in enumerate(graph.nodes.values()) if node.weights is None]
    if not size or not mine:
        return nodes
    if len(mine) > 1:
        _check_room(lowering, task, size, {place for index in mine for place in nodes[index].eligible})
    use = task.network
    name = f"task {task.name!r}" if use is None else use.network if isinstance(use, NetworkUse) else use
    found = list(nodes)
    for index in mine:
        about = nodes[index].hardware or NodeHardware()
        found[index] = replace(nodes[index], hardware=replace(about, network=name, weights=size))
    return found


def _check_room(lowering: Lowering, task: Task, size: int, places: set[int]) -> None:
    """Weights that are loaded once have to stay until the last node has run."""
    memory = lowering.platform.memory
    rooms = [unit.description.weights for unit in lowering.units if places & set(unit.processors)]
    capacities = [room.capacity for room in rooms if room is not None]
    if memory is not None and memory.load_bandwidth is not None and memory.capacity is not None:
        capacities.append(memory.capacity)
    if capacities and size > min(capacities):
        raise InputError(
            f"{lowering.place(task, 'weights')}: {units.format_size(size)} of weights for the whole graph do not fit "
            f"into {units.format_size(min(capacities))}; give each node the weights of its own"
        )
