"""Where each node may run under a policy, computed here and not asked of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rtsched.model.known import known_before
from rtsched.model.policy import Homes, Policy, Rule
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec


def homes(system: SystemSpec, policy: Policy) -> Homes:
    """The processors of every node under a placement; None where the policy decides at run time.

    What a plug-in declares is taken as it is: the simulator reads the same.
    """
    placement = policy.placement
    if placement.homes is not None:
        return placement.homes(known_before(system))  # as the placement is asked before time starts
    if placement.rule == "clustered":
        return _clustered(system)
    if placement.rule not in (None, "global", "pinned"):
        return _packed(system, placement.rule)
    anywhere = placement.rule == "global"
    return [[node.eligible if anywhere or len(node.eligible) == 1 else None for node in t.nodes] for t in system.tasks]


def _share(task: TaskSpec, node: NodeSpec, processor: int) -> Fraction:
    time = node.times[processor]
    assert time is not None
    return Fraction(time, task.period or task.deadline)


def _heaviest_first(system: SystemSpec) -> list[tuple[TaskSpec, NodeSpec]]:
    nodes = [(task, node) for task in system.tasks for node in task.nodes]
    fastest = (min(node.eligible, key=lambda place: node.times[place] or 0) for _, node in nodes)
    shares = [_share(task, node, place) for (task, node), place in zip(nodes, fastest, strict=True)]
    return [nodes[place] for place in sorted(range(len(nodes)), key=lambda place: -shares[place])]


def _packed(system: SystemSpec, rule: Rule) -> Homes:
    """Bin packing by decreasing utilisation; what fits nowhere goes to the least loaded processor."""
    loads = {processor.index: Fraction(0) for processor in system.processors}
    found: Homes = [[None] * len(task.nodes) for task in system.tasks]
    current = 0
    for task, node in _heaviest_first(system):
        share = {node.times[place]: _share(task, node, place) for place in node.eligible}
        after = {place: loads[place] + share[node.times[place]] for place in node.eligible}
        fitting = [place for place in node.eligible if after[place] <= 1]
        options: Sequence[int] = fitting or node.eligible
        roomiest = min(options, key=lambda place: (after[place], place))
        if not fitting or rule == "worst-fit":
            place = roomiest
        elif rule == "best-fit":
            place = min(options, key=lambda place: (-after[place], place))
        elif rule == "next-fit":
            place = next((place for place in options if place >= current), options[0])
        else:
            place = options[0]
        if fitting:
            current = place
        loads[place] = after[place]
        found[task.index][node.index] = (place,)
    return found


def _clustered(system: SystemSpec) -> Homes:
    """One cluster per node, the one with the most room left."""
    sizes: dict[str, int] = {}
    for processor in system.processors:
        sizes[processor.cluster] = sizes.get(processor.cluster, 0) + 1
    loads = dict.fromkeys(sizes, Fraction(0))
    found: Homes = [[None] * len(task.nodes) for task in system.tasks]
    for task, node in _heaviest_first(system):
        options: dict[str, list[int]] = {}
        for place in node.eligible:
            options.setdefault(system.processors[place].cluster, []).append(place)
        added = {name: max(_share(task, node, p) for p in places) / sizes[name] for name, places in options.items()}
        best = min(options, key=lambda name: (loads[name] + added[name], options[name][0]))
        loads[best] += added[best]
        found[task.index][node.index] = tuple(options[best])
    return found
