"""End-to-end quantities of chains: against the definitions written by hand, and against their bounds of the same name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rtsched
from rtsched import api
from rtsched.engine.simulation import run
from rtsched.metrics.chains import latencies, measured, sampling, window_of
from rtsched.metrics.summary import summary
from rtsched.model.config import parse_yaml, validate
from rtsched.model.quantities import QUANTITIES
from rtsched.model.system import System
from rtsched.model.taskgraph import ChainSpec, SystemSpec
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.lowering.system_chains import bound_of
from rtsched.trace.trace import Trace
from tests.helpers import cpus, fp, simulate, task


def jobs_of(trace: Trace, place: int) -> list[tuple[int, int]]:
    """When the finished jobs of a task read and wrote."""
    return sorted((int(row["start"]), int(row["finish"])) for row in trace.jobs_of(place) if row["finish"] >= 0)


def forward(trace: Trace, tasks: tuple[int, ...], write: int) -> int | None:
    """When the last task writes what was written at an instant: of each task the first job that reads then or later."""
    for place in tasks:
        later = [each for each in jobs_of(trace, place) if each[0] >= write]
        if not later:
            return None
        write = later[0][1]
    return write


def backward(trace: Trace, tasks: tuple[int, ...], read: int) -> int | None:
    """When the first task read what is read at an instant: of each task the last job that had written."""
    for place in reversed(tasks):
        before = [each for each in jobs_of(trace, place) if each[1] <= read]
        if not before:
            return None
        read = before[-1][0]
    return read


def by_hand(trace: Trace, chain: ChainSpec) -> dict[str, int]:
    """The maxima of the definitions, job by job."""
    first, last = jobs_of(trace, chain.tasks[0]), jobs_of(trace, chain.tasks[-1])
    begun = max(min(read for read, _ in jobs_of(trace, place)) for place in chain.tasks)
    found: dict[str, list[int]] = {"mrt": [], "mrrt": [], "mda": [], "mrda": []}
    for number, (read, write) in enumerate(first):
        end = forward(trace, chain.tasks[1:], write)
        if end is not None and begun <= read < trace.until:
            found["mrrt"].append(end - read)
            if number:
                found["mrt"].append(end - first[number - 1][0])
    for number, (read, write) in enumerate(last):
        sampled = backward(trace, chain.tasks[:-1], read)
        if sampled is not None and sampled < trace.until:
            found["mrda"].append(write - sampled)
            if number + 1 < len(last):
                found["mda"].append(last[number + 1][1] - sampled)
    return {code: max(times) for code, times in found.items() if times}


def drawn(seed: int) -> SystemSpec:
    """Three tasks on one processor, fully determined, and a chain that may come back to a task."""
    random = np.random.default_rng(seed)
    periods = random.choice([4, 6, 8, 12], 3).tolist()
    tasks = tuple(
        task(place, int(random.integers(1, 1 + period // 4)), period, offset=int(random.integers(0, 9)))
        for place, period in enumerate(periods)
    )
    order = random.permutation(3)[: random.integers(2, 4)].tolist()
    order += order[:1] * (seed % 5 == 0)
    return SystemSpec(cpus(), tasks, chains=(ChainSpec("c", tuple(order)),))


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_each_quantity_is_its_definition_and_keeps_the_bound_of_its_name(first: int) -> None:
    bounded = 0
    for seed in range(first, first + 10):
        system = drawn(seed)
        trace = run(system, fp(), until=80)
        (chain,) = system.chains
        seen = {code: int(found.times.max()) for code, found in measured(trace, chain).items() if len(found.times)}
        assert seen == by_hand(trace, chain), seed
        (result,) = analyse(system, api.policy({"ordering": "fp"})).chains
        for code, most in seen.items():
            bound = bound_of(result, code)
            assert bound is None or most <= bound, (seed, code)
            bounded += bound is not None
    assert bounded


def test_a_quantity_is_named_once_and_has_two_events() -> None:
    assert [*QUANTITIES] == ["mrt", "mrrt", "mda", "mrda", "triggered"]
    assert len({each.name for each in QUANTITIES.values()}) == 5
    assert all(each.begins and each.ends and each.sampling for each in QUANTITIES.values())


# ---- what is lost, and what repeats -----------------------------------------------------------------------------------


def test_a_slow_reader_loses_samples_and_a_fast_one_repeats_outputs() -> None:
    trace = simulate([task(0, 1, 4), task(1, 1, 12)], until=96)
    # a reads at 0, 4, 8, …; b at 1, 13, 25, …, and knows of every third read
    slow = sampling(trace, ChainSpec("slow", (0, 1)))
    assert (slow.samples, slow.lost, slow.outputs, slow.repeated) == (22, 14, 8, 0)
    fast = sampling(trace, ChainSpec("fast", (1, 0)))
    assert (fast.lost, fast.repeated) == (0, fast.outputs - fast.samples)
    assert fast.repeated > 10


# ---- triggered chains -------------------------------------------------------------------------------------------------

CAMERA = """
platform: {name: chip, processors: {cpu: {kind: cpu, cores: 2}, npu: {kind: npu}}}
scheduler: {ordering: dm, placement: pinned}
simulate: {until: 300 ms}
tasks:
  - {name: cam, wcet: {cpu: 2 ms}, period: 30 ms, pin: cpu0}
  - {name: det, wcet: {npu: 13 ms}, deadline: 20 ms, pin: npu, after: {task: cam}}
  - {name: post, wcet: {cpu: 1 ms}, deadline: 10 ms, pin: cpu1, after: {task: det}}
chains:
  - {name: all, tasks: [cam, det, post], max_latency: LIMIT}
  - {name: ends, tasks: [cam, post], max_latency: LIMIT}
"""


def simulated(text: str, limit: str = "16 ms", **options: Any) -> Any:
    """The figures of the chains of a system in YAML."""
    trace = rtsched.simulate(validate(System, parse_yaml(text.replace("LIMIT", limit))), **options)
    return summary(trace).chains


def test_a_latency_goes_from_the_arrival_to_the_end_of_what_it_led_to() -> None:
    for chain in simulated(CAMERA):
        latency = chain.ends[-1]
        assert (latency.quantity, latency.max, latency.count) == ("triggered", 16_000_000, 10)
        assert (latency.slack, latency.kept, chain.kept, chain.lost) == (0, True, True, 0)
        assert chain.samples is None
    assert [chain.kept for chain in simulated(CAMERA, "15 ms")] == [False, False]
    assert [chain.ends[-1].count for chain in simulated(CAMERA, until="61 ms")] == [2, 2]
    late = CAMERA.replace("period: 30 ms", "period: 30 ms, jitter: 5 ms, offset: 4 ms")
    most = simulated(late, seed=3)[0].ends[-1].max
    assert 16_000_000 < most <= 21_000_000  # the release may be late, and counts


def test_what_chance_leaves_out_is_not_lost_and_what_is_dropped_is() -> None:
    seldom = CAMERA.replace("after: {task: det}", "after: {task: det, probability: 0.5}")
    (found, _) = simulated(seldom, until="3 s")
    assert 20 < found.ends[-1].count < 80
    assert (found.lost, found.kept) == (0, True)
    dropped = CAMERA.replace("deadline: 20 ms", "deadline: 5 ms, on_miss: abort")
    (found, _) = simulated(dropped)
    assert (found.ends[-1].count, found.lost, found.kept) == (0, 10, False)


def test_jobs_that_overlap_are_told_apart() -> None:
    many = CAMERA.replace("wcet: {npu: 13 ms}", "wcet: {npu: 40 ms}, overlap: true").replace(
        "20 ms, pin: npu", "1 s, pin: npu"
    )
    (found, _) = simulated(many, "1 s")
    assert found.ends[-1].max == 43_000_000 + 6 * 10_000_000  # each waits 10 ms longer than the one before


def test_start_up_does_not_count_and_a_warm_up_does_not_either() -> None:
    late = [task(0, 1, 4), task(1, 1, 4, offset=50)]
    trace = run(SystemSpec(cpus(), tuple(late), chains=(ChainSpec("c", (0, 1)),)), fp(), until=80)
    assert window_of(trace, trace.system.chains[0]) == (50, 80)
    assert int(measured(trace, trace.system.chains[0])["mrt"].times.max()) < 15
    assert latencies(trace, trace.system.chains[0]) is None
    warm = run(trace.system, fp(), until=80, warm_up=60)
    assert window_of(warm, warm.system.chains[0]) == (60, 80)


def test_without_a_trace_nothing_is_known_of_chains() -> None:
    system = validate(System, parse_yaml(CAMERA.replace("LIMIT", "16 ms")))
    for chain in summary(rtsched.simulate(system, trace=False)).chains:
        assert (chain.kept, chain.ends[-1].limit, chain.ends[-1].max, chain.lost) == (None, 16_000_000, None, None)
