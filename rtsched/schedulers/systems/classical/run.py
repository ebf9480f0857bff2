"""RUN: multiprocessor scheduling reduced to scheduling one processor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.systems.classical.plain import PlainTasks
from rtsched.schedulers.systems.classical.shares import boundary, grid, shares, why_too_much

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import SystemSpec


@dataclass(slots=True, eq=False)
class RateServer:
    """A server of `rate` ns in every step: of one task (or none: idle time), of others by EDF, or the dual of another.

    It has `budget` ns left until `due`, the next boundary of the `tasks` below it.
    """

    rate: int
    tasks: tuple[int, ...] = ()
    children: tuple[RateServer, ...] = ()
    dual: bool = False
    budget: int = 0
    due: int = 0

    def all(self) -> Iterator[RateServer]:
        """Itself and all servers below."""
        yield self
        for child in self.children:
            yield from child.all()


def packed(servers: Iterable[RateServer], step: int) -> list[RateServer]:
    """Servers of servers, each of a rate of at most 1, by first fit."""
    found: list[list[RateServer]] = []
    for server in servers:
        for each in found:
            if sum(other.rate for other in each) + server.rate <= step:
                each.append(server)
                break
        else:
            found.append([server])
    return [together(each) for each in found]


def together(servers: list[RateServer]) -> RateServer:
    """The server of some servers."""
    tasks = tuple(index for each in servers for index in each.tasks)
    return RateServer(sum(each.rate for each in servers), tasks, tuple(servers))


def reduced(rates: list[int], processors: int, step: int) -> list[RateServer]:
    """The trees whose roots have a rate of 1, by packing and taking duals in turn; idle time fills the processors.

    >>> [tree.rate for tree in reduced([2, 2, 2], 2, 3)]      # three tasks of 2/3: their duals make one server
    [3]
    """
    idle = processors * step - sum(rates)
    servers = []
    for server in packed([RateServer(rate, (index,)) for index, rate in enumerate(rates)], step):
        more = min(step - server.rate, idle)
        idle -= more
        servers.append(together([*server.children, RateServer(more)]) if more else server)
    roots = []
    while servers:
        roots += [each for each in servers if each.rate == step]
        duals = [RateServer(step - each.rate, each.tasks, (each,), dual=True) for each in servers if each.rate < step]
        servers = packed(duals, step)
    return roots


class RUN(PlainTasks):
    """Reduction to uniprocessor: tasks are packed into servers, and the duals of these (their idle time) into others.

    Packing and duals go on until each tree has a server that takes a whole processor; this one is then scheduled by
    EDF, and of each dual that runs the primal rests, and the other way round. A server's budget is its rate times the
    time to the next boundary of any task below it. No periodic set of U <= m and D >= T misses, with few preemptions.
    Regnier, Lima, Massa, Levin and Brandt, "RUN: optimal multiprocessor real-time scheduling via reduction to
    uniprocessor", RTSS 2011; packing by first fit, as in SimSo's code. Rates are whole ns of the common divisor of all
    periods and offsets, rounded up: what then does not fit is refused. It is not work-conserving: who is done early
    leaves its time unused.
    """

    called = "run"

    def refuses(self, system: SystemSpec) -> str | None:
        reason = super().refuses(system)
        return reason or why_too_much(system, len(system.tasks[0].nodes[0].eligible))

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.step = grid(soc.system)
        self.roots = reduced(shares(soc.system, self.step), len(self.places), self.step)
        self.servers = [server for root in self.roots for server in root.all()]
        #: the servers that use up their budgets, since when, and the next boundary of each task
        self.serving: list[RateServer] = []
        self.since = -1
        self.next = [0] * len(soc.tasks)

    def dispatch(self) -> None:
        now = self.soc.now
        for server in self.serving:
            server.budget -= now - self.since
        self.since = now
        self._refill(now)
        self.serving = []
        chosen = [index for root in self.roots for index in self._serve(root, True)]
        self.spread(segment for index in chosen if (segment := self.live(index)) is not None)
        ends = [now + each.budget for each in self.serving if each.budget > 0]
        self.wake(min([*ends, *self.next]))

    def _refill(self, now: int) -> None:
        """New budgets for all servers above a task that is at a boundary."""
        reached = {index for index, time in enumerate(self.next) if time <= now}
        for index in reached:
            self.next[index] = boundary(self.soc.tasks[index].spec, now)
        for server in self.servers if reached else ():
            if not reached.isdisjoint(server.tasks):
                server.due = min(self.next[index] for index in server.tasks)
                server.budget = server.rate * (server.due - now) // self.step

    def _serve(self, server: RateServer, runs: bool) -> Iterator[int]:
        """The tasks that run, where a server runs or does not."""
        if runs:
            self.serving.append(server)
        if server.dual:
            yield from self._serve(server.children[0], not runs)
        elif server.children:
            able = [child for child in server.children if child.budget > 0]
            first = min(able, key=lambda child: child.due, default=None)
            for child in server.children:
                yield from self._serve(child, runs and child is first)
        elif runs:
            yield from server.tasks

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Whom it does not refuse it serves in time."""
        return self.planned(names, PlanTraits(self.refuses, optimal=True))

    def describe(self) -> str:
        return "RUN"
