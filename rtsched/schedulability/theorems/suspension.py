"""A9: tasks that suspend themselves (wait for an accelerator), preemptive, on one core.

Three corrected bounds, none better than the others everywhere; each task gets the smallest. The tempting analysis that
counts suspension as jitter, J = S, is wrong: for (C, S, T) = (1, 0, 2), (5, 5, 20), (1, 0, 40) it claims 12 for the
third task; the truth, and the bound here, is 22 (Chen et al., Real-Time Systems 55, 2019).

>>> from rtsched.schedulability.models import Sporadic, Uniprocessor
>>> sets = Sporadic("1", 1, 2, 2), Sporadic("2", 5, 20, 20, S=5), Sporadic("3", 1, 40, 40)
>>> self_suspension(Uniprocessor(sets)).responses
[1, 20, 22]

**EDF.** While a job with deadline d is ready and does not run, a job with a deadline by d does. So, R being bounds that
hold together as for `a6-work-conserving` (dag_sets.py), with one processor: if a job of k released at r is not done
before r + y + 1, the window [r, r + y) holds at most C_k + S_k - 1 ticks in which it runs or suspends itself, and in
the others jobs of other tasks j run, each only within R_j of its arrival and with its deadline by r + D_k: min(W_j(y),
E_j). Hence y < C_k + S_k + Σ_j min(W_j(y), E_j) for all y that are too short.

Or suspension counts as execution: let t0 be the last instant before a missed deadline d at which no job with a deadline
by d was there. From then on at each tick such a job runs, or all that are there suspend themselves: d - t0 is less than
the sum of C + S over the jobs that arrive from t0 on with deadlines by d. So who passes the demand test with C + S in
the place of C misses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.edf import edf_qpa
from rtsched.schedulability.theorems.fixpoint import least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork, Looks, due_within, joint_fixpoint, stride

_PLAIN = (
    needs.mode("preemptive"),
    needs.constrained_deadlines,
    needs.no_jitter,
    needs.no_blocking,
    needs.suspends,
)
_NEEDS = (needs.order("FP"), *_PLAIN)
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
    interlocked=True,
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
    interlocked=True,
    opa=True,
)
def suspension_oblivious(model: Uniprocessor) -> Result:
    """Suspension counts as execution. Alone among the three valid with Audsley's assignment."""
    return from_bounds([oblivious_bound(task, model.tasks[:i]) for i, task in enumerate(model.tasks)], exact=False)


def edf_bounds(model: Uniprocessor) -> list[Bound] | None:
    """The least bounds under EDF that hold together; None where there are none."""
    looks, tasks = Looks(), {task.name: task for task in model.tasks}

    def works(task: Sporadic, bounds: Mapping[str, int]) -> list[tuple[str, JobWork]]:
        found = []
        for other in model.tasks:
            if other is not task:
                work = JobWork(other.T, bounds[other.name], other.C, 1)
                found.append((other.name, work._replace(most=due_within(task.D, other.D, work))))
        return found

    def step(name: str, bounds: Mapping[str, int]) -> int | None:
        task, others = tasks[name], works(tasks[name], bounds)

        def grown(y: int) -> int:
            looks.spend(len(others))
            found = [work.rises(y) for _, work in others]
            following = task.C + task.S + sum([each for each, _ in found])
            if following <= y:
                return following
            return y + stride(following - (y + 1), 1, [(span, 1) for _, span in found])

        return least_fixpoint(grown, bounds[name], limit=task.D)

    bounds = joint_fixpoint({task.name: task.C + task.S for task in model.tasks}, step)
    if bounds is None:
        return None
    found = []
    for task in model.tasks:
        own = [Contribution("own", task.name, task.C), Contribution("suspension", task.name, task.S)]
        other = [
            Contribution("interference", name, work.within(bounds[task.name])) for name, work in works(task, bounds)
        ]
        parts = tuple(part for part in (*own, *other) if part.amount)
        found.append(Bound(task.name, bounds[task.name], task.D, parts))
    return found


@theorem(
    "edf-suspension",
    title="Dynamic self-suspension under EDF (A9)",
    strength="sufficient",
    citation=f"derived here; the proof stands in rtsched/schedulability/theorems/suspension.py; oblivious: {_REVIEW}",
    model=Uniprocessor,
    needs=(needs.order("EDF"), *_PLAIN),
    interlocked=True,
)
def edf_suspension(model: Uniprocessor) -> Result:
    """R = C + S + Σ min(W_j(R), E_j), the least that hold together; or the demand test with C + S in the place of C.

    >>> sets = Sporadic("1", 2, 10, 10, S=3), Sporadic("2", 2, 14, 14, S=2), Sporadic("3", 2, 20, 20)
    >>> edf_suspension(Uniprocessor(sets, "EDF")).responses
    [7, 9, 9]
    """
    bounds = edf_bounds(model)
    if bounds is not None:
        return from_bounds(bounds, exact=False)
    executing = tuple(replace(task, C=task.C + task.S, S=0) for task in model.tasks)
    oblivious = edf_qpa(replace(model, tasks=executing))
    none = [Bound(task.name, None, task.D) for task in model.tasks]
    if oblivious.verdict == "schedulable":
        return Result("schedulable", tuple(none))
    return from_bounds([replace(bound, converged=False) for bound in none], exact=False)
