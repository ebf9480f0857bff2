"""Fixed priorities on one processor: A1 non-preemptive, A2 fixed preemption points, A3 preemptive; exact.

The three differ in what blocks and in when a job can no longer be delayed: its last region. With integer time a region
of lower priority that blocks has begun at least one tick before, so it blocks for at most its length minus one tick;
and A3 is A2 with regions of one tick, since floor((w - 1 + J) / T) + 1 = ceil((w + J) / T).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from rtsched.schedulability import needs
from rtsched.schedulability.models import Mode, Sporadic, Uniprocessor
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.backlog import EARLIER, MOST_JOBS, Work, parts_from
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged, least_fixpoint

#: Sums of utilisations in doubles are off by less than this, for fewer than a million tasks.
CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Interference:
    """A more urgent task as another one sees it: who, how much each time, how often, how late, in what pieces."""

    name: str
    C: int
    T: int
    J: int = 0
    pieces: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """What a task asks for and meets in its level-i busy period: all that A1, A2 and A3 need.

    `last` is its last region (one tick: it can be preempted to the very end), `blocking` how long lower ones delay it,
    `pieces` are what cannot be preempted.
    """

    name: str
    C: int
    T: int
    J: int
    last: int
    blocking: int
    blocker: str
    above: tuple[Interference, ...]
    pieces: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """The worst response of a task from its arrival, and its parts; None where the busy period has no end.

    Job `q` of the busy period has it.
    """

    R: int | None
    parts: tuple[Contribution, ...] = ()
    q: int = 0


def busy_period(demand: Demand, seen: list[int] | None = None) -> int | None:
    """The longest level-i busy period; None if it need not end (utilisation above 1, or 1 with something on top).

    Its iterates are added to `seen`.
    """
    # fractions are dear: only a load that doubles cannot tell from 1 is added up exactly
    rough = demand.C / demand.T + sum(other.C / other.T for other in demand.above)
    if rough > 1 - CLOSE:
        U = Fraction(demand.C, demand.T) + sum((Fraction(other.C, other.T) for other in demand.above), Fraction(0))
        late = demand.J or any(other.J for other in demand.above)
        if U > 1 or (U == 1 and (demand.blocking or late)):
            return None
    C, T, J, B, above = demand.C, demand.T, demand.J, demand.blocking, demand.above
    return least_fixpoint(
        lambda L: B + -(-(L + J) // T) * C + sum(-(-(L + h.J) // h.T) * h.C for h in above),
        B + C + sum(h.C for h in above),
        seen=seen,
    )


def request(demand: Demand, q: int) -> Callable[[int], int]:
    """What is done before the last region of job q, if that begins after s: the right-hand side of A1, A2 and A3."""
    base, above = demand.blocking + (q + 1) * demand.C - demand.last, demand.above
    return lambda s: base + sum(((s + h.J) // h.T + 1) * h.C for h in above)


def response(
    demand: Demand, limit: int | None = None, rows: Mapping[int, list[int]] = MappingProxyType({})
) -> Response:
    """The worst response time (A1, A2, A3): over all jobs of the busy period, not only the first.

    With `limit`, the search ends at the first response above it, which is then returned. Raises NotConverged when the
    busy period holds too many jobs. The iterates of job q are added to ``rows[q]``, where that is given.
    """
    L = busy_period(demand)
    if L is None:
        return Response(None)
    C, T, J, F = demand.C, demand.T, demand.J, demand.last
    jobs = -(-(L + J) // T)
    if jobs * (1 + len(demand.above)) > CAP:
        raise NotConverged(f"the busy period of {demand.name!r} holds {jobs} jobs, too many to look at each")
    best, best_q, best_w = -1, 0, 0
    w: int | None = 0
    for q in range(jobs):
        assert w is not None
        w = least_fixpoint(request(demand, q), max(w, demand.blocking + (q + 1) * C - F), seen=rows.get(q))
        assert w is not None
        if w + F - q * T + J > best:
            best, best_q, best_w = w + F - q * T + J, q, w
            if limit is not None and best > limit:
                break
    return Response(best, _parts(demand, best_q, best_w), best_q)


def _parts(demand: Demand, q: int, w: int) -> tuple[Contribution, ...]:
    """Where the worst response comes from: that of job q, which arrives qT - J after the busy period has begun."""
    arrival = q * demand.T - demand.J
    blocking = [Contribution("blocking", demand.blocker, demand.blocking)] if demand.blocking else []
    others = [(h.name, ((w + h.J) // h.T + 1) * h.C) for h in demand.above]
    others.append((demand.name + EARLIER, q * demand.C))

    def jobs() -> list[Work]:
        mine = Interference(demand.name, demand.C, demand.T, demand.J, demand.pieces)
        return [
            Work(place, max(0, k * h.T - h.J), (place, k), h.C, h.pieces)
            for place, h in enumerate((*demand.above, mine))
            for k in range(min(-(-(arrival + h.J) // h.T), MOST_JOBS + 1))
            if h is not mine or k < q
        ]

    return parts_from(arrival, Contribution("own", demand.name, demand.C), blocking, others, jobs)


def longest_region(below: Sequence[Sporadic], mode: Mode) -> tuple[int, str]:
    """How long the worst region of lower priority blocks (its length minus one tick), and whose it is."""
    worst = max(below, key=lambda task: task.region(mode), default=None)
    if worst is None or worst.region(mode) <= 1:
        return 0, ""
    whole = mode == "nonpreemptive" or not worst.regions
    place = "" if whole else f" region {worst.regions.index(max(worst.regions)) + 1}"
    return worst.region(mode) - 1, worst.name + place


def demand(model: Uniprocessor, index: int) -> Demand:
    """What task `index` meets on its processor."""
    task = model.tasks[index]
    region, blocker = longest_region(model.tasks[index + 1 :], model.mode)
    if task.B:
        blocker = f"{blocker} and {task.blocker}" if region else task.blocker
    return Demand(
        name=task.name,
        C=task.C,
        T=task.T,
        J=task.J,
        last=task.last_region(model.mode),
        blocking=region + task.B,
        blocker=blocker,
        above=tuple(
            Interference(other.name, other.C, other.T, other.J, other.pieces(model.mode))
            for other in model.tasks[:index]
        ),
        pieces=task.pieces(model.mode),
    )


def _analyse(model: Uniprocessor) -> Result:
    bounds = []
    cut = ""
    for index, task in enumerate(model.tasks):
        try:
            found = response(demand(model, index))
        except NotConverged as error:
            cut = str(error)
            late = response_above(demand(model, index), task.D)
            if late is not None:
                cut = ""
                found = late
            else:
                found = Response(None)
        bounds.append(Bound(task.name, found.R, task.D, found.parts, converged=found.R is not None))
        if cut:
            return Result("unknown", tuple(bounds), reason=cut)
    return from_bounds(bounds, exact=True)


def response_above(demand: Demand, deadline: int) -> Response | None:
    """A first job that is late, if one comes early in a busy period too long to look at whole."""
    F = demand.last
    try:
        w = least_fixpoint(request(demand, 0), demand.blocking + demand.C - F, cap=10_000)
    except NotConverged:
        return None
    assert w is not None
    R = w + F + demand.J
    return Response(R, _parts(demand, 0, w)) if R > deadline else None


_NEEDS = (needs.few_tasks, needs.order("FP"), needs.no_suspension)


@theorem(
    "np-fp-rta",
    title="Non-preemptive fixed priority, worst response times (A1)",
    strength="exact",
    citation="Davis, Burns, Bril, Lukkien, Real-Time Systems 35(3), 2007",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("nonpreemptive"), needs.no_blocking),
    opa=True,
)
def np_fp_rta(model: Uniprocessor) -> Result:
    """Each job runs to completion; all jobs of the busy period count, as the second may be the worst.

    R = max over q of s + C - qT + J, with s = B + qC + Σ_hp (floor((s+J)/T) + 1) C. Sporadic, any D, jitter. Section
    3 of the paper; its CAN messages (in units of 0.01 ms, so that the blocking of "- 1 tick" shows):

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> messages = [Sporadic("A", 100, 250, 250), Sporadic("B", 100, 350, 325), Sporadic("C", 100, 350, 325)]
    >>> result = np_fp_rta(Uniprocessor(tuple(messages), mode="nonpreemptive"))
    >>> result.verdict, result.responses          # the second instance of C is the late one
    ('unschedulable', [199, 299, 350])
    """
    return _analyse(model)


@theorem(
    "limited-fp-rta",
    title="Fixed priority with fixed preemption points, worst response times (A2)",
    strength="exact",
    citation="Bril, Lukkien, Verhaegh, Real-Time Systems 42, 2009; Yao, Buttazzo, Bertogna, RTCSA 2009",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("limited"), needs.no_blocking, needs.regions_given),
    opa=True,
)
def limited_fp_rta(model: Uniprocessor) -> Result:
    """Jobs are preempted only between regions; only the last region is safe from delay.

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> net = Sporadic("net", 6, 20, 20, regions=(4, 2))
    >>> limited_fp_rta(Uniprocessor((Sporadic("control", 2, 8, 8), net), mode="limited")).responses
    [5, 8]
    """
    return _analyse(model)


@theorem(
    "fp-rta",
    title="Preemptive fixed priority, worst response times (A3)",
    strength="exact",
    citation="Joseph, Pandya 1986; Lehoczky, RTSS 1990; Tindell, Burns, Wellings, Real-Time Systems 6, 1994",
    model=Uniprocessor,
    needs=(*_NEEDS, needs.mode("preemptive")),
    opa=True,
)
def fp_rta(model: Uniprocessor) -> Result:
    """Response-time analysis with release jitter, blocking and any deadlines.

    R = max over q of w - qT + J, with w = B + (q+1)C + Σ_hp ceil((w+J)/T) C. Lehoczky's example, D > T:

    >>> from rtsched.schedulability.models import Sporadic, Uniprocessor
    >>> fp_rta(Uniprocessor((Sporadic("1", 26, 70, 70), Sporadic("2", 62, 100, 120)))).responses
    [26, 118]
    """
    return _analyse(model)
