"""The lowered form of a system: processors, tasks and task graphs in integers.

This is all that the engine, the schedulers and the proofs see. Processors, tasks and nodes are numbered by position;
times are nanoseconds; a node's `times` has one entry per processor, None where it cannot run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from rtsched.display import Displayed
from rtsched.model.accelerator import BlockLevel, Copy, Kernel
from rtsched.model.answers import ErrorsSpec
from rtsched.model.environment import Change, Fault
from rtsched.model.inputs import InputsSpec
from rtsched.model.misses import Misses
from rtsched.model.origin import BASES as BASES
from rtsched.model.origin import Basis as Basis
from rtsched.model.origin import Origin as Origin
from rtsched.model.origin import weakest as weakest
from rtsched.model.paths import critical_paths
from rtsched.model.platform import Cluster, Kind, Platform, Service
from rtsched.model.power import PowerOptions
from rtsched.model.quantities import QUANTITIES
from rtsched.model.system import Estimates, Overheads
from rtsched.model.task import Arrival, Constant, Execution, OnFault, OnMiss, Periodic
from rtsched.visible import cut

PERIODIC, CONSTANT = Periodic(), Constant()


@dataclass(frozen=True, slots=True)
class ProcessorSpec:
    """One server of work.

    `blackouts` lists the half-open intervals [start, end) in which it stands still; `reset` is the time in ns that
    stopping a segment takes on a processor that is not preemptive (None: it cannot be stopped, and drains).
    """

    index: int
    name: str
    cluster: str
    kind: Kind = "cpu"
    service: Service = "preemptive"
    speed: Fraction = Fraction(1)
    context_switch: int = 0
    migration: int = 0
    reset: int | None = None
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

    `kernels` are what it launches on a GPU served block by block; `energy` is in nJ for the whole node, `edp` the sum
    of its layers' energy-delay products in ms mJ; `weights` in bytes are those of `network`, `state` what a checkpoint
    puts aside (None: the accelerator's own figure).
    """

    memory: tuple[MemorySpec | None, ...] = ()
    kernels: tuple[tuple[Kernel | Copy, ...] | None, ...] = ()
    energy: tuple[int | None, ...] = ()
    edp: tuple[float | None, ...] = ()
    network: str = ""
    weights: int = 0
    state: int | None = None


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """How long batches of a node take: on processor p, ``sizes[p]`` are (size, time relative to one), ascending.

    Nodes of one `name` may share a batch, where their own times are the same.
    """

    name: str
    sizes: tuple[tuple[tuple[int, Fraction], ...], ...]

    def ratio(self, place: int, size: int) -> Fraction | None:
        """The time of a batch on processor `place` relative to that of one; None where there is none so large."""
        if size == 1:
            return Fraction(1)
        return next((ratio for most, ratio in self.sizes[place] if size <= most), None)


@dataclass(frozen=True, slots=True)
class CopySpec:
    """What a node needs from node `source`, where clusters are chosen at run time.

    ``links[from_cluster, to_cluster]`` is the link (a processor) that brings it from one to the other; pairs without a
    link cost nothing. `node` is the transfer: numbered after the nodes of its task, with its time alone on each of
    these links, from `source` to the node that reads it.
    """

    source: int
    node: NodeSpec
    links: dict[tuple[str, str], int]

    @property
    def times(self) -> dict[tuple[str, str], int]:
        """The time in ns of each of the ways, alone on the link at its nominal bandwidth."""
        return {pair: self.node.times[link] or 0 for pair, link in self.links.items()}


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a task graph: `times[p]` is its execution time on processor p, or None.

    `losses[p]`, if any, is the accuracy that is lost by running it there; `copies` are what it waits for at a start
    in a cluster that does not have them yet; `batch` says how long several of it take together; `split`, that it may
    run on several processors at once, in shares that it takes so many ns to join; ``speedup[p]``, if any, are (part of
    the unit, measured speed relative to all of it), ascending, without the whole. ``origins[p]``, if any, says where
    its time on processor p is from, where somebody says it.
    """

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
    losses: tuple[float, ...] = ()
    copies: tuple[CopySpec, ...] = ()
    batch: BatchSpec | None = None
    split: int | None = None
    speedup: tuple[tuple[tuple[Fraction, Fraction], ...], ...] = ()
    origins: tuple[Origin | None, ...] = ()

    def speed_at(self, place: int, part: Fraction) -> Fraction:
        """Its speed on a part of the unit of processor `place`, relative to all of it.

        As measured; of a part between two measured ones that of the smaller. On less than the least it takes turns on
        that; without measurements on the whole.
        """
        known = self.speedup[place] if self.speedup else ()
        if part == 1 or not known:
            return part
        least, slowest = known[0]
        if part < least:
            return slowest * part / least
        return next(speed for size, speed in reversed(known) if size <= part)

    @property
    def eligible(self) -> tuple[int, ...]:
        """The processors the node may use, ascending."""
        return tuple([index for index, time in enumerate(self.times) if time is not None])

    @property
    def fastest(self) -> int:
        """The shortest of its execution times, in ns."""
        return min(time for time in set(self.times) if time is not None)


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """One way of running a task: the same graph with other times, without the nodes in `skipped`.

    `accuracy` is None where it is not known.
    """

    index: int
    name: str
    nodes: tuple[NodeSpec, ...]
    accuracy: float | None = None
    skipped: frozenset[int] = frozenset()

    @property
    def lasting(self) -> tuple[NodeSpec, ...]:
        """The nodes for a task that never runs another variant: those it skips take 1 ns, the least there is."""
        return tuple(
            replace(node, times=tuple(None if time is None else 1 for time in node.times), regions=())
            if node.index in self.skipped
            else node
            for node in self.nodes
        )


@dataclass(frozen=True, slots=True)
class ExitSpec:
    """An answer of this accuracy is there once `node` is done."""

    index: int
    name: str
    node: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class BranchSpec:
    """After `node` one of `targets` is run: way w if the draw (or the difficulty) lies below ``bounds[w]``."""

    node: int
    targets: tuple[int, ...]
    bounds: tuple[float, ...]
    by_difficulty: bool = False


@dataclass(frozen=True, slots=True)
class QualitySpec:
    """What a task's answers are worth, and the ways to get them.

    `variants`, if any, are ordered from the best (number 0, whose nodes are the task's own) down; `exits` as they are
    met; `accuracy` is that of the best, None where it is not known; `measure` says what accuracies count. `switch` says
    whether the variant may change before each node, `inside` also between the regions of one; `shares` is each node's
    part of what a variant loses. A late answer loses its worth linearly over `decay` ns (None: at once). `errors` say
    who errs with whom (None: nested); where they combine members, the accuracies of `exits` are those of all members up
    to each. The rest as in ``rtsched.model.variants.Difficulty``.
    """

    accuracy: float | None = None
    variants: tuple[VariantSpec, ...] = ()
    exits: tuple[ExitSpec, ...] = ()
    switch: bool = False
    inside: bool = False
    shares: tuple[float, ...] = ()
    correlation: float = 0.0
    reliability: float = 0.9
    predictor: float | None = None
    decay: int | None = None
    measure: str = "top1"
    errors: ErrorsSpec | None = None

    @property
    def measured(self) -> bool:
        """Whether every answer has a known accuracy."""
        return self.accuracy is not None and all(variant.accuracy is not None for variant in self.variants)


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A source of jobs. `deadline` is relative to the arrival; smaller `priority` is more urgent.

    `origins` say where its execution times come from; a plain `wcet`, which a person declares, has none.
    """

    index: int
    name: str
    nodes: tuple[NodeSpec, ...]
    period: int | None
    deadline: int
    priority: int
    offset: int = 0
    jitter: int = 0
    release: int | None = None
    arrival: Arrival = PERIODIC
    execution: Execution = CONSTANT
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
    quality: QualitySpec | None = None
    branches: tuple[BranchSpec, ...] = ()
    origins: tuple[Origin, ...] = ()
    inputs: InputsSpec | None = None
    id: str | None = None
    communication: str = "implicit"
    clock: str | None = None
    misses: Misses | None = None

    @property
    def basis(self) -> Basis:
        """What its execution times claim to be: the weakest of their origins."""
        return weakest(origin.basis for origin in self.origins)

    @property
    def all_nodes(self) -> tuple[NodeSpec, ...]:
        """The nodes of the task and of all its variants."""
        if self.quality is None or not self.quality.variants:
            return self.nodes
        return tuple(node for variant in self.quality.variants for node in variant.nodes)

    @property
    def pieces(self) -> tuple[NodeSpec, ...]:
        """The nodes as traces number them: after them come the transfers to nodes with a choice of cluster."""
        copies = [copy.node for node in self.nodes for copy in node.copies]
        return (*self.nodes, *sorted(copies, key=lambda node: node.index)) if copies else self.nodes

    @property
    def volume(self) -> int:
        """The sum of the nodes' fastest execution times, in ns."""
        return sum(node.fastest for node in self.nodes)

    @property
    def critical_path(self) -> int:
        """The longest path through the graph with every node on its fastest processor, in ns."""
        return self.nodes[0].fastest if len(self.nodes) == 1 else max(critical_paths(self))


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """A cause-effect chain as task indices, from the first to the last; what is required of it in ns, if anything.

    The limits are those of `rtsched.model.quantities`.
    """

    name: str
    tasks: tuple[int, ...]
    max_reaction: int | None = None
    max_age: int | None = None
    max_reduced_reaction: int | None = None
    max_reduced_age: int | None = None
    max_latency: int | None = None
    id: str | None = None

    @property
    def limits(self) -> dict[str, int]:
        """What is required of it in ns, by the code of the quantity."""
        found = {code: getattr(self, each.key) for code, each in QUANTITIES.items()}
        return {code: limit for code, limit in found.items() if limit is not None}


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One piece of hardware and the processors it serves as: a core, an accelerator, a GPU or an instance of one.

    `bandwidth` is the part of the memory's, in bytes per second, that an isolated instance has to itself.
    """

    index: int
    name: str
    cluster: str
    processors: tuple[int, ...]
    description: Cluster
    block_level: BlockLevel | None = None
    bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class HardwareSpec:
    """The parts of a chip that a run uses beyond plain processors; a system without any has no HardwareSpec.

    `rated` are the processors whose speed can change or that cost extra; `power` None leaves energy uncounted.
    `caps` are the highest frequencies that a power mode allows, by cluster.
    `courses` hold for each link with a varying bandwidth its points (instant, bytes per second) or its Markov chain.
    """

    platform: Platform
    units: tuple[UnitSpec, ...]
    rated: frozenset[int]
    power: PowerOptions | None = None
    caps: dict[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    environment: tuple[Change, ...] = ()
    courses: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannerSpec:
    """A decision keeps `processor` from serving for `cost` ns, and `per_segment` ns for each segment that waits."""

    processor: int
    cost: int = 0
    per_segment: int = 0


@dataclass(frozen=True, slots=True)
class SystemSpec(Displayed):
    """A whole system in integers. `protocols` maps each resource to that of `Resource`.

    `reservable` says how much of a resource policies may set aside for jobs.
    """

    processors: tuple[ProcessorSpec, ...]
    tasks: tuple[TaskSpec, ...]
    name: str = "system"
    chains: tuple[ChainSpec, ...] = ()
    protocols: dict[str, str] = field(default_factory=dict)
    overheads: Overheads = field(default_factory=Overheads)
    assumed: tuple[str, ...] = ()
    hardware: HardwareSpec | None = None
    estimates: Estimates = field(default_factory=Estimates)
    planner: PlannerSpec | None = None
    reservable: dict[str, int] = field(default_factory=dict)
    id: str | None = None

    def __repr__(self) -> str:
        return f"<SystemSpec {cut(self.name)!r}: {len(self.tasks)} tasks, {len(self.processors)} processors>"
