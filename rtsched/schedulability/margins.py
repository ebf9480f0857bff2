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

from rtsched.schedulability.analyse import decide
from rtsched.schedulability.compositional import Network
from rtsched.schedulability.model import Cluster, Pipelines, Sporadic, TypedPools, Uniprocessor

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


def largest(holds: Callable[[Fraction], bool], most: Fraction = MOST) -> Fraction | None:
    """The largest thousandth up to `most` for which a property holds that is lost for good as the factor grows."""
    low, high = 0, int(most * STEP)
    if holds(Fraction(high, STEP)):
        return Fraction(high, STEP)
    if not holds(Fraction(1, STEP)):
        return None
    low = 1
    while high - low > 1:
        middle = (low + high) // 2
        if holds(Fraction(middle, STEP)):
            low = middle
        else:
            high = middle
    return Fraction(low, STEP)


def smallest(holds: Callable[[Fraction], bool], most: Fraction = MOST) -> Fraction | None:
    """The smallest thousandth up to `most` for which a property holds that is kept as the factor grows."""
    low, high = 0, int(most * STEP)
    if not holds(Fraction(high, STEP)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if holds(Fraction(middle, STEP)):
            high = middle
        else:
            low = middle
    return Fraction(high, STEP)


def breakdown(models: Sequence[Any]) -> Fraction | None:
    """The largest factor of all execution times for which some test proves the part: above 1 is margin.

    >>> from rtsched.schedulability.model import Sporadic, Uniprocessor
    >>> breakdown([Uniprocessor((Sporadic("1", 2, 10, 10), Sporadic("2", 4, 20, 20)), "EDF")])     # U = 0.4, in ticks
    Fraction(5, 2)
    """
    return largest(lambda factor: decide([scaled(model, C=factor) for model in models]))


def sensitivity(models: Sequence[Any], names: Sequence[str]) -> list[Margin]:
    """For each task by itself: the largest factor of its C, and the smallest of its T, that keep the proof."""
    found = []
    for name in names:
        C = largest(lambda factor: decide([scaled(model, C=factor, task=name) for model in models]))  # noqa: B023
        T = smallest(lambda factor: decide([scaled(model, T=factor, task=name) for model in models]))  # noqa: B023
        found.append(Margin(name, C, T))
    return found


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
