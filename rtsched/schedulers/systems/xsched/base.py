"""XSched: preemptive queues of commands for any accelerator, suspended and resumed at one of three levels.

"XSched: preemptive scheduling for diverse XPUs", OSDI 2025 (the paper's levels, limits in flight and costs), with the
policies of its public code (XpuOS/xsched). In rtsched's words: an *XQueue* is a task on a device; it is *ready* while
a segment of that task waits or runs there; to *suspend* it is to preempt that segment, to *resume* it to start that
again.

What differs from XSched, everywhere below: its queues know no jobs, ours are ready since the arrival of their oldest
one; a node's commands (its kernels and copies, else its regions) are in the queue when the node is ready, not before;
nobody is suspended who was resumed in the same instant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rtsched.errors import InputError
from rtsched.schedulers.base import GUESTS
from rtsched.schedulers.devices import DeviceScheduler, in_line, needs_devices

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc

#: What suspends a queue of a GPU that is served block by block, by level.
STREAMS = {1: "boundary", 2: "recall", 3: "now"}


class XQueue(NamedTuple):
    """A queue of commands: a task, and the device that it sends them to, by index."""

    task: int
    device: int


class XSched(DeviceScheduler):
    """What XSched's policies share: queues, the limit in flight, and the three levels of preemption.

    `level` 1 launches no more of a suspended queue (what is in flight ends), 2 takes back what has not begun, 3
    interrupts what runs, too. On a GPU that is served block by block the commands are kernels and copies, of which at
    most `in_flight` are (``soc.limit``). Of any other accelerator they are the regions of a node, one in flight, and a
    suspended one runs to the end of its region; above level 1, where nodes have no boundaries inside, to its own end,
    unless level 3 can take it off at once. CPUs are not XSched's; they go by priority without preemption. Among those
    that are resumed a device serves first come, first served.
    """

    takes = frozenset(GUESTS)

    def __init__(self, level: int = 1, in_flight: int = 16) -> None:
        if level not in STREAMS:
            raise InputError(f"xsched: level {level!r} is not one of 1 (launch no more), 2 (take back), 3 (interrupt)")
        if in_flight.__class__ is not int or in_flight < 1:
            raise InputError(f"xsched: in_flight {in_flight!r} is no whole number from 1")
        self.depth = level
        self.preemption = "limited" if level == 1 else "preemptive"  # only the one has boundaries, the other the levels
        self.in_flight = in_flight

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "xsched")
        for device in self.devices:
            for processor in device.processors if device.streams else ():
                soc.limit(processor, self.in_flight)
        #: what has been asked to stop: the number of the start, by processor
        self.asked: dict[int, int] = {}

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        """The queues that may run; `ready` are those that have commands, each with its oldest job."""
        raise NotImplementedError

    def queue(self, segment: Segment) -> XQueue:
        """The queue of a segment that is at home on a device."""
        device = self.device(segment)
        assert device is not None
        return XQueue(segment.job.task.index, device.index)

    def share(self) -> None:
        ready: dict[XQueue, Job] = {}
        for segment in (*self.waiting, *(each for _, each in self.running())):
            queue = self.queue(segment)
            if queue not in ready or segment.job.index < ready[queue].index:
                ready[queue] = segment.job
        resumed = self.resumed(dict(sorted(ready.items())))
        for processor, segment in list(self.running()):
            if self.queue(segment) not in resumed and self.asked.get(processor.index) != processor.starts:
                self._suspend(processor)
        for segment in sorted(self.waiting, key=in_line):
            if self.queue(segment) in resumed:
                self.place(segment)

    def _suspend(self, processor: Processor) -> None:
        how, running = "boundary", processor.segment
        if running is None:
            return
        if processor.block_level is not None:
            how = STREAMS[self.depth] if running.node.preemptive else how
        elif self.depth == 3 and self.soc.preemptible(processor):
            how = "now"
        elif processor.service == "run-to-completion":
            return
        self.asked[processor.index] = processor.starts
        segment = self.soc.preempt(processor, how)
        if segment is not None:
            self.waiting.append(segment)
