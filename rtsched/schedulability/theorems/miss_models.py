"""Deadline miss models: how many of k consecutive jobs can be late where rare tasks overload a processor (m-out-of-k).

All tasks are in time as long as the *overload* tasks (recoveries, diagnoses, bursts) stay away. When they come, some
jobs are late. The question is how many of any k in a row (Hammadeh, Quinton, Ernst, EMSOFT 2014; Xu, Hammadeh, Kröller,
Ernst, Quinton, ECRTS 2015). Derived for integers:

A level-i busy period is a longest interval in which work of task i, or more urgent, is always there. Let n_o jobs of
each more urgent overload task o be released in one of them. The job q of task i in it (from 0 on) ends within w(q), the
least w = (q + 1) C_i + Σ_h ceil((w + J_h)/T_h) C_h + Σ_o min(n_o, ceil((w + J_o)/T_o)) C_o, so its response is at most
w(q) - q T_i + J_i. Let N(n) be how many of its jobs exceed D_i by that: it grows with n.

Now take jobs j to j + k - 1 of task i, which comes periodically, and of each busy period in which one of them is late
only what is released before the last one of them ends. Such a period begins after a_j - L, L being the longest busy
period, and that end comes by a_j + (k - 1) T_i + R, R being the worst response with every overload there is. So no more
than Ω_o = ceil(((k - 1) T_i + R + L - 1 + J_o)/T_o) jobs of o are released in all these periods together, and each
period with misses takes a vector n of its own out of Ω, and has at most N(n) misses. The largest sum of N over vectors
that fit into Ω together, and at most k, bounds the misses: an integer program, solved exactly where it is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.result import Assumption, Bound, Failure, Result, Verdict
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import CAP, least_fixpoint
from rtsched.schedulability.theorems.weakly_hard import FirmTasks

#: Parts of the overload that are looked at one by one; of more each overload job is taken to do its worst.
MOST_PACKINGS = 50_000
#: Vectors of overload in one busy period that are looked at; of more only the largest is.
MOST_VECTORS = 4_096


@dataclass(frozen=True)
class TypicalAndOverload(FirmTasks):
    """Tasks on one processor, which of them are overload, and an (m, k) for each: of any k jobs, m are in time.

    The others come periodically, in any phases; overload comes as rarely as it likes.
    """

    processor: Uniprocessor
    overload: frozenset[str]
    constraints: tuple[tuple[int, int], ...]


def _complete(model: TypicalAndOverload) -> str | None:
    """An (m,k) for each task, overload tasks that there are, and times that make sense."""
    if len(model.constraints) != len(model.tasks):
        return f"it needs an (m,k) for each of the {len(model.tasks)} tasks"
    unknown = sorted(model.overload - {task.name for task in model.tasks})
    if unknown:
        return f"there is no task {unknown[0]!r} that could be overload"
    return model.not_firm


@dataclass(frozen=True)
class UnderOverload:
    """Task i and what is more urgent: tasks that always come, and those that are overload."""

    task: Sporadic
    above: tuple[Sporadic, ...]
    overload: tuple[Sporadic, ...]

    def released(self, window: int, n: Sequence[int]) -> int:
        """The more urgent work that a busy period can bring in its first `window` ticks, with n jobs of overload."""
        typical = sum(-(-(window + h.J) // h.T) * h.C for h in self.above)
        return typical + sum(
            min(most, -(-(window + o.J) // o.T)) * o.C for o, most in zip(self.overload, n, strict=True)
        )

    def longest(self, n: Sequence[int]) -> int:
        """The longest busy period with so many jobs of overload; the load is below 1."""
        task = self.task
        found = least_fixpoint(lambda L: -(-(L + task.J) // task.T) * task.C + self.released(L, n), 1)
        assert found is not None
        return found

    def responses(self, n: Sequence[int]) -> list[int]:
        """Bounds on the responses of the jobs of one busy period, in their order."""
        task, found = self.task, []
        w: int | None = 1
        for q in range(-(-(self.longest(n) + task.J) // task.T)):
            assert w is not None
            w = least_fixpoint(lambda w, q=q: (q + 1) * task.C + self.released(w, n), w)  # type: ignore[misc]
            assert w is not None
            found.append(w - q * task.T + task.J)
        return found

    def misses(self, n: Sequence[int]) -> int:
        """How many jobs of one busy period can be late."""
        return sum(R > self.task.D for R in self.responses(n))


@dataclass(frozen=True)
class MissModel:
    """The deadline miss model of a task: in a busy period N(n) misses, and how the overload adds up over k jobs.

    `worst` has the misses by vector, those only that no smaller vector has; `always`: there is no bound below k.
    """

    level: UnderOverload
    R: int
    L: int
    worst: Mapping[tuple[int, ...], int]
    always: bool = False

    def overload(self, k: int) -> tuple[int, ...]:
        """Ω: how many jobs of each overload task can delay one of k jobs in a row."""
        span = (k - 1) * self.level.task.T + self.R + self.L - 1
        return tuple(-(-(span + o.J) // o.T) for o in self.level.overload)

    def __call__(self, k: int) -> int:
        """The most of k jobs in a row that can be late."""
        if not self.worst:
            return k if self.always else 0
        most = tuple(min(each, k * max(n[place] for n in self.worst)) for place, each in enumerate(self.overload(k)))
        if prod(each + 1 for each in most) > MOST_PACKINGS:
            return min(k, sum(most) * max(self.worst.values()))
        return min(k, _packed(most, self.worst))


def _packed(most: tuple[int, ...], worth: Mapping[tuple[int, ...], int]) -> int:
    """The largest sum of worths of vectors, each as often as wanted, that together stay within `most`.

    >>> _packed((3, 2), {(1, 1): 2, (2, 0): 1})
    4
    """
    best: dict[tuple[int, ...], int] = {}
    for left in product(*(range(each + 1) for each in most)):
        best[left] = max(
            (
                value + best[tuple(a - b for a, b in zip(left, n, strict=True))]
                for n, value in worth.items()
                if all(a >= b for a, b in zip(left, n, strict=True))
            ),
            default=0,
        )
    return best[most]


def miss_model(model: TypicalAndOverload, index: int) -> MissModel:
    """The deadline miss model of one task."""
    task, more = model.tasks[index], model.tasks[:index]
    # what is overload itself has no longest distance: its jobs are in time with every overload, or nothing is known
    mine = () if task.name in model.overload else tuple(each for each in more if each.name in model.overload)
    level = UnderOverload(task, tuple(each for each in more if each not in mine), mine)
    U = sum((each.U for each in more), task.U)
    if U >= 1 and not (U == Fraction(1) and not any(each.J for each in (*more, task))):
        return MissModel(level, 0, 0, {}, always=True)
    without = tuple(0 for _ in mine)
    every = _every(level)
    R, L = max(level.responses(every)), level.longest(every)
    if level.misses(without):
        return MissModel(level, R, L, {}, always=True)
    worst: dict[tuple[int, ...], int] = {}
    vectors = product(*(range(each + 1) for each in every))
    if prod(each + 1 for each in every) > MOST_VECTORS:
        misses = level.misses(every)
        ones = (tuple(int(place == at) for place in range(len(mine))) for at in range(len(mine)))
        return MissModel(level, R, L, dict.fromkeys(ones, misses) if misses else {})
    for n in vectors:  # smaller ones first
        misses = level.misses(n)
        if misses > max((N for known, N in worst.items() if all(map(int.__le__, known, n))), default=0):
            worst[n] = misses
    return MissModel(level, R, L, worst)


def _every(level: UnderOverload) -> tuple[int, ...]:
    """As many jobs of each overload task as one busy period can hold."""
    task, both = level.task, (*level.above, *level.overload)
    L = least_fixpoint(
        lambda L: -(-(L + task.J) // task.T) * task.C + sum(-(-(L + h.J) // h.T) * h.C for h in both), 1, cap=CAP
    )
    assert L is not None
    return tuple(-(-(L + o.J) // o.T) for o in level.overload)


@theorem(
    "typical-worst-case",
    title="Deadline miss model under fixed priorities with rare overload (m-out-of-k)",
    strength="sufficient",
    citation="Hammadeh, Quinton, Ernst, EMSOFT 2014; Xu, Hammadeh, Kröller, Ernst, Quinton, ECRTS 2015",
    model=TypicalAndOverload,
    needs=(
        needs.order("FP"),
        needs.mode("preemptive"),
        needs.no_blocking,
        needs.no_suspension,
        _complete,
    ),
)
def typical_worst_case(model: TypicalAndOverload) -> Result:
    """Of any k jobs of each task in a row, at least m are in time, however the overload comes.

    The recovery comes at most each 200 ticks, and makes two jobs in a row late, of ten at most two:

    >>> tasks = Sporadic("recover", 9, 200, 200), Sporadic("a", 2, 10, 10), Sporadic("b", 6, 12, 12)
    >>> system = Uniprocessor(tasks)
    >>> typical_worst_case(TypicalAndOverload(system, frozenset({"recover"}), ((1, 1), (9, 10), (8, 10)))).verdict
    'schedulable'
    >>> [miss_model(TypicalAndOverload(system, frozenset({"recover"}), ()), 2)(k) for k in (1, 2, 10, 100)]
    [1, 2, 2, 14]
    """
    bounds, failures, found = [], [], {}
    for index, (task, (m, k)) in enumerate(zip(model.tasks, model.constraints, strict=True)):
        each = miss_model(model, index)
        late = each(k)
        found[task.name] = late
        bounds.append(Bound(task.name, each.R or None, task.D, converged=bool(each.R)))
        if late > k - m:
            failures.append(
                Failure(task.name, f"{task.name!r} may miss {late} of {k} jobs in a row, {k - m} are allowed")
            )
    assumptions = (
        Assumption("tasks that are no overload come periodically, each period, in any phases", "declared"),
        Assumption("late jobs run to completion and delay the next job of their task", "declared"),
    )
    reason = failures[0].why if failures else ""
    verdict: Verdict = "unknown" if failures else "schedulable"
    return Result(verdict, tuple(bounds), (), assumptions, failures[0] if failures else None, reason, {"misses": found})
