"""Margins: by how much execution times may grow, and periods shrink, before the proof is lost.

Bisection over a factor is valid because every test here is sustainable in C: what is proven with some execution times
is proven with smaller ones. Factors are thousandths, rounded to the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

from rtsched.schedulability import batch
from rtsched.schedulability.analyse import decide
from rtsched.schedulability.batch import TaskSets
from rtsched.schedulability.compositional import Network
from rtsched.schedulability.job_set_graph import JobSet
from rtsched.schedulability.model import Cluster, Pipelines, Sporadic, TypedPools, Uniprocessor
from rtsched.schedulability.preemptive_jobs import PreemptiveJobs

#: Factors are searched up to this.
MOST = Fraction(16)
STEP = 1000

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Margin:
    """How far a task can move by itself: the largest factor of its C, the smallest factor of its T (None: not even 1).

    A factor of C of None says that no positive execution time of this task makes the part provable.
    """

    task: str
    C: Fraction | None
    T: Fraction | None


def scaled(model: M, C: Fraction = Fraction(1), T: Fraction = Fraction(1), task: str | None = None) -> M:
    """The model with all (or one task's) execution times and periods scaled; deadlines stay, but follow T below it."""

    def time(value: int, name: str) -> int:
        return max(1, math.ceil(value * C)) if task in (None, name) else value

    def regions(values: tuple[int, ...], name: str) -> tuple[int, ...]:
        return tuple(time(value, name) for value in values)

    def timing(each: Any) -> dict[str, Any]:
        if task not in (None, each.name) or T == 1:
            return {}
        period = max(1, math.ceil(each.T * T))
        return {"T": period, "D": min(each.D, period) if each.D <= each.T else each.D}

    made: Any = model
    if isinstance(model, Uniprocessor | Cluster):
        tasks = []
        for each in model.tasks:
            cut = regions(each.regions, each.name)
            tasks.append(replace(each, C=sum(cut) if cut else time(each.C, each.name), regions=cut, **timing(each)))
        made = replace(model, tasks=tuple(tasks))
    elif isinstance(model, TypedPools):
        made = replace(
            model,
            tasks=tuple(
                replace(
                    each,
                    dag=replace(
                        each.dag,
                        vertices=tuple(
                            replace(
                                v,
                                c=_sum(regions(v.regions, each.name), time(v.c, each.name)),
                                regions=regions(v.regions, each.name),
                            )
                            for v in each.dag.vertices
                        ),
                    ),
                    **timing(each),
                )
                for each in model.tasks
            ),
        )
    elif isinstance(model, Pipelines):
        made = replace(
            model,
            tasks=tuple(
                replace(
                    each,
                    stages=tuple(
                        replace(
                            s,
                            C=_sum(regions(s.regions, each.name), time(s.C, each.name)),
                            regions=regions(s.regions, each.name),
                        )
                        for s in each.stages
                    ),
                    **timing(each),
                )
                for each in model.tasks
            ),
        )
    elif isinstance(model, JobSet | PreemptiveJobs):
        jobs = (replace(job, c_max=max(job.c_min, time(job.c_max, job.name))) for job in model.jobs)
        made = replace(model, jobs=tuple(jobs))
    elif isinstance(model, Network):
        made = replace(
            model,
            components=tuple(
                replace(
                    each,
                    worst=time(each.worst, each.name),
                    events=None
                    if each.events is None
                    else replace(
                        each.events,
                        P=max(1, math.ceil(each.events.P * T)) if task in (None, each.name) else each.events.P,
                    ),
                )
                for each in model.components
            ),
        )
    return made  # type: ignore[no-any-return]


def _sum(regions: tuple[int, ...], c: int) -> int:
    return sum(regions) if regions else c


def provable(variants: Sequence[Sequence[Any]]) -> list[bool]:
    """Whether each of several variants of a part is proven: in one array where exact tests about one core decide."""
    first = [models[0] for models in variants if models]
    if len(first) == len(variants) and all(isinstance(model, Uniprocessor) for model in first):
        test = _batched(first)
        if test is not None:
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

    >>> from rtsched.schedulability.model import Sporadic, Uniprocessor
    >>> breakdown([Uniprocessor((Sporadic("1", 2, 10, 10), Sporadic("2", 4, 20, 20)), "EDF")])     # U = 0.4, in ticks
    Fraction(5, 2)
    """

    def holds(factors: Sequence[Fraction]) -> list[bool]:
        return provable([[scaled(model, C=factor) for model in models] for factor in factors])

    return largest(holds, 1)[0]


def sensitivity(models: Sequence[Any], names: Sequence[str]) -> list[Margin]:
    """For each task by itself: the largest factor of its C, and the smallest of its T, that keep the proof."""

    def longer(factors: Sequence[Fraction]) -> list[bool]:
        pairs = zip(names, factors, strict=True)
        return provable([[scaled(model, C=factor, task=name) for model in models] for name, factor in pairs])

    def rarer(factors: Sequence[Fraction]) -> list[bool]:
        pairs = zip(names, factors, strict=True)
        return provable([[scaled(model, T=factor, task=name) for model in models] for name, factor in pairs])

    C: list[Fraction | None] = largest(longer, len(names))
    once = all(isinstance(model, JobSet | PreemptiveJobs) for model in models)
    T = [None] * len(names) if once else smallest(rarer, len(names))
    return [Margin(*each) for each in zip(names, C, T, strict=True)]


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
