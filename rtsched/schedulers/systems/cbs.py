"""The constant-bandwidth server, as Linux' SCHED_DEADLINE runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.event_loop import NEVER
from rtsched.engine.job import READY, RUNNING
from rtsched.errors import SchedulerError
from rtsched.model.policy import PlanTraits, Policy, ServerTraits
from rtsched.schedulers.base import GUESTS, Scheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: Behind every server: tasks without a budget.
BACKGROUND = NEVER


class Server:
    """One task's reservation: `budget` left of `full` until `deadline`; throttled until then once it is used up."""

    __slots__ = ("budget", "charged", "deadline", "full", "period", "queue", "task", "throttled")

    def __init__(self, task: TaskState) -> None:
        self.task = task
        self.full = task.spec.budget
        self.period = task.spec.server_period or task.period or task.deadline
        self.budget: Any = 0
        self.deadline = 0 if self.full is not None else BACKGROUND
        self.throttled = False
        self.queue: list[Segment] = []
        self.charged = 0

    def head(self) -> Segment | None:
        """The segment the server serves: a server serves one at a time, in the order in which they became ready."""
        while self.queue and self.queue[0].state not in (READY, RUNNING):
            self.queue.pop(0)
        return self.queue[0] if self.queue else None


class ConstantBandwidthServer(Scheduler):
    """Each task with a `budget` runs in a server of that budget every `server_period`; servers by earliest deadline.

    A job that finds its server idle gets a new deadline and a full budget unless the old pair still fits the
    bandwidth (Abeni and Buttazzo, RTSS 1998, §3.2). When the budget is used up, the deadline moves one period on; with
    ``throttle`` (Linux' SCHED_DEADLINE, a hard reservation) the server waits for the old deadline first, without (the
    paper's server) it goes on at once with the later one. Tasks without a budget run in the background, in order of
    arrival. Guarantees: no task gets more than its bandwidth in front of others, whatever it executes; with total
    bandwidth at most 1 on one processor every server keeps its deadlines. On m processors it is global EDF, and has
    its weaknesses: every server keeps its deadlines where the total is at most m - (m - 1) times the largest one
    (Baruah, Goossens and Lipari, RTAS 2002). What the kernel admits, 95 % of the processors, is no such promise. The
    theorem is ``bandwidth-servers``.

    The paper's example in a test: tests/schedulers/systems/test_cbs.py.
    """

    claims = frozenset({"monotone", "symmetric"})
    reads = frozenset({"budget", "server_period"})
    takes = frozenset(GUESTS)
    #: whether it serves several processors
    several: ClassVar[bool] = True

    def __init__(self, throttle: bool = True) -> None:
        self.throttle = throttle

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Its servers, for proofs."""
        return self.planned(names, PlanTraits(lambda _: None, servers=ServerTraits("bandwidth", several=self.several)))

    def setup(self, soc: Soc) -> None:
        if soc.system.planner is not None:
            raise SchedulerError(
                "cbs: what a server has used would not be counted where the planner pushes it aside; leave 'planner' "
                "out, or choose e.g. edf"
            )
        self.servers = [Server(task) for task in soc.tasks]
        #: time used by segments that completed since their server was last charged, by task
        self.used: dict[int, int] = {}

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        server = self.servers[job.task.index]
        now = self.soc.now
        if server.full is not None and server.head() is None and not server.throttled:
            self._take(server, now)  # what a job that ended in this very instant has used
            left = max(0, server.deadline - now)
            if server.budget * server.period >= left * server.full:
                server.deadline = now + server.period
                server.budget = server.full
        server.queue += segments

    def on_timer(self, tag: Any) -> None:
        if isinstance(tag, Server) and tag.throttled and self.soc.now >= tag.deadline:
            self._replenish(tag)
            tag.throttled = False

    def _replenish(self, server: Server) -> None:
        assert server.full is not None
        server.deadline += server.period
        server.budget += server.full

    def dispatch(self) -> None:
        now = self.soc.now
        for server in self.servers:
            self._charge(server, now)
        candidates = []
        for server in self.servers:
            head = server.head()
            if head is not None and not server.throttled:
                since = head.since if server.full is None else 0
                candidates.append(((server.deadline, since, server.task.index), head))
        candidates.sort(key=lambda item: item[0])
        self._place([head for _, head in candidates])
        for server in self.servers:
            head = server.head()
            if head is not None and head.state == RUNNING and server.full is not None:
                self.soc.wake_at(now + self._lasts(server), "budget")

    def _charge(self, server: Server, now: int) -> None:
        """Take what ran since the last look from the budget; throttle or postpone when it is used up."""
        if server.full is None:
            return
        self._take(server, now)
        if self._used_up(server) and not server.throttled and server.head() is not None:
            if self.throttle and server.deadline > now:
                server.throttled = True
                self.soc.wake_at(server.deadline, server)
            else:
                while self._used_up(server):
                    self._replenish(server)

    def _used_up(self, server: Server) -> bool:
        """Whether a server may not run on."""
        return bool(server.budget <= 0)

    def _take(self, server: Server, now: int) -> None:
        """Take what ran since the last look from the budget."""
        if server.charged < now:
            server.budget -= self._worth(self._ran(server, now))
            server.charged = now

    def _worth(self, ran: int) -> Any:
        """How much of its budget a server has used that has run so long."""
        return ran

    def _lasts(self, server: Server) -> int:
        """How long a server may run on its budget."""
        left: int = server.budget
        return max(1, left)

    def _ran(self, server: Server, now: int) -> int:
        """How long the server's segments have run since it was last charged."""
        return self.used.pop(server.task.index, 0) + sum(
            now - max(server.charged, segment.processor.started)
            for segment in server.queue
            if segment.state == RUNNING and segment.processor is not None
        )

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        """A completed segment no longer shows what it used: note it."""
        server = self.servers[segment.job.task.index]
        index = segment.job.task.index
        started = self.soc.now - int(observation["time"])
        self.used[index] = self.used.get(index, 0) + self.soc.now - max(server.charged, started)

    def _place(self, wanted: list[Segment]) -> None:
        """Global EDF over the servers: the most urgent run; who runs and is chosen stays where it is."""
        soc = self.soc
        urgency = {segment: rank for rank, segment in enumerate(wanted)}
        free = {p.index for p in soc.processors if p.segment is None or soc.preemptible(p)}
        places: dict[Segment, int] = {}
        for segment in wanted:
            options = [index for index in segment.node.eligible if index in free]
            if not options:
                continue
            here = segment.processor.index if segment.state == RUNNING and segment.processor is not None else -1
            if here in options:
                choice = here
            else:
                choice = max(options, key=lambda index: (self._idleness(index, urgency), -index))
            places[segment] = choice
            free.discard(choice)
        for processor in soc.processors:
            running = processor.segment
            if running is not None and places.get(running) != processor.index and soc.preemptible(processor):
                soc.preempt(processor)
        for segment, index in places.items():
            if segment.state == READY:
                soc.start(segment.job, segment, soc.processors[index])

    def _idleness(self, index: int, urgency: dict[Segment, int]) -> int:
        """Larger for processors whose loss hurts less: idle ones first, then those that run the least urgent."""
        running = self.soc.processors[index].segment
        return len(urgency) + 1 if running is None else urgency.get(running, len(urgency))

    def describe(self) -> str:
        return f"constant-bandwidth servers, {'throttled' if self.throttle else 'soft'}"
