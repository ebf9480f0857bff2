"""A9 under fixed priorities with any deadlines: how each suspension counts is chosen task by task; priorities for it.

The q-th job of task k since the last instant t_k at which no job of k was left undone: from t_k on at each tick jobs
of k compute or suspend themselves, q (C_k + S_k) ticks at most, or a more urgent task runs. X is a set of more urgent
tasks. From the least urgent of them to the most urgent, t_i = t_{i+1}, but for a task of X that has a job undone then
the release of that job; none of X has more than one (R_i <= T_i; one that never suspends itself goes back to the last
instant before with none, and is always of X). In [t_i, t_{i+1}) that job is there: one at least as urgent runs, or it
suspends itself, for S_i in all. So in [t_i, f) a task of X runs for at most W_i(L) = ceil(L / T_i) C_i, L being its
length, any other one, each job within R_i of its release, for what jobs can do in a window so long (`JobWork.within`).

**Claim.** With Q_i = Σ of S_j over j in X from i on downwards, f - t_k is at most any x that is not less than
q (C_k + S_k) + Σ_i W_i(x + Q_i). Else let m be the task (or k itself, t_k, Q_k = 0) for which t_k - t_i - Q_i is
largest, Δ >= 0. For all i the window from t_i up to E = t_k + x - Δ is no longer than x + Q_i. The x + Q_m ticks of
[t_m, E), in which the job is not done, are at most q (C_k + S_k) - 1 of k, the suspensions from m on, Q_m, and what the
more urgent run, W_i(x + Q_i) each: less than x + Q_m, which cannot be. Chen, Nelissen, Huang (2016) show it for q = 1
and whole jobs, Günzel, Ueter, Chen (2021) for arrival curves; the proof above asks of W_i only that it grows with L.

A job is done by (q - 1) T_k before that after its release; if it is by q T_k, no later one belongs to the same q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, product

from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems import suspension
from rtsched.schedulability.theorems.fixpoint import NotConverged, least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork

#: Of so many suspending tasks above, every subset is tried in `suspension-framework`; of more, ends of three orders.
MOST_SUBSETS = 8
#: Jobs of one task without a pause that are followed.
MOST_JOBS = 2_000

_NEEDS = (needs.order("FP"), needs.mode("preemptive"), needs.no_jitter, needs.no_blocking, needs.suspends)

#: What a more urgent task can do within a length.
Amount = Callable[[int], int]


def _solve(task: Sporadic, others: Sequence[tuple[str, Amount]]) -> Bound:
    """The largest response of the q-th job in a row; without a value once it exceeds D."""
    most, parts = 0, tuple[Contribution, ...]()
    for q in range(1, MOST_JOBS + 1):
        early = (q - 1) * task.T
        own = q * (task.C + task.S)
        x = least_fixpoint(lambda x, own=own: own + sum(work(x) for _, work in others), own, limit=early + task.D)  # type: ignore[misc]
        if x is None:
            return Bound(task.name, None, task.D, converged=False)
        if x - early > most:
            most, parts = x - early, _parts(task, q, x, others)
        if x <= q * task.T:
            return Bound(task.name, most, task.D, parts)
    raise NotConverged(f"{task.name!r} may have more than {MOST_JOBS} jobs in a row without a pause")


def _parts(task: Sporadic, q: int, x: int, others: Sequence[tuple[str, Amount]]) -> tuple[Contribution, ...]:
    """What the response consists of; of a later job in a row what others do is not told apart."""
    found = [Contribution("own", task.name, task.C), Contribution("suspension", task.name, task.S)]
    if q == 1:
        found += [Contribution("interference", name, work(x)) for name, work in others]
    else:
        rest = x - (q - 1) * task.T - task.C - task.S
        found.append(Contribution("interference", "earlier and more urgent jobs", rest))
    return tuple(part for part in found if part.amount)


def _least(found: Iterable[Bound]) -> Bound:
    return min(found, key=lambda bound: bound.deadline + 1 if bound.wcrt is None else bound.wcrt)


def executing_bound(task: Sporadic, above: Sequence[Sporadic]) -> Bound:
    """Suspension of all counts as execution: from the last instant on at which nothing so urgent was there."""

    def work(h: Sporadic) -> Amount:
        return lambda x: -(-x // h.T) * (h.C + h.S)

    return _solve(task, [(h.name, work(h)) for h in above])


def _framework(
    task: Sporadic, above: Sequence[Sporadic], R: Sequence[int], chosen: frozenset[int], ordered: bool
) -> Bound:
    """The bound with X = `chosen` (places in `above`), besides those that never suspend themselves.

    Unless `above` is `ordered`, every Q is the sum of all.
    """
    whole = sum(above[place].S for place in chosen)
    others: list[tuple[str, Amount]] = []
    behind = 0
    for place in reversed(range(len(above))):
        h = above[place]
        behind += h.S if place in chosen else 0
        Q = behind if ordered else whole
        if place in chosen or not h.S:
            others.append((h.name, lambda x, h=h, Q=Q: -(-(x + Q) // h.T) * h.C))  # type: ignore[misc]
        else:
            jobs = JobWork(h.T, R[place], h.C, 1)
            others.append((h.name, lambda x, jobs=jobs, Q=Q: jobs.within(x + Q)))  # type: ignore[misc]
    return _solve(task, others[::-1])


def framework_bound(task: Sporadic, above: Sequence[Sporadic], responses: Sequence[int | None]) -> Bound:
    """The least bound over the choices, for each suspending task above, of how its suspension counts."""
    R = [response for response in responses if response is not None]
    if len(R) < len(above):
        return Bound(task.name, None, task.D, converged=False)
    suspending = [place for place, h in enumerate(above) if h.S and R[place] <= h.T]
    return _least(_framework(task, above, R, chosen, True) for chosen in _choices(suspending, above, R))


def _choices(suspending: list[int], above: Sequence[Sporadic], R: Sequence[int]) -> Iterator[frozenset[int]]:
    """The subsets to be tried: all, or of many tasks those at one end of an order; any subset gives a bound.

    The orders: by priority; by what S_i adds to the windows of all down to i beside what R_i - C_i adds to its own (the
    linear approximation of Chen, Nelissen, Huang 2016, eq. 27, is one cut of it); by S_i / C_i (their lemma 17).
    """
    if len(suspending) <= MOST_SUBSETS:
        for flags in product((False, True), repeat=len(suspending)):
            yield frozenset(place for place, flag in zip(suspending, flags, strict=True) if flag)
        return
    down_to = list(accumulate((h.C << 40) // h.T for h in above))
    gain, held = {}, {}
    for i in suspending:
        h = above[i]
        gain[i] = Fraction(h.S * down_to[i] * h.T, max(1, h.C * (R[i] - h.C)))
        held[i] = Fraction(h.S, max(1, h.C))
    for ranked in (suspending, sorted(suspending, key=gain.__getitem__), sorted(suspending, key=held.__getitem__)):
        for cut in range(len(ranked) + 1):
            yield frozenset(ranked[:cut])
            if ranked is suspending:
                yield frozenset(ranked[cut:])


@theorem(
    "suspension-framework",
    title="Dynamic self-suspension, jitter or blocking task by task (A9)",
    strength="sufficient",
    citation="Chen, Nelissen, Huang, ECRTS 2016, theorem 1; D > T: Günzel, Ueter, Chen, RTSS 2021; proof with partial "
    "jobs in rtsched/schedulability/theorems/suspension_framework.py",
    model=Uniprocessor,
    needs=_NEEDS,
    interlocked=True,
)
def suspension_framework(model: Uniprocessor) -> Result:
    """The largest of x - (q - 1) T, x = q (C + S) + Σ_hp W_i(x + Q_i); Q_i sums the S of X from i on downwards.

    The least over the sets X (of many suspending tasks some of them), beside suspension as execution and, for D <= T,
    as blocking. D > T is allowed:

    >>> sets = Sporadic("1", 1, 4, 4, S=2), Sporadic("2", 4, 17, 17, S=1), Sporadic("3", 5, 20, 20, S=2)
    >>> suspension_framework(Uniprocessor(sets)).responses
    [3, 8, 16]
    >>> sets = Sporadic("1", 2, 7, 7, S=3), Sporadic("2", 3, 8, 20, S=2), Sporadic("3", 2, 60, 60)
    >>> suspension_framework(Uniprocessor(sets)).responses
    [5, 9, 17]
    """
    bounds: list[Bound] = []
    responses: list[int | None] = []
    constrained = all(task.D <= task.T for task in model.tasks)
    for index, task in enumerate(model.tasks):
        above = model.tasks[:index]
        each = [framework_bound(task, above, responses), executing_bound(task, above)]
        each += [suspension.blocking_bound(task, above)] if constrained else []
        bounds.append(_least(each))
        responses.append(bounds[-1].wcrt)
    return from_bounds(bounds, exact=False)


def assignable_bound(task: Sporadic, above: Sequence[Sporadic]) -> Bound:
    """The least bound that uses only which tasks are more urgent and that they keep their deadlines."""
    others = sorted(above, key=lambda h: h.name)
    R = [h.D for h in others]
    ranked = sorted(
        (Fraction(h.S * h.T, max(1, h.C * (h.D - h.C))), place) for place, h in enumerate(others) if h.S and h.D <= h.T
    )
    cuts = (frozenset(place for _, place in ranked[:cut]) for cut in range(len(ranked) + 1))
    found = [_framework(task, others, R, chosen, False) for chosen in cuts]
    found.append(executing_bound(task, others))
    if all(h.D <= h.T for h in (task, *others)):
        found.append(suspension.blocking_bound(task, tuple(others)))
    return _least(found)


@theorem(
    "suspension-assignable",
    title="Dynamic self-suspension in any order of the more urgent, for Audsley's assignment (A9, PASS-OPA)",
    strength="sufficient",
    citation="Huang, Chen, Zhou, Liu, DAC 2015 (D in the place of R); with X as in suspension-framework, whose proof "
    "stands in rtsched/schedulability/theorems/suspension_framework.py",
    model=Uniprocessor,
    needs=_NEEDS,
    interlocked=True,
    opa=True,
)
def suspension_assignable(model: Uniprocessor) -> Result:
    """As `suspension-framework` with R_i = D_i and every Q the sum of all S of X: all tasks in time, or none proven.

    What stands above a task matters only as a set, so Audsley's assignment finds an order in which it accepts all, if
    there is one:

    >>> from rtsched.schedulability.theorems.priorities import audsley
    >>> tasks = Sporadic("short", 2, 9, 8), Sporadic("waits", 1, 9, 9, S=6)
    >>> suspension_assignable(Uniprocessor(tasks)).responses
    [2, 9]
    >>> tasks = Sporadic("short", 3, 9, 8), Sporadic("waits", 1, 9, 9, S=6)
    >>> [task.name for task in audsley(Uniprocessor(tasks), suspension_assignable)]
    ['waits', 'short']
    """
    return from_bounds([assignable_bound(task, model.tasks[:i]) for i, task in enumerate(model.tasks)], exact=False)
