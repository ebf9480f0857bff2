"""A9: tasks that suspend themselves (wait for an accelerator), preemptive fixed priority on one core.

Three corrected bounds, none better than the others everywhere; each task gets the smallest. The tempting analysis that
counts suspension as jitter, J = S, is wrong: for (C, S, T) = (1, 0, 2), (5, 5, 20), (1, 0, 40) it claims 12 for the
third task; the truth, and the bound here, is 22 (Chen et al., Real-Time Systems 55, 2019).

>>> from rtsched.schedulability.models import Sporadic, Uniprocessor
>>> sets = Sporadic("1", 1, 2, 2), Sporadic("2", 5, 20, 20, S=5), Sporadic("3", 1, 40, 40)
>>> self_suspension(Uniprocessor(sets)).responses
[1, 20, 22]
"""

from __future__ import annotations

from collections.abc import Callable

from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import least_fixpoint

_NEEDS = (
    needs.order("FP"),
    needs.mode("preemptive"),
    needs.constrained_deadlines,
    needs.no_jitter,
    needs.no_blocking,
    needs.suspends,
)
_REVIEW = "Chen, Nelissen, Huang et al., Real-Time Systems 55, 2019"


def _solve(task: Sporadic, more: Callable[[int], list[Contribution]], fixed: list[Contribution]) -> Bound:
    """The least fixpoint of own + fixed + more(R), with its parts; without a value once it exceeds D."""
    own = [
        Contribution("own", task.name, task.C),
        *([Contribution("suspension", task.name, task.S)] if task.S else []),
        *fixed,
    ]
    base = sum(part.amount for part in own)
    start = task.C + task.S
    R = least_fixpoint(lambda R: base + sum(part.amount for part in more(R)), start, limit=task.D)
    if R is None:
        return Bound(task.name, None, task.D, converged=False)
    parts = tuple(part for part in (*own, *more(R)) if part.amount)
    return Bound(task.name, R, task.D, parts)


def oblivious_bound(task: Sporadic, above: tuple[Sporadic, ...]) -> Bound:
    """Suspension of the tasks above counts as execution."""
    return _solve(task, lambda R: [Contribution("interference", h.name, -(-R // h.T) * (h.C + h.S)) for h in above], [])


def blocking_bound(task: Sporadic, above: tuple[Sporadic, ...]) -> Bound:
    """Suspension of the tasks above delays once, by at most their C (Liu 2000; proof: Chen et al. 2016)."""
    once = [Contribution("suspension", h.name, min(h.C, h.S)) for h in above]
    return _solve(task, lambda R: [Contribution("interference", h.name, -(-R // h.T) * h.C) for h in above], once)


def jitter_bound(task: Sporadic, above: tuple[Sporadic, ...], responses: list[int | None]) -> Bound:
    """Suspension of the tasks above is jitter R - C of theirs (Huang et al. 2015; not J = S)."""
    known: list[tuple[Sporadic, int]] = []
    for h, R_h in zip(above, responses, strict=True):
        if R_h is None:
            return Bound(task.name, None, task.D, converged=False)
        known.append((h, R_h - h.C if h.S else 0))
    return _solve(
        task, lambda R: [Contribution("interference", h.name, -(-(R + J) // h.T) * h.C) for h, J in known], []
    )


def bounds_of(model: Uniprocessor) -> dict[str, list[Bound]]:
    """The three bounds of every task, and ``best``, the smallest of each; most urgent first."""
    found: dict[str, list[Bound]] = {"oblivious": [], "blocking": [], "jitter": [], "best": []}
    responses: list[int | None] = []
    for index, task in enumerate(model.tasks):
        above = model.tasks[:index]
        each = [oblivious_bound(task, above), blocking_bound(task, above), jitter_bound(task, above, responses)]
        for name, bound in zip(("oblivious", "blocking", "jitter"), each, strict=True):
            found[name].append(bound)
        best = min(each, key=lambda bound: task.D + 1 if bound.wcrt is None else bound.wcrt)
        found["best"].append(best)
        responses.append(best.wcrt)
    return found


@theorem(
    "self-suspension",
    title="Dynamic self-suspension, the best of three bounds (A9)",
    strength="sufficient",
    citation=f"{_REVIEW}; Liu 2000 with arXiv 1602.07750; Huang et al. 2015",
    model=Uniprocessor,
    needs=_NEEDS,
)
def self_suspension(model: Uniprocessor) -> Result:
    """The smallest of the oblivious, the blocking and the jitter bound for every task; D <= T."""
    return from_bounds(bounds_of(model)["best"], exact=False)


@theorem(
    "suspension-oblivious",
    title="Self-suspension counted as execution",
    strength="sufficient",
    citation=_REVIEW,
    model=Uniprocessor,
    needs=_NEEDS,
    opa=True,
)
def suspension_oblivious(model: Uniprocessor) -> Result:
    """Suspension counts as execution. Alone among the three valid with Audsley's assignment."""
    return from_bounds([oblivious_bound(task, model.tasks[:i]) for i, task in enumerate(model.tasks)], exact=False)
