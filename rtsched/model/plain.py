"""What textbook algorithms ask of a system: independent tasks of one preemptible node on equal processors."""

from __future__ import annotations

from rtsched.model.taskgraph import SystemSpec, TaskSpec


def why_not_plain(system: SystemSpec, *, sporadic: bool = True, implicit: bool = False) -> str | None:
    """Why the tasks are not plain ones: periodic (or `sporadic`), without jitter, on processors that all share alike.

    With `implicit` no deadline is before the period. None where they are.
    """
    places = system.tasks[0].nodes[0].eligible
    for task in system.tasks:
        reason = _shape(task) or _arrivals(task, sporadic, implicit)
        if reason is not None:
            return f"task {task.name!r} {reason}"
        node = task.nodes[0]
        if node.eligible != places:
            return f"task {task.name!r} may use other processors than {system.tasks[0].name!r}"
        if len({node.times[place] for place in places}) > 1:
            return f"task {task.name!r} takes different times on the processors that it may use"
    for place in places:
        if system.processors[place].service != "preemptive":
            return f"{system.processors[place].name!r} is not preemptive"
    return None


def _shape(task: TaskSpec) -> str | None:
    if len(task.nodes) > 1:
        return f"is a graph of {len(task.nodes)} nodes"
    if not task.nodes[0].preemptive:
        return "cannot be preempted"
    if task.nodes[0].sections:
        return "uses a shared resource"
    return "has jobs that overlap" if task.overlap else None


def _arrivals(task: TaskSpec, sporadic: bool, implicit: bool) -> str | None:
    if task.period is None or task.after is not None:
        return "has no period"
    if task.arrival.kind not in ("periodic", "sporadic") or (task.arrival.kind == "sporadic" and not sporadic):
        return f"arrives as {task.arrival.kind}, not by its period"
    if task.jitter:
        return "has release jitter"
    return "has a deadline before its period" if implicit and task.deadline < task.period else None
