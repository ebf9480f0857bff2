"""Where each node may run under a policy, computed here and not asked of the simulator."""

from __future__ import annotations

import math
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


class _Shares:
    """What nodes take of processors, in integers: parts of a `whole` one, a common multiple of all periods."""

    def __init__(self, system: SystemSpec) -> None:
        self.system = system
        self.whole = math.lcm(*(task.period or task.deadline for task in system.tasks))

    def __call__(self, task: TaskSpec, node: NodeSpec, processor: int) -> int:
        time = node.times[processor]
        assert time is not None
        return time * (self.whole // (task.period or task.deadline))

    def heaviest_first(self) -> list[tuple[TaskSpec, NodeSpec]]:
        """The nodes by what they take at least; equal ones in the order of the system."""
        nodes = [(task, node) for task in self.system.tasks for node in task.nodes]
        fastest = (min(node.eligible, key=lambda place: node.times[place] or 0) for _, node in nodes)
        shares = [self(task, node, place) for (task, node), place in zip(nodes, fastest, strict=True)]
        return [nodes[place] for place in sorted(range(len(nodes)), key=lambda place: -shares[place])]


def _packed(system: SystemSpec, rule: Rule) -> Homes:
    """Bin packing by decreasing utilisation; what fits nowhere goes to the least loaded processor."""
    shares = _Shares(system)
    loads = dict.fromkeys((processor.index for processor in system.processors), 0)
    found: Homes = [[None] * len(task.nodes) for task in system.tasks]
    current = 0
    for task, node in shares.heaviest_first():
        after = {place: loads[place] + shares(task, node, place) for place in node.eligible}
        fitting = [place for place in node.eligible if after[place] <= shares.whole]
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
    shares, sizes = _Shares(system), dict[str, int]()
    for processor in system.processors:
        sizes[processor.cluster] = sizes.get(processor.cluster, 0) + 1
    loads = dict.fromkeys(sizes, Fraction(0))
    found: Homes = [[None] * len(task.nodes) for task in system.tasks]
    for task, node in shares.heaviest_first():
        options: dict[str, list[int]] = {}
        for place in node.eligible:
            options.setdefault(system.processors[place].cluster, []).append(place)
        most = {name: max(shares(task, node, place) for place in places) for name, places in options.items()}
        added = {name: Fraction(share, sizes[name]) for name, share in most.items()}
        best = min(options, key=lambda name: (loads[name] + added[name], options[name][0]))
        loads[best] += added[best]
        found[task.index][node.index] = tuple(options[best])
    return found
