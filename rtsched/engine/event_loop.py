"""The clock and the event queue: SimPy, drained one instant at a time.

Our own events are `Alarm`s, which are re-armed instead of made anew, and called directly instead of through SimPy's
list of callbacks. Events of plain SimPy may stand in the same queue and are processed as SimPy would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

import simpy

from rtsched.errors import EndlessError, SchedulerError

#: Later than every time a run can reach; the largest number that compilers keep in one machine word with its tag.
NEVER: Final = (1 << 62) - 1

# The order within one instant (R1): completions, deadlines, releases, then timers. The low bits carry the index of the
# processor or task, so that equal instants are handled in that order.
# What the hardware makes of it all is settled last (see rtsched.engine.chip.components).
COMPLETION, DEADLINE, RELEASE, TIMER, SETTLE = 0, 1 << 24, 2 << 24, 3 << 24, 4 << 24

#: A policy that acts this often at one instant without coming to rest is stopped.
RESTLESS: Final = 100_000


class Alarm(simpy.Event):
    """An event that calls `fire` each time it comes up, and may be armed again and again."""

    def __init__(self, loop: EventLoop, rank: int, fire: Callable[[], object]) -> None:
        super().__init__(loop)
        self.rank = rank
        self.fire = fire


class Appointment:
    """One instant, often put off or brought forward, at which `meet` is called; stale events are few.

    An event is pushed only for an earlier instant than the one pending; one that comes up too early goes on waiting.
    """

    def __init__(self, loop: EventLoop, rank: int, meet: Callable[[], None]) -> None:
        self.loop = loop
        self.meet = meet
        self.alarm = Alarm(loop, rank, self._fire)
        self.due = self.armed = NEVER

    def set(self, due: int) -> None:
        """Meet at `due` (NEVER: not at all), whatever was agreed before."""
        self.due = due
        if due < self.armed:
            self.armed = due
            self.loop.arm(self.alarm, due)

    def _fire(self) -> None:
        now = self.loop._now
        if now != self.armed:
            return
        self.armed = NEVER
        if self.due > now:
            self.set(self.due)
        else:
            self.due = NEVER
            self.meet()


class EventLoop(simpy.Environment):
    """A SimPy environment with integer time and one scheduling point per instant."""

    _queue: list[Any]
    _eid: count[int]
    _now: int
    #: how often the scheduler was asked
    dispatches = 0

    def __init__(self) -> None:
        super().__init__()
        #: what numbers events, in the order in which they are armed
        self.numbers: Iterator[int] = self._eid

    def ration(self, most: int) -> None:
        """Raise EndlessError once `most` events have been armed."""
        self.numbers = self._rationed(most)

    def _rationed(self, most: int) -> Iterator[int]:
        for number in self._eid:
            if number >= most:
                raise EndlessError(f"more than {most} events by t={self._now} ns: this run may never end")
            yield number

    def arm(self, alarm: Alarm, time: int) -> None:
        """Let `alarm` fire at `time`, which is not in the past."""
        heappush(self._queue, (time, alarm.rank, next(self.numbers), alarm))

    def drain(self, changed: list[bool], dispatch: Callable[[], None], stop: int) -> None:
        """Run until the queue is empty or its next event lies after `stop`; count in `dispatches` how often it acted.

        All events of an instant are delivered, then `dispatch` is called once if any of them set ``changed[0]``; it is
        called again at the same instant only while acting sets the flag anew or produces further events there.
        """
        queue: list[tuple[int, int, int, Any]] = self._queue
        while queue:
            now = queue[0][0]
            if now > stop:
                break
            self._now = now
            turns = 0
            while True:
                while queue and queue[0][0] == now:
                    event = heappop(queue)[3]
                    if type(event) is Alarm:
                        event.fire()
                    else:
                        changed[0] = True
                        _process(event)
                if not changed[0]:
                    break
                changed[0] = False
                dispatch()
                turns += 1
                if turns > RESTLESS:
                    raise SchedulerError(f"the scheduler does not come to rest at t={now} ns: {RESTLESS} dispatches")
            self.dispatches += turns


def _process(event: simpy.Event) -> None:
    """What ``simpy.Environment.step`` does with one event."""
    callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):
        raise event._value
