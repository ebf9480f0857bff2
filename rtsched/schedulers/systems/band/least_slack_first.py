"""Band's least slack first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.schedulers.systems.band.plan import (
    OUT_OF_SERVICE,
    Request,
)
from rtsched.schedulers.systems.band.planned import PlannedBand

if TYPE_CHECKING:
    pass


class BandLeastSlackFirst(PlannedBand):
    """Band's least_slack_time_first: the jobs of the window by the time they can spare, hopeless ones dropped.

    Slack is deadline - now - latency of the best plan (without SLO: the most), ties in the order of the queue (Band's
    sort is not stable). In that order each job is planned again with a copy of the waiting times: if the plan ends
    after the deadline the job is dropped (not with ``drop: never``), else if it begins on an idle worker its piece is
    added to the copy and enqueued, else it is left. Nothing happens while no worker is idle. It promises nothing; it
    needs estimates that hold, and fails by dropping what a worker soon to be free, or back, could have saved.
    """

    def schedule(self) -> None:
        waiting = self.waiting()
        idle = {place for place, time in enumerate(waiting) if time == 0}
        if not idle:
            return
        left = []
        for request in sorted(self.queue[: self.window], key=lambda request: self._slack(request, waiting)):
            plan = self.plan(request, waiting)
            key = plan.pieces[0]
            hopeless = self.soc.now + plan.latency > request.job.deadline
            if hopeless and self.has_slo(request) and self.drop != "never":
                self.soc.drop(request.job, reason="its best plan ends after its deadline")
            elif key.processor in idle:
                waiting[key.processor] += request.units.expected(key)
                self.enqueue(request, key)
            else:
                left.append(request)
        self.queue[: self.window] = left

    def _slack(self, request: Request, waiting: Sequence[int]) -> int:
        if not self.has_slo(request):
            return OUT_OF_SERVICE
        return request.job.deadline - self.soc.now - self.plan(request, waiting).latency
