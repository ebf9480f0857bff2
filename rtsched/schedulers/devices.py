"""What schedulers share that are about accelerators: which device serves a node, and what becomes of all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import READY, RUNNING
from rtsched.errors import SchedulerError
from rtsched.schedulers.base import Scheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import NodeSpec

#: Kinds of processors that are shared by other rules than accelerators are.
PLAIN = ("cpu", "mcu", "link", "cloud")


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """An accelerator, or an instance of one, and the processors (streams, contexts) that it is seen as."""

    index: int
    name: str
    processors: tuple[Processor, ...]

    @property
    def streams(self) -> bool:
        """Whether it is served block by block."""
        return self.processors[0].block_level is not None


class DeviceScheduler(Scheduler):
    """A policy of accelerators: `share` decides what runs on them; all other processors are served without preemption.

    A node goes to the device on which it is believed fastest, for good once it has begun. If that is a CPU, a link or
    a cloud, it takes the fastest one that is free: by task priority, then first come, first served.
    """

    believes = ALWAYS

    def setup(self, soc: Soc) -> None:
        hardware = soc.system.hardware
        plain = [(each.spec.name, (each.index,)) for each in soc.processors]
        units = plain if hardware is None else [(unit.name, unit.processors) for unit in hardware.units]
        found = [(name, places) for name, places in units if soc.processors[places[0]].kind not in PLAIN]
        self.devices = [
            Device(number, name, tuple(soc.processors[place] for place in places))
            for number, (name, places) in enumerate(found)
        ]
        #: the device that each processor belongs to
        self.device_of = {each.index: device for device in self.devices for each in device.processors}
        #: what can start: at home on a device, and elsewhere
        self.waiting: list[Segment] = []
        self.others: list[Segment] = []

    def home(self, node: NodeSpec) -> Device | None:
        """The device on which a node is believed fastest; None if that is no accelerator."""
        return self.device_of.get(min(node.eligible, key=lambda place: (self._time(node, place), place)))

    def device(self, segment: Segment) -> Device | None:
        """The device of a segment: where it began, else its home."""
        processor = segment.processor
        return self.home(segment.node) if processor is None else self.device_of.get(processor.index)

    def _time(self, node: NodeSpec, place: int) -> int:
        time = self.soc.beliefs.time(node, place)
        assert time is not None
        return time

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        for segment in segments:
            (self.others if self.device(segment) is None else self.waiting).append(segment)

    def on_processor(self, processor: Processor, change: str) -> None:
        """A dispatch follows: that is all it takes."""

    def dispatch(self) -> None:
        self.waiting = [segment for segment in self.waiting if segment.state == READY]
        self.share()
        if self.others:
            self._serve_others()

    def share(self) -> None:
        """Decide what runs on the devices now."""
        raise NotImplementedError

    def running(self) -> Iterator[tuple[Processor, Segment]]:
        """What runs on the devices."""
        for device in self.devices:
            for processor in device.processors:
                if processor.segment is not None and processor.segment.state == RUNNING:
                    yield processor, processor.segment

    def place(self, segment: Segment, **how: Any) -> bool:
        """Start a segment that waits on the first processor of its device that is free; whether there is one."""
        device = self.device(segment)
        assert device is not None
        for processor in device.processors:
            if processor.segment is None and processor.index in segment.node.eligible:
                self.waiting.remove(segment)
                self.soc.start(segment.job, segment, processor, **how)
                return True
        return False

    def _serve_others(self) -> None:
        kept = []
        for segment in sorted(self.others, key=lambda each: (each.job.task.priority, *in_line(each))):
            if segment.state != READY:
                continue
            node = segment.node
            free = [place for place in node.eligible if place not in self.device_of and self._free(place)]
            if free:
                best = min(free, key=lambda place: (self._time(node, place), place))
                self.soc.start(segment.job, segment, self.soc.processors[best])
            else:
                kept.append(segment)
        self.others = kept

    def _free(self, place: int) -> bool:
        return self.soc.processors[place].segment is None


def in_line(segment: Segment) -> tuple[int, ...]:
    """First come, first served."""
    return (segment.since, segment.job.task.index, segment.job.index, segment.node.index)


def batch_of(node: NodeSpec, place: int) -> tuple[object, ...]:
    """What nodes that declare batches have in common where they can be in one on a processor."""
    assert node.batch is not None
    network = "" if node.hardware is None else node.hardware.network
    return (node.batch.name, node.batch.sizes[place], node.times[place], node.preemptive, network, node.speedup)


def needs_devices(scheduler: DeviceScheduler, name: str) -> None:
    """Raises SchedulerError where there is no accelerator to share."""
    if not scheduler.devices:
        raise SchedulerError(
            f"{name}: it shares accelerators, and the platform has none; add a processor of kind gpu, npu, dsp or dla"
        )
