"""Lowering of edges that carry bytes: transfers over links, whether clusters are known or chosen at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched import units
from rtsched.model.platform import Link
from rtsched.model.task import Task
from rtsched.model.taskgraph import CopySpec, NodeSpec

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering


def lower_transfer(lowering: Lowering, source: NodeSpec, target: NodeSpec, size: int, index: int) -> NodeSpec | None:
    """The node that carries `size` bytes over the link between two clusters; None if both share a cluster."""
    ends = [{lowering.processors[place].cluster for place in node.eligible} for node in (source, target)]
    if len(ends[0]) > 1 or len(ends[1]) > 1:
        return None
    if ends[0] == ends[1]:
        return None
    pair = ends[0] | ends[1]
    for place, (name, link) in enumerate(lowering.platform.links.items()):
        if set(link.between) == pair:
            processor = len(lowering.processors) - len(lowering.platform.links) + place
            time = transfer_time(link, size)
            times = tuple(time if index == processor else None for index in range(len(lowering.processors)))
            return NodeSpec(index, f"{source.name}>{target.name}@{name}", times, pinned=True)
    lowering.assume(f"transfers between {' and '.join(sorted(pair))} take no time: the platform has no link there")
    return None


def lower_copies(lowering: Lowering, task: Task, source: NodeSpec, target: NodeSpec, size: int) -> tuple[CopySpec, ...]:
    """How `size` bytes come from where `source` ran to where `target` will; none without a link.

    The transfer is yet to be numbered. Of several links between two clusters the faster one, alone, carries it.
    What a variant leaves out hands on what comes from anywhere.
    """
    ends = [{lowering.processors[place].cluster for place in node.eligible} for node in (source, target)]
    skips = task.variants is not None and any(source.name in choice.skip for choice in task.variants.choices)
    origins = set(lowering.where.members) if skips else ends[0]
    times: list[int | None] = [None] * len(lowering.processors)
    links: dict[tuple[str, str], int] = {}
    first = len(lowering.processors) - len(lowering.platform.links)
    for place, link in enumerate(lowering.platform.links.values(), first):
        for pair in (link.between, link.between[::-1]):
            if pair[0] in origins and pair[1] in ends[1]:
                times[place] = transfer_time(link, size)
                links[pair] = min(links.get(pair, place), place, key=lambda place: times[place] or 0)
    missing = [(a, b) for a in sorted(ends[0]) for b in sorted(ends[1]) if a != b and (a, b) not in links]
    if missing:
        some = ", ".join(f"{a} to {b}" for a, b in missing[:3]) + (", …" if len(missing) > 3 else "")
        lowering.assume(f"{task.name}: transfers take no time where the platform has no link ({some})")
    if not links:
        return ()
    node = NodeSpec(
        index=-1,
        name=f"{source.name}>{target.name}",
        times=tuple(times),
        predecessors=(source.index,),
        successors=(target.index,),
    )
    return (CopySpec(source.index, node, links),)


def roams(lowering: Lowering, *nodes: NodeSpec) -> bool:
    """Whether the cluster of one of these nodes is chosen at run time."""
    return any(len({lowering.processors[place].cluster for place in node.eligible}) > 1 for node in nodes)


def transfer_time(link: Link, size: int) -> int:
    """Latency plus bytes over bandwidth, rounded up, at least 1 ns."""
    return max(1, link.latency + (0 if link.bandwidth is None else -(-size * units.S // link.bandwidth)))
