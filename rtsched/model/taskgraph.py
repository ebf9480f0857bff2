"""The lowered form of a system: processors, tasks and task graphs in integers.

This is all that the engine, the schedulers and the proofs see. Processors, tasks and nodes are numbered by position;
times are nanoseconds; a node's `times` has one entry per processor, None where it cannot run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from rtsched.model.accelerator import BlockLevel, Copy, Kernel
from rtsched.model.environment import Change, Fault
from rtsched.model.platform import Cluster, Kind, Platform, Service
from rtsched.model.power import PowerOptions
from rtsched.model.system import Overheads
from rtsched.model.task import Arrival, Constant, Execution, OnFault, OnMiss, Periodic


@dataclass(frozen=True, slots=True)
class ProcessorSpec:
    """One server of work. `supply` lists the half-open intervals [start, end) in which it stands still."""

    index: int
    name: str
    cluster: str
    kind: Kind = "cpu"
    service: Service = "preemptive"
    speed: Fraction = Fraction(1)
    context_switch: int = 0
    migration: int = 0
    blackouts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A critical section of a node: from `start` to `end` of its execution time it holds `resource`."""

    resource: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """What a node asks of the memory alone: the bound part of its time, bytes per second, and its class."""

    bound: float
    demand: float
    label: str


@dataclass(frozen=True, slots=True)
class NodeHardware:
    """What the hardware needs to know of a node beyond its times; tuples have one entry per processor, or are empty.

    `kernels` are what it launches on a GPU served block by block; `energy` is in nJ for the whole node; `weights` in
    bytes are those of `network`, `state` what a checkpoint puts aside (None: the accelerator's own figure).
    """

    memory: tuple[MemorySpec | None, ...] = ()
    kernels: tuple[tuple[Kernel | Copy, ...] | None, ...] = ()
    energy: tuple[int | None, ...] = ()
    network: str = ""
    weights: int = 0
    state: int | None = None


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a task graph: `times[p]` is its execution time on processor p, or None."""

    index: int
    name: str
    times: tuple[int | None, ...]
    predecessors: tuple[int, ...] = ()
    successors: tuple[int, ...] = ()
    pinned: bool = False
    regions: tuple[int, ...] = ()
    sections: tuple[SectionSpec, ...] = ()
    preemptive: bool = True
    hardware: NodeHardware | None = None

    @property
    def eligible(self) -> tuple[int, ...]:
        """The processors the node may use, ascending."""
        return tuple(index for index, time in enumerate(self.times) if time is not None)

    @property
    def fastest(self) -> int:
        """The shortest of its execution times, in ns."""
        return min(time for time in self.times if time is not None)


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A source of jobs. `deadline` is relative to the arrival; smaller `priority` is more urgent."""

    index: int
    name: str
    nodes: tuple[NodeSpec, ...]
    period: int | None
    deadline: int
    priority: int
    offset: int = 0
    jitter: int = 0
    release: int | None = None
    arrival: Arrival = field(default_factory=Periodic)
    execution: Execution = field(default_factory=Constant)
    after: int | None = None
    probability: float = 1.0
    criticality: str = "soft"
    weight: float = 1.0
    on_miss: OnMiss = "continue"
    overlap: bool = False
    budget: int | None = None
    server_period: int | None = None
    count: int | None = None
    on_fault: OnFault = "restart"
    context: str | None = None

    @property
    def volume(self) -> int:
        """The sum of the nodes' fastest execution times, in ns."""
        return sum(node.fastest for node in self.nodes)

    @property
    def critical_path(self) -> int:
        """The longest path through the graph with every node on its fastest processor, in ns."""
        return max(critical_paths(self))


def critical_paths(task: TaskSpec) -> list[int]:
    """For every node the longest path from its start to the end of the graph, at the fastest times, in ns."""
    paths = [0] * len(task.nodes)
    left = [len(node.successors) for node in task.nodes]
    free = [node.index for node in task.nodes if not node.successors]
    for index in free:
        node = task.nodes[index]
        paths[index] = node.fastest + max((paths[later] for later in node.successors), default=0)
        for earlier in node.predecessors:
            left[earlier] -= 1
            if not left[earlier]:
                free.append(earlier)
    return paths


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """A cause-effect chain as task indices, from the first to the last."""

    name: str
    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One piece of hardware and the processors it serves as: a core, an accelerator, a GPU or an instance of one."""

    index: int
    name: str
    cluster: str
    processors: tuple[int, ...]
    description: Cluster
    block_level: BlockLevel | None = None


@dataclass(frozen=True, slots=True)
class HardwareSpec:
    """The parts of a chip that a run uses beyond plain processors; a system without any has no HardwareSpec.

    `rated` are the processors whose speed can change or that cost extra; `power` None leaves energy uncounted.
    `courses` hold for each link with a varying bandwidth its points (instant, bytes per second) or its Markov chain.
    """

    platform: Platform
    units: tuple[UnitSpec, ...]
    rated: frozenset[int]
    power: PowerOptions | None = None
    faults: tuple[Fault, ...] = ()
    environment: tuple[Change, ...] = ()
    courses: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """A whole system in integers. `protocols` maps each resource to none, inheritance or ceiling."""

    processors: tuple[ProcessorSpec, ...]
    tasks: tuple[TaskSpec, ...]
    name: str = "system"
    chains: tuple[ChainSpec, ...] = ()
    protocols: dict[str, str] = field(default_factory=dict)
    overheads: Overheads = field(default_factory=Overheads)
    assumed: tuple[str, ...] = ()
    hardware: HardwareSpec | None = None
