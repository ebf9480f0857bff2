"""What placements layer by layer share: which layers of a network run on the CPU and which on an accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rtsched.engine.beliefs import AT_SETUP
from rtsched.errors import SchedulerError
from rtsched.schedulers.placements.base import Placement

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


#: Where every node sits: (task, node) -> cluster name.
Homes = dict[tuple[int, int], str]


class Layers(Placement):
    """What the placements of layers share: two clusters, a home for each node, and times and losses there."""

    claims = frozenset({"work-conserving", "bounded-inversion"})
    believes = AT_SETUP
    accelerators: ClassVar[tuple[str, ...]] = ("gpu", "npu", "dsp")

    def __init__(self, accelerator: str | None = None, cpu: str | None = None) -> None:
        self.accelerator_name = accelerator
        self.cpu_name = cpu

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.fast = self._cluster(self.accelerator_name, self.accelerators, "accelerator")
        self.slow = self._cluster(self.cpu_name, ("cpu",), "cpu")
        self.homes: Homes = {}

    def _cluster(self, name: str | None, kinds: tuple[str, ...], role: str) -> str:
        """The cluster of a role: as named, else the first of its kind that some node can use."""
        used = {index for task in self.soc.tasks for node in task.nodes for index in node.eligible}
        for processor in self.soc.processors:
            if processor.index in used and (
                processor.cluster == name or (name is None and processor.spec.kind in kinds)
            ):
                return processor.cluster
        raise SchedulerError(
            f"placement by layers: no node can run on {name or 'a ' + ' or '.join(kinds)} ({role}); name the cluster"
        )

    def time(self, node: NodeSpec, cluster: str) -> int | None:
        """The expected time of a node on a cluster in ns; None if it cannot run there."""
        believed = self.soc.beliefs.time
        times = [believed(node, index) for index in node.eligible if self.soc.processors[index].cluster == cluster]
        return min((time for time in times if time is not None), default=None)

    def loss(self, node: NodeSpec, cluster: str) -> float:
        """The accuracy lost by running a node on a cluster."""
        for index in node.eligible:
            if self.soc.processors[index].cluster == cluster:
                return node.losses[index] if node.losses else 0.0
        return 0.0

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        home = self.homes.get((task.index, node.index))
        if home is None:
            return node.eligible
        return tuple(index for index in node.eligible if self.soc.processors[index].cluster == home)

    def choices(self, node: NodeSpec) -> list[str]:
        """Which of the two clusters can run a node."""
        return [cluster for cluster in (self.fast, self.slow) if self.time(node, cluster) is not None]

    def everything_on(self, cluster: str) -> Homes:
        """Every node of the two clusters on one of them, where it can run there."""
        homes: Homes = {}
        for task in self.soc.tasks:
            for node in task.nodes:
                can = self.choices(node)
                if can:
                    homes[task.index, node.index] = cluster if cluster in can else can[0]
        return homes
