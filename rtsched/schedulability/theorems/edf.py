"""Earliest deadline first on one processor: A7 demand and QPA, A8 non-preemptive and limited, response times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import heapify, heapreplace

from rtsched import units
from rtsched.schedulability import needs
from rtsched.schedulability.models import Mode, Sporadic, Uniprocessor, total
from rtsched.schedulability.result import Bound, Contribution, Failure, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.backlog import EARLIER, MOST_JOBS, Work, parts_from
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged, least_fixpoint

#: Response times are left out where more (task, arrival) pairs than this would have to be looked at.
MOST_ARRIVALS = 20_000


def dbf(tasks: Sequence[Sporadic], t: int) -> int:
    """The demand bound function: the most work whose arrival (less jitter) and deadline lie in an interval of `t`."""
    demand = 0
    for task in tasks:
        late = t - task.D + task.J
        if late >= 0:
            demand += (late // task.T + 1) * task.C
    return demand


def last_deadline(tasks: Sequence[Sporadic], before: int) -> int | None:
    """The last absolute deadline earlier than `before` when all arrive at 0; None if there is none."""
    best: int | None = None
    for task in tasks:
        room = before - 1 - (task.D - task.J)
        if room >= 0:
            at = before - 1 - room % task.T
            if best is None or at > best:
                best = at
    return best


def horizon(tasks: Sequence[Sporadic], blocking: int = 0, seen: list[int] | None = None) -> int:
    """How far a demand test has to look, for U <= 1: the busy period, cut at lcm + max D, and a bound for U < 1.

    The iterates of the busy period are added to `seen`.
    """
    whole = math.lcm(*(task.T for task in tasks))
    shares = [task.C * (whole // task.T) for task in tasks]  # of `whole`
    used, far = sum(shares), max(task.D for task in tasks)
    if used < whole:
        early = sum(share * max(0, task.T - task.D + task.J) for share, task in zip(shares, tasks, strict=True))
        limit = max(far, -(-(early + blocking * whole) // (whole - used)))
    else:
        limit = whole + far
    try:
        busy = least_fixpoint(
            lambda L: blocking + sum([-(-(L + task.J) // task.T) * task.C for task in tasks]),
            blocking + sum(task.C for task in tasks),
            limit=limit,
            cap=10_000,
            seen=seen,
        )
    except NotConverged:
        busy = None
    return limit if busy is None else min(limit, max(busy, 1))


def qpa(tasks: Sequence[Sporadic], seen: list[tuple[int, int]] | None = None) -> int | None:
    """Quick processor-demand analysis: an instant at which the demand exceeds the time, or None (U <= 1 is given).

    Every instant that is looked at is added to `seen`, with its demand.
    """
    first = min(task.D - task.J for task in tasks)
    if first <= 0:
        return first  # a job may arrive with its deadline already passed
    t = last_deadline(tasks, horizon(tasks) + 1)
    for _ in range(CAP):
        if t is None:
            return None
        demand = dbf(tasks, t)
        if seen is not None:
            seen.append((t, demand))
        if demand > t:
            return t
        if demand <= first:
            return None
        t = demand if demand < t else last_deadline(tasks, t)
    raise NotConverged(f"the demand test looked at {CAP} instants without an end")


def first_overload(tasks: Sequence[Sporadic], mode: Mode, end: int) -> int | None:
    """The earliest instant up to `end` at which the demand (with blocking) exceeds the time, for reports."""
    heap = [(task.D - task.J, index) for index, task in enumerate(tasks)]
    heapify(heap)
    demand = 0
    for _ in range(CAP):
        t, index = heap[0]
        if t > end:
            return None
        demand += tasks[index].C
        heapreplace(heap, (t + tasks[index].T, index))
        if heap[0][0] > t and demand + blocking(tasks, t, mode) > max(t, 0):
            return t
    return None


def blocking(tasks: Sequence[Sporadic], t: int, mode: Mode) -> int:
    """How long a region of a job whose deadline lies beyond `t` can hold the processor."""
    if mode == "preemptive":
        return 0
    return max((task.region(mode) - 1 for task in tasks if task.D > t), default=0)


def np_overload(tasks: Sequence[Sporadic], mode: Mode, seen: list[tuple[int, int]] | None = None) -> int | None:
    """As `qpa`, with blocking: between two relative deadlines blocking is constant, so each gap is searched by itself.

    The demand is tested from the first deadline on: before it nothing has to be finished. `seen` as in `qpa`, with the
    blocking inside the demand.
    """
    deadlines = sorted({task.D for task in tasks})
    ends = [task.D - task.J for task in tasks]
    if min(ends) <= 0:
        return min(ends)
    steps = 0
    upper = horizon(tasks, max(task.region(mode) - 1 for task in tasks)) + 1
    for low in reversed([0, *deadlines]):
        b = blocking(tasks, low, mode)
        t = last_deadline(tasks, upper)
        while t is not None and t >= low:
            steps += 1
            if steps > CAP:
                raise NotConverged(f"the demand test looked at {CAP} instants without an end")
            demand = b + dbf(tasks, t)
            if seen is not None:
                seen.append((t, demand))
            if demand > t:
                return t
            if demand <= low:
                break
            t = demand if demand < t else last_deadline(tasks, t)
        upper = min(upper, low)
    return None


# ---- response times --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Worst:
    R: int
    a: int
    end: int


def responses(model: Uniprocessor, arrivals: dict[str, int] | None = None) -> list[Bound]:
    """Worst response times under EDF from the arrival (Spuri 1996; non-preemptive: George, Rivierre, Spuri 1996).

    For every job of the deadline busy period, by its arrival `a`: whatever has an earlier or equal deadline counts.
    Bounds without a value where too many arrivals would have to be looked at. The arrival of the worst job of each
    task, from the start of its busy period, goes into `arrivals`.
    """
    tasks, mode = model.tasks, model.mode
    longest = max(task.region(mode) for task in tasks) - 1
    L = horizon_busy(tasks, longest)
    if L is None or sum(L // task.T + 2 for task in tasks) * len(tasks) > MOST_ARRIVALS:
        return [Bound(task.name, None, task.D, converged=False) for task in tasks]
    found = []
    for index, task in enumerate(tasks):
        worst: _Worst | None = None
        before = _Before(model, index)
        for a in _arrivals(tasks, task, L):
            if worst is not None:
                if L - a <= worst.R:
                    break  # it is done when the busy period ends
                t = a + worst.R - before.last
                if before.base(a) + before.others_by(a, t) <= t:
                    continue  # it is done by a + R, as one look shows
            end = finish(model, index, a)
            R = max(task.C + task.J, end - a)
            if worst is None or R > worst.R:
                worst = _Worst(R, a, end)
        assert worst is not None
        if arrivals is not None:
            arrivals[task.name] = worst.a
        found.append(Bound(task.name, worst.R, task.D, _parts(model, index, worst)))
    return found


def horizon_busy(tasks: Sequence[Sporadic], blocking: int) -> int | None:
    """The longest busy period behind a region of `blocking`; None if it is too long to be found."""
    U = total([(task.C, task.T) for task in tasks])
    if U > 1 or (U == 1 and (blocking or any(task.J for task in tasks))):
        return None
    try:
        return least_fixpoint(
            lambda L: blocking + sum(-(-(L + task.J) // task.T) * task.C for task in tasks),
            blocking + sum(task.C for task in tasks),
            cap=10_000,
        )
    except NotConverged:
        return None


def _arrivals(tasks: Sequence[Sporadic], task: Sporadic, L: int) -> list[int]:
    """The arrivals of a job of `task`, relative to the busy period's start, at which the response can be worst."""
    found: set[int] = set()
    for other in tasks:
        first = -task.J if other is task else other.D - other.J - task.D
        if first < -task.J:
            first += -((first + task.J) // other.T) * other.T
        found.update(range(first, L, other.T))
    return sorted(found)


def _counted(other: Sporadic, deadline: int) -> int:
    """How many jobs of `other` in the busy period have a deadline up to `deadline`."""
    return max(0, (deadline + other.J - other.D) // other.T + 1)


class _Before:
    """What is done before the last region of a job of task `index`, by its arrival `a`, if that region begins after t.

    Of another task that is the jobs that arrive by t, as far as they are due by the deadline of this one.
    """

    def __init__(self, model: Uniprocessor, index: int) -> None:
        self.model, self.task = model, model.tasks[index]
        self.last = self.task.last_region(model.mode)
        self.others = [(each.C, each.T, each.J, each.D) for place, each in enumerate(model.tasks) if place != index]

    def base(self, a: int) -> int:
        """Its own jobs up to this one, and what blocks."""
        task = self.task
        jobs = (a + task.J) // task.T + 1
        return jobs * task.C - self.last + blocking(self.model.tasks, a + task.D, self.model.mode)

    def others_by(self, a: int, t: int) -> int:
        """What the others do."""
        deadline, found = a + self.task.D, 0
        for C, T, J, D in self.others:
            late = deadline - D
            if t < late:
                late = t
            if late + J >= 0:
                found += ((late + J) // T + 1) * C
        return found


def finish(model: Uniprocessor, index: int, a: int, seen: list[int] | None = None) -> int:
    """When the job of task `index` that arrives at `a` is done at the latest, from the start of the busy period.

    The iterates of when its last region begins are added to `seen`.
    """
    before = _Before(model, index)
    base = before.base(a)
    found = least_fixpoint(lambda t: base + before.others_by(a, t), base, seen=seen)
    assert found is not None
    return found + before.last


def _parts(model: Uniprocessor, index: int, worst: _Worst) -> tuple[Contribution, ...]:
    """Where the worst response comes from: that of the job that arrives at `a`, and of what is due by its deadline."""
    task, a = model.tasks[index], worst.a
    deadline = a + task.D
    own = Contribution("own", task.name, task.C)
    if worst.end - a < worst.R:  # it is alone and merely late by its jitter
        return (own, Contribution("jitter", task.name, task.J)) if task.J else (own,)
    late = [other for other in model.tasks if other.D > deadline]
    blocker = max(late, key=lambda other: other.region(model.mode), default=None)
    blocking = []
    if blocker is not None and blocker.region(model.mode) > 1:
        blocking.append(Contribution("blocking", blocker.name, blocker.region(model.mode) - 1))
    counts = []
    for other in model.tasks:
        released = (worst.end - task.last_region(model.mode) + other.J) // other.T + 1
        due = other is not task and other.D - other.J <= deadline
        counts.append(min(released, _counted(other, deadline)) if due else 0)
    counts[index] = (a + task.J) // task.T
    names = [other.name + (EARLIER if other is task else "") for other in model.tasks]
    others = [(name, count * other.C) for name, count, other in zip(names, counts, model.tasks, strict=True)]

    def jobs() -> list[Work]:
        found = []
        for place, (other, count) in enumerate(zip(model.tasks, counts, strict=True)):
            first = a - count * task.T if other is task else -other.J
            for arrival in range(first, first + min(count, MOST_JOBS + 1) * other.T, other.T):
                rank = (arrival + other.D, arrival, place)
                found.append(Work(place, max(0, arrival), rank, other.C, other.pieces(model.mode)))
        return found

    return parts_from(a, own, blocking, others, jobs)


# ---- theorems --------------------------------------------------------------------------------------------------------


def _verdict(model: Uniprocessor, exact: bool) -> Result:
    """The verdict of a demand test."""
    if model.U > 1:
        return _overloaded(model)
    overload = qpa(model.tasks) if model.mode == "preemptive" else np_overload(model.tasks, model.mode)
    if overload is None:
        return Result("schedulable", tuple(Bound(task.name, None, task.D) for task in model.tasks))
    first = first_overload(model.tasks, model.mode, overload)
    t = overload if first is None else first
    demand = dbf(model.tasks, t)
    behind = blocking(model.tasks, t, model.mode)
    victims = [task for task in model.tasks if task.D - task.J <= t and (t - task.D + task.J) % task.T == 0]
    victim = victims[0] if victims else model.tasks[0]
    time = partial(units.format_duration, digits=6)
    why = f"{victim.name!r} may be late: {time(demand)} of work are due within an interval of {time(max(t, 0))}"
    if behind:
        why += f", behind a region of {time(behind)}"
    heaviest = max(model.tasks, key=lambda task: dbf([task], t))
    hint = f"largest demand: {heaviest.name}, {time(dbf([heaviest], t))}"
    if behind > dbf([heaviest], t):
        blocker = max((task for task in model.tasks if task.D > t), key=lambda task: task.region(model.mode))
        hint = f"largest contributor: blocking by {blocker.name}, {time(behind)}"
    failure = Failure(victim.name, why, demand + behind, max(t, 0), hint)
    return Result(
        "unschedulable" if exact else "unknown",
        tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks),
        first_failure=failure,
        reason="" if exact else why,
        details={"overload_at_ns": t},
    )


def _overloaded(model: Uniprocessor) -> Result:
    """The verdict where the utilisation exceeds one."""
    heaviest = max(model.tasks, key=lambda task: task.U)
    why = f"the tasks of {model.name!r} use {float(100 * model.U):.1f} % of it"
    hint = f"largest share: {heaviest.name}, {float(100 * heaviest.U):.1f} %"
    bounds = tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks)
    return Result("unschedulable", bounds, first_failure=Failure(heaviest.name, why, hint=hint))


_NEEDS = (needs.order("EDF"), needs.no_suspension, needs.no_blocking)


@theorem(
    "edf-qpa",
    title="Preemptive EDF, processor demand by QPA (A7)",
    strength="exact",
    citation="Baruah, Rosier, Howell 1990; Zhang, Burns, IEEE Trans. Computers 58(9), 2009; jitter: Spuri 1996",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("preemptive")),
)
def edf_qpa(model: Uniprocessor) -> Result:
    """Schedulable iff U <= 1 and no interval demands more than its length; any D, jitter.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> tasks = (Sporadic("1", 2, 6, 4), Sporadic("2", 2, 8, 5), Sporadic("3", 3, 9, 7))    # Buttazzo, ch. 4
    >>> edf_qpa(Uniprocessor(tasks, "EDF")).verdict
    'schedulable'
    """
    return _verdict(model, exact=True)


@theorem(
    "np-edf",
    title="Non-preemptive EDF, demand with blocking (A8)",
    strength="exact",
    citation="Jeffay, Stanat, Martel, RTSS 1991; George, Rivierre, Spuri 1996",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("nonpreemptive"), needs.no_jitter),
)
def np_edf(model: Uniprocessor) -> Result:
    """Schedulable iff U <= 1 and for all t >= min D: max{C - 1 : D > t} + dbf(t) <= t. Sporadic, any D.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> tasks = (Sporadic("track", 4, 30, 30), Sporadic("detect", 12, 30, 20), Sporadic("map", 19, 200, 200))
    >>> result = np_edf(Uniprocessor(tasks, "EDF", "nonpreemptive"))
    >>> result.verdict, result.first_failure.needed, result.first_failure.available
    ('unschedulable', 30, 20)
    """
    return _verdict(model, exact=True)


@theorem(
    "np-edf-jitter",
    title="Non-preemptive EDF with release jitter",
    strength="sufficient",
    citation="as np-edf, with deadlines less the jitter (Spuri 1996)",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("nonpreemptive"), needs.some_jitter),
)
def np_edf_jitter(model: Uniprocessor) -> Result:
    """As `np_edf`, where a job may be released as late as J after its arrival."""
    return _verdict(model, exact=False)


@theorem(
    "limited-edf",
    title="EDF with non-preemptive regions (A8)",
    strength="sufficient",
    citation="Baruah, ECRTS 2005",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("limited"), needs.regions_given),
)
def limited_edf(model: Uniprocessor) -> Result:
    """As `np_edf` with the longest region in the place of C in the blocking term."""
    return _verdict(model, exact=False)


@theorem(
    "edf-rta",
    title="EDF, worst response times",
    strength="sufficient",
    citation="Spuri, INRIA RR-2772, 1996; non-preemptive: George, Rivierre, Spuri, INRIA RR-2966, 1996",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.regions_given),
)
def edf_rta(model: Uniprocessor) -> Result:
    """Responses over all jobs of the deadline busy period; equal deadlines count as more urgent.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> edf_rta(Uniprocessor((Sporadic("1", 2, 6, 4), Sporadic("2", 2, 8, 5), Sporadic("3", 3, 9, 7)), "EDF")).responses
    [4, 5, 7]
    """
    return from_bounds(responses(model), exact=False)


@theorem(
    "fifo-rta",
    title="First in, first out, worst response times",
    strength="sufficient",
    citation="as EDF with equal deadlines (George, Rivierre, Spuri, INRIA RR-2966, 1996)",
    model=Uniprocessor,
    needs=(needs.order("FIFO"), needs.no_suspension, needs.no_blocking, needs.no_jitter),
)
def fifo_rta(model: Uniprocessor) -> Result:
    """FIFO is EDF with one relative deadline for all; preemption never happens.

    Where jobs of a task wait for each other, one that has to wait for its predecessor queues up only then, behind
    others. So the bounds hold only if all of them lie within the periods: then, by induction in time, nobody waits so.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> fifo_rta(Uniprocessor((Sporadic("1", 2, 9, 9), Sporadic("2", 3, 9, 9)), "FIFO")).responses
    [5, 5]
    """
    found = responses(with_one_deadline(model))
    if any(bound.wcrt is None or bound.wcrt > task.T for bound, task in zip(found, model.tasks, strict=True)):
        found = [Bound(task.name, None, task.D, converged=False) for task in model.tasks]
    bounds = [replace(bound, deadline=task.D) for bound, task in zip(found, model.tasks, strict=True)]
    return from_bounds(bounds, exact=False)


def with_one_deadline(model: Uniprocessor) -> Uniprocessor:
    """The tasks as EDF sees them where it is FIFO: all with the largest D."""
    far = max(task.D for task in model.tasks)
    equal = tuple(replace(task, D=far, regions=(), preemptible=False) for task in model.tasks)
    return replace(model, tasks=equal, mode="preemptive")
