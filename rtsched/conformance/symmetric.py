"""Whether the order in which tasks are declared, and their names, decide only between equals.

Asked of a system of which no two tasks have anything in common: all times are a thousand times as long, and each is
longer by a few ns of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rtsched.conformance.trial import RefusedError, Trial
from rtsched.model.system import Estimates, Overheads
from rtsched.model.task import Constant, Periodic
from rtsched.model.taskgraph import NodeSpec, SystemSpec, TaskSpec
from rtsched.trace.trace import Trace

#: How much longer everything is, the most ns of its own, and how many systems have to differ: ties by chance do not.
SCALE, MOST, TRIES = 1_000, 400, 2
#: What became of the jobs of each task: by number the start, the end and the outcome.
Figures = dict[str, list[tuple[int, int, int, int]]]


def symmetric(trial: Trial) -> str | None:
    """Declared the other way round, and with other names, all jobs are as they were; equal tasks may change places."""
    if trial.plain.failure or not _is_fit(trial.spec):
        return None
    answer = ""
    for number in range(TRIES):
        random = np.random.default_rng([trial.seed, number])
        answer = _asked(trial, _apart(trial.spec, random))
        if not answer:
            return ""
    return answer


def _asked(trial: Trial, spec: SystemSpec) -> str:
    last = len(spec.tasks) - 1
    plain = _figures(trial.trace(spec))
    turned = _figures(trial.trace(_ordered(spec, range(last, -1, -1))))
    for task in spec.tasks:
        if plain[task.name] != turned[task.name]:
            return f"declared the other way round, {_first(task.name, plain[task.name], turned[task.name])}"
    names = [task.name for task in spec.tasks]
    other = _figures(trial.trace(_named(spec, names[::-1])))
    for name, new in zip(names, names[::-1], strict=True):
        if plain[name] != other[new]:
            return f"called {new!r}, {_first(name, plain[name], other[new])}"
    return _twins(trial, spec)


def _twins(trial: Trial, spec: SystemSpec) -> str:
    """Two tasks that are equal but for their names may change places, and nothing else happens."""
    names = [task.name for task in spec.tasks]
    both = replace(spec, tasks=(*spec.tasks, replace(spec.tasks[0], index=len(names))))
    first = _figures(trial.trace(_named(both, [*names, "twin"])))
    second = _figures(trial.trace(_named(both, ["twin", *names[1:], names[0]])))
    pair = [names[0], "twin"]
    if sorted(map(first.get, pair), key=str) != sorted(map(second.get, pair), key=str):
        return f"beside a twin, {names[0]!r} and the twin are other than when they change their names"
    for name in names[1:]:
        if first[name] != second[name]:
            return f"where {names[0]!r} and its twin change names, {_first(name, first[name], second[name])}"
    return ""


def _first(name: str, plain: Sequence[tuple[int, ...]], other: Sequence[tuple[int, ...]]) -> str:
    for row, then in zip(plain, other, strict=False):
        if row != then:
            return f"job {row[0]} of {name!r} is done at {then[2]} ns instead of {row[2]} ns (-1: never)"
    return f"{name!r} has other jobs"


def _figures(trace: Trace | None) -> Figures:
    if trace is None:
        raise RefusedError("not this one")
    found: Figures = {task.name: [] for task in trace.system.tasks}
    names = list(found)
    for row in trace.jobs:
        found[names[row["task"]]].append(
            (int(row["index"]), int(row["start"]), int(row["finish"]), int(row["outcome"]))
        )
    return found


# ---- systems ---------------------------------------------------------------------------------------------------------


def _is_fit(spec: SystemSpec) -> bool:
    """Whether it is made of what can be told apart by times alone, and nothing in it is random."""
    plain = spec.hardware is None and spec.overheads == Overheads() and spec.estimates == Estimates()
    return plain and spec.planner is None and not spec.reservable and all(map(_is_plain, spec.tasks))


def _is_plain(task: TaskSpec) -> bool:
    times = (task.arrival == Periodic() or task.release is not None) and task.execution == Constant()
    alone = task.after is None and task.quality is None and not task.branches and task.inputs is None
    simple = not task.jitter and task.budget is None
    return times and alone and simple and not any(node.sections or node.copies for node in task.nodes)


def _apart(spec: SystemSpec, random: np.random.Generator) -> SystemSpec:
    """The system with times of which no two are equal."""
    draws = iter((1 + random.permutation(MOST)).tolist())

    def longer(time: int | None) -> int | None:
        return None if time is None else SCALE * time + int(next(draws))

    def node_of(node: NodeSpec) -> NodeSpec:
        extra = int(next(draws))
        times = tuple(None if time is None else SCALE * time + extra for time in node.times)
        regions = tuple(SCALE * region for region in node.regions)
        return replace(node, times=times, regions=regions and (*regions[:-1], regions[-1] + extra))

    ranks = sorted(spec.tasks, key=lambda task: (task.priority, task.index))
    tasks = tuple(
        replace(
            task, nodes=tuple(map(node_of, task.nodes)), period=longer(task.period), server_period=None,
            deadline=longer(task.deadline) or 1, offset=longer(task.offset) or 0, release=longer(task.release),
            priority=ranks.index(task),
        )
        for task in spec.tasks
    )  # fmt: skip
    return replace(spec, tasks=tasks, chains=())


def _ordered(spec: SystemSpec, order: Sequence[int]) -> SystemSpec:
    tasks = tuple(replace(spec.tasks[old], index=new) for new, old in enumerate(order))
    return replace(spec, tasks=tasks)


def _named(spec: SystemSpec, names: Sequence[str]) -> SystemSpec:
    return replace(spec, tasks=tuple(replace(task, name=name) for task, name in zip(spec.tasks, names, strict=True)))
