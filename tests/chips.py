"""A system with its platform in one YAML text, run as a file would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtsched.api import Loaded, simulate
from rtsched.engine.job import Job
from rtsched.model.config import parse_yaml, validate
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.estimator import Estimator
from rtsched.trace.trace import CHANGES_KINDS, REASONS, Trace
from rtsched.units import MS


def loaded(text: str) -> Loaded:
    system = validate(System, parse_yaml(text))
    assert isinstance(system.platform, Platform)
    return Loaded(system, system.platform)


def run(text: str, **options: Any) -> Trace:
    """Simulate; every run must pass the trace's own check."""
    trace = simulate(loaded(text), **options)
    assert trace.check() == []
    return trace


def asked(system: Loaded, question: Callable[[Estimator, Job], Any], at: int = 0, **policy: Any) -> Any:
    """What an estimator answers about the first job that is released from `at` ns on, before it starts.

    `policy` are the parts of a composed scheduler, which answers nothing else.
    """
    answers: list[Any] = []

    class Asking(Adaptation):
        def on_release(self, job: Job) -> None:
            if self.soc.now >= at and not answers:
                answers.append(question(self.estimator, job))

    simulate(system, scheduler=ComposedScheduler(adaptation=Asking(), **policy), until=at + 1)
    return answers[0]


def slices(trace: Trace, unit: int = MS) -> list[tuple[str, str, float, float, str]]:
    """(task, processor, start, end, reason), times in ms."""
    return [
        (
            trace.system.tasks[trace.jobs["task"][row["job"]]].name,
            trace.system.processors[row["processor"]].name,
            row["start"] / unit,
            row["end"] / unit,
            REASONS[row["reason"]],
        )
        for row in trace.slices
    ]


def changes(trace: Trace, *kinds: str) -> list[tuple[float, str, int, int]]:
    """(time in ms, kind, subject, value)."""
    return [
        (row["time"] / MS, CHANGES_KINDS[row["what"]], int(row["subject"]), int(row["value"]))
        for row in trace.changes
        if not kinds or CHANGES_KINDS[row["what"]] in kinds
    ]
