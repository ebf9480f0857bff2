"""How often `rtsched wcet` refuses samples of known distributions, and how often a time that it gives holds.

    python analysis/tails/coverage.py [--trials 400] [--runs 1000,5000] [--p 1e-9]

Each trial draws runs from a distribution whose quantiles are known, asks for the time that a run exceeds with chance p,
and compares with the true one. A time is a limit at 95 %: of those given, at least 95 % should hold.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from rtsched.samples.order import percentile
from rtsched.samples.pwcet import probabilistic_bound

BASE, SPREAD = 1_000_000.0, 50_000.0
Draw = Callable[[np.random.Generator, int], Any]


def autoregressive(rng: np.random.Generator, count: int, memory: float) -> Any:
    """Normal times, each of which resembles the one before."""
    noise = rng.normal(0, math.sqrt(1 - memory**2), count)
    values = np.empty(count)
    last = rng.normal()
    for place in range(count):
        last = memory * last + noise[place]
        values[place] = last
    return values


#: Each distribution: how it is drawn in units of SPREAD, and its quantile at chance p (None: no claim may be made).
CASES: dict[str, tuple[Draw, Callable[[float], float] | None]] = {
    "Gumbel": (lambda rng, n: rng.gumbel(size=n), lambda p: -math.log(-math.log1p(-p))),
    "exponential": (lambda rng, n: rng.exponential(size=n), lambda p: -math.log(p)),
    "normal": (lambda rng, n: rng.normal(size=n), lambda p: float(stats.norm.isf(p))),
    "gamma(4)": (lambda rng, n: rng.gamma(4, size=n), lambda p: float(stats.gamma.isf(p, 4))),
    "GPD, shape -0.1": (
        lambda rng, n: (rng.random(n) ** 0.1 - 1) / -0.1, lambda p: (p**0.1 - 1) / -0.1
    ),
    "GPD, shape -0.3": (
        lambda rng, n: (rng.random(n) ** 0.3 - 1) / -0.3, lambda p: (p**0.3 - 1) / -0.3
    ),
    "uniform": (lambda rng, n: rng.random(n), lambda p: 1 - p),
    "GPD, shape 0.1": (lambda rng, n: (rng.random(n) ** -0.1 - 1) / 0.1, lambda p: (p**-0.1 - 1) / 0.1),
    "GPD, shape 0.3": (lambda rng, n: (rng.random(n) ** -0.3 - 1) / 0.3, lambda p: (p**-0.3 - 1) / 0.3),
    "log-normal (1)": (lambda rng, n: rng.lognormal(size=n), lambda p: float(stats.lognorm.isf(p, 1))),
    "AR(1) 0.2": (lambda rng, n: autoregressive(rng, n, 0.2), lambda p: float(stats.norm.isf(p))),
    "AR(1) 0.5": (lambda rng, n: autoregressive(rng, n, 0.5), lambda p: float(stats.norm.isf(p))),
    "heat: +1 sigma": (lambda rng, n: rng.normal(size=n) + np.linspace(0, 1, n), None),
    "two modes, 1 in 2,000": (
        lambda rng, n: rng.normal(size=n) + 100 * (rng.random(n) < 0.0005),
        lambda p: 100 + float(stats.norm.isf(p / 0.0005))
    ),
}  # fmt: skip


def study(name: str, runs: int, trials: int, p: float) -> tuple[int, int, float, dict[str, int]]:
    """Times given, of those how many hold, the median of given over true, and how often each test refused."""
    draw, truth = CASES[name]
    given, held, ratios = 0, 0, []
    why: dict[str, int] = {}
    for trial in range(trials):
        values = BASE + SPREAD * draw(np.random.default_rng([7, runs, trial]), runs)
        found = probabilistic_bound([math.ceil(value) for value in values], p)
        for test in found.tests:
            if not test.passed:
                why[test.name] = why.get(test.name, 0) + 1
        if found.time is not None:
            given += 1
            true = BASE + SPREAD * truth(p) if truth is not None else math.inf
            held += found.time >= true
            ratios.append(found.time / true)
    return given, held, float(np.median(ratios)) if ratios else math.nan, why


def ranks(trials: int) -> None:
    """The coverage of both limits of percentiles."""
    print(f"{'n':>6}  {'q':>7}  lower holds  upper holds")
    for n, q in ((100, 0.9), (300, 0.99), (1000, 0.99), (3000, 0.999)):
        low = high = 0
        for trial in range(trials):
            ordered = np.sort(np.random.default_rng([11, n, trial]).random(n)) * 1e9
            found = percentile([math.ceil(value) for value in ordered], q)
            low += found.lower is not None and found.lower <= math.ceil(q * 1e9)
            high += found.upper is not None and found.upper >= q * 1e9
        print(f"{n:6}  {q:7}  {low / trials:11.1%}  {high / trials:11.1%}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--trials", type=int, default=400)
    asked.add_argument("--runs", default="1000,5000")
    asked.add_argument("--p", type=float, default=1e-9)
    given = asked.parse_args()
    ranks(given.trials * 5)
    for runs in map(int, given.runs.split(",")):
        print(f"\n{runs} runs, p = {given.p:g}, {given.trials} trials")
        print(f"{'distribution':<22}  given  hold of those  given/true  refused by")
        for name in CASES:
            count, held, ratio, why = study(name, runs, given.trials, given.p)
            share = f"{held / count:.1%}" if count else "-"
            text = ", ".join(f"{test} {number / given.trials:.0%}" for test, number in why.items())
            print(f"{name:<22}  {count / given.trials:5.1%}  {share:>13}  {ratio:10.3f}  {text}", flush=True)


if __name__ == "__main__":
    main()
