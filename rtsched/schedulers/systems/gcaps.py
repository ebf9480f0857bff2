"""GCAPS: the driver lets only the context of the most urgent task on the GPU; tasks suspend themselves meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched.model.policy import AcceleratorTraits, PlanTraits, Policy
from rtsched.schedulers.clients import ClientScheduler
from rtsched.schedulers.devices import Device, in_line, needs_devices, urgency

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc


class GCAPS(ClientScheduler):
    """In the style of GCAPS: on every accelerator the context of the most urgent task alone, at once, by preemption.

    Wang, Liu, Wong, Kim, "GCAPS: GPU context-aware preemptive priority-based scheduling for real-time tasks", ECRTS
    2024; its analysis was read, its driver was not; our definition is: tasks have fixed priorities (of the file),
    and each computes on one core: the pinned one, else that with the least load among those that all its nodes may use,
    tasks taken by priority. Cores are preemptive by priority. Of an accelerator only the most urgent task that asks for
    it has anything running there. Another one's gives way at once where the accelerator is preemptive (`service:
    preemptive`, what its driver pays for each update of the runlist as `context_switch`); behind the kernel that runs
    on a GPU that is served block by block; at its end elsewhere. Guarantees, on a preemptive accelerator with nodes one
    after the other, each pinned, the bounds of the theorem ``gcaps``, with two starts inside each node in the place of
    its ε. Fails less urgent tasks, which may starve.
    """

    claims = frozenset({"symmetric"})

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Cores and accelerators by priority, for proofs."""
        return self.planned(names, PlanTraits(lambda _: None, accelerator=AcceleratorTraits("gcaps")))

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "gcaps-style")
        for device in self.devices:
            for processor in device.processors if device.streams else ():
                soc.limit(processor, None)  # so that what has not begun can be taken back

    def share(self) -> None:
        for device in self.devices:
            self._switch(device)

    def _switch(self, device: Device) -> None:
        """Let the context of the most urgent task have a device."""
        running = [(processor, each) for processor, each in self.running() if processor in device.processors]
        waiting = self.requests(device)
        tasks = [each.job.task for each in (*waiting, *(each for _, each in running))]
        if not tasks:
            return
        first = min(tasks, key=urgency)
        for processor, segment in running:
            if segment.job.task is not first and self.asked.get(processor.index) != processor.starts:
                self.give_way(processor, "recall" if device.streams else "now", self.waiting)
        for segment in sorted(waiting, key=in_line):
            if segment.job.task is first:
                self.place(segment)
