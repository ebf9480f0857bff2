"""Other places: another processor or an idle unit, a place for every task, other clocks, another board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rtsched import api
from rtsched.dnn.hosting import carried, family
from rtsched.errors import InputError, RtschedError
from rtsched.model import catalogue
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.models import Mode
from rtsched.schedulability.theorems.partitioning import (
    MEASURES,
    RULES,
    PlacedTask,
    Unrelated,
    pack,
    uniprocessor_test,
)
from rtsched.verify.actions.action import Change
from rtsched.verify.actions.file_tasks import FileTask, FileTasks, listed, time, written
from rtsched.verify.actions.trials import changed, lowered
from rtsched.verify.verification import Verification

#: So many other places of one task are tried.
MOST_PLACES = 6


def free(found: Verification) -> SystemSpec:
    """The system with every task free to use whatever it has a time for; as it is where that cannot be said."""
    tasks = FileTasks(found)
    freed = found.loaded
    for task in tasks.all:
        if task.model.pin is None and task.model.processors is None:
            continue
        try:
            attempt = changed(freed, _free(tasks, task))
            lowered(attempt)
        except RtschedError:
            continue
        freed = attempt
    return lowered(freed) if freed is not found.loaded else found.system


def _free(tasks: FileTasks, task: FileTask) -> tuple[str, ...]:
    return (tasks.setting(task, "pin", None), tasks.setting(task, "processors", None))


def processors(found: Verification, tasks: FileTasks, task: FileTask, anywhere: SystemSpec) -> Iterator[Change]:
    """One task on another unit that can run all of it: idle ones first, then the fastest."""
    if task.model.graph is not None and any(
        node.pin is not None or node.processors is not None for node in task.model.graph.nodes.values()
    ):
        return
    now = task.spec
    spec = anywhere.tasks[now.index]
    may = set.intersection(*(set(node.eligible) for node in spec.nodes))
    mine = {place for node in now.nodes for place in node.eligible}
    used = _load(found)
    free_now = len(mine) > 1

    def rank(place: int) -> tuple[bool, bool, int, float, int]:
        return place in mine and not free_now, used[place] > 0, _length(spec, place), used[place], place

    seen: set[tuple[str, float]] = set()
    for place in sorted(may, key=rank)[: 4 * MOST_PLACES]:
        where = found.system.processors[place]
        alike = (where.cluster, round(used[place], 9))
        if alike in seen or len(seen) >= MOST_PLACES or mine == {place}:
            continue
        seen.add(alike)
        before = min(_length(now, each) for each in mine) if len(now.nodes) == 1 else now.volume
        settings = [tasks.setting(task, "pin", where.name)]
        if task.model.processors is not None:
            settings.insert(0, tasks.setting(task, "processors", None))
        idle = ", which is idle now" if not used[place] else ""
        yield Change(
            "processor",
            f"run {task.shown} on {where.name}{idle}",
            _cost(found, spec, mine, place, before),
            tuple(settings),
        )


def _length(task: TaskSpec, place: int) -> int:
    """How long all nodes of a task take on one processor."""
    return sum(node.times[place] or 0 for node in task.nodes)


def _load(found: Verification) -> list[float]:
    """How busy each processor is, with those who may move shared out evenly."""
    busy = [0.0] * len(found.system.processors)
    for task in found.system.tasks:
        for node in task.nodes:
            for place in node.eligible:
                busy[place] += (node.times[place] or 0) / (task.period or task.deadline) / len(node.eligible)
    return busy


def _cost(found: Verification, spec: TaskSpec, mine: set[int], place: int, before: int) -> str:
    """What is different there: time, accuracy and energy, where they are known."""
    said = [f"a job takes {time(_length(spec, place))} there, {time(before)} where it runs now"]
    lost = sum(node.losses[place] for node in spec.nodes if node.losses)
    gone = max((sum(node.losses[each] for node in spec.nodes if node.losses) for each in mine), default=0.0)
    if lost > gone:
        said.append(f"its accuracy falls by {100 * (lost - gone):.3g} points")
    energies = [_energy(spec, each) for each in (place, *sorted(mine))]
    if None not in energies:
        there, here = energies[0] or 0, max(each or 0 for each in energies[1:])
        said.append(f"{there / 1e6:.4g} mJ a job instead of {here / 1e6:.4g} mJ")
    else:
        said.append("its energy there is not known")
    return "; ".join(said)


def _energy(task: TaskSpec, place: int) -> int | None:
    known = [
        node.hardware.energy[place] if node.hardware is not None and node.hardware.energy else None
        for node in task.nodes
    ]
    return None if None in known else sum(each or 0 for each in known)


def pins(found: Verification, tasks: FileTasks, anywhere: SystemSpec) -> Iterator[Change]:
    """A place for every task for good, where all are one node: packings that pass exact tests of one processor."""
    if any(
        len(task.nodes) != 1 or task.after is not None or task.nodes[0].sections or task.period is None
        for task in anywhere.tasks
    ) or all(len(task.nodes[0].eligible) == 1 for task in anywhere.tasks):
        return
    mine = found.analysis.policy
    order = mine.order if mine.order in ("FP", "EDF") else "EDF"
    for rule in RULES:
        for by in MEASURES:
            assignment = pack(_unrelated(found, anywhere, order), rule, by, uniprocessor_test)
            if assignment is None:
                continue
            settings = _pinned(tasks, assignment.places)
            if settings is None:
                continue
            where = listed((f"{task} on {place}" for task, place in assignment.places.items()), 12)
            yield Change(
                "pins",
                f"pin every task ({rule}): {where}",
                "no other hardware; each task stays where it is put, whatever else is idle",
                settings,
            )


def _pinned(tasks: FileTasks, places: Mapping[str, str]) -> tuple[str, ...] | None:
    """The pins as the file can say them; None where instances of one task would have different ones."""
    settings: list[str] = []
    for task in tasks.all:
        chosen = {places[spec.name] for spec in task.specs}
        if len(chosen) > 1:
            return None
        if task.model.processors is not None:
            settings.append(tasks.setting(task, "processors", None))
        settings.append(tasks.setting(task, "pin", chosen.pop()))
    return tuple(settings)


def _unrelated(found: Verification, system: SystemSpec, order: Any) -> Unrelated:
    policy = found.analysis.policy
    names = [processor.name for processor in system.processors]
    placed = tuple(
        PlacedTask(
            task.name,
            {names[place]: time for place, time in enumerate(task.nodes[0].times) if time is not None},
            task.period or task.deadline,
            task.deadline,
            task.jitter,
        )
        for task in sorted(system.tasks, key=policy.level)
    )
    free_to = policy.preemption == "preemptive"
    modes: dict[str, Mode] = {
        processor.name: "preemptive" if free_to and processor.service == "preemptive" else "nonpreemptive"
        for processor in system.processors
    }
    return Unrelated(placed, tuple(names), order, modes)


def clocks(found: Verification) -> Iterator[Change]:
    """Another power mode, and clocks that stay at their highest, where the file has others."""
    power, platform = found.loaded.system.power, found.loaded.platform
    if power is None:
        return
    if power.governor.name != "performance" or power.clusters:
        yield Change(
            "clock",
            "let every clock stay at its highest (governor performance)",
            "more power while it runs: how much, `rtsched run` says where the board's figures are known",
            ("power.governor=performance", "power.clusters={}"),
        )
    if power.mode is None:
        return
    others = [mode for mode in platform.power_modes if mode != power.mode]
    for mode in sorted(others, key=lambda mode: (len(platform.power_modes[mode]), others.index(mode))):
        yield Change(
            "clock",
            f"run in the power mode {mode} instead of {power.mode}",
            "another power budget of the board; supply and cooling must bear it",
            (f"power.mode={written(mode)}",),
        )
    yield Change(
        "clock",
        f"run without the caps of the power mode {power.mode}",
        "no power budget holds any more; supply and cooling must bear it",
        ("power.mode=null",),
    )


def boards(found: Verification, _part: GroupAnalysis | None = None) -> Iterator[Change]:
    """Another board of the family that lacks nothing."""
    own = found.loaded.platform
    system = found.loaded.system
    guessed = carried(system)
    known = {own.name, *own.aliases}
    for name in catalogue.names("platforms"):
        if family(name) != family(own.name) or name in known:
            continue
        try:
            other = catalogue.load_platform(name)
        except InputError:  # a broken file of the user's own is told elsewhere
            continue
        if other.name in known or api.load(found.loaded, platform=other).lacks():
            continue
        times = (
            f"the times of {listed(guessed)} were not measured there: those of this file are taken"
            if guessed
            else "its times were measured there"
        )
        title = f" ({other.title})" if other.title else ""
        yield Change(
            "board", f"use the board {name}{title} instead of {own.name}", f"another board; {times}",
            (f"platform={written(name)}",), guessed,
        )  # fmt: skip
