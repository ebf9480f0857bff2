"""What policies ask of tasks that may run in several ways: their variants, their exits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import QualitySpec, VariantSpec
    from rtsched.schedulers.estimator import Estimator


def variants_of(task: TaskState) -> tuple[VariantSpec, ...]:
    """The variants of a task, the best first; empty if it has none."""
    quality = task.spec.quality
    return () if quality is None else quality.variants


def exits_of(task: TaskState) -> QualitySpec | None:
    """What the answers of a task with exits are worth; None for other tasks."""
    quality = task.spec.quality
    return quality if quality is not None and quality.exits else None


def times_to_exits(estimator: Estimator, task: TaskState) -> list[int]:
    """The expected time in ns from the start of a job to each of its exits, alone, where it will run."""
    quality = exits_of(task)
    assert quality is not None
    return [estimator.idle().run_task(task, exit_.index) for exit_ in quality.exits]


def is_optional(segment: Segment) -> bool:
    """Whether `segment` lies beyond the first exit of its job, which is the mandatory part."""
    job = segment.job
    quality = exits_of(job.task)
    return quality is not None and segment.node.index > quality.exits[0].node
