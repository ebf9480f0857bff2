"""Orion: best-effort kernels run beside a high-priority client where they do not compete for the same resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from rtsched.engine.job import RUNNING
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.devices import Device, in_line
from rtsched.schedulers.systems.kernels import StreamScheduler, items_of, kernels_of, level_of, needed

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec

#: What a kernel competes for; of one of which this is not known: nothing.
Kind = Literal["compute", "memory", "unknown"]
KINDS = ("compute", "memory", "unknown")
#: More than this part of a resource makes a kernel one of its kind.
BOUND = 0.6


@dataclass(slots=True, eq=False)
class Shared:
    """What is known of a GPU: its high-priority client, what that submitted last, and what others have outstanding."""

    device: Device
    high: TaskState
    others: list[int]
    most: int
    longest: int
    kind: Kind = "unknown"
    last: int = -1
    submitted: int = 0
    blocked: bool = False
    outstanding: dict[Segment, int] = field(default_factory=dict)


class Orion(StreamScheduler):
    """Interference-aware sharing: one high-priority client at once, best-effort operations only where they fit.

    Strati, Ma, Klimovic, "Orion: interference-aware, fine-grained GPU sharing for ML applications", EuroSys 2024, with
    the rules of its public code (eth-easl/orion). Operations of the high-priority client are submitted at once, at the
    highest stream priority. The others, round-robin, submit one if it only copies; or if the high-priority client has
    no job; or if it and all that they have outstanding need at most `sms` multiprocessors (default: all), and it is
    not of the kind (compute, memory) of what the high-priority client submitted last. Once what was submitted adds up
    to more than `duration` (2.5 %) of the high-priority client's job, all wait until nothing is outstanding.

    An operation is a node here, which needs the SMs of its widest kernel: give kernels as nodes. It is of the kind
    ``memory`` if it declares that more than 60 % of its time waits for memory (`memory: {bound: …}`), ``compute`` if
    less than 40 % does; `kinds` says so for all nodes of a task; what says nothing is unknown and differs from all.
    `high` names the high-priority client; else it is, on each GPU, the task of the most urgent priority. The code
    forgets what earlier rounds left outstanding when it counts multiprocessors, and tunes `sms` while high-priority
    training runs; both are left out. Guarantees nothing; fails where declared kinds are wrong, and best effort beside
    one that never rests.
    """

    preemption = "nonpreemptive"
    alone = "it weighs kernels as they are planned"

    def __init__(
        self,
        high: str | None = None,
        sms: int | None = None,
        duration: float = 0.025,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        if sms is not None and (sms.__class__ is not int or sms < 1):
            raise InputError(f"orion: sms {sms!r} is no whole number from 1")
        if not duration > 0:
            raise InputError(f"orion: duration {duration!r} is no part of a job above 0, e.g. 0.025")
        for name, kind in (kinds or {}).items():
            if kind not in KINDS:
                raise InputError(f"orion: the kind {kind!r} of {name!r} is not one of {', '.join(KINDS)}")
        self.named, self.sms, self.duration = high, sms, Fraction(str(duration))
        self.kinds: dict[str, Kind] = dict(kinds or {})  # type: ignore[arg-type]

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.need_streams("orion", 2)
        names = {task.name for task in soc.tasks}
        for name in (*self.kinds, *([] if self.named is None else [self.named])):
            if name not in names:
                raise SchedulerError(f"orion: {name!r} is no task (there are {', '.join(sorted(names))})")
        self.gpus = [made for device in self.devices if (made := self._gpu(device)) is not None]

    def _gpu(self, device: Device) -> Shared | None:
        mine = [task for task in self.soc.tasks if any(self.home(node) is device for node in task.nodes)]
        if not mine:
            return None
        named = [task for task in mine if task.name == self.named]
        high = named[0] if named else min(mine, key=lambda task: (task.priority, task.index))
        work = sum(self.soc.beliefs.fastest(node) for node in high.nodes)
        others = [task.index for task in mine if task is not high]
        return Shared(device, high, others, self.sms or level_of(device).sms, int(work * self.duration))

    def share(self) -> None:
        for gpu in self.gpus:
            waiting = sorted((each for each in self.waiting if self.device(each) is gpu.device), key=in_line)
            for segment in waiting:
                if segment.job.task is gpu.high and self._start(gpu, segment, 1 - level_of(gpu.device).priorities):
                    gpu.kind = self.kind(segment, gpu.device)
            self._settle(gpu)
            best = {task: [each for each in waiting if each.job.task.index == task] for task in gpu.others}
            while self._round(gpu, best):
                pass

    def _settle(self, gpu: Shared) -> None:
        """Forget what is done; if nothing is outstanding any more, others may go on."""
        gpu.outstanding = {each: sms for each, sms in gpu.outstanding.items() if each.state == RUNNING}
        if gpu.blocked and not gpu.outstanding:
            gpu.blocked, gpu.submitted = False, 0

    def _round(self, gpu: Shared, waiting: dict[int, list[Segment]]) -> bool:
        """Look at each best-effort client once, behind the last one that submitted; whether any did."""
        count, first, moved = len(gpu.others), gpu.last + 1, False
        for turn in range(first, first + count):
            client = turn % count
            queue = waiting[gpu.others[client]]
            if queue and self._may_submit(gpu, queue[0]) and self._start(gpu, queue[0], 0):
                segment = queue.pop(0)
                gpu.last, moved = client, True
                self._submitted(gpu, segment)
        return moved

    def _start(self, gpu: Shared, segment: Segment, priority: int) -> bool:
        """Start an operation, if a stream is free; the last free one is for the high-priority client."""
        free = [each for each in gpu.device.processors if each.segment is None]
        busy = any(each.segment is not None and each.segment.job.task is gpu.high for each in gpu.device.processors)
        if segment.job.task is not gpu.high and not busy and len(free) < 2:
            return False
        return self.place(segment, priority=priority)

    def _submitted(self, gpu: Shared, segment: Segment) -> None:
        if segment.state != RUNNING or not kernels_of(segment, gpu.device):
            return
        gpu.outstanding[segment] = self._needs(gpu, segment)
        gpu.submitted += self._expected(gpu, segment.node)
        gpu.blocked = gpu.submitted > gpu.longest

    def _may_submit(self, gpu: Shared, segment: Segment) -> bool:
        if gpu.blocked:
            return False
        if not kernels_of(segment, gpu.device) and items_of(segment.node, gpu.device):
            return True  # it only copies
        if gpu.high.active is None and not gpu.high.overlapping:
            return True
        kind = self.kind(segment, gpu.device)
        if "unknown" not in (kind, gpu.kind) and kind == gpu.kind:
            return False
        return sum(gpu.outstanding.values()) + self._needs(gpu, segment) <= gpu.most

    def _needs(self, gpu: Shared, segment: Segment) -> int:
        level = level_of(gpu.device)
        return max((needed(level, kernel) for kernel in kernels_of(segment, gpu.device)), default=0)

    def _expected(self, gpu: Shared, node: NodeSpec) -> int:
        return min(self._time(node, each.index) for each in gpu.device.processors if each.index in node.eligible)

    def kind(self, segment: Segment, device: Device) -> Kind:
        """What a node competes for, as far as it is known."""
        said = self.kinds.get(segment.job.task.name)
        about = segment.node.hardware
        if said is not None or about is None or not about.memory:
            return said or "unknown"
        memory = about.memory[device.processors[0].index]
        if memory is None:
            return "unknown"
        return "memory" if memory.bound > BOUND else "compute" if memory.bound < 1 - BOUND else "unknown"
