"""A platform: the processors of a chip, in clusters of equal ones, and the links between them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from rtsched.display import Displayed
from rtsched.model.accelerator import BlockLevel, Checkpoint, Weights
from rtsched.model.base import (
    Bandwidth,
    Duration,
    Frequency,
    Model,
    PositiveDuration,
    Power,
    problem,
    whole_number,
)
from rtsched.model.environment import BandwidthPoint, Markov
from rtsched.model.memory import Memory, contenders
from rtsched.model.power import OperatingPoint, PowerModel, Thermal
from rtsched.visible import cut

Kind = Literal["cpu", "gpu", "npu", "dsp", "dla", "mcu", "link", "cloud"]
Service = Literal["preemptive", "node", "run-to-completion"]

#: How a processor serves when its file does not say: design.md §6.
SERVICE: dict[str, Service] = {
    "cpu": "preemptive",
    "mcu": "preemptive",
    "gpu": "node",
    "npu": "run-to-completion",
    "dsp": "run-to-completion",
    "dla": "run-to-completion",
    "link": "run-to-completion",
    "cloud": "node",
}


def _ratio(value: Any) -> Fraction:
    """An exact positive number: 2, 0.5 (as printed, not as binary floating point) or "1/3"."""
    number = whole_number(value)
    if isinstance(value, Fraction):
        speed = value
    elif number is None and not isinstance(value, float | str):
        raise problem("a speed is a positive number, e.g. 0.5 or '1/3'")
    else:
        try:
            speed = (
                Fraction(Decimal(repr(float(value))))
                if isinstance(value, float)
                else Fraction(value if number is None else number)
            )
        except (ValueError, ArithmeticError):
            raise problem("a speed is a positive number, e.g. 0.5 or '1/3'") from None
    if speed <= 0:
        raise problem("a speed must be positive, e.g. 0.5 or '1/3'")
    if speed > 10**6 or speed < Fraction(1, 10**6) or speed.denominator > 10**9:
        raise problem("a speed lies between 0.000001 and 1000000, with a denominator of at most 10^9")
    return speed


#: An exact positive ratio.
Speed = Annotated[
    Fraction,
    BeforeValidator(_ratio),
    PlainSerializer(lambda value: int(value) if value.denominator == 1 else str(value), when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]


class Driver(Model):
    """What serves the queue of a cluster on the chip, and what says so. No run and no proof changes by it.

    Reports put it beside what a proof assumes of the cluster, and say where the two differ.
    """

    name: str = Field(min_length=1, description="the driver, the runtime or the hardware that decides, e.g. rknpu")
    version: str | None = None
    order: Literal["fifo", "fp", "edf", "fair", "time slices"] | None = Field(
        default=None, description="the order in which it serves what waits"
    )
    interrupts: Literal["never", "any time"] | None = Field(
        default=None, description="whether it interrupts what it has started"
    )
    evidence: str = Field(min_length=1, description="what says so, in words")


class Cluster(Model):
    """Equal processors that a task may use alike: the cores of one type, or one accelerator.

    `speed` is relative to the processor that plain execution times are written for (uniform processors);
    `speeds` gives each processor its own. `service` says when a running segment can lose the processor.
    """

    kind: Kind = "cpu"
    cores: int = Field(default=1, ge=1, le=16_384)
    core: str | None = Field(default=None, description="microarchitecture, e.g. Cortex-A76")
    model: str | None = Field(default=None, description="product name, e.g. Mali-G610 MP4")
    speed: Speed = Fraction(1)
    speeds: tuple[Speed, ...] | None = None
    service: Service | None = Field(default=None, description="default by kind: CPU preemptive, GPU node, others run")
    context_switch: Duration = 0
    migration: Duration = 0
    reset: PositiveDuration | None = Field(
        default=None,
        description="how long it takes to stop what runs where service is not preemptive: a killed segment, and one "
        "whose job is aborted, dropped or accepted early; without it the latter drain. REEF's GPU reset of running "
        "kernels takes 35 to 40 us (Han et al., OSDI 2022)",
    )
    frequency_max: Frequency | None = None
    frequency_domains: tuple[tuple[int, ...], ...] | None = None
    operating_points: tuple[OperatingPoint, ...] | None = None
    switch_latency: Duration = Field(default=0, description="of a frequency change")
    power: PowerModel | None = None
    threads: dict[int, Annotated[float, Field(gt=0)]] | None = Field(
        default=None, description="the cluster as one server: measured speed-up per number of threads"
    )
    contexts: int = Field(default=1, ge=1, le=64, description="segments that one core can hold at a time")
    sharing: Literal["equal", "none"] = Field(
        default="equal", description="whether active contexts share a core's speed, or each has all of it"
    )
    block_level: BlockLevel | None = None
    checkpoint: Checkpoint | None = None
    weights: Weights | None = None
    driver: Driver | None = None
    peak: dict[str, str] | None = Field(default=None, description="peak rate per precision, as published")
    facts: dict[str, str | int | float] | None = Field(default=None, description="further facts, as published")

    @model_validator(mode="after")
    def _speeds_match(self) -> Cluster:
        if self.speeds is not None and len(self.speeds) != self.cores:
            raise problem(f"{len(self.speeds)} speeds for {self.cores} cores; give one speed per core")
        if self.frequency_domains is not None:
            named = sorted(core for domain in self.frequency_domains for core in domain)
            if named != list(range(self.cores)):
                raise problem(f"the frequency domains must name each of the cores 0..{self.cores - 1} once")
        if self.operating_points is not None:
            hertz = [point.frequency for point in self.operating_points]
            if not hertz or hertz != sorted(set(hertz)):
                raise problem("operating points must be listed by ascending frequency, at least one")
            scored = sum(point.score is not None for point in self.operating_points)
            if scored not in (0, len(hertz)):
                raise problem(f"{scored} of {len(hertz)} operating points have a 'score'; give it for all or for none")
        return self

    @model_validator(mode="after")
    def _served_one_way(self) -> Cluster:
        if self.threads is not None:
            if self.kind != "cpu" or self.contexts > 1:
                raise problem("'threads' makes one server of a CPU cluster; it has no 'contexts'")
            if not self.threads or any(not 1 <= count <= self.cores for count in self.threads):
                raise problem(f"the numbers of threads lie between 1 and the {self.cores} cores")
        if self.block_level is not None and (self.kind != "gpu" or self.contexts > 1 or self.cores > 1):
            raise problem("'block_level' describes one GPU: kind gpu, one core, its streams instead of 'contexts'")
        if self.reset is not None and self.serves == "preemptive":
            raise problem("a preemptive processor stops at once; leave its 'reset' out")
        if self.block_level is not None and self.serves == "preemptive":
            raise problem(
                "a GPU with a 'block_level' is never preempted: blocks run to their end (found 'service: preemptive'); "
                "leave 'service' out, or the 'block_level'"
            )
        if self.block_level is not None and self.checkpoint is not None:
            raise problem(
                "the state of a 'block_level' GPU's running blocks is not put aside; leave 'checkpoint' out: a policy "
                "stops it between kernels (soc.limit)",
                "checkpoint",
            )
        if self.contexts > 1 and self.serves == "preemptive":
            raise problem("'contexts' are those of an accelerator; a preemptive processor switches by itself")
        return self

    @property
    def serves(self) -> Service:
        """The service in force: the file's, else the kind's."""
        return self.service or SERVICE[self.kind]


class Link(Model):
    """A connection between two clusters: a transfer of b bytes takes latency + b / bandwidth and uses it alone."""

    between: tuple[str, str]
    latency: Duration = 0
    bandwidth: Bandwidth | None = None
    trace: tuple[BandwidthPoint, ...] | str | None = Field(
        default=None, description="bandwidth over time: points, or a CSV with columns at and bandwidth"
    )
    markov: Markov | None = None

    @model_validator(mode="after")
    def _one_course(self) -> Link:
        if self.trace is not None and self.markov is not None:
            raise problem("a link's bandwidth follows either a 'trace' or 'markov'")
        if (self.trace is not None or self.markov is not None) and self.bandwidth is None:
            raise problem("a link whose bandwidth varies also needs a nominal 'bandwidth', which policies plan with")
        return self


class ModeLimit(Model):
    """What a power mode leaves of a cluster: cores in use, and the highest frequency."""

    cores: int | None = Field(default=None, ge=0)
    frequency_max: Frequency | None = None


class Platform(Displayed, Model):
    """A chip: clusters of processors by name, links, memory, and where each number comes from."""

    name: str = Field(default="platform", min_length=1)
    title: str | None = None
    aliases: tuple[str, ...] = ()
    processors: dict[str, Cluster] = Field(min_length=1)
    links: dict[str, Link] = {}
    memory: Memory | None = None
    base_power: Power = Field(default=0, description="drawn all the time, beside the processors")
    thermal: Thermal | None = None
    power_modes: dict[str, dict[str, ModeLimit]] = {}
    notes: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    assumed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        clusters = ", ".join(f"{name} {each.cores} x {each.kind}" for name, each in self.processors.items())
        return f"<Platform {cut(self.name)!r}: {cut(clusters, 200)}>"

    __str__ = __repr__

    @model_validator(mode="after")
    def _links_join_clusters(self) -> Platform:
        for name, link in self.links.items():
            for end in link.between:
                if end not in self.processors:
                    raise problem(
                        f"link {name!r} ends at {end!r}, which is no cluster; known: {', '.join(self.processors)}"
                    )
            if link.between[0] == link.between[1]:
                raise problem(f"link {name!r} joins {link.between[0]!r} with itself; name two clusters")
            if name in self.processors:
                raise problem(f"{name!r} names a link and a cluster; rename one")
        named = set() if self.memory is None or self.memory.contention is None else contenders(self.memory.contention)
        for name in sorted(named - set(self.processors)):
            raise problem(f"memory.contention names {name!r}, which is no cluster; known: {', '.join(self.processors)}")
        for mode, limits in self.power_modes.items():
            for cluster in limits:
                if cluster not in self.processors:
                    raise problem(
                        f"power mode {mode!r} limits {cluster!r}, which is no cluster; "
                        f"known: {', '.join(self.processors)}"
                    )
        return self
