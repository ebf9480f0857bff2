"""A processor: one server of work, with one lazily re-armed completion event."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from fractions import Fraction
from heapq import heappush
from typing import TYPE_CHECKING, Any

from rtsched.engine.event_loop import COMPLETION, NEVER, Alarm, EventLoop
from rtsched.model.taskgraph import ProcessorSpec

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.model.accelerator import BlockLevel


def whole(work: int | Fraction) -> int:
    """`work` rounded up to a whole number of nanoseconds (design.md §4.1)."""
    return work if work.__class__ is int else -(-work.numerator // work.denominator)


class Supply:
    """The time a processor really gives: everything outside its blackouts, half-open intervals in order."""

    def __init__(self, blackouts: tuple[tuple[int, int], ...]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in sorted(blackouts):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            elif end > start:
                self.starts.append(start)
                self.ends.append(end)
        # given[i]: time supplied before blackout i begins
        self.given: list[int] = []
        lost = 0
        for start, end in zip(self.starts, self.ends, strict=True):
            self.given.append(start - lost)
            lost += end - start

    def before(self, time: int) -> int:
        """Time supplied in [0, time)."""
        index = bisect_right(self.starts, time) - 1
        if index < 0:
            return time
        return self.given[index] + max(0, time - self.ends[index])

    def finish(self, start: int, work: int) -> int:
        """The instant at which `work` ns are done when they begin at `start`."""
        wanted = self.before(start) + work
        index = bisect_right(self.given, wanted - 1) - 1 if work else bisect_right(self.starts, start) - 1
        if index < 0:
            return wanted
        return max(start, self.ends[index] + wanted - self.given[index])


class Processor:
    """One server of work and what it is doing.

    `segment` is what runs (None: idle), since `started`, with `overhead` ns of costs first, up to `end`; `waiting` says
    that it is held for a copy over a link. `ready_queue` belongs to the scheduler. Read-only for policies.
    """

    __slots__ = (
        "alarm",
        "armed",
        "boundary_stop",
        "busy",
        "cluster",
        "context_switch",
        "costly",
        "done",
        "end",
        "index",
        "kind",
        "last",
        "loop",
        "migration",
        "migrations",
        "mode",
        "name",
        "overhead",
        "overhead_total",
        "preemptible",
        "preemptions",
        "queue",
        "rank",
        "ready_queue",
        "segment",
        "service",
        "spec",
        "special",
        "started",
        "starts",
        "supply",
        "unpaid",
        "view",
        "waited",
        "waiting",
        "yields",
    )  # fmt: skip

    view: Any

    def __init__(
        self, spec: ProcessorSpec, loop: EventLoop, done: Callable[[Processor, Segment, int], None], costly: bool
    ) -> None:
        self.spec = spec
        self.index = spec.index
        self.name = spec.name
        self.cluster = spec.cluster
        self.kind = spec.kind
        self.service = spec.service
        self.preemptible = spec.service == "preemptive"
        #: how the policy preempts here, and whether it may take what runs off at any time
        self.mode = "preemptive"
        self.yields = self.preemptible
        self.supply = Supply(spec.blackouts) if spec.blackouts else None
        self.costly = costly or spec.context_switch > 0 or spec.migration > 0
        #: whether starting and stopping needs more than a subtraction
        self.special = self.costly or self.supply is not None
        self.context_switch = spec.context_switch
        self.migration = spec.migration
        self.loop = loop
        self.queue = loop._queue
        self.rank = COMPLETION + spec.index
        self.alarm = Alarm(loop, self.rank, self.fire)
        self.armed = NEVER
        self.done = done
        self.segment: Segment | None = None
        self.last: Segment | None = None
        self.started = self.end = self.overhead = 0
        self.boundary_stop = self.waiting = False
        #: the costs of the last start here that had not passed when that was taken off, in ns
        self.unpaid = 0
        self.busy = self.overhead_total = self.starts = self.preemptions = self.migrations = self.waited = 0
        self.ready_queue: Any = None

    @property
    def block_level(self) -> BlockLevel | None:
        """How the GPU that it is a stream of is served block by block; None if it is no such stream."""
        return None

    def fire(self) -> None:
        """The completion event came up: ignore it if stale, re-arm it if the end has moved back, else complete."""
        now = self.loop._now
        if now != self.armed:
            return
        self.armed = NEVER
        segment = self.segment
        if segment is not None:
            end = self.end
            if end == now:
                self.done(self, segment, now)
            else:
                self.armed = end
                heappush(self.queue, (end, self.rank, next(self.loop.numbers), self.alarm))

    def begin(self, work: int | Fraction, now: int) -> None:
        """Arm the end of `work` ns (after the overhead) that begin now."""
        total = whole(work) + self.overhead
        end = self.end = now + total if self.supply is None else self.supply.finish(now, total)
        if end < self.armed:
            self.armed = end
            heappush(self.queue, (end, self.rank, next(self.loop.numbers), self.alarm))

    def progress(self, now: int) -> int | Fraction:
        """Work done since `started`, in ns of this processor, overhead not counted."""
        ran = now - self.started if self.supply is None else self.supply.before(now) - self.supply.before(self.started)
        return max(0, ran - self.overhead)

    def extra(self, segment: Segment, after: int = 0) -> int:
        """Further time in ns before `segment` makes progress here, when `after` ns have passed."""
        return 0

    def rest(self, segment: Segment, after: int = 0) -> int:
        """Further time in ns before `segment`, stopped at this very instant, goes on here, when `after` have passed."""
        return 0

    def hold(self, time: int, now: int) -> None:
        """Be busy with nothing but an overhead of `time` ns."""
        self.overhead = time
        self.begin(0, now)

    def puts_aside(self) -> bool:
        """Whether it is busy with a checkpoint of a job that is over, which goes on as anything else that drains."""
        return False

    def leave(self) -> None:
        """What ran has been taken off: of its costs only what has passed was overhead."""
        now = self.loop._now
        if self.waiting:
            self.waiting = False
            self.overhead_total += now - self.started
            self.unpaid = 0
        elif self.overhead:
            since, supply = self.started, self.supply
            passed = now - since if supply is None else supply.before(now) - supply.before(since)
            self.unpaid = max(0, self.overhead - passed)
            self.overhead_total -= self.unpaid
        else:
            self.unpaid = 0

    def __repr__(self) -> str:
        return f"processor {self.name!r}"
