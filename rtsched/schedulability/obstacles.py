"""What keeps a task or a processor out of every proof, in words, with the nearest change that would help."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from rtsched.model.taskgraph import SystemSpec, TaskSpec, UnitSpec
from rtsched.schedulability.policy import Policy

#: Adaptations that only ever shorten a job: its largest variant bounds it.
SHRINKING = ("fixed", "subflow", "resolution", "multi-path-style", "early-exit", "exit-budget")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing sound covers a part of a system, and the nearest change that would make it provable."""

    reason: str
    change: str


def of_policy(policy: Policy) -> Obstacle | None:
    """What the policy itself rules out."""
    if policy.unsupported is not None:
        return Obstacle(
            f"no sound analysis is known for the policy {policy.unsupported!r}: it decides at run time where work runs",
            "pin the tasks (or partition them: placement first-fit) under fp, rm, dm or edf",
        )
    if policy.adaptation is not None and policy.adaptation not in SHRINKING:
        return Obstacle(
            f"the adaptation {policy.adaptation!r} changes more than how long a job takes",
            "analyse the system without it, or with adaptation: fixed",
        )
    return None


def of_task(task: TaskSpec) -> Obstacle | None:
    """What a task itself rules out."""
    kind = task.arrival.kind
    if kind in ("poisson", "bursty"):
        return Obstacle(
            f"the arrivals of {task.name!r} are {kind}: any number may come at once, so no bound exists",
            f"give {task.name!r} a minimum distance (period, or arrival: {{kind: sporadic}})",
        )
    if kind == "trace" and trace_gap(task) == 0:
        return Obstacle(
            f"the recorded arrivals of {task.name!r} come in bursts at one instant",
            "analyse a period that bounds them, and simulate the recording",
        )
    if task.overlap:
        return Obstacle(
            f"jobs of {task.name!r} may overlap, and every theorem here lets them wait for each other",
            f"leave 'overlap' out of {task.name!r}",
        )
    return None


def trace_gap(task: TaskSpec) -> int | None:
    """The smallest distance between two recorded arrivals in ns; None if there are fewer than two."""
    times = getattr(task.arrival, "times", None) or ()
    return min((later - earlier for earlier, later in pairwise(times)), default=None)


def of_hardware(system: SystemSpec) -> dict[int, Obstacle]:
    """What the chip rules out, by processor."""
    found: dict[int, Obstacle] = {}
    for processor in system.processors:
        if processor.blackouts:
            found[processor.index] = Obstacle(
                f"{processor.name!r} stands still in recorded intervals, which bound no other run",
                "leave the recorded supply out",
            )
    hardware = system.hardware
    if hardware is None:
        return found
    failing = {fault.processor for fault in hardware.faults}
    for unit in hardware.units:
        for place in unit.processors:
            processor = system.processors[place]
            obstacle = None
            if processor.name in failing or processor.cluster in failing:
                obstacle = Obstacle(
                    f"{processor.name!r} may fail: no deadline is safe on a processor that is gone",
                    "leave the faults out, or prove what remains without that processor",
                )
            elif place in hardware.rated:
                obstacle = _unit(system, place, unit)
            if obstacle is not None:
                found.setdefault(place, obstacle)
    for processor in system.processors:
        if processor.name in hardware.courses:
            found[processor.index] = Obstacle(
                f"the bandwidth of link {processor.name!r} varies with time",
                "give the link its least bandwidth",
            )
    return found


def _serial(system: SystemSpec, unit: UnitSpec) -> bool:
    """Whether a GPU (or an instance of one) has a single stream and address space: its kernels run one by one."""
    contexts = {task.context for task in system.tasks if any(n.times[unit.processors[0]] for n in task.nodes)}
    return len(unit.processors) == 1 and len(contexts) <= 1


def _unit(system: SystemSpec, place: int, unit: UnitSpec) -> Obstacle | None:
    hardware = system.hardware
    assert hardware is not None
    name = system.processors[place].name
    description = unit.description
    if unit.block_level is not None and not _serial(system, unit):
        return Obstacle(
            f"{name!r} belongs to a GPU served block by block: which kernels run side by side follows empirical rules "
            "(Amert et al., RTSS 2017) that no proof stands on",
            "serialise the kernels (streams: 1), or partition the GPU into instances of one stream each (MIG)",
        )
    nodes = [node for task in system.tasks for node in task.nodes if node.times[place] is not None]
    if hardware.platform.memory is not None and hardware.platform.memory.contention is not None:
        if any(node.hardware is not None and node.hardware.memory for node in nodes):
            return Obstacle(
                f"work on {name!r} slows down when others use the memory: its times depend on who runs beside it",
                "declare execution times measured under contention, and leave the contention model out",
            )
    if description.contexts > 1:
        return Obstacle(
            f"{name!r} keeps {description.contexts} contexts that share or switch it",
            "use one context, which serves one node at a time",
        )
    if description.checkpoint is not None:
        return Obstacle(f"{name!r} is preempted by checkpoints, whose cost depends on when", "leave 'checkpoint' out")
    loads = hardware.platform.memory is not None and hardware.platform.memory.load_bandwidth is not None
    weights = any(node.hardware is not None and node.hardware.weights for node in nodes)
    if weights and (loads or description.weights is not None):
        return Obstacle(
            f"{name!r} loads and evicts weights: how long a node takes depends on what ran before",
            "put the load time into every execution time, and leave the weights out",
        )
    return _power(system, place)


def _power(system: SystemSpec, place: int) -> Obstacle | None:
    hardware = system.hardware
    assert hardware is not None
    power = hardware.power
    if power is None:
        return None
    processor = system.processors[place]
    governor = power.clusters.get(processor.cluster, power.governor)
    if governor.name != "performance":
        return Obstacle(
            f"the clock of {processor.name!r} follows the governor {governor.name!r}",
            "fix the clock (governor: performance), with execution times for that frequency",
        )
    if power.thermal is not None or hardware.platform.thermal is not None:
        return Obstacle(
            f"{processor.name!r} may throttle when it gets hot",
            "give execution times for the throttled clock, and leave the thermal model out",
        )
    return None
