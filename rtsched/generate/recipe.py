"""What all sets of the same parameters share, worked out once; and how one of them is put together."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from rtsched.errors import InputError
from rtsched.generate.bodies import Graphs, Mixes, Plain, UnrelatedTimes
from rtsched.generate.coverage import Coverage
from rtsched.generate.groups import Group, counts, groups_of, together
from rtsched.generate.loads import LoadSampler, TaskSet
from rtsched.generate.mixes import measured, pools
from rtsched.generate.parameters import LOAD, Generate, Span
from rtsched.generate.streams import canonical, stream
from rtsched.generate.unrelated import slow_downs
from rtsched.model import catalogue
from rtsched.model.platform import Platform

#: What the loads and periods of a set depend on beside its groups. What only adds to a set leaves these as they are.
CORE = ("utilisations", "periods", "networks")
#: What adds to a set, each by a stream of its own, which depends on the core and on what it says itself.
ADDED = ("deadlines", "offsets", "jitter", "graph", "unrelated")
#: What goes into a system as it stands.
PASSED = ("scheduler", "simulate")


class Recipe:
    """How to draw the sets of some parameters. Raises InputError where none can be drawn."""

    def __init__(self, asked: Generate) -> None:
        self.asked = asked
        chip = catalogue.load_platform(asked.platform) if isinstance(asked.platform, str) else asked.platform
        self.body, self.groups = _body(asked, chip)
        whole, given = json.loads(asked.content), json.loads(asked.shown)
        if whole["networks"] is not None:
            for key in ("supported", "always"):  # they add to a mix, and leave the mix as it is
                whole["networks"].pop(key, None)
        core = canonical(
            [
                [[group.name, group.count, group.total] for group in self.groups],
                *(whole[name] for name in CORE if whole[name] is not None),
            ]
        )
        self.content = {"set": core, "coverage": core, **{name: f"{core}\0{canonical(whole[name])}" for name in ADDED}}
        passed = {name: given[name] for name in PASSED if name in given}
        self.head = canonical({"platform": _as_written(asked, chip), **passed})
        more = asked.task | ({"execution": given["execution"]} if "execution" in given else {})
        self.more = canonical(more) if more else None
        self.capacity = sum(group.capacity for group in self.groups)
        self.target = sum(group.total for group in self.groups) / self.capacity

    def draw(self, seed: int, index: int) -> dict[str, Any]:
        """Set `index` of the seed."""
        streams = partial(self._stream, seed, index)
        drawn = self.body.draw(streams)
        deadlines = self.asked.deadlines
        if deadlines.kind != "implicit":
            _add(drawn.tasks, "deadline", deadlines.draw(streams("deadlines"), drawn.times, drawn.periods))
        for name, key in (("offsets", "offset"), ("jitter", "jitter")):
            span: Span = getattr(self.asked, name)
            if span.most:
                parts = span.least + (span.most - span.least) * streams(name).random(len(drawn.tasks))
                _add(drawn.tasks, key, np.floor(parts * drawn.periods).astype(np.int64))
        if self.more is not None:
            for task in drawn.tasks:
                task.update(json.loads(self.more))
        return {
            "name": f"set{index}",
            **json.loads(self.head),  # made anew for each system, as all of it: whoever gets one may change it
            "tasks": drawn.tasks,
            "generated": self._generated(drawn, seed, index),
        }

    def _stream(self, seed: int, index: int, purpose: str) -> np.random.Generator:
        return stream(purpose, self.content[purpose], seed, index)

    def _generated(self, drawn: TaskSet, seed: int, index: int) -> dict[str, Any]:
        """What was asked for; the mean load of the processors that was wanted and is reached, of each group, too."""
        found: dict[str, Any] = {
            "parameters": json.loads(self.asked.shown),
            "seed": seed,
            "index": index,
            "target": self.target,
            "reached": sum(drawn.reached) / self.capacity,
        }
        if len(self.groups) > 1:
            found["clusters"] = {
                group.name: {"target": group.total / group.capacity, "reached": got / group.capacity}
                for group, got in zip(self.groups, drawn.reached, strict=True)
            }
        return found


def _add(tasks: list[dict[str, Any]], key: str, values: Any) -> None:
    for task, value in zip(tasks, values.tolist(), strict=True):
        task[key] = value


def _as_written(asked: Generate, chip: Platform) -> Any:
    """The platform as a system names it, or all of it where it is no name out of the catalogue."""
    if isinstance(asked.platform, str):
        return asked.platform
    return chip.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _body(asked: Generate, chip: Platform) -> tuple[Plain | Graphs | UnrelatedTimes | Mixes, list[Group]]:
    """What draws the tasks, and the groups of processors that they load."""
    if asked.networks is not None:
        asked.networks.check_units(chip)
        times = measured(asked.networks, chip)
        wanted = [group for group in groups_of(chip, _named(asked), apart=True) if _named(asked) or times[group.name]]
        wanted = [group for group in wanted if asked.networks.loads(chip, group.name)]
        if not wanted:
            what = (
                "none of them" if asked.networks.units is None else f"on {', '.join(asked.networks.units)} none of them"
            )
            raise InputError(f"networks: {what} was measured on platform {chip.name!r}; name another platform")
        groups = _loaded(asked, wanted, shared=False)
        chances = asked.networks.supported
        coverage = None if chances is None else Coverage(chances, asked.networks.always, asked.networks.of or ())
        return Mixes(pools(asked.networks, chip, groups, times), coverage), groups
    if asked.unrelated is not None:
        groups = _loaded(asked, [together(chip)], shared=True)
        clusters = slow_downs(chip)
        loads = LoadSampler(groups, asked.utilisations, asked.periods, parallel=asked.graph is not None)
        return UnrelatedTimes(loads, asked.unrelated, clusters, asked.graph), groups
    groups = _loaded(asked, groups_of(chip, _named(asked), apart=False), shared=asked.graph is not None)
    loads = LoadSampler(groups, asked.utilisations, asked.periods, parallel=asked.graph is not None)
    if asked.graph is None:
        return Plain(loads), groups
    asked.graph.check([group.name for group in groups])
    return Graphs(loads, asked.graph), groups


def _named(asked: Generate) -> dict[str, float] | None:
    return asked.utilisation if isinstance(asked.utilisation, dict) else None


def _loaded(asked: Generate, groups: list[Group], shared: bool) -> list[Group]:
    """The groups with their loads, and their tasks: all of them each, where tasks are `shared` among the groups."""
    named = _named(asked)
    if asked.total_utilisation is not None:
        mean = asked.total_utilisation / sum(group.capacity for group in groups)
    else:
        mean = asked.utilisation if isinstance(asked.utilisation, float) else LOAD
    numbers = [asked.tasks] * len(groups) if shared and isinstance(asked.tasks, int) else counts(groups, asked.tasks)
    return [
        replace(group, count=count, total=group.capacity * (mean if named is None else named[group.name]))
        for group, count in zip(groups, numbers, strict=True)
    ]
