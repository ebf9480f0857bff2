"""The GPU server: one task asks the GPU for all others, in the order of their priorities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched.engine.job import OPEN, READY
from rtsched.errors import SchedulerError
from rtsched.model.policy import AcceleratorTraits, PlanTraits, Policy
from rtsched.schedulers.clients import ClientScheduler
from rtsched.schedulers.devices import PLAIN, Device, in_line, needs_devices, urgency

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import SystemSpec


class GPUServer(ClientScheduler):
    """Cores by the priorities of the file; every accelerator serves whole requests, the most urgent task's first.

    Kim, Patel, Wang, Rajkumar, "A server-based approach for predictable GPU access with improved analysis", Journal of
    Systems Architecture 88, 2018. Each task computes on one core: the pinned one, else that with the least load among
    those that all its nodes may use, tasks taken by priority; cores are preemptive. A node for an accelerator is a
    request: its task is suspended until it is answered, and it is not preempted. ``server`` names the task (of
    ``arrival: {kind: spawned}``, most often pinned) that is the server: it computes, more urgent than everybody, when
    it takes a request and again when it answers it; its execution time is the paper's ε. Until the answer nobody else
    is served, and the next node of the task does not begin; the end of a job does not wait for it. Without ``server``
    only the `context_switch` of the accelerator is paid. Guarantees, with nodes one after the other, each pinned, the
    bounds of the theorem ``gpu-server``. Fails less urgent tasks, which may starve.
    """

    claims = frozenset({"symmetric"})
    reads = frozenset({"spawned"})

    def __init__(self, server: str = "") -> None:
        self.server = server

    def policy(self, names: Mapping[str, str]) -> Policy:
        """Cores and requests by priority, for proofs."""
        return self.planned(names, PlanTraits(self.refuses, accelerator=AcceleratorTraits("server", self.server)))

    def refuses(self, system: SystemSpec) -> str | None:
        """Why it does not run on a system, from the description alone; None where it does."""
        spawned = [task for task in system.tasks if task.arrival.kind == "spawned"]
        extra = next((task.name for task in spawned if task.name != self.server), None)
        if extra is not None:
            return f"{extra!r} is released by the policy (arrival: spawned), and is not the server; write 'server:'"
        if not self.server:
            return None
        if not spawned:
            return f"there is no task {self.server!r} with 'arrival: {{kind: spawned}}' to be the server"
        used = {place for task in system.tasks for node in task.nodes for place in node.eligible}
        clusters = {p.cluster for p in system.processors if p.index in used and p.kind not in PLAIN}
        if any(system.processors[p].kind not in ("cpu", "mcu") for node in spawned[0].nodes for p in node.eligible):
            return f"the server {self.server!r} computes on cores, and may use something else"
        if len(clusters) > 1:
            return f"there is one server, and the tasks may use {len(clusters)} accelerators"
        return None

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        needs_devices(self, "gpu-server")
        reason = self.refuses(soc.system)
        if reason is not None:
            raise SchedulerError(f"gpu-server: {reason}")
        self.task = next((task for task in soc.tasks if self.server and task.name == self.server), None)
        #: by device what its server is doing
        self.turns = {device.index: Turn() for device in self.devices}

    def rank(self, task: TaskState) -> tuple[int, ...]:
        return (int(task is not self.task), *urgency(task))

    def held(self, segment: Segment) -> bool:
        """Whether the answer for its job is on its way."""
        return any(turn.doing == "answer" and turn.job is segment.job for turn in self.turns.values())

    def share(self) -> None:
        for device in self.devices:
            turn = self.turns[device.index]
            while self._goes_on(device, turn):
                pass

    def _goes_on(self, device: Device, turn: Turn) -> bool:
        """One step of the server of a device; False where it has to wait."""
        if turn.work is not None and turn.work.outcome == OPEN:
            return False
        if turn.doing == "take" and turn.request is not None and turn.request.state == READY:
            if self.place(turn.request):
                turn.doing = "serve"
            return False
        if turn.doing == "serve":
            if any(processor.segment is not None for processor in device.processors):
                return False
            turn.doing = "answer"
            turn.work = self._computes()
            return True
        waiting = self.requests(device)
        if not waiting or any(processor.segment is not None for processor in device.processors):
            turn.doing, turn.work, turn.request, turn.job = "", None, None, None
            return False
        turn.request = min(waiting, key=lambda each: (urgency(each.job.task), in_line(each)))
        turn.doing, turn.job = "take", turn.request.job
        turn.work = self._computes()
        return True

    def _computes(self) -> Job | None:
        """The server has something to do, if it is a task."""
        return None if self.task is None else self.soc.spawn(self.task)

    def describe(self) -> str:
        return f"whole requests by priority behind cores by priority, {self.server or 'no'} server"


class Turn:
    """What a server does: it is to ``take`` a `request`, ``serve`` it, or ``answer`` its `job`; `work`: a job of it."""

    __slots__ = ("doing", "job", "request", "work")

    def __init__(self) -> None:
        self.doing = ""
        self.request: Segment | None = None
        self.job: Job | None = None
        self.work: Job | None = None
