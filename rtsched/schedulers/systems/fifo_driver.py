"""A driver with one queue: cores by priority, accelerators first come, first served, as NPU drivers have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched.engine.job import RUNNING
from rtsched.errors import InputError
from rtsched.model.policy import AcceleratorTraits, PlanTraits, Policy
from rtsched.schedulers.clients import ClientScheduler
from rtsched.schedulers.devices import in_line, needs_devices

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

WAITING = ("suspend", "spin")


class FifoDriver(ClientScheduler):
    """Cores by the priorities of the file; every accelerator serves requests in the order in which they come.

    So Rockchip's rknpu driver serves a core of its NPU, to the end of each job. Each task computes on one core: the
    pinned one, else that with the least load among those that all its nodes may use, tasks taken by priority; cores are
    preemptive. A node for an accelerator is a request, which is not preempted. While its task waits for the answer, it
    lets others compute (``waiting: suspend``), or keeps its core from all less urgent ones (``waiting: spin``,
    busy-waiting; no slice shows that, and it costs no energy here). Guarantees, with nodes one after the other, each
    pinned, the bounds of the theorem ``fifo-accelerator-tasks``, either way. Fails urgent tasks: a request waits for
    one of each other client.
    """

    claims = frozenset({"symmetric"})

    def __init__(self, waiting: str = "suspend") -> None:
        if waiting not in WAITING:
            raise InputError(f"waiting: must be suspend or spin (found {waiting!r})")
        self.spins = waiting == "spin"
        #: who keeps a core: the most urgent task of it that waits for an answer
        self.keepers: dict[int, TaskState] = {}

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Cores by priority, accelerators by arrival, for proofs."""
        return self.planned(names, PlanTraits(lambda _: None, accelerator=AcceleratorTraits("fifo")))

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "fifo-driver")

    def share(self) -> None:
        for segment in sorted(self.waiting, key=in_line):
            self.place(segment)
        if self.spins:
            self._spin()

    def _spin(self) -> None:
        """See who keeps which core, and take off what is less urgent there."""
        asking = [each.job.task for each in (*self.waiting, *(each for _, each in self.running()))]
        self.keepers.clear()
        for task in sorted(asking, key=self.rank, reverse=True):
            core = self.cores[task.index]
            if core is not None:
                self.keepers[core] = task
        for core, task in self.keepers.items():
            processor = self.soc.processors[core]
            running = processor.segment
            if running is not None and running.state == RUNNING and self.rank(task) < self.rank(running.job.task):
                self.give_way(processor, "now", self.others)

    def held(self, segment: Segment) -> bool:
        """Whether somebody more urgent, who waits for an answer, keeps its core."""
        core = self.cores[segment.job.task.index]
        keeper = None if core is None else self.keepers.get(core)
        return keeper is not None and self.rank(keeper) < self.rank(segment.job.task)

    def describe(self) -> str:
        return f"first come, first served, behind cores by priority ({'spin' if self.spins else 'suspend'})"
