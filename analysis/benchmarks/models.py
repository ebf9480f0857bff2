"""How many systems a second are decided on one core: self-suspending sets, sets of graphs, and systems one by one.

Sets are drawn as a sweep draws them (`rtsched.generate`): five or ten tasks, periods log-uniform from 10 ms to 1 s;
suspensions are uniform parts of T - C, fixed priorities deadline-monotonic; graphs are layered, or forks and joins, on
four processors. CPU time of the tests alone; the theorems, which also explain themselves, see the first sets only.
Systems one by one: from the drawn mapping to the verdict, as `do: analyse` in a sweep does it (`judge`), and with all
theorems and bounds (`analyse`).

    python analysis/benchmarks/models.py            # a table
    python analysis/benchmarks/models.py --quick    # a tenth of the sets
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rtsched import api, generate
from rtsched.experiment.arrays import GRAPHS, SUSPENDING, _graph_tasks, _tasks
from rtsched.model.system import System
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.judge import judge
from rtsched.schedulability.models import TypedPools
from rtsched.schedulability.search.batch import TaskSets
from rtsched.schedulability.search.batch_graphs import GraphSets
from rtsched.schedulability.search.batch_suspension import SuspendingSets
from rtsched.schedulability.theorem import theorems

#: Sets that the theorems see.
FEW = 40
SUSPENSIONS = ((5, 0.6, 0.3), (10, 0.6, 0.1))
SHAPES = ((5, 0.5, "layered"), (5, 0.5, "fork-join"))
SYSTEMS = (
    (5, "uniprocessor", "dm", 0.8), (10, "uniprocessor", "dm", 0.9), (10, "uniprocessor", "edf", 0.9),
    (8, "uniprocessor", "edf+nonpreemptive", 0.4), (10, "multicore:4", "edf+first-fit", 0.8),
    (10, "multicore:4", "dm+worst-fit", 0.7), (10, "multicore:4", "dm", 0.5), (10, "multicore:4", "edf", 0.5),
)  # fmt: skip


def rate(work: Callable[[], Any], count: int) -> float:
    """How many of `count` are done in a CPU-second."""
    begun = time.process_time()
    work()
    return count / (time.process_time() - begun)


def suspending(count: int) -> Iterator[tuple[str, int, float, float, float]]:
    """Test, tasks, share accepted, sets a second over arrays and by the theorem."""
    for n, load, most in SUSPENSIONS:
        drawn = [list(_tasks(system)) for system in generate(tasks=n, utilisation=load, count=count)]
        columns = np.moveaxis(np.array(drawn, np.int64), 2, 0)
        sets = TaskSets(*columns)
        parts = np.random.default_rng(1).random(sets.C.shape) * most
        given = SuspendingSets(sets, (parts * (sets.T - sets.C)).astype(np.int64)).sorted_by(sets.D)
        for name, test in SUSPENDING.items():
            models = [given.uniprocessor(row, "EDF" if name.startswith("edf") else "FP") for row in range(FEW)]
            theorem = theorems()[name]
            slow = rate(lambda: [theorem(model) for model in models], FEW)  # noqa: B023
            yield name, n, float(test(given).mean()), rate(lambda: test(given), count), slow  # noqa: B023


def graphs(count: int) -> Iterator[tuple[str, int, float, float, float]]:
    """As `suspending`, of graphs on four processors."""
    for n, load, kind in SHAPES:
        drawn = generate(
            tasks=n, utilisation=load, platform="multicore:4", graph={"kind": kind}, count=count
        )  # their drawing is not measured
        tasks = [tuple(_graph_tasks(system)) for system in drawn]
        for name, (order, test) in GRAPHS.items():
            given = GraphSets(tuple(TypedPools(each, {"cpu": 4}, order) for each in tasks))
            theorem = theorems()[name.removesuffix("-edf").removesuffix("-fp") if "melani" in name else name]
            slow = rate(lambda: [theorem(model) for model in given.models[:FEW]], FEW)  # noqa: B023
            fast = rate(lambda: test(given), count)  # noqa: B023
            yield f"{name}, {kind}", n, float(test(given).mean()), fast, slow


def one_by_one(count: int) -> Iterator[tuple[str, int, float, float, float]]:
    """Policy and load, tasks, share proven, systems a second for the verdict, and with all bounds."""
    for n, platform, name, load in SYSTEMS:
        drawn = generate(tasks=n, utilisation=load, platform=platform, count=count)
        chip, policy = api.load(drawn[0]).platform, api.policy(name)

        def decided(system: dict[str, Any], how: Callable[..., Any]) -> Any:
            return how(api.Loaded(System.model_validate(system), chip).lower(largest=True), policy)  # noqa: B023

        proven = sum(decided(system, judge) == "schedulable" for system in drawn) / count
        fast = rate(lambda: [decided(system, judge) for system in drawn], count)  # noqa: B023
        slow = rate(lambda: [decided(system, analyse) for system in drawn[:FEW]], FEW)  # noqa: B023
        yield f"{name} on {platform}, U = {load}", n, proven, fast, slow


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sets")
    share = 10 if parser.parse_args().quick else 1
    print(f"{'test':<44} {'n':>3} {'accepted':>8} {'a second':>10} {'one by one':>11} {'ratio':>6}")
    for rows in (suspending(4000 // share), graphs(1000 // share), one_by_one(400 // share)):
        for name, n, accepted, fast, slow in rows:
            print(f"{name:<44} {n:>3} {accepted:>8.1%} {fast:>10,.0f} {slow:>11,.0f} {fast / slow:>6,.0f}", flush=True)


if __name__ == "__main__":
    main()
