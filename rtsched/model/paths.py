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
    return _paths(task, [0 if node.index in skipped else time(node) for node in nodes], frozenset())


def shortest_paths(task: TaskSpec) -> list[int]:
    """As `critical_paths`, but on the shortest way to an answer: a small variant, the next exit, the short branch."""
    quality = task.quality
    if quality is not None and quality.exits:
        return [node.fastest for node in task.nodes]  # an exit may follow any node
    forms = [[node.fastest for node in task.nodes]]
    if quality is not None and quality.variants:
        forms = [
            [0 if node.index in each.skipped else node.fastest for node in each.nodes] for each in quality.variants
        ]
        if quality.switch:  # each node may run as another variant
            forms = [[min(times) for times in zip(*forms, strict=True)]]
    short = frozenset(branch.node for branch in task.branches)
    return [min(paths) for paths in zip(*(_paths(task, times, short) for times in forms), strict=True)]


def _paths(task: TaskSpec, times: list[int], short: frozenset[int]) -> list[int]:
    """For every node the longest path to the end at these times; after the nodes in `short` the shortest way counts."""
    paths = [0] * len(times)
    left = [len(node.successors) for node in task.nodes]
    free = [node.index for node in task.nodes if not node.successors]
    for index in free:
        node = task.nodes[index]
        ways = [paths[later] for later in node.successors]
        paths[index] = times[index] + ((min if index in short else max)(ways) if ways else 0)
        for earlier in node.predecessors:
            left[earlier] -= 1
            if not left[earlier]:
                free.append(earlier)
    return paths
