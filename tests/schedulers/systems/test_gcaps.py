"""GCAPS-style contexts: the theorem's own example attains its bound, and no run on random sets is beyond it."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from rtsched import SchedulerError, load, simulate
from rtsched.schedulability.theorems import accelerators
from rtsched.schedulability.theorems.accelerators import GpuTask, SharedAccelerator, gcaps
from rtsched.trace.trace import Trace
from rtsched.units import MS
from rtsched.verify.verification import Verification, verify
from tests.chips import loaded, run, slices
from tests.schedulability.drawn_policies import bounds_that_hold, examined


def board(
    tasks: list[GpuTask], epsilon: float = 0, offsets: tuple[float, ...] = (), service: str = "preemptive"
) -> str:
    """Tasks that compute, use the GPU for each of their segments, and compute between them (times in ms)."""
    rows = [row(task, offset) for task, offset in zip(tasks, offsets or [0.0] * len(tasks), strict=True)]
    cores = "".join(f"    {name}: {{}}\n" for name in sorted({task.core for task in tasks}))
    gpu = f"gpu: {{kind: gpu, service: {service}, context_switch: {epsilon} ms}}"
    return f"platform:\n  processors:\n    {gpu}\n{cores}simulate: {{drain: all}}\ntasks:\n" + "\n".join(rows) + "\n"


def row(task: GpuTask, offset: float) -> str:
    chunks = [task.C // (task.eta + 1)] * task.eta
    chunks.append(task.C - sum(chunks))
    if task.eta == 1:
        chunks = [task.C, 0]
    nodes = []
    for place, chunk in enumerate(chunks):
        nodes += [f"c{place}: {{wcet: {{{task.core}: {chunk} ms}}}}"] * (chunk > 0)
        nodes += [f"g{place}: {{wcet: {{gpu: {each} ms}}}}" for each in task.segments[place : place + 1]]
    names = [node.partition(":")[0] for node in nodes]
    edges = ", ".join(f"[{one}, {two}]" for one, two in pairwise(names))
    graph = f"graph: {{nodes: {{{', '.join(nodes)}}}, edges: [{edges}]}}"
    return f"  - {{name: {task.name}, {graph}, period: {task.T} ms, deadline: {task.D} ms, offset: {offset} ms}}"


POSE = GpuTask("pose", "cpu0", C=2, T=20, D=20, segments=(4,))
SEGMENT = GpuTask("segment", "cpu1", C=3, T=50, D=50, segments=(10,))


def spans(trace: Trace) -> list[tuple[str, str, float, float]]:
    """(task, processor, start, end) in ms of every slice."""
    return [item[:4] for item in slices(trace)]


def worst(trace: Trace) -> list[float]:
    """The longest response of each task, in ms."""
    jobs = trace.jobs
    tasks = range(len(trace.system.tasks))
    return [max((jobs["finish"] - jobs["release"])[jobs["task"] == task]) / MS for task in tasks]


def test_the_context_of_the_more_urgent_task_takes_the_gpu_at_once() -> None:
    trace = run(board([POSE, SEGMENT], offsets=(3, 0)), scheduler="gcaps-style", until="10 ms")
    assert spans(trace) == [
        ("segment", "cpu1", 0, 3), ("segment", "gpu", 3, 5), ("pose", "cpu0", 3, 5),
        ("pose", "gpu", 5, 9), ("segment", "gpu", 9, 17),
    ]  # fmt: skip
    assert worst(trace) == gcaps(SharedAccelerator((POSE, SEGMENT), "gcaps")).responses == [6, 17]


def test_an_update_of_the_runlist_is_paid_with_each_switch() -> None:
    # segment's work on the GPU begins at 4; pose's is [6, 10) after an update; another one, and nine are left
    trace = run(board([POSE, SEGMENT], 1, (3, 0)), scheduler="gcaps-style", until="10 ms")
    assert worst(trace) == [7, 20]
    assert gcaps(SharedAccelerator((POSE, SEGMENT), "gcaps", epsilon=1)).responses == [10, 29]


def drawn(seed: int) -> tuple[list[GpuTask], tuple[float, ...]]:
    draw = random.Random(seed)
    tasks = [
        GpuTask(
            f"t{number}",
            draw.choice(("cpu0", "cpu1")),
            C=draw.randint(3, 6),
            T=(period := draw.choice((30, 40, 60, 80))),
            D=period,
            segments=tuple(draw.randint(1, 5) for _ in range(draw.randint(0, 2))),
        )
        for number in range(4)
    ]
    tasks.sort(key=lambda task: task.T)
    return tasks, tuple(draw.randint(0, 20) for _ in tasks)


def test_no_run_is_beyond_the_bounds_of_the_theorem() -> None:
    accepted = 0
    for seed in range(24):
        tasks, offsets = drawn(seed)
        if len({task.core for task in tasks}) < 2 or not any(task.segments for task in tasks):
            continue
        for epsilon in (0, 1):
            result = gcaps(SharedAccelerator(tuple(tasks), "gcaps", epsilon=epsilon))
            if result.verdict != "schedulable":
                continue
            trace = run(board(tasks, epsilon, offsets), scheduler="gcaps-style", until="480 ms")
            for seen, bound in zip(worst(trace), result.responses, strict=True):
                assert bound is not None
                assert seen <= bound
            accepted += 1
    assert accepted > 15


@pytest.mark.parametrize("seed", range(4))
def test_on_preemptive_processors_it_is_fixed_priorities(seed: int) -> None:
    tasks, offsets = drawn(seed)
    mine, fixed = (
        run(board(tasks, 0, offsets), scheduler=policy, until="240 ms")
        for policy in ("gcaps-style", {"ordering": "fp", "placement": "pinned"})
    )
    assert spans(mine) == spans(fixed)


def test_a_task_computes_on_one_core_the_least_loaded_by_priority() -> None:
    text = """
platform: {processors: {cpu: {cores: 2}, gpu: {kind: gpu, service: preemptive}}}
tasks:
  - {name: a, graph: {nodes: {c: {wcet: {cpu: 4 ms}}, g: {wcet: {gpu: 1 ms}}, d: {wcet: {cpu: 4 ms}}}, edges: [[c, g], [g, d]]}, period: 20 ms}
  - {name: b, wcet: {cpu: 2 ms}, period: 20 ms}
  - {name: c, wcet: {cpu: 3 ms}, period: 20 ms}
"""
    trace = run(text, scheduler="gcaps-style", until="10 ms")
    assert spans(trace) == [
        ("a", "cpu0", 0, 4), ("b", "cpu1", 0, 2), ("c", "cpu1", 2, 5), ("a", "gpu", 4, 5), ("a", "cpu0", 5, 9),
    ]  # fmt: skip


def test_kernels_that_run_end_on_a_gpu_with_streams_and_nodes_on_others() -> None:
    kernels = "kernels: [" + ", ".join(["{blocks: 2, threads: 1024, time: 1 ms}"] * 4) + "], period: 100 ms"
    streams = f"""
platform: {{processors: {{gpu: {{kind: gpu, block_level: {{sms: 2, threads: 1024, streams: 2}}}}}}}}
tasks:
  - {{name: high, {kernels}, offset: 1.5 ms}}
  - {{name: low, {kernels}}}
"""
    assert spans(run(streams, scheduler="gcaps-style", until="20 ms")) == [
        ("low", "gpu.0", 0, 2), ("high", "gpu.1", 1.5, 6), ("low", "gpu.0", 6, 8)
    ]  # fmt: skip
    whole = run(board([POSE, SEGMENT], offsets=(3, 0), service="node"), scheduler="gcaps-style", until="10 ms")
    assert worst(whole) == [14, 13]  # pose asks at 5, and waits for the node of segment until 13


def proof(text: str) -> Verification:
    return verify(loaded(text.replace("simulate: {drain: all}\n", "")).system, scheduler="gcaps-style", runs=4)


def test_it_is_proven_with_two_starts_inside_each_node() -> None:
    found = proof(board([POSE, SEGMENT]))
    assert found.verdict == "schedulable"
    assert [bound.wcrt for bound in found.bounds] == [6 * MS, 17 * MS]
    assert found.analysis.parts[0].proven_by() == ["gcaps"]
    switched = proof(board([POSE, SEGMENT], epsilon=1))  # 2 + 6; 3 + 12 + 2 * 6
    assert [bound.wcrt for bound in switched.bounds] == [8 * MS, 27 * MS]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("service: preemptive", "service: node", "cannot be preempted everywhere"),
        ("{cpu0: 2 ms}", "{cpu0: 2 ms, cpu1: 2 ms}", "may use only some of the processors"),
        ("edges: [[c0, g0]]", "edges: []", "may run side by side"),
        ("offset: 0.0 ms", "jitter: 1 ms", "has a trigger or jitter"),
        ("{cpu1: 3 ms}", "{npu: 3 ms}", "uses 2 accelerators"),
    ],
)
def test_what_the_theorem_does_not_know_is_unknown(old: str, new: str, why: str) -> None:
    text = board([POSE, SEGMENT]).replace("    cpu0: {}", "    npu: {kind: npu, service: preemptive}\n    cpu0: {}")
    assert old in text
    found = proof(text.replace(old, new))
    assert found.verdict == "unknown"
    assert why in found.analysis.parts[0].result.reason


def test_no_run_on_drawn_systems_beats_a_bound() -> None:
    assert bounds_that_hold("contexts", range(5))


@pytest.mark.slow
def test_no_run_on_many_drawn_systems_beats_a_bound() -> None:
    assert bounds_that_hold("contexts", range(2000)) > 500


def test_a_bound_without_the_other_contexts_is_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "_more_urgent_contexts", lambda model, index, known: [])
    assert any(each.kind == "bound" for number in range(12) for each in examined("contexts", number).violations)


def test_it_runs_on_the_catalogue_and_needs_an_accelerator() -> None:
    for name in ("adas_agx_orin", "gpu_priorities", "priority_inversion_accelerator"):
        trace: Any = simulate(load(name), scheduler="gcaps-style", until="300 ms")
        assert trace.check() == []
    with pytest.raises(SchedulerError, match="gcaps-style: it shares accelerators"):
        simulate(load("dhall"), scheduler="gcaps-style")
