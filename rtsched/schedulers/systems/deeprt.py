"""DeepRT: requests of one model gathered in windows, batches by earliest deadline, admission by imitation."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import AT_SETUP
from rtsched.engine.job import READY
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.devices import Device, DeviceScheduler, batch_of, in_line, needs_devices

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


@dataclass(slots=True, eq=False)
class Windowed:
    """What is gathered together: the tasks of one batch name on a device, in windows of so many ns."""

    number: int
    device: Device
    processor: Processor
    tasks: list[TaskState]
    window: int = 0
    #: what has been asked for, with the end of its window
    gathered: list[tuple[int, Segment]] = field(default_factory=list)


class DeepRT(DeviceScheduler):
    """In the style of DeepRT: one batch of each model and window, by earliest deadline, for tasks that are admitted.

    "DeepRT: a soft real time scheduler for computer vision applications on the edge", SEC 2021; the paper was not read;
    our definition is: the tasks of one batch name on one device are a model. Its window is half of their least relative
    deadline; windows begin at multiples of it. What is released within one is a batch when it ends (several, where it
    is more than the largest size), due one window later, so that nothing is due before it. Devices serve these batches
    by earliest deadline, then model, one at a time to its end, each model on the device that is fastest for it.
    Offline each task in the order of the file is admitted if an imitation of `windows` windows of the longest kind,
    in which every task sends as many requests as may come, misses nothing; the jobs of others are dropped on release
    (`admit`). Needs tasks of one node; those of CPUs go by priority. Guarantees nothing beyond the imitation; fails in
    latency, as everybody waits for the end of the window, also alone; shrinking inputs after an overrun is left out.
    """

    believes = AT_SETUP
    preemption = "nonpreemptive"
    reads = frozenset({"batch"})
    alone = "it plans batches and admits tasks before time starts, for whole models"

    def __init__(self, admit: bool = True, windows: int = 20) -> None:
        if windows.__class__ is not int or windows < 1:
            raise InputError(f"deeprt-style: windows {windows!r} is no whole number from 1")
        self.admit, self.windows = admit, windows

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "deeprt-style")
        self.models: dict[tuple[object, ...], Windowed] = {}
        self.model_of: dict[int, Windowed] = {}
        self.refused: set[int] = set()
        self.batches: dict[int, list[tuple[int, int, list[Segment]]]] = {each.index: [] for each in self.devices}
        for task in soc.tasks:
            self._consider(task)

    def _consider(self, task: TaskState) -> None:
        """Let a task join its model, if that is admitted."""
        device = self.home(task.nodes[0])
        if len(task.nodes) > 1 or task.adaptive:
            if any(self.home(node) is not None for node in task.nodes):
                raise SchedulerError(
                    f"deeprt-style: task {task.name!r} is a graph, or may go several ways; a request is one node"
                )
            return
        if device is None:
            return
        node = task.nodes[0]
        place = next(each for each in device.processors if each.index in node.eligible)
        shared = node.batch is not None and not node.copies
        key = (*batch_of(node, place.index), place.index) if shared else (task.index,)
        model = self.models.get(key) or Windowed(len(self.models), device, place, [])
        model.tasks.append(task)
        before, model.window = model.window, max(1, min(each.deadline for each in model.tasks) // 2)
        self.models[key] = model
        if self.admit and not self._imitate(device):
            self.refused.add(task.index)
            model.tasks.pop()
            model.window = before
            if not model.tasks:
                del self.models[key]
        else:
            self.model_of[task.index] = model

    # ---- admission -------------------------------------------------------------------------------------------------

    def _imitate(self, device: Device) -> bool:
        """Whether the batches of all models on a device are in time, if as many requests come as may."""
        mine = [model for model in self.models.values() if model.device is device]
        horizon = self.windows * max(model.window for model in mine)
        work = {model.number: self._demand(model) for model in mine}
        coming = deque(
            sorted(
                (end, end + each.window, each.number)
                for each in mine
                for end in range(each.window, horizon + 1, each.window)
            )
        )
        now = 0
        waiting: list[tuple[int, int]] = []
        while coming or waiting:
            if not waiting:
                now = max(now, coming[0][0])
            while coming and coming[0][0] <= now:
                waiting.append(coming.popleft()[1:])
            due, number = min(waiting)
            waiting.remove((due, number))
            now += work[number]
            if now > due:
                return False
        return True

    def _demand(self, model: Windowed) -> int:
        """What the requests that one window may bring are believed to need."""
        most = sum(-(-model.window // (task.period or task.deadline)) for task in model.tasks)
        return sum(self._expected(model, size) for size in self._cut(model, most))

    def _expected(self, model: Windowed, size: int) -> int:
        node, place = model.tasks[0].nodes[0], model.processor.index
        ratio = 1 if size == 1 or node.batch is None else node.batch.ratio(place, size)
        time = self.soc.beliefs.time(node, place)
        assert ratio is not None
        assert time is not None
        return -int(-time * ratio // 1)

    def _cut(self, model: Windowed, count: int) -> list[int]:
        """So many requests in batches of at most the largest size."""
        about = model.tasks[0].nodes[0].batch
        sizes = () if about is None or model.tasks[0].nodes[0].copies else about.sizes[model.processor.index]
        largest = sizes[-1][0] if sizes else 1
        whole, rest = divmod(count, largest)
        return [largest] * whole + [rest] * (rest > 0)

    # ---- windows ---------------------------------------------------------------------------------------------------

    def on_release(self, job: Job) -> None:
        if job.task.index in self.refused:
            self.soc.drop(job, reason="its task was refused: the batches of all would not be done in their windows")

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        model = self.model_of.get(job.task.index)
        if model is None:
            self.others += segments
            return
        if any(segment.processor is not None for segment in segments):  # it was stopped: no batch takes it any more
            self.batches[model.device.index].append((self.soc.now + model.window, model.number, list(segments)))
            return
        end = (self.soc.now // model.window + 1) * model.window
        model.gathered += [(end, segment) for segment in segments]
        self.soc.wake_at(end)

    def on_timer(self, tag: Any) -> None:
        """A window ends, and a dispatch follows."""

    def share(self) -> None:
        now = self.soc.now
        for model in self.models.values():
            ended = [segment for end, segment in model.gathered if end <= now and segment.state == READY]
            if ended:
                ended.sort(key=in_line)
                due = max(end for end, _ in model.gathered if end <= now) + model.window
                for size in self._cut(model, len(ended)):
                    self.batches[model.device.index].append((due, model.number, ended[:size]))
                    ended = ended[size:]
            model.gathered = [(end, segment) for end, segment in model.gathered if end > now]
        for device in self.devices:
            batches = self.batches[device.index]
            while batches and all(each.segment is None for each in device.processors):
                first = min(batches, key=lambda batch: batch[:2])
                batches.remove(first)
                members = [segment for segment in first[2] if segment.state == READY]
                if members:
                    model = self.model_of[members[0].job.task.index]
                    self.soc.start_batch(members, model.processor)
