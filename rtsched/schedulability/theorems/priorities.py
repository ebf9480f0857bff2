"""Priority orders on one processor: rate monotonic, deadline monotonic, and Audsley's, which is optimal.

Deadline monotonic is optimal for preemptive tasks with D <= T (Leung, Whitehead 1982), and not beyond. With D > T the
task of the longer deadline may have to go first (the example of Lehoczky, RTSS 1990):

>>> from rtsched.schedulability.theorems.fixed_priority import fp_rta, np_fp_rta
>>> late = deadline_monotonic([Sporadic("1", 52, 100, 110), Sporadic("2", 52, 140, 154)])
>>> fp_rta(Uniprocessor(late)).responses               # 156 > 154
[52, 156]
>>> found = audsley(Uniprocessor(late), fp_rta)
>>> [task.name for task in found], fp_rta(Uniprocessor(found)).responses
(['2', '1'], [52, 108])

Nor is it optimal without preemption, even with D = T: below b, task c waits for two jobs of b and three of a; above b,
it waits for the rest of one job of b, which has room for it (the smallest such set, found by exhaustive search):

>>> tasks = deadline_monotonic([Sporadic("a", 1, 3, 3), Sporadic("b", 2, 4, 4), Sporadic("c", 1, 6, 6)])
>>> np_fp_rta(Uniprocessor(tasks, mode="nonpreemptive")).responses
[2, 3, 8]
>>> found = audsley(Uniprocessor(tasks, mode="nonpreemptive"), np_fp_rta)
>>> [task.name for task in found], np_fp_rta(Uniprocessor(found, mode="nonpreemptive")).responses
(['a', 'c', 'b'], [2, 3, 4])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, overload

from rtsched.errors import InputError
from rtsched.schedulability.models import Pipelines, PipelineTask, Sporadic, Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.theorem import Theorem


def rate_monotonic(tasks: Iterable[Sporadic]) -> tuple[Sporadic, ...]:
    """The shortest T first (Liu, Layland 1973); equal ones keep their order.

    >>> [task.name for task in rate_monotonic([Sporadic("slow", 1, 9, 5), Sporadic("fast", 1, 6, 6)])]
    ['fast', 'slow']
    """
    return tuple(sorted(tasks, key=lambda task: task.T))


def deadline_monotonic(tasks: Iterable[Sporadic]) -> tuple[Sporadic, ...]:
    """The shortest D first (Leung, Whitehead 1982); equal ones keep their order.

    >>> [task.name for task in deadline_monotonic([Sporadic("fast", 1, 6, 6), Sporadic("slow", 1, 9, 5)])]
    ['slow', 'fast']
    """
    return tuple(sorted(tasks, key=lambda task: task.D))


@overload
def audsley(model: Uniprocessor, test: Callable[[Uniprocessor], Result]) -> tuple[Sporadic, ...] | None: ...
@overload
def audsley(model: Pipelines, test: Callable[[Pipelines], Result]) -> tuple[PipelineTask, ...] | None: ...
def audsley(model: Any, test: Callable[[Any], Result]) -> tuple[Any, ...] | None:
    """An order, most urgent first, in which `test` accepts every task; None if it accepts no order at all.

    Audsley (1991; Information Processing Letters 79(1), 2001): any task that passes at the lowest level may stay there,
    as what lies above it matters only as a set. At most n(n+1)/2 tests instead of n! orders. The lowest level is given
    away first, and to the last task in the given order that passes there: an order that already holds comes back as it
    is. Only for theorems with ``opa``; InputError for others. A task whose analysis was cut off does not pass.

    Tasks that suspend themselves (`suspension_assignable`), and pipelines (`suspending.assignable`), have tests, too:

    >>> from rtsched.schedulability.models import Stage
    >>> from rtsched.schedulability.theorems.suspending import assignable
    >>> stages = Stage("cpu", 1), Stage("npu", 6), Stage("cpu", 1)
    >>> tasks = PipelineTask("loop", (Stage("cpu", 5),), 12, 11), PipelineTask("net", stages, 12, 12)
    >>> pipelines = Pipelines(tasks, {"cpu": "preemptive", "npu": "nonpreemptive"})
    >>> [task.name for task in audsley(pipelines, assignable)]
    ['net', 'loop']
    """
    made = test if isinstance(test, Theorem) else getattr(test, "theorem", None)
    if not isinstance(made, Theorem):
        raise InputError("Audsley's priority assignment needs a registered theorem as its test, e.g. fp_rta")
    if not made.opa:
        raise InputError(
            f"Audsley's priority assignment is not valid with {made.name}: it must not depend on the order of the "
            "more urgent tasks; take fp_rta, np_fp_rta, limited_fp_rta or suspension_assignable"
        )
    reason = made.reason(model)
    if reason is not None:
        raise InputError(f"{made.name} does not apply: {reason}")
    above, below = list(model.tasks), list[Any]()
    while above:
        for index in reversed(range(len(above))):
            others = [*above[:index], *above[index + 1 :]]
            order = (*others, above[index], *below)
            if _passes(made(replace(model, tasks=order)), len(others), above[index].name):
                below.insert(0, above.pop(index))
                break
        else:
            return None
    return tuple(below)


def _passes(result: Result, level: int, name: str) -> bool:
    """Whether the task at `level` keeps its deadline; the verdict on the others, in some order, means nothing here."""
    bounds = result.bounds[level : level + 1]
    return any(bound.task == name and bound.wcrt is not None and bound.wcrt <= bound.deadline for bound in bounds)
