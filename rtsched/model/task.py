"""Tasks: sources of jobs, with their arrivals, execution times, graphs and what happens on a miss."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from rtsched.model.accelerator import GpuOperation, MemoryUse
from rtsched.model.base import Duration, Energy, Model, PositiveDuration, RatePeriod, Size, problem

#: The key of an execution time that holds on every CPU, scaled by the processor's speed.
ANY = "any"


def _times(value: Any, info: ValidationInfo) -> Any:
    """``2 ms`` means the same on every CPU; a mapping names clusters, processors or kinds."""
    return value if isinstance(value, dict) else {ANY: value}


#: Execution time in nanoseconds per cluster, processor or kind; a plain duration holds on every CPU.
Times = Annotated[
    dict[str, PositiveDuration],
    BeforeValidator(_times),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["2 ms"]},
                {"type": "object", "additionalProperties": {"type": "string"}, "examples": [{"big": "2 ms"}]},
            ]
        }
    ),
]


def _per_place(value: Any) -> Any:
    """One description holds everywhere; a mapping of places names clusters, processors or kinds."""
    if isinstance(value, MemoryUse) or (isinstance(value, dict) and not value.keys() - _MEMORY_KEYS):
        return {ANY: value}
    return value


_MEMORY_KEYS = {"bound", "demand", "traffic", "class"}
Memories = Annotated[dict[str, MemoryUse], BeforeValidator(_per_place)]
Energies = Annotated[dict[str, Energy], BeforeValidator(_times)]


class NetworkUse(Model):
    """A network out of the catalogue's latency tables: its times on each processor that it was measured on."""

    network: str
    input: str | None = Field(default=None, description="input size as the table prints it, e.g. '480'")
    precision: str | None = None
    runtime: str | None = None
    threads: int | None = Field(default=None, ge=1)


class Section(Model):
    """A critical section: the job holds `resource` from `start` for `length` of its own execution."""

    resource: str
    start: Duration
    length: PositiveDuration


class Work(Model):
    """What runs on one processor: an execution time, or a network to look it up for; where, and in what pieces."""

    wcet: Times | None = None
    network: str | NetworkUse | None = None
    pin: str | None = Field(default=None, description="one processor by name, e.g. big0")
    processors: tuple[str, ...] | None = Field(default=None, description="the clusters or processors it may use")
    regions: tuple[PositiveDuration, ...] | None = Field(
        default=None, description="non-preemptive regions that sum to the wcet"
    )
    sections: tuple[Section, ...] = ()
    preemptive: bool = True
    threads: int | None = Field(
        default=None, ge=1, description="on a CPU cluster that is one server; default: the most"
    )
    kernels: tuple[GpuOperation, ...] | None = Field(
        default=None, min_length=1, description="what it launches on a GPU served block by block"
    )
    memory: Memories | None = Field(default=None, description="its use of the shared memory, for all or per cluster")
    energy: Energies | None = Field(default=None, description="for the whole of it, instead of power x time")
    state: Size | None = Field(default=None, description="bytes a checkpoint of it puts aside; default: the cluster's")
    weights: Size = Field(default=0, description="bytes of weights that must be on the accelerator")

    @property
    def sources_of_time(self) -> int:
        """How many of wcet, network and (instead of both) kernels are given."""
        given = (self.wcet is not None) + (self.network is not None)
        return given or int(self.kernels is not None)

    @model_validator(mode="after")
    def _pieces_fit(self) -> Work:
        if self.pin is not None and self.processors is not None:
            raise problem("'pin' and 'processors' contradict each other; give one")
        if self.regions is not None and self.wcet is not None:
            if any(time != sum(self.regions) for time in self.wcet.values()):
                raise problem("the regions must sum to the wcet (on every processor)")
        return self


class NodeModel(Work):
    """A node of a task graph."""

    @model_validator(mode="after")
    def _has_time(self) -> NodeModel:
        if self.sources_of_time != 1:
            raise problem("a node has either a 'wcet' or a 'network'")
        return self


def _edge(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) not in (2, 3):
            raise problem("an edge is [from, to] or [from, to, bytes], e.g. [a, b, 4 MB]")
        return dict(zip(("from", "to", "bytes"), value, strict=False))
    return value


class EdgeModel(Model):
    """An edge of a task graph: `to` needs `from`, and `bytes` travel when they run on linked clusters."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    bytes: Size = 0


class GraphModel(Model):
    """A DAG of nodes."""

    nodes: dict[str, NodeModel] = Field(min_length=1)
    edges: tuple[Annotated[EdgeModel, BeforeValidator(_edge)], ...] = ()

    @model_validator(mode="after")
    def _is_a_dag(self) -> GraphModel:
        after: dict[str, list[str]] = {name: [] for name in self.nodes}
        waiting = dict.fromkeys(self.nodes, 0)
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in self.nodes:
                    raise problem(f"an edge names {end!r}, which is no node; known: {', '.join(self.nodes)}")
            after[edge.source].append(edge.target)
            waiting[edge.target] += 1
        free = [name for name, count in waiting.items() if not count]
        for name in free:
            for target in after[name]:
                waiting[target] -= 1
                if not waiting[target]:
                    free.append(target)
        if len(free) < len(self.nodes):
            left = [name for name in self.nodes if name not in set(free)]
            raise problem(f"the graph has a cycle through {', '.join(left[:6])}; remove one of its edges")
        return self


class Periodic(Model):
    """One arrival every period, from the offset on; each release follows its arrival by at most the jitter."""

    kind: Literal["periodic"] = "periodic"


class Sporadic(Model):
    """Arrivals at least a period apart: the gap is the period plus an exponential extra of the given mean."""

    kind: Literal["sporadic"]
    mean_extra: Duration = 0


class Poisson(Model):
    """Arrivals with independent exponential gaps whose mean is the period."""

    kind: Literal["poisson"]


class BurstState(Model):
    """One state of a bursty source: exponential gaps of mean `gap` while it lasts, a time of mean `dwell`."""

    gap: PositiveDuration
    dwell: PositiveDuration


class Bursty(Model):
    """A Markov-modulated Poisson process: the states follow each other in turn, e.g. calm, burst, calm, …"""

    kind: Literal["bursty"]
    states: tuple[BurstState, ...] = Field(min_length=2, max_length=64)


class TraceArrivals(Model):
    """Recorded arrivals: `times`, or a CSV `file` with columns release and optionally deadline and execution.

    CSV times carry a unit in the cell ("3 ms") or in the header (``release_us``); deadline is relative.
    """

    kind: Literal["trace"]
    times: tuple[Duration, ...] | None = None
    file: str | None = None
    deadlines: tuple[PositiveDuration, ...] | None = Field(default=None, description="relative, one per arrival")
    execution: tuple[PositiveDuration, ...] | None = Field(default=None, description="one per arrival")

    @model_validator(mode="after")
    def _ordered(self) -> TraceArrivals:
        if (self.times is None) == (self.file is None):
            raise problem("a trace of arrivals has either 'times' or a 'file'")
        if self.times is not None:
            for number, (earlier, later) in enumerate(zip(self.times, self.times[1:], strict=False)):
                if later < earlier:
                    raise problem(f"arrival {number + 1} lies before arrival {number}; sort the trace by time")
            for name in ("deadlines", "execution"):
                column = getattr(self, name)
                if column is not None and len(column) != len(self.times):
                    raise problem(f"{len(column)} {name} for {len(self.times)} arrivals; give one each")
        return self


Arrival = Annotated[Periodic | Sporadic | Poisson | Bursty | TraceArrivals, Field(discriminator="kind")]

Share = Annotated[float, Field(gt=0, le=1000)]


class Constant(Model):
    """Every job takes its whole execution time."""

    kind: Literal["constant"] = "constant"


class Uniform(Model):
    """A factor of the execution time, uniform between `low` and `high`."""

    kind: Literal["uniform"]
    low: Share
    high: Share = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise problem("'low' must not exceed 'high'")
        return self


class _Truncated(Model):
    mean: Share
    std: Annotated[float, Field(ge=0, le=1000)]
    low: Share = 1e-6
    high: Share = 1.0

    @model_validator(mode="after")
    def _inside(self) -> _Truncated:
        if not self.low <= self.mean <= self.high:
            raise problem("'mean' must lie between 'low' and 'high'")
        return self


class Normal(_Truncated):
    """A factor of the execution time, normal with `mean` and `std`, truncated (redrawn) to [low, high]."""

    kind: Literal["normal"]


class LogNormal(_Truncated):
    """A factor of the execution time, log-normal; `mean` and `std` are the factor's own; truncated to [low, high]."""

    kind: Literal["lognormal"]


class Empirical(Model):
    """Measured execution times, drawn with replacement: `samples`, or the column `column` of a CSV `file`."""

    kind: Literal["empirical"]
    samples: tuple[PositiveDuration, ...] | None = None
    file: str | None = None
    column: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Empirical:
        if (self.samples is None) == (self.file is None):
            raise problem("empirical execution times have either 'samples' or a 'file'")
        if self.samples is not None and not self.samples:
            raise problem("'samples' is empty")
        if self.file is not None and self.column is None:
            raise problem("name the 'column' of the file, e.g. 'latency_ms'")
        return self


class Autocorrelated(Model):
    """Successive jobs resemble each other: a Gaussian copula of lag-1 correlation `correlation` over a marginal."""

    kind: Literal["autocorrelated"]
    correlation: Annotated[float, Field(ge=-0.999, le=0.999)]
    marginal: Annotated[Uniform | Normal | LogNormal | Empirical, Field(discriminator="kind")]


Execution = Annotated[Constant | Uniform | Normal | LogNormal | Empirical | Autocorrelated, Field(discriminator="kind")]

OnFault = Literal["restart", "resume", "drop"]
OnMiss = Literal["continue", "abort", "drop_at_start", "drop_if_hopeless", "skip_next"]


class After(Model):
    """A trigger: each completed job of `task` releases a job here, with the given probability."""

    task: str
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0


def _after(value: Any) -> Any:
    return {"task": value} if isinstance(value, str) else value


class Task(Work):
    """A source of jobs.

    Arrivals come from `period` or `rate` (with `offset` and `jitter`), from `arrival`, from `after` another task, or
    there is a single one (`release`). The relative `deadline` is counted from the arrival and defaults to the period.
    """

    name: str = Field(min_length=1, max_length=200)
    graph: GraphModel | None = None
    period: PositiveDuration | None = None
    rate: RatePeriod | None = None
    release: Duration | None = Field(default=None, description="the only arrival of a task that has one job")
    after: Annotated[After, BeforeValidator(_after)] | None = None
    arrival: Arrival = Periodic()
    deadline: PositiveDuration | None = None
    offset: Duration = 0
    jitter: Duration = 0
    priority: int | None = Field(default=None, description="smaller is more urgent; default: the place in the file")
    criticality: Literal["hard", "firm", "soft"] = "soft"
    weight: Annotated[float, Field(gt=0)] = 1.0
    on_miss: OnMiss = "continue"
    on_fault: OnFault = Field(
        default="restart",
        description="what becomes of a segment whose processor fails (the blocks of a GPU cannot resume)",
    )
    context: str | None = Field(default=None, description="its address space on a GPU served block by block")
    execution: Execution = Constant()
    count: int | None = Field(
        default=None, ge=1, description="how many jobs there are at most; default: as many as fit"
    )
    instances: int = Field(default=1, ge=1, le=10_000)
    overlap: bool = Field(default=False, description="whether jobs of this task may run at the same time")
    budget: PositiveDuration | None = Field(
        default=None, description="constant-bandwidth server: budget per server period"
    )
    server_period: PositiveDuration | None = None
    sources: dict[str, str] = {}
    assumed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Task:
        if self.sources_of_time + (self.graph is not None) != 1:
            raise problem("a task has exactly one of 'wcet', 'network' and 'graph'")
        if self.graph is not None and (self.regions or self.sections):
            raise problem("'regions' and 'sections' of a task with a 'graph' belong to its nodes")
        self._check_arrivals()
        if self.deadline is None and self.gap is None:
            raise problem("the deadline is missing, and there is no period to take it from; add 'deadline: 10 ms'")
        return self

    def _check_arrivals(self) -> None:
        if self.period is not None and self.rate is not None:
            raise problem("'period' and 'rate' say the same thing twice; give one")
        needs_period = self.arrival.kind in ("periodic", "sporadic", "poisson")
        single = (self.release is not None) + (self.after is not None)
        if single > 1 or (single and self.arrival.kind != "periodic"):
            raise problem("'release', 'after' and 'arrival' exclude each other")
        if self.release is not None and self.gap is not None:
            raise problem("a task with one 'release' has no period")
        if needs_period and not single and self.gap is None:
            raise problem("the period is missing; add 'period: 10 ms', 'rate: 100 Hz', 'after: TASK' or an 'arrival'")

    @property
    def gap(self) -> int | None:
        """The period in nanoseconds, however it was written."""
        return self.period if self.period is not None else self.rate
