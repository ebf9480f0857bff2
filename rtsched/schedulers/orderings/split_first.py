"""What every variant computes goes before what only some compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.schedulers.claims import PREDICTABLE
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import TaskSpec


class SplitFirst(Ordering):
    """In the style of DNN-SAM's EDF-MandFirst: mandatory nodes by EDF, then the optional ones by EDF.

    The paper was not read; our definition is: a node is optional if the least variant of its task leaves it out or does
    it in less time on some processor; what follows an optional node is optional, too. Tasks without variants are
    mandatory. It stands beside ``{name: dnn-sam-style, policy: mandatory-first}``, which says how much of the optional
    part is run. RTAS 2022.
    """

    claims = PREDICTABLE  # jobs of one node have no optional part, and go by EDF

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.optional = [optional(task.spec) for task in soc.tasks]

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        return (segment.node.index in self.optional[job.task.index], job.deadline, job.release)


def optional(task: TaskSpec) -> set[int]:
    """The nodes that not every variant computes in full, and what follows them."""
    if task.quality is None or not task.quality.variants:
        return set()
    least = task.quality.variants[-1]
    found = {
        node.index for node in task.nodes if node.index in least.skipped or least.nodes[node.index].times != node.times
    }
    waiting = list(found)
    while waiting:
        after = set(task.nodes[waiting.pop()].successors) - found
        found |= after
        waiting += after
    return found
