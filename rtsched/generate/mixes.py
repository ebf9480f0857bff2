"""Mixes of real networks: out of the catalogue's latency tables, at usual rates, to the load that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from rtsched import units
from rtsched.dnn.lowering import Lowering
from rtsched.errors import InputError
from rtsched.generate.groups import Group
from rtsched.model import catalogue
from rtsched.model.base import Model, RatePeriod
from rtsched.model.platform import Platform
from rtsched.model.system import System

#: Mixes at a time, and how many are drawn before a load counts as out of reach.
BATCH, MOST_MIXES = 64, 100_000

CAMERAS = tuple(map(units.parse_period, ("10 Hz", "15 Hz", "20 Hz", "30 Hz", "60 Hz")))


class Networks(Model):
    """Networks of the catalogue, each at one of the `rates`, each pair as likely; `of` names them (default: all).

    Of each unit those that were measured there and load it by less than one processor. Mixes are drawn anew until the
    load of the unit is what is asked for, within the `tolerance`.
    """

    of: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    rates: Annotated[tuple[RatePeriod, ...], Field(min_length=1)] = CAMERAS
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = Field(default=0.01, description="relative to the load asked for")


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
    """A network as a task names it, and its median time on one cluster in ns."""

    network: Any
    name: str
    time: int

    def as_given(self) -> Any:
        """What a task says, made anew: whoever gets it may change it."""
        return dict(self.network) if isinstance(self.network, dict) else self.network


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
    rows = [row for row in catalogue.latency_table() if row["platform"] in names]
    inputs: dict[str, set[str]] = {}
    for row in rows:
        inputs.setdefault(row["network"], set()).add(row["input"])
    found: dict[str, list[Option]] = {name: [] for name in platform.processors}
    for name in sorted(inputs) if asked.of is None else asked.of:
        sizes = sorted(inputs.get(name, set()) - {""})
        for network in [{"network": name, "input": size} for size in sizes] if len(sizes) > 1 else [name]:
            mine = [row for row in rows if row["network"] == name]
            for cluster, time in _times(network, platform, mine, needed=asked.of is not None).items():
                found[cluster].append(Option(network, name, time))
    return found


def _times(network: Any, platform: Platform, rows: list[dict[str, str]], needed: bool) -> dict[str, int]:
    """By cluster the time of a network, as a run takes it; nothing if it has none that way and is not `needed`."""
    task = {"name": "t", "network": network, "period": units.S}
    try:
        system = System.model_validate({"platform": platform, "tasks": [task]})
        spec = Lowering(system, platform, rows).lower()
    except InputError as error:
        if needed:
            raise InputError(*(f"networks: {text.removeprefix('task ')}" for text in error.problems)) from None
        return {}
    times: dict[str, int] = {}
    for processor, time in zip(spec.processors, spec.tasks[0].nodes[0].times, strict=True):
        if time is not None:
            times.setdefault(processor.cluster, time)
    return times
