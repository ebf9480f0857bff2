"""Shared resources: who holds what, who waits, and whose urgency the holder borrows.

Protocols (Sha, Rajkumar, Lehoczky, "Priority Inheritance Protocols", IEEE ToC 39(9), 1990): none; inheritance (the
holder runs at the priority of the most urgent job that waits for it, transitively); ceiling in its immediate form
(the holder runs at the priority of the most urgent task that ever uses the resource); original-ceiling (inheritance,
and who may enter is said by `rtsched.engine.ceilings`). On equal priority the holder goes first. A job takes a resource
with the first tick of its section and gives it back after the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.ceilings import ORIGINAL, Ceilings
from rtsched.engine.job import BLOCKED, Segment
from rtsched.engine.points import ENTER
from rtsched.trace.trace import CEILING, DEADLOCK, GIVE, TAKE, WAIT, Deadlock, resources

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.veil import Veiled
    from rtsched.schedulers.base import Scheduler


class Locks:
    """All resources of a run."""

    def __init__(self, core: Core, protocols: dict[str, str]) -> None:
        self.core = core
        self.protocols = protocols
        self.holder: dict[str, Segment] = {}
        self.held: dict[Segment, list[str]] = {}
        self.waiting: dict[str, list[Segment]] = {}
        self.wants: dict[Segment, str] = {}
        self.own: dict[Segment, Any] = {}
        self.users: dict[str, list[Any]] = {}
        self.numbers = {name: number for number, name in enumerate(resources(core.system))}
        self.rows = core.record.locks
        self.ceilings: Ceilings | None = None
        for task in core.tasks:
            for node in task.nodes:
                for section in node.sections:
                    self.users.setdefault(section.resource, []).append(task)

    def settle(self, policy: Scheduler | Veiled) -> None:
        """Know the ceilings, once the policy is ready. Raises SchedulerError if it cannot have them."""
        protocols = self.protocols.values()
        if "ceiling" in protocols or ORIGINAL in protocols:
            policy.level(self.core.tasks[0])  # a policy without fixed priorities refuses now, not when somebody locks
        if ORIGINAL in protocols:
            self.ceilings = Ceilings(self.core, policy, [n for n, kind in self.protocols.items() if kind == ORIGINAL])

    def enter(self, segment: Segment) -> bool:
        """Take every resource that `segment` needs for its next tick; False if it must wait for one."""
        plan = segment.points
        done = segment.demand - segment.remaining
        while plan and plan[-1][0] == done and plan[-1][1] == ENTER:
            name = plan[-1][2]
            barrier = name if name in self.holder else None
            if self.ceilings is not None and name in self.ceilings.place:
                barrier = self.ceilings.barrier(segment, name, self.holder)
            if barrier is not None:
                self._wait(segment, barrier, WAIT if barrier == name else CEILING)
                return False
            plan.pop()
            self._note(segment, name, TAKE)
            self.holder[name] = segment
            self.held.setdefault(segment, []).append(name)
            self.own.setdefault(segment, segment.entry)
            self._refresh(segment)
        return True

    def _wait(self, segment: Segment, name: str, why: int) -> None:
        """Block `segment` until `name` is given back: it wants that, or is kept out by its ceiling."""
        core = self.core
        segment.state = BLOCKED
        self.wants[segment] = name
        self.waiting.setdefault(name, []).append(segment)
        self.own.setdefault(segment, segment.entry)
        core.changed[0] = True
        self._note(segment, name, why)
        self._refresh(self.holder[name])
        self._look_round(segment)

    def _note(self, segment: Segment, name: str, what: int) -> None:
        rows = self.rows
        if rows is not None:
            rows.buffer += (
                self.core.loop._now, segment.job.number, segment.node.index, self.numbers[name], what,
            )  # fmt: skip
            if len(rows.buffer) >= rows.limit:
                rows.pack()

    def _look_round(self, segment: Segment) -> None:
        """Whether those that `segment` waits for wait for it: then none of them ever goes on by itself."""
        circle = [segment]
        while (holder := self.holder[self.wants[circle[-1]]]) is not segment:
            if holder not in self.wants or holder in circle:
                return
            circle.append(holder)
        first = min(range(len(circle)), key=lambda at: (circle[at].job.task.index, circle[at].job.index))
        circle = circle[first:] + circle[:first]
        now = self.core.loop._now
        held = [self.wants[before] for before in (circle[-1], *circle[:-1])]
        members = tuple((_named(each), holds, self.wants[each]) for each, holds in zip(circle, held, strict=True))
        self.core.record.deadlock(Deadlock(now, members))
        if self.core.record.decisions is not None:
            for each in circle:
                self.core.record.decisions.buffer += (now, each.job.number, each.node.index, -1, DEADLOCK)

    def leave(self, segment: Segment, name: str) -> None:
        """Give `name` back: all who wait for it compete again, and the first to run takes it."""
        self._note(segment, name, GIVE)
        self.held[segment].remove(name)
        del self.holder[name]
        self._refresh(segment)
        for waiter in self.waiting.pop(name, ()):
            del self.wants[waiter]
            self.core.unblock(waiter)

    def forget(self, segment: Segment) -> None:
        """`segment` is gone: it waits for nothing and gives everything back."""
        name = self.wants.pop(segment, None)
        if name is not None:
            self.waiting[name].remove(segment)
            self._refresh(self.holder[name])
        for held in list(self.held.get(segment, ())):
            self.leave(segment, held)
        self.held.pop(segment, None)
        self.own.pop(segment, None)

    def _refresh(self, segment: Segment) -> None:
        """Give `segment` the urgency its protocols lend it now, and whoever blocks it in turn.

        Where sections are nested in opposite orders, holders can wait for each other: nobody in such a circle runs any
        more (a deadlock: see `_look_round`), and it is walked round once.
        """
        seen: set[Segment] = set()
        while segment not in seen:
            seen.add(segment)
            self._lend(segment)
            if segment not in self.wants:
                return
            segment = self.holder[self.wants[segment]]

    def _lend(self, segment: Segment) -> None:
        """The most urgent of what is its own and what its protocols lend it."""
        own = self.own.get(segment)
        if own is None:
            return
        best = own
        for name in self.held.get(segment, ()):
            protocol = self.protocols.get(name, "none")
            if protocol in ("inheritance", ORIGINAL):
                for waiter in self.waiting.get(name, ()):
                    best = min(best, (waiter.entry[0], -1, *own))
            elif protocol == "ceiling":
                for task in self.users[name]:
                    best = min(best, (self.core.scheduler.level(task), -1, *own))
        if best != segment.entry:
            self.core.scheduler.rekey(segment, best)
            if self.core.grounds is not None:
                self.core.grounds.lent(segment)


def _named(segment: Segment) -> str:
    job = segment.job
    return f"{job.task.name}[{job.index}]" + (f".{segment.node.name}" if len(job.task.nodes) > 1 else "")
