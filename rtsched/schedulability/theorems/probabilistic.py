"""Probabilities of missing a deadline: a bound for independent execution times, and intervals for simulations.

The only room with floating-point numbers: probabilities. Times stay integers, and every rounding of a bound goes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

from rtsched.schedulability.result import Assumption, Bound, Failure, Result
from rtsched.schedulability.theorem import theorem

#: The safety margin of a bound: relative, for the rounding of the last steps, and on the exponent, for its sums.
MARGIN = 1e-9
#: How many instants t are looked at for each task. Each gives a bound, so leaving some out is safe.
POINTS = 500


@dataclass(frozen=True, slots=True)
class RandomTask:
    """A sporadic task whose jobs take one of `times`, ((ticks, probability), ...), each independently.

    `tolerated` is the probability of missing D = `D` that is accepted for a job.
    """

    name: str
    times: tuple[tuple[int, float], ...]
    T: int
    D: int
    tolerated: float = 0.0

    @property
    def C(self) -> int:
        """The longest time that can occur."""
        return max(time for time, probability in self.times if probability > 0)


@dataclass(frozen=True)
class RandomUniprocessor:
    """Random tasks, most urgent first, on one processor under preemptive fixed priorities."""

    tasks: tuple[RandomTask, ...]
    name: str = "processor"


@dataclass(frozen=True, slots=True)
class FailureBound:
    """A job misses its deadline with at most this `probability`; found at instant `t` with exponent `s` (inf: sure)."""

    probability: float
    t: int
    s: float


def _distributions(model: RandomUniprocessor) -> str | None:
    """Times of at least 0 ticks, and probabilities that sum to 1."""
    for task in model.tasks:
        if any(probability < 0 or time < 0 for time, probability in task.times):
            return f"times and probabilities of task {task.name!r} must not be negative"
        if abs(sum(probability for _, probability in task.times) - 1) > MARGIN:
            return f"the probabilities of task {task.name!r} do not sum to 1"
        if not 0 < task.D <= task.T:
            return f"it needs 0 < D <= T: task {task.name!r} has D = {task.D}, T = {task.T}"
        if not 0 <= task.tolerated <= 1:
            return f"task {task.name!r} tolerates {task.tolerated}, which is no probability"
    return None


def instants(model: RandomUniprocessor, index: int) -> list[int]:
    """Where the bound of a task is looked for: its deadline, and the releases of more urgent tasks before it."""
    D = model.tasks[index].D
    points = {D}
    for h in model.tasks[:index]:
        step = max(1, D // h.T // POINTS) * h.T
        points.update(range(step, D, step))
    ordered = sorted(points)
    thin = ordered[:: max(1, len(ordered) // POINTS)]
    return thin if thin[-1] == D else [*thin, D]


def failure_probability(model: RandomUniprocessor, index: int) -> FailureBound:
    """The smallest bound over all `instants`; exactly 0 where even the longest times are in time.

    >>> noise = RandomTask("noise", ((1, 0.95), (4, 0.05)), T=10, D=10)
    >>> network = RandomTask("network", ((12, 0.99), (40, 0.01)), T=50, D=50)
    >>> bound = failure_probability(RandomUniprocessor((noise, network)), 1)
    >>> round(bound.probability, 5), bound.t     # 40 + 5 fits, but not with two long jobs of noise
    (0.00348, 50)
    """
    task = model.tasks[index]
    best = FailureBound(1.0, task.D, 0.0)
    for t in instants(model, index):
        releases = [-(-t // h.T) for h in model.tasks[:index]]
        certain = task.C + sum(n * h.C for n, h in zip(releases, model.tasks[:index], strict=True))
        if certain <= t:  # the deterministic critical instant has no carry-in: it holds for every outcome
            return FailureBound(0.0, t, inf)
        jobs = [(task, 1), *((h, n + 1) for n, h in zip(releases, model.tasks[:index], strict=True))]
        probability, s = _chernoff(jobs, t)
        if probability < best.probability:
            best = FailureBound(probability, t, s)
    return best


def _chernoff(jobs: Sequence[tuple[RandomTask, int]], t: int) -> tuple[float, float]:
    """min over s > 0 of exp(-st) Π E[exp(s C)]^n >= P(Σ C > t), with the s that gives it.

    Its logarithm is convex in s, so its slope (the mean under probabilities tilted by exp(sC), minus t) has one zero.
    Any s gives a bound: an inexact minimum costs accuracy, never soundness.
    """
    longest = sum(n * task.C for task, n in jobs)
    if longest <= t:
        return 0.0, inf
    if _slope(jobs, t, 0.0) >= 0:
        return 1.0, 0.0
    low, high = 0.0, 1.0 / longest
    while _slope(jobs, t, high) < 0:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(jobs, t, middle) < 0 else (low, middle)
    # Times relative to the longest one: no power overflows, and what cancels is an exact integer.
    surplus = high * (longest - t)
    exponent, size = surplus, abs(surplus)
    for task, n in jobs:
        whole = sum(probability for _, probability in task.times)
        mean = sum(probability * exp(high * (time - task.C)) for time, probability in task.times if probability)
        term = n * log(mean / whole)
        exponent += term
        size += abs(term)
    return min(1.0, exp(exponent + 1e-3 * MARGIN * size) * (1 + MARGIN)), high


def _slope(jobs: Sequence[tuple[RandomTask, int]], t: int, s: float) -> float:
    """The derivative of the exponent at s."""
    slope = float(-t)
    for task, n in jobs:
        tilted = [
            (time, probability * exp(s * (time - task.C))) for time, probability in task.times if probability
        ]  # fmt: skip
        slope += n * sum(time * weight for time, weight in tilted) / sum(weight for _, weight in tilted)
    return slope


INDEPENDENT = Assumption(
    "execution times are independent of each other and of the arrivals (to be signed: the latencies of neural "
    "networks are correlated by temperature, clocks and contention)",
    "declared",
)
ABANDONED = Assumption("a job that is not finished at its deadline is abandoned there", "declared")
DISTRIBUTED = Assumption("no execution time exceeds its distribution: P(C > x) is as given or less", "declared")


@theorem(
    "deadline-failure-probability",
    title="Probability of missing a deadline, preemptive fixed priority (Chernoff bound with carry-in jobs)",
    strength="sufficient",
    citation="Chen, Günzel, Bozhko, von der Brüggen, Brandenburg, RTSS 2022; Chen, Chen, SIES 2017 (Chernoff bounds)",
    model=RandomUniprocessor,
    needs=(_distributions,),
)
def deadline_failure_probability(model: RandomUniprocessor) -> Result:
    """P(miss) <= min_{t <= D} min_{s > 0} exp(-st) E[exp(s C_i)] Π_hp E[exp(s C_h)]^(ceil(t/T_h) + 1).

    The synchronous release is not the worst case of a probability: one carry-in job of each more urgent task counts
    on top. `details` holds the probabilities; the bounds have no response time. A task is accepted if its probability
    is at most what it tolerates.

    >>> noise = RandomTask("noise", ((1, 0.95), (4, 0.05)), T=10, D=10)
    >>> network = RandomTask("network", ((12, 0.999), (35, 0.001)), T=50, D=50, tolerated=1e-5)
    >>> result = deadline_failure_probability(RandomUniprocessor((noise, network)))
    >>> result.verdict, {name: round(each["probability"], 8) for name, each in result.details.items()}
    ('schedulable', {'noise': 0.0, 'network': 6.86e-06})
    """
    bounds, failures, details = [], [], {}
    for index, task in enumerate(model.tasks):
        found = failure_probability(model, index)
        bounds.append(Bound(task.name, None, task.D))
        details[task.name] = {"probability": found.probability, "tolerated": task.tolerated, "t": found.t, "s": found.s}
        if found.probability > task.tolerated:
            why = f"{task.name!r} may miss its deadline with probability {found.probability:.3g}"
            failures.append(Failure(task.name, f"{why} and tolerates {task.tolerated:.3g}"))
    return Result(
        "unknown" if failures else "schedulable",
        tuple(bounds),
        assumptions=(INDEPENDENT, ABANDONED, DISTRIBUTED),
        first_failure=failures[0] if failures else None,
        reason=failures[0].why if failures else "",
        details=details,
    )


@dataclass(frozen=True, slots=True)
class Estimate:
    """The share of `misses` in `runs` independent simulations: an estimate with its intervals, never a guarantee."""

    misses: int
    runs: int
    confidence: float
    wilson: tuple[float, float]
    clopper_pearson: tuple[float, float]
    kind: str = "estimate"

    @property
    def share(self) -> float:
        """Misses per run."""
        return self.misses / self.runs


def monte_carlo_interval(misses: int, runs: int, confidence: float = 0.95) -> Estimate:
    """How sure a simulation is: Wilson's interval (1927), and the exact one of Clopper and Pearson (1934).

    Clopper-Pearson covers the true probability at least with `confidence`, Wilson on average and in less space. Both
    speak of independent runs of one random system, not of a worst case.

    >>> estimate = monte_carlo_interval(0, 1000)
    >>> [round(number, 5) for number in (*estimate.wilson, *estimate.clopper_pearson)]
    [0.0, 0.00383, 0.0, 0.00368]
    """
    if not 0 <= misses <= runs or runs < 1 or not 0 < confidence < 1:
        raise ValueError(f"no interval for {misses} of {runs} runs with confidence {confidence}")
    from scipy.stats import binomtest

    test = binomtest(misses, runs)
    found = [test.proportion_ci(confidence, method) for method in ("wilson", "exact")]
    wilson, exact = [(float(each.low), float(each.high)) for each in found]
    return Estimate(misses, runs, confidence, wilson, exact)
