"""Band's fixed worker: every model on one worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.systems.band.base import Band

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc


class BandFixedWorker(Band):
    """Band's fixed_worker: every network has its worker, whole, first come first served (device queues).

    `workers` maps a task to the name of a processor. A task that is not named gets the processor on which it takes
    least (the first of equals); with `quirks` processor 0, since Band never fills its map. Jobs are enqueued as they
    arrive; each worker is a FIFO. One worker for all is plain FIFO. It promises nothing; it needs a worker that
    supports all units of a network, and fails by leaving other workers idle.
    """

    queued = True

    def __init__(
        self,
        workers: dict[str, str] | None = None,
        smoothing: float = 0.1,
        drop: str | None = None,
        quirks: bool = False,
        best_effort: Sequence[str] | None = None,
    ) -> None:
        super().__init__(smoothing, drop, quirks, best_effort)
        self.named = dict(workers or {})

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        places = {processor.name: processor.index for processor in soc.processors}
        for name in sorted(
            self.named.keys() - {task.name for task in soc.tasks} | set(self.named.values()) - places.keys()
        ):
            raise SchedulerError(f"band-fixed-worker: 'workers' names {name!r}, which is no task or no processor")
        self.homes: list[int] = []
        for task in soc.tasks:
            times = self._whole(task)
            chosen = 0 if self.quirks else min(times, key=lambda place: (times[place], place))
            home = places[self.named[task.name]] if task.name in self.named else chosen
            if home not in times:
                fit = ", ".join(soc.processors[place].name for place in times)
                what = f"{soc.processors[home]!r} cannot run all of task {task.name!r}"
                raise SchedulerError(f"band-fixed-worker: {what}; name one of {fit} in 'workers'")
            self.homes.append(home)

    def schedule(self) -> None:
        queue, self.queue = self.queue, []
        for request in queue:
            self.enqueue(request, request.rest(self.homes[request.job.task.index]))
