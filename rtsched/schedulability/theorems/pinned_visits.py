"""The search for the ends of vertices that are pinned to processors, by paths and their visits to each processor.

What is summed up here, and why it is enough, stands in `pinned_paths`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from rtsched.schedulability.models import TypedPools
from rtsched.schedulability.theorems.fixpoint import NotConverged, least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork, due_within
from rtsched.schedulability.theorems.pinned_graphs import MOST_ROUNDS, _Graph, _pieces, _Search

#: Paths from a first vertex to any other, in one graph, beyond which they are not looked at one by one.
MOST_PATHS = 5_000
#: Groups of visits whose time is found, for all ends together.
MOST_GROUPS = 200_000
#: Instants, of each vertex of others, at which a job less goes first.
MOST_FEWER = 50


class Paths(_Graph):
    """A graph with its paths."""

    @cached_property
    def paths(self) -> list[list[tuple[int, ...]]]:
        """Per vertex the paths that end in it, from a vertex without predecessors. Raises NotConverged for too many."""
        dag = self.task.dag
        found: list[list[tuple[int, ...]]] = [[] for _ in dag.vertices]
        count = 0
        for v in dag.order:
            before = dag.predecessors[v]
            found[v] = [(*path, v) for p in before for path in found[p]] if before else [(v,)]
            count += len(found[v])
            if count > MOST_PATHS:
                raise NotConverged(f"{self.task.name!r} has more than {MOST_PATHS} paths")
        return found

    @cached_property
    def beside(self) -> list[frozenset[int]]:
        """Per vertex those on its processor that are neither before nor after it."""
        vertices = self.task.dag.vertices
        return [
            frozenset(
                u for u in range(len(vertices))
                if u != v and vertices[u].type == vertices[v].type
                and u not in self.before[v] and v not in self.before[u]
            )
            for v in range(len(vertices))
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class VisitGroup:
    """VisitGroup of a path to one processor: their work, that of the same job that goes before them, the last region.

    `over` is the longest region of the same task, less a tick, behind which more urgent work can pile up before the
    first is ready. `blocks` are the regions beyond one tick that may block one of them, largest first, each with T
    and the time within which jobs that come T apart run it; T None: there is one only.
    """

    own: int
    beside: int
    last: int
    over: int
    blocks: tuple[tuple[int, int | None, int], ...]


@dataclass(frozen=True, slots=True)
class UrgentRequests:
    """What a task asks of a processor from an instant on before which nothing of it was left: C, T, jitter of each."""

    each: tuple[tuple[int, int, int], ...]
    together: JobWork

    def within(self, L: int) -> int:
        """The most that it works there in a window of L."""
        return min(sum(-(-(L + jitter) // T) * c for c, T, jitter in self.each), self.together.within(L))


@dataclass(frozen=True, slots=True)
class Works:
    """What a task works on a processor from any instant on: each vertex, and all together.

    The jobs begin `earliest` after they arrive, or later; the `first` of all is the least of these.
    """

    each: tuple[JobWork, ...]
    together: JobWork
    earliest: tuple[int, ...] = ()
    first: int = 0

    def within(self, L: int) -> int:
        """The most that it works there in a window of L."""
        return min(sum(work.within(L) for work in self.each), self.together.within(L))


@dataclass(frozen=True, slots=True)
class Route:
    """A job's way to a vertex: done by `end`, if the first vertex of `part` is ready within [`since`, `until`]."""

    end: int
    part: tuple[int, ...]
    since: int
    until: int


class PathSearch(_Search):
    """The ends of all vertices, of each the better of both bounds."""

    def __init__(self, model: TypedPools) -> None:
        super().__init__(model)
        self.known = [Paths(task) for task in model.tasks]
        self.above: dict[tuple[str, int], list[UrgentRequests | Works]] = {}
        self.works: dict[tuple[int, str], Works] = {}
        self.visits: dict[tuple[int, ...], VisitGroup] = {}
        self.costs: dict[tuple[tuple[int, ...], int], int] = {}
        #: Parts of the ways to the vertex that is looked at, and when they end; one without a part ends no earlier.
        self.late: dict[tuple[int, ...], Route] = {}
        self.groups = 0

    def run(self) -> str | None:
        """Let the ends grow until none does; or say whose exceeds the period."""
        for _ in range(MOST_ROUNDS):
            grown = False
            for i, task in enumerate(self.model.tasks):
                self._forget()
                for v in task.dag.order:
                    known, end = self.ends[i][v], self.alone(i, v)
                    if end is None or end > known:
                        most = self.longest(i, v, known).end
                        end = most if end is None else min(end, most)
                    if end > task.T:
                        return self.beyond(i, v)
                    if end > known:
                        self.ends[i][v], grown = end, True
            if not grown:
                return None
        raise NotConverged(f"the ends of the vertices still grow after {MOST_ROUNDS} rounds")

    def longest(self, i: int, v: int, known: int = -1) -> Route:
        """The way to a vertex that may take longest; beyond T, and below what is `known`, one will do."""
        task, most = self.model.tasks[i], Route(-1, (), 0, 0)
        self.late = {}
        for path in self.known[i].paths[v]:
            way = self.way(i, path, max(known, most.end))
            if way.end > most.end:
                most = way
            if most.end > task.T:
                break
        return most

    def way(self, i: int, path: tuple[int, ...], enough: int) -> Route:
        """When a job is done whose way is `path`: by the best of all parts that end there, or by one that will do."""
        J = self.model.tasks[i].J
        best = Route(J + sum(self.taken(i, path).values()), path, 0, J)
        for place in range(1, len(path)):
            if best.end <= enough:
                break
            if any(self.model.order_on(kind) == "EDF" for kind in self.kinds(i, path[place:])):
                best = self._late(i, path[place:], best)
        return best

    def _late(self, i: int, part: tuple[int, ...], best: Route) -> Route:
        """The same by the last part of it, whose first vertex is ready early or late; or `best`."""
        known = self.late.get(part)
        if known is not None and (known.end >= best.end or known.part):
            return min(best, known, key=lambda way: way.end)
        first, last = self.graphs[i].earliest[part[0]], self.ready(i, part[0])
        until = [*self._fewer(i, part, first, last), last]
        most = Route(-1, part, 0, 0)
        for a, b in zip((*(each + 1 for each in until[-2::-1]), first), reversed(until), strict=True):
            end = b + sum(self.taken(i, part, a).values())
            if end > most.end:
                most = Route(end, part, a, b)
            if end >= best.end:  # what is known is that it takes no less
                self.late[part] = Route(end, (), 0, 0)
                return best
        self.late[part] = most
        return most

    def _fewer(self, i: int, part: tuple[int, ...], first: int, last: int) -> list[int]:
        """The instants in [first, last) after which fewer jobs of another task on processors of `part` go first.

        Of each vertex the latest ones; whatever is left out makes an interval longer, and what it says no less true.
        """
        task, found = self.model.tasks[i], set[int]()
        for kind in self.kinds(i, part):
            if self.model.order_on(kind) == "EDF":
                for j, u in self.on[kind]:
                    other = self.model.tasks[j]
                    falls = task.D - other.D + self.ends[j][u] - 1
                    if j != i:
                        latest = last - 1 - (last - 1 - falls) % other.T
                        found.update(range(latest, max(first - 1, latest - MOST_FEWER * other.T), -other.T))
        return sorted(found)

    def kinds(self, i: int, path: tuple[int, ...]) -> list[str]:
        """The processors on a path."""
        vertices = self.model.tasks[i].dag.vertices
        return list(dict.fromkeys(vertices[v].type for v in path))

    def taken(self, i: int, path: tuple[int, ...], since: int = 0) -> dict[str, int]:
        """For how long the vertices of a path are on each processor, from ready to end."""
        return {kind: self.cut(i, path, kind, since) for kind in self.kinds(i, path)}

    def cut(self, i: int, path: tuple[int, ...], kind: str, since: int) -> int:
        """The visits to one processor, cut into groups in the best way."""
        vertices = self.model.tasks[i].dag.vertices
        at = [place for place, v in enumerate(path) if vertices[v].type == kind]
        best = [0]
        for b in range(len(at)):
            best.append(min(best[a] + self.group(i, path[at[a] : at[b] + 1], since) for a in range(b + 1)))
        return best[-1]

    def group(self, i: int, part: tuple[int, ...], since: int) -> int:
        """For how long the first and the last vertex of a part of a path, and all others there, are on their processor.

        T + 1 stands for whatever is more. The first is ready `since` then, or later.
        """
        task = self.model.tasks[i]
        kind = task.dag.vertices[part[0]].type
        since = max(since, self.graphs[i].earliest[part[0]])
        if (part, since) in self.costs:
            return self.costs[part, since]
        self.groups += 1
        if self.groups > MOST_GROUPS:
            raise NotConverged(
                f"the ends of the vertices still grow after {MOST_GROUPS} looks at visits to a processor"
            )
        off = sum(took for other, took in self.taken(i, part[1:-1], since).items() if other != kind)
        here = [place for place, v in enumerate(part) if task.dag.vertices[v].type == kind]
        visits = self._known(i, tuple(part[place] for place in here))
        later = sum(b - a > 1 for a, b in pairwise(here))
        base, most = visits.own + visits.beside - visits.last + off, 0
        above = self._above(i, kind, since)
        for over, blocked in ((0, 1 + later), (visits.over, later)):

            def begins(y: int, over: int = over, blocked: int = blocked) -> int:
                found, L = base + over + _largest(visits.blocks, blocked, y + 1), y + 1
                for other in above:
                    found += other.within(L)
                return found

            y = least_fixpoint(begins, base + over, limit=task.T + off + over)
            most = max(most, task.T + 1 if y is None else y + visits.last - off - over)
            if most > task.T or not visits.over:
                break
        self.costs[part, since] = min(most, task.T + 1)
        return self.costs[part, since]

    def _forget(self) -> None:
        """Ends have grown: forget what rested on less."""
        self.above, self.works, self.visits, self.costs = {}, {}, {}, {}

    def _above(self, i: int, kind: str, e: int) -> list[UrgentRequests | Works]:
        """What may go first on a processor while a vertex waits that is ready `e` after the arrival, or later."""
        if (kind, e) not in self.above:
            ranked = self.ranked(kind)
            tasks = dict.fromkeys(j for j, _ in self.on[kind] if j != i and (not ranked or self.precedes(j, i, kind)))
            if ranked:
                self.above[kind, e] = [self._requests(j, kind) for j in tasks]
            elif self.model.order_on(kind) == "EDF":
                D = self.model.tasks[i].D - e
                due = [self._due(work, D, self.model.tasks[j].D) for j in tasks for work in (self._works(j, kind),)]
                self.above[kind, e] = [work for work in due if work.together.most]
            else:
                self.above[kind, e] = [self._works(j, kind) for j in tasks]
        return self.above[kind, e]

    def _requests(self, j: int, kind: str) -> UrgentRequests:
        other, earliest, mine = self.model.tasks[j], self.graphs[j].earliest, [u for k, u in self.on[kind] if k == j]
        each = tuple((other.dag.vertices[u].c, other.T, self.ready(j, u) - earliest[u]) for u in mine)
        return UrgentRequests(each, self._works(j, kind).together)

    def _works(self, j: int, kind: str) -> Works:
        """What all jobs of a task can work on a processor, whenever they are due."""
        if (j, kind) not in self.works:
            other, earliest, ends = self.model.tasks[j], self.graphs[j].earliest, self.ends[j]
            mine = [(u, other.dag.vertices[u].c) for k, u in self.on[kind] if k == j]
            last, first = max(ends[u] for u, _ in mine), min(earliest[u] for u, _ in mine)
            self.works[j, kind] = Works(
                tuple(JobWork(other.T, ends[u] - earliest[u], c, 1) for u, c in mine),
                JobWork(other.T, last - first, sum(c for _, c in mine), 1),
                tuple(earliest[u] for u, _ in mine),
                first,
            )
        return self.works[j, kind]

    @staticmethod
    def _due(works: Works, D: int, deadline: int) -> Works:
        """What of it is due within D; jobs have the relative deadline `deadline`."""

        def due(work: JobWork, b: int) -> JobWork:
            most = due_within(D, deadline, JobWork(work.T, work.response + b, work.volume, 1))
            return JobWork(work.T, work.response, work.volume, 1, most)

        each = tuple(due(work, b) for work, b in zip(works.each, works.earliest, strict=True))
        return Works(tuple(work for work in each if work.most), due(works.together, works.first))

    def _known(self, i: int, visits: tuple[int, ...]) -> VisitGroup:
        """What is known of some visits to one processor, whatever lies between."""
        if visits in self.visits:
            return self.visits[visits]
        model, graph = self.model, self.known[i]
        vertices = model.tasks[i].dag.vertices
        kind = vertices[visits[0]].type
        beside = {u for v in visits for u in graph.beside[v]}
        ordered = model.order_on(kind) in ("FP", "EDF")
        first = {u for v in visits for u in graph.beside[v] if u < v or not ordered}
        blocks: list[tuple[int, int | None, int]] = []
        for j, u in self.on[kind]:
            if j != i and ordered and not (self.ranked(kind) and self.precedes(j, i, kind)):
                T, within = model.tasks[j].T, self.ends[j][u] - self.graphs[j].earliest[u]
                blocks += [(piece - 1, T, within) for piece in _pieces(model.tasks[j].dag.vertices[u], model)]
        mine = {u: _pieces(vertices[u], model) for j, u in self.on[kind] if j == i}
        blocks += [(piece - 1, None, 0) for u in beside - first for piece in mine[u]]
        over = 0
        if self.ranked(kind) and self._above(i, kind, 0):  # else t0 is where the first visit is ready
            over = max((piece - 1 for pieces in mine.values() for piece in pieces), default=0)
        end = mine[visits[-1]]
        self.visits[visits] = VisitGroup(
            sum(vertices[v].c for v in visits),
            sum(vertices[u].c for u in first),
            end[-1] if end else 1,
            over,
            tuple(sorted((each for each in blocks if each[0]), key=lambda each: (-each[0], each[1] or 0, each[2]))),
        )
        return self.visits[visits]


def _largest(blocks: tuple[tuple[int, int | None, int], ...], count: int, L: int) -> int:
    """The sum of so many largest regions that can be met in a window of L."""
    found = 0
    for size, T, within in blocks:
        if not count:
            break
        often = 1 if T is None else min(count, -(-(L + within) // T))
        found += often * size
        count -= often
    return found
