"""The bounds for shared accelerators beside the worst case, found by trying all sporadic arrivals of small systems."""

from __future__ import annotations

import random

import pytest

from rtsched.schedulability.theorems import accelerators
from rtsched.schedulability.theorems.accelerators import GpuTask, SharedAccelerator, gcaps
from tests.schedulability.exhaustive_accelerators import Search
from tests.schedulability.test_accelerator_bounds import THEOREMS


def small(seed: int, policy: str, most: int = 3) -> SharedAccelerator:
    """Two or three tasks of a few ticks on two cores."""
    rng = random.Random(seed)
    tasks = []
    for index in range(rng.randint(2, most)):
        T = rng.randint(6, 14)
        segments = tuple(rng.randint(1, 3) for _ in range(rng.choice((0, 1, 1, 1, 2))))
        C = rng.randint(0 if segments else 1, 2)
        tasks.append(GpuTask("abc"[index], f"cpu{rng.randint(0, 1)}", C, T, T, segments))
    epsilon = 0 if policy == "time-slicing" else rng.randint(0, 1)
    Lts, theta = (rng.randint(1, 2), rng.choice((0, 2))) if policy == "time-slicing" else (0, 0)
    core = rng.choice(("", "cpu0")) if policy == "server" else ""
    return SharedAccelerator(tuple(tasks), policy, epsilon, theta, Lts, server_core=core)  # type: ignore[arg-type]


def compared(policy: str, seeds: range, spins: bool = False) -> tuple[int, int, int, int]:
    """How many systems are accepted, how many of their bounds are beaten, how many are attained, of how many."""
    systems = beaten = attained = bounds = 0
    for seed in seeds:
        model = small(seed, policy)
        result = THEOREMS[policy](model)
        if result.verdict != "schedulable":
            continue
        worst = Search(model, spins=spins).worst()
        assert worst is not None, (seed, model)
        pairs = list(zip(worst, result.responses, strict=True))
        systems += 1
        beaten += sum(bound is None or found > bound for found, bound in pairs)
        attained += sum(found == bound for found, bound in pairs)
        bounds += len(pairs)
    return systems, beaten, attained, bounds


@pytest.mark.parametrize(("policy", "spins"), [*((policy, False) for policy in THEOREMS), ("fifo", True)])
def test_no_sporadic_arrivals_at_all_beat_a_bound_and_many_bounds_are_attained(policy: str, spins: bool) -> None:
    systems, beaten, attained, bounds = compared(policy, range(30), spins)
    assert systems > 8
    assert beaten == 0
    assert attained > bounds / 3  # the comparison has teeth


@pytest.mark.slow
@pytest.mark.parametrize("policy", THEOREMS)
def test_no_arrivals_beat_a_bound_of_many_systems(policy: str) -> None:
    systems, beaten, _, _ = compared(policy, range(1500))
    assert systems > 500
    assert beaten == 0


@pytest.mark.parametrize("policy", ["server", "gcaps", "time-slicing"])
def test_a_bound_without_the_segments_is_beaten(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = accelerators._own
    monkeypatch.setattr(accelerators, "_own", lambda model, task: own(model, task)[:1])
    assert compared(policy, range(10))[1] > 0


def test_gcaps_rests_on_contexts_that_leave_when_their_segment_ends() -> None:
    """Where a task has to end it by an update of its own, x delays that, and c waits for an accelerator that stands."""
    tasks = (
        GpuTask("x", "cpu0", 6, 14, 14),
        GpuTask("h", "cpu0", 0, 22, 22, (2,)),
        GpuTask("c", "cpu1", 0, 22, 22, (3,)),
    )
    model = SharedAccelerator(tasks, "gcaps", epsilon=1)
    assert gcaps(model).responses == [7, 12, 11]
    assert Search(model, short=False).worst() == [6, 10, 7]
    assert Search(model, short=False, lingers=True).worst() == [6, 10, 14]
