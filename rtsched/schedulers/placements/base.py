"""Placements: where a segment may run. Static ones answer per node before time starts; dynamic ones per segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rtsched.engine.beliefs import NEVER
from rtsched.model.policy import Homes, PlacementTraits, Rule
from rtsched.schedulers.part import Part

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.policy import OrderingTraits
    from rtsched.model.taskgraph import NodeSpec, SystemSpec


class Placement(Part):
    """A rule of places. Static: write `assign`, or `where`. Dynamic: set `dynamic` and write `choose`.

    Proofs know the built-in rules, and any that writes `assign`: places found from the description alone.
    """

    #: a rule that proofs compute for themselves; a class derived from the one that says so may do anything
    rule: ClassVar[Rule | None] = None
    kind = "placement"
    dynamic: bool = False
    #: which keys of `estimates` matter to it; packing rests on planned times, as proofs do
    believes: frozenset[str] = NEVER

    def beside(self, ordering: OrderingTraits, preemption: str) -> None:
        """Hear which ordering and preemption it stands beside, when the scheduler is put together."""

    def setup(self, soc: Soc) -> None:
        """Prepare, before time starts. The `estimator` is there after it, for dynamic ones."""
        super().setup(soc)
        self.assigned: Homes = [] if type(self).assign is Placement.assign else self.assign(soc.system)

    def assign(self, system: SystemSpec) -> Homes:
        """The processors of every node of every task, ascending, before time starts."""
        raise NotImplementedError

    def where(self, task: TaskState, node: NodeSpec) -> tuple[int, ...]:
        """The processors on which `node` may run under this rule, ascending."""
        home = self.assigned[task.index][node.index] if self.assigned else None
        return node.eligible if home is None else home

    def choose(self, segment: Segment) -> int:
        """Dynamic: the one processor on which `segment`, which has just become ready, is to run."""
        raise NotImplementedError

    def chosen(self, segment: Segment) -> int | None:
        """Dynamic: the processor that has been chosen for `segment` and not been forgotten, if any."""
        return None

    def forget(self, segment: Segment) -> None:
        """`segment` will be chosen for anew, since a processor has failed."""

    def traits(self, name: str) -> PlacementTraits:
        """What proofs may rely on: the rule of a built-in class, or what a plug-in assigns."""
        own = type(self).where is Placement.where and type(self).assign is not Placement.assign and not self.dynamic
        return PlacementTraits(name, vars(type(self)).get("rule"), self.assign if own else None)
