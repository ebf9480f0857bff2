"""How cost grows with the size of the work: times and bytes at several sizes, and their slope in a log-log plot.

A slope of 1 is growth with the work, 2 with its square, 0 none at all. Times are CPU seconds, the least of the rounds;
bytes are those of Python's own allocations (tracemalloc), numpy's among them. Small sizes have a fixed part in them, so
slopes come out a little low; the collector of garbage, which looks at all there is again and again, makes them a little
high.

    python analysis/benchmarks/scale.py                  # JSON lines
    python analysis/benchmarks/scale.py --table          # the same for people
    python analysis/benchmarks/scale.py --quick          # sizes of a few seconds in all
    python analysis/benchmarks/scale.py --only nodes     # the measurements whose name has this word
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rtsched
from rtsched import api
from rtsched.engine.simulation import run
from rtsched.metrics.tally import Tally
from rtsched.model.taskgraph import SystemSpec
from rtsched.trace.trace import Trace

# ---- the work ------------------------------------------------------------------------------------------------------


def many_tasks(count: int, offset: int = 0) -> dict[str, Any]:
    """Simple tasks on four cores, all released at `offset`."""
    tasks = [
        {"name": f"t{number}", "wcet": 1000 + number % 7, "period": 10**9, "offset": offset} for number in range(count)
    ]
    return {"platform": "multicore:4", "scheduler": "edf", "tasks": tasks}


def many_processors(count: int) -> dict[str, Any]:
    """A hundred tasks with different times that may run on each of `count` cores."""
    tasks = [{"name": f"t{number}", "wcet": 1000 + number, "period": 10**9} for number in range(100)]
    return {"platform": f"multicore:{count}", "scheduler": "edf", "tasks": tasks}


def many_homes(count: int) -> dict[str, Any]:
    """As many tasks as cores, each task packed onto a core of its own."""
    tasks = [{"name": f"t{number}", "wcet": 600_000_000, "period": 10**9} for number in range(count)]
    return {"platform": f"multicore:{count}", "scheduler": "rm+first-fit", "tasks": tasks}


def many_nodes(count: int) -> dict[str, Any]:
    """One task whose graph has layers of ten nodes, each node with up to two successors; it is released once."""
    nodes = {f"n{number}": {"wcet": 1000 + number % 13} for number in range(count)}
    edges = [[f"n{first}", f"n{then}"] for first in range(count) for then in (first + 10, first + 11) if then < count]
    task = {"name": "graph", "release": 0, "deadline": 10**12, "graph": {"nodes": nodes, "edges": edges}}
    return {"platform": "multicore:4", "scheduler": "edf", "tasks": [task]}


def lowered(system: dict[str, Any]) -> SystemSpec:
    """The system in integers; its description is forgotten."""
    return api.load(system).lower()


def started(spec: SystemSpec, policy: str = "edf") -> Trace:
    """A run that is over before anything is released."""
    return run(spec, api.scheduler(policy), until=1)


# ---- the measurements: each takes a size and returns seconds or bytes ----------------------------------------------


def timed(work: Callable[[], Any]) -> float:
    """The CPU time in seconds of `work`."""
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def load_by_tasks(count: int) -> float:
    """From a mapping to processors, tasks and nodes in integers."""
    system = many_tasks(count)
    return timed(lambda: lowered(system))


def load_file_by_tasks(count: int) -> float:
    """The same from a YAML file."""
    lines = [f"  - {{name: t{number}, wcet: {1000 + number % 7} ns, period: 1 s}}" for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.yaml"
        path.write_text("\n".join(["platform: multicore:4", "tasks:", *lines]))
        return timed(lambda: api.load(path).lower())


def start_by_tasks(count: int) -> float:
    """From the lowered system to the first instant."""
    spec = lowered(many_tasks(count, offset=10**6))
    return timed(lambda: started(spec))


def memory_by_tasks(count: int) -> float:
    """What the lowered system and the engine's own state hold on to after start-up."""
    lowered(many_tasks(1))
    system = many_tasks(count)
    kept: list[Any] = []

    class Keeping(type(api.scheduler("edf"))):  # type: ignore[misc]
        def setup(self, soc: Any) -> None:
            kept.append(soc)
            super().setup(soc)

    gc.collect()
    tracemalloc.start()
    spec = lowered(system)
    run(spec, Keeping(), until=10**6, tally=Tally(spec, 0))
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held


def figures_by_tasks(count: int) -> float:
    """The summary and the check of a trace with one job for each task."""
    trace = run(lowered(many_tasks(count)), api.scheduler("edf"), until=1)
    return timed(lambda: (rtsched.summary(trace), trace.check()))


def lower_by_processors(count: int) -> float:
    """To processors and nodes in integers."""
    system = many_processors(count)
    return timed(lambda: lowered(system))


def pack_by_processors(count: int) -> float:
    """First fit of as many tasks as processors: here alone the work is their product."""
    spec = lowered(many_homes(count))
    return timed(lambda: started(spec, "rm+first-fit"))


def run_by_nodes(count: int) -> float:
    """A job of one graph from its description to its figures: load, lower, run, summary and check."""
    system = many_nodes(count)

    def whole() -> None:
        trace = api.simulate(system, until=1)
        rtsched.summary(trace)
        assert trace.check() == []

    return timed(whole)


def memory_by_jobs(count: int) -> float:
    """The most that a run without a trace holds at a time."""
    tasks = [
        {"name": f"t{n}", "wcet": 100 + n, "period": 1000 + n, "execution": {"kind": "uniform", "low": 0.5}}
        for n in range(8)
    ]
    spec = lowered({"platform": "multicore:1", "tasks": tasks})
    gc.collect()
    tracemalloc.start()
    run(spec, api.scheduler("edf"), until=1000 * count // 8, tally=Tally(spec, 0))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@dataclass(frozen=True)
class Measurement:
    """What is measured at which sizes, in seconds or bytes."""

    measure: Callable[[int], float]
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    unit: str = "s"


#: One line a measurement; add yours.
MEASUREMENTS: dict[str, Measurement] = {
    "load and lower, by tasks": Measurement(load_by_tasks, (5000, 20_000, 100_000), (1000, 4000)),
    "load a file and lower, by tasks": Measurement(load_file_by_tasks, (5000, 20_000, 100_000), (1000, 4000)),
    "start-up, by tasks": Measurement(start_by_tasks, (5000, 20_000, 100_000), (1000, 4000)),
    "memory, by tasks": Measurement(memory_by_tasks, (1000, 4000, 16_000), (500, 2000), "B"),
    "summary and check, by tasks": Measurement(figures_by_tasks, (2500, 10_000, 40_000), (1000, 4000)),
    "lower, by processors": Measurement(lower_by_processors, (1000, 4000, 16_000), (500, 2000)),
    "first fit, by processors and tasks": Measurement(pack_by_processors, (500, 1000, 2000), (100, 400)),
    "run one graph, by nodes": Measurement(run_by_nodes, (2500, 5000, 10_000), (1000, 4000)),
    "memory without a trace, by jobs": Measurement(memory_by_jobs, (50_000, 200_000, 800_000), (50_000, 100_000), "B"),
}


def slope(sizes: tuple[int, ...], figures: list[float]) -> float:
    """The slope of the straight line through the logarithms (least squares)."""
    x, y = [math.log(size) for size in sizes], [math.log(figure) for figure in figures]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    shared = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return shared / sum((a - mean_x) ** 2 for a in x)


def row(name: str, measurement: Measurement, quick: bool, rounds: int) -> dict[str, Any]:
    """One line of the table."""
    sizes = measurement.quick if quick else measurement.sizes
    rounds = rounds if measurement.unit == "s" else 1
    figures = [min(measurement.measure(size) for _ in range(rounds)) for size in sizes]
    return {
        "measurement": name, "unit": measurement.unit, "sizes": sizes, "figures": [round(each, 4) for each in figures],
        "each": figures[-1] / sizes[-1], "slope": round(slope(sizes, figures), 2),
    }  # fmt: skip


def main() -> None:
    """Print one JSON line a measurement, or a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if options.table:
        print(f"{'':<36} {'sizes':>24}  {'figures':>32} {'each':>10} {'slope':>6}")
    for name, measurement in MEASUREMENTS.items():
        if options.only not in name:
            continue
        found = row(name, measurement, options.quick, options.rounds)
        if options.table:
            sizes = " ".join(f"{size:,}" for size in found["sizes"])
            figures = " ".join(f"{figure:,.4g}" for figure in found["figures"])
            each = f"{found['each'] * 1e6:,.1f} us" if found["unit"] == "s" else f"{found['each']:,.0f} B"
            print(f"{name:<36} {sizes:>24}  {figures + ' ' + found['unit']:>32} {each:>10} {found['slope']:>6}")
        else:
            print(json.dumps(found))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
