"""Bounds on the reaction times of chains, and the longest that runs show, relative to the oldest bound.

Sets after the automotive benchmark of Kramer, Ziegenbein and Hamann (WATERS 2015): its periods and how often each
occurs, chains of one to three periods with two to five tasks of each. Loads by UUniFast, rate monotonic, one core.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import cases
import numpy as np
from judge import UnsoundError

from rtsched import api
from rtsched.engine.simulation import run
from rtsched.files import write_whole
from rtsched.generate.utilisations import UUniFast
from rtsched.metrics.summary import measured
from rtsched.model.taskgraph import ChainSpec, SystemSpec
from rtsched.schedulability.analyse import SystemAnalysis, analyse
from rtsched.schedulability.theorems.chains import CauseEffectChain, davare, reaction_time
from rtsched.units import MS
from rtsched.verify.allowed_runs import allowed_runs

SEED, RUNS = 2026, 4
#: Periods in ms and how often they occur among periodic tasks, in per cent of all.
PERIODS = {1: 3, 2: 2, 5: 2, 10: 25, 20: 25, 50: 3, 100: 20, 200: 1, 1000: 4}
POLICY = {"ordering": "rm"}
#: What is compared, relative to Davare's bound.
CURVES = ("seen, one clock", "all bounds, one clock", "seen, any phases", "all bounds, any phases", "Dürr et al. 2019")


def system(random: np.random.Generator) -> SystemSpec:
    """Twenty tasks of load 0.7 and a chain over them; tasks that come more rarely than each 100 ms are left out."""
    known = [period for period in PERIODS if period <= 100]
    weights = np.array([PERIODS[period] for period in known], dtype=float)
    periods = random.choice(known, 20, p=weights / weights.sum())
    shares = UUniFast(kind="uunifast").sampler(len(periods), 0.7, False)(random)
    drawn = [
        (max(1, round(float(u) * int(T) * MS)), int(T) * MS, int(T) * MS) for u, T in zip(shares, periods, strict=True)
    ]
    made = cases.plain(drawn)
    present = sorted(set(periods.tolist()))
    several = min(len(present), int(random.choice([1, 2, 3], p=[0.7, 0.2, 0.1])))
    members: list[int] = []
    for period in random.permutation(present)[:several]:
        mine = random.permutation(np.flatnonzero(periods == period))
        members += mine[: int(random.choice([2, 3, 4, 5], p=[0.3, 0.4, 0.2, 0.1]))].tolist()
    return replace(made, chains=(ChainSpec("chain", tuple(members)),))


def ratios(made: SystemSpec, random: np.random.Generator, number: int) -> dict[str, float] | None:
    """Each curve's value for one chain; None where a task has no bound. UnsoundError where a run is above a bound.

    With one clock the tasks have phases, drawn at random, that are held.
    """
    found = analyse(made, api.policy(POLICY), declared=False)
    phased = [
        replace(task, clock="clock", offset=int(random.integers(0, (task.period or 1) // MS)) * MS)
        for task in made.tasks
    ]
    held = replace(made, tasks=tuple(phased))
    bound = found.chains[0].details.get("mrt_ns")
    clocked = analyse(held, api.policy(POLICY), declared=False).chains[0].details.get("mrt_ns")
    if bound is None or clocked is None:
        return None
    as_held, seen = longest(held, number, 1), longest(made, number, RUNS)
    if as_held > clocked or seen > bound:
        raise UnsoundError(f"chain {number}: {seen} ns seen, {bound} proven; with one clock {as_held} ns and {clocked}")
    chain = as_model(found)
    values = (as_held, clocked, seen, bound, reaction_time(chain))
    return {name: value / davare(chain) for name, value in zip(CURVES, values, strict=True)}


def longest(made: SystemSpec, number: int, runs: int) -> int:
    """The longest reaction that so many runs show: as declared, then bad and random ones."""
    seen = 0
    for each in islice(allowed_runs(made, number, 1), runs):
        if each.punctual:
            truths = each.truths or None
            trace = run(each.system, api.scheduler(POLICY), until=each.until, seed=each.seed, truths=truths)
            times = measured(trace, made.chains[0])
            seen = max(seen, int(times["mrt"].times.max(initial=0)) if "mrt" in times else 0)
    return seen


def as_model(found: SystemAnalysis) -> CauseEffectChain:
    """The chain with the response times that were found."""
    tasks = [found.system.tasks[place] for place in found.system.chains[0].tasks]
    ahead = tuple(found.policy.level(first) < found.policy.level(second) for first, second in pairwise(tasks))
    R = tuple(found.bounds[task.index].wcrt or task.deadline for task in tasks)
    return CauseEffectChain(
        "chain", tuple(task.name for task in tasks), tuple(task.period or 1 for task in tasks), R, ahead
    )


def study(sets: int) -> dict[str, list[float]]:
    """Three chains for each set of the other figures."""
    values: dict[str, list[float]] = {name: [] for name in CURVES}
    for number in range(3 * sets):
        random = np.random.default_rng(np.random.SeedSequence([SEED, number]))
        for name, value in (ratios(system(random), random, number) or {}).items():
            values[name].append(value)
    return values


def write(path: Path, found: Mapping[str, Sequence[float]]) -> None:
    """A row a chain, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found)
    writer.writerows([f"{value:.6f}" for value in row] for row in zip(*found.values(), strict=True))
    write_whole(path, text.getvalue())


def read(path: Path) -> dict[str, list[float]]:
    """From CSV."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in CURVES}
