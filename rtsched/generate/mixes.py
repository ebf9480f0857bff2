"""Mixes of real networks: out of the catalogue's latency tables, at usual rates, to the load that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rtsched import units
from rtsched.dnn.families import known_families
from rtsched.dnn.lowering import Lowering
from rtsched.errors import InputError
from rtsched.generate.groups import Group
from rtsched.model import catalogue
from rtsched.model.base import Model, RatePeriod, problem
from rtsched.model.platform import Kind, Platform
from rtsched.model.system import System

#: Mixes at a time, and how many are drawn before a load counts as out of reach.
BATCH, MOST_MIXES = 64, 100_000

#: What a run may take from a row of a table of variants.
FACTS = ("family", "value", "metric", "accuracy", "time", "relative_time", "platform", "processor", "threads")

CAMERAS = tuple(map(units.parse_period, ("10 Hz", "15 Hz", "20 Hz", "30 Hz", "60 Hz")))


class Networks(Model):
    """Networks of the catalogue, each at one of the `rates`, each pair as likely; `of` names them (default: all).

    Of each unit those that were measured there and load it by less than one processor. Mixes are drawn anew until the
    load of the unit is what is asked for, within the `tolerance`. With `variants` they are families of variants
    instead, of known accuracy and with two or more times there; the load counts the best variant.
    """

    of: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    rates: Annotated[tuple[RatePeriod, ...], Field(min_length=1)] = CAMERAS
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = Field(default=0.01, description="relative to the load asked for")
    variants: bool = Field(default=False, description="families of variants, which adaptations choose from")
    units: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None, description="the units that are loaded, by name or kind; default: all that any was measured on"
    )
    precision: str | None = Field(default=None, description="of networks that were measured at several")
    supported: Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)] | None = Field(
        default=None,
        description="cut into Band's units, which run anywhere: by cluster, the chance of a kind of operator",
    )
    always: tuple[str, ...] = Field(default=(), description="kinds of operators that are supported in any case")

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the later keys where they say nothing: sets are drawn by what is asked for, and stay as they were."""
        found: dict[str, Any] = dump(self)
        return {key: value for key, value in found.items() if key in ("of", "rates", "tolerance") or value}

    @model_validator(mode="after")
    def _makes_sense(self) -> Networks:
        if self.variants and (self.supported is not None or self.precision is not None):
            key = "precision" if self.supported is None else "supported"
            raise problem("has no effect on families of variants; leave one of them out", key)
        if self.always and self.supported is None:
            raise problem("has no effect where all operators are supported; leave it out", "always")
        if self.supported is not None and self.of is None:
            raise problem("needs networks whose operators are known; name some in 'of'", "supported")
        return self

    def loads(self, platform: Platform, cluster: str) -> bool:
        """Whether a cluster is one of those that are to be loaded."""
        return self.units is None or cluster in self.units or platform.processors[cluster].kind in self.units

    def tables(self) -> list[Any]:
        """What mixes are drawn of, as plain data: other tables make other systems."""
        if not self.variants:
            return [{key: cell for key, cell in row.items() if key != "row"} for row in catalogue.latency_table()]
        rows = [row for family in known_families().values() for row in family.rows]
        return [[getattr(row, fact) for fact in FACTS] for row in rows]

    def check_units(self, platform: Platform) -> None:
        """Raise InputError for a unit that is neither a cluster of the platform nor a kind of processors."""
        for name in self.supported or ():
            if name not in platform.processors:
                raise InputError(f"networks: supported: {name!r} is no cluster of platform {platform.name!r}; "
                                 f"it has {', '.join(platform.processors)}")  # fmt: skip
        for name in self.units or ():
            if name not in platform.processors and name not in get_args(Kind):
                raise InputError(
                    f"networks: {name!r} is neither a cluster of platform {platform.name!r} "
                    f"({', '.join(platform.processors)}) nor a kind ({', '.join(get_args(Kind))})"
                )


def _networks(value: Any) -> Any:
    if value == "all":
        return {}
    return {"of": value} if isinstance(value, list | tuple) else value


#: ``all``, a list of names, or names and rates.
Mixed = Annotated[
    Networks, BeforeValidator(_networks, json_schema_input_type=Literal["all"] | tuple[str, ...] | Networks)
]


@dataclass(frozen=True, slots=True)
class Option:
    """A network, or a family (`key` says which), as a task names it, and its time on one cluster in ns."""

    network: Any
    name: str
    time: int
    key: str = "network"

    def as_given(self) -> dict[str, Any]:
        """What a task says, made anew: whoever gets it may change it."""
        return {self.key: dict(self.network) if isinstance(self.network, dict) else self.network}


@dataclass(frozen=True, slots=True)
class Pool:
    """What may be drawn for one group: options times rates, with the load of each."""

    group: Group
    options: list[Option]
    rates: tuple[int, ...]
    pairs: Any
    loads: Any
    tolerance: float

    def draw(self, random: np.random.Generator) -> list[tuple[Option, int]]:
        """Networks and their periods in ns. Raises InputError where no mix comes near the load."""
        group = self.group
        for _ in range(-(-MOST_MIXES // BATCH)):
            chosen = (random.random((BATCH, group.count)) * len(self.pairs)).astype(np.int64)
            near = np.abs(self.loads[chosen].sum(axis=1) - group.total) <= self.tolerance * group.total
            first = int(np.argmax(near))
            if near[first]:
                pairs = self.pairs[chosen[first]].tolist()
                return [(self.options[pair // len(self.rates)], self.rates[pair % len(self.rates)]) for pair in pairs]
        least, mean, most = (group.count * float(load) for load in _spread(self.loads))
        raise InputError(
            f"networks: of {MOST_MIXES} mixes of {group.count} networks for {group.name} none "
            f"comes within {100 * self.tolerance:g} % of a load of {group.total:.4g}; theirs is {least:.3g} to "
            f"{most:.3g}, on average {mean:.3g}; change 'tasks', 'utilisation' or 'rates', or raise the 'tolerance'"
        )


def _spread(loads: Any) -> tuple[Any, Any, Any]:
    return loads.min(), loads.mean(), loads.max()


def pools(asked: Networks, platform: Platform, groups: Sequence[Group], times: dict[str, list[Option]]) -> list[Pool]:
    """What may be drawn for each group. Raises InputError where nothing fits."""
    found = []
    for group in groups:
        options = times[group.name]
        loads = np.array([[option.time / rate for rate in asked.rates] for option in options]).reshape(-1)
        pairs = np.flatnonzero(loads <= 1)
        if not len(pairs):
            raise InputError(
                f"networks: on {group.name} of platform {platform.name!r} no network "
                + (
                    "is fast enough for any of the rates; lower 'rates'"
                    if options
                    else "was measured; name another unit"
                )
            )
        found.append(Pool(group, options, asked.rates, pairs, loads[pairs], asked.tolerance))
    return found


def measured(asked: Networks, platform: Platform) -> dict[str, list[Option]]:
    """By cluster what was measured there. Raises InputError for a network that is named and was measured nowhere."""
    names = (platform.name, *platform.aliases)
    if asked.variants:
        return _families(asked, platform, names)
    rows = [row for row in catalogue.latency_table() if row["platform"] in names]
    inputs: dict[str, set[str]] = {}
    for row in rows:
        inputs.setdefault(row["network"], set()).add(row["input"])
    found: dict[str, list[Option]] = {name: [] for name in platform.processors}
    for name in sorted(inputs) if asked.of is None else asked.of:
        for network in _ways(asked, name, sorted(inputs.get(name, set()) - {""})):
            mine = [row for row in rows if row["network"] == name]
            known = rows if asked.supported is not None else mine  # a cost model is fitted to all of them
            for cluster, time in _times({"network": network}, platform, known, asked).items():
                found[cluster].append(Option(network, name, time))
    return found


def _ways(asked: Networks, name: str, sizes: list[str]) -> list[Any]:
    """How a network is named: at each of its sizes, at a precision; if it is to be cut, as a whole all the same."""
    more = {} if asked.precision is None else {"precision": asked.precision}
    if asked.supported is not None:
        return [{"network": name, **more, "partition": "whole"}]
    if len(sizes) > 1:
        return [{"network": name, "input": size, **more} for size in sizes]
    return [{"network": name, **more}] if more else [name]


def _families(asked: Networks, platform: Platform, names: Sequence[str]) -> dict[str, list[Option]]:
    """By cluster the families of two or more variants, all of known accuracy, with times there."""
    found: dict[str, list[Option]] = {name: [] for name in platform.processors}
    families = known_families()
    for name in sorted(families) if asked.of is None else asked.of:
        rows = [row for row in families[name].rows if row.platform in names] if name in families else []
        given = {row.value for row in rows if row.time is not None and row.accuracy is not None}
        if asked.of is None and (len(given) < 2 or any(row.accuracy is None for row in rows)):
            continue
        for cluster, time in _times({"variants": {"family": name}}, platform, [], asked).items():
            found[cluster].append(Option({"family": name}, name, time, "variants"))
    return found


def _times(
    work: dict[str, Any], platform: Platform, rows: Sequence[Mapping[str, str]], asked: Networks
) -> dict[str, int]:
    """By cluster the time of a network, as a run takes it; nothing if it has none that way and none was named."""
    task = {"name": "t", **work, "period": units.S}
    try:
        system = System.model_validate({"platform": platform, "tasks": [task]})
        spec = Lowering(system, platform, rows).lower()
    except InputError as error:
        if asked.of is not None:
            raise InputError(*(f"networks: {text.removeprefix('task ')}" for text in error.problems)) from None
        return {}
    times: dict[str, int] = {}
    for processor, time in zip(spec.processors, spec.tasks[0].nodes[0].times, strict=True):
        if time is not None:
            times.setdefault(processor.cluster, time)
    return times
