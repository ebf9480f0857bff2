"""Views: a system, a policy and a chip in the models that theorems speak of, every step recorded as an assumption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtsched.model.policy import Policy
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.schedulability.lowering.claims import obstacle as claimed
from rtsched.schedulability.lowering.group import TaskGroup, View
from rtsched.schedulability.lowering.obstacles import Case, Obstacle
from rtsched.schedulability.lowering.policy import homes


class ProofLowering:
    """Lowers one system under one policy into views; `notes` collects what was assumed on the way."""

    def __init__(self, system: SystemSpec, policy: Policy) -> None:
        self.system = system
        self.policy = policy
        self.homes = homes(system, policy)
        self.pools = _joined([home for row in self.homes for home in row if home is not None])
        self.pool_of = {place: index for index, pool in enumerate(self.pools) for place in pool}

    def views(self) -> list[View]:
        """The independent parts of the system, by their first task."""
        groups = self._groups()
        found = []
        for tasks in groups:
            processors = sorted({p for t in tasks for n in self.system.tasks[t].nodes for p in self._where(t, n)})
            obstacle = self._obstacle(tasks, processors)
            name = self._name(processors)
            if obstacle is not None:
                found.append(View(name, tuple(tasks), tuple(processors), obstacle=obstacle))
            else:
                found.append(TaskGroup(self.system, self.policy, name, self._homes(tasks)).view())
        return found

    def _where(self, task: int, node: NodeSpec) -> tuple[int, ...]:
        home = self.homes[task][node.index]
        return node.eligible if home is None else home

    def _homes(self, tasks: Sequence[int]) -> dict[tuple[int, int], tuple[int, ...]]:
        """The processors of every node of some tasks, all of which are known."""
        return {(t, node.index): self._where(t, node) for t in tasks for node in self.system.tasks[t].nodes}

    def _groups(self) -> list[list[int]]:
        """Tasks that share processors, a trigger or a lock, directly or through others; all that one server serves."""
        plan = self.policy.plan
        served = plan is not None and plan.accelerator is not None and plan.accelerator.server
        members: list[set[Any]] = []
        for task in self.system.tasks:
            keys: set[Any] = {("task", task.index)}
            keys |= {("processor", p) for node in task.nodes for p in self._where(task.index, node)}
            keys |= {
                ("pool", self.pool_of[p]) for n in task.nodes for p in self._where(task.index, n) if p in self.pool_of
            }
            keys |= {("lock", section.resource) for node in task.nodes for section in node.sections}
            if task.after is not None:
                keys.add(("task", task.after))
            if served:
                keys.add(("server", 0))
            members.append(keys)
        groups: list[tuple[set[Any], list[int]]] = []
        for index, keys in enumerate(members):
            mine: tuple[set[Any], list[int]] = (set(keys), [index])
            rest = []
            for group in groups:
                if group[0] & mine[0]:
                    mine = (mine[0] | group[0], group[1] + mine[1])
                else:
                    rest.append(group)
            groups = [*rest, mine]
        return sorted((sorted(tasks) for _, tasks in groups), key=lambda tasks: tasks[0])

    def _name(self, processors: Sequence[int]) -> str:
        """Clusters where they are used whole, else processors."""
        names = []
        seen: set[str] = set()
        for place in processors:
            processor = self.system.processors[place]
            whole = [p.index for p in self.system.processors if p.cluster == processor.cluster]
            if set(whole) <= set(processors):
                if processor.cluster not in seen:
                    seen.add(processor.cluster)
                    names.append(processor.cluster)
            else:
                names.append(processor.name)
        return " + ".join(names)

    def _obstacle(self, tasks: Sequence[int], processors: Sequence[int]) -> Obstacle | None:
        policy = self.policy.of(self.system.processors[place].cluster for place in processors)
        found = claimed(Case(self.system, policy, tuple(tasks), tuple(processors)))
        return found or next(filter(None, map(self._mapping, (self.system.tasks[index] for index in tasks))), None)

    def _mapping(self, task: TaskSpec) -> Obstacle | None:
        """Whether every node has a home of equal processors that it shares with whoever uses them."""
        for node in task.nodes:
            home = self.homes[task.index][node.index]
            what = f"{task.name!r}" if len(task.nodes) == 1 else f"node {node.name!r} of {task.name!r}"
            pin = f"pin {what} to one of them (or partition: placement first-fit)"
            if home is None:
                names = ", ".join(self.system.processors[place].name for place in node.eligible[:6])
                return Obstacle(f"where {what} runs is decided at run time, among {names}", pin)
            pool = self.pools[self.pool_of[home[0]]]
            if home != pool:
                return Obstacle(f"{what} may use only some of the processors that others share with it", pin)
            if self.policy.of(self.system.processors[place].cluster for place in pool).clusters:
                names = " and ".join(dict.fromkeys(self.system.processors[place].cluster for place in pool))
                return Obstacle(f"{what} may move between {names}, whose queues are served by other rules", pin)
            if len({node.times[place] for place in home}) > 1:
                return Obstacle(
                    f"{what} takes different times on the processors among which it may move (big.LITTLE): no "
                    "analysis for that is implemented",
                    pin,
                )
        return None


def _joined(sets: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The connected components of processors that occur together, each ascending, by lowest member."""
    parts: list[set[int]] = []
    for members in dict.fromkeys(sets):
        joined = set(members)
        rest = []
        for part in parts:
            if part & joined:
                joined |= part
            else:
                rest.append(part)
        parts = [*rest, joined]
    return sorted(tuple(sorted(part)) for part in parts)


def views(system: SystemSpec, policy: Policy) -> list[View]:
    """The independent parts of a system under a policy, in the models of theorems."""
    return ProofLowering(system, policy).views()
