"""Kernels in versions, and on fewer multiprocessors than all: Miriam's beside critical ones, Aaron's beside others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.job import RUNNING
from rtsched.errors import InputError, SchedulerError
from rtsched.model.accelerator import Kernel
from rtsched.schedulers.devices import Device, in_line, urgency
from rtsched.schedulers.systems.kernels import items_of, kernels_of, level_of, needed
from rtsched.schedulers.systems.versions import VersionScheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.model.taskgraph import NodeSpec


class Miriam(VersionScheduler):
    """In the style of Miriam: critical kernels have their multiprocessors, best-effort ones stretch over the rest.

    Zhao, Ling, Guan, Xing et al., 2023; the paper was not read; our definition is: critical tasks (`critical` names
    them; default: criticality ``hard``, else the most urgent priority) run at once, by priority, at the highest stream
    priority, each on as many SMs as its widest kernel has blocks for, as far as there are any left, in whole TPCs.
    Best-effort nodes run beside them on what that leaves, a kernel from its beginning on; where nothing is left it
    waits outside of the GPU. Without critical ones they have all. A stream is kept free for critical tasks.

    Elastic kernels are the versions of a best-effort node: variants of its task that are as accurate and launch other
    blocks. It starts as the one that is expected to be done first on what is left (the first of the file of equal
    ones), of those whose blocks take at most the part `loss` (10 %) of the quickest critical job: for so long may a
    critical kernel find them in its way. If all take longer, as the one whose blocks take least.

    Needs a GPU with a 'block_level' and two streams, and nodes for kernels, since a node keeps its number of SMs and
    its version. Guarantees that a critical kernel waits for the running waves of others and for other critical ones;
    fails best effort beside wide critical kernels.
    """

    preemption = "nonpreemptive"
    alone = "it divides the multiprocessors for kernels as they are planned"

    def __init__(self, critical: Sequence[str] | None = None, loss: float = 0.1) -> None:
        if not 0 < loss <= 1:
            raise InputError(
                f"miriam-style: loss {loss!r} is no part of a critical job above 0 and at most 1, e.g. 0.1"
            )
        self.named, self.loss = critical, Fraction(str(loss))

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
                    self.adopt(segment, self._elastic(device, segment))
                    self.place(segment, priority=0)

    def _elastic(self, device: Device, segment: Segment) -> int:
        """The version of a best-effort segment that suits what critical ones leave, and does not keep them waiting."""
        found = self.versions(segment, device)
        if len(found) == 1:
            return next(iter(found))
        level = level_of(device)
        taken = sum(self._wanted(device, each) for each in self.on(device) if each.job.task.index in self.critical)
        sms = level.sms - taken if taken < level.sms else level.sms
        jobs = [self.soc.tasks[index].nodes for index in self.critical]
        quickest = min(sum(self.soc.beliefs.fastest(node) for node in nodes) for nodes in jobs)
        late = {each: max(0, self.longest_block(node, device) - quickest * self.loss) for each, node in found.items()}
        return min(found, key=lambda each: (late[each], self.time_on(found[each], device, sms), each))

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


class Aaron(VersionScheduler):
    """In the style of Aaron: each kernel on the fewest multiprocessors on which it is not much slower, so more co-run.

    Zhao, Ling, Guan, Xing, SenSys 2022 (poster); only its abstract was read; our definition is: a kernel version is
    what a node launches, as any variant of its task that is as accurate, on a number of multiprocessors, in whole TPCs.
    Each node has the least number on which one of them is expected to take at most `slower` times as long as the
    quickest on all (that is its choice at compile time), and the quickest there. Nodes start by deadline, then first
    come, first served, each as soon as as many are left, on a stream of its own; the first in line is not overtaken.
    Needs a GPU with a 'block_level' without masks, percentages and contexts in turn. Guarantees that nobody's blocks
    are on another's multiprocessors; fails where a kernel has several waves on its few: until its last one begins it
    holds up all that are behind it in the queue of the GPU.
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
        #: how many SMs each node takes, and as which variant, by task, node and the versions that it can still be
        self.chosen_for: dict[tuple[int, ...], tuple[int, int]] = {}

    def share(self) -> None:
        for device in self.devices:
            level = level_of(device)
            left = level.sms - sum(each.memo or 0 for each in self.on(device))
            waiting = (each for each in self.waiting if self.device(each) is device)
            for segment in sorted(waiting, key=lambda each: (each.job.deadline, in_line(each))):
                count, number = self.version(device, segment)
                if count > left:
                    break
                self.adopt(segment, number)
                segment.memo = count
                if not self.place(segment):
                    break
                if count and segment.state == RUNNING:
                    self.soc.share(segment, Fraction(count, level.sms))
                    left -= count

    def version(self, device: Device, segment: Segment) -> tuple[int, int]:
        """The least number of SMs on which a node is not much slower than on all (none for copies), and its variant."""
        found = self.versions(segment, device)
        key = (segment.job.task.index, segment.node.index, *found)
        if key not in self.chosen_for:
            self.chosen_for[key] = self._choose(device, found)
        return self.chosen_for[key]

    def _choose(self, device: Device, found: Mapping[int, NodeSpec]) -> tuple[int, int]:
        level = level_of(device)
        if not any(isinstance(item, Kernel) for node in found.values() for item in items_of(node, device)):
            return 0, next(iter(found))
        most = self.slower * min(self.time_on(node, device, level.sms) for node in found.values())
        for count in (*range(level.sms_per_tpc, level.sms, level.sms_per_tpc), level.sms):
            times = {number: self.time_on(node, device, count) for number, node in found.items()}
            quickest = min(times, key=lambda number: (times[number], number))
            if times[quickest] <= most:
                return count, quickest
        raise AssertionError("on all SMs the quickest version is as quick as it can be")
