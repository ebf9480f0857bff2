"""Tasks that compute by priority, each on one core, and wait there while an accelerator works for them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rtsched.engine.beliefs import AT_SETUP
from rtsched.engine.job import READY, RUNNING
from rtsched.schedulers.base import GUESTS
from rtsched.schedulers.devices import Device, DeviceScheduler, in_line, urgency

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


class ClientScheduler(DeviceScheduler):
    """Fixed priorities (of the file) on the cores; `share` decides what runs on the accelerators.

    A task computes on one core: the pinned one, else that with the least load among those that all its nodes may use,
    tasks taken by priority. Cores are preemptive by priority.
    """

    believes = AT_SETUP
    preemption = "preemptive"
    takes = frozenset(GUESTS)

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
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

    def rank(self, task: TaskState) -> tuple[int, ...]:
        """How urgent a task is on its core, smaller first."""
        return urgency(task)

    def held(self, segment: Segment) -> bool:
        """Whether a segment that is ready may not run on its core yet."""
        return False

    def dispatch(self) -> None:
        self.others = [segment for segment in self.others if segment.state == READY]
        super().dispatch()

    def requests(self, device: Device) -> list[Segment]:
        """Who waits for a device."""
        return [each for each in self.waiting if self.device(each) is device]

    def give_way(self, processor: Processor, how: str, line: list[Segment]) -> None:
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
        for segment in sorted(self.others, key=lambda each: (self.rank(each.job.task), in_line(each))):
            if self.held(segment):
                continue
            core = self.cores[segment.job.task.index]
            places = segment.node.eligible if core not in segment.node.eligible else (core,)
            for processor in (self.soc.processors[place] for place in places):
                running = processor.segment
                if running is not None and running.state == RUNNING and self._less(running, segment):
                    self.give_way(processor, "now", self.others)
                if processor.segment is None:
                    self.others.remove(segment)
                    self.soc.start(segment.job, segment, processor)
                    break

    def _less(self, running: Segment, segment: Segment) -> bool:
        return self.rank(segment.job.task) < self.rank(running.job.task)
