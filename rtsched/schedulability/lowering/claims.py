"""What proofs know of a lowered system: every field that a file can set, and what the theorems' models make of it.

A field is *used* (it stands in a model), *harmless* (whatever it says, every bound holds, and why), *judged* (a
function says whether its value is inside the models) or *opened* (what it holds has claims of its own). A field that
nobody claims makes the verdict of every part that can meet it unknown, by name: so a new feature is never green by
default. ``tests/schedulability/lowering/test_claims.py`` walks all classes and fails on a field without a claim, or a
claim without a field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any

from pydantic import BaseModel

from rtsched.model import task as arrivals
from rtsched.model.memory import Memory
from rtsched.model.platform import Cluster, Link, Platform
from rtsched.model.policy import ClusterTraits, OrderingTraits, PlacementTraits, Policy
from rtsched.model.power import PowerOptions
from rtsched.model.quantities import QUANTITIES
from rtsched.model.system import Estimates, Overheads
from rtsched.model.taskgraph import (
    BranchSpec,
    ChainSpec,
    ExitSpec,
    HardwareSpec,
    NodeHardware,
    NodeSpec,
    ProcessorSpec,
    QualitySpec,
    SectionSpec,
    SystemSpec,
    TaskSpec,
    UnitSpec,
    VariantSpec,
)
from rtsched.schedulability.lowering import obstacles
from rtsched.schedulability.lowering.obstacles import Case, Obstacle

Judge = Callable[[Case, Any, Any], Obstacle | None]


@dataclass(frozen=True, slots=True)
class Claim:
    """What becomes of one field: how it is dealt with, in words; a `judge` where that depends on its value."""

    how: str
    why: str
    judge: Judge | None = None


def used(where: str) -> Claim:
    """It stands in the models."""
    return Claim("used", where)


def harmless(why: str) -> Claim:
    """Bounds hold whatever it says."""
    return Claim("harmless", why)


def judged(judge: Judge) -> Claim:
    """The judge says whether its value is inside the models."""
    return Claim("judged", (judge.__doc__ or "").strip(), judge)


def opened(judge: Judge | None = None) -> Claim:
    """What it holds is claimed field by field (after a judge, if any, has looked at the whole)."""
    return Claim("opened", "what it holds is claimed field by field", judge)


OPENED = opened()
LABEL = harmless("names a thing")
QUALITY = harmless("what an answer is worth; no instant depends on it")
ENERGY = harmless("energy is counted beside; no instant depends on it")
TIMES = used("inside the execution times, by the lowering")


TRUNCATED = {
    "kind": LABEL,
    "mean": harmless("C is the largest"),
    "std": harmless("C is the largest"),
    "low": harmless("C is the largest"),
    "high": used("C: the largest factor"),
}


def _contention(case: Case, owner: Any, value: Any) -> Obstacle | None:
    """A memory that slows its users down, where the platform has a model of that."""
    memory = None if case.system.hardware is None else case.system.hardware.platform.memory
    return None if memory is None or memory.contention is None else obstacles.of_contention(case, memory, value)


CLAIMS: dict[type, dict[str, Claim]] = {
    SystemSpec: {
        "processors": OPENED,
        "tasks": OPENED,
        "name": LABEL,
        "id": LABEL,
        "chains": OPENED,
        "protocols": used("blocking by locks (part, locks)"),
        "overheads": OPENED,
        "assumed": harmless("printed with every verdict"),
        "hardware": OPENED,
        "estimates": OPENED,
        "planner": judged(obstacles.of_planner),
        "reservable": harmless("set aside by policies that reserve; it holds nothing up by itself"),
    },
    Estimates: dict.fromkeys(
        ("bias", "noise", "learning", "staleness"),
        harmless(
            "policies' beliefs alone: EDF, FIFO and fixed priorities have none, and neither has packing; those that go "
            "by them are proven, if at all, for any order and the largest variant (EDZL has no order where they err: "
            "pieces)"
        ),
    ),
    Overheads: dict.fromkeys(("context_switch", "migration", "scheduling"), used("inside C (pieces)")),
    ProcessorSpec: {
        "index": LABEL,
        "name": LABEL,
        "cluster": LABEL,
        "kind": harmless("how it serves stands in service"),
        "service": used("preemption mode (pieces)"),
        "speed": TIMES,
        "context_switch": used("inside C (pieces)"),
        "migration": used("inside C (pieces)"),
        "blackouts": judged(obstacles.of_blackouts),
        "reset": judged(obstacles.of_reset),
    },
    TaskSpec: {
        "index": LABEL,
        "name": LABEL,
        "id": LABEL,
        "nodes": OPENED,
        "period": used("T"),
        "deadline": used("D"),
        "priority": used("the level of fixed priorities"),
        "offset": harmless("every phase is covered; the one that is declared, by phases as declared"),
        "jitter": used("J"),
        "release": used("an only arrival: T beyond all times, or the release of a job set"),
        "arrival": opened(obstacles.of_arrival),
        "execution": OPENED,
        "after": used("triggers (part)"),
        "probability": harmless("every completion is taken to release a job"),
        "criticality": harmless("no part of a composed policy reads it, on processors of one segment at a time"),
        "weight": harmless("no part of a composed policy that is proven reads it"),
        "on_miss": used("what drains after a miss (group); what is proven has none, nor a job that is late even alone"),
        "overlap": judged(obstacles.of_overlap),
        "budget": used("what a server limits its task to, where the policy has servers (planned)"),
        "server_period": used("how often a server has its budget (planned)"),
        "count": used("T for ever; noted as an assumption"),
        "on_fault": harmless("faults are judged"),
        "context": harmless("judged with the GPU that serves it"),
        "quality": OPENED,
        "branches": OPENED,
        "inputs": used("C: the largest recorded time of each node (pieces)"),
        "communication": used("when jobs read and write in chains; it changes no schedule (system_chains)"),
        "clock": used("phases that chains hold to; to the rest every phase is covered, so that no refusal is exact"),
        "origins": used("the basis of a verdict: what the execution times claim to be"),
        "misses": used("what is required of misses in a row; it changes no schedule (miss_windows)"),
    },
    NodeSpec: {
        "index": LABEL,
        "name": LABEL,
        "times": used("C"),
        "predecessors": used("edges"),
        "successors": used("edges"),
        "pinned": harmless("its times say where it may run"),
        "regions": used("regions (pieces)"),
        "sections": OPENED,
        "preemptive": used("preemption mode (pieces)"),
        "hardware": OPENED,
        "losses": QUALITY,
        "copies": judged(obstacles.of_copies),
        "batch": harmless("read by policies that start batches, which are whole schedulers"),
        "split": harmless("read by policies that split nodes, which are whole schedulers"),
        "speedup": harmless("read by policies that share units, which are whole schedulers"),
        "origins": used("the basis of a verdict: what the execution times claim to be"),
    },
    SectionSpec: dict.fromkeys(("resource", "start", "end"), used("blocking by locks (locks)")),
    NodeHardware: {
        "memory": judged(_contention),
        "kernels": used("C: their waves where kernels run one by one (kernels); judged with the GPU"),
        "energy": ENERGY,
        "edp": ENERGY,
        "network": LABEL,
        "weights": harmless("judged with the memory that holds them"),
        "state": harmless("read by checkpoints, which are judged"),
    },
    QualitySpec: {
        "accuracy": QUALITY,
        "measure": QUALITY,
        "variants": OPENED,
        "exits": OPENED,
        "switch": harmless("the largest variant of each node is taken"),
        "inside": judged(obstacles.of_switching),
        "shares": QUALITY,
        "correlation": QUALITY,
        "reliability": QUALITY,
        "predictor": QUALITY,
        "decay": QUALITY,
        "errors": QUALITY,
    },
    VariantSpec: {
        "index": LABEL,
        "name": LABEL,
        "nodes": OPENED,
        "accuracy": QUALITY,
        "skipped": used("a node that is skipped takes the least (pieces)"),
    },
    ExitSpec: dict.fromkeys(("index", "name", "node", "accuracy"), used("an exit only shortens; what drains (group)")),
    BranchSpec: dict.fromkeys(("node", "targets", "bounds", "by_difficulty"), harmless("all ways count (pieces)")),
    ChainSpec: {"id": LABEL}
    | dict.fromkeys(
        ("name", "tasks", *(each.key for each in QUANTITIES.values())), used("chain latency, and what is required")
    ),
    arrivals.Periodic: {"kind": LABEL},
    arrivals.Sporadic: {"kind": LABEL, "mean_extra": harmless("gaps only grow beyond T"), "max_gap": used("chains")},
    arrivals.Poisson: {"kind": LABEL},
    arrivals.Spawned: {"kind": LABEL},
    arrivals.Bursty: {"kind": LABEL, "states": harmless("judged with the task")},
    arrivals.TraceArrivals: {
        "kind": LABEL,
        "times": used("T: the smallest distance"),
        "file": harmless("read in"),
        "deadlines": used("D: the least; under EDF they have to be equal (part)"),
        "execution": used("C: the largest"),
    },
    arrivals.Constant: {"kind": LABEL},
    arrivals.Uniform: {"kind": LABEL, "low": harmless("C is the largest"), "high": used("C: the largest factor")},
    arrivals.Normal: TRUNCATED,
    arrivals.LogNormal: TRUNCATED,
    arrivals.Empirical: {
        "kind": LABEL,
        "samples": used("C: the largest sample"),
        "file": harmless("read in"),
        "column": harmless("read in"),
    },
    arrivals.Autocorrelated: {
        "kind": LABEL,
        "correlation": harmless("C is the largest of the marginal"),
        "marginal": OPENED,
    },
    HardwareSpec: {
        "platform": OPENED,
        "units": OPENED,
        "rated": harmless("which processors the other fields concern"),
        "power": opened(obstacles.of_power),
        "caps": harmless("clocks are judged with the power options"),
        "faults": judged(obstacles.of_faults),
        "environment": judged(obstacles.of_environment),
        "courses": judged(obstacles.of_courses),
    },
    UnitSpec: {
        "index": LABEL,
        "name": LABEL,
        "cluster": LABEL,
        "processors": LABEL,
        "description": OPENED,
        "block_level": judged(obstacles.of_blocks),
        "bandwidth": judged(obstacles.of_own_bandwidth),
    },
    PowerOptions: {
        "governor": harmless("judged with the clocks of the units"),
        "clusters": harmless("judged with the clocks of the units"),
        "mode": harmless("cores are those of the mode; clocks are judged"),
        "switch_latency": harmless("a clock that changes is judged"),
        "stall": harmless("a clock that changes is judged"),
        "thermal": judged(obstacles.of_heat),
        "battery": judged(obstacles.of_battery),
        "ambient": harmless("heat is judged"),
        "bytes_energy": ENERGY,
    },
    Cluster: {
        "kind": harmless("how it serves stands in service"),
        "cores": LABEL,
        "core": LABEL,
        "model": LABEL,
        "speed": TIMES,
        "speeds": TIMES,
        "service": used("preemption mode, as each processor has it"),
        "context_switch": used("inside C, as each processor has it"),
        "migration": used("inside C, as each processor has it"),
        "frequency_max": harmless("clocks are judged with the power options"),
        "frequency_domains": harmless("clocks are judged with the power options"),
        "operating_points": harmless("clocks are judged with the power options"),
        "switch_latency": harmless("clocks that change are judged with the power options"),
        "power": ENERGY,
        "threads": TIMES,
        "contexts": judged(obstacles.of_contexts),
        "sharing": harmless("contexts are judged"),
        "block_level": harmless("judged with the unit"),
        "checkpoint": judged(obstacles.of_checkpoint),
        "weights": judged(obstacles.of_weights),
        "reset": harmless("judged with each processor"),
        "driver": LABEL,
        "peak": LABEL,
        "facts": LABEL,
    },
    Platform: {
        "name": LABEL,
        "title": LABEL,
        "aliases": LABEL,
        "processors": harmless("opened with the units that a part uses"),
        "links": OPENED,
        "memory": OPENED,
        "base_power": ENERGY,
        "thermal": judged(obstacles.of_heat),
        "power_modes": harmless("the one that is chosen is inside the platform; its clocks are judged"),
        "notes": LABEL,
        "sources": LABEL,
        "assumed": LABEL,
    },
    Link: {
        "between": LABEL,
        "latency": TIMES,
        "bandwidth": TIMES,
        "trace": harmless("judged with the courses"),
        "markov": harmless("judged with the courses"),
    },
    Memory: {
        "bandwidth": harmless("read by the contention model, which is judged"),
        "capacity": harmless("read where weights are loaded, which is judged"),
        "load_bandwidth": judged(obstacles.of_loads),
        "contention": judged(obstacles.of_contention),
    },
    Policy: {
        "ordering": OPENED,
        "placement": OPENED,
        "preemption": used("preemption mode (pieces)"),
        "adaptation": judged(obstacles.of_adaptation),
        "admission": judged(obstacles.of_admission),
        "whole": judged(obstacles.of_whole),
        "plan": used("the models of a scheduler that is no composition (planned)"),
        "speed": judged(obstacles.of_speed),
        "acts": judged(obstacles.of_acts),
        "oracle": judged(obstacles.of_oracle),
        "clusters": OPENED,
        "others": harmless("what serves the clusters of a part is looked up before (view)"),
    },
    ClusterTraits: {
        "cluster": LABEL,
        "ordering": OPENED,
        "preemption": used("preemption mode, pool by pool (pieces)"),
        "acts": judged(obstacles.of_acts),
    },
    OrderingTraits: {
        "name": LABEL,
        "order": used("the order of every model"),
        "level": used("the order of tasks under fixed priorities"),
        "steady": used("how often it switches (part)"),
        "first": used("who goes before EDF on equal processors (part)"),
    },
    PlacementTraits: dict.fromkeys(("name", "rule", "homes"), used("where nodes run (policy)")),
}


def obstacle(case: Case) -> Obstacle | None:
    """The first field that keeps the part out of every proof: of the policy, the chip, the tasks; None if none does."""
    system, hardware = case.system, case.system.hardware
    tasks = [system.tasks[index] for index in case.tasks]
    roots: list[Any] = [case.policy, *(system.processors[place] for place in case.processors)]
    if hardware is not None:
        roots += [hardware, *(unit for unit in hardware.units if set(unit.processors) & set(case.processors))]
    roots += [system.overheads, system.estimates, *system.chains, *tasks]
    for root in roots:
        for found in _look(case, root):
            return found
    kind: Any = type(system)
    return next(_fields(case, system, {name: each for name, each in _claims(kind).items() if each is not OPENED}), None)


def _look(case: Case, owner: Any) -> Iterator[Obstacle]:
    """The obstacles of one object and of all that its opened fields hold."""
    kind: Any = type(owner)
    holds = _holds(kind)
    if holds == "items":
        for item in owner.values() if isinstance(owner, dict) else owner:
            yield from _look(case, item)
    elif holds and (claims := _claims(kind)):
        yield from _fields(case.at(owner) if isinstance(owner, UnitSpec) else case, owner, claims)


@cache
def _holds(kind: Any) -> str:
    """What objects of a class hold: items, declared fields, or nothing to look at."""
    if issubclass(kind, tuple | list | dict):
        return "items"
    return "fields" if issubclass(kind, BaseModel) or hasattr(kind, "__dataclass_fields__") else ""


def _fields(case: Case, owner: Any, claims: dict[str, Claim | None]) -> Iterator[Obstacle]:
    kind: Any = type(owner)
    for name, claim in claims.items():
        value = getattr(owner, name)
        if claim is not None and claim.how == "opened":
            if value is None:
                continue
            if claim.judge is not None and (found := claim.judge(case, owner, value)):
                yield found
            if not (name == "units" and kind is HardwareSpec):  # those that the part uses are looked at by themselves
                yield from _look(case, value)
        elif name in (neutral := defaults(kind)) and value == neutral[name]:
            continue
        elif claim is None:
            yield Obstacle(
                f"no analysis says what {name!r} of {_named(owner)} means for it",
                f"leave {name!r} out, or simulate",
                "unclaimed",
            )
        elif claim.judge is not None and (found := claim.judge(case, owner, value)):
            yield found


def _named(owner: Any) -> str:
    kind = type(owner).__name__.removesuffix("Spec").lower()
    name = getattr(owner, "name", "")
    return f"{kind} {name!r}" if name else f"a {kind}"


@cache
def _claims(kind: Any) -> dict[str, Claim | None]:
    """The fields of a class that need a look: judged, opened, or unclaimed (None). Claims of base classes hold."""
    known: dict[str, Claim] = {}
    for each in reversed(kind.__mro__):
        known |= CLAIMS.get(each, {})
    every = {name: known.get(name) for name in names(kind)}
    return {name: claim for name, claim in every.items() if claim is None or claim.judge or claim.how == "opened"}


def names(kind: Any) -> list[str]:
    """The fields of a class of the lowered system."""
    return list(kind.model_fields) if issubclass(kind, BaseModel) else [each.name for each in fields(kind)]


@cache
def defaults(kind: Any) -> dict[str, Any]:
    """The values that stand for "not declared", by field; a field that must be given has none."""
    if issubclass(kind, BaseModel):
        return {
            name: each.get_default(call_default_factory=True)
            for name, each in kind.model_fields.items()
            if not each.is_required()
        }
    found = {}
    for each in fields(kind):
        if each.default is not MISSING:
            found[each.name] = each.default
        elif each.default_factory is not MISSING:
            found[each.name] = each.default_factory()
    return found
