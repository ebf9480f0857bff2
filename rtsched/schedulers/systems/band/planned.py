"""Band's schedulers that plan: the whole rest of a request, and shortest expected latency."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.schedulers.systems.band.base import Band, one_of
from rtsched.schedulers.systems.band.plan import (
    Plan,
    Request,
    best_plan,
)

if TYPE_CHECKING:
    pass


class PlannedBand(Band):
    """What Band's schedulers that cut networks share: a plan, and one job at a time on each worker.

    Only the first `window` requests of the queue are looked at (None: all; Band's examples use 10). `order` says what a
    plan is made of: ``merge``, all contiguous ranges of units; ``unit``, single units.
    """

    def __init__(
        self,
        window: int | None = None,
        order: str = "merge",
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        super().__init__(smoothing, drop, quirks, best_effort)
        if window is not None and window < 1:
            raise InputError(f"band: window {window!r} is not a number of jobs from 1")
        self.window = sys.maxsize if window is None else window
        self.merge = one_of("order", order, ("merge", "unit")) == "merge"

    def plan(self, request: Request, waiting: Sequence[int]) -> Plan:
        """The best plan for what is left of a request."""
        state = (request.state, tuple(waiting), request.job.number if self.costly else -1)
        if state not in self.plans:
            self.plans[state] = best_plan(request.units, request.start, waiting, self.costs(request))
        return self.plans[state]

    def longest(self, requests: Iterable[Request], waiting: Sequence[int]) -> tuple[Request, Plan] | None:
        """The request whose shortest latency is the largest, the first of equals, with its plan.

        Of requests with the same network and progress only the first is planned.
        """
        best: tuple[Request, Plan] | None = None
        seen = set()
        for request in requests:
            if request.state not in seen:
                seen.add(request.state)
                plan = self.plan(request, self.seen_by(request, waiting))
                if best is None or plan.latency > best[1].latency:
                    best = (request, plan)
        return best

    def seen_by(self, request: Request, waiting: Sequence[int]) -> Sequence[int]:
        """The waiting times that hold for `request`."""
        return waiting


class BandShortestExpectedLatency(PlannedBand):
    """Band's shortest_expected_latency: of the shortest latencies, the largest goes first, to its worker, busy or not.

    The jobs of the window are taken one by one, each time the one whose best plan ends last (first of equals); its
    first piece is enqueued, and if the worker is busy the job goes back. It promises nothing; it needs estimates that
    hold. Blind to deadlines but for the drops, it fails by running the longest network first, however late.
    """

    def schedule(self) -> None:
        window, self.queue = self.queue[: self.window], self.queue[self.window :]
        while True:
            found = self.longest(window, self.waiting())
            if found is None:
                return
            window.remove(found[0])
            self.enqueue(found[0], found[1].pieces[0])
