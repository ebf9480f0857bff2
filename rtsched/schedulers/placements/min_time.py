"""Layers move to the accelerator for the most time saved, or the most accuracy kept, within a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.parameters import duration
from rtsched.schedulers.placements.layers import Layers

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


class MinTime(Layers):
    """In the style of Tan and Cao's Min-Time: the quickest split of each network whose accuracy keeps a bound.

    "Efficient execution of deep neural networks on mobile devices with NPU", IPSN 2021; the paper was not read; our
    definition is: all layers start on the CPU, and the ones that gain the most time move to the NPU as long as the
    accuracy (the task's, less the `loss` of each layer on the NPU) stays at `accuracy` or above. `crossing` is the time
    that each change of processor is believed to cost. Needs chains with times on both and a `loss` on the NPU; keeps
    the bound on accuracy as far as losses add up; it promises no deadline, and fails where the NPU's losses do not add.
    """

    accelerators = ("npu", "dsp")

    def __init__(
        self,
        accuracy: float = 0.0,
        crossing: int | str = 0,
        accelerator: str | None = None,
        cpu: str | None = None,
    ) -> None:
        super().__init__(accelerator, cpu)
        if not 0 <= accuracy <= 1:
            raise ValueError("accuracy must lie between 0 and 1")
        self.bound = accuracy
        self.crossing = duration(crossing, "crossing") if crossing else 0

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.homes = self.everything_on(self.slow)
        for task in soc.tasks:
            self._split(task)

    def _split(self, task: TaskState) -> None:
        alone = dict(self.homes), self.total(task)
        for node in sorted(task.nodes, key=lambda node: (-self._gain(node), node.index)):
            place = (task.index, node.index)
            if self.homes.get(place) != self.slow or self.fast not in self.choices(node):
                continue
            self.homes[place] = self.fast
            if self.accuracy_of(task) < self.bound - 1e-12 or self._gain(node) <= 0:
                self.homes[place] = self.slow
        if self.total(task) > alone[1]:  # what the crossings cost was more than the layers gained
            self.homes = alone[0]

    def _gain(self, node: NodeSpec) -> int:
        return (self.time(node, self.slow) or 0) - (self.time(node, self.fast) or 0)

    def accuracy_of(self, task: TaskState) -> float:
        """The accuracy of a task with its nodes where they are."""
        quality = task.spec.quality
        accuracy = 1.0 if quality is None or quality.accuracy is None else quality.accuracy
        return accuracy - sum(
            self.loss(node, self.homes[task.index, node.index])
            for node in task.nodes
            if (task.index, node.index) in self.homes
        )

    def total(self, task: TaskState) -> int:
        """The expected time of a whole job where its nodes are, crossings included, in ns."""
        time = 0
        for node in task.nodes:
            home = self.homes.get((task.index, node.index))
            time += self.soc.beliefs.fastest(node) if home is None else self.time(node, home) or 0
            for before in node.predecessors:
                if self.homes.get((task.index, before)) != home:
                    time += self.crossing
        return time


class MaxAccuracy(MinTime):
    """In the style of Tan and Cao's Max-Accuracy: the most accurate split of each network within a time limit.

    "Efficient execution of deep neural networks on mobile devices with NPU", IPSN 2021; the paper was not read; our
    definition is: all layers start on the NPU, and the ones that lose the most accuracy there move to the CPU, the
    worst first, as long as the expected time of the whole, crossings included, stays within `limit` of the relative
    deadline. Needs chains with times on both and a `loss` on the NPU; alone, a job meets the deadline if all layers on
    the NPU do; it fails when the processors are shared.
    """

    def __init__(
        self,
        limit: float = 1.0,
        crossing: int | str = 0,
        accelerator: str | None = None,
        cpu: str | None = None,
    ) -> None:
        super().__init__(0.0, crossing, accelerator, cpu)
        if not 0 < limit <= 1:
            raise ValueError("limit is a part of the deadline: above 0, at most 1")
        self.limit = limit

    def setup(self, soc: Soc) -> None:
        Layers.setup(self, soc)
        self.homes = self.everything_on(self.fast)
        for task in soc.tasks:
            order = sorted(task.nodes, key=lambda node: (-self.loss(node, self.fast), node.index))
            for node in order:
                place = (task.index, node.index)
                lost = self.loss(node, self.fast) - self.loss(node, self.slow)
                if self.homes.get(place) != self.fast or self.slow not in self.choices(node) or lost <= 0:
                    continue
                self.homes[place] = self.slow
                if self.total(task) > self.limit * task.deadline:
                    self.homes[place] = self.fast
