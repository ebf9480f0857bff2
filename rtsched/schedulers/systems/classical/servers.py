"""Servers for aperiodic work under fixed priorities: polling, deferrable, sporadic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rtsched.engine.job import READY, RUNNING
from rtsched.errors import InputError, SchedulerError
from rtsched.model.policy import PlanTraits, Policy, ServerKind, ServerTraits
from rtsched.schedulers.base import Scheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import SystemSpec, TaskSpec


class Line:
    """Who waits of one task, in the order in which they came; with `full`, served within a `budget` each `period`."""

    __slots__ = ("active", "budget", "due", "full", "period", "queue", "spent", "task")

    def __init__(self, task: TaskState) -> None:
        self.task = task
        self.full = task.spec.budget
        self.period = server_period(task.spec)
        self.budget = self.full or 0
        self.queue: list[Segment] = []
        #: the end of the server's present period (polling, deferrable)
        self.due = 0
        #: since when the server is active, or None, and what it has served since (sporadic)
        self.active: int | None = None
        self.spent = 0

    def head(self) -> Segment | None:
        """Who is served next."""
        while self.queue and self.queue[0].state not in (READY, RUNNING):
            self.queue.pop(0)
        return self.queue[0] if self.queue else None


def server_period(task: TaskSpec) -> int:
    """How often a task has its budget; by default each period."""
    return task.server_period or task.period or task.deadline


class FixedPriorityServers(Scheduler):
    """One processor under fixed priorities; a task with a `budget` is served by a server, which is as urgent as a task.

    Rate monotonic, a server by its `server_period`; with ``priorities: file`` by the `priority` of the file.
    """

    claims = frozenset({"symmetric"})  # a server lets those wait who have used its budget
    reads = frozenset({"budget", "server_period"})
    called: ClassVar[str]
    kind: ClassVar[ServerKind]
    alone = "it counts what its servers use of the one processor"

    def __init__(self, priorities: str = "rm") -> None:
        if priorities not in ("rm", "file"):
            raise InputError(f"priorities: must be rm or file (found {priorities!r})")
        self.priorities = priorities

    def refuses(self, system: SystemSpec) -> str | None:
        """Why it does not run on a system, from the description alone; None where it does."""
        nodes = [node for task in system.tasks for node in task.nodes]
        places = {place for node in nodes for place in node.eligible}
        if len(places) > 1:
            return f"it serves one processor, and the tasks may use {len(places)}"
        if system.processors[min(places)].service != "preemptive" or not all(node.preemptive for node in nodes):
            return "a server is preempted when its budget is used up, and not all can be"
        return None

    def setup(self, soc: Soc) -> None:
        """Check the system. Raises SchedulerError with the reason."""
        self.soc = soc
        reason = self.refuses(soc.system)
        if reason is None and soc.fallible:
            reason = "the processor may fail, or a planner use it, and what a server has used would not be counted"
        if reason is not None:
            raise SchedulerError(f"{self.called}: {reason}; choose e.g. cbs")
        self.processor = soc.processors[soc.tasks[0].spec.nodes[0].eligible[0]]
        lines = [Line(task) for task in soc.tasks]
        self.of_task = dict(enumerate(lines))
        #: the most urgent first
        self.lines = sorted(lines, key=lambda line: (self._level(line.task.spec), line.task.index))
        #: whose turn it is, and since when
        self.turn: tuple[Line, int] | None = None

    def _level(self, task: TaskSpec) -> int:
        return server_period(task) if self.priorities == "rm" else task.priority

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Its servers, for proofs."""
        return self.planned(names, PlanTraits(self.refuses, servers=ServerTraits(self.kind, self._level)))

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        """Get in line."""
        self.of_task[job.task.index].queue += segments

    def on_timer(self, tag: Any) -> None:
        """A dispatch follows anyway."""

    def dispatch(self) -> None:
        """Charge who was served, bring budgets up to now, serve the most urgent line that has work and budget."""
        now = self.soc.now
        if self.turn is not None and self.turn[0].full is not None:
            line, since = self.turn
            line.budget -= now - since
            line.spent += now - since
        for line in self.lines:
            if line.full is not None:
                self.refill(line, now)
        chosen = None
        for line in self.lines:
            if line.head() is None:
                self.passed(line)
            elif line.full is None or line.budget > 0:
                chosen = line
                break
        self._serve(chosen)
        rank = len(self.lines) if chosen is None else self.lines.index(chosen)
        for place, line in enumerate(self.lines):
            if line.full is not None:
                self.settled(line, rank <= place)

    def _serve(self, chosen: Line | None) -> None:
        soc, now = self.soc, self.soc.now
        wanted = None if chosen is None else chosen.head()
        running = self.processor.segment
        if running is not None and running is not wanted:
            soc.preempt(self.processor)
        if wanted is not None and wanted.state == READY:
            soc.start(wanted.job, wanted, self.processor)
        self.turn = None if chosen is None else (chosen, now)
        if chosen is not None and chosen.full is not None:
            soc.wake_at(now + chosen.budget, "budget")

    def refill(self, line: Line, now: int) -> None:
        """Bring the budget of a server up to now."""
        raise NotImplementedError

    def passed(self, line: Line) -> None:
        """It would be this one's turn, and nobody waits."""

    def settled(self, line: Line, busy: bool) -> None:
        """It is decided who runs now; `busy`: somebody at least as urgent as this server."""

    def describe(self) -> str:
        return f"{self.called} under fixed priorities ({self.priorities})"


class DeferrableServer(FixedPriorityServers):
    """Fixed priorities, and deferrable servers: a task with a `budget` may use it at any time of each `server_period`.

    The budget is full at each multiple of the period, and is kept until the next one. Strosnider, Lehoczky and Sha,
    IEEE Transactions on Computers 44(1), 1995; the rules and the example are those of Liu's "Real-Time Systems".
    Answers come soon, but it can serve twice its budget in a row (back to back), and so delays less urgent tasks by
    more than a periodic task of that budget would. Needs one processor. The theorem is ``priority-servers``.
    """

    called = "deferrable-server"
    kind: ClassVar[ServerKind] = "deferrable"

    def refill(self, line: Line, now: int) -> None:
        if now >= line.due:
            assert line.full is not None
            line.budget = line.full
            line.due = now - now % line.period + line.period
            self.soc.wake_at(line.due, "period")


class PollingServer(DeferrableServer):
    """Fixed priorities, and polling servers: each `server_period` a task with a `budget` has it when its turn comes.

    When nobody waits at its turn, or no longer, what is left of the budget is lost until the next period. Lehoczky,
    Sha and Strosnider, RTSS 1987; the rules and the example are those of Buttazzo's "Hard Real-Time Computing Systems"
    (5.3). It never delays others by more than a periodic task would; who comes just after the poll waits a period.
    Needs one processor. The theorem is ``priority-servers``.
    """

    called = "polling-server"
    kind: ClassVar[ServerKind] = "polling"

    def refill(self, line: Line, now: int) -> None:
        first = not line.due
        super().refill(line, now)
        if first and now % line.period:
            line.budget = 0  # nobody was there when this period began

    def passed(self, line: Line) -> None:
        line.budget = 0


class SporadicServer(FixedPriorityServers):
    """Fixed priorities, and sporadic servers: a task with a `budget` gets back what it used, a `server_period` later.

    Later than when the server became active: when somebody at least as urgent began to run while it had budget. The
    amount is what it has used when nobody as urgent runs any more, or it is used up. Sprunt, Sha and Lehoczky,
    "Aperiodic task scheduling for hard-real-time systems", Real-Time Systems 1(1), 1989; the rules and the examples are
    those of Buttazzo's "Hard Real-Time Computing Systems" (5.6). Answers come as soon as from a deferrable server, and
    tasks that are schedulable beside a periodic task of that budget and period are so beside the server. For that, one
    rule is not the textbook's (Stanovich et al., RTAS 2010, show that it must not be): a server that gets something
    back while it is active counts as active since then, or that part would be back too soon. Needs one processor. The
    theorem is ``priority-servers``.
    """

    called = "sporadic-server"
    kind: ClassVar[ServerKind] = "sporadic"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        #: by server: (when, how much) it gets back, soonest first
        self.back: dict[int, list[tuple[int, int]]] = {index: [] for index in self.of_task}

    def refill(self, line: Line, now: int) -> None:
        coming = self.back[line.task.index]
        returns = bool(coming) and coming[0][0] <= now
        if line.active is not None and (line.budget == 0 or returns):
            self._rests(line)  # what returns is not used before now, and must not be back a period after `active`
        while coming and coming[0][0] <= now:
            line.budget += coming.pop(0)[1]

    def settled(self, line: Line, busy: bool) -> None:
        if line.active is None and busy and line.budget > 0:
            line.active, line.spent = self.soc.now, 0
        elif line.active is not None and not busy:
            self._rests(line)

    def _rests(self, line: Line) -> None:
        """What it has used since it became active comes back a period after that."""
        assert line.active is not None
        if line.spent:
            time = line.active + line.period
            self.back[line.task.index].append((time, line.spent))
            if time > self.soc.now:
                self.soc.wake_at(time, "back")
        line.active, line.spent = None, 0
