"""Probabilities of missing a deadline: against exact enumeration, convolution and simulation."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy
import pytest

from rtsched.schedulability.theorems import probabilistic
from rtsched.schedulability.theorems.probabilistic import (
    RandomTask,
    RandomUniprocessor,
    deadline_failure_probability,
    failure_probability,
    instants,
    monte_carlo_interval,
)


def misses(tasks: Sequence[RandomTask], jobs: list[tuple[int, int]], times: Sequence[int]) -> list[bool]:
    """Which of the `jobs` (release, task) miss, tick by tick, when they take `times`; late ones are abandoned."""
    left = list(times)
    missed = [False] * len(jobs)
    end = max(release + tasks[index].D for release, index in jobs)
    for now in range(min(jobs)[0], end + 1):
        ready = []
        for job, (release, index) in enumerate(jobs):
            if left[job] and now >= release + tasks[index].D:
                missed[job], left[job] = True, 0
            if left[job] and now >= release:
                ready.append((index, release, job))
        if ready:
            left[min(ready)[2]] -= 1
    return missed


def exact(model: RandomUniprocessor, jobs: list[tuple[int, int]], watched: int) -> Fraction:
    """The probability that one of the jobs misses: every combination of execution times is tried."""
    total = Fraction(0)
    for outcome in itertools.product(*(model.tasks[index].times for _, index in jobs)):
        if misses(model.tasks, jobs, [time for time, _ in outcome])[watched]:
            weight = Fraction(1)
            for _, probability in outcome:
                weight *= Fraction(probability)
            total += weight
    return total


def convolution(model: RandomUniprocessor, index: int, extra: int) -> Fraction:
    """min over t of P(Σ C > t), exactly; `extra` carry-in jobs of each more urgent task."""
    best = Fraction(1)
    task = model.tasks[index]
    for t in instants(model, index):
        sums = {0: Fraction(1)}
        jobs = [task] + [h for h in model.tasks[:index] for _ in range(-(-t // h.T) + extra)]
        for job in jobs:
            after: dict[int, Fraction] = {}
            for total, weight in sums.items():
                for time, probability in job.times:
                    after[total + time] = after.get(total + time, Fraction(0)) + weight * Fraction(probability)
            sums = after
        best = min(best, sum((weight for total, weight in sums.items() if total > t), Fraction(0)))
    return best


def some_model(rng: random.Random, count: int = 0) -> RandomUniprocessor:
    """Two or three tasks, each with two or three execution times; probabilities are sums of powers of 1/2, so exact."""
    tasks = []
    for index in range(count or rng.randint(2, 3)):
        T = rng.randint(4, 7) if index < 1 else rng.randint(7, 14)
        short = rng.randint(1, 2)
        long = short + rng.randint(1, 3)
        rare = rng.choice((0.5, 0.25, 0.125, 2.0**-6))
        tasks.append(RandomTask("abc"[index], ((short, 1 - rare), (long, rare)), T, rng.randint(max(2, T - 2), T)))
    return RandomUniprocessor(tuple(tasks))


def pattern(rng: random.Random, model: RandomUniprocessor, index: int) -> list[tuple[int, int]]:
    """One job of task `index` at 0, and the more urgent ones around it, up to two jobs of each before."""
    D = model.tasks[index].D
    jobs = [(0, index)]
    for h, task in enumerate(model.tasks[:index]):
        at = rng.randint(1 - 2 * task.T, 0)
        while at < D:
            jobs.append((at, h))
            at += task.T
    return jobs


def test_no_pattern_of_arrivals_beats_the_bound() -> None:
    tried = likely = 0
    for seed in range(150):
        rng = random.Random(seed)
        model = some_model(rng, 2 if seed % 3 else 3)
        index = len(model.tasks) - 1
        bound = failure_probability(model, index).probability
        for _ in range(4):
            jobs = pattern(rng, model, index)
            if len(jobs) > 9:
                continue
            true = exact(model, jobs, 0)
            assert true <= Fraction(bound), (seed, model, jobs)
            tried += 1
            likely += true > 0 and bound < 1
    assert tried > 300
    assert likely > 30


def test_the_bound_lies_above_the_exact_convolution() -> None:
    """Chernoff's inequality on top of the sum that it bounds, with its carry-in jobs."""
    ratios = []
    for seed in range(200):
        model = some_model(random.Random(seed))
        for index in range(len(model.tasks)):
            bound = failure_probability(model, index).probability
            true = convolution(model, index, extra=1)
            if bound == 0:  # no carry-in: even the longest times of the critical instant are in time
                assert convolution(model, index, extra=0) == 0
                continue
            assert Fraction(bound) >= true, (seed, model)
            if true > 0 and bound < 1:
                ratios.append(bound / float(true))
    assert len(ratios) > 50
    assert min(ratios) < 10  # and not far above


#: b has 6 ticks. With a at 0 both must be long (4 + 5); with a at -2 and 4 it is enough that one job of a is long.
COUNTEREXAMPLE = (
    RandomUniprocessor(
        (
            RandomTask("a", ((1, 63 / 64), (4, 1 / 64)), 6, 4),
            RandomTask("b", ((2, 3 / 4), (5, 1 / 4)), 8, 6),
        )
    ),
    [(0, 1), (-2, 0), (4, 0)],
)
SYNCHRONOUS = Fraction(1, 4) * Fraction(1, 64)
WITH_CARRY_IN = Fraction(1, 4) * (1 - Fraction(63, 64) ** 2)


def test_the_synchronous_release_is_not_the_worst() -> None:
    """A carry-in job makes a miss more likely than arrivals at one instant do (Chen et al., RTSS 2022)."""
    model, jobs = COUNTEREXAMPLE
    together = [(0, 1), *((at, 0) for at in range(0, model.tasks[1].D, model.tasks[0].T))]
    assert exact(model, together, 0) == convolution(model, 1, extra=0) == SYNCHRONOUS
    assert exact(model, jobs, 0) == WITH_CARRY_IN
    assert WITH_CARRY_IN > SYNCHRONOUS
    assert convolution(model, 1, extra=1) >= WITH_CARRY_IN
    assert failure_probability(model, 1).probability >= WITH_CARRY_IN


@pytest.mark.parametrize("forgotten", ["own", "others"])
def test_a_forgotten_job_is_noticed(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chernoff = probabilistic._chernoff
    part = slice(1, None) if forgotten == "own" else slice(0, 1)
    monkeypatch.setattr(probabilistic, "_chernoff", lambda jobs, t: chernoff(jobs[part], t))
    with pytest.raises(AssertionError):
        test_no_pattern_of_arrivals_beats_the_bound()


def test_one_job_by_hand() -> None:
    """C is 1 or 3, evenly: E[exp(sC)] exp(-2s) = cosh(s) >= 1, and t = 2 is below no multiple: nothing is known.

    With probability 1/9 of the long one, the minimum of (8 e^-s + e^s) / 9 is at e^2s = 8: 2 sqrt(8) / 9.
    """
    even = RandomUniprocessor((RandomTask("a", ((1, 0.5), (3, 0.5)), 5, 2),))
    assert failure_probability(even, 0).probability == 1.0
    rare = RandomUniprocessor((RandomTask("a", ((1, 8 / 9), (3, 1 / 9)), 5, 2),))
    found = failure_probability(rare, 0)
    assert found.probability == pytest.approx(2 * 8**0.5 / 9)
    assert found.probability >= 2 * 8**0.5 / 9
    assert numpy.exp(2 * found.s) == pytest.approx(8)


def test_what_cannot_be_late_has_probability_zero() -> None:
    tasks = (RandomTask("a", ((1, 0.5), (2, 0.5)), 5, 5), RandomTask("b", ((3, 0.5), (6, 0.5)), 20, 10))
    result = deadline_failure_probability(RandomUniprocessor(tasks))
    assert result.verdict == "schedulable"
    assert [each["probability"] for each in result.details.values()] == [0.0, 0.0]
    never = RandomTask("c", ((3, 1.0), (100, 0.0)), 20, 10)
    assert deadline_failure_probability(RandomUniprocessor((never,))).verdict == "schedulable"


def test_what_a_task_tolerates_decides() -> None:
    urgent = RandomTask("a", ((1, 0.95), (5, 0.05)), 10, 10)
    network = RandomTask("b", ((15, 0.99), (30, 0.01)), 50, 50)
    refused = deadline_failure_probability(RandomUniprocessor((urgent, network)))
    assert refused.verdict == "unknown"
    assert refused.first_failure is not None
    assert "may miss its deadline with probability" in str(refused.first_failure)
    probability = refused.details["b"]["probability"]
    assert 0 < probability < 0.1
    accepted = deadline_failure_probability(RandomUniprocessor((urgent, replace(network, tolerated=0.1))))
    assert accepted.verdict == "schedulable"
    assert accepted.responses == [None, None]
    texts = {item.text.split(":")[0].split(" (")[0]: item.status for item in accepted.assumptions}
    assert texts["execution times are independent of each other and of the arrivals"] == "declared"


def test_a_simulation_stays_below_the_bound() -> None:
    """Random phases, 4000 jobs: the lower end of the exact interval lies below the bound."""
    rng = numpy.random.default_rng(7)
    urgent = RandomTask("a", ((2, 0.75), (6, 0.25)), 10, 10)
    network = RandomTask("b", ((8, 0.75), (24, 0.25)), 40, 40)
    model = RandomUniprocessor((urgent, network))
    bound = failure_probability(model, 1).probability
    late = runs = 0
    for _ in range(1000):
        phase = int(rng.integers(0, 10))
        jobs = [(at, 1) for at in range(0, 160, 40)] + [(at, 0) for at in range(phase, 160, 10)]
        times = [
            int(rng.choice([time for time, _ in model.tasks[index].times], p=[p for _, p in model.tasks[index].times]))
            for _, index in jobs
        ]
        late += sum(misses(model.tasks, jobs, times)[:4])
        runs += 4
    estimate = monte_carlo_interval(late, runs, 0.999)
    assert late > 0
    assert estimate.clopper_pearson[0] <= bound < 1


def test_sampled_sums_stay_below_the_bound() -> None:
    """The sum that the bound speaks of, sampled, for distributions of many values."""
    rng = numpy.random.default_rng(3)
    for _ in range(10):
        tasks = []
        for index, (T, longest) in enumerate(((20, 6), (50, 15), (100, 40))):
            weights = rng.random(longest)
            weights /= weights.sum()
            times = tuple((time + 1, float(weight)) for time, weight in enumerate(weights))
            tasks.append(RandomTask("abc"[index], times, T, T))
        model = RandomUniprocessor(tuple(tasks))
        found = failure_probability(model, 2)
        if found.s == float("inf"):
            continue
        total = numpy.zeros(20_000, dtype=int)
        for index, task in enumerate(model.tasks):
            count = 1 if index == 2 else -(-found.t // task.T) + 1
            values, weights = zip(*task.times, strict=True)
            total += rng.choice(values, size=(count, total.size), p=weights).sum(axis=0)
        late = int((total > found.t).sum())
        assert monte_carlo_interval(late, total.size, 0.9999).clopper_pearson[0] <= found.probability


def test_many_releases_are_thinned() -> None:
    tasks = (RandomTask("a", ((1, 1.0),), 10, 10), RandomTask("b", ((5, 0.5), (900_000, 0.5)), 10**6, 10**6))
    points = instants(RandomUniprocessor(tasks), 1)
    assert len(points) <= 2 * probabilistic.POINTS
    assert points[-1] == 10**6
    assert all(point % 10 == 0 for point in points)


def test_what_the_theorem_does_not_speak_of() -> None:
    for task, reason in (
        (RandomTask("a", ((1, 0.5),), 5, 5), "do not sum to 1"),
        (RandomTask("a", ((1, 1.5), (2, -0.5)), 5, 5), "negative"),
        (RandomTask("a", ((1, 1.0),), 5, 6), "D <= T"),
        (RandomTask("a", ((1, 1.0),), 5, 5, tolerated=2.0), "no probability"),
    ):
        assert reason in deadline_failure_probability(RandomUniprocessor((task,))).reason


# Intervals.


def test_known_intervals() -> None:
    """Half widths at p = 1/2 as the reference has them: 100 runs 9.6 points, 1000 runs 3.1; and the rule of 1000 of 1000."""
    for runs, half in ((100, 0.096), (400, 0.049), (1000, 0.031), (10_000, 0.0098)):
        low, high = monte_carlo_interval(runs // 2, runs).wilson
        assert (high - low) / 2 == pytest.approx(half, abs=0.0006)
    assert monte_carlo_interval(1000, 1000).wilson[0] == pytest.approx(0.9962, abs=5e-5)
    low, high = monte_carlo_interval(0, 50).clopper_pearson
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 50)))
    low, high = monte_carlo_interval(8, 20).clopper_pearson
    assert (low, high) == (pytest.approx(0.19119, abs=1e-5), pytest.approx(0.63946, abs=1e-5))
    assert monte_carlo_interval(3, 10).kind == "estimate"
    assert monte_carlo_interval(3, 10).share == 0.3


def tail(count: int, runs: int, p: Fraction) -> Fraction:
    """P(X >= count), exactly."""
    return sum((comb(runs, x) * p**x * (1 - p) ** (runs - x) for x in range(count, runs + 1)), Fraction(0))


def test_the_exact_interval_solves_its_equations() -> None:
    for runs in (1, 2, 7, 30):
        for count in range(runs + 1):
            low, high = monte_carlo_interval(count, runs, 0.9).clopper_pearson
            if count:
                assert float(tail(count, runs, Fraction(low))) == pytest.approx(0.05, abs=1e-9)
            if count < runs:
                assert float(1 - tail(count + 1, runs, Fraction(high))) == pytest.approx(0.05, abs=1e-9)


def test_the_exact_interval_covers_what_it_promises() -> None:
    runs = 20
    found = [monte_carlo_interval(count, runs).clopper_pearson for count in range(runs + 1)]
    for step in range(1, 100):
        p = step / 100
        covered = sum(
            comb(runs, count) * p**count * (1 - p) ** (runs - count)
            for count, (low, high) in enumerate(found)
            if low <= p <= high
        )
        assert covered >= 0.95 - 1e-12


def test_an_interval_of_many_runs_is_quick_and_near_the_normal() -> None:
    estimate = monte_carlo_interval(500_000, 1_000_000)
    assert estimate.clopper_pearson == pytest.approx(estimate.wilson, abs=2e-6)
    assert monte_carlo_interval(1, 10**9).clopper_pearson == pytest.approx((2.53e-11, 5.57e-9), rel=0.01)
    with pytest.raises(ValueError, match="no interval"):
        monte_carlo_interval(3, 2)
