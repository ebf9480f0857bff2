"""Band's round robin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.systems.band.base import Band
from rtsched.schedulers.systems.band.plan import (
    OUT_OF_SERVICE,
)

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc


class BandRoundRobin(Band):
    """Band's round_robin: each idle worker, by number, takes the first queued job that it can run whole.

    With `quirks` workers always look idle (Band never refreshes its snapshot), so that each of them takes one job into
    its queue per wake-up. It promises nothing; it needs, for each network, a worker that supports all its units, and
    fails by giving networks to slow workers.
    """

    queued = True

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        for task in soc.tasks:
            self._whole(task)

    def schedule(self) -> None:
        for place, time in enumerate(self.waiting()):
            if time and not (self.quirks and time < OUT_OF_SERVICE):
                continue
            for request in self.queue:
                key = request.rest(place)
                if request.units.available(key):
                    self.queue.remove(request)
                    self.enqueue(request, key)
                    break
