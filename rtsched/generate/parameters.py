"""What is asked for: the parameters of random systems, as they stand in a file or are said in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from rtsched.errors import InputError
from rtsched.generate.deadlines import Deadlines, Implicit
from rtsched.generate.graphs import Graph
from rtsched.generate.mixes import Mixed
from rtsched.generate.periods import LogUniform, Periods
from rtsched.generate.streams import canonical
from rtsched.generate.unrelated import UnrelatedClusters
from rtsched.generate.utilisations import RandFixedSum, Utilisations
from rtsched.model import catalogue
from rtsched.model.base import Model, problem
from rtsched.model.config import plain, validate
from rtsched.model.document import Document, read_yaml
from rtsched.model.overrides import Override
from rtsched.model.platform import Platform
from rtsched.model.system import SchedulerField, Simulate
from rtsched.model.task import Constant, Execution, Task
from rtsched.visible import as_found

#: The mean load of the processors where nothing is said.
LOAD = 0.7

Load = Annotated[float, Field(gt=0, le=100)]
Count = Annotated[int, Field(ge=1, le=100_000)]


#: What has no effect beside what, and why.
NO_EFFECT = (
    ("utilisations", "networks", "the times are measured, and the mixes are drawn to the load"),
    ("periods", "networks", "they come at their 'rates'"),
    ("graph", "networks", "networks are looked up whole"),
    ("unrelated", "networks", "the times are measured"),
)


#: Keys of a task that come out of others of ours, or change the load that is asked for.
DRAWN = ("name", "wcet", "network", "graph", "period", "rate", "release", "deadline", "offset", "jitter", "execution",
         "instances")  # fmt: skip


def _span(value: Any) -> Any:
    return {"most": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_content(platform: str | Platform) -> str | Platform:
    """A file counts by what it holds, not by where it lies."""
    is_file = isinstance(platform, str) and catalogue.is_path(platform)
    return catalogue.load_platform(str(platform)) if is_file else platform


def _unrelated(value: Any) -> Any:
    return {"speeds": value} if isinstance(value, str) else value


def _random(value: Any) -> Any:
    return None if isinstance(value, Constant) else value  # which tasks have anyway


class Span(Model):
    """A part of the period, uniform between `least` and `most`; a number alone is the most."""

    least: Annotated[float, Field(ge=0, le=100)] = 0.0
    most: Annotated[float, Field(ge=0, le=100)] = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.least > self.most:
            raise problem("'least' must not exceed 'most'", "least")
        return self


Part = Annotated[Span, BeforeValidator(_span, json_schema_input_type=float | Span)]


class Generate(Model):
    """A kind of random systems: how many tasks, of what load, on which chip, with which periods and deadlines.

    `utilisation` is the mean load of the processors (0.7 of four cores is 2.8 in all), or that of each cluster by name;
    `total_utilisation` says the sum instead.
    """

    platform: Annotated[str | Platform, AfterValidator(_as_content)] = Field(
        default="uniprocessor", description="a catalogue name, a path or the platform itself"
    )
    tasks: Count | Annotated[dict[str, Count], Field(min_length=1)] = Field(
        default=10, description="how many; in all, or for each cluster that 'utilisation' names"
    )
    utilisation: Load | Annotated[dict[str, Load], Field(min_length=1)] | None = Field(
        default=None, description="mean load of the processors, or of those of each cluster; default: 0.7"
    )
    total_utilisation: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        default=None, description="the sum over all tasks, instead of 'utilisation'"
    )
    utilisations: Utilisations = RandFixedSum()
    periods: Periods = LogUniform()
    deadlines: Deadlines = Implicit()
    graph: Graph | None = Field(default=None, description="each task a DAG; its nodes are for clusters, each for one")
    unrelated: Annotated[
        UnrelatedClusters | None,
        BeforeValidator(_unrelated, json_schema_input_type=Literal["inconsistent", "consistent"] | UnrelatedClusters),
    ] = Field(default=None, description="work has a time of its own on each cluster")
    networks: Mixed | None = Field(default=None, description="mixes of measured networks, instead of drawn times")
    offsets: Part = Field(default=Span(), description="the first arrival, in periods: 1 is anywhere in the first one")
    jitter: Part = Field(default=Span(), description="the most that a release lags behind its arrival, in periods")
    execution: Annotated[Execution | None, AfterValidator(_random)] = Field(
        default=None, description="random execution times, as in a system file"
    )
    task: dict[str, Any] = Field(default={}, description="further keys of every task, as in a system file")
    scheduler: SchedulerField | None = Field(default=None, description="of each system, as in a system file")
    simulate: Simulate | None = Field(default=None, description="of each system, as in a system file")

    @model_validator(mode="after")
    def _makes_sense(self) -> Generate:
        for key, beside, why in NO_EFFECT:
            given, other = getattr(self, key), getattr(self, beside)
            if other is not None and given is not None and given != type(self).model_fields[key].default:
                raise problem(f"{key!r} has no effect beside {beside!r}: {why}; leave one of them out", key)
        for beside in ("graph", "unrelated"):
            if getattr(self, beside) is not None and isinstance(self.tasks, dict):
                raise problem(f"with {beside!r} no task belongs to one cluster alone; write how many in all", "tasks")
        if self.unrelated is not None and isinstance(self.utilisation, dict):
            raise problem("times on unrelated clusters load no cluster of their own; write one number", "utilisation")
        return self

    @model_validator(mode="after")
    def _networks_have_their_place(self) -> Generate:
        if self.networks is not None and self.networks.units is not None and isinstance(self.utilisation, dict):
            raise problem("'units' have no effect where 'utilisation' names the clusters; leave them out", "networks")
        placed = [key for key in ("pin", "processors") if key in self.task]
        if placed and self.networks is not None:
            raise problem(f"{placed[0]!r} of a network is the unit that it loads; leave it out", "task")
        return self

    @model_validator(mode="after")
    def _tasks_make_sense(self, info: ValidationInfo) -> Generate:
        drawn = [name for name in self.task if name in DRAWN]
        if drawn:
            raise problem(
                f"{drawn[0]!r} of a task comes out of the other keys; leave it out ('task' has further ones)", "task"
            )
        try:
            Task.model_validate({"name": "t", "wcet": "1 ms", "period": "1 s", **self.task}, context=info.context)
        except InputError as error:
            raise problem("; ".join(text.partition(": ")[2] for text in error.problems), "task") from None
        return self

    @model_validator(mode="after")
    def _says_one_load(self) -> Generate:
        if self.utilisation is not None and self.total_utilisation is not None:
            raise problem("'utilisation' and 'total_utilisation' say the same thing twice; give one", "utilisation")
        return self

    @cached_property
    def content(self) -> str:
        """All that is asked for, as a text that is the same for the same content."""
        return canonical(self.model_dump(mode="json", by_alias=True))

    @cached_property
    def shown(self) -> str:
        """What differs from the defaults, in the same form."""
        return canonical(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def parameters_of(source: Generate | Mapping[str, Any] | str | Path | None, **keys: Any) -> Generate:
    """Parameters as they are, out of a mapping or a file, with some keys set anew. Raises InputError."""
    if isinstance(source, str | Path):
        return read(source, keys=keys)
    if isinstance(source, Generate) and not keys:
        return source
    if source is not None and not isinstance(source, Generate | Mapping):
        raise InputError(
            f"parameters are a mapping, a file or a Generate (found {as_found(source)}); e.g. {{'tasks': 10}}"
        )
    return Generate.model_validate({**plain(source or {}), **keys})


def read(
    path: str | Path | None, overrides: Sequence[Override] = (), keys: Mapping[str, Any] | None = None
) -> Generate:
    """The parameters in a file (None: the defaults), with some set anew. Raises InputError, also for hopeless ones."""
    from rtsched.generate.recipe import Recipe

    document = Document({}, "parameters") if path is None else read_yaml(path)
    data = document.data | dict(keys or {})
    platform = data.get("platform")
    if path is not None and isinstance(platform, str) and catalogue.is_path(platform):
        beside = Path(path).parent / platform  # as a system file names its platform
        data["platform"] = str(beside) if beside.exists() else platform
    found = validate(Generate, document.with_data(data), overrides)
    try:
        Recipe(found)
    except InputError as error:
        raise InputError(*(_placed(document, text) for text in error.problems)) from None
    return found


def _placed(document: Document, text: str) -> str:
    """A problem with its place: that of the key it begins with, where the file has it."""
    return text if not document.data else f"{document.where(tuple(text.partition(':')[0].split('.')))}: {text}"
