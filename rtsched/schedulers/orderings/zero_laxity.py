"""Earliest deadline first until zero laxity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY
from rtsched.model.paths import critical_paths
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.orderings.base import Ordering

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc


class EDZL(Ordering):
    """Earliest deadline first until zero laxity: EDF, but what would be late if it waited on goes before all others.

    The laxity of a node is the deadline less now, what is believed to be left of it, and the longest path behind it
    (of the full network, at its fastest).
    Never worse than global EDF on equal processors with known execution times, and better where one long job waits
    beside m short ones (Lee, "On-line multiprocessor scheduling algorithms for real-time tasks", TENCON 1994; Cho, Lee,
    Han and Lin, "Efficient real-time scheduling algorithms for multiprocessor systems", IEICE 2002). In overload it
    fails by starting what is lost anyway. The theorem is ``edzl``.
    """

    claims = GREEDY
    order = "EDZL"
    believes = ALWAYS
    dynamic = True

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        #: who was looked at in the dispatch under way, and when that is
        self.seen: dict[Segment, None] = {}
        self.at = -1
        #: the longest path behind each node, by task, as it is believed to be in this version of the beliefs
        self.behind: dict[int, list[int]] = {}
        self.version = soc.beliefs.version

    def key(self, segment: Segment) -> tuple[Any, ...]:
        now = self.soc.now
        if now != self.at:
            self.at = now
            self.seen.clear()
        self.seen[segment] = None
        job = segment.job
        return (self._last_start(segment) > now, job.deadline, job.release)

    def review(self, running: Segment, waiting: tuple[Any, ...] | None) -> int | None:
        """When the laxity of the first of those who wait comes to zero."""
        starts = [self._last_start(segment) for segment in self.seen if segment.state == READY]
        return min((start for start in starts if start > self.soc.now), default=None)

    def _last_start(self, segment: Segment) -> int:
        """When the laxity of a segment is zero if it waits until then."""
        return int(segment.job.deadline - self.soc.remaining(segment) - self._behind(segment))

    def _behind(self, segment: Segment) -> int:
        task = segment.job.task
        if len(task.nodes) == 1:
            return 0
        beliefs = self.soc.beliefs
        if self.version != beliefs.version:
            self.version = beliefs.version
            self.behind.clear()
        if task.index not in self.behind:
            paths = critical_paths(task.spec, time=beliefs.fastest)
            self.behind[task.index] = [
                path - beliefs.fastest(node) for node, path in zip(task.nodes, paths, strict=True)
            ]
        return self.behind[task.index][segment.node.index]
