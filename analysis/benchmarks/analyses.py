"""How many task sets per second the schedulability tests answer on one core: batches, theorems one by one, peers.

1000 sets of 10 and of 50 tasks: UUniFast-Discard, periods log-uniform in whole milliseconds from 10 to 1000, times in
ns, C = max(1, round(u T)). For one processor U = 0.8 and D = C + beta (T - C), beta uniform, deadline monotonic (the
utilisation bounds: D = T, rate monotonic); for four processors U = 2 and D = T. CPU time, the median over the rounds,
of the tests alone; the theorems, which also explain themselves, see the first sets only.

The peers' figures (schedcat; pyCPA at U = 0.7) were measured in another run, on sets drawn like these with other seeds:
read the ratios as orders of magnitude. schedcat's fixed-priority test stops at the first task that fails, as `first`
does here. `accepted` is the share of the sets found schedulable: none without preemption, as a job of a second makes
all others wait.

The job sets (A10) are the first 318 and 1459 jobs of twenty periodic tasks without jitter; the peer is nptest, in C++.

    python analysis/benchmarks/analyses.py            # a table
    python analysis/benchmarks/analyses.py --json     # JSON lines
    python analysis/benchmarks/analyses.py --quick    # 200 sets, two rounds
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtsched import units
from rtsched.schedulability.search import batch
from rtsched.schedulability.search.batch import LATE, TaskSets
from rtsched.schedulability.theorems import edf, fixed_priority, multiprocessor, utilisation
from rtsched.schedulability.theorems.job_sets import Job, JobSet, explore

M = 4
SIZES = (10, 50)
#: The theorems are measured for about so long, in seconds, and so is a round of a batch at least.
SPAN = {False: (2.0, 0.2), True: (0.3, 0.02)}


def draw(n: int, U: float, count: int, seed: int, *, constrained: bool) -> TaskSets:
    """`count` sets of `n` tasks, in no order."""
    rng = np.random.default_rng([n, count, seed])
    shares = np.empty((0, n))
    while len(shares) < count:
        left, found = np.full(count, U), np.empty((count, n))
        for index in range(1, n):
            rest = left * rng.random(count) ** (1 / (n - index))
            found[:, index - 1] = left - rest
            left = rest
        found[:, -1] = left
        shares = np.concatenate([shares, found[(found <= 1).all(axis=1)]])
    T = np.floor(np.exp(rng.uniform(np.log(10), np.log(1001), (count, n)))).astype(np.int64) * units.MS
    C = np.maximum(1, np.rint(shares[:count] * T)).astype(np.int64)
    D = C + np.rint(rng.random((count, n)) * (T - C)).astype(np.int64) if constrained else T
    return TaskSets(C, T, D)


@dataclass(frozen=True)
class Test:
    """A test in both forms, on which sets, and what a peer reaches (sets per second, by the number of tasks)."""

    name: str
    sets: str
    batch: Callable[[TaskSets], Any]
    theorem: Callable[[Any], Any]
    model: Callable[[TaskSets, int], Any]
    peer: str = ""
    reached: tuple[int, int] | None = None


def _one(order: Any, mode: Any = "preemptive") -> Callable[[TaskSets, int], Any]:
    return lambda sets, row: sets.uniprocessor(row, order, mode)


def _four(order: Any) -> Callable[[TaskSets, int], Any]:
    return lambda sets, row: sets.cluster(row, M, order)


FP, NP = _one("FP"), _one("FP", "nonpreemptive")
RTA = fixed_priority.fp_rta
TESTS = (
    Test("fp-rta, verdict", "one", lambda s: batch.fp_rta(s, first=True), RTA, FP, "schedcat", (15_900, 518)),
    Test("fp-rta, responses", "one", batch.fp_rta, RTA, FP, "pyCPA SPP", (107, 18)),
    Test("np-fp-rta, verdict", "one", lambda s: batch.np_fp_rta(s, first=True), fixed_priority.np_fp_rta, NP),
    Test("np-fp-rta, responses", "one", batch.np_fp_rta, fixed_priority.np_fp_rta, NP, "pyCPA SPNP", (101, 18)),
    Test("edf-qpa", "one", batch.edf_qpa, edf.edf_qpa, _one("EDF"), "schedcat, C++", (38_300, 7_400)),
    Test("np-edf", "one", batch.np_edf, edf.np_edf, _one("EDF", "nonpreemptive")),
    Test("liu-layland", "implicit", batch.liu_layland, utilisation.liu_layland, FP),
    Test("hyperbolic", "implicit", batch.hyperbolic, utilisation.hyperbolic, FP),
    Test("gfb", "four", lambda s: batch.gfb(s, M), multiprocessor.gfb, _four("EDF"), "schedcat", (162_000, 33_500)),
    Test("bcl", "four", lambda s: batch.bcl(s, M), multiprocessor.bcl, _four("FP"), "schedcat", (10_000, 2_000)),
    Test(
        "global-rta", "four", lambda s: batch.global_rta(s, M), multiprocessor.global_rta, _four("FP"),
        "schedcat, Guan", (73, 37),
    ),
)  # fmt: skip


def drawn(n: int, count: int) -> dict[str, TaskSets]:
    """The sets by the names that the tests use."""
    return {
        "one": batch.dm_order(draw(n, 0.8, count, 1, constrained=True)),
        "implicit": batch.rm_order(draw(n, 0.8, count, 2, constrained=False)),
        "four": batch.rm_order(draw(n, 2.0, count, 3, constrained=False)),
    }


def speed(test: Test, sets: TaskSets, span: float, rounds: int) -> tuple[float, float]:
    """Sets per CPU-second in batches, and the share that is accepted."""
    found = test.batch(sets)
    accepted = float((found if found.ndim == 1 else (found != LATE).all(axis=1)).mean())
    speeds = []
    for _ in range(rounds):
        gc.collect()
        begun, runs = time.process_time(), 0
        while time.process_time() - begun < span or not runs:
            test.batch(sets)
            runs += 1
        speeds.append(runs * len(sets) / (time.process_time() - begun))
    return statistics.median(speeds), accepted


def speed_one_by_one(test: Test, sets: TaskSets, span: float) -> float:
    """Sets per CPU-second of the theorem, over as many sets as fit into `span` seconds."""
    spent, done = 0.0, 0
    while done < len(sets) and spent < span:
        model = test.model(sets, done)
        begun = time.process_time()
        test.theorem(model)
        spent += time.process_time() - begun
        done += 1
    return done / spent


def rows(count: int, rounds: int, quick: bool) -> Iterator[dict[str, Any]]:
    """One line of the table a test and size."""
    single, span = SPAN[quick]
    for place, n in enumerate(SIZES):
        sets = drawn(n, count)
        for test in TESTS:
            fast, accepted = speed(test, sets[test.sets], span, rounds)
            slow = speed_one_by_one(test, sets[test.sets], single)
            peer = None if test.reached is None else test.reached[place]
            yield {
                "test": test.name, "n": n, "accepted": round(accepted, 3), "batch_sets_per_s": round(fast),
                "theorem_sets_per_s": round(slow, 1), "ratio": round(fast / slow, 1), "peer": test.peer,
                "peer_sets_per_s": peer, "peer_ratio": None if peer is None else round(fast / peer, 1),
            }  # fmt: skip


def jobs_without_jitter(count: int) -> JobSet:
    """The first jobs of twenty periodic tasks of U = 0.7, rate monotonic, each as long as it can be."""
    rng = random.Random(5)
    periods = sorted(rng.choice((1000, 2000, 5000, 10_000, 20_000, 50_000)) for _ in range(20))
    shares = [rng.random() for _ in periods]
    made = []
    for task, (period, share) in enumerate(zip(periods, shares, strict=True)):
        longest = max(1, int(0.7 * period * share / sum(shares)))
        for number in range(300_000 // period):
            r = number * period
            made.append(Job(f"{task}.{number}", r, r, longest, longest, r + period, task, task, number))
    made.sort(key=lambda job: (job.r_min, job.task))
    return JobSet(tuple(made[:count]))


def job_rows(rounds: int) -> Iterator[dict[str, Any]]:
    """One line a job set."""
    for count, peer in ((318, 0.002), (1459, 0.035)):
        model = jobs_without_jitter(count)
        spent = []
        for _ in range(rounds):
            gc.collect()
            begun = time.process_time()
            graph = explore(model)
            spent.append(time.process_time() - begun)
        seconds = statistics.median(spent)
        yield {
            "test": "np-job-sets", "jobs": len(model.jobs), "states": graph.states, "seconds": round(seconds, 5),
            "peer": "nptest, C++", "peer_seconds": peer, "peer_ratio": round(peer / seconds, 1),
        }  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    parser.add_argument("--quick", action="store_true", help="200 sets, two rounds")
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    count, rounds = (200, 2) if options.quick else (options.sets, options.rounds)
    if not options.json:
        print(
            f"{'test':<21} {'n':>3} {'accepted':>8} {'batch/s':>11} {'theorem/s':>10} {'ratio':>7}   "
            f"{'peer':<15} {'sets/s':>8} {'ratio':>7}"
        )
    for row in rows(count, rounds, options.quick):
        if options.json:
            print(json.dumps(row))
        else:
            peer = "" if row["peer_sets_per_s"] is None else f"{row['peer_sets_per_s']:>8,} {row['peer_ratio']:>7,.1f}"
            print(
                f"{row['test']:<21} {row['n']:>3} {row['accepted']:>8.1%} {row['batch_sets_per_s']:>11,} "
                f"{row['theorem_sets_per_s']:>10,.1f} {row['ratio']:>7,.0f}   {row['peer']:<15} {peer}".rstrip()
            )
        sys.stdout.flush()
    for row in job_rows(rounds):
        if options.json:
            print(json.dumps(row))
        else:
            print(
                f"{row['test']:<21} {row['jobs']:>5} jobs, {row['states']:,} states: {row['seconds']:.4f} s   "
                f"({row['peer']}: {row['peer_seconds']} s, ratio {row['peer_ratio']})"
            )


if __name__ == "__main__":
    main()
