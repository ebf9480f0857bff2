"""Veltair: blocks of layers, each with as many cores as its deadlines need."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY, RUNNING, WAITING
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.systems.divided import DividedUnit

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import NodeSpec


class Veltair(Scheduler):
    """In the style of Veltair: consecutive layers that need few cores are one block, and blocks start as cores permit.

    Liu et al., "VELTAIR: towards high-performance multi-tenant deep learning services via adaptive compilation and
    scheduling", ASPLOS 2022; the paper was not read; our definition is: the cores are the contexts of the first cluster
    with ``contexts: n, sharing: equal``. A layer needs the fewest cores on which it takes no longer than its part of
    the relative deadline, in proportion to its time on all of them (all, where that is too long still); its `speedup`
    says how long it takes on some. A block begins with the layer that is ready, and takes in the one that follows as
    long as both need no more than the threshold, n over the jobs in the system (at least 1, so that it follows the
    load); a layer that needs more is a block of its own. Jobs are served in the order of arrival: a block starts with
    what its most demanding layer needs, or, in a conflict, with the cores that are left, if any, and keeps them to its
    end. Versions of a layer for more or less interference are not modelled.

    It guarantees nothing; it needs chains of layers. It fails by giving a core too few to a block that is long.
    """

    believes = ALWAYS
    reads = frozenset({"speedup"})
    preemption = "nonpreemptive"
    takes = frozenset({"admission", "speed"})
    alone = "the layers of a block are fixed when it starts"

    def setup(self, soc: Soc) -> None:
        self.unit = DividedUnit(soc, "veltair-style")
        self.active: set[int] = set()

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        self.active.add(job.number)

    def on_job_end(self, job: Job) -> None:
        self.active.discard(job.number)

    def dispatch(self) -> None:
        for job, segment in self.unit.heads().items():
            free = self.unit.free()
            left = self.unit.usable() - sum(int(each.memo or 0) for each in self.soc.running())
            if segment.state == READY and free and left > 0:
                block = self.block(segment)
                cores = min(left, max(self._need(job, each.node) for each in block))
                self.soc.start(job, [each.node.index for each in block] if len(block) > 1 else segment, free[0])
                if segment.state == RUNNING:
                    for each in block:
                        each.memo = cores
                    self.soc.share(segment, Fraction(cores, self.unit.cores))

    def block(self, segment: Segment) -> list[Segment]:
        """The layers that start as one."""
        job, threshold = segment.job, max(1, self.unit.cores // len(self.active))
        found = [segment]
        while self._need(job, found[-1].node) <= threshold:
            followers = [job.segments[index] for index in found[-1].node.successors]
            if len(followers) != 1 or followers[0].waits != 1 or followers[0].state != WAITING:
                break
            if self._need(job, followers[0].node) > threshold:
                break
            found += followers
        return found

    def _need(self, job: Job, node: NodeSpec) -> int:
        """The fewest cores with which a layer keeps to its part of the deadline."""
        home, every = self.unit.processors[0].index, self.unit.cores
        times = {each.index: self.soc.beliefs.time(each, home) or 0 for each in job.task.nodes}
        budget = Fraction(job.task.deadline * times[node.index], sum(times.values()))
        fitting = (c for c in range(1, every) if times[node.index] <= budget * node.speed_at(home, Fraction(c, every)))
        return next(fitting, every)
