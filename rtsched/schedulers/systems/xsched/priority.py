"""XSched's highest priority first, on each device by itself and over all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rtsched.schedulers.systems.xsched.base import XQueue, XSched

if TYPE_CHECKING:
    from rtsched.engine.job import Job


class HighestPriorityFirst(XSched):
    """Highest priority first (HPF): on each device the ready queues of the most urgent priority run, all others wait.

    Tasks of equal priority run side by side. Guarantees that the most urgent waits only for what the level leaves on
    its device: the commands in flight (1), the one that runs (2), the interrupt (3). Needs nothing; fails low tasks,
    which may starve, and the urgent one where others slow it down from another device (see `xsched-hhpf`). The paper
    measured 1.02 to 1.30 times the P99 of alone, where the hardware itself has 1.60 to 2.19.
    """

    claims = frozenset({"symmetric"})

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        top: dict[int, int] = {}
        for queue, job in ready.items():
            top[queue.device] = min(job.task.priority, top.get(queue.device, job.task.priority))
        return {queue for queue, job in ready.items() if job.task.priority == top[queue.device]}


class HeterogeneousHighestPriorityFirst(XSched):
    """Heterogeneous HPF: the ready queues of the most urgent priority of all devices run, all others wait everywhere.

    Otherwise as `xsched-hpf`. It is for devices that share the memory's bandwidth: the urgent task has all of it (the
    paper: NPU and GPU together, 1.67 and 1.55 times the P99 of alone with HPF, 1.18 and 1.09 so). It pays with
    accelerators that idle while the urgent task is at another one.
    """

    claims = frozenset({"symmetric"})

    def resumed(self, ready: Mapping[XQueue, Job]) -> Collection[XQueue]:
        top = min((job.task.priority for job in ready.values()), default=0)
        return {queue for queue, job in ready.items() if job.task.priority == top}
