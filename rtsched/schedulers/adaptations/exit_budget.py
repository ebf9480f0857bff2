"""Leaving so that a mean budget of time is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched.engine.beliefs import AT_SETUP
from rtsched.errors import SchedulerError
from rtsched.model.answers import confidence
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import exits_of, times_to_exits

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState


#: Synthetic inputs on which thresholds are set before time starts, as a validation set would be used.
INPUTS = 20_000


class BudgetedExit(Adaptation):
    """Budgeted batch classification: thresholds such that a job takes `budget` of its full time on average.

    A share proportional to q^k of the inputs leaves at exit k, with q found for the budget; the thresholds are the
    quantiles of the confidence that make it so on synthetic inputs of the task, set before time starts. It needs exits;
    it promises the mean time, and no deadline; it fails when the inputs in use are not like those it was set on. Huang
    et al. (MSDNet), ICLR 2018, "budgeted batch".
    """

    claims = GREEDY - {"symmetric"}
    believes = AT_SETUP
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

    def _thresholds(self, task: TaskState) -> list[float]:
        quality = task.spec.quality
        assert quality is not None
        if quality.errors is not None:
            raise SchedulerError(
                f"adaptation 'exit-budget': the errors of task {task.name!r} are not nested, as those of the inputs "
                "are on which it sets its thresholds; leave 'errors' out, or take 'early-exit'"
            )
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
