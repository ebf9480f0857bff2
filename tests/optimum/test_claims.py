"""The optimum rests on a list of what it models: every field of a lowered system is claimed, and others are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.errors import InputError
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.optimum.claims import CLAIMS, relaxations
from rtsched.schedulability.lowering import claims as proofs
from rtsched.schedulability.lowering.claims import names
from tests.schedulability.lowering.test_claims import hints, kinds

PLAIN: dict[str, Any] = {
    "platform": {"name": "chip", "processors": {"cpu": {}, "npu": {"kind": "npu"}}},
    "scheduler": "edf",
    "tasks": [{"name": "a", "wcet": {"cpu": "2 ms"}, "period": "10 ms"}],
}


#: Two processors of which one is quicker while the other works: a measured pair that gains.
GAINS = PLAIN | {
    "platform": {
        "name": "chip",
        "processors": {"cpu": {}, "npu": {"kind": "npu"}},
        "memory": {"contention": {
            "model": "pairwise", "speedups": True, "pairs": [{"victim": "cpu", "beside": "npu", "slowdown": 0.9}]}},
    },
}  # fmt: skip


def task(**changes: Any) -> dict[str, Any]:
    return PLAIN | {"tasks": [PLAIN["tasks"][0] | changes]}


def reachable() -> set[type]:
    found: set[type] = set()
    open_ones: list[type] = [SystemSpec]
    while open_ones:
        kind = open_ones.pop()
        if kind not in found:
            found.add(kind)
            for name, hint in hints(kind).items():
                claim = CLAIMS.get(kind, {}).get(name)
                if claim is None or claim.how == "opened":
                    open_ones += kinds(hint)
    return found


@pytest.mark.parametrize("kind", sorted(reachable(), key=lambda kind: kind.__name__))
def test_every_field_is_claimed(kind: type) -> None:
    """Whoever adds a field says in rtsched/optimum/claims.py whether a policy may reach more through it."""
    assert kind in CLAIMS, f"{kind.__name__} is part of a lowered system; give it an entry in claims.CLAIMS"
    assert set(CLAIMS[kind]) == set(names(kind))


def test_what_proofs_claim_of_hardware_and_tasks_is_claimed_here() -> None:
    described = {kind for kind in proofs.CLAIMS if kind.__module__ == "rtsched.model.taskgraph"}
    assert described <= set(CLAIMS)


def test_a_field_that_nobody_claims_is_refused_by_name() -> None:
    @dataclass(frozen=True)
    class Newer(TaskSpec):
        twice_as_fast: bool = False

    spec = api.load(PLAIN).lower()
    old = spec.tasks[0]
    values = {name: getattr(old, name) for name in names(TaskSpec)}
    assert relaxations(replace(spec, tasks=(Newer(**values),))) == ()
    with pytest.raises(InputError, match="the optimum does not know 'twice_as_fast'"):
        relaxations(replace(spec, tasks=(Newer(**values, twice_as_fast=True),)))


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (task(arrival={"kind": "spawned"}, period=None, deadline="9 ms"), "its jobs are released by the policy"),
        (task(batch={2: 1.5}), "a batch takes less than its members one by one"),
        (
            task(wcet={"cpu": "2 ms", "npu": "1 ms"}, split={"join": "1 us"}),
            "a node that is split runs on several processors",
        ),
        (PLAIN | {"faults": [{"processor": "cpu", "at": "1 ms"}]}, "processor 'cpu' may fail"),
        (GAINS, "work gains by who runs beside it"),
        ("gpu_priorities", "kernels of a GPU served block by block run side by side"),
        ("offload_wifi", "the bandwidth of link 'wifi' varies with time"),
    ],
)
def test_what_may_give_policies_more_is_refused(system: Any, words: str) -> None:
    with pytest.raises(InputError, match="no bound on what policies can reach is known here: .*" + words):
        rtsched.optimum(system, until="20 ms")


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (PLAIN | {"overheads": {"migration": "1 us"}}, "switches, migrations and decisions cost nothing"),
        (PLAIN | {"faults": [{"processor": "cpu", "at": "1 ms", "speed": 0.5}]}, "nothing slows down"),
        (PLAIN | {"faults": [{"processor": "npu", "at": "1 ms"}]}, None),
        (task(accuracy=0.9, decay="1 ms"), "a late answer keeps its whole worth"),
        (task(on_miss="skip_next"), "a job that is given up skips none"),
        ("priority_inversion_lock", "locks: no resource is held"),
        ("model_switching", "weights are loaded in no time"),
        ("memory_contention", "users of the memory do not slow each other"),
        ("throttling_865", "every clock stands at its highest"),
    ],
)
def test_what_only_slows_or_forbids_is_left_out_and_said(system: Any, words: str | None) -> None:
    found = relaxations(api.load(system).lower())
    assert (words is None and not found) or any(words is not None and words in each for each in found)
