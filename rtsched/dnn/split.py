"""Lowering of nodes that may be split over several processors: what it costs to join them, and where it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.model.task import Task
from rtsched.model.taskgraph import NodeSpec
from rtsched.model.work import Work

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering


def lower_split(lowering: Lowering, work: Work, times: Sequence[int | None]) -> int | None:
    """The ns that it takes to join the shares of a node; None if it cannot run in two places, or says nothing."""
    if work.split is None:
        return None
    places = [place for place, time in enumerate(times) if time is not None and place not in lowering.where.gpus]
    return None if len(places) < 2 else work.split.join


def check_split(lowering: Lowering, task: Task, nodes: Sequence[NodeSpec]) -> None:
    """Refuse `split` where nothing can be split. Raises InputError."""
    graph = {} if task.graph is None else task.graph.nodes
    why = "it takes two processors that can run it, and no GPU served block by block"
    split = {node.name for node in nodes if node.split is not None}
    for name, node in graph.items():
        if node.split is not None and name not in split:
            raise InputError(f"{lowering.place(task, 'graph')}.nodes.{name}.split: it has no effect: {why}")
    if task.split is not None and not split:
        raise InputError(f"{lowering.place(task, 'split')}: it has no effect: {why}")
    if split and task.on_miss == "drop_if_hopeless":
        raise InputError(
            f"{lowering.place(task, 'on_miss')}: 'drop_if_hopeless' does not know how fast nodes are that may be "
            "split; choose another, or leave 'split' out"
        )
