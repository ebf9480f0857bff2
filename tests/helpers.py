"""Small systems for tests, and traces as literals."""

from __future__ import annotations

from typing import Any

from rtsched.engine.simulation import run
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SystemSpec, TaskSpec
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.trace.trace import REASONS, Trace


def cpus(count: int = 1, **options: Any) -> tuple[ProcessorSpec, ...]:
    """Equal cores."""
    return tuple(ProcessorSpec(index, f"cpu{index}", "cpu", **options) for index in range(count))


def task(index: int, times: int | tuple[int | None, ...], period: int | None, **options: Any) -> TaskSpec:
    """A classic task called a, b, c, …; priority by index, deadline the period."""
    node_options = {name: options.pop(name) for name in ("regions", "sections", "preemptive") if name in options}
    times = (times,) if isinstance(times, int) else times
    options.setdefault("deadline", period)
    options.setdefault("priority", index)
    node = NodeSpec(0, "abcdefgh"[index], times, **node_options)
    return TaskSpec(index, "abcdefgh"[index], (node,), period, **options)


def fp(**options: Any) -> ComposedScheduler:
    """Fixed priority, global."""
    return ComposedScheduler(FixedPriority(), **options)


def edf(**options: Any) -> ComposedScheduler:
    """Earliest deadline first, global."""
    return ComposedScheduler(EDF(), **options)


def simulate(tasks: list[TaskSpec], scheduler: Scheduler | None = None, **options: Any) -> Trace:
    """Run, check the invariants, return the trace."""
    processors = options.pop("processors", cpus())
    overheads = options.pop("overheads", None)
    protocols = options.pop("protocols", {})
    system = SystemSpec(
        processors, tuple(tasks), protocols=protocols, **({"overheads": overheads} if overheads else {})
    )
    options.setdefault("drain", "all")
    trace = run(system, scheduler or fp(), **options)
    assert trace.check() == []
    return trace


def slices(trace: Trace) -> list[str]:
    """Every slice as ``task job start-end processor reason`` (the processor only if there are several)."""
    rows = []
    for row in trace.slices:
        job = trace.jobs[row["job"]]
        name = trace.system.tasks[job["task"]].name
        place = f" p{row['processor']}" if len(trace.system.processors) > 1 else ""
        rows.append(f"{name}{job['index']} {row['start']}-{row['end']}{place} {REASONS[row['reason']]}")
    return rows


def finishes(trace: Trace) -> dict[str, list[int]]:
    """Finish times by task."""
    return {spec.name: trace.jobs[trace.jobs["task"] == spec.index]["finish"].tolist() for spec in trace.system.tasks}


def outcomes(trace: Trace) -> dict[str, list[str]]:
    """Outcomes by task."""
    from rtsched.trace.trace import OUTCOMES

    return {
        spec.name: [OUTCOMES[code] for code in trace.jobs[trace.jobs["task"] == spec.index]["outcome"]]
        for spec in trace.system.tasks
    }
