"""What a study pays for one small system: ten periodic tasks on one core, about 210 jobs, under EDF.

Each stage is timed apart, from the description of the system to the values of its metrics: the least of the rounds for
every system, then the mean over the systems. Other work on the machine makes single times longer, never shorter;
``--cpu`` counts the time of this process alone. What all systems share is found once: the platform and the metrics.

    python analysis/benchmarks/sweep.py                  # a table for people
    python analysis/benchmarks/sweep.py --json           # the same as JSON lines
    python analysis/benchmarks/sweep.py --quick          # few systems, few rounds
    python analysis/benchmarks/sweep.py --cpu            # CPU time, for a machine that is shared
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import perf_counter_ns, process_time_ns
from typing import Any

from rtsched import api, units
from rtsched.metrics.metric import evaluate, wanted
from rtsched.model.catalogue import load_platform

#: What is asked of each run.
METRICS = wanted(("miss_ratio", "p95", "tardiness"))
PLATFORM = load_platform("uniprocessor")
TASKS, JOBS, LOAD = 10, 210, 0.8
STAGES = ("load", "prepare", "scheduler", "build", "run", "metrics")


def small_system(seed: int) -> dict[str, Any]:
    """Ten tasks by UUniFast, with periods log-uniform between 10 and 100 ms, for a time that releases some 210 jobs."""
    chance = random.Random(seed)
    left, shares = LOAD, []
    for index in range(1, TASKS):
        rest = left * chance.random() ** (1 / (TASKS - index))
        shares.append(left - rest)
        left = rest
    periods = [round(10 ** chance.uniform(1, 2)) * units.MS for _ in range(TASKS)]
    tasks = [
        {"name": f"t{number}", "wcet": max(1, round(share * period)), "period": period}
        for number, (share, period) in enumerate(zip((*shares, left), periods, strict=True))
    ]
    until = round(JOBS / sum(1 / period for period in periods))
    return {"platform": "uniprocessor", "tasks": tasks, "simulate": {"until": until}}


def stages(system: dict[str, Any], trace: bool, clock: Callable[[], int]) -> Iterator[int]:
    """The instants between the stages of one evaluation, in ns."""
    begun: list[int] = []
    yield clock()
    loaded = api.load(system, platform=PLATFORM)
    yield clock()
    prepared = api.prepare(loaded)
    yield clock()
    scheduler = api.scheduler("edf")
    yield clock()
    result = prepared.run(scheduler, 0, trace=trace, watch=lambda _: begun.append(clock()))
    yield from (*begun, clock())
    evaluate(result, METRICS)
    yield clock()


def measure(count: int, rounds: int, trace: bool, clock: Callable[[], int] = perf_counter_ns) -> dict[str, Any]:
    """The mean over the systems of each stage, in us; the first round, which imports and warms up, does not count."""
    sums = [0] * len(STAGES)
    for seed in range(count):
        system = small_system(seed)
        times = [[then - at for at, then in pairwise(stages(system, trace, clock))] for _ in range(rounds + 1)]
        sums = [total + min(column) for total, column in zip(sums, zip(*times[1:], strict=True), strict=True)]
    means = [total / count / 1000 for total in sums]
    each = {name: round(mean, 1) for name, mean in zip(STAGES, means, strict=True)}
    return {"trace": trace, **each, "us": round(sum(means), 1), "systems_per_second": round(1e6 / sum(means))}


def main() -> None:
    """Print a line without traces and one with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--systems", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    count, rounds = (5, 5) if options.quick else (options.systems, options.rounds)
    if not options.json:
        print(f"{'us':<9}" + "".join(f"{name:>10}" for name in (*STAGES, "in all", "systems/s")))
    for trace in (False, True):
        row = measure(count, rounds, trace, process_time_ns if options.cpu else perf_counter_ns)
        if options.json:
            print(json.dumps(row))
        else:
            what = "trace" if trace else "no trace"
            print(f"{what:<9}" + "".join(f"{row[name]:>10}" for name in (*STAGES, "us", "systems_per_second")))


if __name__ == "__main__":
    main()
