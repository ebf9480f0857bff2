"""Fields of a lowered system of which the value says whether the optimum models them (see ``claims``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rtsched.dnn.processors import top_frequency
from rtsched.model.environment import Change, Fault
from rtsched.model.memory import Memory, Pairwise
from rtsched.model.platform import Cluster
from rtsched.model.power import Battery, OperatingPoint, PowerOptions, time_scales
from rtsched.model.task import Constant
from rtsched.model.taskgraph import BranchSpec, HardwareSpec, NodeSpec, SystemSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class Finding:
    """What is left out of the model, in words; or why there is none (`refused`)."""

    text: str
    refused: bool = False


def named(owner: Any) -> str:
    """An object of the lowered system, in words: ``task 'camera'``."""
    kind = type(owner).__name__.removesuffix("Spec").lower()
    name = getattr(owner, "name", "")
    return f"{kind} {name!r}" if name else f"a {kind}"


def used(system: SystemSpec, places: Iterable[int]) -> bool:
    """Whether a node may run on one of these processors."""
    wanted = set(places)
    nodes = (node for task in system.tasks for node in task.all_nodes)
    return any(wanted.intersection(node.eligible) for node in nodes)


def _names_used(system: SystemSpec) -> set[str]:
    """The processors and clusters that a node may run on, by name."""
    places = [each for each in system.processors if used(system, (each.index,))]
    return {each.name for each in places} | {each.cluster for each in places}


# ---- tasks -----------------------------------------------------------------------------------------------------------


def of_arrival(system: SystemSpec, task: TaskSpec, arrival: Any) -> Finding | None:
    """Jobs that the policy releases; others come when they were drawn to come."""
    if arrival.kind != "spawned":
        return None
    return Finding(f"task {task.name!r}: its jobs are released by the policy (arrival: spawned), when it likes", True)


def of_after(system: SystemSpec, task: TaskSpec, _: int) -> Finding | None:
    """Triggered jobs: what they draw depends on how many came before, which policies decide."""
    return Finding("each job of a triggered task has the best of what its jobs may draw") if is_random(task) else None


def of_chance(system: SystemSpec, task: TaskSpec, _: float) -> Finding | None:
    """Triggers with a probability: the draws of a triggered task's jobs depend on how many came before."""
    if task.after is None or system.tasks[task.after].after is None:
        return None
    return Finding(f"every job of {system.tasks[task.after].name!r} may trigger one of {task.name!r}")


def of_misses(system: SystemSpec, task: TaskSpec, on_miss: str) -> Finding | None:
    """What a miss sets off: a late job is worth nothing, but it may skip the next one, or trigger another."""
    if on_miss == "skip_next":
        return Finding(f"task {task.name!r}: a job that is given up skips none (on_miss: skip_next)")
    if any(other.after == task.index for other in system.tasks):
        return Finding(f"task {task.name!r}: a late job may still finish, and trigger others (on_miss: {on_miss})")
    return None


def of_branches(system: SystemSpec, task: TaskSpec, branches: Sequence[BranchSpec]) -> Finding | None:
    """Ways that the input takes: known to who knows the input, but for mixtures that have no model here."""
    quality = task.quality
    if task.after is not None:
        return Finding(f"task {task.name!r}: which way its jobs go depends on how many were triggered before", True)
    if quality is not None and quality.exits:
        return Finding(f"task {task.name!r}: an exit on a way that is not taken counts as reached", True)
    skipped = frozenset().union(*(each.skipped for each in quality.variants)) if quality is not None else frozenset()
    if skipped & {branch.node for branch in branches}:
        return Finding(f"task {task.name!r}: a variant that skips the node of a branch takes all its ways", True)
    return None


def of_regions(system: SystemSpec, node: NodeSpec, _: Sequence[int]) -> Finding | None:
    """Parts between which a node can be interrupted: it then can be anywhere."""
    whole = not node.preemptive or any(system.processors[p].service != "preemptive" for p in node.eligible)
    return Finding("a node with regions can be interrupted anywhere") if whole else None


def of_losses(system: SystemSpec, node: NodeSpec, losses: Sequence[float]) -> Finding:
    """What an answer loses by where it was found."""
    if min(losses) < 0:
        return Finding(f"node {node.name!r}: an answer gains accuracy by where it runs", True)
    return Finding("no answer loses accuracy by where it runs")


def of_speedup(system: SystemSpec, node: NodeSpec, speedup: Sequence[Any]) -> Finding | None:
    """What a part of a unit is as fast as: units that share are looked at by themselves."""
    if all(speed <= 1 for known in speedup for _, speed in known):
        return None
    return Finding(f"node {node.name!r}: it is faster on a part of a unit than on all of it", True)


# ---- the chip --------------------------------------------------------------------------------------------------------


def of_faults(system: SystemSpec, _: HardwareSpec, faults: Sequence[Fault]) -> Finding | None:
    """Failures, which move work that nothing else can move; a slow-down only slows."""
    names = _names_used(system)
    concerned = [fault for fault in faults if fault.processor in names]
    for fault in concerned:
        if fault.speed is None:
            return Finding(f"processor {fault.processor!r} may fail, which moves what runs there to another one", True)
    return Finding("nothing slows down (faults with a speed)") if concerned else None


def of_environment(system: SystemSpec, _: HardwareSpec, changes: Sequence[Change]) -> Finding | None:
    """Links whose bandwidth is changed; named values are told to policies only."""
    names = _names_used(system)
    link = next((change.link for change in changes if change.link in names), None)
    return None if link is None else _varying(link)


def of_battery(system: SystemSpec, _: PowerOptions, battery: Battery) -> Finding | None:
    """A chip that goes off when its battery is empty; only policies read the rest."""
    off = battery.restart is not None
    return (
        Finding("the chip goes off when its battery is empty, and what runs may go on elsewhere", True) if off else None
    )


def of_courses(system: SystemSpec, _: HardwareSpec, courses: dict[str, Any]) -> Finding | None:
    """Links whose bandwidth varies."""
    link = next((name for name in courses if name in _names_used(system)), None)
    return None if link is None else _varying(link)


def _varying(link: str) -> Finding:
    return Finding(f"the bandwidth of link {link!r} varies with time", True)


def of_power(system: SystemSpec, hardware: HardwareSpec, power: PowerOptions) -> Finding | None:
    """Clocks that stand below the highest."""
    governors = (power.governor, *power.clusters.values())
    low = any(each.name != "performance" for each in governors) or power.thermal is not None
    return Finding("every clock stands at its highest") if low else None


def of_heat(system: SystemSpec, _: Any, __: Any) -> Finding | None:
    """A chip that may throttle, where power is counted."""
    hot = system.hardware is not None and system.hardware.power is not None
    return Finding("nothing throttles") if hot else None


def of_points(system: SystemSpec, cluster: Cluster, points: Sequence[OperatingPoint]) -> Finding | None:
    """Clocks: no point may be faster than the one that times hold for."""
    top = top_frequency(cluster)
    if system.hardware is None or system.hardware.power is None or top is None:
        return None
    if min(time_scales(tuple(points), top)) >= 1:
        return None
    return Finding("an operating point is faster than the highest clock, by its score", True)


def of_contention(system: SystemSpec, _: Memory, model: Any) -> Finding:
    """How users of the memory slow each other; a measured pair may also gain."""
    if isinstance(model, Pairwise) and any(pair.slowdown < 1 for pair in model.pairs):
        return Finding("memory: work gains by who runs beside it (contention with speedups)", True)
    return Finding("users of the memory do not slow each other (contention)")


def of_contexts(system: SystemSpec, cluster: Cluster, _: int) -> Finding | None:
    """An accelerator that holds several segments: each has all of it, or they share it."""
    return None if cluster.sharing == "none" else Finding("contexts of an accelerator do not slow each other")


def is_random(task: TaskSpec) -> bool:
    """Whether the jobs of a task differ by what they draw, but for when they come."""
    return task.quality is not None or task.inputs is not None or not isinstance(task.execution, Constant)
