"""Stream priorities for several networks on one GPU, with admission."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rtsched.engine.beliefs import AT_SETUP
from rtsched.engine.job import READY
from rtsched.errors import SchedulerError
from rtsched.model.accelerator import Kernel
from rtsched.schedulers.base import Scheduler

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


class StreamPriority(Scheduler):
    """In the style of Pang et al.: CUDA streams by deadline, low kernels held back, admission by response time.

    "Efficient CUDA stream management for multi-DNN real-time inference on embedded GPUs", Journal of Systems
    Architecture 139, 2023; the paper was not read; our definition is: the tasks in deadline-monotonic order are spread
    over p = min(priority levels, tasks) classes, one stream each (shared in turn where there are fewer streams).
    Offline, each task has a blocking bound: the longest block of a lower task that its response time, R = C + B + sum
    over higher tasks of ceil(R / T) C, can bear; a task that misses its deadline even without blocking is refused, and
    its jobs are dropped on release (`admit`). At run time a node starts only when its blocks fit beside what runs,
    or when no block of it is longer than the bound of any higher task. Needs a GPU with a 'block_level' and nodes that
    are single kernels for the finest control. Higher tasks wait for lower ones at most as long as their bounds where
    kernels fill the GPU; it fails when the low tasks' kernels are long and wide: they hardly run.
    """

    believes = AT_SETUP
    preemption = "nonpreemptive"
    alone = "it admits and holds back by bounds that it finds before time starts, for whole networks at full speed"

    def __init__(self, admit: bool = True) -> None:
        self.admit = admit

    def setup(self, soc: Soc) -> None:
        self.streams = [processor for processor in soc.processors if processor.block_level is not None]
        if not self.streams:
            raise SchedulerError("stream-priority-style: no GPU has a 'block_level' with streams; give it one")
        spec = self.streams[0].block_level
        assert spec is not None
        self.capacity = spec.threads * spec.sms
        places = {stream.index for stream in self.streams}
        mine = [task for task in soc.tasks if any(places.intersection(node.eligible) for node in task.nodes)]
        mine.sort(key=lambda task: (task.deadline, task.index))
        classes = max(1, min(spec.priorities, len(mine)))
        self.rank = {task.index: rank for rank, task in enumerate(mine)}
        self.priorities = {task.index: 1 - classes + rank * classes // len(mine) for rank, task in enumerate(mine)}
        self.home = {task.index: self.streams[rank % len(self.streams)] for rank, task in enumerate(mine)}
        self.queues: dict[int, deque[Segment]] = {stream.index: deque() for stream in self.streams}
        self.others: deque[Segment] = deque()
        self._admit(mine)

    def _admit(self, tasks: list[TaskState]) -> None:
        """Which tasks are refused, and the blocking that each of the others can bear."""
        self.refused: set[int] = set()
        self.bound: dict[int, int] = {}
        higher: list[TaskState] = []
        for rank, task in enumerate(tasks):
            blocks = sorted({self._longest(each) for each in tasks[rank + 1 :]}, reverse=True)
            fitting = [blocking for blocking in (*blocks, 0) if self._response(task, higher, blocking) is not None]
            if not fitting and self.admit:
                self.refused.add(task.index)
                continue
            self.bound[task.index] = fitting[0] if fitting else 0
            higher.append(task)

    def _response(self, task: TaskState, higher: list[TaskState], blocking: int) -> int | None:
        """The response time in ns of `task` behind `higher` ones; None beyond its deadline."""
        own = self._demand(task) + blocking
        response = own
        while response <= task.deadline:
            total = own + sum(-(-response // (each.period or each.deadline)) * self._demand(each) for each in higher)
            if total == response:
                return response
            response = total
        return None

    def _demand(self, task: TaskState) -> int:
        return sum(self._time(task, node) for node in task.nodes)

    def _time(self, task: TaskState, node: NodeSpec) -> int:
        beliefs = self.soc.beliefs
        return beliefs.time(node, self.home[task.index].index) or beliefs.fastest(node)

    def _longest(self, task: TaskState) -> int:
        """The longest block of any kernel of `task`, in ns."""
        return max((kernel.time for node in task.nodes for kernel in self._kernels(task, node)), default=0)

    def _kernels(self, task: TaskState, node: NodeSpec) -> list[Kernel]:
        place = self.home[task.index].index
        items = node.hardware.kernels[place] if node.hardware is not None and node.hardware.kernels else None
        return [item for item in items or () if isinstance(item, Kernel)]

    def on_release(self, job: Job) -> None:
        if job.task.index in self.refused:
            self.soc.drop(job, reason="its task was refused: no bound on its response keeps the deadline")

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        for segment in segments:
            stream = self.home.get(job.task.index)
            on_stream = stream is not None and stream.index in segment.node.eligible
            (self.queues[stream.index] if stream is not None and on_stream else self.others).append(segment)

    def dispatch(self) -> None:
        heads = [
            (self.rank[queue[0].job.task.index], index) for index, queue in self.queues.items() if self._alive(queue)
        ]
        for _, index in sorted(heads):
            segment = self.queues[index][0]
            stream = self.soc.processors[index]
            if stream.segment is None and self._may_start(segment):
                self.queues[index].popleft()
                self.soc.start(segment.job, segment, stream, priority=self.priorities[segment.job.task.index])
        for segment in list(self.others):
            free = [i for i in segment.node.eligible if self.soc.processors[i].segment is None]
            if segment.state != READY or free:
                self.others.remove(segment)
            if segment.state == READY and free:
                self.soc.start(segment.job, segment, self.soc.processors[free[0]])

    def _alive(self, queue: deque[Segment]) -> bool:
        while queue and queue[0].state != READY:
            queue.popleft()
        return bool(queue)

    def _may_start(self, segment: Segment) -> bool:
        """Whether its blocks fit beside what runs, or none of them is too long for a higher task."""
        task = segment.job.task
        there = [stream.segment for stream in self.streams if stream.segment is not None]
        running = [each for each in there if each.job.task.index in self.home]  # a stream may be kept by no task at all
        taken = sum(self._footprint(each) for each in running)
        if not running or taken + self._footprint(segment) <= self.capacity:
            return True
        longest = max((kernel.time for kernel in self._kernels(task, segment.node)), default=0)
        return all(longest <= bound for index, bound in self.bound.items() if self.rank[index] < self.rank[task.index])

    def _footprint(self, segment: Segment) -> int:
        """The threads that the widest kernel of a node occupies at a time."""
        kernels = self._kernels(segment.job.task, segment.node)
        return max((min(self.capacity, kernel.blocks * kernel.threads) for kernel in kernels), default=0)
