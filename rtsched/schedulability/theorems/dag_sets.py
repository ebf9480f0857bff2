"""A6: several typed DAGs on shared pools, under fixed priorities, EDF, or any work-conserving order; Melani.

**Model.** A job of task i is a DAG; vertex v has one type, takes an integer time from 1 to c(v) and is
not pinned. Type s has M_s identical processors. Jobs of a task do not overlap. Per type no processor idles while a
vertex of that type is ready. A region is what cannot be preempted: c(v) without preemption, the longest segment in
limited mode.

**Proof of the fixed-priority bound** (induction on the priority; R_j bounds every job of every more urgent j), D <= T.
Suppose some job of i needs more than R_i, take the first such, released at r, done at f. The jobs of i before it were
done within R_i <= D_i <= T_i, so they do not delay it. Walk back from its last vertex, each time to the predecessor
that finished last: a path π. Its first vertex is ready at r, every other at the instant at which the one before it on
π finishes; so at each instant of [r, f) exactly one vertex of π is current, and either runs or waits.

While the current vertex v, of type s, waits, all M_s processors of type s are busy: with (a) vertices of this job off
π, (b) work of more urgent tasks, or (c) regions of less urgent tasks. A vertex in (a) is neither before v, since v is
ready, nor after it: it is parallel to v. Where fixed priorities or EDF serve preemptive processors, it also stands
before v in the graph: the vertices of a job go in that order (He et al. 2019). Let X_s(π) be the volume of type s that
some vertex of π of type s can meet so; where partial paths are too many to compare, vol_{i,s} - Σ_{π,s} c.

No processor starts less urgent work while v
waits, so a region in (c) began at least one tick before v began to wait, and at most region - 1 of it is left. v
begins to wait behind such work at most nb(v) times: never if preemptive, once without preemption, once per region in
limited mode; each time at most one region per processor, which is M_s β_s in all: the M_s largest (region - 1). Where v
begins to wait at an end of one of its own regions, or as the predecessor before it on π finishes on type s, one
processor of type s has just become free: what it takes up then is not less urgent, and M_s - 1 regions are the most.
(A vertex all of whose predecessors have its type, and at least one, is such a one whatever π.)

Let y = R_i, and suppose f >= r + y + 1. In the window [r, r + y) the path runs for at most Σ_π c - 1 ticks,
since its last tick lies after the window. Waiting with a current vertex of type s, times M_s, is at most X_s(π)
for (a), plus (b), plus (c). A job of j that works in the window does so within R_j of its arrival, by
induction; it does at most vol_{j,s} on type s, in x ticks at most w_{j,s} x, the smaller of M_s and how many of its
vertices can run at once, and at most x on each of some paths that share no work (`Dag.chains`, `JobWork.in_one`). So
(b) is at most W_{j,s}(y), the most work of such jobs, T_j apart, in a window of y (`JobWork.within`). Adding up,
y <= Σ_π c - 1 + Σ_s [X_s(π) + Σ_j W_{j,s}(y)] / M_s + Σ_π nb β <= F(y) - 1, with F the
largest over all π: y < floor(F(y)), as all ticks are whole. R_i is a y with floor(F(y)) <= y: a contradiction. ∎
Release jitter of a more urgent task
changes nothing: R_j counts from the arrival. The own jitter is added at the end.

**Narrow graphs.** Where i is of one type s, preemptive, of whose vertices at most w <= M_s can run at once, another
bound holds: while v waits, what runs of its own job is parallel to v and to each other, so that with v it is one of at
most w; others run on at least M_s - w + 1 processors. So f - r <= y for any y with len_i + floor(Σ_j W_{j,s}(y) /
(M_s - w + 1)) <= y, as above, and the smaller of both counts; alone, a graph that is no wider takes len_i.

**One core without regions.** Where i is of one type s and meets regions of less urgent tasks: as a vertex of the path
is done, and at an end of a region of its own, the processor on which it ran is free. If the path waits then, that one
takes up (a) or (b), for all of the wait, since nothing less urgent starts meanwhile. So the path waits there for no
more ticks than there is work in (a) and (b); only its first vertex may find regions on all M_s: that adds β_s. As Σ_π c
and (a) are vol_i at most, f - r <= y for any y with floor(vol_i + β_s + Σ_j W_{j,s}(y)) <= y, of a row each job with
its own vol_i + β_s. That is less where regions are long and others do little.

**D > T.** A job then may wait for those before it. Call jobs of i a row, the first of which finds the one before it
done, and each other one does not; r is the release of the first. Walking back from the last vertex of job q of the row
(from 0), past the first vertex of each job to the last one of the job before, there is a current vertex at each
instant since r: the path has q + 1 times as much in it, and what waits meets no more than q + 1 times (a) and (c). So
job q ends by r + y_q, where floor((q + 1) F(0) + Σ_s Σ_j W_{j,s}(y_q) / M_s) <= y_q. It arrived at r - J_i + q T_i
or later: R_i is the largest y_q + J_i - q T_i, over all q up to the first that is done before the next can be released,
y_q + J_i <= (q + 1) T_i. W counts jobs that respond later than T_j as well: they never overlap.

**Draining.** Where a job ends before all of its vertices do (an early exit; a job that is aborted at its miss), those
that run on processors that are not preemptive go on for nothing. They end no later than in a job that waits for them,
so within R_j of the arrival; but the next job may run beside them, where R_j > T_j, or where less urgent tasks miss
their deadlines. Then one region of such a task may be on all processors at once, and w_{j,s} is M_s. For a row of its
own jobs nothing changes: what drains is work of the row, and is over by when the job, had it gone on, would have been.

**Lines** (after Bertogna, Cirinei, RTSS 2007). Where all of i is one path on one type, it waits for at least x = y -
Σ c + 1 ticks of [r, r + y); look at the first x of them. All M processors are busy in each, and a job of j takes at
most w_j of them: so in (b) no j counts for more than w_j x.

**Any work-conserving order** (A6-W). Let R satisfy floor(F_i(R)) <= R_i <= D_i for all i together, F_i with all other
tasks in (b), none in (c). Look at the first instant at which some job exceeds its bound: a job of i at r + R_i (the
jitter in it). Before that instant every job of every j worked only within R_j of its arrival, since none had exceeded
its bound yet, and the job before it of i was done, or is in its row. So the window [r, r + R_i) is as above, which is a
contradiction. Any such R will do, and so will the least one. Holds for all tasks or for none.

**EDF** (A6-E), D <= T: as before, but a job of j that is at least as urgent has its deadline by r + D_i: on type s such
jobs do at most E_{j,s} (`due_within`) in the window, and the smaller of E and W counts. Less urgent ones
only block inside regions, as in (c), and any other task can be less urgent. For each task the smaller of A6-E and A6-W
may be used, since both arguments only assume that no bound was exceeded before.

**A queue each** (A6-Q): at each instant of the window the current vertex waits for one type, and who keeps that busy
follows from the order of its own queue alone: under fixed priorities there, more urgent tasks (b) and regions of the
others (c); under EDF as in A6-E; under FIFO or any other order all tasks (b), and no regions. Each type is charged so,
and the first instant at which a bound would be exceeded is looked at as in A6-W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from rtsched.schedulability import needs
from rtsched.schedulability.models import TypedPools
from rtsched.schedulability.result import Bound, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.dag_windows import ProblemWindow, QueueWindow, others_than
from rtsched.schedulability.theorems.interference import Looks, joint_fixpoint

Windows = Mapping[str, tuple[ProblemWindow, ...]]
#: Nobody asks for iterates.
NOBODY: Mapping[str, list[int]] = MappingProxyType({})


def in_order(model: TypedPools, published: bool = False, seen: Mapping[str, list[int]] = NOBODY) -> Result:
    """The bounds under fixed priorities: each leans on those above it; after the first failure none can be given.

    The iterates of a task are added to its list in `seen`.
    """
    found: list[Bound] = []
    proven: dict[str, int] = {}
    paths: dict[str, list[int]] = {}
    for index, task in enumerate(model.tasks):
        bound = Bound(task.name, None, task.D, converged=False)
        if len(proven) == index:
            below, above = model.tasks[index + 1 :], model.tasks[:index]
            window = ProblemWindow(model, task, below, above, published=published, missing=True)
            R = window.bound(proven, Looks(), seen.get(task.name))
            if R is not None:
                bound, proven[task.name] = window.explained(R, proven), R
            paths[task.name] = list(window.path)
        found.append(bound)
    return _result(found, paths)


def together(model: TypedPools, windows: Windows) -> Result:
    """The bounds that lean on each other, for all tasks or none; of each task the smallest of its windows counts.

    The late deadlines come first: their bounds are what others lean on most, and what exceeds a deadline first.
    """
    looks = Looks()

    def least(name: str, bounds: Mapping[str, int]) -> tuple[int, ProblemWindow] | None:
        found = [(R, window) for window in windows[name] if (R := window.bound(bounds, looks)) is not None]
        return min(found, key=lambda item: item[0], default=None)

    def step(name: str, bounds: Mapping[str, int]) -> int | None:
        found = least(name, bounds)
        return None if found is None else found[0]

    late_first = sorted(model.tasks, key=lambda task: -task.D)
    first = {task.name: min(window.reached or 0 for window in windows[task.name]) for task in late_first}
    bounds = joint_fixpoint(first, step)
    if bounds is None:
        none = [Bound(task.name, None, task.D, converged=False) for task in model.tasks]
        return _result(none, {name: list(each[0].path) for name, each in windows.items()})
    found, paths = [], {}
    for task in model.tasks:
        chosen = least(task.name, bounds)
        assert chosen is not None
        found.append(chosen[1].explained(bounds[task.name], bounds))
        paths[task.name] = list(chosen[1].path)
    return _result(found, paths)


def _result(bounds: list[Bound], paths: dict[str, list[int]]) -> Result:
    """The verdict, with the path of each task on which its bound stands."""
    return replace(from_bounds(bounds, exact=False), details={"path": paths})


_NEEDS = (needs.few_tasks, needs.served)


@theorem(
    "a6-fp",
    title="Typed DAGs on shared pools, fixed task priorities (A6)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/dag_sets.py; the order of nodes: He, "
    "Jiang, Guan, Guo, IEEE TPDS 30(10), 2019",
    model=TypedPools,
    needs=(*_NEEDS, needs.order("FP")),
)
def a6_fp(model: TypedPools) -> Result:
    """R = max over paths of Σ [c + nb β] + Σ_s [X_s + Σ_hp W_{j,s}(R)] / M_s, X_s what of the graph the path can meet.

    Rounded down: all times are whole. Where D > T, the largest of the jobs that can be in a row. Of a graph no wider
    than its one preemptive type, len + Σ_hp W_j(R) / (M - w + 1), and where regions block on one type, vol + β +
    Σ_hp W_j(R), if that is less.

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> def chain(name, T, *stages):
    ...     vertices = tuple(Vertex(kind, c, kind) for kind, c in stages)
    ...     return DagTask(name, Dag(vertices, tuple((i, i + 1) for i in range(len(stages) - 1))), T, T)
    >>> camera = chain("camera", 33, ("cpu", 2), ("gpu", 8), ("cpu", 1))
    >>> mapping = chain("mapping", 100, ("cpu", 6), ("gpu", 20))
    >>> a6_fp(TypedPools((camera, mapping), {"cpu": 2, "gpu": 1}, modes={"gpu": "nonpreemptive"})).responses
    [30, 54]
    """
    return in_order(model)


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
    """R = max over paths of Σ c + Σ_s [X_s + Σ_{j≠i} W_{j,s}(R)] / M_s, for all tasks together; rounded down.

    Holds for FIFO, EDF, least laxity, any priorities, in any preemption mode.
    """
    return together(model, windows_of_any_order(model))


def windows_of_any_order(model: TypedPools) -> Windows:
    """What bounds each task in A6-W."""
    return {task.name: (ProblemWindow(model, task, (), others_than(model, task)),) for task in model.tasks}


@theorem(
    "a6-edf",
    title="Typed DAGs on shared pools, EDF in each pool (A6-E)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/dag_sets.py",
    model=TypedPools,
    needs=(*_NEEDS, needs.constrained_deadlines, needs.order("EDF")),
    interlocked=True,
)
def a6_edf(model: TypedPools) -> Result:
    """As A6-W, with the smaller of W and E_{j,s}, what deadlines allow, and regions of all others that block.

    For each task the smaller of this and A6-W; for all tasks together.
    """
    return together(model, windows_by_deadline(model))


def windows_by_deadline(model: TypedPools) -> Windows:
    """What bounds each task in A6-E: the argument of deadlines, and that of any order."""
    windows: dict[str, tuple[ProblemWindow, ...]] = {}
    for task in model.tasks:
        others = others_than(model, task)
        by_deadline = ProblemWindow(model, task, others, others, urgent=True)
        free = not any(by_deadline.regions.values())  # A6-W counts no less then
        windows[task.name] = (by_deadline,) if free else (by_deadline, ProblemWindow(model, task, (), others))
    return windows


@theorem(
    "a6-queues",
    title="Typed DAGs on shared pools, each pool with an order of its own (A6-Q)",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/dag_sets.py",
    model=TypedPools,
    needs=(*_NEEDS, needs.own_orders),
    interlocked=True,
)
def a6_queues(model: TypedPools) -> Result:
    """As A6-W; in pools of fixed priorities only the more urgent count, in those of EDF what deadlines allow.

    >>> from rtsched.schedulability.models import Dag, DagTask, Queues, TypedPools, Vertex
    >>> def chain(name, T, *stages):
    ...     vertices = tuple(Vertex(kind, c, kind) for kind, c in stages)
    ...     return DagTask(name, Dag(vertices, tuple((i, i + 1) for i in range(len(stages) - 1))), T, T)
    >>> camera = chain("camera", 33, ("cpu", 2), ("npu", 8))
    >>> mapping = chain("mapping", 100, ("cpu", 6), ("npu", 9))
    >>> queues = Queues({"cpu": "FP", "npu": "FIFO"}, {"cpu": ("camera", "mapping")})
    >>> a6_queues(TypedPools((camera, mapping), {"cpu": 1, "npu": 1}, "any", {"npu": "nonpreemptive"},
    ...     queues=queues)).responses
    [19, 35]
    """
    return together(model, windows_by_queue(model))


def windows_by_queue(model: TypedPools) -> Windows:
    """What bounds each task in A6-Q: the argument of each pool's order, and that of any order."""
    return {
        task.name: (QueueWindow(model, task), ProblemWindow(model, task, (), others_than(model, task)))
        for task in model.tasks
    }


@theorem(
    "melani",
    title="DAGs on identical processors, global preemptive scheduling",
    strength="sufficient",
    citation="Melani, Bertogna, Bonifaci, Marchetti-Spaccamela, Buttazzo, ECRTS 2015",
    model=TypedPools,
    needs=(
        *_NEEDS,
        needs.constrained_deadlines,
        needs.one_type,
        needs.preemptive_pools,
        needs.no_jitter,
        needs.order("FP", "EDF"),
    ),
    interlocked=True,
)
def melani(model: TypedPools) -> Result:
    """R = len + (vol - len)/m + Σ W_j(R)/m, with hp under FP, under EDF min(W_j, what deadlines allow) of all others.

    The sum is rounded down, all of it at once: all times are whole. (To round down the interference alone, as is done
    elsewhere, leaves a fraction in the first terms, and a run may be later than that.) Under EDF the bounds are the
    least that hold together (the argument is that of A6-W).
    """
    if model.order == "FP":
        return in_order(model, published=True)
    return together(model, windows_of_melani(model))


def windows_of_melani(model: TypedPools) -> Windows:
    """What bounds each task in Melani's test under EDF."""
    others = {task.name: others_than(model, task) for task in model.tasks}
    return {
        task.name: (ProblemWindow(model, task, (), others[task.name], True, published=True),) for task in model.tasks
    }
