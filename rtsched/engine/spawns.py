"""Jobs that a policy releases by itself: drafts and checks of an answer, retries, probes, copies sent elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from rtsched.engine.job import Job
from rtsched.engine.requests import Whole, whole
from rtsched.engine.task_state import TaskState
from rtsched.errors import SchedulerError
from rtsched.model.task import Spawned
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.core import Core

#: A policy that spawns a job while it is told of another one, and so on this deep, never comes to rest.
DEEPEST = 20


class Spawns:
    """The releases of tasks that declare ``arrival: {kind: spawned}``. Only where there is such a task."""

    def __init__(self, core: Core) -> None:
        self.core = core
        #: how many are being told of, each within the one before
        self.depth = 0

    def spawn(self, task: Any, deadline: Whole | None) -> Job | None:
        """Release a job of `task` now, due `deadline` ns from now; None where the run, or the task, has no more."""
        core = self.core
        if not isinstance(task, TaskState) or not isinstance(task.spec.arrival, Spawned):
            refuse(core, task)
        relative = task.deadline if deadline is None else whole(deadline, f"spawn of {task!r}: a deadline in ns")
        if relative <= 0:
            raise SchedulerError(f"spawn of {task!r}: its deadline is counted from now (found {relative} ns)")
        now = core.loop._now
        if now >= core.until or (task.spec.count is not None and task.count >= task.spec.count):
            return None
        if self.depth >= DEEPEST:
            raise SchedulerError(
                f"spawn of {task!r} at t={now} ns: {DEEPEST} jobs have been spawned, each while the policy was told of "
                "the one before; spawn in dispatch, or at a later event"
            )
        assert isinstance(task.deadlines, dict)
        index = task.count
        task.deadlines[index] = relative
        if core.record.kept:
            core.record.changes.buffer += (now, log.SPAWN, task.index, relative)
        task.arrival = task.release = now
        self.depth += 1
        job = task.fire_in_turn()
        self.depth -= 1
        del task.deadlines[index]
        return job


def refuse(core: Core, task: Any) -> NoReturn:
    """Say why no job of `task` can be spawned."""
    if not isinstance(task, TaskState):
        raise SchedulerError(f"spawn of {task!r}: it is no task; pass one of soc.tasks")
    if not isinstance(task.spec.arrival, Spawned):
        raise SchedulerError(
            f"spawn of {task!r}: its jobs are released otherwise; write 'arrival: {{kind: spawned}}' instead"
        )
    raise SchedulerError(f"spawn of {task!r}: time has not begun; spawn when an event is told, or in dispatch")
