"""What a study pays for one small system (ten periodic tasks on one core, about 210 jobs, under EDF), and as a whole.

Each stage is timed apart, from the description of the system to the values of its metrics: the least of the rounds for
every system, then the mean over the systems. Other work on the machine makes single times longer, never shorter;
``--cpu`` counts the time of this process alone. What all systems share is found once: the platform and the metrics.

    python analysis/benchmarks/sweep.py                  # a table for people
    python analysis/benchmarks/sweep.py --json           # the same as JSON lines
    python analysis/benchmarks/sweep.py --quick          # few systems, few rounds
    python analysis/benchmarks/sweep.py --cpu            # CPU time, for a machine that is shared

``--study`` times whole studies, rows stored, each in a process of its own: many small systems with one worker and with
two, the parent's memory after a tenth and in the end, and the standard figure (10 points, 4 policies on 4 cores and an
NPU). ``--env FOLDER`` adds SimSo on the same systems (its environment: see ``simso.py``), one after the other beside a
study of one worker. Ratios of one run are what counts; seconds are those of the machine, and of what else it did.

    python analysis/benchmarks/sweep.py --study --env FOLDER    # 100,000 systems, 1,000 sets a point: minutes
    python analysis/benchmarks/sweep.py --study --quick         # 400 systems, 4 sets a point
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, perf_counter_ns, process_time_ns
from typing import Any

import rtsched
from rtsched import api, units
from rtsched.metrics.metric import evaluate, wanted
from rtsched.model.catalogue import load_platform

#: What is asked of each run.
METRICS = wanted(("miss_ratio", "p95", "tardiness"))
PLATFORM = load_platform("uniprocessor")
TASKS, JOBS, LOAD = 10, 210, 0.8
STAGES = ("load", "prepare", "scheduler", "build", "run", "metrics")

#: As many tasks and jobs, drawn by the study itself.
DRAWN = {"tasks": TASKS, "utilisation": LOAD, "platform": "uniprocessor",
         "periods": {"kind": "log-uniform", "shortest": "10 ms", "longest": "100 ms"}}  # fmt: skip
UNTIL = 500 * units.MS
SMALL = {"generate": DRAWN, "policies": "edf", "until": UNTIL}
CHIP = {"name": "chip", "processors": {"cpu": {"kind": "cpu", "cores": 4}, "npu": {"kind": "npu"}}}
FIGURE = {
    "generate": {"tasks": 10, "platform": CHIP},
    "axes": {"generate.utilisation": {"from": 0.1, "to": 1, "points": 10}},
    "policies": {"G-EDF": "edf", "P-EDF": "edf+first-fit", "G-DM": "dm", "P-DM": "dm+worst-fit"},
    "metrics": "no_miss",
    "stop": {"first_miss": True},
    "until": "2 s",
}
#: Small systems and sets a point of the figure, and those that SimSo is given.
SIZES, FEW = (100_000, 1_000, 500), (400, 4, 40)


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


def done(study: dict[str, Any], sets: int, workers: int) -> dict[str, Any]:
    """A study into a database: seconds, CPU seconds of all processes, and the most memory of the parent on the way."""
    memory: list[int] = []
    failed = 0

    def told(count: int, total: int, lost: int) -> None:
        nonlocal failed
        failed = lost
        if len(memory) < 10 * count // total:
            memory.append(_memory())

    begun = perf_counter()
    with TemporaryDirectory() as folder:
        results = rtsched.sweep(study, sets=sets, jobs=workers, database=Path(folder) / "study.db", progress=told)
    seconds = perf_counter() - begun
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    systems = sets * len(results.outline.points)
    return {
        "systems": systems, "runs": results.outline.total, "failed": failed, "workers": workers,
        "seconds": round(seconds, 2), "cpu_seconds": round(sum(each.ru_utime + each.ru_stime for each in spent), 2),
        "systems_per_second": round(systems / seconds, 1), "mib_at_10": memory[0], "mib_at_100": _memory(),
    }  # fmt: skip


def _memory() -> int:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def alone(study: dict[str, Any], sets: int, workers: int) -> dict[str, Any]:
    """The same in a process that has done nothing before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        return executor.submit(done, study, sets, workers).result()


def beside(count: int, folder: Path) -> dict[str, Any]:
    """CPU seconds of the same small systems: here a whole study of one worker, there making models and running them."""
    import simso

    command = [str(simso.environment(folder)), "-c", simso.WORKER]
    theirs, jobs = 0.0, 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for system in rtsched.generate(DRAWN, count=count):
            tasks = [(task["wcet"], task["period"]) for task in system["tasks"]]
            order = {"tasks": tasks, "cores": 1, "policy": simso.POLICIES["global-edf"], "duration": UNTIL}
            worker.stdin.write(json.dumps(order) + "\n")
            worker.stdin.flush()
            answer = json.loads(worker.stdout.readline())
            theirs, jobs = theirs + answer["seconds"], jobs + answer["jobs"]
        worker.stdin.close()
    begun = process_time_ns()
    done(SMALL, count, 1)
    ours = (process_time_ns() - begun) / 1e9
    return {
        "systems": count, "jobs_per_system": round(jobs / count), "cpu_seconds": round(ours, 2),
        "simso_cpu_seconds": round(theirs, 2), "ratio": round(theirs / ours, 1),
    }  # fmt: skip


def studies(sizes: tuple[int, int, int], folder: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whole studies, each under its name."""
    systems, sets, few = sizes
    one, two = (alone(SMALL, systems, workers) for workers in (1, 2))
    yield "small systems, 1 worker", one
    yield "small systems, 2 workers", two
    yield "of perfect scaling", {"share": round(one["seconds"] / two["seconds"] / 2, 3)}
    yield "the standard figure", alone(FIGURE, sets, 2)
    if folder is not None:
        yield "beside SimSo", beside(few, folder)


def main() -> None:
    """Print a line without traces and one with; or those of whole studies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--study", action="store_true")
    parser.add_argument("--env", type=Path, metavar="FOLDER")
    parser.add_argument("--systems", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    if options.study or options.env is not None:
        for what, row in studies(FEW if options.quick else SIZES, options.env):
            shown = ", ".join(f"{name} {value:,}" for name, value in row.items())
            print(json.dumps({"what": what, **row}) if options.json else f"{what}: {shown}", flush=True)
        return
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
