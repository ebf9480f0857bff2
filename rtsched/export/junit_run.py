"""The requirements of one run as test cases: what it kept, and what it missed. A run proves nothing of others."""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.export.junit import Case, State
from rtsched.metrics.figures import ChainFigures, Summary, TaskFigures
from rtsched.units import format_duration


def requirements(figures: Summary) -> list[Case]:
    """A case for each task's deadline, and for each thing that is required of a chain."""
    return [*map(_task, figures.tasks), *(case for chain in figures.chains for case in _chain(chain))]


def _task(task: TaskFigures) -> Case:
    state: State = "met"
    why = ""
    if task.misses:
        state = "missed"
        late = task.tardiness_max or 0
        how = f", by up to {format_duration(late, digits=6)}" if late else ""
        why = f"{task.misses} of {task.jobs} jobs missed{how}"
    elif not task.jobs:
        state, why = "absent", "no job was counted in this run"
    facts = (
        ("basis", "one simulated run"),
        ("criticality", task.criticality),
        ("deadline_ns", task.deadline),
        ("observed_ns", task.response.max),
        ("jobs", task.jobs),
        ("misses", task.misses),
        ("test", "simulation"),
    )
    return Case("task", task.name, "deadline", state, why, facts, getattr(task, "id", None))


def _chain(chain: ChainFigures) -> Iterator[Case]:
    for what, limit, seen in (
        ("max_reaction", chain.max_reaction, chain.reaction_time_max),
        ("max_age", chain.max_age, chain.reduced_data_age_max),
    ):
        if limit is None:
            continue
        state: State = "met"
        why = ""
        if seen is None:
            state, why = "absent", "nothing went through the chain in this run"
        elif seen > limit:
            state, why = "missed", f"{format_duration(seen, digits=6)} > {format_duration(limit, digits=6)}"
        facts = (
            ("basis", "one simulated run"),
            ("limit_ns", limit),
            ("observed_ns", seen),
            ("test", "simulation"),
        )
        yield Case("chain", chain.name, what, state, why, facts, getattr(chain, "id", None))
