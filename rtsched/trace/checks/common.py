"""What several checks ask of a trace: how a job is called, which tasks and processors are simple."""

from __future__ import annotations

from typing import Any

from rtsched.model.task import Constant
from rtsched.model.taskgraph import SystemSpec
from rtsched.trace.trace import Trace


def name_of(trace: Trace, job: Any) -> str:
    """What a job is called, by its number."""
    row = trace.jobs[job]
    return f"job {row['index']} of {trace.system.tasks[row['task']].name!r}"


def as_planned(system: SystemSpec) -> set[int]:
    """The tasks that always take what is planned, or what is recorded of their input."""
    return {
        task.index
        for task in system.tasks
        if isinstance(task.execution, Constant) and getattr(task.arrival, "execution", None) is None
    }


def without_speed(system: SystemSpec) -> set[int]:
    """The processors whose work has no speed: streams, and links."""
    return stream_processors(system) | {processor.index for processor in system.processors if processor.kind == "link"}


def stream_processors(system: SystemSpec) -> set[int]:
    """The streams of GPUs that are served block by block."""
    units = () if system.hardware is None else system.hardware.units
    return {place for unit in units if unit.block_level is not None for place in unit.processors}
