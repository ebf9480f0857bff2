"""REEF: best-effort kernels are reset for a real-time request, and pad what its kernels leave of the GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

from rtsched.engine.job import DRAINING, RUNNING
from rtsched.model.accelerator import Kernel
from rtsched.schedulers.devices import Device, in_line
from rtsched.schedulers.systems.kernels import items_of, kernels_of, level_of
from rtsched.schedulers.systems.versions import VersionScheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.model.accelerator import BlockLevel
    from rtsched.model.taskgraph import NodeSpec

#: How many kernels of a stream the device holds in REEF's reset mode.
CAPACITY = 2


@dataclass(frozen=True, slots=True)
class Padding:
    """A best-effort segment, as version `number`, of which one kernel has `rest` of the GPU beside a real-time `kept`.

    It is launched `first` where that one does not leave the queue at once: a GPU assigns blocks of the head alone.
    """

    segment: Segment
    number: int
    processor: Processor
    kept: Fraction
    rest: Fraction
    first: bool


class REEF(VersionScheduler):
    """Real-time requests first: best-effort kernels are reset at once, and pad what real-time kernels leave free.

    Han, Zhang, Chen, Chen, "Microsecond-scale preemption for concurrent GPU-accelerated DNN inferences", OSDI 2022,
    with the rules of its public code (reef-artifacts). While no real-time request is there every best-effort task runs
    on a stream of its own. When one comes they are reset: what has not begun is taken back (the device holds two
    kernels of each), what runs dies, and runs again later; a cluster's `reset` says how long that takes. Real-time
    requests run one at a time, first come, first served. With each of their kernels one of a best-effort task is
    launched (`padding`), the first in line that fits (a node that has not begun: as the first variant of its task that
    does, is as accurate and launches other blocks): the real-time kernel has l = blocks / SMs layers, rounded up, and
    blocks / l SMs, the other one has the rest; both together still allow the occupancy of the real-time one; and all
    blocks of the other end within its time.

    `realtime` names the tasks of the first class (default: criticality ``hard``, else the most urgent priority). What
    differs from REEF: a real-time kernel is a node here (of its widest kernel), so give kernels as nodes; a padding
    kernel is launched with all of its blocks or not at all (beside one of several layers: in one wave), where REEF
    keeps how many of them have run; and a reset loses the kernels that run, where REEF may run two again that had
    ended. Guarantees that a real-time request waits
    only for others of its class and for the reset; fails best effort, which starves, and loses work with each reset.
    """

    preemption = "preemptive"
    alone = "it resets and pads kernels as they are planned"

    def __init__(self, realtime: Sequence[str] | None = None, padding: bool = True) -> None:
        self.named = realtime
        self.padding = padding

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.need_streams("reef", 2)
        self.realtime = self.chosen("reef", soc, self.named)
        for device in self.devices:
            for processor in device.processors:
                soc.limit(processor, CAPACITY)
        #: who pads which real-time segment
        self.pads: dict[Segment, Segment] = {}
        #: what is being reset: the number of the start, by processor
        self.resetting: dict[int, int] = {}

    def share(self) -> None:
        self.pads = {pad: segment for pad, segment in self.pads.items() if pad.state == RUNNING}
        for device in self.devices:
            waiting = sorted((each for each in self.waiting if self.device(each) is device), key=in_line)
            urgent = [each for each in waiting if each.job.task.index in self.realtime]
            running = [each for _, each in self.running_on(device) if each.job.task.index in self.realtime]
            if urgent or running:
                self._real_time(device, urgent, running)
            else:
                for pad in [each for _, each in self.running_on(device) if each in self.pads]:
                    self.soc.share(pad)  # it may use all of the GPU now
                    del self.pads[pad]
                for segment in waiting:
                    self.place(segment)

    def running_on(self, device: Device) -> list[tuple[Processor, Segment]]:
        """What runs on a device."""
        return [(processor, each) for processor, each in self.running() if processor in device.processors]

    def _real_time(self, device: Device, urgent: list[Segment], running: list[Segment]) -> None:
        """Reset what is in the way, then run the first request, and pad it."""
        for processor, segment in self.running_on(device):
            if segment.job.task.index not in self.realtime and self.pads.get(segment) not in running:
                self._reset(processor, segment)
        if running or any(self._in_reset(processor) for processor in device.processors):
            return
        segment = urgent[0]
        own = self._stream(segment, device)
        if own is None:
            return
        padding = self._choose(device, segment, own) if self.padding else None
        if padding is not None:
            self.adopt(padding.segment, padding.number)
        if padding is not None and padding.first:
            self._start(padding.segment, padding.processor, 1)
        self._start(segment, own, CAPACITY)
        if padding is not None:
            if not padding.first:
                self._start(padding.segment, padding.processor, 1)
            self._one_kernel(padding, segment)

    def _stream(self, segment: Segment, device: Device, taken: Processor | None = None) -> Processor | None:
        """A stream on which a segment can start now, other than the one that is `taken`."""
        free = (each for each in device.processors if each.segment is None and each is not taken)
        return next((each for each in free if each.index in segment.node.eligible), None)

    def _start(self, segment: Segment, processor: Processor, limit: int) -> None:
        """Start a segment with so many kernels in flight, all in one queue of the GPU."""
        self.soc.limit(processor, limit)
        self.waiting.remove(segment)
        self.soc.start(segment.job, segment, processor, priority=0)

    def _reset(self, processor: Processor, segment: Segment) -> None:
        self.pads.pop(segment, None)
        if segment.node.preemptive and self.resetting.get(processor.index) != processor.starts:
            self.resetting[processor.index] = processor.starts
            stopped = self.soc.preempt(processor, "now")
            if stopped is not None:
                self.waiting.append(stopped)

    def _in_reset(self, processor: Processor) -> bool:
        segment = processor.segment
        return (
            segment is not None
            and segment.state == DRAINING
            and self.resetting.get(processor.index) == processor.starts
        )

    # ---- dynamic kernel padding ------------------------------------------------------------------------------------

    def _choose(self, device: Device, segment: Segment, own: Processor) -> Padding | None:
        """The first best-effort kernel that fits beside a real-time segment on `own`, on the SMs that this leaves."""
        level, kernels = level_of(device), kernels_of(segment, device)
        if not kernels or self.divided(device) or self.on(device):  # what drains keeps the multiprocessors it has
            return None
        layers = [-(-kernel.blocks // level.sms) for kernel in kernels]
        wide = max(-(-kernel.blocks // layer) for kernel, layer in zip(kernels, layers, strict=True))
        kept = -(-wide // level.sms_per_tpc) * level.sms_per_tpc
        rest = (level.sms - kept) // level.sms_per_tpc * level.sms_per_tpc
        if rest <= 0:
            return None
        first = len(kernels) > 1 or kernels[0].blocks > level.blocks_at_once(kernels[0]) * kept
        time = self._time(segment.node, own.index)
        for candidate in sorted((each for each in self.waiting if self.device(each) is device), key=in_line):
            place = self._stream(candidate, device, own)
            if place is None or candidate.job.task.index in self.realtime or not candidate.node.preemptive:
                continue
            for number, node in self.versions(candidate, device).items():
                kernel = self._head(candidate, node, device)
                if kernel is None or any(_crowds(level, kernel, each, kept) for each in kernels):
                    continue
                waves = -(-kernel.blocks // (level.blocks_at_once(kernel) * rest))
                if waves * kernel.time <= time and not (first and waves > 1):
                    parts = Fraction(kept, level.sms), Fraction(rest, level.sms)
                    return Padding(candidate, number, place, *parts, first)
        return None

    def _head(self, segment: Segment, node: NodeSpec, device: Device) -> Kernel | None:
        """The kernel that a segment launches next as a version, by what it is believed to have done; None: a copy."""
        items, level = items_of(node, device), level_of(device)
        alone = [
            -(-item.blocks // (level.blocks_at_once(item) * level.sms)) * item.time if isinstance(item, Kernel) else 1
            for item in items
        ]
        total = self._time(node, device.processors[0].index)
        done = total - self.soc.remaining(segment) if segment.processor is not None else 0
        ended = sum(total * time // sum(alone) <= done for time in accumulate(alone))
        item = items[min(ended, len(items) - 1)]
        return item if isinstance(item, Kernel) else None

    def _one_kernel(self, padding: Padding, segment: Segment) -> None:
        """Give both their multiprocessors, and stop what pads behind the one kernel that is in flight."""
        pad = padding.segment
        if pad.state == RUNNING and segment.state == RUNNING:
            self.pads[pad] = segment
            self.soc.share(segment, padding.kept)
            self.soc.share(pad, padding.rest)
        if pad.state == RUNNING and self.soc.preempt(padding.processor, "boundary") is not None:
            self.waiting.append(pad)  # nothing was in flight yet
        self.soc.limit(padding.processor, CAPACITY)


def _crowds(level: BlockLevel, kernel: Kernel, urgent: Kernel, kept: int) -> bool:
    """Whether a kernel, merged with an urgent one, would lower the number of blocks of that on one of its SMs."""
    merged = Kernel(
        blocks=1,
        threads=max(urgent.threads, kernel.threads),
        shared_memory=max(urgent.shared_memory, kernel.shared_memory),
        registers=max(urgent.registers, kernel.registers),
        time=1,
    )
    return level.blocks_at_once(merged) < min(level.blocks_at_once(urgent), -(-urgent.blocks // kept))
