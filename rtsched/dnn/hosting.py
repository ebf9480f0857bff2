"""What a platform lacks of what a system needs: everything at once, not only what lowering meets first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rtsched import units
from rtsched.dnn.defaults import completed
from rtsched.dnn.latency import Rows
from rtsched.dnn.lowering import Lowering
from rtsched.dnn.processors import lower_hardware
from rtsched.dnn.variants import lower_quality
from rtsched.errors import InputError
from rtsched.model.platform import Platform
from rtsched.model.power import PowerOptions
from rtsched.model.system import System
from rtsched.model.task import Task
from rtsched.model.work import Work

#: The keys of a system that name parts of its platform, and what they are where nobody says anything.
_NAMING: dict[str, Any] = {"power": None, "faults": (), "environment": (), "planner": None}


def lacks(system: System, platform: Platform, latency: Rows = (), folder: Path | None = None) -> tuple[str, ...]:
    """Everything that keeps a system from running on a platform, in words; empty where nothing does."""
    plain = system.model_copy(update=_NAMING)
    found: list[str] = []
    try:
        lowering = Lowering(system, platform, latency, folder)
    except InputError as error:  # of the power mode: without it the rest can be looked at
        found += error.problems
        lowering = Lowering(plain, platform, latency, folder)
    for task in system.tasks:
        found += _of_task(lowering, task)
    found += _memory(system, platform)
    found += _of_platform(system, plain, platform, latency, folder)
    if not found:
        found += _problems(lambda: Lowering(system, platform, latency, folder).lower())
    return tuple(dict.fromkeys(found))


def _problems(make: Callable[[], Any]) -> list[str]:
    try:
        make()
    except InputError as error:
        return list(error.problems)
    return []


def _of_task(lowering: Lowering, task: Task) -> list[str]:
    """What one task lacks: of a graph every node, and of what may run nowhere also where it is pinned."""
    whole = _problems(lambda: lower_quality(lowering, task, lowering.nodes(task)))
    if not whole or task.graph is None:
        anywhere = task.model_copy(update={"pin": None, "processors": None})
        more = anywhere != task and _problems(lambda: lower_quality(lowering, anywhere, lowering.nodes(anywhere)))
        return [*whole, *(more or [])] if whole else []
    nodes = [
        problem
        for index, (name, node) in enumerate(task.graph.nodes.items())
        for problem in _problems(
            lambda: lowering.node(f"task {task.name!r}, node {name!r}", name, index, completed(task, name, node))  # noqa: B023
        )
    ]
    return nodes or whole


def _of_platform(
    system: System, plain: System, platform: Platform, latency: Rows, folder: Path | None
) -> Iterator[str]:
    """What power, faults, changes and the planner name, each by itself."""
    alone: list[dict[str, Any]] = [{"planner": system.planner}] if system.planner is not None else []
    if system.power is not None:
        options = system.power
        alone += [{"power": options.model_copy(update={"mode": None})}]
        alone += [{"power": PowerOptions(mode=options.mode)}] if options.mode is not None else []
    alone += [{"faults": (fault,)} for fault in system.faults]
    alone += [{"environment": (change,)} for change in system.environment]
    for keys in alone:
        only = plain.model_copy(update=keys)

        def lower(only: System = only) -> None:
            made = Lowering(only, platform, latency, folder)
            made.planner()
            lower_hardware(made.platform, only, made.processors, made.units, (), folder, lambda _: None)

        yield from _problems(lower)


def _memory(system: System, platform: Platform) -> Iterator[str]:
    """Weights for which there is no room; where they can be loaded again and again, one network by itself."""
    memory = platform.memory
    if memory is None or memory.capacity is None:
        return
    sizes = {task.name: task.weights for task in system.tasks if task.weights}
    for name, size in sizes.items():
        if size > memory.capacity:
            yield f"task {name!r}: its {units.format_size(size)} of weights do not fit into the memory, {_room(memory)}"
    total = sum(sizes.values())
    if memory.load_bandwidth is None and total > memory.capacity and max(sizes.values()) <= memory.capacity:
        yield f"memory: {units.format_size(total)} of weights do not fit into {_room(memory)}"


def _room(memory: Any) -> str:
    return units.format_size(memory.capacity)


def carried(system: System) -> tuple[str, ...]:
    """The tasks that have a time written in the file, which on another platform nobody measured."""
    return tuple(task.name for task in system.tasks if _written(task))


def _written(task: Task) -> bool:
    works: list[Work] = [task, *(() if task.graph is None else task.graph.nodes.values())]
    choices = () if task.variants is None else task.variants.choices
    given = any(each.wcet is not None or each.kernels is not None for each in works)
    return given or any(choice.wcet is not None or bool(choice.kernels) for choice in choices)


def family(name: str) -> str:
    """The vendor's line of a platform, by its name: ``jetson`` of ``jetson_nano``, ``rk`` of ``rk3588``."""
    found = re.match(r"[^\W\d_]+", name)
    return name if found is None else found[0]
