"""How many jobs per CPU-second the engine simulates, next to the raw SimPy callback loop.

For n tasks on m cores (U = 0.9 m, integer-millisecond periods log-uniform in 10..1000, implicit deadlines) under global
EDF and partitioned RM, with and without a trace. Each round alternates the engine with the raw loop (one ``Timeout``
and one callback per event, as many pending sources), and the figures are medians over the rounds of ratios taken
within a round: single times move by 30 % on a shared machine, ratios by a few.

    python analysis/benchmarks/engine.py                 # JSON lines
    python analysis/benchmarks/engine.py --table         # the same for people
    python analysis/benchmarks/engine.py --quick         # two points, three rounds
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import simpy

from rtsched import units
from rtsched.engine.simulation import run
from rtsched.metrics.tally import Tally
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fixed_priority import RateMonotonic
from rtsched.schedulers.placements.declared import Global
from rtsched.schedulers.placements.packing import FirstFitDecreasing

POINTS = ((10, 1), (50, 1), (200, 1), (10, 4), (50, 4), (200, 4), (50, 8), (200, 8))
SCHEDULERS: dict[str, Callable[[], Scheduler]] = {
    "global-edf": lambda: ComposedScheduler(EDF(), Global()),
    "partitioned-rm": lambda: ComposedScheduler(RateMonotonic(), FirstFitDecreasing()),
}


def task_set(n: int, m: int, seed: int) -> list[tuple[int, int]]:
    """(execution time, period) in ns: UUniFast-discard shares of 0.9 m, periods log-uniform in whole milliseconds."""
    chance = random.Random(f"{n} {m} {seed}")
    while True:
        left, shares = 0.9 * m, []
        for index in range(1, n):
            rest = left * chance.random() ** (1 / (n - index))
            shares.append(left - rest)
            left = rest
        shares.append(left)
        if max(shares) <= 1:
            break
    periods = [int(math.exp(chance.uniform(math.log(10), math.log(1001)))) for _ in shares]
    return [
        (max(1, round(share * period * units.MS)), period * units.MS)
        for share, period in zip(shares, periods, strict=True)
    ]


def system(tasks: list[tuple[int, int]], m: int) -> SystemSpec:
    """The task set on m equal cores."""
    processors = tuple(ProcessorSpec(index, f"cpu{index}", "cpu") for index in range(m))
    return SystemSpec(
        processors,
        tuple(
            TaskSpec(index, f"task{index}", (NodeSpec(0, "0", (wcet,) * m),), period, period, index)
            for index, (wcet, period) in enumerate(tasks)
        ),
    )


def horizon(tasks: list[tuple[int, int]], jobs: int) -> int:
    """How long a run must be to release about `jobs` jobs."""
    return math.ceil(jobs / sum(1 / period for _, period in tasks))


def raw_events_per_second(sources: int, events: int) -> float:
    """The raw SimPy loop: `sources` periodic timers, each a fresh Timeout with one callback."""
    env = simpy.Environment()
    left = events

    def arm(period: int) -> None:
        env.timeout(period, period).callbacks.append(fire)

    def fire(event: Any) -> None:
        nonlocal left
        left -= 1
        if left:
            arm(event._value)

    for index in range(sources):
        arm(1000 + 7 * index)
    gc.collect()
    begun = time.process_time()
    while left > 0:
        env.step()
    return events / (time.process_time() - begun)


def measure(n: int, m: int, name: str, trace: bool, jobs: int, rounds: int) -> dict[str, Any]:
    """One line of the table."""
    ratios, speeds, raws, released, bytes_per_slice = [], [], [], 0, None
    for number in range(rounds):
        tasks = task_set(n, m, number)
        spec = system(tasks, m)
        until = horizon(tasks, jobs)
        raw = raw_events_per_second(n, 2 * jobs)
        gc.collect()
        begun = time.process_time()
        result = run(spec, SCHEDULERS[name](), until=until, tally=None if trace else Tally(spec, 0))
        elapsed = time.process_time() - begun
        released = _jobs(result)
        speed = released / elapsed
        raws.append(raw)
        speeds.append(speed)
        ratios.append(raw / speed)
        if trace:
            bytes_per_slice = round(result.nbytes / len(result.slices), 1)
    return {
        "n": n, "m": m, "scheduler": name, "trace": trace, "jobs": released,
        "jobs_per_cpu_s": round(statistics.median(speeds)), "raw_events_per_cpu_s": round(statistics.median(raws)),
        "raw_events_per_job": round(statistics.median(ratios), 2), "bytes_per_segment": bytes_per_slice,
    }  # fmt: skip


def _jobs(result: Any) -> int:
    return len(result.jobs) if result.kept else result.tally.released


def main() -> None:
    """Print one JSON line a measurement, or a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=50_000)
    options = parser.parse_args()
    points = ((10, 1), (50, 4)) if options.quick else POINTS
    rounds = min(3, options.rounds) if options.quick else options.rounds
    if options.table:
        print(f"{'n_m':>7} {'scheduler':<15} {'trace':<5} {'jobs/s':>9} {'raw/s':>10} {'raw/job':>8} {'B/slice':>8}")
    for n, m in points:
        for name in SCHEDULERS:
            for trace in (False, True):
                row = measure(n, m, name, trace, options.jobs, rounds)
                if options.table:
                    print(
                        f"{n:>4}_{m:<2} {name:<15} {'yes' if trace else 'no':<5} {row['jobs_per_cpu_s']:>9,} "
                        f"{row['raw_events_per_cpu_s']:>10,} {row['raw_events_per_job']:>8.2f} "
                        f"{row['bytes_per_segment'] or '–':>8}"
                    )
                else:
                    print(json.dumps(row))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
