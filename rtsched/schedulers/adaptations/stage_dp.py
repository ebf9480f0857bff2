"""How deep each job goes, planned for the most accuracy before the deadlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import DONE
from rtsched.errors import SchedulerError
from rtsched.model.task import Periodic
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.adaptations.stages import Demand, Option, best_depths, merged
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import exits_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


class StageDP(Adaptation):
    """In the style of Yao et al.: how many stages each job runs, for the most expected accuracy that EDF can fit.

    "Scheduling real-time deep learning services as imprecise computations", RTCSA 2020; the paper was not read; our
    definition is: whenever a job is released, choose a depth (an exit) for every job in the system so that the sum of
    expected accuracies is largest and the chosen stages, in the order of the deadlines, all end in time; the first
    stage is mandatory, and a job that cannot even have that gets it anyway. Jobs without exits are mandatory as a
    whole, and so are those that periodic tasks without exits will release before the last deadline in the plan. What
    runs and cannot be taken off goes first. Found by keeping the undominated (time, accuracy) pairs: the best of all
    while there are no more than 64; beyond that the quickest of each of 64 equal steps of accuracy is kept, so that
    what is chosen still fits, and is near the best but may miss it (the trace's decisions then say ``coarse``).

    After each stage the expectation of deeper exits is that of the confidence seen there, and a job stops where more
    stages promise less than `worth` of accuracy per job. For one processor that serves in EDF order. It needs exits;
    the chosen depths fit as far as expectations hold; it fails when several processors share the load unevenly.
    """

    claims = GREEDY - {"symmetric"}
    believes = ALWAYS

    def __init__(self, worth: float = 0.01) -> None:
        self.worth = worth

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.open: dict[int, Job] = {}
        self.depth: dict[int, int] = {}
        self.deep = {task.index for task in soc.tasks if exits_of(task)}
        #: the next arrival of each periodic task without exits
        self.following = {
            task.index: task.spec.offset
            for task in soc.tasks
            if task.index not in self.deep and task.period and task.spec.after is None
            if isinstance(task.spec.arrival, Periodic) and task.spec.release is None
        }
        self.stale = False
        if not self.deep:
            raise SchedulerError("adaptation 'stage-dp-style': no task has 'exits'; give one some")

    def on_release(self, job: Job) -> None:
        self.open[job.number] = job
        self.stale = True
        if job.task.index in self.following:
            self.following[job.task.index] = job.arrival + (job.task.period or 0)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        job = segment.job
        if "exit" not in observation or job.left <= 1:
            return
        here = observation["exit"]
        quality = exits_of(job.task)
        assert quality is not None
        first, *rest = [self.soc.expected_accuracy(job, exit_.accuracy, exit_.index) for exit_ in quality.exits[here:]]
        gain = max(rest) - first
        if here >= self.depth.get(job.number, 0) or gain < self.worth:
            self.soc.finish(job)
            self.stale = True

    def settle(self) -> None:
        if not self.stale:
            return
        self.stale = False
        self.open = {number: job for number, job in self.open.items() if job.outcome < 0}
        deep = [job for job in self.open.values() if job.task.index in self.deep]
        if not deep:
            return
        begun = self._begun()
        horizon = max(job.deadline for job in deep)
        demands: list[Demand] = [(job.deadline, job.number, job, self._options(job, begun)) for job in deep]
        demands += self._plain(begun, horizon)
        demands.sort(key=lambda demand: demand[:2])
        plan = best_depths(list(merged(demands, self.soc.now)), max(begun.values(), default=0))
        if plan.coarse:
            self.soc.approximate(deep[-1])
        jobs = [job for _, _, job, _ in demands if job is not None]
        for job, depth in zip(jobs, plan.depths, strict=True):
            self.depth[job.number] = depth
            reached = self.soc.answer(job)[0]
            if 0 <= depth <= reached and all(
                segment.processor is None or segment.state == DONE for segment in job.segments
            ):
                self.soc.finish(job)  # no more of it is in the plan, and none of it has begun

    def _begun(self) -> dict[int, int]:
        """What runs and cannot be taken off: the time in ns that is left of it, by job."""
        found: dict[int, int] = {}
        self.estimator.idle()
        for processor, segment in self.estimator._held():
            if not self.soc.preemptible(processor):
                number = segment.job.number
                found[number] = max(found.get(number, 0), self.estimator.left(segment))
        return found

    def _options(self, job: Job, begun: dict[int, int]) -> list[Option]:
        """(exit, time still needed, accuracy expected) of each exit from the one reached, which costs nothing, on."""
        quality = exits_of(job.task)
        assert quality is not None
        own = begun.get(job.number, 0)
        return [
            (
                exit_.index,
                max(0, self.estimator.idle().run(job, exit_=exit_.index) - own),
                self.soc.expected_accuracy(job, exit_.accuracy, exit_.index),
            )
            for exit_ in quality.exits[max(0, self.soc.answer(job)[0]) :]
        ]

    def _plain(self, begun: dict[int, int], horizon: int) -> list[Demand]:
        """The jobs without exits, in the system and to come, whose deadlines are no later than `horizon`."""
        found: list[Demand] = []
        for job in self.open.values():
            if job.task.index not in self.deep and job.deadline <= horizon:
                time = max(0, self.estimator.idle().run(job) - begun.get(job.number, 0))
                found.append((job.deadline, job.number, None, [(0, time, 0.0)]))
        for index, arrival in self.following.items():
            task: TaskState = self.soc.tasks[index]
            if arrival + task.deadline > horizon:
                continue
            time = self.estimator.idle().run_task(task)
            for later in range(arrival, horizon - task.deadline + 1, task.period or 1):
                found.append((later + task.deadline, self.soc.released, None, [(0, time, 0.0)]))
        return found
