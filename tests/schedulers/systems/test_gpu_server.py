"""The GPU server: whole requests by priority, one after the other, and what the server computes for each."""

from __future__ import annotations

import pytest

from rtsched import SchedulerError, load, simulate
from rtsched.schedulability.search.margins import scaled
from rtsched.schedulability.theorems import accelerators
from rtsched.schedulability.theorems.accelerators import GpuTask, SharedAccelerator, gpu_server
from rtsched.units import MS
from rtsched.verify.verification import Verification, verify
from tests.chips import loaded, run
from tests.schedulability.drawn_policies import examined
from tests.schedulers.systems.test_gcaps import board, spans

NET = GpuTask("net", "cpu0", C=2, T=30, D=30, segments=(3, 1))
MAP = GpuTask("map", "cpu1", C=2, T=50, D=50, segments=(5,))
SERVER = "  - {name: server, wcet: {cpu1: 1 ms}, arrival: {kind: spawned}, deadline: 10 ms}\n"
SERVED = {"name": "gpu-server", "server": "server"}


def text(offsets: tuple[float, ...] = (), server: str = "", service: str = "node") -> str:
    """Two clients, and perhaps a server on the core of the second one."""
    return board([NET, MAP], offsets=offsets, service=service) + server


def test_the_most_urgent_request_is_next_and_none_is_preempted() -> None:
    # map asks at 2, before the second request of net
    trace = run(text(offsets=(1.5, 0)), scheduler="gpu-server", until="10 ms")
    assert spans(trace) == [
        ("map", "cpu1", 0, 2), ("net", "gpu", 1.5, 4.5), ("net", "gpu", 4.5, 5.5), ("map", "gpu", 5.5, 10.5),
        ("net", "cpu0", 5.5, 7.5),
    ]  # fmt: skip


def test_the_server_computes_before_and_after_each_request() -> None:
    found = spans(run(text(offsets=(0, 0), server=SERVER), scheduler=SERVED, until="16 ms"))
    assert found == [
        ("server", "cpu1", 0, 1), ("net", "gpu", 1, 4), ("map", "cpu1", 1, 3), ("server", "cpu1", 4, 5),
        ("server", "cpu1", 5, 6), ("net", "gpu", 6, 7), ("server", "cpu1", 7, 8), ("net", "cpu0", 8, 10),
        ("server", "cpu1", 8, 9), ("map", "gpu", 9, 14), ("server", "cpu1", 14, 15),
    ]  # fmt: skip


def proof(document: str, **options: str) -> Verification:
    spec = loaded(document.replace("simulate: {drain: all}\n", "")).system
    return verify(spec, scheduler={"name": "gpu-server", **options}, runs=4)


def test_it_is_proven_with_and_without_a_task_for_the_server() -> None:
    found = proof(text(server=SERVER), server="server")
    model = SharedAccelerator((NET, MAP), "server", 1, server="server", server_core="cpu1", server_D=10)
    assert found.verdict == "schedulable"
    assert [bound.wcrt for bound in found.bounds] == [bound * MS for bound in gpu_server(model).responses]
    alone = proof(text())
    assert [bound.wcrt for bound in alone.bounds] == [
        bound * MS for bound in gpu_server(SharedAccelerator((NET, MAP), "server")).responses
    ]
    assert scaled(model, task="server", C=3).epsilon == 3
    assert scaled(model, task="net", C=3).epsilon == 1


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("arrival: {kind: spawned}", "period: 90 ms", "no task 'server' with"),
        ("server: server", "server: other", "'server' is released by the policy"),
        ("{cpu1: 1 ms}", "{gpu: 1 ms}", "computes on cores, and may use something else"),
        ("gpu: 5 ms", "npu: 5 ms", "may use 2 accelerators"),
    ],
)
def test_a_server_that_is_none_is_refused_by_the_run_and_unknown_to_the_proof(old: str, new: str, why: str) -> None:
    document = text(server=SERVER).replace("    cpu0: {}", "    npu: {kind: npu}\n    cpu0: {}")
    document = document.replace("tasks:", "scheduler: {name: gpu-server, server: server}\ntasks:")
    assert old in document
    system = loaded(document.replace(old, new)).system
    with pytest.raises(SchedulerError, match=why):
        simulate(system, until="10 ms")
    found = verify(system.model_copy(update={"simulate": system.simulate}), runs=0)
    assert found.verdict == "unknown"
    assert why in found.analysis.parts[0].result.reason


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("deadline: 10 ms}", "deadline: 0.5 ms}", "takes longer than its own deadline"),
        ("wcet: {cpu1: 1 ms}", "graph: {nodes: {a: {wcet: {cpu1: 1 ms}}, b: {wcet: {cpu1: 1 ms}}}}", "is a graph"),
        ("[g0, g1], ", "", "may run side by side"),
    ],
)
def test_what_the_theorem_does_not_know_is_unknown(old: str, new: str, why: str) -> None:
    document = text(server=SERVER)
    assert old in document, document
    found = proof(document.replace(old, new), server="server")
    assert found.verdict != "schedulable"
    assert why in found.analysis.parts[0].result.reason


def test_a_bound_without_the_server_on_its_core_is_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "_server_wait", lambda model, index, known: [])
    assert any(each.kind == "bound" for number in range(30) for each in examined("drivers", number).violations)


def test_it_runs_on_the_catalogue_and_needs_an_accelerator() -> None:
    for name in ("adas_agx_orin", "gpu_priorities", "priority_inversion_accelerator"):
        assert simulate(load(name), scheduler="gpu-server", until="200 ms").check() == []
    with pytest.raises(SchedulerError, match="gpu-server: it shares accelerators"):
        simulate(load("dhall"), scheduler="gpu-server")
