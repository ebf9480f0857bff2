"""What keeps a task, a processor or a policy out of every proof, in words, with the nearest change that would help.

Each judge looks at one field of the lowered system (see ``claims``) and answers an obstacle, or None where what the
field says is inside the models of the theorems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from rtsched.dnn.processors import top_frequency
from rtsched.model.accelerator import BlockLevel
from rtsched.model.environment import Change, Fault
from rtsched.model.known import known_before
from rtsched.model.memory import Memory
from rtsched.model.plain import why_not_plain
from rtsched.model.platform import Cluster
from rtsched.model.policy import AdaptationTraits, Policy
from rtsched.model.power import Battery, PowerOptions, time_scales
from rtsched.model.taskgraph import (
    CopySpec,
    HardwareSpec,
    NodeSpec,
    PlannerSpec,
    ProcessorSpec,
    QualitySpec,
    SystemSpec,
    TaskSpec,
    UnitSpec,
)
from rtsched.schedulability.lowering.contention import slowed
from rtsched.schedulability.lowering.slices import in_turns

Area = Literal["policy", "hardware", "task", "mapping", "unclaimed"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing sound covers a part of a system, and the nearest change that would make it provable."""

    reason: str
    change: str
    area: Area = "mapping"


@dataclass(frozen=True, slots=True)
class Case:
    """A part of a system that is looked at: its tasks and the processors they may use."""

    system: SystemSpec
    policy: Policy
    tasks: tuple[int, ...]
    processors: tuple[int, ...]
    unit: UnitSpec | None = None

    def at(self, unit: UnitSpec) -> Case:
        """The same, looking at one piece of hardware."""
        return replace(self, unit=unit)

    @property
    def nodes(self) -> list[NodeSpec]:
        """The nodes of all tasks of the system, in all their variants."""
        return [node for task in self.system.tasks for node in task.all_nodes]

    def named(self, place: int) -> str:
        """A processor by name."""
        return self.system.processors[place].name


# ---- the policy ------------------------------------------------------------------------------------------------------


def of_whole(case: Case, policy: Policy, name: str) -> Obstacle | None:
    """A scheduler that is no composition, unless it declares what it does with systems like this one."""
    if policy.plan is not None:
        reason = policy.plan.refuses(known_before(case.system))
        if reason is None or (policy.plan.optimal and _too_much(case)):
            return None
        return Obstacle(f"the policy {name!r} does not run: {reason}", "take edf", "policy")
    return Obstacle(
        f"no sound analysis is known for the policy {name!r}: it decides at run time where work runs",
        "pin the tasks (or partition them: placement first-fit) under fp, rm, dm or edf",
        "policy",
    )


def _too_much(case: Case) -> bool:
    """Whether plain tasks ask for more than their processors have: that a theorem refutes, whatever refuses them."""
    tasks = [case.system.tasks[index] for index in case.tasks]
    load = sum((Fraction(task.volume, task.period or task.deadline) for task in tasks), Fraction(0))
    return why_not_plain(case.system, sporadic=False, implicit=True) is None and load > len(case.processors)


def of_adaptation(case: Case, _: Policy, adaptation: AdaptationTraits) -> Obstacle | None:
    """An adaptation that may do more than shorten a job."""
    if adaptation.shrinks:
        return None
    return Obstacle(
        f"the adaptation {adaptation.name!r} changes more than how long a job takes",
        "analyse the system without it, or with adaptation: fixed",
        "policy",
    )


def of_switching(case: Case, _: QualitySpec, inside: bool) -> Obstacle | None:
    """Variants that change at the ends of regions, where others compete, too: how long a region is then is not bounded.

    Elsewhere they only shorten a node: what is left is a share of the new variant's time, at most of the largest one's,
    rounded up once at its end.
    """
    adaptation = case.policy.adaptation
    modes = {each.preemption for each in case.policy.clusters} or {case.policy.preemption}
    if "limited" not in modes or adaptation is None or adaptation.fixed:
        return None
    return Obstacle(
        f"no analysis knows how long the regions are of a node whose variant {adaptation.name!r} changes inside it",
        "write 'switch: node', or analyse the system with adaptation: fixed",
        "task",
    )


def of_admission(case: Case, _: Policy, name: str) -> Obstacle:
    """Whatever refuses jobs."""
    return Obstacle(
        f"the admission {name!r} may drop a job, by its own estimate, that would have been in time; a dropped job is a "
        "miss",
        "analyse the system without it",
        "policy",
    )


def of_oracle(case: Case, policy: Policy, oracle: bool) -> Obstacle | None:
    """Whatever knows what will happen."""
    if not oracle:
        return None
    return Obstacle(
        "the policy sees the truth (oracle: true): what it does rests on what will happen",
        "analyse the system without 'oracle'",
        "policy",
    )


def of_planner(case: Case, system: SystemSpec, planner: PlannerSpec | None) -> Obstacle | None:
    """Decisions that take time."""
    if planner is None:
        return None
    return Obstacle(
        f"the planner decides on {case.named(planner.processor)!r} in its own time: no model has the time that passes "
        "before a decision takes effect",
        "leave 'planner' out (charge 'overheads: {scheduling: …}' instead), or simulate",
        "policy",
    )


def of_speed(case: Case, _: Policy, name: str) -> Obstacle:
    """Whatever sets clocks."""
    return Obstacle(
        f"the speed part {name!r} sets clocks as it runs: how long a node takes depends on when it runs",
        "analyse the system without it, under governor: performance",
        "policy",
    )


def of_acts(case: Case, _: Policy, name: str) -> Obstacle:
    """An ordering or a placement that is told events."""
    return Obstacle(
        f"{name!r} is told events, and no analysis knows what it does then",
        "leave its keys and places to what it declares, without on_… methods, or simulate",
        "policy",
    )


# ---- tasks -----------------------------------------------------------------------------------------------------------


def limited(task: TaskSpec) -> bool:
    """Whether there is a least distance between its arrivals, of recorded ones apart."""
    return task.arrival.kind not in ("poisson", "bursty", "spawned")


def of_arrival(case: Case, task: TaskSpec, arrival: Any) -> Obstacle | None:
    """Arrivals without a minimum distance, or as a policy likes; a server may limit what they do to others."""
    plan = case.policy.plan
    if plan is not None and plan.servers is not None and task.budget and arrival.kind != "spawned":
        return None
    if plan is not None and plan.accelerator is not None and plan.accelerator.server == task.name:
        return None  # twice for each request
    if arrival.kind == "spawned":
        return Obstacle(
            f"the jobs of {task.name!r} are released by the policy (arrival: spawned), when it likes: no bound exists",
            f"give {task.name!r} a minimum distance (period, or arrival: {{kind: sporadic}})",
            "task",
        )
    if arrival.kind in ("poisson", "bursty"):
        return Obstacle(
            f"the arrivals of {task.name!r} are {arrival.kind}: any number may come at once, so no bound exists",
            f"give {task.name!r} a minimum distance (period, or arrival: {{kind: sporadic}})",
            "task",
        )
    if arrival.kind == "trace" and trace_gap(task) == 0:
        return Obstacle(
            f"the recorded arrivals of {task.name!r} come in bursts at one instant",
            "analyse a period that bounds them, and simulate the recording",
            "task",
        )
    return None


def of_overlap(case: Case, task: TaskSpec, _: bool) -> Obstacle:
    """Jobs that run beside each other."""
    return Obstacle(
        f"jobs of {task.name!r} may overlap, and every theorem here lets them wait for each other",
        f"leave 'overlap' out of {task.name!r}",
        "task",
    )


def trace_gap(task: TaskSpec) -> int | None:
    """The smallest distance between two recorded arrivals in ns; None if there are fewer than two."""
    times = getattr(task.arrival, "times", None) or ()
    return min((later - earlier for earlier, later in pairwise(times)), default=None)


def of_copies(case: Case, node: NodeSpec, _: Sequence[CopySpec]) -> Obstacle:
    """Bytes that cross a link only where a node is placed so."""
    return Obstacle(
        f"what {node.name!r} needs may have to cross a link, where it waits for others: no theorem here counts that",
        f"pin {node.name!r} and what comes before it, so that the transfer is a node of its own",
        "mapping",
    )


# ---- the chip --------------------------------------------------------------------------------------------------------


def of_blackouts(case: Case, processor: ProcessorSpec, _: Any) -> Obstacle:
    """A recorded supply."""
    return Obstacle(
        f"{processor.name!r} stands still in recorded intervals, which bound no other run",
        "leave the recorded supply out",
        "hardware",
    )


def of_reset(case: Case, processor: ProcessorSpec, _: int) -> Obstacle | None:
    """Stopping a segment costs time, where something may be stopped: at a miss, or by an adaptation."""
    tasks = [case.system.tasks[index] for index in case.tasks]
    if case.policy.adaptation is None and all(task.on_miss in ("continue", "skip_next") for task in tasks):
        return None
    return Obstacle(
        f"a job that is stopped on {processor.name!r} costs its reset, which no theorem here counts",
        "let jobs go on (on_miss: continue), or leave 'reset' out: what is stopped then drains",
        "hardware",
    )


def of_faults(case: Case, _: HardwareSpec, faults: Sequence[Fault]) -> Obstacle | None:
    """Whatever may fail of what the part uses, links included."""
    failing = {fault.processor for fault in faults}
    for place in case.processors:
        processor = case.system.processors[place]
        if failing & {processor.name, processor.cluster}:
            what = "link" if processor.kind == "link" else "processor"
            return Obstacle(
                f"{processor.name!r} may fail: no deadline is safe on a {what} that is gone",
                f"leave the faults out, or prove what remains without that {what}",
                "hardware",
            )
    return None


def of_battery(case: Case, _: PowerOptions, battery: Battery) -> Obstacle | None:
    """A chip that goes off when its battery is empty; policies, who hear of the rest, are judged apart."""
    if battery.restart is None:
        return None
    return Obstacle(
        "the chip goes off when its battery is empty",
        "leave 'restart' out of the battery, and show apart that its energy lasts",
        "hardware",
    )


def of_courses(case: Case, _: HardwareSpec, courses: dict[str, Any]) -> Obstacle | None:
    """A link whose bandwidth varies."""
    for place in case.processors:
        if case.named(place) in courses:
            return _varying(case.named(place))
    return None


def of_environment(case: Case, _: HardwareSpec, changes: Sequence[Change]) -> Obstacle | None:
    """A link whose bandwidth is changed at an announced instant; named values are told to policies only."""
    for place in case.processors:
        if case.named(place) in {change.link for change in changes}:
            return _varying(case.named(place))
    return None


def _varying(link: str) -> Obstacle:
    return Obstacle(f"the bandwidth of link {link!r} varies with time", "give the link its least bandwidth", "hardware")


def of_blocks(case: Case, unit: UnitSpec, _: BlockLevel) -> Obstacle | None:
    """A GPU whose kernels may run side by side, or begin anew: one stream, or time slices, keep them apart."""
    contexts = {task.context for task in case.system.tasks if any(n.times[unit.processors[0]] for n in task.nodes)}
    if any(case.system.processors[place].service == "preemptive" for place in unit.processors):
        return Obstacle(
            f"{unit.name!r} is preempted and launches its kernels anew each time: how much work is lost is not bounded "
            "here",
            "leave 'service: preemptive' out: kernels run to their end",
            "hardware",
        )
    if len(unit.processors) == 1 and len(contexts) <= 1:
        return None
    mixed = in_turns(case.system, case.policy, unit)
    if mixed is None and len(unit.processors) > 1:
        return None
    apart = f"; time slices do not keep them apart: {mixed}" if unit.block_level and unit.block_level.time_slice else ""
    return Obstacle(
        f"{case.named(unit.processors[0])!r} belongs to a GPU served block by block: which kernels run side by side "
        f"follows empirical rules (Amert et al., RTSS 2017) that no proof stands on{apart}",
        "serialise the kernels (streams: 1), or partition the GPU into instances of one stream each (MIG)",
        "hardware",
    )


def of_contention(case: Case, _: Memory, __: Any) -> Obstacle | None:
    """A memory whose users slow each other down."""
    place = next((place for place in case.processors if slowed(case.system, place)), None)
    if place is None:
        return None
    return Obstacle(
        f"work on {case.named(place)!r} slows down when others use the memory: its times depend on who runs beside it",
        "declare execution times measured under contention, and leave the contention model out",
        "hardware",
    )


def of_own_bandwidth(case: Case, unit: UnitSpec, _: int) -> Obstacle | None:
    """An instance of a divided GPU, whose part of the memory's bandwidth slows who asks for more."""
    if not any(node.hardware is not None and node.hardware.memory for node in case.nodes):
        return None
    return Obstacle(
        f"work on {case.named(unit.processors[0])!r} has only a part of the memory's bandwidth: its times grow with "
        "what it asks for",
        "declare execution times measured on such an instance, and leave the memory demands out",
        "hardware",
    )


def of_contexts(case: Case, _: Cluster, contexts: int) -> Obstacle:
    """An accelerator that holds several segments."""
    assert case.unit is not None
    return Obstacle(
        f"{case.unit.name!r} keeps {contexts} contexts that share or switch it",
        "use one context, which serves one node at a time",
        "hardware",
    )


def of_checkpoint(case: Case, _: Cluster, __: Any) -> Obstacle:
    """Preemption by checkpoints."""
    assert case.unit is not None
    return Obstacle(
        f"{case.unit.name!r} is preempted by checkpoints, whose cost depends on when",
        "leave 'checkpoint' out",
        "hardware",
    )


def of_weights(case: Case, _: Cluster, __: Any) -> Obstacle | None:
    """A memory for weights on the chip of an accelerator."""
    assert case.unit is not None
    return _loads(case, case.unit.processors)


def of_loads(case: Case, _: Memory, __: int) -> Obstacle | None:
    """Networks that come back from storage."""
    return _loads(case, case.processors)


def _loads(case: Case, places: Sequence[int]) -> Obstacle | None:
    for place in places:
        if place not in case.processors:
            continue
        if any(node.times[place] is not None and node.hardware and node.hardware.weights for node in case.nodes):
            return Obstacle(
                f"{case.named(place)!r} loads and evicts weights: how long a node takes depends on what ran before",
                "put the load time into every execution time, and leave the weights out",
                "hardware",
            )
    return None


def of_power(case: Case, hardware: HardwareSpec, power: PowerOptions) -> Obstacle | None:
    """Clocks that move, or that stand below the one that execution times hold for."""
    for unit in hardware.units:
        if not set(unit.processors) & set(case.processors):
            continue
        name, points = unit.cluster, unit.description.operating_points or ()
        governor = power.clusters.get(name, power.governor)
        if not points:
            continue
        if governor.name not in ("performance", "fixed"):
            return Obstacle(
                f"the clock of {name!r} follows the governor {governor.name!r}",
                "fix the clock (governor: performance), with execution times for that frequency",
                "hardware",
            )
        most = hardware.caps.get(name, points[-1].frequency)
        highest = sum(point.frequency <= most for point in points) - 1
        at = next((i for i, point in enumerate(points) if point.frequency == governor.frequency), highest)
        if time_scales(points, top_frequency(unit.description) or points[-1].frequency)[at] != 1:
            return Obstacle(
                f"the clock of {name!r} stands at another frequency than the one its execution times hold for",
                "give execution times for that clock, on a platform without the other operating points",
                "hardware",
            )
    return None


def of_heat(case: Case, owner: Any, thermal: Any) -> Obstacle | None:
    """A chip that may throttle."""
    hardware = case.system.hardware
    if hardware is None or hardware.power is None:
        return None
    return Obstacle(
        f"{case.named(case.processors[0])!r} may throttle when it gets hot",
        "give execution times for the throttled clock, and leave the thermal model out",
        "hardware",
    )
