"""A6: several typed DAGs on shared pools, under fixed priorities, EDF, or any work-conserving order; Melani.

**Model.** D_i <= T_i; a job of task i is a DAG; vertex v has one type, takes an integer time from 1 to c(v) and is
not pinned. Type s has M_s identical processors. Jobs of a task do not overlap. Per type no processor idles while a
vertex of that type is ready. A region is what cannot be preempted: c(v) without preemption, the longest segment in
limited mode.

**Proof of the fixed-priority bound** (induction on the priority; R_j bounds every job of every more urgent j).
Suppose some job of i needs more than R_i, take the first such, released at r, done at f. The jobs of i before it were
done within R_i <= D_i <= T_i, so they do not delay it. Walk back from its last vertex, each time to the predecessor
that finished last: a path π. Its first vertex is ready at r, every other at the instant at which the one before it on
π finishes; so at each instant of [r, f) exactly one vertex of π is current, and either runs or waits.

While the current vertex v, of type s, waits, all M_s processors of type s are busy: with (a) vertices of this job off
π, (b) work of more urgent tasks, or (c) regions of less urgent tasks. No processor starts less urgent work while v
waits, so a region in (c) began at least one tick before v began to wait, and at most region - 1 of it is left. v
begins to wait behind such work at most nb(v) times: never if preemptive, once without preemption, once per region in
limited mode; each time one region per processor. So (c) is at most nb(v) times the sum of the M_s largest (region -
1), which is M_s β_s.

Let y = floor(R_i), and suppose f >= r + y + 1. In the window [r, r + y) the path runs for at most Σ_π c - 1 ticks,
since its last tick lies after the window. Waiting with a current vertex of type s, times M_s, is at most vol_{i,s} -
Σ_{π,s} c for (a), plus (b), plus (c). A job of j that works in the window was released before r + y and, by
induction, after r - R_j: at most ceil((y + R_j) / T_j) jobs. Adding up, y <= Σ_π c - 1 + Σ_s [vol_{i,s} - Σ_{π,s} c +
Σ_j ceil((y + R_j)/T_j) vol_{j,s}] / M_s + Σ_π nb β <= F(R_i) - 1 = R_i - 1, with F the right-hand side of the bound;
but y > R_i - 1. ∎ Release jitter J_j of a more urgent task lets its jobs come J_j closer: with R_j counted from the
arrival, the released-after-r-R_j argument speaks of arrivals, and the same count holds. The own jitter is added at
the end.

**Any work-conserving order** (A6-W): look at the job with the earliest missed deadline r + D_i. Unfinished jobs of j
at r arrived after r - D_j, or their deadline would have been missed before. So at most ceil((y + D_j)/T_j) of them
work in the window; they and (a) are all that can keep the processors busy. Holds for all tasks or for none.

**EDF** (A6-E): as before, but a job of j that is at least as urgent has its deadline by r + D_i, so it arrived in (r
- D_j, r + D_i - D_j]: at most ceil(D_i / T_j) such jobs. Less urgent ones only block inside regions, as in (c), and
any other task can be less urgent. All or nothing; for each task the smaller of A6-E and A6-W may be used, since both
arguments only assume that no deadline was missed before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import islice
from types import MappingProxyType

from rtsched.schedulability import needs
from rtsched.schedulability.models import DagTask, TypedPools
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import least_fixpoint
from rtsched.schedulability.theorems.multiprocessor import shared_out
from rtsched.units import LONGEST

#: For a task j: how much before the window its jobs may have been released, and how many of them can count at most.
Count = Callable[[DagTask], tuple[int, int]]
#: By task a list to which the iterates of its bound are added; nobody asks for any.
Seen = Mapping[str, list[int]]
NOBODY: Seen = MappingProxyType({})


def largest_regions(model: TypedPools, kind: str, tasks: tuple[DagTask, ...]) -> tuple[Fraction, list[tuple[str, int]]]:
    """β of a type: the sum of the M largest (region - 1) of `tasks`, over M; and whose they are."""
    if not tasks or not model.regions[kind]:
        return Fraction(0), []
    meant = {id(task) for task in tasks}
    mine = ((name, size) for size, name, task in model.regions[kind] if id(task) in meant)
    found = list(islice(mine, model.cores[kind]))
    return Fraction(sum(size for _, size in found), model.cores[kind]), found


def bound(
    model: TypedPools,
    task: DagTask,
    below: tuple[DagTask, ...],
    others: tuple[DagTask, ...],
    count: Count,
    seen: list[int] | None = None,
) -> tuple[Bound, tuple[int, ...]]:
    """The least fixpoint of the bound of one task, with its parts, and the path that attains it.

    Its iterates are added to `seen`.

    `below` can block with their regions; of each of the `others`, ``late, most = count(other)``, min(ceil((y + late) /
    T), most) jobs interfere in a window of y. All is added up in units of 1/scale, alike tasks at once.
    """
    dag, cores = task.dag, model.cores
    blocks = {kind: largest_regions(model, kind, below) for kind in dag.volumes}
    weights = [
        v.c * (1 - Fraction(1, cores[v.type])) + v.waits(model.mode(v.type)) * blocks[v.type][0] for v in dag.vertices
    ]
    longest, path = dag.heaviest(weights)
    base = longest + sum((Fraction(volume, cores[kind]) for kind, volume in dag.volumes.items()), Fraction(0))
    scale, each = model.spread(tuple(dag.volumes))
    alike: dict[tuple[int, int, int], int] = {}
    for other in others:
        key = (*count(other), other.T)
        alike[key] = alike.get(key, 0) + each[other.name]
    terms = [(late, most, T, weight) for (late, most, T), weight in alike.items() if weight]
    own = int(base * scale)
    R = least_fixpoint(
        lambda y: -(-(own + sum(min(-(-(y + late) // T), most) * weight for late, most, T, weight in terms)) // scale),
        math.ceil(base),
        limit=max(task.D - task.J, 0),
        seen=seen,
    )
    if R is None:
        return Bound(task.name, None, task.D, converged=False), path
    on_path = sum(dag.vertices[index].c for index in path)
    blocked = [
        (f"{kind}: {names[0][0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else ""), beta * waits)
        for kind, (beta, names) in blocks.items()
        if (waits := sum(dag.vertices[i].waits(model.mode(kind)) for i in path if dag.vertices[i].type == kind))
        and beta
    ]
    inside = base - on_path - sum((amount for _, amount in blocked), Fraction(0))
    parts = [Contribution("own", task.name, on_path)]
    shares = [(f"{task.name} (parallel vertices)", int(inside * scale))]
    for other in others:
        if each[other.name]:
            late, most = count(other)
            shares.append((other.name, min(-(-(R + late) // other.T), most) * each[other.name]))
    blocking = [Contribution("blocking", name, math.floor(amount)) for name, amount in blocked if amount >= 1]
    rest = R - on_path - sum(part.amount for part in blocking)
    parts += [*blocking, *shared_out([share for share in shares if share[1] > 0], scale, rest)]
    if task.J:
        parts.append(Contribution("jitter", task.name, task.J))
    return Bound(task.name, R + task.J, task.D, tuple(parts)), path


def _result(found: list[tuple[Bound, tuple[int, ...]]], together: bool) -> Result:
    """The verdict; bounds that lean on each other count for all tasks or for none."""
    bounds = [each for each, _ in found]
    result = from_bounds(bounds, exact=False)
    if together and result.verdict != "schedulable":
        bounds = [Bound(each.task, None, each.deadline, converged=False) for each in bounds]
    details = {"path": {each.task: list(path) for each, path in found}}
    return Result(
        result.verdict, tuple(bounds), first_failure=result.first_failure, reason=result.reason, details=details
    )


_NEEDS = (needs.few_tasks, needs.served, needs.constrained_deadlines)


@theorem(
    "a6-fp",
    title="Typed DAGs on shared pools, fixed task priorities (A6)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/dag_sets.py",
    model=TypedPools,
    needs=(*_NEEDS, needs.order("FP")),
)
def a6_fp(model: TypedPools) -> Result:
    """R = max over paths of Σ [c (1 - 1/M) + nb β] + Σ_s [vol_s + Σ_hp ceil((R + R_j)/T_j) vol_{j,s}] / M_s.

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> def chain(name, T, *stages):
    ...     vertices = tuple(Vertex(kind, c, kind) for kind, c in stages)
    ...     return DagTask(name, Dag(vertices, tuple((i, i + 1) for i in range(len(stages) - 1))), T, T)
    >>> camera = chain("camera", 33, ("cpu", 2), ("gpu", 8), ("cpu", 1))
    >>> mapping = chain("mapping", 100, ("cpu", 6), ("gpu", 20))
    >>> a6_fp(TypedPools((camera, mapping), {"cpu": 2, "gpu": 1}, modes={"gpu": "nonpreemptive"})).responses
    [30, 55]
    """
    return _result(fp_bounds(model), together=False)


def fp_bounds(model: TypedPools, seen: Seen = NOBODY) -> list[tuple[Bound, tuple[int, ...]]]:
    """The bounds of `a6_fp`, most urgent first, and the paths that attain them."""
    found: list[tuple[Bound, tuple[int, ...]]] = []
    proven: dict[str, int] = {}
    for index, task in enumerate(model.tasks):
        above = model.tasks[:index]
        if len(proven) < index:
            found.append((Bound(task.name, None, task.D, converged=False), ()))
            continue
        below = model.tasks[index + 1 :]
        each, path = bound(model, task, below, above, lambda j: (proven[j.name], LONGEST), seen.get(task.name))
        found.append((each, path))
        if each.wcrt is not None:
            proven[task.name] = each.wcrt
    return found


@theorem(
    "a6-work-conserving",
    title="Typed DAGs on shared pools, any work-conserving order (A6-W)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/dag_sets.py",
    model=TypedPools,
    needs=_NEEDS,
    interlocked=True,
)
def a6_work_conserving(model: TypedPools) -> Result:
    """R = max over paths of Σ c (1 - 1/M) + Σ_s [vol_s + Σ_{j≠i} ceil((R + D_j)/T_j) vol_{j,s}] / M_s; all or nothing.

    Holds for FIFO, EDF, least laxity, any priorities, in any preemption mode.
    """
    return _result([any_order(model, task) for task in model.tasks], together=True)


def _others(model: TypedPools, task: DagTask) -> tuple[DagTask, ...]:
    return tuple(other for other in model.tasks if other is not task)


def any_order(model: TypedPools, task: DagTask, seen: list[int] | None = None) -> tuple[Bound, tuple[int, ...]]:
    """The bound of `a6_work_conserving`, and the path that attains it."""
    return bound(model, task, (), _others(model, task), lambda j: (j.D, LONGEST), seen)


@theorem(
    "a6-edf",
    title="Typed DAGs on shared pools, EDF in each pool (A6-E)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/dag_sets.py",
    model=TypedPools,
    needs=(*_NEEDS, needs.order("EDF")),
    interlocked=True,
)
def a6_edf(model: TypedPools) -> Result:
    """As A6-W, with at most min(ceil((R + D_j)/T_j), ceil(D_i/T_j)) jobs of j, and regions of all others that block.

    For each task the smaller of this and A6-W; all or nothing.
    """
    found = []
    for task in model.tasks:
        urgent, plain = due_before(model, task), any_order(model, task)
        late = task.D + 1
        found.append(min((urgent, plain), key=lambda item: late if item[0].wcrt is None else item[0].wcrt))
    return _result(found, together=True)


def due_before(model: TypedPools, task: DagTask, seen: list[int] | None = None) -> tuple[Bound, tuple[int, ...]]:
    """The bound of A6-E itself, and the path that attains it."""
    others = _others(model, task)
    # a deadline counts from the arrival, a release may come J later: the window of urgent arrivals is D_i long
    return bound(model, task, others, others, lambda j: (j.D, -(-task.D // j.T)), seen)


def _carried_volume(task: DagTask, L: int, R: int, m: int) -> int:
    """The most work of `task` on m processors in a window of L when its jobs respond within R, rounded up."""
    volume = task.dag.volume
    room = (L + R) * m - volume  # of all m processors
    if room <= 0:
        return 0
    whole, rest = divmod(room, m * task.T)
    return whole * volume + min(volume, rest)


@theorem(
    "melani",
    title="DAGs on identical processors, global preemptive scheduling",
    strength="sufficient",
    citation="Melani, Bertogna, Bonifaci, Marchetti-Spaccamela, Buttazzo, ECRTS 2015",
    model=TypedPools,
    needs=(*_NEEDS, needs.one_type, needs.preemptive_pools, needs.no_jitter, needs.order("FP", "EDF")),
    interlocked=True,
)
def melani(model: TypedPools) -> Result:
    """R = len + (vol - len)/m + Σ W_j(R)/m with hp under FP (their R), all others under EDF (their D).

    Every iterate is rounded up: in exact fractions the fixpoint may be reached in the limit only.
    """
    return _result(melani_bounds(model), together=model.order == "EDF")


def melani_bounds(model: TypedPools, seen: Seen = NOBODY) -> list[tuple[Bound, tuple[int, ...]]]:
    """The bounds of `melani`, without paths."""
    kind = model.tasks[0].dag.vertices[0].type
    m = model.cores[kind]
    found: list[tuple[Bound, tuple[int, ...]]] = []
    proven: dict[str, int] = {}
    for index, task in enumerate(model.tasks):
        others = model.tasks[:index] if model.order == "FP" else _others(model, task)
        if model.order == "FP" and len(proven) < index:
            found.append((Bound(task.name, None, task.D, converged=False), ()))
            continue
        late = {j.name: proven[j.name] if model.order == "FP" else j.D for j in others}
        length = task.dag.length
        own = length * m + task.dag.volume - length
        R = least_fixpoint(
            lambda R: -(-(own + sum(_carried_volume(j, R, late[j.name], m) for j in others)) // m),  # noqa: B023
            -(-own // m),
            limit=task.D,
            seen=seen.get(task.name),
        )
        if R is None:
            found.append((Bound(task.name, None, task.D, converged=False), ()))
            continue
        proven[task.name] = R
        shares = [(f"{task.name} (parallel vertices)", task.dag.volume - length)]
        shares += [(j.name, _carried_volume(j, R, late[j.name], m)) for j in others]
        parts = (Contribution("own", task.name, length), *shared_out(shares, m, R - length))
        found.append((Bound(task.name, R, task.D, parts), ()))
    return found
