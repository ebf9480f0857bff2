"""Cost grows with the work, not with its square. `analysis/benchmarks/scale.py` measures the same at full size."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import api
from rtsched.engine.simulation import run
from rtsched.export.tables import columns
from rtsched.export.text import render_table
from rtsched.metrics.tally import BUCKETS, Histogram, Tally

#: Eight times the work may take twice eight times as long; with its square it would be 64 times.
MORE, MOST = 8, 16
#: The work is done anew so often before a slow answer is believed: others use this machine, too.
ATTEMPTS = 4


@pytest.fixture(autouse=True, scope="module")
def aside() -> None:
    """What thousands of tests left behind is not looked through by each of the collections below: 0.2 s each time."""
    gc.collect()
    gc.freeze()


def simple(count: int, **more: Any) -> dict[str, Any]:
    """As many equal tasks, on two cores."""
    tasks = [{"name": f"t{number}", "wcet": 1000, "period": 10**9, **more} for number in range(count)]
    return {"platform": "multicore:2", "tasks": tasks}


def chain(count: int) -> dict[str, Any]:
    """Tasks of which each releases the next one."""
    follower = {"wcet": 1000, "deadline": 10**9}
    later = [{"name": f"t{number}", "after": f"t{number - 1}", **follower} for number in range(1, count)]
    return {"platform": "multicore:2", "tasks": [{"name": "t0", "wcet": 1000, "period": 10**9}, *later]}


def fan(count: int) -> dict[str, Any]:
    """Tasks that are all released by one."""
    first = {"name": "first", "wcet": 1000, "period": 10**9}
    return {
        "platform": "multicore:2",
        "tasks": [first, *({"name": f"t{n}", "wcet": 1, "deadline": 10**9, "after": "first"} for n in range(count))],
    }


def instances(count: int) -> dict[str, Any]:
    """Instances of one task, each released by its own instance of another."""
    tasks = [
        {"name": "first", "wcet": 1000, "period": 10**9, "instances": count},
        {"name": "second", "wcet": 1000, "deadline": 10**9, "after": "first", "instances": count},
    ]
    return {"platform": "multicore:2", "tasks": tasks}


def limited_graphs(count: int) -> dict[str, Any]:
    """Graphs whose tasks say where their nodes may run."""
    graph = {"nodes": {"a": {"wcet": 1000}, "b": {"wcet": 1000}}, "edges": [["a", "b"]]}
    tasks = [{"name": f"t{n}", "period": 10**9, "processors": ["cpu"], "graph": graph} for n in range(count)]
    return {"platform": "multicore:2", "tasks": tasks}


def layers(count: int) -> dict[str, Any]:
    """One graph in layers of ten nodes."""
    nodes = {f"n{number}": {"wcet": 1000} for number in range(count)}
    edges = [[f"n{first}", f"n{then}"] for first in range(count) for then in (first + 10, first + 11) if then < count]
    return {
        "platform": "multicore:2",
        "tasks": [{"name": "t", "period": 10**9, "graph": {"nodes": nodes, "edges": edges}}],
    }


def star(count: int) -> dict[str, Any]:
    """One graph whose first node is needed by all others, and whose last needs all others."""
    inner = [f"n{number}" for number in range(count)]
    nodes = {name: {"wcet": 1000} for name in ("first", *inner, "last")}
    edges = [["first", name] for name in inner] + [[name, "last"] for name in inner]
    return {
        "platform": "multicore:2",
        "tasks": [{"name": "t", "period": 10**9, "graph": {"nodes": nodes, "edges": edges}}],
    }


def single_jobs(count: int) -> dict[str, Any]:
    """Explicit jobs, one after the other."""
    jobs = [{"release": 1000 * n, "wcet": 500, "deadline": 1000 * n + 10_000} for n in range(count)]
    return {"platform": "multicore:2", "jobs": jobs}


def cores(count: int) -> dict[str, Any]:
    """As many tasks as cores, each at home on one."""
    tasks = [{"name": f"t{n}", "wcet": 600, "period": 1000, "deadline": 900} for n in range(count)]
    return {"platform": f"multicore:{count}", "scheduler": "rm+first-fit", "tasks": tasks}


def spread(count: int) -> dict[str, Any]:
    """Twenty tasks with different times that may run on as many cores."""
    tasks = [{"name": f"t{n}", "wcet": 600 + n, "period": 10**9} for n in range(20)]
    return {"platform": f"multicore:{count}", "tasks": tasks}


SHAPES = (simple, chain, fan, instances, limited_graphs, layers, star, single_jobs, spread)
#: Long enough for each of these tasks to release one job, and for the last of the explicit jobs.
UNTIL = 10**7


def ratio(work: Callable[[int], Callable[[], Any]], size: int) -> float:
    """How much longer the work takes at MORE times the size, in CPU time; the least of a few attempts."""

    def spent(count: int) -> float:
        job = work(count)
        gc.collect()
        begun = time.process_time()
        job()
        return max(time.process_time() - begun, 1e-6)

    spent(size)  # whatever is imported when it is first needed
    small, large = spent(size), spent(MORE * size)
    for _ in range(ATTEMPTS - 1):
        if large < MOST * small:
            break
        small, large = max(small, spent(size)), min(large, spent(MORE * size))
    return large / small


@pytest.mark.parametrize("shape", SHAPES)
def test_a_system_is_loaded_and_lowered_in_time_that_grows_with_it(shape: Callable[[int], dict[str, Any]]) -> None:
    def work(count: int) -> Callable[[], Any]:
        system = shape(count)
        return lambda: api.load(system).lower()

    assert ratio(work, 120) < MOST


@pytest.mark.parametrize("shape", SHAPES)
def test_a_system_is_run_in_time_that_grows_with_it(shape: Callable[[int], dict[str, Any]]) -> None:
    def work(count: int) -> Callable[[], Any]:
        system = shape(count)
        spec = api.load(system).lower()
        return lambda: run(spec, api.scheduler("edf"), until=UNTIL)

    assert ratio(work, 120) < MOST


@pytest.mark.parametrize("shape", [simple, instances, layers, single_jobs])
def test_what_happened_is_told_in_time_that_grows_with_it(shape: Callable[[int], dict[str, Any]]) -> None:
    def work(count: int) -> Callable[[], Any]:
        trace = api.simulate(shape(count), until=UNTIL)

        def tell() -> None:
            render_table(rtsched.summary(trace))
            assert trace.check() == []
            for table in ("jobs", "slices", "decisions"):
                columns(trace, table)

        return tell

    assert ratio(work, 120) < MOST


def test_notes_are_gathered_in_time_that_grows_with_their_number() -> None:
    def work(count: int) -> Callable[[], Any]:
        system = simple(count, assumed=notes)
        return lambda: api.load(system).lower()

    notes = [f"guess {number}" for number in range(10)]
    assert ratio(work, 120) < MOST
    assert len(api.load(simple(3, assumed=notes)).lower().assumed) == 30


def test_pools_of_one_core_each_are_found_in_time_that_grows_with_them() -> None:
    """The packing itself looks at every core for every task; the rest does not."""
    spec = api.load(cores(1000)).lower()
    trace = run(spec, api.scheduler("rm+first-fit"), until=1)
    assert sorted(trace.slices["processor"].tolist()) == list(range(1000))

    def work(count: int) -> Callable[[], Any]:
        system = {"platform": f"multicore:{count}", "tasks": [
            {"name": f"t{n}", "wcet": 600, "period": 1000, "pin": f"cpu{n}"} for n in range(count)
        ]}  # fmt: skip
        pinned = api.load(system).lower()
        return lambda: run(pinned, api.scheduler("rm+pinned"), until=1)

    assert ratio(work, 100) < MOST


def test_a_platform_may_have_ten_thousand_cores() -> None:
    spec = api.load(spread(10_000)).lower()
    assert len(spec.processors) == 10_000
    assert spec.tasks[0].nodes[0].eligible == tuple(range(10_000))
    trace = run(spec, api.scheduler("edf"), until=1)
    assert trace.slices["processor"].tolist() == list(range(20))


def test_a_trace_knows_the_numbers_of_fifty_thousand_processors() -> None:
    """Two bytes hold those of 32768, and four take their place beyond."""
    clusters = {name: {"cores": 16_384} for name in ("a", "b", "c")}
    task = {"name": "t", "wcet": 5, "period": 10, "pin": "c16383"}
    system = {"platform": {"name": "many", "processors": clusters}, "tasks": [task]}
    trace = api.simulate(system, scheduler="rm+pinned", until=1)
    for rows in (trace.slices, trace.decisions, trace.node_times()):
        assert rows["processor"].tolist() == [3 * 16_384 - 1]
    assert columns(trace, "slices")["processor"] == ["c16383"]
    assert trace.check() == []
    assert api.simulate(simple(1), until=1).slices.dtype["processor"].itemsize == 2


def held(make: Callable[[], Any]) -> int:
    """The bytes that what `make` returns holds on to."""
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept is not None
    return size


@pytest.mark.parametrize(
    "more", [{}, {"accuracy": 0.9}, {"jitter": 1000}, {"execution": {"kind": "uniform", "low": 0.5}}]
)
def test_a_task_takes_less_than_eight_kilobytes_without_a_trace(more: dict[str, Any]) -> None:
    class Keeping(type(api.scheduler("edf"))):  # type: ignore[misc]
        def setup(self, soc: Any) -> None:
            kept.append(soc)
            super().setup(soc)

    kept: list[Any] = []
    run(api.load(simple(2, **more)).lower(), Keeping(), until=10**6)

    def make(system: dict[str, Any]) -> Any:
        spec = api.load(system).lower()
        return run(spec, Keeping(), until=10**6, tally=Tally(spec, 0))

    few, many = (held(lambda count=count: make(simple(count, **more))) for count in (200, 400))
    assert many - few < 200 * 8000


def test_memory_does_not_grow_with_jobs_where_no_trace_is_kept() -> None:
    spec = api.load(
        {"platform": "multicore:1", "tasks": [{"name": "t", "wcet": 500, "period": 1000, "jitter": 400}]}
    ).lower()

    def most(jobs: int) -> int:
        gc.collect()
        tracemalloc.start()
        run(spec, api.scheduler("edf"), until=1000 * jobs, tally=Tally(spec, 0))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(100)
    assert most(60_000) < 1.2 * most(25_000)


def test_a_histogram_counts_what_was_added_whenever_it_is_asked() -> None:
    histogram, dense = Histogram(), np.zeros(3 * BUCKETS, np.int64)
    chance = np.random.default_rng(1)
    for size in (0, 5, 40_000, 3, 50_000, 7):
        keys = chance.integers(0, 3 * BUCKETS, size)
        histogram.add(keys)
        np.add.at(dense, keys, 1)
        for task in range(3):
            part = dense[task * BUCKETS : (task + 1) * BUCKETS]
            found, counts = histogram.between(task * BUCKETS, (task + 1) * BUCKETS)
            assert (found - task * BUCKETS).tolist() == np.flatnonzero(part).tolist()
            assert counts.tolist() == part[part > 0].tolist()
