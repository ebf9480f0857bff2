"""Systems and platforms: what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtsched import units
from rtsched.loading import Loaded
from rtsched.model.platform import Cluster, Platform
from rtsched.model.system import System
from rtsched.model.task import Task
from rtsched.model.taskgraph import SystemSpec
from rtsched.notebook.tables import exact, folded, headed, line, table, whole

HEAD = ["task", "what runs", "arrives", "deadline", "criticality"]


def loaded(found: Loaded) -> str:
    """A system on its platform."""
    return _system(found.system, found.platform.title or found.platform.name)


def system(found: System) -> str:
    """A row for each task."""
    where = found.platform if isinstance(found.platform, str) else found.platform.title or found.platform.name
    return _system(found, where)


def _system(found: System, where: str) -> str:
    named = [(f"{task.id} " if task.id else "") + task.name for task in found.tasks]
    rows = [[name + _times(task), _work(task), _arrivals(task), _deadline(task), task.criticality]
            for name, task in zip(named, found.tasks, strict=True)]  # fmt: skip
    given = f"{len(found.jobs)} single jobs" if isinstance(found.jobs, tuple) else f"single jobs of {found.jobs}"
    return whole(
        headed(found.name, found.title or ""),
        line(f"On {where}; scheduler {described(found.scheduler)}."),
        table(HEAD, rows, left=[0, 1, 2]) if rows else "",
        line(f"{given}.") if found.jobs else "",
        line(found.why) if found.why else "",
        folded("assumed", found.assumed),
    )


def _times(task: Task) -> str:
    return f" (x {task.instances})" if task.instances > 1 else ""


def _work(task: Task) -> str:
    """What a job of the task runs, in a few words."""
    said = []
    if task.network is not None:
        use = task.network
        said.append(use if isinstance(use, str) else use.network or use.operators or "a network")
    if task.wcet is not None:
        said.append(_wcet(task.wcet))
    if task.graph is not None:
        said.append(f"a graph of {len(task.graph.nodes)} nodes")
    if task.variants is not None:
        said.append("variants")
    if task.exits or task.exit_family:
        said.append("early exits")
    if task.kernels:
        said.append("GPU kernels")
    return ", ".join(said) or "–"


def _wcet(wcet: Any) -> str:
    if isinstance(wcet, Mapping):
        return ", ".join(f"{exact(time)} on {kind}" for kind, time in wcet.items())
    return exact(wcet) if isinstance(wcet, int) else str(wcet)


def _arrivals(task: Task) -> str:
    """When its jobs come."""
    period = task.period or task.rate
    if task.after is not None:
        return f"after {task.after.task}"
    if task.release is not None:
        return f"once, at {exact(task.release)}"
    kind = "" if task.arrival.kind == "periodic" else f"{task.arrival.kind} "
    offset = f", from {exact(task.offset)} on" if task.offset else ""
    jitter = f", jitter {exact(task.jitter)}" if task.jitter else ""
    return f"{kind}{'' if period is None else f'every {exact(period)}'}{offset}{jitter}".strip() or "–"


def _deadline(task: Task) -> str:
    given = task.deadline or task.period or task.rate
    return exact(given)


def described(scheduler: Mapping[str, Any]) -> str:
    """A scheduler as a file has it, on a line."""
    return ", ".join(f"{key} {value}" for key, value in scheduler.items())


def systemspec(found: SystemSpec) -> str:
    """A row for each task of a lowered system: what engine and proofs see."""
    rows = [
        [task.name, exact(task.volume), exact(task.period), exact(task.deadline), task.priority, len(task.nodes)]
        for task in found.tasks
    ]
    processors = ", ".join(each.name for each in found.processors[:16])
    more = f" and {len(found.processors) - 16} more" if len(found.processors) > 16 else ""
    return whole(
        headed(found.name, f"on {processors}{more}"),
        table(["task", "C (fastest)", "T", "D", "priority", "nodes"], rows),
        folded("assumed", found.assumed),
    )


def platform(found: Platform) -> str:
    """A row for each cluster."""
    rows = [[name, f"{each.cores} × {each.kind}", each.core or each.model or "–", _speed(each), _clock(each)]
            for name, each in found.processors.items()]  # fmt: skip
    return whole(
        headed(found.name, found.title or ""),
        table(["cluster", "processors", "what", "speed", "clock"], rows, left=[0, 1, 2]),
        folded("notes", found.notes),
        folded("assumed", found.assumed),
    )


def _speed(cluster: Cluster) -> str:
    speeds = cluster.speeds or (cluster.speed,)
    return ", ".join(f"{float(each):g}" for each in dict.fromkeys(speeds))


def _clock(cluster: Cluster) -> str:
    return "–" if cluster.frequency_max is None else f"up to {units.format_rate(cluster.frequency_max)}"
