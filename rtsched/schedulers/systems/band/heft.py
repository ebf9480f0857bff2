"""Band's HEFT, and with reservations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rtsched.schedulers.systems.band.plan import (
    Key,
    Plan,
    Request,
)
from rtsched.schedulers.systems.band.planned import PlannedBand

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc


class BandHEFT(PlannedBand):
    """Band's heterogeneous_earliest_finish_time: the largest shortest latency first, only where its worker is idle.

    While a worker is idle, the job of the window whose best plan ends last is looked at; if the plan begins on a busy
    worker, that worker's waiting time grows by the piece and the job is set aside for this round. The window shrinks by
    one with every job that is enqueued. With `reserved`, the piece that follows one just enqueued is added to its
    worker's waiting time when other jobs are planned, until the job has enqueued its last piece. Not the classical
    HEFT: there are no upward ranks. It promises nothing; it needs estimates that hold, and a window where many jobs
    wait, since each round may plan for every one of them. Blind to deadlines but for the drops, it fails in overload.
    """

    reserves: ClassVar[bool] = False

    def __init__(
        self,
        window: int | None = None,
        reserved: bool | None = None,
        order: str = "merge",
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        super().__init__(window, order, smoothing, drop, quirks, best_effort)
        self.reserving = self.reserves if reserved is None else reserved

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.reserved: dict[int, Key] = {}

    def schedule(self) -> None:
        self.reserved = {number: key for number, key in self.reserved.items() if number in self.open}
        left = min(self.window, len(self.queue))
        while left > 0:
            found = self._startable(self.queue[:left])
            if found is None:
                return
            request, plan = found
            self.queue.remove(request)
            left -= 1
            if self.enqueue(request, plan.pieces[0]) and self.reserving:
                self.reserved.pop(request.job.number, None)
                if len(plan.pieces) > 1:
                    self.reserved[request.job.number] = plan.pieces[1]

    def _startable(self, requests: list[Request]) -> tuple[Request, Plan] | None:
        """The most urgent of the requests whose plan begins on an idle worker."""
        waiting = self.waiting()
        idle = {place for place, time in enumerate(waiting) if time == 0}
        self.promised = [0] * len(waiting)
        for number, key in self.reserved.items():
            self.promised[key.processor] += self.open[number].units.expected(key)
        while idle:
            found = self.longest(requests, waiting)
            if found is None:
                break
            key = found[1].pieces[0]
            if key.processor in idle:
                return found
            waiting[key.processor] += found[0].units.expected(key)
            requests.remove(found[0])
        return None

    def seen_by(self, request: Request, waiting: Sequence[int]) -> Sequence[int]:
        times = [time + promised for time, promised in zip(waiting, self.promised, strict=True)]
        own = self.reserved.get(request.job.number)
        if own is not None:
            times[own.processor] -= request.units.expected(own)
        return times


class BandHEFTReserved(BandHEFT):
    """Band's HEFT with reservation: `BandHEFT` that keeps the worker of each job's next piece for it by default."""

    reserves = True
