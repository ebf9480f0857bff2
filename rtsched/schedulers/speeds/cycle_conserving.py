"""Cycle-conserving EDF: the lowest clock at which what is in the system, and what may come, is in time under EDF."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.speeds.base import Speed

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.policy import Policy


class CycleConserving(Speed):
    """The clock follows the sum of c / min(D, T), with c the planned time of open jobs and the used one of ended ones.

    From its release on a task counts with its planned time, from its job's end on with what that really took (until the
    next release): the lowest point at which this sum fits is taken. Pillai and Shin, "Real-time dynamic voltage scaling
    for low-power embedded operating systems", SOSP 2001 (ccEDF). The paper itself was not read: the rule is as usually
    told, and as in SimSo's CC_EDF; the paper's example, as usually told, comes out with its energy (0.52), in a test.

    For EDF on preemptive processors, each task on one processor (others are refused). Guarantee, from the paper: where
    EDF is schedulable by utilisation at full speed, D = T and jobs at least T apart, no deadline is missed. It counts
    on planned times that are bounds, on compute that follows the clock, and on switches of clocks that take no time; it
    fails where these do not hold (a switch latency, contention, faults, heat, arrivals without a minimum distance).
    Where a clock drives several processors the one that needs most decides.
    """

    claims = frozenset({"work-conserving", "bounded-inversion"})

    def joins(self, policy: Policy) -> None:
        rules = [
            (policy.order, policy.preemption),
            *((each.ordering.order, each.preemption) for each in policy.clusters),
        ]
        if policy.whole is not None or any(rule != ("EDF", "preemptive") for rule in rules):
            raise InputError(
                f"speed 'cycle-conserving' holds for preemptive EDF only (found {policy}); write 'ordering: edf', or "
                "choose speed: utilisation"
            )

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        own = {place for clock in self.clocks for place in clock.processors}
        homes = [self._home(task) for task in soc.tasks]
        #: by processor and task: the share of full speed that the task needs now
        self.shares: dict[int, dict[int, Fraction]] = {place: {} for place in own}
        self.homes = {task.index: home for task, home in zip(soc.tasks, homes, strict=True) if home in own}
        self.planned = {task.index: self._planned(task) for task in soc.tasks if task.index in self.homes}
        #: open jobs by task
        self.open: dict[int, int] = {}
        #: by job: the time at full speed of its ended segments; by segment: when it was last looked at, used till then
        self.used: dict[int, Fraction] = {}
        self.seen: dict[Segment, tuple[int, Fraction]] = {}
        self.changed = True

    def _home(self, task: TaskState) -> int:
        places = {place for node in task.nodes for place in self.estimator.places(task, node)}
        if len(places) > 1:
            raise SchedulerError(
                f"speed 'cycle-conserving': task {task.name!r} may run on several processors; pin it, or partition the "
                "tasks (placement: first-fit)"
            )
        return places.pop()

    def _planned(self, task: TaskState) -> int:
        """The time in ns that a job may need at full speed: each node in its longest variant."""
        home, longest = self.homes[task.index], dict[int, int]()
        for node in task.spec.all_nodes:
            longest[node.index] = max(longest.get(node.index, 0), node.times[home] or 0)
        return sum(longest.values())

    # ---- what happens --------------------------------------------------------------------------------------------

    def on_release(self, job: Job) -> None:
        if job.task.index in self.homes:
            self.open[job.task.index] = self.open.get(job.task.index, 0) + 1
            self._count(job, Fraction(self.planned[job.task.index]))

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        job = segment.job
        if job.task.index in self.homes:
            used = self._used_until_now(segment, self.soc.now - int(observation["time"]))
            self.seen.pop(segment, None)
            self.used[job.number] = self.used.get(job.number, Fraction(0)) + used

    def on_job_end(self, job: Job) -> None:
        for segment in [segment for segment in self.seen if segment.job is job]:
            self.used[job.number] = self.used.get(job.number, Fraction(0)) + self.seen.pop(segment)[1]
        used = self.used.pop(job.number, Fraction(0))
        if job.task.index in self.homes:
            self.open[job.task.index] = max(0, self.open.get(job.task.index, 0) - 1)
            if not self.open[job.task.index]:
                self._count(job, used)  # else the next one, late as this was, counts with what is planned

    def on_processor(self, processor: Processor, change: str) -> None:
        self._look(processor)

    def settle(self) -> None:
        for place in self.shares:
            self._look(self.soc.processors[place])
        if self.changed:
            self.changed = False
            for clock in self.clocks:
                need = max(sum(self.shares[place].values(), Fraction(0)) for place in clock.processors)
                self.set(clock, clock.level(need))

    # ---- what it counts ------------------------------------------------------------------------------------------

    def _count(self, job: Job, time: Fraction) -> None:
        task = job.task
        window = min(task.deadline, task.period or task.deadline)
        home = self.homes[task.index]
        self.shares[home][task.index] = min(time, Fraction(self.planned[task.index])) / window
        self.changed = True

    def _look(self, processor: Processor) -> None:
        """Take down what the segment that runs has used by now: its clock may change, or it may be preempted."""
        segment = processor.segment
        if segment is not None and processor.index in self.shares and segment.processor is processor:
            expected = self.soc.expected(segment, processor) or 0
            self.seen[segment] = (self.soc.now, Fraction(max(0, expected - self.soc.remaining(segment))))

    def _used_until_now(self, segment: Segment, started: int) -> Fraction:
        """What a segment that ends now has used in all, in time at full speed: since the last look at one clock."""
        assert segment.processor is not None
        looked, used = self.seen.get(segment, (started, Fraction(0)))
        return used + (self.soc.now - max(looked, started)) * self._rate(segment.processor)

    def _rate(self, processor: Processor) -> Fraction:
        """The work per time at the present clock, as a share of full speed."""
        clock = next(clock for clock in self.clocks if processor.index in clock.processors)
        frequencies = self.soc.frequencies(processor)
        return 1 / Fraction(clock.scales[frequencies.index(self.soc.frequency(processor) or frequencies[-1])])
