"""What a job of a DAG task can meet between its release and its end: its own graph, regions, the jobs of others.

The proofs stand in dag_sets.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice

from rtsched.schedulability.models import DagTask, TypedPools
from rtsched.schedulability.result import Bound, Contribution
from rtsched.schedulability.theorems.fixpoint import NotConverged, least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork, Looks, due_within, stride
from rtsched.schedulability.theorems.multiprocessor import shared_out
from rtsched.schedulability.theorems.typed_dag import along_a_path, parallel

#: Partial paths, and sums over sets of nodes times nodes, after which all vertices off a path count: milliseconds.
MOST_LABELS = 2_000
MOST_SUMS = 10**7
#: Nodes of a graph from which on they do.
MOST_VERTICES = 400
#: Paths of a graph of which it is known that each does no more than a tick of work in a tick.
MOST_CHAINS = 16
#: Jobs of a task that may wait for each other in a row, where D > T.
MOST_JOBS = 1_000


def largest_regions(
    model: TypedPools, kind: str, tasks: tuple[DagTask, ...], missing: bool = False
) -> list[tuple[str, int]]:
    """Of each of the processors of a type the largest (region - 1) of `tasks`, largest first; and whose they are.

    Those of a task whose jobs overlap may be on all of them at once; `missing`: tasks may miss their deadlines.
    """
    if not tasks or not model.regions[kind]:
        return []
    meant = {id(task) for task in tasks}
    mine = (
        (name, size)
        for size, name, task in model.regions[kind]
        if id(task) in meant
        for _ in range(model.cores[kind] if task.overlaps(missing) else 1)
    )
    return list(islice(mine, model.cores[kind]))


def most_at_once(model: TypedPools, kind: str, task: DagTask) -> int:
    """How many processors of a type a task can keep busy at once."""
    cores = model.cores[kind]
    return cores if task.overlaps() else min(cores, task.dag.width(kind))


def work_of(model: TypedPools, other: DagTask, kind: str, response: int) -> JobWork:
    """What the jobs of a task do on a type, each done within `response`."""
    rate = most_at_once(model, kind, other)
    alone = rate > 1 and not other.overlaps(True)
    chains = other.dag.chains(kind, min(rate - 1, MOST_CHAINS)) if alone else ()
    return JobWork(other.T, response, other.dag.volumes[kind], rate, chains=chains)


def others_than(model: TypedPools, task: DagTask) -> tuple[DagTask, ...]:
    """All tasks but one."""
    return tuple(other for other in model.tasks if other is not task)


class ProblemWindow:
    """The bound of one task, but for what the others' jobs do, which leans on their bounds.

    `below` can block with their regions, `others` interfere; `urgent`: only with deadlines by the task's own. `base` is
    the bound without others, `path` attains it. `published`: as Melani et al. have it, with all vertices off the path,
    and whatever graphs allow at once. `missing`: those below may miss their deadlines.
    """

    def __init__(
        self,
        model: TypedPools,
        task: DagTask,
        below: tuple[DagTask, ...],
        others: tuple[DagTask, ...],
        urgent: bool = False,
        published: bool = False,
        missing: bool = False,
    ) -> None:
        self.model, self.task, self.others, self.urgent, self.widths = model, task, others, urgent, not published
        dag = task.dag
        self.below = below
        self.regions = {kind: largest_regions(model, kind, self.blockers(kind), missing) for kind in dag.volumes}
        held = any(self.regions.values())
        self.blocked = [self._blocked(index) if held else 0 for index in range(len(dag.vertices))]
        self.base, self.path = self._alone(published)
        self.scale = math.lcm(*(model.cores[kind] for kind in dag.volumes))
        self.own = int(self.base * self.scale)  # which has no other denominator
        self.line = not published and len(dag.volumes) == 1 and len(self.path) == len(dag.vertices)
        #: Another bound, the smaller counts: what the graph takes without others, and on how many processors these go.
        self.instead = None if published else self._instead()
        #: By job of a row the ticks to its end that are certain; they only grow while the responses of the others do.
        self.least = min(self.base, self.instead[0]) if self.instead else self.base
        self.row = [math.floor(self.least)]
        #: The bound lies nowhere below. None: it lies beyond D.
        self.reached: int | None = self.row[0] + task.J
        #: Which job of a row attains it.
        self.worst = 0
        #: By other task its response when it was asked last, and its works.
        self.made: dict[str, tuple[int, list[tuple[int, JobWork]]]] = {}

    def _alone(self, published: bool) -> tuple[Fraction | int, tuple[int, ...]]:
        """What the path, the regions before it and the vertices beside it take without other tasks; and the path."""
        dag, cores = self.task.dag, self.model.cores
        if len(dag.vertices) == 1:
            return dag.vertices[0].c + self.blocked[0], (0,)
        if not published and len(dag.vertices) <= MOST_VERTICES:
            try:
                return self._beside()
            except NotConverged:  # then all vertices off the path count, as in the first bound of Han
                pass
        weights = [
            vertex.c * (1 - Fraction(1, cores[vertex.type])) + blocked
            for vertex, blocked in zip(dag.vertices, self.blocked, strict=True)
        ]
        longest, path = dag.heaviest(weights)
        return longest + sum((Fraction(volume, cores[kind]) for kind, volume in dag.volumes.items()), Fraction(0)), path

    def _instead(self) -> tuple[Fraction, int] | None:
        """Of a graph on one type: others alone make it wait; or one core takes no region while it does (dag_sets)."""
        dag = self.task.dag
        if len(dag.volumes) != 1:
            return None
        (kind,) = dag.volumes
        if any(self.blocked):
            return dag.volume + Fraction(sum(size for _, size in self.regions[kind]), self.model.cores[kind]), 1
        spare = self.model.cores[kind] - dag.width(kind) + 1
        return (
            (Fraction(dag.length), spare)
            if not self.task.overlaps(True) and dag.width(kind) <= self.model.cores[kind] and not self.line
            else None
        )

    def _beside(self) -> tuple[Fraction, tuple[int, ...]]:
        """Of the vertices off the path only those that the path can meet. Raises NotConverged beyond MOST_LABELS."""
        dag, cores = self.task.dag, self.model.cores
        scale = math.lcm(*(cores[kind] for kind in dag.volumes))
        beside = parallel(dag)
        for index, vertex in enumerate(dag.vertices):
            if self.model.serves_in_order(vertex.type):
                beside[index] &= (1 << index) - 1
        own = [
            vertex.c * scale + int(blocked * scale) for vertex, blocked in zip(dag.vertices, self.blocked, strict=True)
        ]
        work = [vertex.c * (scale // cores[vertex.type]) for vertex in dag.vertices]
        longest, path = along_a_path(dag, own, work, beside, MOST_LABELS, MOST_SUMS)
        return Fraction(longest, scale), path

    def blockers(self, kind: str) -> tuple[DagTask, ...]:
        """The tasks whose regions may be met on a type, and that do not interfere there."""
        return self.below

    def _blocked(self, index: int) -> Fraction | int:
        """For how long a vertex waits behind less urgent regions at most."""
        dag = self.task.dag
        vertex, before = dag.vertices[index], dag.predecessors[index]
        waits, sizes = vertex.waits(self.model.mode(vertex.type)), [size for _, size in self.regions[vertex.type]]
        if not waits or not sizes:
            return 0
        cores = self.model.cores[vertex.type]
        beside = sum(sizes[: cores - 1])
        follows = bool(before) and all(dag.vertices[place].type == vertex.type for place in before)
        return Fraction((beside if follows else sum(sizes)) + (waits - 1) * beside, cores)

    def works(self, other: DagTask, response: int) -> Iterator[tuple[int, JobWork]]:
        """What another task does on each type that this one needs, and what a tick of it costs, in 1/scale."""
        for kind, volume in other.dag.volumes.items():
            if kind in self.task.dag.volumes:
                cores = self.model.cores[kind]
                plain = JobWork(other.T, response, volume, cores)
                work = work_of(self.model, other, kind, response) if self.widths else plain
                if self.urgent:
                    work = work._replace(most=due_within(self.task.D, other.D, work))
                yield self.scale // cores, work

    def _known_works(self, other: DagTask, response: int) -> list[tuple[int, JobWork]]:
        """`works`, made once for each response that is found."""
        known = self.made.get(other.name)
        if known is None or known[0] != response:
            known = self.made[other.name] = response, list(self.works(other, response))
        return known[1]

    def bound(self, responses: Mapping[str, int], looks: Looks, seen: list[int] | None = None) -> int | None:
        """The least bound when the jobs of the others respond within `responses`; None beyond D.

        A window is asked with responses that never shrink: what it found before is where it goes on. The iterates of
        the job of a row that has the bound, without the own jitter, are added to `seen`.
        """
        if self.reached is None:
            return None
        alike: dict[JobWork, int] = {}
        for other in self.others:
            for weight, work in self._known_works(other, responses[other.name]):
                alike[work] = alike.get(work, 0) + weight
        task, terms, best = self.task, list(alike.items()), -1
        for q in range(MOST_JOBS):
            if q == len(self.row):
                self.row.append(max(self.row[-1], math.floor((q + 1) * self.least)))
            iterates: list[int] | None = None if seen is None else []
            y = self._end(q, terms, looks, iterates)
            if y is None:
                self.reached = None
                break
            self.row[q] = y
            if y + task.J - q * task.T > best:
                best, self.worst = y + task.J - q * task.T, q
                if seen is not None and iterates is not None:
                    seen[:] = iterates
            if y + task.J <= (q + 1) * task.T or task.D <= task.T:
                self.reached = best
                break
        else:
            raise NotConverged(f"after {MOST_JOBS} jobs of {task.name!r} in a row the next may still find one at work")
        return self.reached

    def _end(self, q: int, terms: list[tuple[JobWork, int]], looks: Looks, seen: list[int] | None) -> int | None:
        """When job q of a row that begins at 0 is done at the latest, beside works that each count so often.

        Where nobody asks for iterates, a step goes as far as works are sure to rise; where works are more than a line
        can meet in its waiting time, on all processors, it does so in any case: the bound would grow tick by tick.
        """
        own, scale, volume = (q + 1) * self.own, self.scale, (q + 1) * self.task.dag.volume
        flat = [(*work[:5], weight, work if work.chains else None) for work, weight in terms]
        line, (alone, share) = self.line, self.instead or (0, 0)
        first, quick = math.floor((q + 1) * alone * share), seen is None and (line or not share)

        def grown(y: int) -> int:
            looks.spend(len(flat))
            total, x, taken = own, y - volume + 1, 0
            rising, crowd = [], []  # for how many ticks, at which rate
            for T, response, amount, rate, most, weight, graph in flat:
                if graph is not None:
                    found, left = graph.within(y), 0
                else:  # `JobWork.within`, without the call
                    room = rate * (y - T + response) - amount
                    if room <= 0:
                        found, rest = 0, rate * y
                    else:
                        whole, rest = divmod(room, rate * T)
                        found = (1 + whole) * amount
                    left = amount - rest
                    found += rest if left > 0 else amount
                    if response > T and found > rate * y:
                        found, left = rate * y, found - rate * y
                    if most is not None and found + max(left, 0) > most:
                        found, left = min(found, most), most - found
                if line and found > rate * x:
                    crowd.append((found // rate - x, rate * weight))
                    taken += rate * weight
                    found = rate * x
                elif left >= rate:
                    rising.append((left // rate, rate * weight))
                total += weight * found
            following = total // scale
            if share and (first + total - own) // share < following:
                return (first + total - own) // share
            if following <= y:
                return following
            if quick:
                return y + stride(total - scale * (y + 1), scale, rising + crowd)
            return following if taken < scale else y + stride(total - scale * (y + 1), scale, crowd)

        limit = max(self.task.D - self.task.J + q * self.task.T, 0)
        return least_fixpoint(grown, self.row[q], limit=limit, seen=seen)

    def explained(self, R: int, responses: Mapping[str, int]) -> Bound:
        """The bound R with its parts; `path` becomes the one on which it stands."""
        task, y = self.task, R - self.task.J
        x, shares = y - task.dag.volume + 1, list[tuple[str, int]]()
        for other in self.others:
            each = [(weight, work, work.within(y)) for weight, work in self.works(other, responses[other.name])]
            amounts = (weight * (min(most, work.rate * x) if self.line else most) for weight, work, most in each)
            shares.append((other.name, sum(amounts)))
        alone, share = self.instead or (Fraction(0), 0)
        if share and ((self.worst + 1) * alone * share + sum(amount for _, amount in shares)) // share <= y:
            self.path = task.dag.heaviest([vertex.c for vertex in task.dag.vertices])[1]
        else:
            share = 0
        if self.worst:  # the jobs before it took some of their time before its arrival
            own = min(y, sum(task.dag.vertices[index].c for index in self.path))
            others = Contribution("interference", f"all others, and jobs of {task.name} before it", y - own)
            jitter = Contribution("jitter", task.name, task.J)
            parts = [Contribution("own", task.name, own), others, jitter]
            return Bound(task.name, R, task.D, tuple(part for part in parts if part.amount))
        on_path = sum(task.dag.vertices[index].c for index in self.path)
        blocking = list(self._blocking(first=bool(share)))
        if share and not any(self.blocked):
            beside = 0
        elif share:
            beside = task.dag.volume - on_path
        else:
            blocked = int(sum(self.blocked[index] for index in self.path) * self.scale)
            beside = self.own - on_path * self.scale - blocked
        shares.insert(0, (f"{task.name} (parallel vertices)", beside))
        parts = [Contribution("own", task.name, on_path), *blocking]
        rest = y - sum(part.amount for part in parts)
        parts += shared_out([each for each in shares if each[1] > 0], share or self.scale, rest)
        if task.J:
            parts.append(Contribution("jitter", task.name, task.J))
        return Bound(task.name, R, task.D, tuple(parts))

    def _blocking(self, first: bool) -> Iterator[Contribution]:
        """By type of processor, how long the path waits behind regions, and the largest of them; or at its `first`."""
        for kind, found in self.regions.items():
            amount = sum(self.blocked[index] for index in self.path if self.task.dag.vertices[index].type == kind)
            if first:
                amount = Fraction(sum(size for _, size in found), self.model.cores[kind])
            if amount >= 1:
                more = f" and {len(found) - 1} more" if len(found) > 1 else ""
                yield Contribution("blocking", f"{kind}: {found[0][0]}{more}", math.floor(amount))


class QueueWindow(ProblemWindow):
    """As `ProblemWindow`, where each type of processors has an order of its own."""

    def __init__(self, model: TypedPools, task: DagTask) -> None:
        assert model.queues is not None
        self.queues = model.queues
        super().__init__(model, task, (), others_than(model, task))

    def blockers(self, kind: str) -> tuple[DagTask, ...]:
        order, others = self.queues.orders.get(kind), [other for other in self.others if kind in other.dag.volumes]
        if order == "FP":
            return tuple(other for other in others if not self.queues.may_precede(kind, other.name, self.task.name))
        return tuple(others) if order == "EDF" else ()

    def works(self, other: DagTask, response: int) -> Iterator[tuple[int, JobWork]]:
        for kind in other.dag.volumes:
            if kind in self.task.dag.volumes and self.queues.may_precede(kind, other.name, self.task.name):
                cores = self.model.cores[kind]
                work = work_of(self.model, other, kind, response)
                if self.queues.orders.get(kind) == "EDF" and self.task.D <= self.task.T:
                    work = work._replace(most=due_within(self.task.D, other.D, work))
                yield self.scale // cores, work
