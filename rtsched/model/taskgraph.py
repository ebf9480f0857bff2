"""The lowered form of a system: processors, tasks and task graphs in integers.

This is all that the engine, the schedulers and the proofs see. Processors, tasks and nodes are numbered by position;
times are nanoseconds; a node's `times` has one entry per processor, None where it cannot run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from rtsched.model.platform import Kind, Service
from rtsched.model.system import Overheads
from rtsched.model.task import Arrival, Constant, Execution, OnMiss, Periodic


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
class SystemSpec:
    """A whole system in integers. `protocols` maps each resource to none, inheritance or ceiling."""

    processors: tuple[ProcessorSpec, ...]
    tasks: tuple[TaskSpec, ...]
    name: str = "system"
    chains: tuple[ChainSpec, ...] = ()
    protocols: dict[str, str] = field(default_factory=dict)
    overheads: Overheads = field(default_factory=Overheads)
    assumed: tuple[str, ...] = ()
