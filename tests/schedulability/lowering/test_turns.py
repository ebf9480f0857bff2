"""Who shares an accelerator by the file alone: contexts in turns, and clusters with queues of their own."""

from __future__ import annotations

import pytest

from rtsched.schedulability.lowering import accelerators
from rtsched.schedulability.theorems.accelerators import SharedAccelerator
from rtsched.units import MS
from rtsched.verify.verification import Verification, verify
from tests.chips import loaded
from tests.schedulability.drawn_policies import bounds_that_hold, examined

TURNS = """
platform:
  processors:
    cpu: {cores: 2}
    gpu: {kind: gpu, block_level: {sms: 2, streams: 3, time_slice: 2 ms, context_switch: 0.1 ms}}
scheduler: {ordering: fp}
tasks:
  - {name: net, context: A, priority: 1, period: 30 ms, graph: {nodes: {c: {wcet: {cpu: 1 ms}, pin: cpu0}, g: {wcet: {gpu: 3 ms}}}, edges: [[c, g]]}}
  - {name: map, context: B, priority: 2, period: 50 ms, graph: {nodes: {c: {wcet: {cpu: 2 ms}, pin: cpu1}, g: {wcet: {gpu: 5 ms}}}, edges: [[c, g]]}}
  - {name: log, priority: 3, period: 90 ms, wcet: {cpu: 4 ms}, pin: cpu0}
"""
QUEUES = """
platform: {processors: {cpu: {cores: 2}, npu: {kind: npu}}}
scheduler: {cpu: {ordering: dm}, npu: {ordering: fifo}}
tasks:
  - {name: slow, period: 50 ms, graph: {nodes: {c: {wcet: {cpu: 2 ms}, pin: cpu0}, g: {wcet: {npu: 5 ms}}}, edges: [[c, g]]}}
  - {name: fast, period: 30 ms, graph: {nodes: {c: {wcet: {cpu: 1 ms}, pin: cpu0}, g: {wcet: {npu: 3 ms}}}, edges: [[c, g]]}}
"""


def proof(text: str, runs: int = 3) -> Verification:
    return verify(loaded(text).system, runs=runs)


def test_contexts_in_turns_are_proven_and_what_the_driver_does_is_declared() -> None:
    found = proof(TURNS)
    assert found.verdict == "schedulable"
    # 1 + 3 + 2 turns of the other, (2 + 2 0.1) each; 2 + 5 + 3 turns; 4 + 1
    assert [bound.wcrt for bound in found.bounds] == [int(each * MS) for each in (8.4, 13.6, 5)]
    declared = [item.text for item in found.analysis.parts[0].view.assumptions if item.status == "declared"]
    assert any("contexts have 'gpu' in turn" in text for text in declared)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("context: B", "context: A", "several tasks share a context"),
        ("streams: 3", "streams: 1", "1 streams for 2 tasks"),
        ("streams: 3", "streams: 3, null_stream: true", "NULL stream"),
        ("time_slice: 2 ms, context_switch: 0.1 ms", "mps: {A: 50, B: 50}", "belongs to a GPU served block by block"),
        (
            "g: {wcet: {gpu: 5 ms}}",
            "g: {kernels: [{copy: in, size: 1 MB}, {blocks: 2, threads: 64, time: 5 ms}]}",
            "copies",
        ),
        ("ordering: fp", "ordering: edf", "not under preemptive fixed priorities"),
        ("ordering: fp", "ordering: fp, preemption: nonpreemptive", "not under preemptive fixed priorities"),
        ("{ordering: fp}", "cbs", "not under preemptive fixed priorities"),
        ("period: 50 ms,", "period: 50 ms, jitter: 1 ms,", "trigger or jitter"),
        ("g: {wcet: {gpu: 5 ms}}", "g: {wcet: {gpu: 5 ms}, pin: gpu.1}", "only some of the"),
        ("scheduler:", "faults: [{processor: gpu, at: 1 ms, lasts: 1 ms}]\nscheduler:", "may fail"),
    ],
)
def test_kernels_that_may_meet_are_unknown(old: str, new: str, why: str) -> None:
    assert old in TURNS
    text = TURNS.replace(old, new).replace(
        "streams: 3", "streams: 3, copy_bandwidth: 1 GB/s" if "copy" in new else "streams: 3"
    )
    found = proof(text, runs=0)
    part = found.analysis.parts[found.analysis.parts.index(found.analysis.part_of("map"))]
    assert part.result.verdict == "unknown"
    assert why in part.result.reason


def test_a_bound_without_the_switches_is_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "turn", lambda gpu: (gpu.time_slice, 0))
    assert any(each.kind == "bound" for each in examined("slices", 2).violations)


def test_no_run_on_drawn_gpus_in_turns_beats_a_bound() -> None:
    assert bounds_that_hold("slices", range(1))


@pytest.mark.slow
def test_no_run_on_many_drawn_gpus_in_turns_beats_a_bound() -> None:
    assert bounds_that_hold("slices", range(600)) > 200


def models(found: Verification) -> list[SharedAccelerator]:
    return [
        model for part in found.analysis.parts for model in part.view.models if isinstance(model, SharedAccelerator)
    ]


def test_fixed_priorities_beside_a_fifo_queue_are_a_driver() -> None:
    found = proof(QUEUES)
    (model,) = models(found)
    assert [task.name for task in model.tasks] == ["fast", "slow"]  # by deadline on their core
    assert model.policy == "fifo"
    (part,) = found.analysis.parts
    (applied,) = [item for item in part.applied if item.theorem.name == "fifo-accelerator-tasks"]
    assert applied.result.responses == [9 * MS, 19 * MS]  # 1 + 3 + 5; 2 + 5 + 3 + (1 + 3 + 5)
    assert not models(proof(QUEUES.replace("ordering: fifo", "ordering: edf"), runs=0))
    assert not models(proof(QUEUES.replace("ordering: dm", "ordering: edf"), runs=0))
