"""A source of jobs: one task at run time. Releases are generated lazily, one ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappush
from typing import TYPE_CHECKING, Any

from rtsched.engine.event_loop import RELEASE, Alarm
from rtsched.engine.job import Job, Segment
from rtsched.model.task import Spawned
from rtsched.model.taskgraph import NodeSpec, TaskSpec
from rtsched.trace.trace import OPEN

if TYPE_CHECKING:
    from rtsched.engine.core import Core


class TaskState:
    """A task at run time: its description (`spec`, and the fields policies use most) and the state of its jobs.

    Jobs of one task do not overlap (R2) unless the task says so: `active` is the one that may run, `pending` wait.
    """

    __slots__ = (
        "active", "adaptive", "alarm", "arrival", "arrivals", "chance", "core", "count", "criticality", "deadline",
        "deadlines", "executions", "factors", "followers", "index", "misses", "name", "nested", "nodes", "overlap",
        "overlapping", "pending", "period", "plain", "priority", "rank", "release", "single", "skip", "spec", "step",
        "told", "truth", "view", "watch", "weight",
    )  # fmt: skip

    view: Any

    def __init__(self, spec: TaskSpec, core: Core) -> None:
        self.spec = spec
        self.core = core
        self.index = spec.index
        self.name = spec.name
        self.nodes = spec.nodes
        self.period = spec.period
        self.deadline = spec.deadline
        self.priority = spec.priority
        self.criticality = spec.criticality
        self.weight = spec.weight
        self.overlap = spec.overlap
        self.single: NodeSpec | None = spec.nodes[0] if len(spec.nodes) == 1 else None
        self.active: Job | None = None
        self.pending: deque[Job] = deque()
        self.overlapping: dict[Job, None] = {}
        self.count = 0
        self.misses = 0
        self.skip = 0
        self.watch = False
        self.adaptive = False
        self.followers: tuple[TaskState, ...] = ()
        self.chance: Callable[[], float] | None = None
        self.factors: Callable[[], Any] | None = None
        self.executions: tuple[int, ...] | None = None
        #: relative ones of single jobs, by index: recorded, or as the policy asks that spawns them
        self.deadlines: tuple[int, ...] | dict[int, int] | None = None
        self.truth: Callable[[Segment, Any, int], int] | None = None
        self.arrivals: Iterator[tuple[int, int]] = iter(())
        self.step = 0
        self.arrival = self.release = -1
        #: the job of which the policy is being told, where others of the task may be released meanwhile
        self.told: Job | None = None
        #: whether that can be
        self.nested = False
        self.rank = RELEASE + spec.index
        self.alarm = Alarm(core.loop, self.rank, self.fire)
        self.plain = True

    def prepare(self, arrivals: Iterator[tuple[int, int]], step: int) -> None:
        """Take the arrivals from an iterator of (arrival, release), or every `step` ns from the first on."""
        self.arrivals = arrivals
        self.step = step
        causable = isinstance(self.spec.arrival, Spawned) or self.spec.after is not None
        self.nested = causable and not self.overlap and self.core.on_release is not None
        self.plain = not (
            self.factors or self.executions or self.truth or self.watch or self.adaptive or self.nested
        ) and all(follower.spec.probability == 1 for follower in self.followers)
        self._advance()

    def _advance(self) -> None:
        """Arm the next release, if there is one below the horizon."""
        following = next(self.arrivals, None)
        if following is None:
            return
        self.arrival = following[0]
        self.release = max(following[1], self.release)
        if self.release < self.core.until:
            self.core.loop.arm(self.alarm, self.release)

    def fire(self) -> Job:
        """A release is due: arm the next one, then make the job."""
        core = self.core
        release = self.release
        arrival = self.arrival
        if self.step:
            following = release + self.step
            if following < core.until:
                self.arrival = self.release = following
                heappush(core.queue, (following, self.rank, next(core.eid), self.alarm))
        else:
            self._advance()
        index = self.count
        self.count = index + 1
        number = core.released
        core.released = number + 1
        deadline = arrival + (self.deadline if self.deadlines is None else self.deadlines[index])
        job = Job(self, index, number, arrival, release, deadline)
        core.changed[0] = True
        if not self.plain:
            core.enrich(self, job)
            if job.outcome != OPEN:
                return job  # the policy refused it
        elif core.on_release is not None:
            core.on_release(job)
            if job.outcome != OPEN:
                return job
        if self.skip:
            core.skip(job)
        elif self.active is None:
            core.steps.activate(self, job)
        else:
            self.pending.append(job)
        return job

    def trigger(self, job: Job, now: int) -> None:
        """`job`, of the task before this one, is done: release a job now if chance and the horizon allow it."""
        if (self.chance is None or job.chances[self.index] < self.spec.probability) and now < self.core.until:
            self.arrival = self.release = now
            self.fire_in_turn()

    def tell(self, job: Job) -> None:
        """Tell of a release; jobs of the task that come meanwhile wait for this one."""
        assert self.core.on_release is not None
        before, self.told = self.told, job
        self.core.on_release(job)
        self.told = before
        if self.active is job:
            self.active = None  # it has not begun

    def fire_in_turn(self) -> Job:
        """A release that the policy may have caused while it was told of another one, which goes before."""
        if self.told is not None and self.active is None:
            self.active = self.told
        job = self.fire()
        if len(self.pending) > 1:
            self.pending = deque(sorted(self.pending, key=lambda each: each.index))
        return job

    def __repr__(self) -> str:
        return f"task {self.name!r}"
