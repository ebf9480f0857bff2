"""Each segment where it is expected to finish first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.beliefs import ALWAYS
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.placements.base import Placement

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc


class EarliestFinish(Placement):
    """Each segment goes, when it becomes ready, to the queue in which it is expected to finish first.

    Expected by the scheduler's `Estimator`: what runs there, plus all that waits there, plus its own time there, with
    loads, copies (not before a link is up again, if it is down) and the present clocks. It then stays in that queue
    (minimum completion time, Maheswaran et al., JPDC 59, 1999). Greedy: it knows nothing of what comes later.
    """

    claims = GREEDY
    believes = ALWAYS
    dynamic = True

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.queues: list[list[Segment]] = [[] for _ in soc.processors]

    def choose(self, segment: Segment) -> int:
        index = min(segment.node.eligible, key=lambda index: (self._down(index), self._finish(segment, index), index))
        self.queues[index].append(segment)
        return index

    def forget(self, segment: Segment) -> None:
        for queue in self.queues:
            if segment in queue:
                queue.remove(segment)

    def _down(self, index: int) -> bool:
        return not self.soc.available(self.soc.processors[index])

    def _finish(self, segment: Segment, index: int) -> int:
        """The expected time from now until `segment` would be done on processor `index`, in ns."""
        queue = self.queues[index] = [waiting for waiting in self.queues[index] if waiting.state in _ALIVE]
        return self.estimator.idle().queue([*queue, segment], index)

    def chosen(self, segment: Segment) -> int | None:
        return next((index for index, queue in enumerate(self.queues) if segment in queue), None)


_ALIVE = (1, 2, 3)  # ready, running, blocked: see rtsched.engine.job
