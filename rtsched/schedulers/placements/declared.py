"""Places as the file has them: every processor that can run a node, or its one pin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.placements.base import Placement

if TYPE_CHECKING:
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


class Global(Placement):
    """Every segment may use every processor that can run it, and may move at any time."""

    claims = PREDICTABLE
    rule = "global"

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        return node.eligible


class Pinned(Placement):
    """Every node has been given its one processor in the file (``pin``, or only one processor can run it)."""

    claims = PREDICTABLE
    rule = "pinned"

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        eligible = node.eligible
        if len(eligible) != 1:
            names = ", ".join(self.soc.processors[index].name for index in eligible)
            raise SchedulerError(
                f"placement 'pinned': node {node.name!r} of task {task.name!r} may run on {names}; give it a 'pin'"
            )
        return eligible
