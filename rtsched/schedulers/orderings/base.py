"""Orderings: which segment is more urgent. Smaller keys go first; equal keys by (task, job, node)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.beliefs import NEVER
from rtsched.errors import SchedulerError
from rtsched.model.policy import Order, OrderingTraits
from rtsched.schedulers.part import Part

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.task_state import TaskState


class Ordering(Part):
    """A rule of urgency. Write `key`; set `dynamic` when the key of a segment changes while it is in the system.

    The keys of all that wait are then asked for at each dispatch, which costs as much as there are of them. Where the
    class that writes `key` also sets `steady_waiting`, only what runs has a key that changes with time: that of what
    waits rests on the segment, its job and ``soc.remaining`` alone, and is asked for once.

    A rule of fixed priorities is shorter: subclass `FixedPriority` and write `level`. Proofs then know it.
    """

    #: what theorems call the order of `key`, said by the class that writes it
    order: ClassVar[Order] = "any"
    dynamic: bool = False
    #: what the parts of `key` are called, for explanations
    ranks: ClassVar[tuple[str, ...]] = ()
    #: beside `dynamic`: whether the key of a segment that waits is always what it was when it came to wait
    steady_waiting: ClassVar[bool] = False
    #: whether it asks its `estimator`, which is there by the first `key`
    estimates: bool = False
    kind = "ordering"
    #: which keys of `estimates` matter to it: all, where its key rests on expected times
    believes: frozenset[str] = NEVER

    def key(self, segment: Segment) -> tuple[Any, ...]:
        """What to compare; evaluated when the segment becomes ready (at every dispatch if `dynamic`, see there)."""
        raise NotImplementedError

    def urgency(self, task: TaskState) -> Any:
        """The fixed priority of a task, comparable with ``key(...)[0]``; only fixed-priority rules have one."""
        raise SchedulerError(f"{type(self).__name__} has no fixed priorities; the ceiling protocols need fp, rm or dm")

    def urgencies(self, tasks: Sequence[TaskState]) -> list[Any] | None:
        """The fixed priorities of tasks; None where they have none."""
        return None

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        """The instant at which `running` should be compared with the first of the waiting anew; None: no need."""
        return None

    def is_steady(self) -> bool:
        """Whether keys of waiting segments stay: said by the class whose key this is, since another's may differ."""
        owner = next((each for each in type(self).__mro__ if "key" in vars(each)), Ordering)
        return not self.dynamic or ("key" not in vars(self) and bool(vars(owner).get("steady_waiting", False)))

    def traits(self, name: str) -> OrderingTraits:
        """What proofs may rely on: the order of the class whose key this is, and fixed levels."""
        owner = next((each for each in type(self).__mro__ if "key" in vars(each)), Ordering)
        known = "key" not in vars(self) and owner.__module__.startswith("rtsched.")
        order: Order = vars(owner).get("order", "any") if known else "any"
        return OrderingTraits(name, order, None, not self.dynamic)
