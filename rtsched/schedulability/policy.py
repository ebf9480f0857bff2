"""What proofs need to know of a policy: its order, its preemption, and where each node may run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability.model import Mode, Order

#: Orderings by name, as theorems know them; every other one is ``any``.
ORDERS: dict[str, Order] = {"fp": "FP", "rm": "FP", "dm": "FP", "edf": "EDF", "fifo": "FIFO"}
PACKINGS = ("first-fit", "partitioned", "best-fit", "worst-fit", "next-fit")
#: Orderings of segments by their own times: what the analyses do not know, but work-conserving all the same.
OTHERS = ("sjf", "lst", "llf", "rr", "mandatory-first", "best-return")


@dataclass(frozen=True)
class Policy:
    """A scheduler as its description says; `unsupported` names what no proof covers.

    `variant` is the one that the adaptation ``fixed`` runs, by name or rank.
    """

    ordering: str = "edf"
    placement: str = "global"
    preemption: Mode = "preemptive"
    adaptation: str | None = None
    variant: str | int = 0
    admission: str | None = None
    unsupported: str | None = None

    @property
    def order(self) -> Order:
        """How theorems call the ordering."""
        return ORDERS.get(self.ordering, "any")

    def level(self, task: TaskSpec) -> tuple[int, int]:
        """The fixed priority of a task with its tie: by index."""
        if self.ordering == "rm":
            return (task.period or task.deadline, task.index)
        if self.ordering == "dm":
            return (task.deadline, task.index)
        return (task.priority, task.index)

    def __str__(self) -> str:
        extra = "".join(f" + {part}" for part in (self.adaptation, self.admission) if part)
        return f"{self.ordering} + {self.placement}{extra}, {self.preemption}"


def policy_of(description: dict[str, Any]) -> Policy:
    """A policy from a scheduler's description: a mapping of parts, as in a system file (names already split).

    >>> policy_of({"ordering": "rm", "placement": "first-fit"}).order
    'FP'
    >>> policy_of({"name": "band-heft"}).unsupported
    'band-heft'
    """
    parts = {key: value for key, value in description.items() if value not in (None, "none")}
    name = parts.pop("name", "composed")
    if name in ORDERS or name in OTHERS:
        parts.setdefault("ordering", name)
        name = "composed"
    if name != "composed":
        return Policy(unsupported=str(name))
    names = {key: value.get("name") if isinstance(value, dict) else value for key, value in parts.items()}
    return Policy(
        ordering=str(names.get("ordering", "edf")),
        placement=str(names.get("placement", "global")),
        preemption=parts.get("preemption", "preemptive"),
        adaptation=names.get("adaptation"),
        variant=parts["adaptation"].get("variant", 0) if isinstance(parts.get("adaptation"), dict) else 0,
        admission=names.get("admission"),
    )


#: Where each node may run, per task and node; None where the policy decides at run time.
Homes = list[list[tuple[int, ...] | None]]


def homes(system: SystemSpec, policy: Policy) -> Homes:
    """The processors of every node under a placement, computed here and not asked of the simulator's placement."""
    if policy.placement in PACKINGS:
        return _packed(system, policy.placement)
    if policy.placement == "clustered":
        return _clustered(system)
    found: Homes = []
    for task in system.tasks:
        row: list[tuple[int, ...] | None] = []
        for node in task.nodes:
            fixed = policy.placement == "global" or len(node.eligible) == 1
            row.append(node.eligible if fixed else None)
        found.append(row)
    return found


def _share(task: TaskSpec, node: NodeSpec, processor: int) -> Fraction:
    time = node.times[processor]
    assert time is not None
    return Fraction(time, task.period or task.deadline)


def _heaviest_first(system: SystemSpec) -> list[tuple[TaskSpec, NodeSpec]]:
    nodes = [(task, node) for task in system.tasks for node in task.nodes]
    return sorted(nodes, key=lambda item: -min(_share(item[0], item[1], place) for place in item[1].eligible))


def _packed(system: SystemSpec, rule: str) -> Homes:
    """Bin packing by decreasing utilisation; what fits nowhere goes to the least loaded processor."""
    loads = {processor.index: Fraction(0) for processor in system.processors}
    found: Homes = [[None] * len(task.nodes) for task in system.tasks]
    current = 0
    for task, node in _heaviest_first(system):
        after = {place: loads[place] + _share(task, node, place) for place in node.eligible}
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
