"""Kernels that take fewer multiprocessors than they could: Miriam's beside critical ones, Aaron's beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.job import RUNNING
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.devices import Device, in_line, urgency
from rtsched.schedulers.systems.kernels import StreamScheduler, kernels_of, level_of, needed

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc


class Miriam(StreamScheduler):
    """In the style of Miriam: critical kernels have their multiprocessors, best-effort ones stretch over the rest.

    Zhao, Ling, Guan, Xing et al., 2023; the paper was not read; our definition is: a kernel version is a number of
    multiprocessors. Critical tasks (`critical` names them; default: criticality ``hard``, else the most urgent
    priority) run at once, by priority, at the highest stream priority, each on as many SMs as its widest kernel has
    blocks for, as far as there are any left, in whole TPCs. Best-effort nodes run beside them on what that leaves, a
    kernel from its beginning on; where nothing is left it waits outside of the GPU. Without critical ones they have
    all. A stream is kept free for critical tasks. Needs a GPU with a 'block_level' and two streams, and nodes for
    kernels, since a node keeps its number. Guarantees that a critical kernel waits for the running waves of others and
    for other critical ones; fails best effort beside wide critical kernels. Blocks of another size are left out.
    """

    preemption = "nonpreemptive"
    alone = "it divides the multiprocessors for kernels as they are planned"

    def __init__(self, critical: Sequence[str] | None = None) -> None:
        self.named = critical

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.need_streams("miriam-style", 2)
        self.critical = self.chosen("miriam-style", soc, self.named)

    def share(self) -> None:
        for device in self.devices:
            waiting = sorted((each for each in self.waiting if self.device(each) is device), key=in_line)
            mine = [each for each in waiting if each.job.task.index in self.critical]
            for segment in sorted(mine, key=lambda each: (urgency(each.job.task), in_line(each))):
                if self.place(segment, priority=1 - level_of(device).priorities) and segment.state == RUNNING:
                    self._keep(device, segment)
            for segment in waiting:
                if segment.job.task.index not in self.critical and self._spare(device):
                    self.place(segment, priority=0)

    def _keep(self, device: Device, segment: Segment) -> None:
        """Give a critical segment the multiprocessors that its widest kernel fills, of those that nobody has."""
        level = level_of(device)
        others = [each for each in self.on(device) if each is not segment]
        taken = sum(self._wanted(device, each) for each in others if each.job.task.index in self.critical)
        count = min(self._wanted(device, segment), level.sms - taken)
        if count > 0 and not self.divided(device):
            self.soc.share(segment, Fraction(count, level.sms))

    def _wanted(self, device: Device, segment: Segment) -> int:
        """How many SMs, in whole TPCs, hold all blocks of a node's widest kernel; at most all of them."""
        level = level_of(device)
        most = max((needed(level, kernel) for kernel in kernels_of(segment, device)), default=0)
        return min(level.sms, -(-most // level.sms_per_tpc) * level.sms_per_tpc)

    def _spare(self, device: Device) -> bool:
        """Whether a stream may be taken by best effort: another one is free, or a critical task has one."""
        if any(each.job.task.index in self.critical for each in self.on(device)):
            return True
        return sum(each.segment is None for each in device.processors) > 1


class Aaron(StreamScheduler):
    """In the style of Aaron: each kernel on the fewest multiprocessors on which it is not much slower, so more co-run.

    Zhao, Ling, Guan, Xing, SenSys 2022 (poster); only its abstract was read; our definition is: a kernel version is a
    number of multiprocessors, in whole TPCs. Each node has the least on which its kernels are expected to take at most
    `slower` times as long as on all (that is its choice at compile time). Nodes start by deadline, then first come,
    first served, each as soon as as many are left, on a stream of its own; the first in line is not overtaken. Needs a
    GPU with a 'block_level' without masks, percentages and contexts in turn. Guarantees that nobody's blocks are on
    another's multiprocessors; fails where a kernel has several waves on its few: until its last one begins it holds up
    all that are behind it in the queue of the GPU.
    """

    preemption = "nonpreemptive"
    alone = "it divides the multiprocessors for kernels as they are planned"

    def __init__(self, slower: float = 1.5) -> None:
        if not slower >= 1:
            raise InputError(f"aaron-style: slower {slower!r} is not at least 1 (as fast as on all multiprocessors)")
        self.slower = Fraction(str(slower))

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.need_streams("aaron-style")
        for device in self.devices:
            if self.divided(device):
                raise SchedulerError(
                    f"aaron-style: {device.name!r} divides its multiprocessors already; leave 'masks', 'mps' and "
                    "'time_slice' out"
                )
        #: how many SMs each node takes, by task and node
        self.chosen_for: dict[tuple[int, int], int] = {}

    def share(self) -> None:
        for device in self.devices:
            level = level_of(device)
            left = level.sms - sum(self.version(device, each) for each in self.on(device))
            waiting = (each for each in self.waiting if self.device(each) is device)
            for segment in sorted(waiting, key=lambda each: (each.job.deadline, in_line(each))):
                count = self.version(device, segment)
                if count > left or not self.place(segment):
                    break
                if count and segment.state == RUNNING:
                    self.soc.share(segment, Fraction(count, level.sms))
                    left -= count

    def version(self, device: Device, segment: Segment) -> int:
        """The least number of SMs on which a node is not much slower than on all; none for copies alone."""
        key = (segment.job.task.index, segment.node.index)
        if key not in self.chosen_for:
            self.chosen_for[key] = self._choose(device, segment) if kernels_of(segment, device) else 0
        return self.chosen_for[key]

    def _choose(self, device: Device, segment: Segment) -> int:
        level = level_of(device)
        place = next(each for each in device.processors if each.index in segment.node.eligible)
        most = self.slower * self._time(segment.node, place.index)
        for count in range(level.sms_per_tpc, level.sms, level.sms_per_tpc):
            time = self.soc.expected_share(segment, place, Fraction(count, level.sms))
            if time is not None and time <= most:
                return count
        return level.sms
