"""MoCA: who shares the memory with others is given so much of its bandwidth as his urgency and his demand are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import RUNNING
from rtsched.errors import SchedulerError
from rtsched.model.memory import Pairwise
from rtsched.schedulers.base import GUESTS, Scheduler
from rtsched.schedulers.requests import Requests

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc


class MoCA(Scheduler):
    """In the style of MoCA: layers in order of weight and waiting, and caps on their memory traffic while they contend.

    Kim et al., "MoCA: memory-centric, adaptive execution for multi-tenant deep neural networks", HPCA 2023; its readme
    was read, the paper was not; our definition is:

    * A free processor takes the layer with the largest weight + waited / iso (as in `dysta`), each on its fastest one
      that is free. While what runs asks for all of the usable bandwidth or more, layers that ask for no more than an
      equal part of it (by processors) go before the others.
    * At every start and end, if those who run ask for more than is usable, each is capped at usable * s d / sum of s d,
      with its demand d and its score s = weight + min(1, left / slack) (1 without slack): then a layer takes
      max(1, d / cap) times as long in its memory-bound part. Else nobody is capped. The tiles' windows and thresholds
      are not modelled.

    It needs a memory with `bandwidth` and a `contention` that adds demands up, and nodes that say their `memory`. It
    guarantees nothing: the cap of one layer holds for its next one only as long as nothing else changes, and who is
    capped though others leave bandwidth unused does not get it.
    """

    claims = frozenset({"work-conserving"})
    believes = ALWAYS
    preemption = "nonpreemptive"
    takes = frozenset(GUESTS)

    def setup(self, soc: Soc) -> None:
        hardware = soc.system.hardware
        units = () if hardware is None else hardware.units
        self.isolated = {place for unit in units if unit.bandwidth for place in unit.processors}
        memory = None if hardware is None else hardware.platform.memory
        asked = any(self._demand(node, place) for task in soc.tasks for node in task.nodes for place in node.eligible)
        if memory is None or memory.bandwidth is None or memory.contention is None or not asked:
            raise SchedulerError(
                "moca-style: there is no bandwidth to contend for in this run; give the platform e.g. 'memory: "
                "{bandwidth: 40 GB/s, contention: {model: proportional, usable: 0.8}}', and nodes their 'memory'"
            )
        if isinstance(memory.contention, Pairwise):
            raise SchedulerError(
                "moca-style: a measured matrix of slow-downs does not know what a cap changes; choose another model"
            )
        self.usable = memory.bandwidth * getattr(memory.contention, "usable", 1.0)
        self.requests = Requests(soc, 0)

    def _demand(self, node: Any, place: int) -> float:
        """What a node asks of the shared memory on a processor, in bytes per second."""
        about = node.hardware.memory if node.hardware is not None else ()
        return 0.0 if not about or about[place] is None or place in self.isolated else about[place].demand

    # ---- what happens --------------------------------------------------------------------------------------------

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        self.requests.ready(job)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        self.requests.served(segment, observation)

    def on_job_end(self, job: Job) -> None:
        self.requests.ended(job)

    def dispatch(self) -> None:
        while (best := self._best()) is not None:
            best[0].memo = None  # the cap that it has
            self.soc.start(best[0].job, *best)
        self._cap()

    # ---- who runs ------------------------------------------------------------------------------------------------

    def _best(self) -> tuple[Segment, Processor] | None:
        """The layer to start next, and where."""
        waiting, free = self.soc.ready, {each.index for each in self.soc.processors if each.segment is None}
        full = sum(self._demand(each.node, place) for each, place in self._running()) >= self.usable
        equal = self.usable / len(self.soc.processors)
        found: list[tuple[tuple[Any, ...], Segment, int]] = []
        for segment in waiting:
            places = [place for place in segment.node.eligible if place in free]
            if places:
                place = min(places, key=lambda each: (self.soc.beliefs.time(segment.node, each), each))
                job, heavy = segment.job, full and self._demand(segment.node, place) > equal
                score = job.task.weight + self.requests.waited(job) / self.requests.alone(job)
                found.append(((heavy, -score, job.arrival, job.number, segment.node.index), segment, place))
        if not found:
            return None
        _, segment, place = min(found, key=lambda each: each[0])
        return segment, self.soc.processors[place]

    def _running(self) -> list[tuple[Segment, int]]:
        return [(each, each.processor.index) for each in self.soc.running() if each.processor is not None]

    # ---- who gets what of the memory -----------------------------------------------------------------------------

    def _cap(self) -> None:
        """What those who run may take of the memory, from now on; what drains keeps its cap."""
        asks = {each: demand for each, place in self._running() if (demand := self._demand(each.node, place))}
        there = [each.segment for each in self.soc.processors if each.segment is not None]
        kept = sum(int(each.memo or 0) for each in there if each.state != RUNNING)
        usable, total = max(1.0, self.usable - kept), sum(asks.values())
        wanted: dict[Segment, int | None] = dict.fromkeys(asks)
        if total > usable:
            worth = {each: self._score(each.job) * demand for each, demand in asks.items()}
            wanted = {each: max(1, int(usable * value / sum(worth.values()))) for each, value in worth.items()}
        changed = [each for each, cap in wanted.items() if cap != each.memo]
        for segment in changed:  # all are taken back before any is given
            self.soc.share(segment)
        for segment in changed:
            segment.memo = wanted[segment]
            self.soc.share(segment, bandwidth=segment.memo)

    def _score(self, job: Job) -> float:
        slack = job.deadline - self.soc.now
        return job.task.weight + (min(1.0, self.requests.left(job) / slack) if slack > 0 else 1.0)
