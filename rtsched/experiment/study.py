"""A study as it is described: where systems come from, what varies, which policies, what is measured, when to stop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rtsched.errors import InputError
from rtsched.generate.parameters import Part, Span
from rtsched.model.base import Duration, Model, PositiveDuration, problem
from rtsched.model.config import read_yaml, validate
from rtsched.model.document import Document
from rtsched.model.overrides import parse_override

#: More points, seeds, or runs, than anybody waits for.
MOST_POINTS, MOST_SEEDS, MOST_RUNS = 10_000, 100_000, 1_000_000_000
#: What an axis may vary beside parameters of the generator (``generate.…``) and values of the system (their paths).
SOURCES = ("system", "platform", "suspensions")


class Range(Model):
    """So many values from the first to the last one, evenly apart."""

    from_: float = Field(alias="from")
    to: float
    points: int = Field(ge=2, le=MOST_POINTS)

    def values(self) -> tuple[float, ...]:
        """The numbers, whole ones as integers; in fractions, so that 0.1 to 1 in ten points has 0.3 and no 0.30000…4.

        >>> Range(**{"from": 0.1, "to": 0.4, "points": 4}).values()
        (0.1, 0.2, 0.3, 0.4)
        """
        first, last = Fraction(str(self.from_)), Fraction(str(self.to))
        steps = (first + (last - first) * place / (self.points - 1) for place in range(self.points))
        return tuple(int(step) if step.denominator == 1 else float(step) for step in steps)


@dataclass(frozen=True)
class Labelled:
    """A value of an axis that is called by a label."""

    label: str
    value: Any


class Stop(Model):
    """When less is enough: a run ends at its `first_miss`; a point, when all intervals of a metric are narrow.

    `width` is that of the whole 95 % interval of `metric` (the first one unless named), looked at after every `every`
    sets, so that the number of processes changes nothing.
    """

    first_miss: bool = False
    width: float | None = Field(default=None, gt=0)
    metric: str | None = None
    every: int = Field(default=100, ge=10)

    @model_validator(mode="after")
    def _together(self) -> Stop:
        if self.metric is not None and self.width is None:
            raise problem("has no effect without 'width'; give both", "metric")
        return self


class Study(Model):
    """One study: points (the product of all axes) x sets of a point x policies x seeds.

    Either `generate` says how systems are drawn, set k of each point by itself, or `system` names one. In Python a
    policy may also be a class or an object, and a system anything that ``rtsched.load`` takes.
    """

    name: str = ""
    seed: int = Field(default=0, ge=0, lt=2**63)
    generate: dict[str, Any] | None = None
    system: Any = None
    platform: Any = None
    set: dict[str, Any] = {}
    axes: dict[str, Range | tuple[Any, ...]] = {}
    policies: Any = ("file",)
    tests: tuple[str, ...] = ()
    suspensions: Part | None = None
    sets: int = Field(default=1000, ge=1, le=10_000_000)
    seeds: int | tuple[int, ...] = 1
    until: PositiveDuration | Literal["hyperperiod"] | None = None
    do: Literal["simulate", "analyse", "both"] = "simulate"
    metrics: tuple[str, ...] = ()
    per_task: bool = False
    stop: Stop = Stop()
    timeout: Duration = 0

    @field_validator("metrics", "tests", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("axes", mode="before")
    @classmethod
    def _by_label(cls, axes: Any) -> Any:
        """Values by label, as policies are; what has a key of a range is meant as one."""
        if not isinstance(axes, Mapping):
            return axes
        return {
            name: tuple(Labelled(str(label), value) for label, value in values.items())
            if isinstance(values, Mapping) and not {"from", "to", "points"} & set(values)
            else values
            for name, values in axes.items()
        }

    @field_validator("seeds")
    @classmethod
    def _some(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        numbers = range(value) if isinstance(value, int) else value
        if not 0 < len(numbers) <= MOST_SEEDS or any(not 0 <= number < 2**63 for number in numbers):
            raise problem(f"is how many seeds (1 to {MOST_SEEDS}), or a list of them; e.g. 10")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Study:
        if (self.generate is None) == (self.system is None and "system" not in self.axes):
            raise problem("a study has either 'generate' (random systems) or 'system' (one of yours); give one of them")
        if self.generate is None and "sets" in self.model_fields_set and self.sets != 1:
            raise problem("has no effect: nothing is drawn; leave it out, or vary 'seeds'", "sets")
        if self.do == "analyse":
            for key in ("seeds", "until", "metrics"):
                if key in self.model_fields_set:
                    raise problem("has no effect on proofs ('do: analyse'); leave it out, or write 'do: both'", key)
        metric = self.stop.metric
        if self.stop.width is not None and not self.measured:
            raise problem("no metric is measured ('do: analyse'); leave 'width' out", "stop")
        if metric is not None and not any(metric == each or metric.startswith(f"{each}.") for each in self.measured):
            raise problem(f"the metric {metric!r} is not measured; add it to 'metrics'", "stop")
        if self.stop.first_miss and (self.do != "simulate" or self.measured != ("no_miss",)):
            raise problem("a run that ends at its first miss knows no more than that; write 'metrics: no_miss'", "stop")
        for name, values in self.axes.items():
            if not isinstance(values, Range) and not values:
                raise problem(f"the axis {name!r} has no values; list some", "axes")
            if name.startswith("generate.") and self.generate is None:
                raise problem(f"the axis {name!r} has no effect: nothing is generated; leave it out", "axes")
            if name in self.set:
                raise problem(f"{name!r} is an axis, and set for all points; leave one of them out", "set")
        if not self.tests and not (self.policies or isinstance(self.policies, type)):
            raise problem("no policy is named; give one, e.g. edf", "policies")
        points = math.prod(len(values) for _, values in self.varied())
        if points > MOST_POINTS:
            raise problem(f"makes {points} points, more than {MOST_POINTS}; take fewer values", "axes")
        return self

    def suspended(self, point: Point) -> Span | None:
        """For how long the jobs of a point suspend themselves, in parts of what their period leaves; None: not at all.

        Raises InputError.
        """
        value = dict(point.values).get("suspensions", self.suspensions)
        if value is None or isinstance(value, Span):
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            return Span.model_validate({"most": value} if number else value)
        except InputError as error:
            raise InputError(*(f"suspensions: {text}" for text in error.problems)) from None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The seeds of the runs of a set."""
        if self.do == "analyse":
            return (0,)
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else tuple(dict.fromkeys(self.seeds))

    @property
    def count(self) -> int:
        """How many systems a point has."""
        return 1 if self.generate is None else self.sets

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics of a run, each once; misses where none is named."""
        return () if self.do == "analyse" else tuple(dict.fromkeys(self.metrics or ("miss_ratio", "no_miss")))

    def varied(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Every axis with its values."""
        return [(name, each.values() if isinstance(each, Range) else each) for name, each in self.axes.items()]

    def points(self) -> tuple[Point, ...]:
        """Every combination of the axes' values; the last axis runs fastest."""
        varied = self.varied()
        names = [name for name, _ in varied]
        together = itertools.product(*(values for _, values in varied))
        return tuple(Point.of(place, names, values) for place, values in enumerate(together))


@dataclass(frozen=True)
class Point:
    """One combination of the axes' values: its number, and (axis, value) in the order of the axes.

    `shown` are the values as they are called: by their labels, where they have some.
    """

    index: int
    values: tuple[tuple[str, Any], ...]
    shown: tuple[Any, ...]

    @classmethod
    def of(cls, index: int, names: Sequence[str], values: Sequence[Any]) -> Point:
        """A point at these values of the axes."""
        plain = (each.value if isinstance(each, Labelled) else each for each in values)
        shown = tuple(each.label if isinstance(each, Labelled) else each for each in values)
        return cls(index, tuple(zip(names, plain, strict=True)), shown)

    def __str__(self) -> str:
        told = zip(self.values, self.shown, strict=True)
        return ", ".join(f"{name}={shown}" for (name, _), shown in told) or "the only point"


def read(path: str | Path, overrides: Sequence[str] = ()) -> Study:
    """The study in a YAML file, with some of its values set anew (``"sets=100"``). Raises InputError with the place.

    Files that it names lie beside it.
    """
    return of_document(read_yaml(path), overrides)


def of_document(document: Document, overrides: Sequence[str] = ()) -> Study:
    """The study in the document of a YAML file, as `read` gives it."""
    document.data.setdefault("name", Path(document.path).stem)
    found = validate(Study, document, [parse_override(text) for text in overrides])
    for key in ("policies", "system", "platform"):
        _plain(found, key, document)
    return found


def _plain(study: Study, key: str, document: Document) -> None:
    value = getattr(study, key)
    if isinstance(value, int | float) or (key == "system" and isinstance(value, list)):
        raise InputError(f"{document.where((key,))}: {key}: must be text (found {value!r}); write a name")


def of_mapping(study: Mapping[str, Any]) -> Study:
    """The study that a mapping describes, as a file would; policies and systems may also be objects."""
    return Study.model_validate(dict(study))
