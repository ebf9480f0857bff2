"""Placements layer by layer, settled offline: LaLaRAND-style, Min-Time and Max-Accuracy, each on a worked example."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtsched import InputError, SchedulerError, summary
from rtsched.schedulers.chain_responses import response_times
from tests.chips import run

CHIP = """
platform: {processors: {cpu: {}, gpu: {kind: gpu, service: node}, npu: {kind: npu}}}
simulate: {until: 200 ms}
"""


def homes(trace, task: str = "") -> list[str]:
    """The processor of each node of the first job (of a task)."""
    index = next(spec.index for spec in trace.system.tasks if not task or spec.name == task)
    job = int((trace.jobs["task"] == index).argmax())
    rows = trace.slices[trace.slices["job"] == job]
    found = {int(row["node"]): trace.system.processors[row["processor"]].name for row in rows}
    return [found[node] for node in sorted(found)]


# ---- LaLaRAND-style --------------------------------------------------------------------------------------------------

LALARAND = (
    CHIP
    + """
scheduler: {ordering: rm, placement: lalarand-style, preemption: nonpreemptive}
tasks:
  - name: fast
    period: 10 ms
    accuracy: 0.9
    graph:
      nodes: {a1: {wcet: {gpu: 2 ms, cpu: 3 ms}, loss: {cpu: 0.01}}, a2: {wcet: {gpu: 2 ms, cpu: 20 ms}}}
      edges: [[a1, a2]]
  - name: slow
    period: 30 ms
    accuracy: 0.9
    graph:
      nodes: {b1: {wcet: {gpu: 7 ms, cpu: 9 ms}, loss: {cpu: 0.02}}, b2: {wcet: {gpu: 1 ms, cpu: 4 ms}}}
      edges: [[b1, b2]]
"""
)


def test_layers_move_to_the_cpu_until_the_test_passes() -> None:
    # All on the GPU: fast waits at each of its two layers for b1 (7 ms): 4 + 14 > 10. Most GPU time per CPU time: b1
    # (7/9), moved first. Then fast: 4 + 2 x 1 = 6; slow: 10 of its own and 3 jobs of fast on the GPU: 22 <= 30.
    trace = run(LALARAND)
    assert homes(trace, "fast") == ["gpu", "gpu"]
    assert homes(trace, "slow") == ["cpu", "gpu"]
    assert summary(trace).misses == 0
    on_gpu = run(LALARAND.replace("cpu: 9 ms", "cpu: 900 ms").replace("cpu: 3 ms", "cpu: 900 ms"), until="2 s")
    assert homes(on_gpu, "slow")[0] == "gpu"  # moving that would make it worse


def test_what_loses_accuracy_and_need_not_move_comes_back() -> None:
    # b2 (3/3) moves first, then b1 (7/9), and the test passes. With b2 back on the GPU fast takes 4 + 2 x 3 = 10 <= 10 and
    # slow 12 and 4 jobs of fast: 28 <= 30.
    text = LALARAND.replace(
        "b2: {wcet: {gpu: 1 ms, cpu: 4 ms}}", "b2: {wcet: {gpu: 3 ms, cpu: 3 ms}, loss: {cpu: 0.05}}"
    )
    trace = run(text)
    assert homes(trace, "slow") == ["cpu", "gpu"]
    without_loss = run(text.replace("loss: {cpu: 0.05}", "loss: {cpu: 0.0}"))
    assert homes(without_loss, "slow") == ["cpu", "cpu"]
    assert summary(trace).misses == summary(without_loss).misses == 0


WHOLE_TASKS = (
    CHIP
    + """
scheduler: {ordering: rm, placement: lalarand-style, preemption: nonpreemptive}
tasks:
"""
)


def two_layers(name: str, period: int, first: tuple[float, float], second: tuple[float, float]) -> str:
    """A task of two layers with (gpu, cpu) times in ms, which lose accuracy on the CPU."""
    nodes = ", ".join(
        f"{node}: {{wcet: {{gpu: {gpu} ms, cpu: {cpu} ms}}, loss: {{cpu: {loss}}}}}"
        for node, (gpu, cpu), loss in (("a", first, 0.01), ("b", second, 0.002))
    )
    graph = f"graph: {{nodes: {{{nodes}}}, edges: [[a, b]]}}"
    return f"  - {{name: {name}, period: {period} ms, accuracy: 0.9, {graph}}}\n"


def test_an_allocation_that_passes_is_found_where_moves_one_by_one_find_none() -> None:
    # By time relieved per time added: l.b and h.b first, and each time h waits for a layer of l (4 + 2 + 2 x 9 > 10). With
    # all of h on the GPU and all of l on the CPU nobody waits: 6 <= 10, 27 <= 30.
    text = WHOLE_TASKS + two_layers("h", 10, (4, 8), (2, 2.5)) + two_layers("l", 30, (9, 20), (6, 7))
    trace = run(text)
    assert (homes(trace, "h"), homes(trace, "l")) == (["gpu", "gpu"], ["cpu", "cpu"])
    assert summary(trace).misses == 0


def test_beyond_all_allocations_whole_tasks_are_tried() -> None:
    # beside the two, four light tasks: 2^12 allocations
    text = WHOLE_TASKS + two_layers("h", 10, (4, 8), (2, 2.5)) + two_layers("l", 30, (9, 20), (6, 7))
    for number in range(4):
        text += two_layers(f"light{number}", 600, (0.1, 0.1), (0.1, 0.1))
    trace = run(text, until="2 s")
    assert (homes(trace, "h"), homes(trace, "l")) == (["gpu", "gpu"], ["cpu", "cpu"])
    assert summary(trace).misses == 0


def chain_of(name: str, period: int, *times: tuple[int, int]) -> str:
    """A task of layers with (gpu, cpu) times in ms."""
    names = [f"n{place}" for place in range(len(times))]
    nodes = ", ".join(
        f"{node}: {{wcet: {{gpu: {gpu} ms, cpu: {cpu} ms}}}}" for node, (gpu, cpu) in zip(names, times, strict=True)
    )
    edges = ", ".join(f"[{one}, {other}]" for one, other in pairwise(names))
    return f"  - {{name: {name}, period: {period} ms, graph: {{nodes: {{{nodes}}}, edges: [{edges}]}}}}\n"


#: 2048 allocations, one of which passes: c on the CPU, and the last layer of a. Steps of one layer or task do not get there.
MISSED = (
    WHOLE_TASKS
    + chain_of("a", 44, (6, 13), (8, 21), (1, 2))
    + chain_of("b", 45, (6, 5), (5, 11), (5, 12), (1, 1))
    + chain_of("c", 61, (3, 2), (7, 13), (7, 12), (8, 6))
)


def test_no_allocation_that_passes_is_missed() -> None:
    # a: 14 + 2, 2 x 6 behind b on the GPU and 13 behind c on the CPU: 41 <= 44. b: 17 and two jobs of a: 45 <= 45.
    # c: 33 and two last layers of a: 37 <= 61.
    trace = run(MISSED, until="2 s")
    assert homes(trace, "a") == ["gpu", "gpu", "cpu"]
    assert homes(trace, "b") == ["gpu"] * 4
    assert homes(trace, "c") == ["cpu"] * 4
    assert summary(trace).misses == 0


def test_one_by_one_is_greedy_and_stops_there() -> None:
    text = MISSED.replace("lalarand-style", "{name: lalarand-style, search: one-by-one}")
    assert homes(run(text), "a") != ["gpu", "gpu", "cpu"]
    with pytest.raises(InputError, match="search: must be one-by-one or all"):
        run(MISSED.replace("lalarand-style", "{name: lalarand-style, search: some}"))


def test_it_needs_both_clusters() -> None:
    with pytest.raises(SchedulerError, match="no node can run on a gpu"):
        run(LALARAND.replace("gpu: 2 ms, ", "").replace("gpu: 7 ms, ", "").replace("gpu: 1 ms, ", ""))


@st.composite
def systems(draw) -> list[tuple[int, list[tuple[str, int]]]]:
    tasks = []
    for _ in range(draw(st.integers(1, 3))):
        nodes = draw(st.lists(st.tuples(st.sampled_from(["gpu", "cpu"]), st.integers(1, 4)), min_size=1, max_size=3))
        tasks.append((draw(st.integers(sum(time for _, time in nodes), 60)), nodes))
    return sorted(tasks, key=lambda task: task[0])


@given(systems())
@settings(max_examples=60)
def test_no_simulation_beats_the_bound(tasks) -> None:
    demands = []
    text = CHIP.replace("200 ms", "600 ms") + "scheduler: {ordering: rm, preemption: nonpreemptive}\ntasks:\n"
    for number, (period, nodes) in enumerate(tasks):
        pieces: dict[str, list[int]] = {}
        for name, time in nodes:
            pieces.setdefault(name, []).append(time)
        demands.append((period, period, pieces))
        names = [f"n{place}" for place in range(len(nodes))]
        each = ", ".join(
            f"{n}: {{wcet: {{{where}: {time} ms}}}}" for n, (where, time) in zip(names, nodes, strict=True)
        )
        edges = ", ".join(f"[{a}, {b}]" for a, b in pairwise(names))
        text += f"  - {{name: t{number}, period: {period} ms, graph: {{nodes: {{{each}}}, edges: [{edges}]}}}}\n"
    bounds = response_times(demands)
    figures = summary(run(text))
    for bound, task in zip(bounds, figures.tasks, strict=True):
        assert task.response.max is None or task.response.max <= bound * 1e6


# ---- CPU and NPU -----------------------------------------------------------------------------------------------------

SPLIT = (
    CHIP
    + """
scheduler: {ordering: edf, placement: PLACEMENT}
tasks:
  - name: net
    period: 50 ms
    accuracy: 0.9
    graph:
      nodes:
        l1: {wcet: {cpu: 10 ms, npu: 1 ms}, loss: {npu: 0.04}}
        l2: {wcet: {cpu: 20 ms, npu: 2 ms}, loss: {npu: 0.01}}
        l3: {wcet: {cpu: 5 ms, npu: 1 ms}, loss: {npu: 0.03}}
      edges: [[l1, l2], [l2, l3]]
"""
)


@pytest.mark.parametrize(
    ("placement", "where", "accuracy"),
    [
        ("{name: min-time-style, accuracy: 0}", ["npu", "npu", "npu"], 0.82),
        (
            "{name: min-time-style, accuracy: 0.85}",
            ["npu", "npu", "cpu"],
            0.85,
        ),  # l2 gains most, then l1; l3 would pass 0.85
        ("{name: min-time-style, accuracy: 0.88}", ["cpu", "npu", "cpu"], 0.89),
        ("{name: min-time-style, accuracy: 0.9}", ["cpu", "cpu", "cpu"], 0.9),
        ("{name: max-accuracy-style}", ["cpu", "cpu", "cpu"], 0.9),  # 35 of 50 ms
        (
            "{name: max-accuracy-style, limit: 0.36}",
            ["cpu", "npu", "cpu"],
            0.89,
        ),  # 18 ms: l1 (12 + 1 + 1), then l3 (10 + 2 + 5)
        ("{name: max-accuracy-style, limit: 0.3}", ["cpu", "npu", "npu"], 0.86),  # 15 ms: l1 (13), then no more
        ("{name: max-accuracy-style, limit: 0.01}", ["npu", "npu", "npu"], 0.82),
    ],
)
def test_splits_between_cpu_and_npu(placement: str, where: list[str], accuracy: float) -> None:
    trace = run(SPLIT.replace("PLACEMENT", placement))
    assert homes(trace) == where
    assert trace.answers["accuracy"][0] == pytest.approx(accuracy * 1e6, abs=1)


def test_a_crossing_that_costs_more_than_it_gains_is_not_made() -> None:
    # l2 alone on the NPU saves 18 ms; two crossings of 10 ms cost more
    text = SPLIT.replace("PLACEMENT", "{name: min-time-style, accuracy: 0.88, crossing: 10 ms}")
    assert homes(run(text)) == ["cpu", "cpu", "cpu"]
