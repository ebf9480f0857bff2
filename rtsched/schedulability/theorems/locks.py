"""Blocking by critical sections on one processor: priority ceiling (immediate or original) and priority inheritance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rtsched.model.taskgraph import TaskSpec

#: Under these a task is blocked by one section at most, and no circle of holders comes about.
CEILINGS = frozenset({"ceiling", "original-ceiling"})


@dataclass(frozen=True, slots=True)
class Blocker:
    """A section that can block: whose, of which resource and under which protocol, and how long (ns)."""

    task: str
    resource: str
    protocol: str
    length: int


def nested(tasks: Sequence[TaskSpec]) -> set[tuple[str, str]]:
    """The pairs (outer, inner) of resources of which one is taken while the other is held."""
    return {
        (outer.resource, inner.resource)
        for task in tasks
        for node in task.nodes
        for place, outer in enumerate(node.sections)
        for inner in node.sections[place + 1 :]
        if outer.start <= inner.start < outer.end
    }


def circle(tasks: Sequence[TaskSpec], protocols: Mapping[str, str]) -> str | None:
    """A resource that can be part of a deadlock: nested in a circle, not all of it under ceilings; None if none can."""
    inside: dict[str, set[str]] = {}
    for outer, inner in nested(tasks):
        if protocols[outer] not in CEILINGS or protocols[inner] not in CEILINGS:
            inside.setdefault(outer, set()).add(inner)
    for start in sorted(inside):
        seen: set[str] = set()
        todo = [start]
        while todo:
            for inner in inside.get(todo.pop(), ()):
                if inner == start:
                    return start
                if inner not in seen:
                    seen.add(inner)
                    todo.append(inner)
    return None


def _ceilings(tasks: Sequence[TaskSpec], levels: Sequence[int], protocols: Mapping[str, str]) -> dict[str, int]:
    """The most urgent priority that a section of each resource can block.

    Under inheritance a holder that waits for an inner resource passes on what it inherits: whoever holds the inner one
    then blocks all that the outer one can.
    """
    found: dict[str, int] = {}
    for level, task in zip(levels, tasks, strict=True):
        for node in task.nodes:
            for section in node.sections:
                found[section.resource] = min(found.get(section.resource, level), level)
    pairs = [(outer, inner) for outer, inner in nested(tasks) if protocols[outer] == "inheritance"]
    for _ in pairs:
        for outer, inner in pairs:
            found[inner] = min(found[inner], found[outer])
    return found


def blocking_by_locks(
    tasks: Sequence[TaskSpec],
    place: int,
    levels: Sequence[int],
    protocols: Mapping[str, str],
    factors: Sequence[Fraction],
) -> tuple[int, str]:
    """How long sections of less urgent tasks can block the task at `place` (most urgent first), and which resource.

    `levels` are their priorities (the holder of a lock goes first among equals), `factors` how far execution times, and
    sections with them, can exceed what is planned. A section counts if the resource is used at this urgency or above.
    Ceiling, of either kind but not both: one section, the longest. Inheritance: the smaller of one per less urgent task
    and one per resource (Sha, Rajkumar, Lehoczky, IEEE Trans. Computers 39(9), 1990). A section that blocks began a
    tick before, which is not deducted: the bound need not be attained.
    """
    harmful = _harmful(tasks, place, levels, protocols, factors)
    if not harmful:
        return 0, ""
    longest, resource, _ = max(harmful)
    if all(protocols[name] in CEILINGS for _, name, _ in harmful):
        return longest, f"the lock {resource}"
    by_task: dict[int, int] = {}
    by_resource: dict[str, int] = {}
    for length, name, position in harmful:
        by_task[position] = max(by_task.get(position, 0), length)
        by_resource[name] = max(by_resource.get(name, 0), length)
    total = min(sum(by_task.values()), sum(by_resource.values()))
    return total, "the locks " + ", ".join(sorted(by_resource)) if len(by_resource) > 1 else f"the lock {resource}"


def _harmful(
    tasks: Sequence[TaskSpec],
    place: int,
    levels: Sequence[int],
    protocols: Mapping[str, str],
    factors: Sequence[Fraction],
) -> list[tuple[int, str, int]]:
    """The sections that can block the task at `place`: how long, of which resource, of the task at which place."""
    ceilings = _ceilings(tasks, levels, protocols)
    return [
        (math.ceil((section.end - section.start) * factors[position]), section.resource, position)
        for position, task in enumerate(tasks)
        if position > place
        for node in task.nodes
        for section in node.sections
        if ceilings[section.resource] <= levels[place]
    ]


def blockers(
    tasks: Sequence[TaskSpec],
    place: int,
    levels: Sequence[int],
    protocols: Mapping[str, str],
    factors: Sequence[Fraction],
) -> tuple[Blocker, ...]:
    """The sections that `blocking_by_locks` chooses among, in the order of the tasks."""
    return tuple(
        Blocker(tasks[position].name, resource, protocols[resource], length)
        for length, resource, position in _harmful(tasks, place, levels, protocols, factors)
    )
