"""A9 under EDF, window by window: whose suspension counts as execution and whose as jitter is chosen task by task.

A job of task k, released at r, has its deadline at d = r + D_k; let nothing beyond its bound R have happened before.
X is a set of tasks with k in it.

**The chain.** Start from t = r. While a task of X has a job with a deadline by d that came before t and is not done at
t, go back to its release: t becomes that. It ends, at t1 = r - e, where no task of X has left anything undone of what
matters. Before r, at every tick of the window, the job that led back is there: a job with a deadline by its own, so by
d, runs, or the first undone job of its task suspends itself; from r on the same holds of the job itself. So as long as
it is not done, every tick of the window is one of

* X: work of jobs released from t1 on with deadlines by d, floor((e + D_k - D_j) / T_j) + 1 of them;
* X: suspension of those of them that came before r; of the others only what the job itself suspends counts;
* not X: work of jobs with deadlines by d, each within R_j of its release (`due_within`).

Had the job not been done at d, its window of e + D_k ticks would hold at most what these sum to, less one: if the sum
D(e) never exceeds e + D_k, no deadline is missed, and it is done by r + max over e of D(e) - e. The sum grows more
slowly than e where Σ_X (C + S)/T + Σ_not-X C/T < 1, so only finitely many e matter. With all tasks in X and e so long
that all suspension counts, this is the demand test with suspension as execution; D > T is allowed.

**From b on.** With X = {k}, and the earlier jobs of k done at r (R_k <= T_k), the window may also begin at r + b: each
of its ticks is one of k's C + S, or of jobs of others with deadlines by d, each within R_j of its release. So
R <= b + C + S + Σ_j min(W_j(R - b), E_j(D_k - b)). (b = 0: `edf-suspension`; whole jobs: Günzel, von der Brüggen, Chen,
RTSS 2022.)

All bounds hold together: each is shown by a formula that grows with the others', which only ever become smaller here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rtsched.schedulability import needs
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork, Looks, due_within

#: Steps of the demand that are followed for one choice; where there are more, that choice is left.
MOST_STEPS = 4_000
#: Choices of X that are tried for a task in a round.
MOST_CHOICES = 12


def window_bound(
    tasks: Sequence[Sporadic], k: int, chosen: frozenset[int], R: Sequence[int], looks: Looks
) -> int | None:
    """The largest D(e) - e with X = `chosen`, of which k is one; None beyond the deadline or where it has no end."""
    task = tasks[k]
    rate, flat = _line(tasks, k, chosen, R)
    if rate >= 1:
        return None
    end = int((flat - task.C - task.S) / (1 - rate)) + 1  # beyond, D(e) - e is less than C + S
    if sum(end // other.T for other in tasks) > MOST_STEPS:
        return None
    demand, slope, at = 0, 0, 0
    events: list[tuple[int, int, int]] = []  # from e on: so much more at once, so much more with every tick
    for i, other in enumerate(tasks):
        ahead = task.D - other.D
        if i == k:
            demand += other.C + other.S
            events += [(e, other.C + other.S, 0) for e in range(other.T, end + 1, other.T)]
        elif i in chosen:
            count = max(0, ahead // other.T + 1)
            demand += count * other.C
            events += [(e, other.C, 0) for e in range(count * other.T - ahead, end + 1, other.T)]
            # one that comes before r has its deadline by d only from D_i - D_k before r on
            events += [(e, other.S, 0) for e in range(max(1, -ahead), end + 1, other.T)]
        else:
            demand += due_within(task.D, other.D, JobWork(other.T, R[i], other.C, 1))
            reach = ahead + R[i]
            first = max(0, (reach - other.C) // other.T + 1)  # the last job that is not counted whole
            for start in range(first * other.T - reach, end + 1, other.T):
                slope += start < 0
                events += [(start, 0, 1)] if start >= 0 else []
                events.append((start + other.C, 0, -1))
    looks.spend(len(events))
    events.sort()
    most = demand
    for e, jump, more in events:
        if e > end or most > task.D:
            break
        demand += slope * (e - at) + jump
        slope, at = slope + more, e
        if demand - e > most:
            most = demand - e
            end = min(end, int((flat - most) / (1 - rate)) + 1)
    return most if most <= task.D else None


def _line(tasks: Sequence[Sporadic], k: int, chosen: frozenset[int], R: Sequence[int]) -> tuple[Fraction, Fraction]:
    """A line above D(e): its slope, and where it begins."""
    rate = flat = Fraction(0)
    for i, other in enumerate(tasks):
        each = Fraction(other.C + (other.S if i in chosen else 0), other.T)
        rate += each
        flat += each * max(0, tasks[k].D - other.D + (0 if i in chosen else R[i]) + other.T)
    return rate, flat


def late_bound(tasks: Sequence[Sporadic], k: int, R: Sequence[int], looks: Looks) -> int | None:
    """The least bound with windows that begin b after the release; None beyond the deadline or T."""
    task = tasks[k]
    own = task.C + task.S
    others = [(JobWork(other.T, R[i], other.C, 1), other.D) for i, other in enumerate(tasks) if i != k]
    starts = {0}  # between, a later start only costs; at these a job of another task is done for certain
    for work, D in others:
        starts.update(range((task.D - D + work.response) % work.T, task.D - D + work.response + 1, work.T))
    best = None
    for b in sorted(starts):
        limit = min(task.D, task.T) if best is None else best - 1
        if b + own > limit:
            break
        looks.spend(len(others))
        most = [(work, due_within(task.D - b, D, work)) for work, D in others]

        def grown(y: int, b: int = b, most: list[tuple[JobWork, int]] = most) -> int:
            return b + own + sum(min(work.within(y - b), due) for work, due in most)

        found = least_fixpoint(grown, b + own, limit=limit)
        best = best if found is None else found
    return best


def choices(tasks: Sequence[Sporadic], k: int, R: Sequence[int]) -> Iterator[frozenset[int]]:
    """Sets X to be tried: all, then fewer and fewer: who suspends for longest against what it may carry in leaves."""
    ranked = []
    for i, other in enumerate(tasks):
        if i != k:
            carried = due_within(tasks[k].D, other.D, JobWork(other.T, R[i], other.C, 1))
            whole = max(0, (tasks[k].D - other.D) // other.T + 1) * other.C
            ranked.append((Fraction(other.S, 1 + max(0, carried - whole)), i))
    ranked.sort()
    step = -(-len(ranked) // MOST_CHOICES) or 1
    for cut in range(len(ranked), -1, -step):
        yield frozenset((k, *(i for _, i in ranked[:cut])))


@dataclass(slots=True)
class _Known:
    """What is known of each task: a bound that may be assumed, and whether it has been shown."""

    R: list[int]
    shown: list[bool]


def together(tasks: Sequence[Sporadic]) -> _Known:
    """Bounds that hold together, from the deadlines downwards, until all are shown or none becomes smaller.

    Chains are looked at for tasks that are not shown without; for all, where that is not enough.
    """
    looks = Looks()
    known = _Known([task.D for task in tasks], [False] * len(tasks))
    order = sorted(range(len(tasks)), key=lambda k: (-tasks[k].D, k))
    everywhere = changed = False
    while not all(known.shown):
        for k in order:
            found = [late_bound(tasks, k, known.R, looks)]
            if everywhere or (found[0] is None and not known.shown[k]):
                found += [window_bound(tasks, k, chosen, known.R, looks) for chosen in choices(tasks, k, known.R)]
            best = min((bound for bound in found if bound is not None), default=None)
            if best is not None and (best < known.R[k] or not known.shown[k]):
                known.R[k], known.shown[k], changed = min(best, known.R[k]), True, True
        if not changed and everywhere:
            break
        everywhere, changed = everywhere or not changed, False
    return known


@theorem(
    "edf-suspension-windows",
    title="Dynamic self-suspension under EDF, as execution or jitter task by task (A9)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/suspending_edf.py; windows from b on: "
    "Günzel, von der Brüggen, Chen, RTSS 2022",
    model=Uniprocessor,
    needs=(
        needs.order("EDF"),
        needs.mode("preemptive"),
        needs.no_jitter,
        needs.no_blocking,
        needs.suspends,
        needs.few_tasks,
    ),
    interlocked=True,
)
def edf_suspension_windows(model: Uniprocessor) -> Result:
    """R = max over e of D(e) - e for some X, or from b on; all bounds or none. D > T is allowed.

    >>> sets = Sporadic("1", 2, 8, 8, S=2), Sporadic("2", 1, 9, 9, S=1), Sporadic("3", 4, 11, 11)
    >>> edf_suspension_windows(Uniprocessor(sets, "EDF")).responses
    [7, 9, 10]
    """
    known = together(model.tasks)
    bounds = []
    for task, R, shown in zip(model.tasks, known.R, known.shown, strict=True):
        if not all(known.shown):
            bounds.append(Bound(task.name, None, task.D, converged=shown))
            continue
        own = [Contribution("own", task.name, task.C), Contribution("suspension", task.name, task.S)]
        own.append(Contribution("interference", "jobs with earlier deadlines", R - task.C - task.S))
        bounds.append(Bound(task.name, R, task.D, tuple(part for part in own if part.amount)))
    return from_bounds(bounds, exact=False)
