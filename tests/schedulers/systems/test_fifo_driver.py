"""A driver with one queue: requests in the order in which they come, and tasks that let others compute, or spin."""

from __future__ import annotations

import pytest

from rtsched import InputError, SchedulerError, load, simulate
from rtsched.schedulability.theorems import accelerators
from rtsched.schedulability.theorems.accelerators import GpuTask, SharedAccelerator, fifo_accelerator_tasks
from rtsched.units import MS
from rtsched.verify.verification import Verification, verify
from tests.chips import loaded, run
from tests.schedulability.drawn_policies import bounds_that_hold, examined
from tests.schedulers.systems.test_gcaps import board, spans

URGENT = GpuTask("urgent", "cpu0", C=1, T=30, D=30, segments=(2,))
REMOTE = GpuTask("remote", "cpu1", C=1, T=30, D=30, segments=(5,))
LATE = GpuTask("late", "cpu0", C=4, T=60, D=60)


def test_an_urgent_request_waits_behind_one_that_came_before() -> None:
    text = board([URGENT, REMOTE, LATE], offsets=(1, 0, 0), service="node")
    trace = run(text, scheduler="fifo-driver", until="10 ms")
    assert spans(trace) == [
        ("late", "cpu0", 0, 1), ("remote", "cpu1", 0, 1), ("remote", "gpu", 1, 6), ("urgent", "cpu0", 1, 2),
        ("late", "cpu0", 2, 5), ("urgent", "gpu", 6, 8),
    ]  # fmt: skip
    assert fifo_accelerator_tasks(SharedAccelerator((URGENT, REMOTE, LATE), "fifo")).responses == [8, 8, 12]


def test_who_spins_keeps_the_core_from_less_urgent_tasks_only() -> None:
    text = board([URGENT, REMOTE, LATE], offsets=(1, 0, 0), service="node")
    spinning = {"name": "fifo-driver", "waiting": "spin"}
    assert spans(run(text, scheduler=spinning, until="10 ms")) == [
        ("late", "cpu0", 0, 1), ("remote", "cpu1", 0, 1), ("remote", "gpu", 1, 6), ("urgent", "cpu0", 1, 2),
        ("urgent", "gpu", 6, 8), ("late", "cpu0", 8, 11),
    ]  # fmt: skip
    first = board([URGENT, REMOTE, LATE], offsets=(0, 0, 3), service="node").replace(
        "name: late,", "name: late, priority: -1,"
    )
    assert ("late", "cpu0", 3, 7) in spans(run(first, scheduler=spinning, until="10 ms"))


def test_a_task_that_begins_with_a_request_takes_the_core_to_spin() -> None:
    text = """
platform: {processors: {cpu: {}, npu: {kind: npu}}}
simulate: {drain: all}
tasks:
  - {name: ask, graph: {nodes: {g: {wcet: {npu: 3 ms}}, c: {wcet: {cpu: 1 ms}}}, edges: [[g, c]]}, period: 20 ms, offset: 1 ms}
  - {name: low, wcet: {cpu: 2 ms}, period: 20 ms}
"""
    assert spans(run(text, scheduler={"name": "fifo-driver", "waiting": "spin"}, until="10 ms")) == [
        ("low", "cpu", 0, 1), ("ask", "npu", 1, 4), ("ask", "cpu", 4, 5), ("low", "cpu", 5, 6),
    ]  # fmt: skip


def proof(text: str, **options: object) -> Verification:
    spec = loaded(text.replace("simulate: {drain: all}\n", "")).system
    return verify(spec, scheduler={"name": "fifo-driver", **options}, runs=4)


@pytest.mark.parametrize("waiting", ["suspend", "spin"])
def test_it_is_proven_whichever_way_tasks_wait(waiting: str) -> None:
    found = proof(board([URGENT, REMOTE, LATE], service="node"), waiting=waiting)
    assert found.verdict == "schedulable"
    assert [bound.wcrt for bound in found.bounds] == [8 * MS, 8 * MS, 12 * MS]
    assert {bound.test for bound in found.bounds} == {"fifo-accelerator-tasks"}


def test_two_accelerators_have_a_queue_each() -> None:
    near = GpuTask("near", "cpu0", C=1, T=30, D=30, segments=(5,))
    text = board([URGENT, near, LATE], service="node").replace("    cpu0: {}", "    npu: {kind: npu}\n    cpu0: {}")
    found = proof(text.replace("gpu: 5 ms", "npu: 5 ms"))
    assert [bound.wcrt for bound in found.bounds] == [3 * MS, 9 * MS, 13 * MS]  # 1 + 2; 1 + 5 + 3; 4 + 3 + 6
    assert "each of 'gpu' and 'npu' serves" in " ".join(item.text for item in found.analysis.parts[0].view.assumptions)


def test_late_tasks_leave_the_bounds_of_others_unless_they_are_stopped() -> None:
    late = GpuTask("remote", "cpu1", C=4, T=9, D=9, segments=(6,))
    text = board([URGENT, late], service="node")
    found = proof(text)
    assert found.verdict != "schedulable"
    assert found.analysis.proves(0)
    assert not proof(text.replace("name: remote,", "name: remote, on_miss: abort,")).analysis.proves(0)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("{cpu0: 1 ms}", "{cpu0: 1 ms, cpu1: 1 ms}", "may use only some of the processors"),
        ("edges: [[c0, g0]]", "edges: []", "may run side by side"),
        ("offset: 0.0 ms", "jitter: 1 ms", "has a trigger or jitter"),
        ("{cpu1: 1 ms}", "{npu: 1 ms}", "uses 2 accelerators"),
        ("{cpu0: 4 ms}", "{cpu0: 4 ms}, preemptive: false", "cannot be preempted everywhere on its core"),
        ("offset: 0.0 ms", "overlap: true", "may overlap"),
        ("tasks:", "faults: [{processor: gpu, at: 5 ms, lasts: 1 ms}]\ntasks:", "may fail"),
        ("tasks:", "planner: {core: cpu1, cost: 1 us}\ntasks:", "planner"),
    ],
)
def test_what_the_theorem_does_not_know_is_unknown(old: str, new: str, why: str) -> None:
    text = board([URGENT, REMOTE, LATE], service="node")
    text = text.replace("    cpu0: {}", "    npu: {kind: npu}\n    cpu0: {}")
    assert old in text
    found = proof(text.replace(old, new))
    assert found.verdict == "unknown"
    assert why in found.analysis.parts[0].result.reason


def test_no_run_on_drawn_systems_beats_a_bound() -> None:
    assert bounds_that_hold("drivers", range(2))


@pytest.mark.slow
def test_no_run_on_many_drawn_systems_beats_a_bound() -> None:
    assert bounds_that_hold("drivers", range(1500)) > 500


def test_a_bound_without_the_other_clients_is_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    access = accelerators._access
    monkeypatch.setattr(
        accelerators, "_access", lambda *args: tuple(part for part in access(*args) if part.kind != "blocking")
    )
    assert any(each.kind == "bound" for number in range(30) for each in examined("drivers", number).violations)


def test_it_runs_on_the_catalogue_and_needs_an_accelerator() -> None:
    for name in ("adas_agx_orin", "priority_inversion_accelerator"):
        assert simulate(load(name), scheduler="fifo-driver", until="200 ms").check() == []
    with pytest.raises(SchedulerError, match="fifo-driver: it shares accelerators"):
        simulate(load("dhall"), scheduler="fifo-driver")
    with pytest.raises(InputError, match="waiting: must be suspend or spin"):
        simulate(load("dhall"), scheduler={"name": "fifo-driver", "waiting": "sleep"})
