"""What the optimum knows of a lowered system: every field that a file can set, and what becomes of it.

A field is *modelled*, *harmless* (no policy reaches more through it), *relaxed* (it only takes from what policies
reach, and is left out: the figure stays an upper bound) or *refused* (it may give policies more than the model has).
Which of these may depend on the value. A field that nobody claims is refused by name: so a new feature is never
bounded by a model that does not know it. ``tests/optimum/test_claims.py`` walks all classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from rtsched.errors import InputError
from rtsched.model.memory import Memory
from rtsched.model.platform import Cluster, Link, Platform
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
from rtsched.optimum import judges
from rtsched.optimum.judges import Finding
from rtsched.schedulability.lowering.claims import defaults, names

Judge = Callable[[SystemSpec, Any, Any], Finding | None]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one field, and why; a `judge` where that depends on its value."""

    how: Literal["modelled", "harmless", "relaxed", "refused", "judged", "opened"]
    why: str = ""
    judge: Judge | None = None


def harmless(why: str) -> Fate:
    """No policy reaches more through it."""
    return Fate("harmless", why)


def relaxed(why: str) -> Fate:
    """It only slows or forbids, and is left out."""
    return Fate("relaxed", why)


def refused(why: str) -> Fate:
    """It may let a policy reach more than the model has."""
    return Fate("refused", why)


def judged(judge: Judge) -> Fate:
    """The judge says what becomes of its value."""
    return Fate("judged", (judge.__doc__ or "").strip(), judge)


MODELLED = Fate("modelled")
OPENED = Fate("opened")
LABEL = harmless("names a thing")
DRAWN = harmless("what was drawn of it is in the window")
KNOWN = harmless("who knows what will happen needs no sight of it")
ENERGY = harmless("energy is counted beside; no instant depends on it")
TIMES = harmless("inside the execution times, by the lowering")
POLICIES = harmless("only policies read it")
COSTS = relaxed("switches, migrations and decisions cost nothing")

CLAIMS: dict[type, dict[str, Fate]] = {
    SystemSpec: {
        "processors": OPENED,
        "tasks": OPENED,
        "name": LABEL,
        "id": LABEL,
        "chains": harmless("what is required of a chain is worth nothing by itself"),
        "protocols": harmless("said with the sections of each node"),
        "overheads": COSTS,
        "assumed": LABEL,
        "hardware": OPENED,
        "estimates": harmless("policies' beliefs; the optimum knows"),
        "planner": COSTS,
        "reservable": harmless("holds nothing up by itself"),
    },
    Estimates: dict.fromkeys(("bias", "noise", "learning", "staleness"), harmless("policies' beliefs")),
    Overheads: dict.fromkeys(("context_switch", "migration", "scheduling"), COSTS),
    ProcessorSpec: {
        "index": LABEL,
        "name": LABEL,
        "cluster": LABEL,
        "kind": LABEL,
        "service": MODELLED,
        "speed": TIMES,
        "context_switch": COSTS,
        "migration": COSTS,
        "blackouts": relaxed("a processor that stands still in between is there all the time"),
        "reset": harmless("the optimum stops nothing"),
    },
    TaskSpec: {
        "index": LABEL,
        "name": LABEL,
        "id": LABEL,
        "nodes": OPENED,
        "period": DRAWN,
        "deadline": MODELLED,
        "priority": POLICIES,
        "offset": DRAWN,
        "jitter": DRAWN,
        "release": DRAWN,
        "arrival": judged(judges.of_arrival),
        "execution": DRAWN,
        "after": judged(judges.of_after),
        "probability": judged(judges.of_chance),
        "criticality": POLICIES,
        "weight": MODELLED,
        "on_miss": judged(judges.of_misses),
        "overlap": MODELLED,
        "budget": POLICIES,
        "server_period": POLICIES,
        "count": DRAWN,
        "on_fault": harmless("faults are refused"),
        "context": harmless("read by GPUs served block by block, which are refused"),
        "quality": OPENED,
        "branches": judged(judges.of_branches),
        "origins": LABEL,
        "inputs": DRAWN,
        "communication": harmless("it changes no schedule"),
        "clock": harmless("a run has the phases that it has"),
        "misses": LABEL,
    },
    NodeSpec: {
        "index": LABEL,
        "name": LABEL,
        "times": MODELLED,
        "predecessors": MODELLED,
        "successors": MODELLED,
        "pinned": harmless("its times say where it may run"),
        "regions": judged(judges.of_regions),
        "sections": relaxed("locks: no resource is held, and who waits for one can be interrupted"),
        "preemptive": MODELLED,
        "hardware": OPENED,
        "losses": judged(judges.of_losses),
        "copies": relaxed("copies over links take no time"),
        "batch": refused("a batch takes less than its members one by one"),
        "split": refused("a node that is split runs on several processors at once"),
        "speedup": judged(judges.of_speedup),
        "origins": LABEL,
    },
    SectionSpec: dict.fromkeys(("resource", "start", "end"), harmless("said with the node")),
    NodeHardware: {
        "memory": harmless("only slows, where there is contention or a lower clock: said there"),
        "kernels": harmless("judged with the GPU"),
        "energy": ENERGY,
        "edp": ENERGY,
        "network": LABEL,
        "weights": harmless("said with the memory that loads them"),
        "state": harmless("said with the checkpoints"),
    },
    QualitySpec: {
        "accuracy": MODELLED,
        "measure": LABEL,
        "variants": OPENED,
        "exits": MODELLED,
        "switch": MODELLED,
        "inside": refused("a variant that changes inside a node makes times that are none of a variant's"),
        "shares": MODELLED,
        "correlation": KNOWN,
        "reliability": KNOWN,
        "predictor": KNOWN,
        "errors": judged(judges.of_errors),
        "decay": relaxed("a late answer keeps its whole worth until it has lost all (decay)"),
    },
    VariantSpec: {"index": LABEL, "name": LABEL, "nodes": OPENED, "accuracy": MODELLED, "skipped": MODELLED},
    ExitSpec: dict.fromkeys(("index", "name", "node", "accuracy"), MODELLED),
    BranchSpec: dict.fromkeys(("node", "targets", "bounds", "by_difficulty"), MODELLED),
    ChainSpec: dict.fromkeys(("name", "tasks", "id", *(each.key for each in QUANTITIES.values())), LABEL),
    HardwareSpec: {
        "platform": OPENED,
        "units": OPENED,
        "rated": LABEL,
        "power": judged(judges.of_power),
        "caps": relaxed("every clock stands at its highest"),
        "faults": judged(judges.of_faults),
        "environment": judged(judges.of_environment),
        "courses": judged(judges.of_courses),
    },
    UnitSpec: {
        "index": LABEL,
        "name": LABEL,
        "cluster": LABEL,
        "processors": LABEL,
        "description": OPENED,
        "block_level": refused("the kernels of a GPU served block by block run side by side"),
        "bandwidth": harmless("of a GPU served block by block, which is refused"),
    },
    PowerOptions: {
        "governor": harmless("judged with the clocks"),
        "clusters": harmless("judged with the clocks"),
        "mode": harmless("cores are those of the mode; clocks are judged"),
        "switch_latency": harmless("clocks are judged"),
        "stall": harmless("clocks are judged"),
        "thermal": relaxed("nothing throttles"),
        "battery": judged(judges.of_battery),
        "ambient": harmless("of the heat"),
        "bytes_energy": ENERGY,
    },
    Cluster: {
        "kind": LABEL,
        "cores": LABEL,
        "core": LABEL,
        "model": LABEL,
        "speed": TIMES,
        "speeds": TIMES,
        "service": harmless("as each processor has it"),
        "context_switch": COSTS,
        "migration": COSTS,
        "frequency_max": harmless("judged with the operating points"),
        "frequency_domains": harmless("judged with the operating points"),
        "operating_points": judged(judges.of_points),
        "switch_latency": harmless("judged with the operating points"),
        "power": ENERGY,
        "threads": TIMES,
        "contexts": judged(judges.of_contexts),
        "sharing": harmless("judged with the contexts"),
        "block_level": harmless("judged with the unit"),
        "checkpoint": relaxed("what is put aside by a checkpoint costs nothing, and goes on anywhere"),
        "weights": relaxed("weights are loaded in no time"),
        "reset": harmless("the optimum stops nothing"),
        "driver": LABEL,
        "peak": LABEL,
        "facts": LABEL,
    },
    Platform: {
        "name": LABEL,
        "title": LABEL,
        "aliases": LABEL,
        "processors": harmless("opened with the units that are used"),
        "links": OPENED,
        "memory": OPENED,
        "base_power": ENERGY,
        "thermal": judged(judges.of_heat),
        "power_modes": LABEL,
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
        "bandwidth": harmless("read by the contention model"),
        "capacity": harmless("read where weights are loaded"),
        "load_bandwidth": relaxed("weights are loaded in no time"),
        "contention": judged(judges.of_contention),
    },
}


def relaxations(system: SystemSpec) -> tuple[str, ...]:
    """What is left out of the model of `system`, in words. Raises InputError for what is refused."""
    found = list(_look(system, system))
    wrong = list(dict.fromkeys(each.text for each in found if each.refused))
    if wrong:
        raise InputError(*(f"no bound on what policies can reach is known here: {text}" for text in wrong))
    return tuple(dict.fromkeys(each.text for each in found))


def _look(system: SystemSpec, owner: Any) -> Iterator[Finding]:
    """What there is to say of one object and of all that its opened fields hold."""
    if isinstance(owner, tuple | list | dict):
        for item in owner.values() if isinstance(owner, dict) else owner:
            if not isinstance(item, UnitSpec) or judges.used(system, item.processors):
                yield from _look(system, item)
    elif isinstance(owner, BaseModel) or hasattr(owner, "__dataclass_fields__"):
        yield from _fields(system, owner)


def _fields(system: SystemSpec, owner: Any) -> Iterator[Finding]:
    kind: Any = type(owner)
    known: dict[str, Fate] = {}
    for each in reversed(kind.__mro__):
        known |= CLAIMS.get(each, {})
    neutral = defaults(kind)
    for name in names(kind):
        claim, value = known.get(name), getattr(owner, name)
        if claim is not None and claim.how == "opened":
            yield from _look(system, value)
        elif name in neutral and value == neutral[name]:
            continue
        elif claim is None:
            yield Finding(f"{judges.named(owner)}: the optimum does not know {name!r}; leave it out", True)
        elif claim.how in ("relaxed", "refused"):
            where = f"{judges.named(owner)}: " if claim.how == "refused" else ""
            yield Finding(where + claim.why, claim.how == "refused")
        elif claim.judge is not None and (found := claim.judge(system, owner, value)) is not None:
            yield found
