"""The parts of a chip beside its processors: what they change is settled once at the end of each instant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rtsched.engine.event_loop import SETTLE, Alarm, EventLoop


class Component(Protocol):
    """Something with state of its own, brought up to date when everything else of an instant has happened."""

    def settle(self, now: int) -> None:
        """Take in what happened at `now`."""


class Hardware:
    """All parts of a run.

    A part to which something happened calls `touch`; a dispatch is followed by `settle` anyway.
    """

    def __init__(self, loop: EventLoop, changed: list[bool]) -> None:
        self.loop = loop
        self.changed = changed
        self.parts: list[Component] = []
        self.alarm = Alarm(loop, SETTLE, self._fire)
        self.armed = -1

    def touch(self) -> None:
        """Settle at the end of this instant."""
        now = self.loop._now
        if self.armed != now:
            self.armed = now
            self.loop.arm(self.alarm, now)

    def _fire(self) -> None:
        self.armed = -1
        if not self.changed[0]:  # else the policy acts first, at this same instant
            self.settle()

    def settle(self) -> None:
        """Bring every part up to date."""
        now = self.loop._now
        for part in self.parts:
            part.settle(now)

    def around(self, dispatch: Callable[[], None]) -> Callable[[], None]:
        """`dispatch`, with the parts settled when the policy has come to rest."""

        def dispatch_and_settle() -> None:
            dispatch()
            if not self.changed[0]:
                self.settle()

        return dispatch_and_settle
