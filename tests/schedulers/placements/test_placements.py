"""Where segments run: the packings on one example that tells them apart, clusters, pins."""

from __future__ import annotations

import pytest

from rtsched.engine.simulation import run
from rtsched.errors import SchedulerError
from rtsched.model.taskgraph import ProcessorSpec, SystemSpec
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.placements.base import Placement
from rtsched.schedulers.placements.clustered import Clustered
from rtsched.schedulers.placements.declared import Global, Pinned
from rtsched.schedulers.placements.packing import (
    BestFitDecreasing,
    FirstFitDecreasing,
    NextFitDecreasing,
    WorstFitDecreasing,
)
from tests.helpers import cpus, simulate, task


def homes(placement: Placement, shares: list[int], cores: int = 3) -> list[int]:
    """The core each task (its share in tenths) runs on."""
    tasks = [task(index, (share,) * cores, 10) for index, share in enumerate(shares)]
    trace = simulate(tasks, ComposedScheduler(EDF(), placement), processors=cpus(cores), until=10)
    owner = trace.jobs["task"][trace.slices["job"]]
    places = [set(trace.slices["processor"][owner == index].tolist()) for index in range(len(shares))]
    assert all(len(place) == 1 for place in places)
    return [place.pop() for place in places]


def test_packings_differ_as_the_textbook_says() -> None:
    # by size: 6 -> 0; 5 fits not beside it -> 1; then 4 and 2 and 1 fill up
    shares = [6, 5, 4, 2, 1]
    assert homes(FirstFitDecreasing(), shares) == [0, 1, 0, 1, 1]
    assert homes(BestFitDecreasing(), shares) == [0, 1, 0, 1, 1]
    assert homes(WorstFitDecreasing(), shares) == [0, 1, 2, 2, 1]
    assert homes(NextFitDecreasing(), shares) == [0, 1, 1, 2, 2]


def test_best_fit_prefers_the_fuller_core() -> None:
    # 6 and 5 open two cores; 3 fits both: first fit takes core 0 (0.9 left 0.1), best fit too; 4 only core 1
    assert homes(FirstFitDecreasing(), [5, 6, 3, 4], 2) == [1, 0, 1, 0]
    assert homes(BestFitDecreasing(), [5, 7, 4, 2], 2) == [1, 0, 1, 0]


def test_what_fits_nowhere_goes_to_the_least_loaded_or_is_an_error() -> None:
    shares = [8, 8, 5]
    assert homes(FirstFitDecreasing(), shares, 2) == [0, 1, 0]
    with pytest.raises(SchedulerError, match="fits on no processor"):
        homes(FirstFitDecreasing(strict=True), shares, 2)


def test_partitioned_tasks_never_migrate_and_global_ones_do() -> None:
    tasks = [task(0, (6, 6), 10), task(1, (6, 6), 9), task(2, (6, 6), 11)]
    system = SystemSpec(cpus(2), tuple(tasks))
    partitioned = run(system, ComposedScheduler(EDF(), WorstFitDecreasing()), until=990)
    free = run(system, ComposedScheduler(EDF(), Global()), until=990)
    assert sum(p.migrations for p in partitioned.processors) == 0
    assert sum(p.migrations for p in free.processors) > 0


def test_clustered_stays_inside_a_cluster() -> None:
    cores = tuple(ProcessorSpec(i, f"{c}{i % 2}", c) for i, c in enumerate(["big", "big", "little", "little"]))
    tasks = [task(index, (4, 4, 8, 8), 10) for index in range(4)]
    trace = simulate(tasks, ComposedScheduler(EDF(), Clustered()), processors=cores, until=100)
    owner = trace.jobs["task"][trace.slices["job"]]
    for index in range(4):
        used = set(trace.slices["processor"][owner == index].tolist())
        assert used <= {0, 1} or used <= {2, 3}
    assert set(trace.slices["processor"].tolist()) & {2, 3}


def test_pinned_needs_pins() -> None:
    with pytest.raises(SchedulerError, match="node 'a' of task 'a' may run on cpu0, cpu1; give it a 'pin'"):
        simulate([task(0, (1, 1), 10)], ComposedScheduler(EDF(), Pinned()), processors=cpus(2), until=10)
    trace = simulate([task(0, (None, 1), 10)], ComposedScheduler(EDF(), Pinned()), processors=cpus(2), until=10)
    assert trace.slices["processor"].tolist() == [1]
