"""Work: what runs on one processor, for how long, and what it asks of the hardware.

A task with a graph (its own, or a network that is cut) is the work of its nodes. What it says of itself holds for
those of its nodes that say nothing of theirs.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from rtsched.model.accelerator import GpuOperation, MemoryUse
from rtsched.model.base import Duration, Energy, Model, PositiveDuration, Size, problem
from rtsched.model.origin import Origins, check_origins

#: A share of the inputs on which the answer is right.
Accuracy = Annotated[float, Field(ge=0, le=1)]

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


def _batch(value: Any) -> Any:
    """Sizes alone hold everywhere; a mapping of places names clusters, processors or kinds."""
    if not isinstance(value, dict):
        return value
    about = value if value.keys() & {"name", "times"} else {"times": value}
    times = about.get("times")
    plain = isinstance(times, dict) and not any(isinstance(each, dict) for each in times.values())
    return {**about, "times": {ANY: times}} if plain else about


class Batch(Model):
    """How long so many of it take together, relative to one, for policies that start batches.

    ``{"2": 1.6, "4": 2.8}`` holds everywhere, ``{npu: {"2": 1.6}}`` there only; a size that lies between is padded to
    the next. What has the same `name` (default: the network's, else its own alone) and the same times goes together.
    """

    name: str | None = Field(default=None, min_length=1)
    times: dict[str, dict[Annotated[int, Field(ge=2, le=4096)], Annotated[float, Field(ge=1, le=4096)]]] = Field(
        min_length=1
    )

    @model_validator(mode="after")
    def _grow(self) -> Batch:
        for sizes in self.times.values():
            if not sizes:
                raise problem("there are no sizes; write e.g. '\"2\": 1.6'", "times")
            ratios = [sizes[size] for size in sorted(sizes)]
            if ratios != sorted(ratios):
                raise problem("a larger batch takes less time than a smaller one; pad the smaller one instead", "times")
        return self


class Split(Model):
    """That it may run on several processors at once, each with a share of it, for policies that split.

    `join` is what it costs to put the results of the shares together.
    """

    join: Duration


def _speedup(value: Any) -> Any:
    """Parts alone hold everywhere; a mapping of places names clusters, processors or kinds."""
    if not isinstance(value, dict):
        return value
    plain = not any(isinstance(each, dict) for each in value.values())
    return {
        place: {str(part): speed for part, speed in parts.items()} if isinstance(parts, dict) else parts
        for place, parts in ({ANY: value} if plain else value).items()
    }


def _checked_speedup(value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Whoever has more of a unit is not slower, and nobody is faster than alone."""
    for parts in value.values():
        speeds = {}
        for part, speed in parts.items():
            try:
                speeds[Fraction(part)] = speed
            except (ValueError, ZeroDivisionError):
                raise problem(f"the part {part!r} of a unit is no number; write e.g. '\"1/4\": 0.3'") from None
        if not speeds or not all(0 < part <= 1 for part in speeds):
            raise problem("parts of a unit lie above 0 and at most at 1; write e.g. '\"1/4\": 0.3'")
        if len(speeds) < len(parts):
            raise problem("a part of the unit stands twice; write it once")
        if speeds.get(Fraction(1), 1.0) != 1:
            raise problem("speeds are relative to all of the unit, at which the speed is 1; leave 1 out")
        if [speeds[part] for part in sorted(speeds)] != sorted(speeds.values()):
            raise problem("a larger part of the unit is slower than a smaller one; leave the rest of it idle instead")
    return value


#: Per cluster, processor or kind: the measured speed of a part of a unit, relative to all of it.
Speedups = Annotated[
    dict[str, dict[str, Annotated[float, Field(gt=0, le=1)]]],
    BeforeValidator(_speedup),
    AfterValidator(_checked_speedup),
    Field(min_length=1),
    WithJsonSchema({"type": "object", "examples": [{"1/4": 0.3, "1/2": 0.6}, {"npu": {"1/2": 0.6}}]}),
]

#: Band leaves pieces of fewer operators than this to the CPU.
SMALLEST = 7


class NetworkUse(Model):
    """A network out of the catalogue's latency tables: its times on each processor that it was measured on.

    With a `partition` (or where `network` is the path of an ONNX model or a network file) it is cut into the nodes of a
    task graph: ``whole``, Band's ``units``, at ``articulation`` points, its ``layers``, or into so many balanced
    pieces.
    """

    network: str
    operators: str | None = Field(default=None, description="its network file or ONNX model, if called otherwise")
    partition: Literal["whole", "units", "articulation", "layers"] | Annotated[int, Field(ge=1, le=1000)] | None = None
    unsupported: dict[str, tuple[str, ...]] = Field(
        default={}, description="per cluster the kinds of operators that it cannot run"
    )
    smallest: int = Field(default=SMALLEST, ge=1, description="Band leaves smaller pieces to the CPU")
    input: str | None = Field(
        default=None, description="input size as the table prints it; of a square one, '480' or '480x480'"
    )
    precision: str | None = None
    runtime: str | None = None
    threads: int | None = Field(default=None, ge=1)

    @property
    def is_cut(self) -> bool:
        """Whether it is read from a file of operators, which are cut into nodes, instead of looked up whole."""
        return self.partition is not None or self.operators is not None or is_file(self.network)

    @model_validator(mode="after")
    def _cuts_something(self) -> NetworkUse:
        if self.unsupported and not self.is_cut:
            raise problem("'unsupported' has no effect on a network that is not cut; add a 'partition'", "unsupported")
        if self.smallest != SMALLEST and self.partition != "units":
            raise problem("'smallest' has no effect without 'partition: units'; leave it out", "smallest")
        return self


def is_file(network: str) -> bool:
    """Whether a network is the name of an ONNX model or of a network file."""
    return network.endswith((".onnx", ".csv"))


class Section(Model):
    """A critical section: the job holds `resource` from `start` for `length` of its own execution.

    Measured in execution time as the file writes it, at the reference speed, and scaled with what the job really takes:
    on a processor of another speed, with several threads, and where a job takes less than its wcet.
    """

    resource: str
    start: Duration
    length: PositiveDuration


class Work(Model):
    """What runs on one processor: an execution time, or a network to look it up for; where, and in what pieces."""

    wcet: Times | None = None
    origin: Origins | None = Field(default=None, description="where the wcet is from: its kind, for all or per cluster")
    network: str | NetworkUse | None = None
    pin: str | None = Field(default=None, description="one processor by name, e.g. big0")
    processors: tuple[str, ...] | None = Field(default=None, description="the clusters or processors it may use")
    regions: tuple[PositiveDuration, ...] | None = Field(
        default=None,
        description="non-preemptive regions that sum to the execution time: in its unit, and scaled with it "
        "(a looked-up network: in the time that was measured)",
    )
    sections: tuple[Section, ...] = ()
    preemptive: bool | None = Field(default=None, description="whether it can be preempted; default: yes")
    threads: int | None = Field(
        default=None, ge=1, description="on a CPU cluster that is one server; default: the most"
    )
    kernels: tuple[GpuOperation, ...] | None = Field(
        default=None, min_length=1, description="what it launches on a GPU served block by block"
    )
    memory: Memories | None = Field(default=None, description="its use of the shared memory, for all or per cluster")
    energy: Energies | None = Field(default=None, description="for the whole of it, instead of power x time")
    state: Size | None = Field(default=None, description="bytes a checkpoint of it puts aside; default: the cluster's")
    weights: Size | None = Field(default=None, description="bytes of weights that must be on the accelerator")
    batch: Annotated[Batch, BeforeValidator(_batch)] | None = Field(
        default=None, description="times by batch size, relative to one: of each node"
    )
    split: Split | None = Field(
        default=None, description="it may run on several processors at once, in shares: each node"
    )
    speedup: Speedups | None = Field(
        default=None,
        description="measured speed on parts of a unit, relative to all of it, for policies that share",
    )
    loss: dict[str, Accuracy] | None = Field(
        default=None, description="accuracy that is lost when it runs on a cluster or processor, e.g. in int8"
    )

    @property
    def sources_of_time(self) -> int:
        """How many of wcet, network and (instead of both) kernels are given."""
        given = (self.wcet is not None) + (self.network is not None)
        return given or int(self.kernels is not None)

    @model_validator(mode="after")
    def _pieces_fit(self) -> Work:
        check_origins(self.origin, self.wcet)
        if self.pin is not None and self.processors is not None:
            raise problem("'pin' and 'processors' contradict each other; give one", "processors")
        if self.threads is not None and isinstance(self.network, NetworkUse) and self.network.threads is not None:
            raise problem("'threads' stands with the network, too; give it once", "threads")
        if self.batch is not None and (self.regions or self.sections):
            raise problem("what has regions or sections runs in no batch; leave one of them out", "batch")
        if self.split is not None and (self.regions or self.sections):
            raise problem("what has regions or sections is not split; leave one of them out", "split")
        if self.regions is not None and self.wcet is not None:
            if any(time != sum(self.regions) for time in self.wcet.values()):
                raise problem("the regions must sum to the wcet (on every processor)", "regions")
        return self
