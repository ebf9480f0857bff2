"""A proof rests on a list of what it models: every field of a lowered system is claimed, and what is not is unknown."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import BaseModel

from rtsched import api
from rtsched.errors import SoundnessError
from rtsched.model.memory import Memory
from rtsched.model.platform import Cluster, Platform
from rtsched.model.policy import Policy
from rtsched.model.power import PowerOptions
from rtsched.model.system import System
from rtsched.model.taskgraph import HardwareSpec, NodeHardware, NodeSpec, ProcessorSpec, SystemSpec, TaskSpec, UnitSpec
from rtsched.registry import REGISTRY
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.lowering import claims
from rtsched.schedulability.lowering.claims import CLAIMS, harmless, names, opened
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.verify.verification import verify

PLAIN: dict[str, Any] = {
    "platform": {"name": "chip", "processors": {"cpu": {}}},
    "scheduler": {"ordering": "fp"},
    "tasks": [{"name": "a", "wcet": 2_000_000, "period": 10_000_000}],
}


def lowered(**changes: Any) -> tuple[SystemSpec, Policy]:
    loaded = api.load(System.model_validate(PLAIN | changes))
    return loaded.lower(), api.policy(loaded.system.scheduler)


def kinds(hint: Any) -> set[type]:
    """The described classes that a type hint speaks of, inside tuples, dicts and unions, too."""
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias):
        return {hint} if issubclass(hint, BaseModel) or dataclasses.is_dataclass(hint) else set()
    return {kind for part in typing.get_args(hint) for kind in kinds(part)}


def hints(kind: type) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        return {name: each.annotation for name, each in kind.model_fields.items()}
    return typing.get_type_hints(kind)


def reachable() -> set[type]:
    """All classes whose fields proofs are answerable for: from the system and the policy through opened fields."""
    found: set[type] = set()
    open_ones: list[type] = [SystemSpec, Policy]
    while open_ones:
        kind = open_ones.pop()
        if kind in found:
            continue
        found.add(kind)
        for name, hint in hints(kind).items():
            claim = CLAIMS.get(kind, {}).get(name)
            if claim is None or claim.how == "opened":
                open_ones += kinds(hint)
    return found


@pytest.mark.parametrize("kind", sorted(reachable() | set(CLAIMS), key=lambda kind: kind.__name__))
def test_every_field_is_claimed_once(kind: type) -> None:
    """Whoever adds a field says in rtsched/schedulability/claims.py what proofs make of it."""
    assert kind in CLAIMS, f"{kind.__name__} is part of a lowered system; give it an entry in claims.CLAIMS"
    claimed, have = set(CLAIMS[kind]), set(names(kind))
    assert have - claimed == set(), f"{kind.__name__}: fields without a claim"
    assert claimed - have == set(), f"{kind.__name__}: claims without a field"
    assert kind in reachable(), f"{kind.__name__} is claimed and nothing holds it"


@dataclass(frozen=True, slots=True)
class Shiny(TaskSpec):
    """A task with a feature that no proof has heard of."""

    sparkle: int = 0


def test_a_field_that_nobody_claims_is_unknown_by_name() -> None:
    system, policy = lowered()
    assert analyse(system, policy).verdict == "schedulable"
    (task,) = system.tasks
    values = {each.name: getattr(task, each.name) for each in dataclasses.fields(task)}
    off = replace(system, tasks=(Shiny(**values),))
    assert analyse(off, policy).verdict == "schedulable"
    found = analyse(replace(system, tasks=(Shiny(**values, sparkle=3),)), policy)
    assert found.verdict == "unknown"
    assert "no analysis says what 'sparkle' of shiny 'a' means" in (found.parts[0].result.reason or "")


# ---- each judge is needed --------------------------------------------------------------------------------------------

MS = 10**6
FP = {"ordering": "fp"}
NPU = {"kind": "npu"}
BUS = {"bus": {"between": ["cpu", "npu"], "bandwidth": 10**9}}
CLOCKED = {"operating_points": [{"frequency": "500 MHz"}, {"frequency": "1 GHz"}], "power": {"active": "5 W"}}
HOT = {
    "node": {"resistance": 20, "capacitance": 0.01},
    "trips": [{"temperature": 40, "caps": {"cpu": "500 MHz"}}],
}
PAIRS = [{"victim": "npu", "beside": "cpu", "slowdown": 3}]


def a_task(name: str, wcet: Any, period: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "wcet": wcet, "period": period * MS, **more}


def on_cpu(*tasks: dict[str, Any], scheduler: Any = FP, **more: Any) -> dict[str, Any]:
    return {"platform": {"processors": {"cpu": {}}}, "scheduler": scheduler, "tasks": list(tasks)} | more


def on_npu(extra: dict[str, Any], *tasks: dict[str, Any], memory: Any = None, **more: Any) -> dict[str, Any]:
    chip = {"processors": {"npu": NPU | extra}} | ({} if memory is None else {"memory": memory})
    return {"platform": chip, "scheduler": FP, "tasks": list(tasks)} | more


def over_bus(link: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One task from the CPU over a link to the NPU."""
    graph = {"nodes": {"x": {"wcet": MS}, "y": {"wcet": {"npu": 2 * MS}}}, "edges": [["x", "y", 10**6]]}
    chip = {"processors": {"cpu": {}, "npu": NPU}, "links": {"bus": BUS["bus"] | (link or {})}}
    return {"platform": chip, "scheduler": FP, "tasks": [{"name": "a", "period": 20 * MS, "graph": graph}]} | more


def roaming() -> dict[str, Any]:
    """Two tasks whose second nodes may go to two clusters, one of them over a link: both choose it."""
    graph = {"nodes": {"x": {"wcet": MS}, "y": {"wcet": {"npu": 2 * MS, "dsp": 2 * MS}}}, "edges": [["x", "y", 8 * MS]]}
    chip = {"processors": {"cpu": {"cores": 2}, "npu": NPU | {"cores": 2}, "dsp": {"kind": "dsp"}}, "links": BUS}
    tasks = [{"name": name, "period": 60 * MS, "deadline": 16 * MS, "graph": graph} for name in "ab"]
    return {"platform": chip, "scheduler": FP, "tasks": tasks}


def on_streams() -> dict[str, Any]:
    kernel = {"blocks": 1, "threads": 1024, "time": 4 * MS}
    tasks = [
        {"name": name, "pin": f"gpu.{stream}", "period": 10 * MS, "deadline": 5 * MS, "kernels": [kernel]}
        for stream, name in enumerate("ab")
    ]
    gpu = {"kind": "gpu", "block_level": {"sms": 1, "threads": 1024, "streams": 2}}
    return {"platform": {"processors": {"gpu": gpu}}, "scheduler": FP, "tasks": tasks}


#: Fields whose judges are taken out together, and a system of which something wrong would then be proven.
NEEDED: dict[str, tuple[list[tuple[type, str]], dict[str, Any]]] = {
    "whole schedulers": (
        [(Policy, "whole")],
        on_cpu(
            a_task("b", 2 * MS, 10), a_task("c", 2 * MS, 10), a_task("a", 2 * MS, 10, deadline=4 * MS),
            scheduler="band-round-robin",
        ),
    ),
    "admissions": ([(Policy, "admission")], on_cpu(a_task("a", MS, 10), scheduler={"admission": "picky"})),
    "adaptations": ([(Policy, "adaptation")], on_cpu(a_task("a", MS, 10), scheduler={"adaptation": "picky"})),
    "arrivals": (
        [(TaskSpec, "arrival")],
        on_cpu(a_task("p", 2 * MS, 10, arrival={"kind": "poisson"}), a_task("b", 2 * MS, 10)),
    ),
    "copies": ([(NodeSpec, "copies")], roaming()),
    "resets": (
        [(ProcessorSpec, "reset")],
        on_npu(
            {"reset": 3 * MS},
            a_task("a", {"npu": 4 * MS}, 20, deadline=3 * MS, on_miss="abort"),
            a_task("b", {"npu": 2 * MS}, 20, deadline=7 * MS),
        ),
    ),
    "faults": ([(HardwareSpec, "faults")], over_bus(faults=[{"processor": "bus", "at": 25 * MS, "lasts": 30 * MS}])),
    "courses": ([(HardwareSpec, "courses")], over_bus({"trace": [{"at": 0, "bandwidth": 10**7}]})),
    "announced changes": (
        [(HardwareSpec, "environment"), (HardwareSpec, "courses")],
        over_bus(environment=[{"at": 5 * MS, "link": "bus", "bandwidth": 10**7}]),
    ),
    "clocks": (
        [(HardwareSpec, "power")],
        on_cpu(
            a_task("a", 6 * MS, 10), power={}, platform={"processors": {"cpu": CLOCKED | {"frequency_max": "2 GHz"}}}
        ),
    ),
    "heat": (
        [(PowerOptions, "thermal")],
        on_cpu(a_task("a", 8 * MS, 10), power={"thermal": HOT}, platform={"processors": {"cpu": CLOCKED}}),
    ),
    "heat of the platform": (
        [(Platform, "thermal")],
        on_cpu(a_task("a", 8 * MS, 10), power={}, platform={"processors": {"cpu": CLOCKED}, "thermal": HOT}),
    ),
    "blocks side by side": ([(UnitSpec, "block_level")], on_streams()),
    "contention": (
        [(Memory, "contention"), (NodeHardware, "memory")],
        {
            "platform": {
                "processors": {"cpu": {}, "npu": NPU},
                "memory": {"bandwidth": 10**10, "contention": {"model": "pairwise", "pairs": PAIRS}},
            },
            "scheduler": FP,
            "tasks": [
                a_task("a", 9 * MS, 10, memory={"bound": 0.5, "demand": 10**9}),
                a_task("b", {"npu": 5 * MS}, 10),
            ],
        },
    ),
    "contexts": (
        [(Cluster, "contexts")],
        on_npu(
            {"contexts": 2},
            a_task("a", {"npu": 4 * MS}, 10, pin="npu.0", deadline=5 * MS),
            a_task("b", {"npu": 4 * MS}, 10, pin="npu.1"),
        ),
    ),
    "weights on the chip": (
        [(Cluster, "weights")],
        on_npu(
            {"weights": {"capacity": 5 * 10**6, "bandwidth": 10**9}},
            a_task("a", {"npu": 3 * MS}, 10, weights=5 * 10**6),
            a_task("b", {"npu": 3 * MS}, 20, weights=5 * 10**6),
        ),
    ),
    "weights out of storage": (
        [(Memory, "load_bandwidth")],
        on_npu(
            {},
            a_task("a", {"npu": 3 * MS}, 10, weights=5 * 10**6),
            a_task("b", {"npu": 3 * MS}, 20, weights=5 * 10**6),
            memory={"capacity": 5 * 10**6, "load_bandwidth": 10**9},
        ),
    ),
}  # fmt: skip


class Picky(Adaptation):
    """Drops every job: as an admission, or as an adaptation."""

    def on_release(self, job: Any) -> None:
        """Away with it."""
        self.soc.drop(job)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type, str], None]]:
    """Takes the judge of a field out."""
    for kind in ("admission", "adaptation"):
        monkeypatch.setitem(REGISTRY.own, (kind, "picky"), Picky)

    def forget(kind: type, name: str) -> None:
        old = CLAIMS[kind][name]
        monkeypatch.setitem(CLAIMS[kind], name, opened() if old.how == "opened" else harmless("planted"))
        claims._claims.cache_clear()

    yield forget
    monkeypatch.undo()
    claims._claims.cache_clear()


@pytest.mark.parametrize("what", NEEDED)
def test_without_its_judge_something_wrong_would_be_proven(what: str, planted: Callable[[type, str], None]) -> None:
    """The judge says unknown; without it a simulation beats the proof."""
    taken_out, document = NEEDED[what]
    assert verify(document, runs=0).verdict == "unknown"
    for kind, name in taken_out:
        planted(kind, name)
    with pytest.raises(SoundnessError):
        verify(document, runs=5)
