"""What schedulers of GPUs that are served block by block share: kernels of nodes, and what they take of the GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.engine.job import DRAINING, RUNNING
from rtsched.errors import SchedulerError
from rtsched.model.accelerator import BlockLevel, Copy, Kernel
from rtsched.schedulers.devices import Device, DeviceScheduler, urgency

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import NodeSpec


class StreamScheduler(DeviceScheduler):
    """A policy of the streams of GPUs; all other processors, accelerators among them, are served as CPUs are."""

    def need_streams(self, name: str, least: int = 1) -> None:
        """Keep the GPUs that are served block by block. Raises SchedulerError where none has `least` streams."""
        self.devices = [device for device in self.devices if device.streams]
        self.device_of = {each.index: device for device in self.devices for each in device.processors}
        if not any(len(device.processors) >= least for device in self.devices):
            raise SchedulerError(
                f"{name}: no GPU has a 'block_level' with {least} streams or more; give it one, e.g. "
                f"block_level: {{sms: 8, streams: {max(2, least)}}}"
            )

    def on(self, device: Device) -> list[Segment]:
        """What is on a device, and has its multiprocessors: what runs, and what drains for a job that is over."""
        found = [each.segment for each in device.processors if each.segment is not None]
        return [segment for segment in found if segment.state in (RUNNING, DRAINING)]

    def divided(self, device: Device) -> bool:
        """Whether the file divides the multiprocessors of a GPU already: by masks, percentages or turns of contexts."""
        level = level_of(device)
        contexts = {task.spec.context for task in self.soc.tasks}
        return bool(level.masks or level.mps or (level.time_slice and len(contexts) > 1))

    def chosen(self, name: str, soc: Soc, names: Sequence[str] | None) -> set[int]:
        """The tasks of these names by index; of none named: those with criticality ``hard``, else the most urgent."""
        known = {task.name: task.index for task in soc.tasks}
        if names is not None:
            for each in names:
                if each not in known:
                    raise SchedulerError(f"{name}: {each!r} is no task (there are {', '.join(known)})")
            return {known[each] for each in names}
        mine = [task for task in soc.tasks if any(self.home(node) is not None for node in task.nodes)]
        hard = {task.index for task in mine if task.criticality == "hard"}
        return hard or {task.index for task in sorted(mine, key=urgency)[:1]}


def level_of(device: Device) -> BlockLevel:
    """How a GPU is served."""
    level = device.processors[0].block_level
    assert level is not None
    return level


def items_of(node: NodeSpec, device: Device) -> tuple[Kernel | Copy, ...]:
    """What a node launches on a device: kernels and copies, one after the other."""
    about = node.hardware
    places = [each.index for each in device.processors if each.index in node.eligible]
    return () if about is None or not about.kernels else about.kernels[places[0]] or ()


def kernels_of(segment: Segment, device: Device) -> list[Kernel]:
    """The kernels among them."""
    return [item for item in items_of(segment.node, device) if isinstance(item, Kernel)]


def needed(level: BlockLevel, kernel: Kernel) -> int:
    """How many multiprocessors hold all blocks of a kernel at once; may be more than there are."""
    return -(-kernel.blocks // level.blocks_at_once(kernel))
