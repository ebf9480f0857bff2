"""Each node in one cluster."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.placements.base import Placement
from rtsched.schedulers.placements.packing import heaviest_first, utilisation

if TYPE_CHECKING:
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


class Clustered(Placement):
    """Each node is given one cluster for good (the one with the most room left), and is global inside it."""

    claims = PREDICTABLE - {"sustainable-processors"}  # one more may change who sits where
    rule = "clustered"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        clusters: dict[str, list[Processor]] = {}
        for processor in soc.processors:
            clusters.setdefault(processor.cluster, []).append(processor)
        loads = dict.fromkeys(clusters, Fraction(0))
        self.home: dict[tuple[int, int], tuple[int, ...]] = {}
        nodes = [(task, node) for task in soc.tasks for node in task.nodes]
        nodes.sort(key=heaviest_first)
        for task, node in nodes:
            options: dict[str, list[int]] = {}
            for index in node.eligible:
                options.setdefault(soc.processors[index].cluster, []).append(index)
            added = {
                name: max(utilisation(task, node, index) for index in indices) / len(clusters[name])
                for name, indices in options.items()
            }
            best = min(options, key=lambda name: (loads[name] + added[name], options[name][0]))
            loads[best] += added[best]
            self.home[task.index, node.index] = tuple(options[best])

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        return self.home[task.index, node.index]
