"""Global scheduling of sequential tasks on identical processors: GFB, BCL, response times, at most m-1 carry in.

Synchronous release is not the worst case here, and a longer period or one more processor can make things worse: these
tests bound what any release pattern can do. All preemptive with free migration and D <= T.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from types import MappingProxyType

from rtsched.schedulability import needs
from rtsched.schedulability.models import Cluster, Sporadic, total
from rtsched.schedulability.result import Bound, Contribution, Failure, Result, from_bounds, unknown
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged

#: Works of one task in the window of another that are added up before global-edf-rta is given up: some fifteen seconds.
MOST_WORKS = 5 * 10**7

_PLAIN = (needs.mode("preemptive"), needs.no_jitter, needs.no_blocking, needs.no_suspension)
_NEEDS = (needs.few_tasks, *_PLAIN, needs.constrained_deadlines)


def _verdict(model: Cluster, accepted: bool, why: str) -> Result:
    bounds = tuple(Bound(task.name, None, task.D) for task in model.tasks)
    return Result("schedulable", bounds) if accepted else unknown(why, bounds)


@theorem(
    "gfb",
    title="Global EDF, density bound",
    strength="sufficient",
    citation="Goossens, Funk, Baruah, Real-Time Systems 25, 2003; D < T: Bertogna, Cirinei, Lipari, ECRTS 2005",
    model=Cluster,
    needs=(needs.order("EDF"), *_PLAIN),
    sustainable="CTD",
)
def gfb(model: Cluster) -> Result:
    """Σ δ <= m - (m - 1) max δ with δ = C / min(D, T), in exact fractions.

    >>> from rtsched.schedulability.models import Cluster, Sporadic
    >>> thirds = tuple(Sporadic(str(i), 1, 3, 3) for i in range(4))
    >>> gfb(Cluster(thirds, 2, "EDF")).verdict             # 4/3 <= 2 - 1/3
    'schedulable'
    """
    densities = [(task.C, min(task.D, task.T)) for task in model.tasks]
    density, most = total(densities), max(Fraction(*each) for each in densities)
    accepted = density <= model.m - (model.m - 1) * most
    return _verdict(model, accepted, f"the density {float(density):.3f} exceeds the bound of {model.m} processors")


@theorem(
    "optimal-load",
    title="Optimal scheduling of identical processors, utilisation",
    strength="exact",
    citation="Baruah, Cohen, Plaxton, Varvel, Algorithmica 15, 1996; LLREF: Cho, Ravindran, Jensen, RTSS 2006; "
    "RUN: Regnier et al., RTSS 2011; EKG: Andersson, Tovar, RTCSA 2006",
    model=Cluster,
    needs=(needs.order("optimal"), *_PLAIN, needs.deadlines_from_periods),
    sustainable="CT",
)
def optimal_load(model: Cluster) -> Result:
    """U <= m and every C <= T, in exact fractions: what no policy can do without, and an optimal one needs.

    >>> from rtsched.schedulability.models import Cluster, Sporadic
    >>> thirds = tuple(Sporadic(name, 2, 3, 3) for name in "abc")
    >>> optimal_load(Cluster(thirds, 2, "optimal")).verdict            # global EDF misses here
    'schedulable'
    """
    if model.U <= model.m and all(task.C <= task.T for task in model.tasks):
        return _verdict(model, True, "")
    heaviest = max(model.tasks, key=lambda task: task.U)
    why = f"the tasks load {float(model.U):.3f} processors, or one more than a whole one, and there are {model.m}"
    return Result("unschedulable", first_failure=Failure(heaviest.name, why))


def workload(task: Sporadic, L: int) -> int:
    """The most work of `task` in a window whose length, moved to its worst alignment, is `L`."""
    n = L // task.T
    return n * task.C + min(task.C, L - n * task.T)


@theorem(
    "bcl",
    title="Global fixed priority, workload bound",
    strength="sufficient",
    citation="Bertogna, Cirinei, Lipari, IEEE Trans. Parallel and Distributed Systems 20(4), 2009",
    model=Cluster,
    needs=(needs.order("FP"), *_NEEDS),
)
def bcl(model: Cluster) -> Result:
    """For every k: Σ_hp min(W(D_k), D_k - C_k + 1) < m (D_k - C_k + 1)."""
    for index, task in enumerate(model.tasks):
        room = task.D - task.C + 1
        load = sum(delays_within(model, index))
        if room < 1 or load >= model.m * room:
            return _verdict(model, False, f"{task.name!r} may be delayed by {needs._ns(load // model.m)} or more")
    return _verdict(model, True, "")


def delays_within(model: Cluster, index: int) -> list[int]:
    """min(W(D_k), D_k - C_k + 1) of every task above k."""
    task = model.tasks[index]
    room = task.D - task.C + 1
    return [min(workload(h, task.D + h.D - h.C), room) for h in model.tasks[:index]]


#: The work of each interfering task in a window that ends R after a release, not yet cut to what can delay.
Works = Callable[[int], list[int]]


def _explained(task: Sporadic, m: int, names: Sequence[str], reached: tuple[int, list[int]] | None) -> Bound:
    """The bound of what `_delay` has found, with its parts; no value once it exceeds D."""
    if reached is None:
        return Bound(task.name, None, task.D, converged=False)
    x, found = reached
    shares = [(name, min(work, x + 1)) for name, work in zip(names, found, strict=True)]
    own = Contribution("own", task.name, task.C)
    return Bound(task.name, task.C + x, task.D, (own, *shared_out(shares, m, x)))


def _delay(task: Sporadic, m: int, works: Works, seen: list[int] | None = None) -> tuple[int, list[int]] | None:
    """R - C for the least R = C + floor(Σ min(work, R - C + 1) / m), and the works; None once R exceeds D.

    Every R that is tried is added to `seen`.

    While m works exceed x = R - C, their sum over m exceeds it as well, and x would grow by a tick at a time; works
    never shrink, so the search goes on where fewer than m of them do, or where nobody asks what is tried, `frozen`.
    """
    x, C, D = 0, task.C, task.D
    for _ in range(CAP):
        if seen is not None:
            seen.append(C + x)
        if C + x > D:
            return None
        found = works(C + x)
        room = x + 1
        following = sum([work if work < room else room for work in found]) // m
        if following <= x:
            return x, found
        if seen is None:
            x = frozen(found, m)
        else:
            x = max(following, sorted(found)[-m] if len(found) >= m else 0)
    raise NotConverged(f"no fixpoint was found for {task.name!r} in {CAP} steps")


def frozen(works: Sequence[int], m: int) -> int:
    """The least y with Σ min(work, y + 1) < m (y + 1).

    For some k < m, k works are cut to y + 1 and the others, which sum to S, are whole: k (y + 1) + S < m (y + 1). So y
    is the least of floor(S / (m - k)).

    >>> frozen([5, 9, 2], 1), frozen([5, 9, 2], 2), frozen([5, 9, 2], 3)
    (16, 7, 2)
    """
    rest = sum(works)
    least = rest // m
    for k, work in enumerate(sorted(works)[:-m:-1] if m > 1 else (), 1):
        rest -= work
        least = min(least, rest // (m - k))
    return least


def shared_out(shares: Sequence[tuple[str, int]], m: int, total: int) -> list[Contribution]:
    """`total` ns of interference, split like the `shares` (whose sum over m it is), rounded so that it adds up."""
    parts, given, exact = [], 0, 0
    for name, share in shares:
        exact += share
        amount = min(total, exact // m) - given
        given += amount
        if amount:
            parts.append(Contribution("interference", name, amount))
    if given < total:  # what rounding up the sum added
        name = max(shares, key=lambda item: item[1])[0] if shares else "rounding"
        parts.append(Contribution("interference", name, total - given))
    return parts


#: The works of the tasks above the one at a place, in a window of R, given their responses.
WorksAbove = Callable[[Cluster, int, int, list[int]], list[int]]


def sequence(model: Cluster, works_of: WorksAbove, seen: Mapping[str, list[int]] = MappingProxyType({})) -> Result:
    """The bounds of all tasks in priority order; after the first failure none can be given.

    The iterates of a task are added to the list of its name in `seen`, where that has one.
    """
    bounds: list[Bound] = []
    responses: list[int] = []
    names = [task.name for task in model.tasks]
    for index, task in enumerate(model.tasks):
        if len(responses) < index:
            bounds.append(Bound(task.name, None, task.D, converged=False))
            continue
        works = partial(works_of, model, index)
        reached = _delay(task, model.m, lambda R: works(R, responses), seen.get(task.name))  # noqa: B023
        bound = _explained(task, model.m, names[:index], reached)
        bounds.append(bound)
        if bound.wcrt is not None:
            responses.append(bound.wcrt)
    return from_bounds(bounds, exact=False)


@theorem(
    "global-rta",
    title="Global fixed priority, response times",
    strength="sufficient",
    citation="Bertogna, Cirinei, RTSS 2007",
    model=Cluster,
    needs=(needs.order("FP"), *_NEEDS),
)
def global_rta(model: Cluster) -> Result:
    """R = C + floor(Σ_hp min(W(R + R_h - C_h), R - C + 1) / m)."""
    return sequence(model, carrying_works)


def carrying_works(model: Cluster, index: int, R: int, responses: list[int]) -> list[int]:
    """The works of `global_rta`: every task above may carry a job into the window."""
    return [workload(h, R + R_h - h.C) for h, R_h in zip(model.tasks[:index], responses, strict=True)]


def carried(h: Sporadic, R_h: int, R: int) -> tuple[int, int]:
    """The work of `h` in a window of `R` without a job carried into it, and with one."""
    C, T = h.C, h.T
    whole, rest = divmod(R, T)
    without = whole * C + (rest if rest < C else C)
    if R <= C:
        return without, C + min(max(R_h - T, 0), C - 1)
    whole, rest = divmod(R - C, T)
    late = rest - T + R_h
    return without, (whole + 1) * C + (0 if late < 0 else late if late < C else C - 1)


@theorem(
    "global-rta-lc",
    title="Global fixed priority, response times with limited carry-in",
    strength="sufficient",
    citation="Guan, Stigge, Yi, Yu, RTSS 2009; Davis, Burns, Real-Time Systems 47, 2011",
    model=Cluster,
    needs=(needs.order("FP"), *_NEEDS),
)
def global_rta_lc(model: Cluster) -> Result:
    """As `global_rta`, but at most m - 1 tasks carry a job into the window; never worse."""
    return sequence(model, limited_works)


def limited_works(model: Cluster, index: int, R: int, responses: list[int]) -> list[int]:
    """The works of `global_rta_lc`: the m - 1 tasks above for which it makes most carry a job into the window."""
    cap = R - model.tasks[index].C + 1
    above, gains = [], []
    for place, (h, R_h) in enumerate(zip(model.tasks[:index], responses, strict=True)):
        without, with_ = both = carried(h, R_h, R)
        above.append(both)
        gain = (with_ if with_ < cap else cap) - (without if without < cap else cap)
        if gain > 0:
            gains.append((gain, -place))
    if len(gains) >= model.m:
        gains = sorted(gains, reverse=True)[: model.m - 1]
    carriers = {-place for _, place in gains}
    return [with_ if place in carriers else without for place, (without, with_) in enumerate(above)]


def edf_workload(h: Sporadic, D: int, slack: int) -> int:
    """The most work of `h` with deadlines inside a window that ends at a deadline, D long; `slack` of h is proven."""
    C, T = h.C, h.T
    n = (D - h.D) // T + 1
    if n < 0:
        n = 0
    rest = D - n * T - slack
    return n * C + (0 if rest < 0 else rest if rest < C else C)


class Budget:
    """How many works global-edf-rta may still add up; raises NotConverged beyond MOST_WORKS."""

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        self.left = MOST_WORKS

    def spend(self) -> None:
        """One look at all tasks."""
        self.left -= self.tasks
        if self.left < 0:
            raise NotConverged(
                f"{self.tasks} tasks were compared with each other {MOST_WORKS} times without an end; spread them over "
                "the processors (placement first-fit)"
            )


@theorem(
    "global-edf-rta",
    title="Global EDF, response times with iterated slack",
    strength="sufficient",
    citation="Bertogna, Cirinei, RTSS 2007",
    model=Cluster,
    needs=(needs.order("EDF"), *_NEEDS),
    interlocked=True,
)
def global_edf_rta(model: Cluster) -> Result:
    """R_k = C_k + floor(Σ min(W_i(R_k), I_i(D_k), R_k - C_k + 1) / m); proven slack shortens what carries in.

    All or nothing: the argument looks at the first deadline that would be missed.
    """
    return from_bounds(edf_bounds(model), exact=False)


def edf_bounds(model: Cluster, rounds: list[list[int]] | None = None) -> list[Bound]:
    """The bounds of `global_edf_rta`; the proven slack of all tasks is added to `rounds`, round by round."""
    tasks = model.tasks
    slack = [0] * len(model.tasks)
    budget = Budget(len(slack))
    while True:
        if rounds is not None:
            rounds.append(slack)
        found = [_delay(task, model.m, _edf_works(model, index, slack, budget)) for index, task in enumerate(tasks)]
        better = [
            max(old, 0 if reached is None else task.D - task.C - reached[0])
            for task, old, reached in zip(tasks, slack, found, strict=True)
        ]
        if better == slack:
            break
        slack = better
    names = [task.name for task in tasks]
    return [
        _explained(task, model.m, names[:index] + names[index + 1 :], reached)
        for index, (task, reached) in enumerate(zip(tasks, found, strict=True))
    ]


#: Looks at the works in smaller and smaller windows, in `accepts_at_once`.
LOOKS = 3


def accepts_at_once(model: Cluster) -> bool:
    """Whether a few looks bound all tasks: then `global_edf_rta` accepts, as more proven slack only helps.

    A look finds what the works in the window of the last one (first D) allow at most. The rounds go on while each
    bounds more tasks than the one before.

    >>> from rtsched.schedulability.models import Cluster, Sporadic
    >>> accepts_at_once(Cluster((Sporadic("a", 1, 4, 4), Sporadic("b", 1, 4, 4), Sporadic("c", 2, 4, 4)), 2, "EDF"))
    True
    """
    tasks, budget, known = model.tasks, Budget(len(model.tasks)), -1
    slack = [0] * len(tasks)
    try:
        while True:
            every = [_edf_works(model, index, slack, budget) for index in range(len(tasks))]  # all of the same slack
            bounded = 0
            for index, (task, works) in enumerate(zip(tasks, every, strict=True)):
                x = room = task.D - task.C
                for _ in range(LOOKS):
                    x, wider = frozen(works(task.C + x), model.m), x
                    if x >= wider:
                        break
                if x <= room:
                    bounded += 1
                    slack[index] = max(slack[index], room - x)
            if bounded <= known or bounded == len(tasks):
                return bounded == len(tasks)
            known = bounded
    except NotConverged:
        return False


def _edf_works(model: Cluster, index: int, slack: list[int], budget: Budget) -> Works:
    task = model.tasks[index]
    # what the window adds to R where it is moved to its worst, and what deadlines within D allow whatever R is; a task
    # that cannot meet its deadline at all (C > D) is refused anyway, and does no negative work
    others = [
        (other.C, other.T, max(0, other.D - other.C - slack[place]), edf_workload(other, task.D, slack[place]))
        for place, other in enumerate(model.tasks)
        if place != index
    ]

    def works(R: int) -> list[int]:
        budget.spend()
        found = []
        for C, T, more, most in others:  # `workload`, without the call: the square of the tasks come here
            whole, rest = divmod(R + more, T)
            work = whole * C + (rest if rest < C else C)
            found.append(work if work < most else most)
        return found

    return works


def mcnaughton(C: Sequence[int], m: int) -> int:
    """The makespan of the optimal preemptive schedule of independent jobs (McNaughton, Management Science 6(1), 1959).

    >>> mcnaughton([6, 5, 4, 3], 3)
    6
    """
    return max(max(C), -(-sum(C) // m))
