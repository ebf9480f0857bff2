"""Blocking by critical sections on one processor: priority ceiling (immediate) and priority inheritance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtsched.model.taskgraph import TaskSpec


def blocking_by_locks(tasks: Sequence[TaskSpec], place: int, protocols: Mapping[str, str]) -> tuple[int, str]:
    """How long sections of less urgent tasks can block the task at `place` (most urgent first), and which resource.

    A section counts if the resource is used at this urgency or above. Ceiling: one section, the longest. Inheritance:
    the smaller of one per less urgent task and one per resource (Sha, Rajkumar, Lehoczky, IEEE Trans. Computers 39(9),
    1990). A section that blocks began a tick before, which is not deducted: the bound need not be attained.
    """
    ceilings: dict[str, int] = {}
    for position, task in enumerate(tasks):
        for node in task.nodes:
            for section in node.sections:
                ceilings[section.resource] = min(ceilings.get(section.resource, position), position)
    harmful = [
        (section.end - section.start, section.resource, position)
        for position, task in enumerate(tasks)
        if position > place
        for node in task.nodes
        for section in node.sections
        if ceilings[section.resource] <= place
    ]
    if not harmful:
        return 0, ""
    longest, resource, _ = max(harmful)
    if all(protocols[name] == "ceiling" for _, name, _ in harmful):
        return longest, f"the lock {resource}"
    by_task: dict[int, int] = {}
    by_resource: dict[str, int] = {}
    for length, name, position in harmful:
        by_task[position] = max(by_task.get(position, 0), length)
        by_resource[name] = max(by_resource.get(name, 0), length)
    total = min(sum(by_task.values()), sum(by_resource.values()))
    return total, "the locks " + ", ".join(sorted(by_resource)) if len(by_resource) > 1 else f"the lock {resource}"
