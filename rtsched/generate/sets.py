"""Random systems, one by one: set `index` of what is asked for, under a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rtsched.errors import InputError
from rtsched.generate.groups import Group, counts, groups_of
from rtsched.generate.parameters import LOAD, Generate, Span, parameters_of
from rtsched.generate.streams import canonical, stream
from rtsched.model import catalogue
from rtsched.model.base import whole_number
from rtsched.visible import as_found

#: How far the utilisation of a set may be from what was asked for, and how often it is drawn anew if it is farther.
TOLERANCE, MOST_DRAWS = 0.01, 100

#: What a task set's own draws depend on: what only adds to it leaves it as it is.
CORE = ("utilisations", "periods")
#: What goes into a system as it stands.
PASSED = ("scheduler", "simulate")


def draw(parameters: Generate | Mapping[str, Any], *, seed: int = 0, index: int = 0) -> dict[str, Any]:
    """One random system as a mapping that `rtsched.load` takes; times are whole ns.

    It depends on the parameters, the seed and the index alone. Raises InputError where nothing can be drawn.
    """
    asked = parameters_of(parameters)
    return _recipe(asked.shown).draw(_number(seed, "seed"), _number(index, "index"))


def generate(
    parameters: Generate | Mapping[str, Any] | str | Path | None = None, *, count: int = 1, seed: int = 0, **keys: Any
) -> list[dict[str, Any]]:
    """Random systems: sets 0, 1, … of the parameters (a mapping, a file, a Generate), `keys` set anew.

    >>> system, = generate(tasks=3, utilisation=0.5, seed=7)
    >>> len(system["tasks"]), round(sum(t["wcet"] / t["period"] for t in system["tasks"]), 3)
    (3, 0.5)
    """
    asked = parameters_of(parameters, **keys)
    return [draw(asked, seed=seed, index=index) for index in range(_number(count, "count"))]


def key(parameters: Generate | Mapping[str, Any], *, seed: int = 0, index: int = 0) -> str:
    """What a set is known by: the same for the same parameters, seed and index, in any process."""
    content = parameters_of(parameters).content
    return hashlib.sha256(f"{seed}\0{index}\0{content}".encode()).hexdigest()


def check(parameters: Generate) -> None:
    """Refuse what cannot be drawn, before it is tried. Raises InputError."""
    _recipe(parameters.shown)


def text(document: Mapping[str, Any]) -> str:
    """A system as the YAML of a system file, with units as a person would write them."""
    from rtsched.model.config import to_yaml
    from rtsched.model.system import System

    return to_yaml(System.model_validate(document))


def _number(value: Any, what: str) -> int:
    number = whole_number(value)
    if number is None or not 0 <= number < 2**63:
        raise InputError(f"{what}: must be a whole number, zero or more (found {as_found(value)}); e.g. 1")
    return number


@lru_cache(maxsize=256)
def _recipe(shown: str) -> Recipe:
    return Recipe(Generate.model_validate(json.loads(shown)))


class Recipe:
    """What all sets of the same parameters share, worked out once."""

    def __init__(self, asked: Generate) -> None:
        self.asked = asked
        self.groups = _loaded(asked)
        self.samplers = [asked.utilisations.sampler(group.count, group.total, False) for group in self.groups]
        self.capacity = sum(group.capacity for group in self.groups)
        self.target = sum(group.total for group in self.groups) / self.capacity
        whole, given = json.loads(asked.content), json.loads(asked.shown)
        self.core = canonical([[[g.name, g.count, g.total] for g in self.groups], *(whole[name] for name in CORE)])
        self.own = {name: f"{self.core}\0{canonical(whole[name])}" for name in ("deadlines", "offsets", "jitter")}
        self.names = [f"t{number}" for number in range(sum(group.count for group in self.groups))]
        passed = {name: given[name] for name in PASSED if name in given}
        self.head = canonical({"platform": _platform(asked), **passed})
        self.plain = canonical(given.get("execution"))

    def draw(self, seed: int, index: int) -> dict[str, Any]:
        """Set `index` of the seed."""
        times, periods, reached = self._loads(stream("set", self.core, seed, index))
        tasks = self._tasks(times.tolist(), periods.tolist())
        self._add(tasks, "deadline", self._deadlines(times, periods, seed, index))
        self._add(tasks, "offset", self._spread("offsets", periods, seed, index))
        self._add(tasks, "jitter", self._spread("jitter", periods, seed, index))
        if self.asked.execution is not None:
            for task in tasks:
                task["execution"] = json.loads(self.plain)
        return {
            "name": f"set{index}",
            **self._head(),
            "tasks": tasks,
            "generated": {
                "parameters": json.loads(self.asked.shown), "seed": seed, "index": index, **self._reached(reached)
            },
        }  # fmt: skip

    def _head(self) -> dict[str, Any]:
        """Platform, scheduler and options, made anew for each system: whoever gets one may change it."""
        found: dict[str, Any] = json.loads(self.head)
        return found

    def _loads(self, random: np.random.Generator) -> tuple[Any, Any, list[float]]:
        """Execution times, periods, and what utilisation each group reaches; drawn anew if that is too far off."""
        for _ in range(MOST_DRAWS):
            shares = [sampler(random) for sampler in self.samplers]
            wanted = shares[0] if len(shares) == 1 else np.concatenate(shares)
            periods = self.asked.periods.draw(random, len(wanted))
            times = np.maximum(np.rint(wanted * periods), 1).astype(np.int64)
            loads = times / periods
            reached, start = [], 0
            for group in self.groups:
                reached.append(float(loads[start : start + group.count].sum()))
                start += group.count
            if all(
                abs(got - group.total) <= TOLERANCE * group.total
                for got, group in zip(reached, self.groups, strict=True)
            ):
                return times, periods, reached
        raise InputError(
            f"utilisation: execution times are whole ns, and {MOST_DRAWS} sets in a row were more than 1 % off; ask "
            "for a higher utilisation, fewer tasks or longer periods"
        )

    def _tasks(self, times: list[int], periods: list[int]) -> list[dict[str, Any]]:
        gap = self.asked.periods.key
        found, start = [], 0
        for group in self.groups:
            end = start + group.count
            rows = zip(self.names[start:end], times[start:end], periods[start:end], strict=True)
            if group.plain:
                found += [{"name": name, "wcet": time, gap: period} for name, time, period in rows]
            else:
                found += [{"name": name, "wcet": {group.name: time}, gap: period} for name, time, period in rows]
            start = end
        return found

    def _deadlines(self, times: Any, periods: Any, seed: int, index: int) -> Any:
        if self.asked.deadlines.kind == "implicit":
            return None
        return self.asked.deadlines.draw(stream("deadlines", self.own["deadlines"], seed, index), times, periods)

    def _spread(self, name: str, periods: Any, seed: int, index: int) -> Any:
        span: Span = getattr(self.asked, name)
        if not span.most:
            return None
        drawn = stream(name, self.own[name], seed, index).random(len(periods))
        return np.floor((span.least + (span.most - span.least) * drawn) * periods).astype(np.int64)

    @staticmethod
    def _add(tasks: list[dict[str, Any]], name: str, values: Any) -> None:
        if values is not None:
            for task, value in zip(tasks, values.tolist(), strict=True):
                task[name] = value

    def _reached(self, reached: list[float]) -> dict[str, Any]:
        """The mean load of the processors that was wanted and is reached; of each group, where there are several."""
        found: dict[str, Any] = {"target": self.target, "reached": sum(reached) / self.capacity}
        if len(self.groups) > 1:
            found["clusters"] = {
                group.name: {"target": group.total / group.capacity, "reached": got / group.capacity}
                for group, got in zip(self.groups, reached, strict=True)
            }
        return found


def _loaded(asked: Generate) -> list[Group]:
    """The groups of processors with their tasks and loads."""
    platform = asked.platform
    chip = catalogue.load_platform(platform) if isinstance(platform, str) else platform
    named = asked.utilisation if isinstance(asked.utilisation, dict) else None
    groups = groups_of(chip, named, apart=False)
    if asked.total_utilisation is not None:
        mean = asked.total_utilisation / sum(group.capacity for group in groups)
    else:
        mean = asked.utilisation if isinstance(asked.utilisation, float) else LOAD
    numbers = counts(groups, asked.tasks)
    return [
        replace(group, count=count, total=group.capacity * (mean if named is None else named[group.name]))
        for group, count in zip(groups, numbers, strict=True)
    ]


def _platform(asked: Generate) -> Any:
    """The platform as it stands in a system: a name, or all of it where it is a file."""
    platform = asked.platform
    if isinstance(platform, str):
        if not catalogue.is_path(platform):
            return platform
        platform = catalogue.load_platform(platform)
    return platform.model_dump(mode="json", by_alias=True, exclude_defaults=True)
