"""How the cost of deciding and of proving grows: orderings by ready tasks, analyses by nodes and by tasks.

A dispatch should cost what it starts, not what waits: the cost of a job under each ordering is given beside that of EDF
with the same number of ready tasks (all released together, on one core, 0.9 of its time), the least of rounds in which
all take turns. An analysis should take seconds, or say what is too large. The slopes are those of time against size,
both in logarithms: 1 grows with the work, 2 with its square.

    python analysis/benchmarks/scale_orders.py                 # JSON lines
    python analysis/benchmarks/scale_orders.py --table         # the same for people
    python analysis/benchmarks/scale_orders.py --quick         # small sizes, two rounds
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from rtsched import api, units
from rtsched.engine.simulation import run
from rtsched.metrics.tally import Tally
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulability.analyse import analyse

READY = (10, 100, 1000)
ORDERINGS = ("edf", "fifo", "fp", "rm", "dm", "sjf", "lst", "llf", "rr", "mandatory-first", "best-return")
NODES = (100, 1000, 10_000)
SHAPES = ("line", "fan", "layers")
TASKS = (100, 1000, 5000)
CORES = (1, 4, 64)

Row = dict[str, Any]


def cores(count: int) -> tuple[ProcessorSpec, ...]:
    """Equal cores."""
    return tuple(ProcessorSpec(index, f"cpu{index}", "cpu") for index in range(count))


def crowd(count: int) -> SystemSpec:
    """`count` tasks of one core whose jobs are all released together."""
    period = 1000 * count
    return SystemSpec(
        cores(1),
        tuple(
            TaskSpec(index, f"t{index}", (NodeSpec(0, "0", (850 + index * 37 % 97,)),), period, period, index)
            for index in range(count)
        ),
    )


def seconds(system: SystemSpec, ordering: str, periods: int) -> float:
    """Processor time of a run of so many periods."""
    gc.collect()
    begun = time.process_time()
    run(system, api.scheduler(ordering), until=periods * 1000 * len(system.tasks), tally=Tally(system, 0))
    return time.process_time() - begun


def costs_of_a_job(system: SystemSpec, names: tuple[str, ...], jobs: int, rounds: int) -> dict[str, float]:
    """Seconds of processor time a job under each ordering, without what it takes to begin: least of the rounds."""
    more = -(-jobs // len(system.tasks))
    short, long = dict.fromkeys(names, math.inf), dict.fromkeys(names, math.inf)
    for _ in range(rounds):
        for name in names:
            short[name] = min(short[name], seconds(system, name, 1))
            long[name] = min(long[name], seconds(system, name, 1 + more))
    return {name: (long[name] - short[name]) / (more * len(system.tasks)) for name in names}


def orderings(quick: bool) -> Iterator[Row]:
    """The cost of a job under each ordering, in microseconds and beside EDF."""
    jobs, rounds = (4_000, 2) if quick else (20_000, 5)
    found = {count: costs_of_a_job(crowd(count), ORDERINGS, jobs, rounds) for count in READY}
    for name in ORDERINGS:
        for count, costs in found.items():
            yield {
                "measurement": "orderings by ready tasks", "case": name, "size": count,
                "us_per_job": round(costs[name] * 1e6, 2), "of_edf": round(costs[name] / costs["edf"], 2),
            }  # fmt: skip
        grows = slope(READY, [costs[name] for costs in found.values()])
        yield {"measurement": "orderings by ready tasks", "case": name, "slope": grows}


def graph(shape: str, count: int) -> list[tuple[int, int]]:
    """The edges of a line, of a fan that opens and closes, or of layers with three inputs a node."""
    if shape == "line":
        return [(index, index + 1) for index in range(count - 1)]
    if shape == "fan":
        return [edge for index in range(1, count - 1) for edge in ((0, index), (index, count - 1))]
    chance, width = random.Random(count), math.isqrt(count)
    return [
        (before, index)
        for index in range(width, count)
        for before in sorted(chance.sample(range(index - width, index), min(3, width)))
    ]


def one_graph(shape: str, count: int) -> SystemSpec:
    """One task of a graph on four cores, with the time that it needs alone on one."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in graph(shape, count):
        before[target].append(source)
        after[source].append(target)
    nodes = tuple(
        NodeSpec(index, str(index), (500 + index * 37 % 501,) * 4, tuple(before[index]), tuple(after[index]))
        for index in range(count)
    )
    return SystemSpec(cores(4), (TaskSpec(0, "net", nodes, 1001 * count, 1001 * count, 0),))


def many_tasks(count: int, m: int) -> SystemSpec:
    """Tasks with periods of 10 to 200 ms that fill 0.6 of m cores."""
    chance = random.Random(count)
    periods = [chance.choice((10, 20, 25, 40, 50, 80, 100, 200)) * units.MS for _ in range(count)]
    nodes = [NodeSpec(0, "0", (max(1, period * 6 * m // (10 * count)),) * m) for period in periods]
    return SystemSpec(
        cores(m),
        tuple(
            TaskSpec(index, f"t{index}", (node,), period, period, index)
            for index, (node, period) in enumerate(zip(nodes, periods, strict=True))
        ),
    )


def analysed(
    measurement: str, case: str, sizes: tuple[int, ...], make: Callable[[int], SystemSpec], policy: Row
) -> Iterator[Row]:
    """One line for each size, and the slope."""
    times = []
    for size in sizes:
        system = make(size)
        gc.collect()
        begun = time.process_time()
        found = analyse(system, api.policy(policy))
        times.append(time.process_time() - begun)
        reason = next((part.result.reason for part in found.parts if part.result.reason), "")
        yield {
            "measurement": measurement, "case": case, "size": size, "s": round(times[-1], 3), "verdict": found.verdict,
            "reason": reason,
        }  # fmt: skip
    yield {"measurement": measurement, "case": case, "slope": slope(sizes, times)}


def by_nodes(quick: bool) -> Iterator[Row]:
    """How long one graph takes to be analysed."""
    for shape in SHAPES:
        sizes = NODES[:2] if quick else NODES
        policy = {"ordering": "edf", "placement": "global"}
        yield from analysed("analyse by nodes", shape, sizes, lambda size: one_graph(shape, size), policy)  # noqa: B023


def by_tasks(quick: bool) -> Iterator[Row]:
    """How long simple tasks take to be analysed, under global and partitioned scheduling."""
    sizes = TASKS[:1] if quick else TASKS
    for m in CORES:
        for ordering in ("edf", "rm"):
            for placement in ("global", "first-fit"):
                case = f"{ordering} {placement} on {m}"
                policy = {"ordering": ordering, "placement": placement}
                yield from analysed("analyse by tasks", case, sizes, lambda size: many_tasks(size, m), policy)  # noqa: B023


def slope(sizes: tuple[int, ...], costs: list[float]) -> float | None:
    """The exponent by which the cost grows from the first size to the last."""
    if len(costs) < 2 or min(costs) <= 0:
        return None
    return round(math.log(costs[-1] / costs[0]) / math.log(sizes[len(costs) - 1] / sizes[0]), 2)


#: Each measurement by name: whether it is to be quick, and its lines.
MEASUREMENTS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "orderings by ready tasks": orderings,
    "analyse by nodes": by_nodes,
    "analyse by tasks": by_tasks,
}


def line(row: Row) -> str:
    """A row for people."""
    what = " ".join(
        f"{key}={value}" for key, value in row.items() if key not in ("measurement", "case") and value != ""
    )
    return f"{row['measurement']:<25} {row['case']:<22} {what}"


def main() -> None:
    """Print one JSON line a measurement, or a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=sorted(MEASUREMENTS), help="one measurement")
    options = parser.parse_args()
    for name, measure in MEASUREMENTS.items():
        if options.only in (None, name):
            for row in measure(options.quick):
                print(line(row) if options.table else json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
