"""The requirements of one run as test cases: what it kept, and what it missed. A run proves nothing of others."""

from __future__ import annotations

from collections.abc import Iterator

from rtsched.export.junit import State, Tested
from rtsched.metrics.figures import ChainFigures, MissesFigures, Summary, TaskFigures
from rtsched.model.misses import not_of_each
from rtsched.units import format_duration

#: What each of them rests on.
BASIS = (("basis", "one simulated run"), ("test", "simulation"))


def requirements(figures: Summary, fail_on: str | None = None) -> list[Tested]:
    """A case for each task's deadline, and for each limit of misses in a row or of a chain.

    Where not each job of a task has to keep its deadline, that one is open where some do not, unless `fail_on` asks.
    """
    windows = [_window(task, row) for task in figures.tasks if (row := task.misses_in_a_row) is not None]
    deadlines = [
        _task(task, fail_on == "miss" or (fail_on == "hard-miss" and task.criticality == "hard"))
        for task in figures.tasks
    ]
    return [*deadlines, *windows, *(case for chain in figures.chains for case in _chain(chain))]


def _task(task: TaskFigures, every: bool) -> Tested:
    state: State = "met"
    why = ""
    if task.misses:
        state = "missed"
        late = task.tardiness_max or 0
        how = f", by up to {format_duration(late, digits=6)}" if late else ""
        why = f"{task.misses} of {task.jobs} jobs missed{how}"
        limit = task.misses_in_a_row
        if limit is not None and not every:
            state, why = "open", f"{not_of_each(limit.most, limit.of)}: {why}"
    elif not task.jobs:
        state, why = "absent", "no job was counted in this run"
    facts = (
        ("requirement", task.id),
        *BASIS,
        ("criticality", task.criticality),
        ("deadline_ns", task.deadline),
        ("observed_ns", task.response.max),
        ("jobs", task.jobs),
        ("misses", task.misses),
    )
    return Tested("task", task.name, "deadline", state, why, facts, task.id)


def _window(task: TaskFigures, row: MissesFigures) -> Tested:
    state: State = "absent" if not task.jobs else "met" if row.kept else "missed"
    why = {
        "absent": "no job was counted in this run",
        "missed": f"{row.seen} of {row.of} jobs in a row missed, and {row.most} may",
    }.get(state, "")
    facts = (("requirement", task.id), *BASIS, ("limit", row.most), ("seen", row.seen), ("jobs", task.jobs))
    return Tested("task", task.name, f"misses of any {row.of} jobs", state, why, facts, task.id)


def _chain(chain: ChainFigures) -> Iterator[Tested]:
    for each in chain.ends:
        if each.limit is None:
            continue
        state: State = "met"
        why = ""
        if each.kept is None:
            state, why = "absent", "nothing went through the chain in this run"
        elif not each.kept:
            state = "missed"
            seen = "" if each.max is None else f"{format_duration(each.max, digits=6)} was seen, "
            lost = f", {chain.lost} lost on the way" if chain.lost and each.quantity == "triggered" else ""
            why = f"{seen}{format_duration(each.limit, digits=6)} is allowed{lost}"
        facts = (
            ("requirement", chain.id),
            *BASIS,
            ("limit_ns", each.limit),
            ("observed_ns", each.max),
            ("observed", each.count),
            ("from", each.begins),
            ("to", each.ends),
        )
        yield Tested("chain", chain.name, f"{each.name} ({each.quantity})", state, why, facts, chain.id)
