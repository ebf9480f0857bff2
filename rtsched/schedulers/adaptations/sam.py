"""A mandatory part in full, and as much of the optional part as the slack buys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.adaptations.base import VariantAdaptation
from rtsched.schedulers.adaptations.busy_window import Coming, first_arrivals, served
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState

#: Busy windows of more than so many times the longest deadline are not looked through: the least variant runs.
MANY = 32
POLICIES = ("mandatory-first", "slack")


class SAM(VariantAdaptation):
    """In the style of DNN-SAM: the largest scale of the optional part that leaves every mandatory part its time.

    "DNN-SAM: split-and-merge DNN execution for real-time object detection", RTAS 2022; the paper was not read; our
    definition is: the mandatory part of a job is what its least variant computes (the cropped critical region), what
    larger variants add is optional (the whole image, scaled). On release, and before each node where variants may
    change (``switch: node``), the largest variant is taken under which all that is promised fits. Under ``policy:
    slack`` (beside ``ordering: edf``): in the order of deadlines the work of open jobs, as they are meant to run, and
    the mandatory work to come is done by every deadline of the busy window. Under ``policy: mandatory-first`` (beside
    ``ordering: split-first-style``): all mandatory work, open or to come until then, and then the optional parts in the
    order of deadlines, are done by every open job's deadline from its own on.

    For one processor, whose periodic tasks are known. Deadlines are met that the mandatory parts alone would meet, as
    far as expectations hold and optional parts can be interrupted. It needs variants.
    """

    # Not monotone: at a boundary inside a node the estimate has the cost of a start, which going on there does not pay,
    # so that a better variant that is just in time is given up half-way.
    claims = GREEDY - {"symmetric", "monotone"}
    shrinks = True

    def __init__(self, policy: str = "slack") -> None:
        if policy not in POLICIES:
            raise InputError(f"policy: must be {' or '.join(POLICIES)} (found {policy!r})")
        self.slack = policy == "slack"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        if not any(variants_of(task) for task in soc.tasks):
            raise SchedulerError("adaptation 'dnn-sam-style': no task has 'variants'; give one some")
        self.open: dict[int, Job] = {}
        self.fresh: list[Job] = []
        #: what jobs count as until they are chosen for: only meant, for what a variant skips would be gone at once
        self.least: dict[Job, int] = {}
        #: the next arrival of each periodic task
        self.following = first_arrivals(soc.tasks)

    def on_release(self, job: Job) -> None:
        self.open[job.number] = job
        self.fresh.append(job)
        if job.task.index in self.following:
            self.following[job.task.index] = job.arrival + (job.task.period or 0)

    def on_job_end(self, job: Job) -> None:
        self.open.pop(job.number, None)

    def settle(self) -> None:
        """In the order of deadlines, the others at their least until it is their turn."""
        fresh = [job for job in self.fresh if job.number in self.open and variants_of(job.task)]
        self.fresh = []
        fresh.sort(key=lambda job: (job.deadline, job.number))
        self.least = {job: variants_of(job.task)[-1].index for job in fresh}
        for job in fresh:
            self._choose(job)
            del self.least[job]

    def on_start(self, segment: Segment, processor: Processor) -> None:
        if variants_of(segment.job.task) and self.soc.changeable(segment.job):
            self._choose(segment.job)

    def _choose(self, job: Job) -> None:
        variants = variants_of(job.task)
        number = next((each.index for each in variants if self._fits(job, each.index)), variants[-1].index)
        if number != job.path.variant:
            self.soc.reconfigure(job, number)

    def _fits(self, job: Job, number: int) -> bool:
        """Whether all that is promised is in time if `job` runs as variant `number`."""
        meant = self.least | {job: number}
        work = {each: self._work(each, meant.get(each)) for each in self.open.values()}
        return self._slack_fits(work, job) if self.slack else self._optional_fits(work, job)

    def _work(self, job: Job, number: int | None) -> tuple[int, int]:
        """The time in ns that is left of a job's mandatory part, and of its optional part, as variant `number`."""
        whole = self.estimator.idle().run(job, number)
        variants = variants_of(job.task)
        least = min(whole, self.estimator.idle().run(job, variants[-1].index)) if variants else whole
        return least, whole - least

    def _slack_fits(self, work: Mapping[Job, tuple[int, int]], job: Job) -> bool:
        """Whether demand never exceeds time at the deadlines of the busy window, from the job's own on."""
        now = self.soc.now
        demands = [(each.deadline, sum(times)) for each, times in work.items()]
        limit = MANY * max(task.deadline for task in self.soc.tasks)
        window = served(sum(time for _, time in demands), now, self._coming(), limit)
        if window is None:
            return False
        for index, arrival in self.following.items():
            task = self.soc.tasks[index]
            times = range(arrival, now + window, task.period or 1)
            demands += [(time + task.deadline, self._mandatory(task)) for time in times]
        demands.sort()
        total = 0
        for due, time in demands:
            total += time
            if due >= job.deadline and total > due - now:
                return False
        return True

    def _optional_fits(self, work: Mapping[Job, tuple[int, int]], job: Job) -> bool:
        """Whether every optional part from the job's own on ends in time behind all mandatory ones."""
        mandatory = sum(least for least, _ in work.values())
        coming = self._coming()
        optional, now = 0, self.soc.now
        for each in sorted(work, key=lambda each: (each.deadline, each.number)):
            optional += work[each][1]
            asked = work[each][1] > 0 and each.deadline >= job.deadline
            if asked and served(mandatory + optional, now, coming, each.deadline - now) is None:
                return False
        return True

    def _coming(self) -> list[Coming]:
        """The mandatory parts of the jobs to come."""
        tasks = ((arrival, self.soc.tasks[index]) for index, arrival in self.following.items())
        return [Coming(arrival, task.period or 1, self._mandatory(task)) for arrival, task in tasks]

    def _mandatory(self, task: TaskState) -> int:
        """The time in ns of the mandatory part of a task."""
        form = self.estimator.form(task, max(0, len(variants_of(task)) - 1))
        nodes = (node for node in form.nodes if node.index not in form.skipped)
        return sum(self.estimator.time(node, self.estimator.usual(task, node)) for node in nodes)
