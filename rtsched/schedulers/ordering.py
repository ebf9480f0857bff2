"""Orderings: which segment is more urgent. Smaller keys go first; equal keys by (task, job, node)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rtsched import units
from rtsched.engine.job import RUNNING
from rtsched.engine.kernel import NEVER
from rtsched.errors import SchedulerError
from rtsched.model.policy import Order, OrderingTraits

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.source import Source
    from rtsched.model.taskgraph import TaskSpec
    from rtsched.schedulers.estimate import Estimator


class Ordering:
    """A rule of urgency. Write `key`; set `dynamic` when the key of a segment changes while it is in the system.

    The keys of all that wait are then asked for at each dispatch, which costs as much as there are of them. Where the
    class that writes `key` also sets `steady_waiting`, only what runs has a key that changes with time: that of what
    waits rests on the segment, its job and ``soc.remaining`` alone, and is asked for once.

    A rule of fixed priorities is shorter: subclass `FixedPriority` and write `level`. Proofs then know it.
    """

    dynamic: ClassVar[bool] = False
    #: beside `dynamic`: whether the key of a segment that waits is always what it was when it came to wait
    steady_waiting: ClassVar[bool] = False
    #: whether it asks its `estimator`, which is there by the first `key`
    estimates: ClassVar[bool] = False
    soc: Soc
    estimator: Estimator

    def setup(self, soc: Soc) -> None:
        """Prepare, before time starts."""
        self.soc = soc

    def key(self, segment: Segment) -> tuple[Any, ...]:
        """What to compare; evaluated when the segment becomes ready (at every dispatch if `dynamic`, see there)."""
        raise NotImplementedError

    def urgency(self, task: Source) -> Any:
        """The fixed priority of a task, comparable with ``key(...)[0]``; only fixed-priority rules have one."""
        raise SchedulerError(f"{type(self).__name__} has no fixed priorities; the ceiling protocol needs fp, rm or dm")

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
        order = "any" if "key" in vars(self) else _ORDERS.get(owner, "any")
        level = self.level if isinstance(self, FixedPriority) and order == "FP" else None
        return OrderingTraits(name, order, level, not self.dynamic)


class FIFO(Ordering):
    """First in, first out: by the instant at which the segment first became ready (R4).

    Guarantees nothing about deadlines; needs nothing; fails by making the urgent wait behind the long.
    """

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.since,)


class FixedPriority(Ordering):
    """Fixed task priorities, smaller is more urgent (R4). Optimal only with an optimal assignment (see rm, dm).

    A rule of your own writes `level`, which is asked once per task, before time starts; it is proven as fixed
    priorities are.

    >>> class LeastWork(FixedPriority):
    ...     def level(self, task):
    ...         return task.volume
    """

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.levels = [self.level(task.spec) for task in soc.tasks]

    def level(self, task: TaskSpec) -> Any:
        """The priority of a task, a number (or anything that compares); smaller is more urgent, ties go by index."""
        return task.priority

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (self.levels[segment.job.task.index],)

    def urgency(self, task: Source) -> Any:
        return self.levels[task.index]


class RateMonotonic(FixedPriority):
    """Rate monotonic: the shorter the period, the more urgent (Liu and Layland, JACM 20(1), 1973).

    Optimal among fixed priorities for synchronous preemptive tasks on one processor with D = T. A task without a
    period takes its deadline for it.
    """

    def level(self, task: TaskSpec) -> int:
        return task.period or task.deadline


class DeadlineMonotonic(FixedPriority):
    """Deadline monotonic: the shorter the relative deadline, the more urgent (Leung and Whitehead, 1982).

    Optimal among fixed priorities for synchronous preemptive tasks on one processor with D <= T; not when D > T, nor
    without preemption.
    """

    def level(self, task: TaskSpec) -> int:
        return task.deadline


class EDF(Ordering):
    """Earliest deadline first: by absolute deadline, then release (R4; Liu and Layland, JACM 20(1), 1973).

    Optimal on one preemptive processor (Dertouzos 1974); on several it suffers from Dhall's effect, and in overload
    misses cascade from job to job.
    """

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        return (job.deadline, job.release)


#: The orders that theorems know, by the class that owns the key.
_ORDERS: dict[type[Ordering], Order] = {FixedPriority: "FP", EDF: "EDF", FIFO: "FIFO"}


class ShortestJobFirst(Ordering):
    """Shortest job first: by the expected time on the fastest processor. Best mean response, starves the long."""

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.node.fastest,)


class LeastSlackTime(Ordering):
    """Least slack time: by deadline minus expected remaining time, compared at every dispatch.

    Slack is compared when something happens anyway (a release, a completion), not in between: see ``llf``.
    """

    dynamic = True
    steady_waiting = True  # the slack of all that wait falls alike, by 1 ns each ns: what compares them is constant

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (segment.job.deadline - self.soc.remaining(segment),)


class LeastLaxityFirst(LeastSlackTime):
    """Least laxity first (Mok 1983): as least slack time, and compared again when a waiting segment overtakes.

    Laxities that meet would make two segments alternate without end; so after they meet, the running one keeps the
    processor for another `quantum`. Optimal on one preemptive processor for a vanishing quantum; many preemptions.
    """

    steady_waiting = True

    def __init__(self, quantum: int | str = units.MS) -> None:
        self.quantum = _duration(quantum, "quantum")

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        if waiting is None:
            return None
        overhead = 0 if running.processor is None else running.processor.overhead
        return int(self.soc.now + max(0, waiting[0] - super().key(running)[0]) + overhead + self.quantum)

    def key(self, segment: Segment) -> tuple[Any, ...]:
        processor = segment.processor
        if segment.state == RUNNING and processor is not None and processor.overhead:
            if not processor.progress(self.soc.now):
                return (-NEVER,)  # a switch under way is not undone, or costs above the quantum would stop all progress
        return super().key(segment)


class RoundRobin(Ordering):
    """Round robin: in the order of arrival, and after `quantum` ns on the processor behind all others.

    Fair, blind to deadlines. Without preemption it is first in, first out.
    """

    dynamic = True
    steady_waiting = True  # a turn ends on the processor

    def __init__(self, quantum: int | str = 10 * units.MS) -> None:
        self.quantum = _duration(quantum, "quantum")

    def key(self, segment: Segment) -> tuple[Any, ...]:
        if segment.memo is None:
            segment.memo = (segment.since, 0)
        processor = segment.processor
        if segment.state == RUNNING and processor is not None:
            now = self.soc.now
            if processor.progress(now) >= self.quantum:
                segment.memo = (now, 1)
        turn: tuple[int, int] = segment.memo
        return turn

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        if waiting is None or running.processor is None:
            return None
        turn = running.processor.started + running.processor.overhead + self.quantum
        return turn if turn > self.soc.now else self.soc.now + self.quantum


def _duration(value: int | str, name: str) -> int:
    """A positive time in ns from an int (ns) or text with a unit."""
    nanoseconds = units.parse_duration(value) if isinstance(value, str) else value
    if nanoseconds <= 0:
        raise ValueError(f"{name} must be positive")
    return nanoseconds
