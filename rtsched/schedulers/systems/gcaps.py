"""GCAPS: the driver lets only the context of the most urgent task on the GPU; tasks suspend themselves meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.beliefs import AT_SETUP
from rtsched.engine.job import READY, RUNNING
from rtsched.model.policy import PlanTraits, Policy
from rtsched.schedulers.base import GUESTS
from rtsched.schedulers.devices import Device, DeviceScheduler, in_line, needs_devices, urgency

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


class GCAPS(DeviceScheduler):
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
    believes = AT_SETUP
    preemption = "preemptive"
    takes = frozenset(GUESTS)

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Cores and accelerators by priority, for proofs."""
        return self.planned(names, PlanTraits(lambda _: None, contexts=True))

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "gcaps-style")
        for device in self.devices:
            for processor in device.processors if device.streams else ():
                soc.limit(processor, None)  # so that what has not begun can be taken back
        loads = dict.fromkeys((each.index for each in soc.processors), Fraction(0))
        self.cores = {task.index: self._core(task, loads) for task in sorted(soc.tasks, key=urgency)}
        #: what has been asked to give way: the number of the start, by processor
        self.asked: dict[int, int] = {}

    def _core(self, task: TaskState, loads: dict[int, Fraction]) -> int | None:
        """The least loaded processor that all nodes of a task which are at home on no device may use."""
        nodes = [node for node in task.nodes if self.home(node) is None]
        places = [place for place in loads if place not in self.device_of]
        places = [place for place in places if all(place in node.eligible for node in nodes)]
        if not nodes or not places:
            return None
        best = min(places, key=lambda place: (loads[place], place))
        loads[best] += Fraction(sum(self._time(node, best) for node in nodes), task.period or task.deadline)
        return best

    def dispatch(self) -> None:
        self.others = [segment for segment in self.others if segment.state == READY]
        super().dispatch()

    def share(self) -> None:
        for device in self.devices:
            self._switch(device)

    def _switch(self, device: Device) -> None:
        """Let the context of the most urgent task have a device."""
        running = [(processor, each) for processor, each in self.running() if processor in device.processors]
        waiting = [each for each in self.waiting if self.device(each) is device]
        tasks = [each.job.task for each in (*waiting, *(each for _, each in running))]
        if not tasks:
            return
        first = min(tasks, key=urgency)
        for processor, segment in running:
            if segment.job.task is not first and self.asked.get(processor.index) != processor.starts:
                self._give_way(processor, "recall" if device.streams else "now", self.waiting)
        for segment in sorted(waiting, key=in_line):
            if segment.job.task is first:
                self.place(segment)

    def _give_way(self, processor: Processor, how: str, line: list[Segment]) -> None:
        """Take off what runs on a processor, if it lets itself be."""
        segment = processor.segment
        if segment is None or not segment.node.preemptive or (how == "now" and not self.soc.preemptible(processor)):
            return
        self.asked[processor.index] = processor.starts
        stopped = self.soc.preempt(processor, how)
        if stopped is not None:
            line.append(stopped)

    def _serve_others(self) -> None:
        """On each core the most urgent of the tasks that are at home there."""
        for segment in sorted(self.others, key=lambda each: (urgency(each.job.task), in_line(each))):
            core = self.cores[segment.job.task.index]
            places = segment.node.eligible if core not in segment.node.eligible else (core,)
            for processor in (self.soc.processors[place] for place in places):
                running = processor.segment
                if running is not None and running.state == RUNNING and self._less(running, segment):
                    self._give_way(processor, "now", self.others)
                if processor.segment is None:
                    self.others.remove(segment)
                    self.soc.start(segment.job, segment, processor)
                    break

    def _less(self, running: Segment, segment: Segment) -> bool:
        return urgency(segment.job.task) < urgency(running.job.task)
