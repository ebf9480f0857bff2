"""Margins: by how much execution times may grow, and periods shrink, before the proof is lost.

Bisection over a factor is valid because every test here is sustainable in C: what is proven with some execution times
is proven with smaller ones. Factors are thousandths, rounded to the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

from rtsched.errors import InputError
from rtsched.schedulability.analyse import decide
from rtsched.schedulability.models import (
    Cluster,
    DagTask,
    Pipelines,
    PipelineTask,
    Sporadic,
    TypedPools,
    Uniprocessor,
)
from rtsched.schedulability.search import batch
from rtsched.schedulability.search.batch import TaskSets
from rtsched.schedulability.theorems.accelerators import GpuTask, SharedAccelerator
from rtsched.schedulability.theorems.compositional import Component, EventNetwork
from rtsched.schedulability.theorems.job_set_graph import JobSet
from rtsched.schedulability.theorems.preemptive_jobs import PreemptiveJobs
from rtsched.schedulability.theorems.servers import ServedTasks
from rtsched.schedulability.theorems.triggered import TriggeredEDF

#: The models that can be scaled.
SCALED = (
    Uniprocessor, Cluster, TypedPools, Pipelines, EventNetwork, JobSet, PreemptiveJobs, TriggeredEDF, ServedTasks,
    SharedAccelerator,
)  # fmt: skip
#: Factors are searched up to this.
MOST = Fraction(16)
STEP = 1000

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Margin:
    """How far a task can move by itself: the largest factor of its C, the smallest factor of its T (None: not even 1).

    A factor of C of None says that no positive execution time of this task makes the part provable, or that it is not
    known what the policy would make of another one. A task that others
    release, or that comes once, has no T.
    """

    task: str
    C: Fraction | None
    T: Fraction | None


def scales(model: Any) -> bool:
    """Whether `scaled` knows a model: what its policy would make of other times may be no model of the same shape."""
    return isinstance(model, SCALED)


def scaled(model: M, C: Fraction = Fraction(1), T: Fraction = Fraction(1), task: str | None = None) -> M:
    """The model with all (or one task's) execution times and periods scaled; deadlines stay, but follow T below it.

    Sections are shares of execution times: where a task grows, so may what others are blocked by. Budgets stay.
    """
    made: Any = model
    if isinstance(model, Uniprocessor | Cluster):
        made = replace(model, tasks=tuple(_sporadic(each, C, T, task) for each in model.tasks))
    elif isinstance(model, ServedTasks):
        served = (replace(each, task=_sporadic(each.task, C, T, task)) for each in model.tasks)
        made = replace(model, tasks=tuple(served))
    elif isinstance(model, SharedAccelerator):
        made = replace(model, tasks=tuple(_gpu_task(each, C, T, task in (None, each.name)) for each in model.tasks))
        if model.server:  # what it takes to serve a request is its execution time
            made = replace(made, epsilon=_time(model.epsilon, C, task in (None, model.server)))
    elif isinstance(model, TriggeredEDF):
        roots = [model.tasks[model.root(index)].name for index in range(len(model.tasks))]
        tasks = []
        for each, root in zip(model.tasks, roots, strict=True):
            longer = _sporadic(each, C, Fraction(1), task)
            tasks.append(replace(longer, **_timing(each, T, task in (None, root))))
        made = replace(model, tasks=tuple(tasks))
    elif isinstance(model, JobSet | PreemptiveJobs):
        jobs = (replace(job, c_max=max(job.c_min, _time(job.c_max, C, task in (None, job.name)))) for job in model.jobs)
        made = replace(model, jobs=tuple(jobs))
    elif isinstance(model, TypedPools):
        made = replace(model, tasks=tuple(_dag(each, C, T, task in (None, each.name)) for each in model.tasks))
    elif isinstance(model, Pipelines):
        made = replace(model, tasks=tuple(_pipeline(each, C, T, task in (None, each.name)) for each in model.tasks))
    elif isinstance(model, EventNetwork):
        made = replace(model, components=tuple(_component(each, C, T, task) for each in model.components))
    return made  # type: ignore[no-any-return]


def _time(value: int, C: Fraction, mine: bool) -> int:
    return max(1, math.ceil(value * C)) if mine else value


def _cut(c: int, regions: tuple[int, ...], C: Fraction, mine: bool) -> tuple[int, tuple[int, ...]]:
    """An execution time and its regions, which still sum to it."""
    cut = tuple(_time(region, C, mine) for region in regions)
    return sum(cut) if cut else _time(c, C, mine), cut


def _timing(each: Any, T: Fraction, mine: bool) -> dict[str, Any]:
    if not mine or T == 1:
        return {}
    period = max(1, math.ceil(each.T * T))
    return {"T": period, "D": min(each.D, period) if each.D <= each.T else each.D}


def _blocked(B: int, C: Fraction, own: bool) -> int:
    """Blocking by sections of others: as they grow; what one task saves by shrinking alone is not counted."""
    return B if own else math.ceil(B * C)


def _sporadic(each: Sporadic, C: Fraction, T: Fraction, task: str | None) -> Sporadic:
    mine = task in (None, each.name)
    c, cut = _cut(each.C, each.regions, C, mine)
    B = _blocked(each.B, C if task is None else max(C, Fraction(1)), own=task == each.name)
    # a suspension is an execution elsewhere, maybe in turn with that of other tasks; it is not known how much shrinks
    return replace(each, C=c, regions=cut, B=B, S=math.ceil(each.S * max(C, Fraction(1))), **_timing(each, T, mine))


def _dag(each: DagTask, C: Fraction, T: Fraction, mine: bool) -> DagTask:
    vertices = []
    for vertex in each.dag.vertices:
        c, cut = _cut(vertex.c, vertex.regions, C, mine)
        vertices.append(replace(vertex, c=c, regions=cut))
    return replace(each, dag=replace(each.dag, vertices=tuple(vertices)), **_timing(each, T, mine))


def _gpu_task(each: GpuTask, C: Fraction, T: Fraction, mine: bool) -> GpuTask:
    core = _time(each.C, C, mine) if each.C else 0
    segments = tuple(_time(segment, C, mine) for segment in each.segments)
    return replace(each, C=core, segments=segments, **_timing(each, T, mine))


def _pipeline(each: PipelineTask, C: Fraction, T: Fraction, mine: bool) -> PipelineTask:
    stages = []
    for stage in each.stages:
        c, cut = _cut(stage.C, stage.regions, C, mine)
        stages.append(replace(stage, C=c, regions=cut))
    return replace(each, stages=tuple(stages), **_timing(each, T, mine))


def _component(each: Component, C: Fraction, T: Fraction, task: str | None) -> Component:
    mine = task in (None, each.name)
    events = each.events
    if events is not None and mine:
        events = replace(events, P=max(1, math.ceil(events.P * T)))
    B = _blocked(each.B, C if task is None else max(C, Fraction(1)), own=task == each.name)
    return replace(each, worst=_time(each.worst, C, mine), events=events, B=B)


def provable(variants: Sequence[Sequence[Any]]) -> list[bool]:
    """Whether each of several variants of a part is proven: in one array where exact tests about one core decide."""
    first = [models[0] for models in variants if models]
    if len(first) == len(variants) and all(isinstance(model, Uniprocessor) for model in first):
        test = _batched(first)
        if test is not None:
            with suppress(InputError):  # numbers beyond 64 bits: jobs that are there once have very long periods
                return [bool(verdict) for verdict in test(TaskSets.from_models(first))]
    return [decide(models) for models in variants]


def quick(models: Sequence[Any]) -> bool:
    """Whether variants of this part are decided in one array."""
    return bool(models) and isinstance(models[0], Uniprocessor) and _batched([models[0]]) is not None


def _batched(models: Sequence[Uniprocessor]) -> Callable[[TaskSets], Any] | None:
    """The exact test of these models over arrays; None where there is none."""
    kinds = {(model.order, model.mode, len(model.tasks)) for model in models}
    if len(kinds) != 1 or any(task.S or task.preemptible for model in models for task in model.tasks):
        return None
    ((order, mode, _),) = kinds
    locked = any(task.B for model in models for task in model.tasks)
    jitter = any(task.J for model in models for task in model.tasks)
    if (order, mode) == ("FP", "preemptive"):
        return lambda sets: (batch.fp_rta(sets, first=True) >= 0).all(axis=1)
    if (order, mode) == ("FP", "nonpreemptive") and not locked:
        return lambda sets: (batch.np_fp_rta(sets, first=True) >= 0).all(axis=1)
    if (order, mode) == ("EDF", "preemptive") and not locked:
        return batch.edf_qpa
    if (order, mode) == ("EDF", "nonpreemptive") and not (locked or jitter):
        return batch.np_edf
    return None


#: For each of several questions a factor to try: whether it holds.
Holds = Callable[[Sequence[Fraction]], Sequence[bool]]


def largest(holds: Holds, count: int, most: Fraction = MOST) -> list[Fraction | None]:
    """The largest thousandth up to `most` for which each property holds, lost for good as its factor grows."""
    return _bisected(holds, count, int(most * STEP), growing=False)


def smallest(holds: Holds, count: int, most: Fraction = MOST) -> list[Fraction | None]:
    """The smallest thousandth up to `most` for which each property holds, kept as its factor grows."""
    return _bisected(holds, count, int(most * STEP), growing=True)


def _bisected(holds: Holds, count: int, most: int, growing: bool) -> list[Fraction | None]:
    """Where each property changes: `count` bisections in step, so that each step asks all questions at once."""
    if not count:
        return []
    ends = (most, 1) if growing else (1, most)
    sure = holds([Fraction(ends[0], STEP)] * count)
    easy = holds([Fraction(ends[1], STEP)] * count)
    good = [ends[1] if better else ends[0] for better in easy]
    bad = [ends[1]] * count
    while any(abs(g - b) > 1 for g, b in zip(good, bad, strict=True)):
        middle = [(g + b) // 2 for g, b in zip(good, bad, strict=True)]
        answers = holds([Fraction(m, STEP) for m in middle])
        for place, yes in enumerate(answers):
            if abs(good[place] - bad[place]) > 1:
                (good if yes else bad)[place] = middle[place]
    return [Fraction(g, STEP) if known else None for g, known in zip(good, sure, strict=True)]


def breakdown(models: Sequence[Any]) -> Fraction | None:
    """The largest factor of all execution times for which some test proves the part: above 1 is margin.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> breakdown([Uniprocessor((Sporadic("1", 2, 10, 10), Sporadic("2", 4, 20, 20)), "EDF")])     # U = 0.4, in ticks
    Fraction(5, 2)
    """

    if not all(map(scales, models)):
        return None

    def holds(factors: Sequence[Fraction]) -> list[bool]:
        return provable([[scaled(model, C=factor) for model in models] for factor in factors])

    return largest(holds, 1)[0]


def sensitivity(models: Sequence[Any], names: Sequence[str]) -> list[Margin]:
    """For each task by itself: the largest factor of its C, and the smallest of its T, that keep the proof."""

    if not all(map(scales, models)):
        return [Margin(name, None, None) for name in names]

    def longer(factors: Sequence[Fraction]) -> list[bool]:
        pairs = zip(names, factors, strict=True)
        return provable([[scaled(model, C=factor, task=name) for model in models] for name, factor in pairs])

    timed = [name for name in names if not any(_untimed(model, name) for model in models)]

    def rarer(factors: Sequence[Fraction]) -> list[bool]:
        pairs = zip(timed, factors, strict=True)
        return provable([[scaled(model, T=factor, task=name) for model in models] for name, factor in pairs])

    C, T = largest(longer, len(names)), dict(zip(timed, smallest(rarer, len(timed)), strict=True))
    return [Margin(name, factor, T.get(name)) for name, factor in zip(names, C, strict=True)]


def _untimed(model: Any, name: str) -> bool:
    """Whether a task has no period of its own in this model."""
    if isinstance(model, EventNetwork):
        return any(each.name == name and each.events is None for each in model.components)
    if isinstance(model, TriggeredEDF):
        return any(task.name == name and at is not None for task, at in zip(model.tasks, model.after, strict=True))
    return isinstance(model, JobSet | PreemptiveJobs)


def with_regions(model: Uniprocessor, name: str, region: int) -> Uniprocessor:
    """The model with task `name` split into regions of at most `region`; the others keep theirs."""

    def split(task: Sporadic) -> Sporadic:
        if task.preemptible:
            return task
        if task.name != name:
            return task if task.regions else replace(task, regions=(task.C,))
        whole = task.regions or (task.C,)
        pieces: list[int] = []
        for length in whole:
            count = -(-length // region)
            pieces += [length // count + (place < length % count) for place in range(count)]
        return replace(task, regions=tuple(pieces))

    return replace(model, tasks=tuple(map(split, model.tasks)), mode="limited")
