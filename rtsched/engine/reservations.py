"""Amounts that a policy sets aside for jobs: KV memory, energy, whatever the system declares as reservable."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, SupportsIndex

from rtsched.engine.job import Job, Segment
from rtsched.engine.steps import AroundSteps, Steps
from rtsched.errors import SchedulerError
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.processor import Processor


class Reservations(AroundSteps):
    """What is reserved, by resource and job: given back when the job ends, or loses its work. Only where declared."""

    def __init__(self, core: Core, inner: Steps) -> None:
        super().__init__(inner)
        self.core = core
        self.capacity = core.system.reservable
        self.number = {resource: number for number, resource in enumerate(self.capacity)}
        self.held: dict[str, dict[Job, int]] = {resource: {} for resource in self.capacity}
        self.total = dict.fromkeys(self.capacity, 0)

    def reserve(self, resource: str, wanted: SupportsIndex, job: Job) -> bool:
        """Let `job` hold so much more (or less) of a resource; False if there is not so much left."""
        amount = index(wanted)
        mine = self.held[resource].get(job, 0) + amount
        if mine < 0:
            raise SchedulerError(f"reserve {amount} of {resource!r} for {job!r}: it holds only {mine - amount}")
        if amount > 0 and self.total[resource] + amount > self.capacity[resource]:
            return False
        self._set(resource, job, mine)
        return True

    def _set(self, resource: str, job: Job, mine: int) -> None:
        held = self.held[resource]
        before = held.pop(job, 0)
        if mine:
            held[job] = mine
        if mine != before:
            self.total[resource] += mine - before
            if self.core.record.kept:
                row = (self.core.loop._now, log.RESERVE, self.number[resource], self.total[resource])
                self.core.record.changes.buffer += row

    def release(self, job: Job) -> None:
        """Give back all that `job` holds."""
        for resource, held in self.held.items():
            if job in held:
                self._set(resource, job, 0)

    def stop(self, processor: Processor, segment: Segment, now: int, reason: int) -> None:
        """What is killed has lost its work, and what was set aside for it is free."""
        self.inner.stop(processor, segment, now, reason)
        if reason == log.KILLED:
            self.release(segment.job)

    def close(self, job: Job, now: int, outcome: int) -> None:
        """A job that ends holds nothing any more; the next one of its task finds that free."""
        self.release(job)
        self.inner.close(job, now, outcome)
