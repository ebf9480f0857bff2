"""Early exits and optional parts: how deep a job goes before its answer is accepted."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched.engine.course import confidence
from rtsched.engine.job import DONE
from rtsched.errors import SchedulerError
from rtsched.model.task import Periodic
from rtsched.model.taskgraph import QualitySpec
from rtsched.schedulers.adaptation import Adaptation
from rtsched.schedulers.ordering import Ordering
from rtsched.schedulers.stages import Demand, Option, best_depths, merged

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.source import Source
    from rtsched.schedulers.estimate import Estimator

#: Synthetic inputs on which thresholds are set before time starts, as a validation set would be used.
INPUTS = 20_000


def exits_of(task: Source) -> QualitySpec | None:
    """What the answers of a task with exits are worth; None for other tasks."""
    quality = task.spec.quality
    return quality if quality is not None and quality.exits else None


def times_to_exits(estimator: Estimator, task: Source) -> list[int]:
    """The expected time in ns from the start of a job to each of its exits, alone, where it will run."""
    quality = exits_of(task)
    assert quality is not None
    return [estimator.idle().run_task(task, exit_.index) for exit_ in quality.exits]


class EarlyExit(Adaptation):
    """Early exit by confidence: a job ends at the first exit where its answer is right with probability `threshold`.

    With `gain`, the threshold follows the load: each release moves it by gain x (`target` - jobs waiting), kept within
    [`low`, 1], so that a queue makes answers come earlier. It needs exits; it promises an accuracy on average where
    confidences are calibrated, and no deadline; it fails when hard inputs come together. Teerapittayanon et al.,
    "BranchyNet", ICPR 2016 (there the entropy of the softmax is compared, here the calibrated confidence); the moving
    threshold is our own.
    """

    shrinks = True

    def __init__(self, threshold: float = 0.9, gain: float = 0.0, target: float = 0.1, low: float = 0.0) -> None:
        if not 0 <= threshold <= 1 or not 0 <= low <= 1:
            raise ValueError("threshold and low are probabilities: between 0 and 1")
        if gain < 0:
            raise ValueError("gain must not be negative")
        self.threshold = threshold
        self.gain = gain
        self.target = target
        self.low = low

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.now = self.threshold
        if not any(exits_of(task) for task in soc.tasks):
            raise SchedulerError("adaptation 'early-exit': no task has 'exits'; give one some")

    def overrides(self, event: str) -> bool:
        return super().overrides(event) and (event != "on_release" or self.gain > 0)

    def on_release(self, job: Job) -> None:
        waiting = len({segment.job.number for segment in self.soc.ready})
        self.now = min(1.0, max(self.low, self.now + self.gain * (self.target - waiting)))

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        if "exit" in observation and observation["confidence"] >= self.now and segment.job.left > 1:
            self.soc.finish(segment.job)


class Anytime(Adaptation):
    """Anytime prediction: at the deadline the answer of the last exit reached is accepted, and the rest given up.

    A job that has reached no exit goes on, and is late. It needs exits; whoever reaches the first exit in time answers
    in time; it fails by spending on one job what another needed for its first answer. Huang et al., "Multi-scale dense
    networks" (MSDNet), ICLR 2018.
    """

    def on_deadline(self, job: Job) -> None:
        if job.outcome < 0 and exits_of(job.task) and self.soc.answer(job)[0] >= 0:
            self.soc.finish(job)


class BudgetedExit(Adaptation):
    """Budgeted batch classification: thresholds such that a job takes `budget` of its full time on average.

    A share proportional to q^k of the inputs leaves at exit k, with q found for the budget; the thresholds are the
    quantiles of the confidence that make it so on synthetic inputs of the task, set before time starts. It needs exits;
    it promises the mean time, and no deadline; it fails when the inputs in use are not like those it was set on. Huang
    et al. (MSDNet), ICLR 2018, "budgeted batch".
    """

    shrinks = True

    def __init__(self, budget: float = 0.5) -> None:
        if not 0 < budget <= 1:
            raise ValueError("budget is a share of the full time: above 0, at most 1")
        self.budget = budget

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.thresholds = {task.index: self._thresholds(task) for task in soc.tasks if exits_of(task)}
        if not self.thresholds:
            raise SchedulerError("adaptation 'exit-budget': no task has 'exits'; give one some")

    def _thresholds(self, task: Source) -> list[float]:
        quality = task.spec.quality
        assert quality is not None
        times = np.array(times_to_exits(self.estimator, task), float)
        shares = leaving(times, self.budget * times[-1])
        random = np.random.Generator(np.random.PCG64(0))
        rho = quality.reliability
        own = random.standard_normal(INPUTS)
        staying = np.ones(INPUTS, bool)
        thresholds = []
        for exit_, share in zip(quality.exits[:-1], shares[:-1], strict=True):
            seen = rho * own + np.sqrt(1 - rho * rho) * random.standard_normal(INPUTS)
            order = np.sort(seen[staying])
            count = min(round(share * INPUTS), len(order))
            if not count:
                thresholds.append(2.0)  # nobody leaves here
                continue
            limit = float(order[count - 1])  # the easiest leave: confidence falls as the score rises
            thresholds.append(confidence(exit_.accuracy, limit, rho))
            staying &= seen > limit
        return [*thresholds, 0.0]

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        job = segment.job
        if "exit" in observation and job.left > 1:
            if observation["confidence"] >= self.thresholds[job.task.index][observation["exit"]]:
                self.soc.finish(job)


def leaving(times: Any, budget: float) -> list[float]:
    """The shares of inputs that leave at each exit, proportional to q^k, whose mean time is `budget`.

    A budget below the first exit's time lets all leave there, one above the last's none before the last.
    """
    numbers = np.arange(len(times))
    if budget <= times[0] or len(times) == 1:
        return [1.0] + [0.0] * (len(times) - 1)
    if budget >= times[-1]:
        return [0.0] * (len(times) - 1) + [1.0]
    low, high = -60.0, 60.0  # of log q
    for _ in range(200):
        middle = (low + high) / 2
        weights = np.exp(middle * numbers - max(0.0, middle) * numbers[-1])
        low, high = (middle, high) if float(weights @ times / weights.sum()) < budget else (low, middle)
    weights = np.exp(low * numbers - max(0.0, low) * numbers[-1])
    return [float(weight) for weight in weights / weights.sum()]


# ---- mandatory and optional ------------------------------------------------------------------------------------------


def _optional(segment: Segment) -> bool:
    """Whether `segment` lies beyond the first exit of its job, which is the mandatory part."""
    job = segment.job
    quality = exits_of(job.task)
    return quality is not None and segment.node.index > quality.exits[0].node


class MandatoryFirst(Ordering):
    """Imprecise computation: all mandatory parts (up to the first exit) by EDF, then all optional ones by EDF.

    Meets all deadlines of the mandatory parts if EDF alone would; the rest is best effort, and wants an adaptation that
    accepts what there is at the deadline (``anytime``). Nodes must be numbered in the order of the exits. Liu et al.,
    "Algorithms for scheduling imprecise computations", IEEE Computer 24(5), 1991.
    """

    def key(self, segment: Segment) -> tuple[Any, ...]:
        return (_optional(segment), segment.job.deadline, segment.job.release)


class BestIncrementalReturn(Ordering):
    """Imprecise computation: mandatory parts by EDF, then the optional part with the most accuracy to gain per time.

    What is to gain is expected from the last exit's confidence. The same guarantee as mandatory first; it fails by
    starving the cheap deadline for the rich one. Dey, Kurose and Towsley, "On-line scheduling policies for a class of
    IRIS real-time tasks", IEEE ToC 45(7), 1996.
    """

    estimates = True

    def key(self, segment: Segment) -> tuple[Any, ...]:
        job = segment.job
        if not _optional(segment):
            return (False, 0.0, job.deadline, job.release)
        quality = job.task.spec.quality
        assert quality is not None
        places = [exit_.node for exit_ in quality.exits]
        following = quality.exits[bisect_left(places, segment.node.index)]
        _, have = self.soc.answer(job)
        gain = self.soc.expected_accuracy(job, following.accuracy) - self.soc.expected_accuracy(job, have or 0.0)
        time = self.estimator.work(job.task, range(segment.node.index, following.node + 1))
        return (True, -gain / time, job.deadline, job.release)


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
        hope = max(self.soc.expected_accuracy(job, exit_.accuracy) for exit_ in quality.exits[here + 1 :])
        gain = hope - self.soc.expected_accuracy(job, quality.exits[here].accuracy)
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
        for processor, segment in self.estimator.held():
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
                self.soc.expected_accuracy(job, exit_.accuracy),
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
            task: Source = self.soc.tasks[index]
            if arrival + task.deadline > horizon:
                continue
            time = self.estimator.idle().run_task(task)
            for later in range(arrival, horizon - task.deadline + 1, task.period or 1):
                found.append((later + task.deadline, self.soc.released, None, [(0, time, 0.0)]))
        return found
