"""rtsched beside SimSo: jobs per CPU-second on the same task sets, interleaved.

SimSo (its source distribution, version 0.8.5, which needs Python 3.11 or older) runs in an environment of its own and
in a process of its own; each round simulates the same set first here, then there. Traces are off here; SimSo always
keeps its own. The ratio reported is the median over the rounds.

    python analysis/benchmarks/simso.py --env FOLDER     # makes FOLDER if it is not there
    python analysis/benchmarks/simso.py --env FOLDER --table
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from engine import POINTS, SCHEDULERS, horizon, system, task_set  # the same sets as the other benchmark

from rtsched.engine.simulation import run
from rtsched.metrics.tally import Tally

POLICIES = {"global-edf": "simso.schedulers.EDF", "partitioned-rm": "simso.schedulers.P_RM"}

#: Runs inside SimSo's environment: one JSON line in (tasks in ns, cores, policy, duration), one out.
WORKER = r"""
import gc, json, os, sys, time
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # its schedulers print
from simso.configuration import Configuration
from simso.core import Model
for line in sys.stdin:
    order = json.loads(line)
    setup = Configuration()
    setup.cycles_per_ms = 1000000
    setup.duration = order["duration"]
    for index, (wcet, period) in enumerate(order["tasks"]):
        setup.add_task(name="T%d" % index, identifier=index, period=period / 1e6, activation_date=0,
                       wcet=wcet / 1e6, deadline=period / 1e6, abort_on_miss=False)
    for index in range(order["cores"]):
        setup.add_processor(name="P%d" % index, identifier=index)
    setup.scheduler_info.clas = order["policy"]
    setup.check_all()
    gc.collect()
    begun = time.process_time()
    model = Model(setup)
    model.run_model()
    spent = time.process_time() - begun
    jobs = sum(len(task.jobs) for task in model.results.tasks.values())
    print(json.dumps({"jobs": jobs, "seconds": spent}), file=answers, flush=True)
    del model, setup
"""


def environment(folder: Path) -> Path:
    """The interpreter of an environment with SimSo in it, made if need be."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "setuptools", "wheel"], check=True)
        subprocess.run([*install, "--no-build-isolation", "--no-binary", "simso", "simso==0.8.5"], check=True)
    return python


def ours(tasks: list[tuple[int, int]], m: int, name: str, jobs: int) -> float:
    """Jobs per CPU-second here."""
    spec = system(tasks, m)
    begun = time.process_time()
    result = run(spec, SCHEDULERS[name](), until=horizon(tasks, jobs), tally=Tally(spec, 0))
    return float(result.tally.released / (time.process_time() - begun))


def theirs(worker: Any, tasks: list[tuple[int, int]], m: int, name: str, jobs: int) -> float:
    """Jobs per CPU-second there."""
    order = {"tasks": tasks, "cores": m, "policy": POLICIES[name], "duration": horizon(tasks, jobs)}
    worker.stdin.write(json.dumps(order) + "\n")
    worker.stdin.flush()
    answer = json.loads(worker.stdout.readline())
    return float(answer["jobs"] / answer["seconds"])


def main() -> None:
    """Print one JSON line a point (or a table), and the geometric mean of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=5_000, help="jobs a round there; ten times as many here")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    worker = subprocess.Popen(
        [str(environment(options.env)), "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    ratios = []
    for n, m in POINTS:
        for name in SCHEDULERS:
            rounds = []
            for number in range(options.rounds):
                tasks = task_set(n, m, number)
                rounds.append((ours(tasks, m, name, 10 * options.jobs), theirs(worker, tasks, m, name, options.jobs)))
            ratio = statistics.median(mine / other for mine, other in rounds)
            ratios.append(ratio)
            row = {
                "n": n, "m": m, "scheduler": name, "jobs_per_cpu_s": round(statistics.median(r[0] for r in rounds)),
                "simso_jobs_per_cpu_s": round(statistics.median(r[1] for r in rounds)), "ratio": round(ratio, 1),
            }  # fmt: skip
            if options.table:
                print(
                    f"{n:>4}_{m:<2} {name:<15} {row['jobs_per_cpu_s']:>9,} {row['simso_jobs_per_cpu_s']:>8,} "
                    f"{row['ratio']:>6.1f}x"
                )
            else:
                print(json.dumps(row))
            sys.stdout.flush()
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    print(f"geometric mean {mean:.1f}x" if options.table else json.dumps({"geometric_mean_ratio": round(mean, 1)}))
    assert worker.stdin is not None
    worker.stdin.close()
    worker.wait()


if __name__ == "__main__":
    main()
