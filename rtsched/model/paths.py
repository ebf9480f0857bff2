"""How long the paths through a task graph take: the longest, and the shortest to an answer."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtsched.model.taskgraph import NodeSpec, TaskSpec, VariantSpec


def critical_paths(
    task: TaskSpec, variant: VariantSpec | None = None, time: Callable[[NodeSpec], int] = attrgetter("fastest")
) -> list[int]:
    """For every node the longest path from its start to the end of the graph, at the fastest times, in ns.

    Those of the full network, or of a `variant`, where what it skips takes no time; or at other times of the nodes.
    """
    nodes = task.nodes if variant is None else variant.nodes
    skipped = frozenset[int]() if variant is None else variant.skipped
    paths = [0] * len(nodes)
    left = [len(node.successors) for node in nodes]
    free = [node.index for node in nodes if not node.successors]
    for index in free:
        node = nodes[index]
        own = 0 if index in skipped else time(node)
        paths[index] = own + max((paths[later] for later in node.successors), default=0)
        for earlier in node.predecessors:
            left[earlier] -= 1
            if not left[earlier]:
                free.append(earlier)
    return paths


def shortest_paths(task: TaskSpec) -> list[int]:
    """As `critical_paths`, but on the shortest way to an answer: a small variant, the next exit, the short branch."""
    quality = task.quality
    if task.branches:
        return _surely(task)
    if quality is None or not (quality.variants or quality.exits):
        return critical_paths(task)
    if quality.exits:
        return [node.fastest for node in task.nodes]  # an exit may follow any node
    each = [critical_paths(task, variant) for variant in quality.variants]
    return [min(paths) for paths in zip(*each, strict=True)]


def _surely(task: TaskSpec) -> list[int]:
    """The least time from each node to the end if every branch goes the shortest way."""
    branching = {branch.node for branch in task.branches}
    paths = [0] * len(task.nodes)
    left = [len(node.successors) for node in task.nodes]
    free = [node.index for node in task.nodes if not node.successors]
    for index in free:
        node = task.nodes[index]
        ways = [paths[later] for later in node.successors]
        paths[index] = node.fastest + ((min if index in branching else max)(ways) if ways else 0)
        for earlier in node.predecessors:
            left[earlier] -= 1
            if not left[earlier]:
                free.append(earlier)
    return paths
