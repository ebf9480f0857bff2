"""A base network's answer for every job, and members beyond it that are worth most in the slack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched.engine.beliefs import ALWAYS
from rtsched.engine.job import DONE
from rtsched.errors import SchedulerError
from rtsched.schedulers.adaptations.apnet import best_layers
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.adaptations.busy_window import Coming, first_arrivals, served
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import exits_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: Busy windows of more than so many times the longest deadline are not looked through: only base networks run.
MANY = 32


class DeepEnsemble(Adaptation):
    """In the style of RTDeepEnsemble: every job's base network by EDF, further members by a knapsack over the slack.

    Bo, Guo, Leng, Qiao and Wang, ICCD 2024; the paper was not read; our definition is: the first exit of a task is the
    answer of its base network, which is mandatory, and each further exit that of an ensemble with one member more.
    Tasks without exits are mandatory as a whole. Whenever a job is released the slack is what the mandatory work, open
    and to come from periodic tasks, leaves free before any deadline of the busy window, from the first on of a job with
    a choice (EDF serves what is due before that first). Those members of open jobs will run whose times together fit
    into the slack and whose expected gain in accuracy, times the tasks' weights, is largest (exact up to 4096 ways, as
    in ``apnet-style``). A member that has begun is mandatory from then on; one that has not may lose its place to a
    better one. The window is that in which all members run.

    For one preemptive processor under ``ordering: edf``: deadlines that the mandatory work keeps alone are kept, as far
    as expectations hold. It needs exits; it fails where the first of these deadlines has no slack, and later ones
    plenty. With ``errors: {correlation: 0, combine: majority}`` of the task its members err apart, and gain what they
    add to the vote; without ``errors`` answers are nested (what an exit gets right, every more accurate one does, too),
    and members gain what the table of exits says, and no more.
    """

    claims = GREEDY - {"symmetric"}
    believes = ALWAYS

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        if not any(exits_of(task) for task in soc.tasks):
            raise SchedulerError("adaptation 'rtdeepensemble-style': no task has 'exits'; give one some")
        self.open: dict[int, Job] = {}
        self.depth: dict[int, int] = {}
        self.stale = False
        #: the next arrival of each periodic task
        self.following = first_arrivals(soc.tasks)

    def on_release(self, job: Job) -> None:
        self.open[job.number] = job
        self.stale = True
        if job.task.index in self.following:
            self.following[job.task.index] = job.arrival + (job.task.period or 0)

    def on_job_end(self, job: Job) -> None:
        self.open.pop(job.number, None)
        self.depth.pop(job.number, None)

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        job = segment.job
        if "exit" in observation and job.left > 1 and observation["exit"] >= self.depth.get(job.number, 0):
            self.soc.finish(job)

    def settle(self) -> None:
        if not self.stale:
            return
        self.stale = False
        jobs = list(self.open.values())
        times = [self._times(job) for job in jobs]
        slack = self._slack([(job.deadline, each) for job, each in zip(jobs, times, strict=True)])
        members = [[time - each[0] for time in each] for each in times]
        losses = [self._losses(job) for job in jobs]
        plan = [list(zip(*each, strict=True)) for each in zip(members, losses, strict=True)]
        for job, chosen in zip(jobs, best_layers(plan, slack) if plan else [], strict=True):
            self.depth[job.number] = self._first(job) + chosen
            if exits_of(job.task) and not self._begun(job) and self.soc.answer(job)[0] >= self.depth[job.number]:
                self.soc.finish(job)

    def _first(self, job: Job) -> int:
        """The exit up to which a job's work is mandatory now."""
        quality = exits_of(job.task)
        if quality is None:
            return 0
        reached = self.soc.answer(job)[0]
        return min(len(quality.exits) - 1, reached + 1) if reached < 0 or self._begun(job) else reached

    def _begun(self, job: Job) -> bool:
        return any(each.processor is not None and each.state != DONE for each in job.segments)

    def _times(self, job: Job) -> list[int]:
        """The time in ns until a job has done what is mandatory, and until it has each further answer."""
        quality = exits_of(job.task)
        if quality is None:
            return [self.estimator.idle().run(job)]
        exits = range(self._first(job), len(quality.exits))
        return [0 if each <= self.soc.answer(job)[0] else self.estimator.idle().run(job, exit_=each) for each in exits]

    def _losses(self, job: Job) -> list[float]:
        """What each answer is expected to be worth less than the whole ensemble's."""
        quality = exits_of(job.task)
        if quality is None:
            return [0.0]
        exits = quality.exits[self._first(job) :]
        worth = [self.soc.expected_accuracy(job, exit_.accuracy, exit_.index) for exit_ in exits]
        return [job.task.spec.weight * (max(worth) - each) for each in worth]

    def _slack(self, work: list[tuple[int, list[int]]]) -> int:
        """The least time in ns that mandatory work leaves before a deadline; below 0 where it is late already."""
        now = self.soc.now
        demands = [(deadline, times[0]) for deadline, times in work]
        limit = MANY * max(task.deadline for task in self.soc.tasks)
        window = served(sum(times[-1] for _, times in work), now, self._coming(), limit)
        if window is None:
            return -1
        for index, arrival in self.following.items():
            task = self.soc.tasks[index]
            releases = range(arrival, now + window, task.period or 1)
            demands += [(release + task.deadline, self._mandatory(task)) for release in releases]
        first = min((deadline for deadline, times in work if len(times) > 1), default=now)
        slack, total = window, 0
        for deadline, time in sorted(demands):
            total += time
            if deadline >= first:
                slack = min(slack, deadline - now - total)
        return slack

    def _coming(self) -> list[Coming]:
        """The mandatory parts of the jobs to come."""
        tasks = ((arrival, self.soc.tasks[index]) for index, arrival in self.following.items())
        return [Coming(arrival, task.period or 1, self._mandatory(task)) for arrival, task in tasks]

    def _mandatory(self, task: TaskState) -> int:
        """The time in ns of the mandatory part of a job to come."""
        return self.estimator.idle().run_task(task, 0 if exits_of(task) else None)
