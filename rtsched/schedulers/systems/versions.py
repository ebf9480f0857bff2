"""Versions of a node: variants of its task that launch other kernels on a GPU served block by block, as right ones."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.model.accelerator import BlockLevel, Copy, Kernel
from rtsched.schedulers.quality import variants_of
from rtsched.schedulers.systems.kernels import StreamScheduler, items_of, level_of

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.model.taskgraph import NodeSpec
    from rtsched.schedulers.devices import Device


class VersionScheduler(StreamScheduler):
    """A policy of the streams of GPUs that chooses among the versions of nodes."""

    def versions(self, segment: Segment, device: Device) -> dict[int, NodeSpec]:
        """As which variants a segment may start: that which it is, and all that are as accurate, with other blocks.

        The one that it is alone where it has begun, or its job has and its variants do not change between nodes.
        """
        job, at = segment.job, segment.node.index
        present = _present(segment)
        found = {present: segment.node}
        variants = variants_of(job.task)
        if not variants or segment.processor is not None or not self.soc.changeable(job):
            return found
        shape = _shape(segment.node, device)
        for variant in variants:
            node = variant.nodes[at]
            if variant.accuracy == variants[present].accuracy and not variant.skipped and _shape(node, device) != shape:
                found[variant.index] = node
        return dict(sorted(found.items()))

    def adopt(self, segment: Segment, number: int) -> None:
        """Let a segment that waits start as this version; its whole job, where variants do not change between nodes."""
        quality = segment.job.task.spec.quality
        if number != _present(segment) and quality is not None:
            self.soc.reconfigure(segment.job, number, (segment.node.index,) if quality.switch else None)

    def time_on(self, node: NodeSpec, device: Device, sms: int) -> int:
        """The time in ns that a node is believed to need on so many multiprocessors of a device, alone."""
        level, items = level_of(device), items_of(node, device)
        place = next(each.index for each in device.processors if each.index in node.eligible)
        time = self._time(node, place)
        return -(-time * _alone(level, items, sms) // _alone(level, items, level.sms))

    def longest_block(self, node: NodeSpec, device: Device) -> int:
        """The time in ns that a block of a node is believed to keep its multiprocessor, at most."""
        items = items_of(node, device)
        place = next(each.index for each in device.processors if each.index in node.eligible)
        longest = max((item.time for item in items if isinstance(item, Kernel)), default=0)
        return int(longest * Fraction(self._time(node, place), _alone(level_of(device), items, level_of(device).sms)))


def _present(segment: Segment) -> int:
    """The variant as which a segment starts if it starts now; -1 without variants."""
    if not variants_of(segment.job.task):
        return -1
    path = segment.job.path
    return path.chosen.get(segment.node.index, path.variant)


def _shape(node: NodeSpec, device: Device) -> tuple[Kernel | Copy, ...]:
    """What a node launches but for its times: a share of the full network has the blocks of that."""
    return tuple(item.model_copy(update={"time": 1}) for item in items_of(node, device))


def _alone(level: BlockLevel, items: tuple[Kernel | Copy, ...], sms: int) -> int:
    """The time in ns of kernels in waves and copies, one after the other, on so many multiprocessors."""
    total = 0
    for item in items:
        waves = -(-item.blocks // (level.blocks_at_once(item) * sms)) if isinstance(item, Kernel) else 1
        total += waves * (item.time or 1)
    return total
