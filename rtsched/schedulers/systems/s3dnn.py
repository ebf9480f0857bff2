"""S3DNN: requests for the same network fused, the least slack first, and beside it what the rest of a GPU holds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.job import DRAINING, READY, RUNNING
from rtsched.schedulers.devices import Device, DeviceScheduler, batch_of, in_line, needs_devices
from rtsched.schedulers.requests import Requests
from rtsched.schedulers.systems.kernels import kernels_of, level_of, needed

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc


class S3DNN(DeviceScheduler):
    """In the style of S3DNN: frames of several cameras fused, the least slack first, small kernels side by side.

    Zhou, Bateni and Liu, "S3DNN: supervised streaming and scheduling for GPU-accelerated real-time DNN workloads", RTAS
    2018; the abstract was read; our definition is: requests are nodes. Each accelerator serves them by slack: deadline,
    less now, less what is left of the job. The one with the least is started with all that wait for the same (`batch`)
    as one, next by slack, as long as the longer time makes nobody late who would not be late alone. Beside what runs
    it starts only if all together need no more than the accelerator has; else all others wait, too: nobody overtakes.

    On a GPU served block by block a node needs as many multiprocessors as hold its widest kernel; where contexts share
    an accelerator, the least measured part (`speedup`) on which it is as fast as on all of it, and is given that; else
    all. n fused ones need n times as much, or all. GPUs served block by block have no batches: nothing is fused there.
    Other processors go by priority. Guarantees that fusing makes nobody late, as far as expectations hold and one thing
    runs at a time; fails where long requests with slack have begun, since nothing is preempted.
    """

    preemption = "nonpreemptive"
    reads = frozenset({"batch", "speedup"})
    takes = frozenset({"admission", "speed"})
    alone = "it fuses requests as they are planned"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "s3dnn-style")
        self.requests = Requests(soc)

    def on_job_end(self, job: Job) -> None:
        self.requests.ended(job)

    def slack(self, segment: Segment) -> int:
        """The time in ns that its job could wait and be in time still, alone."""
        return segment.job.deadline - self.soc.now - self.requests.left(segment.job)

    def rank(self, segment: Segment) -> tuple[int, ...]:
        """The least slack first, then first come, first served."""
        return (self.slack(segment), *in_line(segment))

    def share(self) -> None:
        for device in self.devices:
            self._serve(device)

    def _serve(self, device: Device) -> None:
        """Start what waits for a device, in its order, until something does not fit beside what runs."""
        line = sorted((each for each in self.waiting if self.device(each) is device), key=self.rank)
        for first in line:
            free = [each for each in device.processors if each.segment is None and each.index in first.node.eligible]
            if not free or first.state != READY:
                continue
            members = self._fused(first, line, free[0])
            need = min(Fraction(1), len(members) * self.need(first, device))
            if self._taken(device) + need > 1:
                return
            self._start(members, free[0], need)

    def _fused(self, first: Segment, line: Sequence[Segment], processor: Processor) -> list[Segment]:
        """The first, and those behind it that go with it in time."""
        members = [first]
        alone = self.soc.expected_batch(first, processor, 1) or 0
        for other in line:
            if other is first or not _alike(first, other, processor.index):
                continue
            takes = self.soc.expected_batch(first, processor, len(members) + 1)
            if takes is None or any(0 <= self.slack(each) < takes - alone for each in (*members, other)):
                break
            members.append(other)
        return members

    def need(self, segment: Segment, device: Device) -> Fraction:
        """The part of a device without which a node would be slower."""
        if device.streams:
            level = level_of(device)
            kernels = kernels_of(segment, device)
            return min(Fraction(1), Fraction(max((needed(level, each) for each in kernels), default=0), level.sms))
        place = next(each.index for each in device.processors if each.index in segment.node.eligible)
        parts = segment.node.speedup[place] if segment.node.speedup else ()
        return next((part for part, speed in parts if speed >= 1), Fraction(1))

    def _taken(self, device: Device) -> Fraction:
        """What is needed by all that is on a device, also by what drains for a job that is over."""
        there = [each.segment for each in device.processors if each.segment is not None]
        return sum((Fraction(each.memo or 0) for each in there if each.state in (RUNNING, DRAINING)), Fraction(0))

    def _start(self, members: list[Segment], processor: Processor, need: Fraction) -> None:
        for each in members:
            each.memo = need
        first = members[0]
        if len(members) == 1:
            self.soc.start(first.job, first, processor)
        else:
            first = (*self.soc.start_batch(members, processor), first)[0]
        shared = not self.device_of[processor.index].streams and need < 1
        if shared and processor.segment is first and first.state == RUNNING:
            self.soc.share(first, need)


def _alike(first: Segment, other: Segment, place: int) -> bool:
    """Whether two that wait may run as one on a processor: the same work, which neither has begun."""
    if other.state != READY or place not in other.node.eligible:
        return False
    if any(each.node.batch is None or each.processor is not None or each.node.copies for each in (first, other)):
        return False
    return batch_of(first.node, place) == batch_of(other.node, place)
