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
limited mode; each time at most one region per processor, which is M_s β_s in all: the M_s largest (region - 1). Where v
begins to wait at an end of one of its own regions, or as the predecessor before it on π finishes on type s, one
processor of type s has just become free: what it takes up then is not less urgent, and M_s - 1 regions are the most.
(A vertex all of whose predecessors have its type, and at least one, is such a one whatever π.)

Let y = floor(R_i), and suppose f >= r + y + 1. In the window [r, r + y) the path runs for at most Σ_π c - 1 ticks,
since its last tick lies after the window. Waiting with a current vertex of type s, times M_s, is at most vol_{i,s} -
Σ_{π,s} c for (a), plus (b), plus (c). A job of j that works in the window does so within R_j of its arrival, by
induction; it does at most vol_{j,s} on type s, and at most w_{j,s} of it in a tick, the smaller of M_s and how many of
its vertices can run at once. So (b) is at most W_{j,s}(y), the most work of such jobs, T_j apart, in a window of y
(`JobWork.within`). Adding up, y <= Σ_π c - 1 + Σ_s [vol_{i,s} - Σ_{π,s} c + Σ_j W_{j,s}(y)] / M_s + Σ_π nb β <=
F(R_i) - 1 = R_i - 1, with F the right-hand side of the bound; but y > R_i - 1. ∎ Release jitter of a more urgent task
changes nothing: R_j counts from the arrival. The own jitter is added at the end.

**Lines** (after Bertogna, Cirinei, RTSS 2007). Where all of i is one path on one type, it waits for at least x = y -
Σ c + 1 ticks of [r, r + y); look at the first x of them. All M processors are busy in each, and a job of j takes at
most w_j of them: so in (b) no j counts for more than w_j x.

**Any work-conserving order** (A6-W). Let R satisfy F_i(R) <= R_i <= D_i for all i together, F_i with all other tasks
in (b), none in (c). Look at the first instant at which some job exceeds its bound: a job of i at r + R_i (the jitter in
it). Before that instant every job of every j worked only within R_j of its arrival, since none had exceeded its bound
yet, and the job before it of i was done. So the window [r, r + R_i) is as above, which is a contradiction. Any such R
will do, and so will the least one. Holds for all tasks or for none.

**EDF** (A6-E): as before, but a job of j that is at least as urgent has its deadline by r + D_i: on type s such jobs do
at most E_{j,s} (`due_within`) in the window, and the smaller of E and W counts. Less urgent ones only block inside
regions, as in (c), and any other task can be less urgent. For each task the smaller of A6-E and A6-W may be used, since
both arguments only assume that no bound was exceeded before.

**A queue each** (A6-Q): at each instant of the window the current vertex waits for one type, and who keeps that busy
follows from the order of its own queue alone: under fixed priorities there, more urgent tasks (b) and regions of the
others (c); under EDF as in A6-E; under FIFO or any other order all tasks (b), and no regions. Each type is charged so,
and the first instant at which a bound would be exceeded is looked at as in A6-W.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from types import MappingProxyType

from rtsched.schedulability import needs
from rtsched.schedulability.models import DagTask, TypedPools
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork, Looks, due_within, joint_fixpoint
from rtsched.schedulability.theorems.multiprocessor import shared_out


def largest_regions(model: TypedPools, kind: str, tasks: tuple[DagTask, ...]) -> list[tuple[str, int]]:
    """Of each of the processors of a type the largest (region - 1) of `tasks`, largest first; and whose they are."""
    if not tasks or not model.regions[kind]:
        return []
    meant = {id(task) for task in tasks}
    mine = ((name, size) for size, name, task in model.regions[kind] if id(task) in meant)
    return list(islice(mine, model.cores[kind]))


class ProblemWindow:
    """The bound of one task, but for what the others' jobs do, which leans on their bounds.

    `below` can block with their regions, `others` interfere; `urgent`: only with deadlines by the task's own. `base` is
    the bound without others, `path` attains it. With `widths` a job never does more at once than its graph allows.
    """

    def __init__(
        self,
        model: TypedPools,
        task: DagTask,
        below: tuple[DagTask, ...],
        others: tuple[DagTask, ...],
        urgent: bool = False,
        widths: bool = True,
    ) -> None:
        self.model, self.task, self.others, self.urgent, self.widths = model, task, others, urgent, widths
        dag, cores = task.dag, model.cores
        self.below = below
        self.regions = {kind: largest_regions(model, kind, self.blockers(kind)) for kind in dag.volumes}
        self.blocked = [self._blocked(index) for index in range(len(dag.vertices))]
        weights = [
            vertex.c * (1 - Fraction(1, cores[vertex.type])) + blocked
            for vertex, blocked in zip(dag.vertices, self.blocked, strict=True)
        ]
        longest, self.path = dag.heaviest(weights)
        self.base = longest + sum((Fraction(volume, cores[kind]) for kind, volume in dag.volumes.items()), Fraction(0))
        self.line = widths and len(dag.volumes) == 1 and len(self.path) == len(dag.vertices)
        #: The bound lies nowhere below; it only grows while the responses of the others do. None: it lies beyond D.
        self.reached: int | None = math.ceil(self.base) + task.J
        self.scale = math.lcm(*(cores[kind] for kind in dag.volumes))

    def blockers(self, kind: str) -> tuple[DagTask, ...]:
        """The tasks whose regions may be met on a type, and that do not interfere there."""
        return self.below

    def _blocked(self, index: int) -> Fraction:
        """For how long a vertex waits behind less urgent regions at most."""
        dag = self.task.dag
        vertex, before = dag.vertices[index], dag.predecessors[index]
        waits, sizes = vertex.waits(self.model.mode(vertex.type)), [size for _, size in self.regions[vertex.type]]
        if not waits or not sizes:
            return Fraction(0)
        cores = self.model.cores[vertex.type]
        beside = sum(sizes[: cores - 1])
        follows = bool(before) and all(dag.vertices[place].type == vertex.type for place in before)
        return Fraction((beside if follows else sum(sizes)) + (waits - 1) * beside, cores)

    def works(self, other: DagTask, response: int) -> Iterator[tuple[int, JobWork]]:
        """What another task does on each type that this one needs, and what a tick of it costs, in 1/scale."""
        for kind, volume in other.dag.volumes.items():
            if kind in self.task.dag.volumes:
                cores = self.model.cores[kind]
                work = JobWork(other.T, response, volume, min(cores, other.dag.width(kind)) if self.widths else cores)
                if self.urgent:
                    work = replace(work, most=due_within(self.task.D, other.D, work))
                yield self.scale // cores, work

    def bound(self, responses: Mapping[str, int], looks: Looks, seen: list[int] | None = None) -> int | None:
        """The least bound when the jobs of the others respond within `responses`; None beyond D.

        A window is asked with responses that never shrink: what it found before is where it goes on. The iterates,
        without the own jitter, are added to `seen`.
        """
        if self.reached is None:
            return None
        alike: dict[JobWork, int] = {}
        for other in self.others:
            for weight, work in self.works(other, responses[other.name]):
                alike[work] = alike.get(work, 0) + weight
        terms = list(alike.items())
        own, scale, J = int(self.base * self.scale), self.scale, self.task.J

        def grown(y: int) -> int:
            looks.spend(len(terms))
            return -(-(own + sum(weight * work.within(y) for work, weight in terms)) // scale)

        def grown_line(y: int) -> int:
            looks.spend(len(terms))
            x = y - self.task.dag.volume + 1
            each = [(work.within(y), work.rate, weight) for work, weight in terms]
            following = (own + sum(weight * min(most, rate * x) for most, rate, weight in each)) // scale
            return following if following <= y else max(following, y + self._crowded(each) - x + 1)

        y = least_fixpoint(
            grown_line if self.line else grown, self.reached - J, limit=max(self.task.D - J, 0), seen=seen
        )
        self.reached = None if y is None else y + J
        return self.reached

    def _crowded(self, each: list[tuple[int, int, int]]) -> int:
        """For how many ticks of waiting the works (how much, at which rate, how often) can keep all processors busy.

        Until then the bound would grow tick by tick.
        """
        taken = 0
        for ticks, rate, weight in sorted(((most // rate, rate, weight) for most, rate, weight in each), reverse=True):
            taken += rate * weight
            if taken >= self.scale:  # which of one type is the number of its processors
                return ticks
        return 0

    def explained(self, R: int, responses: Mapping[str, int]) -> Bound:
        """The bound R with its parts."""
        task, y = self.task, R - self.task.J
        on_path = sum(task.dag.vertices[index].c for index in self.path)
        blocked = sum((self.blocked[index] for index in self.path), Fraction(0))
        shares = [(f"{task.name} (parallel vertices)", int((self.base - on_path - blocked) * self.scale))]
        x = y - task.dag.volume + 1
        for other in self.others:
            each = [(weight, work, work.within(y)) for weight, work in self.works(other, responses[other.name])]
            amounts = (weight * (min(most, work.rate * x) if self.line else most) for weight, work, most in each)
            shares.append((other.name, sum(amounts)))
        parts = [Contribution("own", task.name, on_path), *self._blocking()]
        rest = y - sum(part.amount for part in parts)
        parts += shared_out([share for share in shares if share[1] > 0], self.scale, rest)
        if task.J:
            parts.append(Contribution("jitter", task.name, task.J))
        return Bound(task.name, R, task.D, tuple(parts))

    def _blocking(self) -> Iterator[Contribution]:
        """By type of processor, how long the path waits behind regions, and the largest of them."""
        for kind, found in self.regions.items():
            amount = sum(
                (self.blocked[index] for index in self.path if self.task.dag.vertices[index].type == kind), Fraction(0)
            )
            if amount >= 1:
                more = f" and {len(found) - 1} more" if len(found) > 1 else ""
                yield Contribution("blocking", f"{kind}: {found[0][0]}{more}", math.floor(amount))


class QueueWindow(ProblemWindow):
    """As `ProblemWindow`, where each type of processors has an order of its own."""

    def __init__(self, model: TypedPools, task: DagTask) -> None:
        assert model.queues is not None
        self.queues = model.queues
        super().__init__(model, task, (), _others(model, task))

    def blockers(self, kind: str) -> tuple[DagTask, ...]:
        order, others = self.queues.orders.get(kind), [other for other in self.others if kind in other.dag.volumes]
        if order == "FP":
            return tuple(other for other in others if not self.queues.may_precede(kind, other.name, self.task.name))
        return tuple(others) if order == "EDF" else ()

    def works(self, other: DagTask, response: int) -> Iterator[tuple[int, JobWork]]:
        for kind, volume in other.dag.volumes.items():
            if kind in self.task.dag.volumes and self.queues.may_precede(kind, other.name, self.task.name):
                cores = self.model.cores[kind]
                work = JobWork(other.T, response, volume, min(cores, other.dag.width(kind)))
                if self.queues.orders.get(kind) == "EDF":
                    work = replace(work, most=due_within(self.task.D, other.D, work))
                yield self.scale // cores, work


Windows = Mapping[str, tuple[ProblemWindow, ...]]
#: Nobody asks for iterates.
NOBODY: Mapping[str, list[int]] = MappingProxyType({})


def in_order(model: TypedPools, widths: bool = True, seen: Mapping[str, list[int]] = NOBODY) -> Result:
    """The bounds under fixed priorities: each leans on those above it; after the first failure none can be given.

    The iterates of a task are added to its list in `seen`.
    """
    found: list[Bound] = []
    proven: dict[str, int] = {}
    paths: dict[str, list[int]] = {}
    for index, task in enumerate(model.tasks):
        R = None
        if len(proven) == index:
            window = ProblemWindow(model, task, model.tasks[index + 1 :], model.tasks[:index], widths=widths)
            paths[task.name] = list(window.path)
            R = window.bound(proven, Looks(), seen.get(task.name))
        if R is None:
            found.append(Bound(task.name, None, task.D, converged=False))
        else:
            found.append(window.explained(R, proven))
            proven[task.name] = R
    return _result(found, paths)


def together(model: TypedPools, windows: Windows) -> Result:
    """The bounds that lean on each other, for all tasks or none; of each task the smallest of its windows counts."""
    looks = Looks()

    def least(name: str, bounds: Mapping[str, int]) -> tuple[int, ProblemWindow] | None:
        found = [(R, window) for window in windows[name] if (R := window.bound(bounds, looks)) is not None]
        return min(found, key=lambda item: item[0], default=None)

    def step(name: str, bounds: Mapping[str, int]) -> int | None:
        found = least(name, bounds)
        return None if found is None else found[0]

    first = {name: min(window.reached or 0 for window in each) for name, each in windows.items()}
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


def _others(model: TypedPools, task: DagTask) -> tuple[DagTask, ...]:
    return tuple(other for other in model.tasks if other is not task)


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
    """R = max over paths of Σ [c (1 - 1/M) + nb β] + Σ_s [vol_s + Σ_hp W_{j,s}(R)] / M_s.

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> def chain(name, T, *stages):
    ...     vertices = tuple(Vertex(kind, c, kind) for kind, c in stages)
    ...     return DagTask(name, Dag(vertices, tuple((i, i + 1) for i in range(len(stages) - 1))), T, T)
    >>> camera = chain("camera", 33, ("cpu", 2), ("gpu", 8), ("cpu", 1))
    >>> mapping = chain("mapping", 100, ("cpu", 6), ("gpu", 20))
    >>> a6_fp(TypedPools((camera, mapping), {"cpu": 2, "gpu": 1}, modes={"gpu": "nonpreemptive"})).responses
    [30, 55]
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
    """R = max over paths of Σ c (1 - 1/M) + Σ_s [vol_s + Σ_{j≠i} W_{j,s}(R)] / M_s, for all tasks together.

    Holds for FIFO, EDF, least laxity, any priorities, in any preemption mode.
    """
    return together(model, windows_of_any_order(model))


def windows_of_any_order(model: TypedPools) -> Windows:
    """What bounds each task in A6-W."""
    return {task.name: (ProblemWindow(model, task, (), _others(model, task)),) for task in model.tasks}


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
    """As A6-W, with the smaller of W and E_{j,s}, what deadlines allow, and regions of all others that block.

    For each task the smaller of this and A6-W; for all tasks together.
    """
    return together(model, windows_by_deadline(model))


def windows_by_deadline(model: TypedPools) -> Windows:
    """What bounds each task in A6-E: the argument of deadlines, and that of any order."""
    windows = {}
    for task in model.tasks:
        others = _others(model, task)
        windows[task.name] = (
            ProblemWindow(model, task, others, others, urgent=True),
            ProblemWindow(model, task, (), others),
        )
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
    [19, 25]
    """
    return together(model, windows_by_queue(model))


def windows_by_queue(model: TypedPools) -> Windows:
    """What bounds each task in A6-Q: the argument of each pool's order, and that of any order."""
    return {
        task.name: (QueueWindow(model, task), ProblemWindow(model, task, (), _others(model, task)))
        for task in model.tasks
    }


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
    """R = len + (vol - len)/m + Σ W_j(R)/m, with hp under FP, under EDF min(W_j, what deadlines allow) of all others.

    Every iterate is rounded up: in exact fractions the fixpoint may be reached in the limit only. Under EDF the bounds
    are the least that hold together (the argument is that of A6-W).
    """
    if model.order == "FP":
        return in_order(model, widths=False)
    return together(model, windows_of_melani(model))


def windows_of_melani(model: TypedPools) -> Windows:
    """What bounds each task in Melani's test under EDF."""
    others = {task.name: _others(model, task) for task in model.tasks}
    return {task.name: (ProblemWindow(model, task, (), others[task.name], True, widths=False),) for task in model.tasks}
