"""A random system as text: a system file that a person can read and run, and a document that can be read back."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, TypeAdapter

from rtsched.model.quantities import QUANTITIES
from rtsched.model.task import Periodic, Spawned, Sporadic, TraceArrivals, Uniform
from rtsched.model.taskgraph import ChainSpec, NodeSpec, ProcessorSpec, SystemSpec, TaskSpec


def dump(item: Any) -> Any:
    """A lowered system (or a part of it) in mappings and lists; what has its default value is left out."""
    if isinstance(item, BaseModel):
        return dump(item.model_dump())
    if isinstance(item, dict):
        return {key: dump(value) for key, value in item.items()}
    if isinstance(item, tuple | list):
        return [dump(value) for value in item]
    if isinstance(item, Fraction):
        return str(item)
    if not hasattr(item, "__dataclass_fields__"):
        return item
    found = {}
    for each in fields(item):
        value = getattr(item, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if value != default:
            found[each.name] = dump(value)
    return found


def load(document: dict[str, Any]) -> SystemSpec:
    """The system that `dump` wrote. Raises ValueError where it is none."""
    return TypeAdapter(SystemSpec).validate_python(document)


# ---- a system file ---------------------------------------------------------------------------------------------------


def to_yaml(system: SystemSpec, scheduler: dict[str, Any]) -> str:
    """The system as a file for ``rtsched analyse`` and ``rtsched run``."""
    lines = [
        f"name: {system.name}",
        *(f"{key}: {_flow(value)}" for key, value in _id(system).items()),
        "platform:",
        "  processors:",
    ]
    clusters: dict[str, list[ProcessorSpec]] = {}
    for processor in system.processors:
        clusters.setdefault(processor.cluster, []).append(processor)
    for name, members in clusters.items():
        first = members[0]
        about: dict[str, Any] = {"kind": first.kind, "cores": len(members), "service": first.service}
        about |= _times(context_switch=first.context_switch, migration=first.migration, reset=first.reset or 0)
        lines.append(f"    {name}: {_flow(about)}")
    lines.append(f"scheduler: {_flow(scheduler)}")
    costs = system.overheads
    extra = _times(context_switch=costs.context_switch, migration=costs.migration, scheduling=costs.scheduling)
    if extra:
        lines.append(f"overheads: {_flow(extra)}")
    beliefs = system.estimates.model_dump(mode="json", exclude_defaults=True)
    if beliefs:
        lines.append(f"estimates: {_flow(beliefs)}")
    if system.planner is not None:
        planner = system.planner
        costs_of = _times(cost=planner.cost, per_segment=planner.per_segment)
        lines.append(f"planner: {_flow({'core': system.processors[planner.processor].name} | costs_of)}")
    if system.reservable:
        lines.append(f"reservable: {_flow(system.reservable)}")
    if system.protocols:
        lines.append(f"resources: {_flow({name: {'protocol': kind} for name, kind in system.protocols.items()})}")
    lines.append("tasks:")
    lines += [f"  - {_flow(_described(system, task))}" for task in system.tasks]
    if system.chains:
        lines.append("chains:")
        for chain in system.chains:
            names = [system.tasks[place].name for place in chain.tasks]
            limits = _times(**{QUANTITIES[code].key: limit for code, limit in chain.limits.items()})
            lines.append(f"  - {_flow({'name': chain.name, **_id(chain), 'tasks': names} | limits)}")
    return "\n".join(lines) + "\n"


def document_yaml(document: dict[str, Any]) -> str:
    """A document as a file for ``rtsched analyse`` and ``rtsched run``: a line for each entry, tasks one by one."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"  - {_flow(each)}" for each in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _described(system: SystemSpec, task: TaskSpec) -> dict[str, Any]:
    about: dict[str, Any] = {"name": task.name, **_id(task)}
    if task.after is not None:
        about["after"] = {"task": system.tasks[task.after].name, "probability": task.probability}
    elif task.release is not None:
        about["release"] = f"{task.release} ns"
    elif isinstance(task.arrival, Spawned):
        about["arrival"] = {"kind": "spawned"}
    elif isinstance(task.arrival, TraceArrivals):
        about["arrival"] = {"kind": "trace", "times": [f"{time} ns" for time in task.arrival.times or ()]}
    if task.period is not None:
        about["period"] = f"{task.period} ns"
    if isinstance(task.arrival, Sporadic):
        about["arrival"] = {"kind": "sporadic", "mean_extra": f"{task.arrival.mean_extra} ns"}
        about["arrival"] |= _times(max_gap=task.arrival.max_gap or 0)
    about |= {"deadline": f"{task.deadline} ns", "priority": task.priority}
    about |= _times(offset=task.offset, jitter=task.jitter)
    if task.count is not None:
        about["count"] = task.count
    if task.communication != "implicit":
        about["communication"] = task.communication
    if task.clock is not None and isinstance(task.arrival, Periodic) and task.period is not None:
        about["clock"] = task.clock
    if isinstance(task.execution, Uniform):
        about["execution"] = {"kind": "uniform", "low": task.execution.low, "high": task.execution.high}
    if len(task.nodes) == 1:
        return about | _work(system, task.nodes[0])
    nodes = {node.name: _work(system, node) for node in task.nodes}
    edges = [[task.nodes[u].name, node.name] for node in task.nodes for u in node.predecessors]
    return about | {"graph": {"nodes": nodes, "edges": edges}}


def _work(system: SystemSpec, node: NodeSpec) -> dict[str, Any]:
    times = {
        processor.name: f"{time} ns"
        for processor, time in zip(system.processors, node.times, strict=True)
        if time is not None
    }
    about: dict[str, Any] = {"wcet": times}
    if node.regions:
        about["regions"] = [f"{region} ns" for region in node.regions]
    if node.sections:
        about["sections"] = [
            {"resource": each.resource, "start": f"{each.start} ns", "length": f"{each.end - each.start} ns"}
            for each in node.sections
        ]
    if not node.preemptive:
        about["preemptive"] = False
    return about


def _id(thing: SystemSpec | TaskSpec | ChainSpec) -> dict[str, str]:
    """The id of a thing that has one."""
    return {} if thing.id is None else {"id": thing.id}


def _times(**given: int) -> dict[str, str]:
    return {name: f"{time} ns" for name, time in given.items() if time}


def _flow(item: Any) -> str:
    """YAML in one line."""
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(value)}" for key, value in item.items()) + "}"
    if isinstance(item, list):
        return "[" + ", ".join(map(_flow, item)) + "]"
    if isinstance(item, str) and not _PLAIN.fullmatch(item):
        return json.dumps(item, ensure_ascii=False)
    return str(item).lower() if isinstance(item, bool) else str(item)


def _key(key: Any) -> str:
    """A key as text, also where it is a number."""
    return str(key) if _PLAIN.fullmatch(str(key)) and not str(key)[0].isdigit() else json.dumps(str(key))


#: Text that YAML reads as itself, also inside braces.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]*")
