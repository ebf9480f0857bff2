"""A system: platform, tasks, scheduler and the options of a run. What a workload file describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema, model_validator

from rtsched import units
from rtsched.display import Displayed
from rtsched.model.assumption import ASSUMPTIONS, Validation
from rtsched.model.base import Duration, Id, Model, PositiveDuration, problem, whole_number
from rtsched.model.environment import Change, Fault
from rtsched.model.limit import Limit
from rtsched.model.origin import Origins, Statistic, check_origins
from rtsched.model.platform import Platform
from rtsched.model.power import PowerOptions
from rtsched.model.quantities import QUANTITIES, trigger_path
from rtsched.model.task import Task
from rtsched.model.work import Times
from rtsched.visible import cut

#: `until` in words: the hyperperiod (with the transient before it), or chosen by the tool.
HYPERPERIOD: Final = "hyperperiod"
AUTO: Final = "auto"


def _until(value: Any, info: ValidationInfo) -> Any:
    if value in (HYPERPERIOD, AUTO):
        return value
    if isinstance(value, str):
        value = _parsed(value)
    elif info.context is not None and info.context.get("file"):
        raise problem("a run lasts a time with a unit; write e.g. '10 s' or 'hyperperiod'")
    number = whole_number(value)
    if number is None or number <= 0:
        raise problem("a run lasts a positive time; write e.g. '10 s' or 'hyperperiod'")
    return number


def _parsed(text: str) -> int:
    try:
        return units.parse_duration(text)
    except ValueError as error:
        raise problem(f"{error}, or 'hyperperiod'") from None


Until = Annotated[
    int | Literal["hyperperiod", "auto"],
    BeforeValidator(_until),
    PlainSerializer(lambda v: v if isinstance(v, str) else units.format_duration(v), when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["10 s", "hyperperiod"]}),
]


class Simulate(Model):
    """The options of a run. `until` bounds the releases; `drain` says how a run ends (docs/design.md §4.5)."""

    until: Until = AUTO
    seed: int = Field(default=0, ge=0, lt=2**63)
    warm_up: Duration = 0
    drain: Literal["deadline", "all"] = Field(
        default="deadline",
        description="how long jobs may go on after the last release: for the longest deadline, or until all are done",
    )


class Overheads(Model):
    """What the operating system costs.

    `context_switch` precedes a segment on a processor that last ran another one; `migration` is added when a segment
    resumes on another processor than it left; `scheduling` is charged on the processor at each start of a segment.
    """

    context_switch: Duration = 0
    migration: Duration = 0
    scheduling: Duration = 0


class Planner(Model):
    """What deciding costs: `core` serves nobody for `cost`, and `per_segment` for each segment that waits then.

    A decision begins when something has happened and the core can be had, and takes effect when it is over.
    """

    core: str = Field(description="a CPU core by name, or a CPU cluster of one core")
    cost: Duration = 0
    per_segment: Duration = 0


#: Relative: 0.1 is a tenth longer, -0.5 half as long.
Bias = Annotated[float, Field(gt=-1, le=100)]


class Estimates(Model):
    """How what policies believe of execution times errs; what nodes really take stays as it is.

    A belief starts from the planned time: `bias` makes it longer (0.1: by a tenth) or shorter, that of all tasks or of
    those named; `noise` multiplies it by a log-normal draw of median 1 and this sigma, once for each node, variant and
    processor. `learning` is the weight of a new measurement in an exponential average, and `staleness` how much later
    than its end one begins to count.
    """

    bias: Bias | dict[str, Bias] = 0.0
    noise: float = Field(default=0.0, ge=0, le=5)
    learning: float = Field(default=0.0, ge=0, le=1)
    staleness: Duration = 0

    @model_validator(mode="after")
    def _learns(self) -> Estimates:
        if self.staleness and not self.learning:
            raise problem(
                "'staleness' has no effect where nothing is learnt; write e.g. 'learning: 0.1', or leave it out",
                "staleness",
            )
        return self


class JobModel(Model):
    """One explicit job: all times absolute, as textbooks print job sets."""

    name: str | None = None
    release: Duration = 0
    wcet: Times
    origin: Origins | None = Field(default=None, description="where the wcet is from: its kind, for all or per cluster")
    deadline: PositiveDuration
    priority: int | None = None

    @model_validator(mode="after")
    def _origin_fits(self) -> JobModel:
        check_origins(self.origin, self.wcet)
        return self


def _amount(value: Any) -> int:
    number = whole_number(value)
    if isinstance(value, str):
        try:
            number = units.parse_size(value)
        except ValueError as error:
            raise problem(f"{error}, or a whole number") from None
    if number is None or not 0 < number < 2**62:
        raise problem("an amount is a positive size or whole number; write e.g. '2 GB' or 500")
    return number


#: A size in bytes, or a whole number in the policy's own unit.
Amount = Annotated[
    int,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string", "examples": ["2 GB"]}, {"type": "integer", "exclusiveMinimum": 0}]}),
]


class Resource(Model):
    """Something only one job can hold at a time, and the protocol that guards it."""

    protocol: Literal["none", "inheritance", "ceiling", "original-ceiling"] = "none"


class Chain(Model):
    """A cause-effect chain: what the first task senses, the last one acts on.

    `max_reaction` limits the time from a stimulus, which the first task may just have missed, to the end of the first
    output that knows of it; `max_age` how old the data behind an output becomes until the next output ends. Of the
    reduced ones the first begins at the read of the first task, the second ends with the output itself. `max_latency`
    is for tasks of which each releases the next (`after`): from the arrival of the first job to the end of the last.
    """

    name: str
    id: Id | None = Field(default=None, description="what a requirement on it is called elsewhere, e.g. REQ-018")
    tasks: tuple[str, ...] = Field(min_length=2)
    max_reaction: PositiveDuration | None = None
    max_age: PositiveDuration | None = None
    max_reduced_reaction: PositiveDuration | None = None
    max_reduced_age: PositiveDuration | None = None
    max_latency: PositiveDuration | None = None

    @property
    def requires(self) -> bool:
        """Whether anything is required of it."""
        return any(getattr(self, each.key) is not None for each in QUANTITIES.values())


#: ``module:Class`` in the name of a policy.
_CODE = re.compile(r"\w:[^\W\d]")
_NAMING = ("name", "ordering", "placement", "adaptation", "admission", "speed")


def _scheduler(value: Any, info: ValidationInfo) -> Any:
    """A name, or names joined by ``+``, as a mapping; integers of any kind as Python's own.

    A file may not name code, which could be a stranger's: nobody sees later where a System came from.
    """
    parts = {"name": value} if isinstance(value, str) else _own_numbers(value)
    if info.context is not None and info.context.get("file") and isinstance(parts, dict):
        for name in _names(parts):
            if _CODE.search(name):
                raise problem(
                    f"{name!r} names code, which a file may not; say it on the command line (--scheduler), or give it "
                    "an entry point and write its name"
                )
    return parts


def _names(parts: dict[str, Any]) -> Iterator[str]:
    """The names in a scheduler's description: of its parts, and of the orderings of clusters."""
    for key, part in parts.items():
        inner = [part.get("name"), part.get("ordering")] if isinstance(part, dict) else [part]
        if key not in _NAMING and isinstance(part, dict) and isinstance(part.get("ordering"), dict):
            inner.append(part["ordering"].get("name"))
        yield from (name for name in inner if isinstance(name, str))


def _own_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _own_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_own_numbers(item) for item in value]
    number = whole_number(value)
    return value if number is None else number


#: Kept as it was written; in a file a text or a mapping.
SchedulerField = Annotated[
    dict[str, Any],
    BeforeValidator(_scheduler),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "examples": ["rm+first-fit"]}, {"type": "object", "additionalProperties": True}]}
    ),
]


class System(Displayed, Model):
    """A platform with tasks and a scheduler.

    `scheduler` is kept as it was written (a name and parameters); ``rtsched.api`` resolves it against the registered
    policies. `platform` is a catalogue name, a path or the platform itself.
    """

    name: str = "system"
    id: Id | None = Field(default=None, description="what the requirement on all of it is called elsewhere")
    title: str | None = None
    why: str | None = Field(default=None, description="what the system teaches or tests")
    platform: str | Platform
    scheduler: SchedulerField = {"ordering": "edf"}
    wcet: Statistic | None = Field(
        default=None,
        description="which measured time of a network counts: typical, p99, max, max*1.2, or bound (none does); "
        "default: typical in runs, the largest in proofs",
    )
    simulate: Simulate = Simulate()
    overheads: Overheads = Overheads()
    planner: Planner | None = None
    estimates: Estimates = Estimates()
    resources: dict[str, Resource] = {}
    reservable: dict[str, Amount] = Field(
        default={},
        description="how much policies that reserve may set aside for jobs: a size, or a number in their unit",
    )
    tasks: tuple[Task, ...] = ()
    jobs: tuple[JobModel, ...] | str = ()
    chains: tuple[Chain, ...] = ()
    limits: tuple[Limit, ...] = Field(default=(), description="of loads: what `analyse` and `report` hold them against")
    power: PowerOptions | None = Field(default=None, description="count energy, set frequencies, let the chip heat up")
    faults: tuple[Fault, ...] = ()
    environment: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    chosen: tuple[str, ...] = Field(default=(), description="numbers that are ours, without a source")
    assumed: tuple[str, ...] = ()
    assumptions: dict[str, Validation] = Field(
        default={}, description="what is known of the assumptions of a proof, by the names that `analyse --json` has"
    )
    generated: dict[str, Any] | None = Field(
        default=None, description="of a random system: what was asked for, seed, index, and the utilisation reached"
    )

    def __repr__(self) -> str:
        where = self.platform if isinstance(self.platform, str) else self.platform.name
        count = f"{len(self.tasks)} task{'s' * (len(self.tasks) != 1)}"
        policy = ", ".join(f"{key} {value}" for key, value in self.scheduler.items())
        return f"<System {cut(self.name)!r}: {count} on {cut(where)!r}, scheduler {cut(policy, 120)}>"

    __str__ = __repr__

    @model_validator(mode="after")
    def _names_fit(self) -> System:
        if not self.tasks and not self.jobs:
            raise problem("a system needs at least one task (or job)")
        names: set[str] = set()
        for place, task in enumerate(self.tasks):
            for name in instance_names(task):
                if name in names:
                    raise problem(f"two tasks are called {name!r}; rename one", "tasks", place, "name")
                names.add(name)
        known = {task.name: task for task in self.tasks}
        for place, task in enumerate(self.tasks):
            at = ("tasks", place, "after")
            if task.after is not None and task.after.task not in known:
                raise problem(f"task {task.name!r} comes after {task.after.task!r}, which is no task", *at)
            if task.after is not None and known[task.after.task].communication == "let":
                raise problem(
                    f"task {task.name!r} is released by the end of {task.after.task!r}, which writes at its deadline "
                    "(communication: let); leave one of the two out",
                    *at,
                )
        self._check_trigger_circles()
        for name in self.assumptions:
            if name.partition(".")[0] not in ASSUMPTIONS:
                raise problem(
                    f"no proof assumes anything called {name!r}; known: {', '.join(ASSUMPTIONS)}", "assumptions"
                )
        biased = self.estimates.bias if isinstance(self.estimates.bias, dict) else {}
        for name in biased:
            if name not in known:
                raise problem(f"the bias of 'estimates' names {name!r}, which is no task", "estimates")
        for place, chain in enumerate(self.chains):
            for number, name in enumerate(chain.tasks):
                if name not in names:
                    where = ("chains", place, "tasks", number)
                    raise problem(f"chain {chain.name!r} names {name!r}, which is no task", *where)
        self._check_latencies()
        self._check_ids()
        return self

    def _check_latencies(self) -> None:
        """A latency is that of jobs that release each other."""
        if all(chain.max_latency is None for chain in self.chains):
            return
        names = [name for task in self.tasks for name in instance_names(task)]
        places = {name: place for place, name in enumerate(names)}
        models = {task.name: task for task in self.tasks}
        after: list[int | None] = []
        for task in self.tasks:
            before = [] if task.after is None else instance_names(models[task.after.task])
            after += [
                places[before[0 if len(before) == 1 else min(number, len(before) - 1)]] if before else None
                for number in range(task.instances)
            ]
        for position, chain in enumerate(self.chains):
            if chain.max_latency is None:
                continue
            for first, second in pairwise(chain.tasks):
                if trigger_path(after, (places[first], places[second])) is None:
                    raise problem(
                        f"a latency is that of tasks of which each releases the next, and {second!r} does not come "
                        f"'after' {first!r}; limit the reaction (max_reaction), or let it come after",
                        "chains",
                        position,
                        "max_latency",
                    )

    def _check_ids(self) -> None:
        """No two of the system, its tasks, its chains and its limits have one id."""
        known: dict[str, tuple[str, tuple[str | int, ...]]] = {}
        if self.id is not None:
            known[self.id] = ("the system", ("id",))
        named = [("tasks", place, task.name, task.id) for place, task in enumerate(self.tasks)]
        named += [("chains", place, chain.name, chain.id) for place, chain in enumerate(self.chains)]
        named += [("limits", place, limit.of, limit.id) for place, limit in enumerate(self.limits)]
        for kind, place, name, own in named:
            if own is None:
                continue
            if own in known:
                whose, other = known[own]
                message = f"{own!r} is the id of {whose}, too; give each its own"
                raise problem(message, kind, place, "id", also=other)
            known[own] = (f"{kind[:-1]} {name!r}", (kind, place, "id"))

    def _check_trigger_circles(self) -> None:
        before = {task.name: task.after.task for task in self.tasks if task.after is not None}
        clear: set[str] = set()
        for start in before:
            path: set[str] = set()
            name = start
            while name in before and name not in clear:
                if name in path:
                    place = next(place for place, task in enumerate(self.tasks) if task.name == start)
                    message = f"the 'after' of task {start!r} goes round in a circle; break it"
                    raise problem(message, "tasks", place, "after")
                path.add(name)
                name = before[name]
            clear |= path


def instance_names(task: Task) -> list[str]:
    """The names of a task's instances: its own, or name[0], name[1], …"""
    return [task.name] if task.instances == 1 else [f"{task.name}[{number}]" for number in range(task.instances)]
