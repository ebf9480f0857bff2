"""Graphs whose vertices are pinned to processors, along whole paths: what one processor does to a path counts once.

As in `pinned_graphs`, F(i, v) bounds the end of vertex v of a job of task i, counted from the arrival, b(v) is the
earliest and J(v) the latest instant at which v is ready, and no F exceeds the period. Fixed priorities serve every
processor; within a job, of the vertices that are ready the one that stands first goes first.

**Paths.** From v go back, each time to the predecessor that finished last, to a vertex without any. On this path each
vertex is ready at the instant the one before it ends, the first at the release: the time from there to the end of v is
the sum over the vertices of the path of what passes from ready to end. It is added up by processors.

**One processor s.** Take some of the visits of the path to s, from its a-th to its b-th, all between included. H are
the vertices on s of more urgent tasks; t0 is the last instant, not after the a-th visit is ready, before which nothing
of H was left to do. From t0 to the start of the last region of the b-th visit each tick is one of these:

* s serves a visit; or the path is elsewhere (`off`: bounded by the same argument, processor by processor);
* the path waits on s, or is not there yet and H keeps s busy; then s serves H, or a vertex of this job that is neither
  before nor after the visit that waits and stands before it, or a region that began before t0 or before that visit was
  ready: of a less urgent task, of a vertex of this job that stands behind it, or, at t0, of anything of task i.

Of the second kind a vertex of this job comes once, however many visits wait for it. A region began at least a tick
before, one processor has one at a time, and each is over when the visit begins: so at most one for t0 and one for each
later visit, each of another job or vertex, all of less urgent tasks or of vertices beside the visits; none for a visit
whose predecessor on the path was served by s, which has just become free. H works at most Σ ceil((L + J - b) / T) c in
the first L ticks since t0; and, all that task j has on s taken together, no more than jobs of it, T apart, each within
max F - min b, can. Suppose the last region has not begun at t0 + y: then all y + 1 ticks are such ones, which is more
than they can be where y is a fixpoint. As the first visit is not ready before t0, the visits take at most that
fixpoint, and the last region, less `off`; a smaller `off` makes them take no more.

The region at t0 may be of another vertex of task i: one before the first visit, or one of a job before. That is over
when the first visit is ready, so what is left of it at t0, say z, counts for the window, in which H piles up, and not
for the visits: they take at most the fixpoint with z, and the last region, less `off` and less z, and the more the
larger z. It then is the one region for t0. The longer of both cases holds. The visits may be cut into several such
groups: the best cut counts.

The ends go up from what the graph alone needs to the least joint fixpoint, as there; of both bounds the better holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from rtsched.schedulability import needs
from rtsched.schedulability.models import TypedPools
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged, least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork
from rtsched.schedulability.theorems.pinned_graphs import (
    MOST_ROUNDS,
    _Graph,
    _graphs,
    _pieces,
    _pinned,
    _Search,
    given_up,
    last_end,
    nobody,
    step_back,
)

#: Paths from a first vertex to any other, in one graph, beyond which they are not looked at one by one.
MOST_PATHS = 5_000


class _Paths(_Graph):
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
class _Visits:
    """Visits of a path to one processor: their work, that of the same job that goes before them, the last region.

    `over` is the longest region of the same task, less a tick, behind which more urgent work can pile up before the
    first is ready. `blocks` are the regions beyond one tick that may block one of them, largest first, each with T
    and the time within which jobs that come T apart run it; T None: there is one only.
    """

    own: int
    beside: int
    last: int
    over: int
    blocks: tuple[tuple[int, int | None, int], ...]


class _PathSearch(_Search):
    """The ends of all vertices, of each the better of both bounds."""

    def __init__(self, model: TypedPools) -> None:
        super().__init__(model)
        self.known = [_Paths(task) for task in model.tasks]
        self.above: dict[str, tuple[tuple[list[tuple[int, int, int]], JobWork], ...]] = {}
        self.visits: dict[tuple[int, ...], _Visits] = {}
        self.costs: dict[tuple[int, ...], int] = {}
        #: of every vertex the path on which its end was found, where the paths say more than it does by itself
        self.chosen: list[list[tuple[int, ...] | None]] = [[None] * len(task.dag.vertices) for task in model.tasks]

    def run(self) -> str | None:
        """Let the ends grow until none does; or say whose exceeds the period."""
        for _ in range(MOST_ROUNDS):
            grown = False
            for i, task in enumerate(self.model.tasks):
                self._others(i)
                for v in task.dag.order:
                    end = self.alone(i, v)
                    path, most = self.longest(i, v)
                    self.chosen[i][v] = path if end is None or most < end else None
                    end = most if end is None else min(end, most)
                    if end > task.T:
                        return self.beyond(i, v)
                    if end > self.ends[i][v]:
                        self.ends[i][v], grown = end, True
            if not grown:
                return None
        raise NotConverged(f"the ends of the vertices still grow after {MOST_ROUNDS} rounds")

    def longest(self, i: int, v: int) -> tuple[tuple[int, ...], int]:
        """The path to a vertex that may take longest, and its end from the arrival; beyond T one will do."""
        task, most = self.model.tasks[i], -1
        found: tuple[int, ...] = ()
        for path in self.known[i].paths[v]:
            end = task.J + sum(self.taken(i, path).values())
            if end > most:
                most, found = end, path
            if most > task.T:
                break
        return found, most

    def taken(self, i: int, path: tuple[int, ...]) -> dict[str, int]:
        """For how long the vertices of a path are on each processor, from ready to end."""
        vertices = self.model.tasks[i].dag.vertices
        return {kind: self.cut(i, path, kind) for kind in dict.fromkeys(vertices[v].type for v in path)}

    def cut(self, i: int, path: tuple[int, ...], kind: str) -> int:
        """The visits to one processor, cut into groups in the best way."""
        vertices = self.model.tasks[i].dag.vertices
        at = [place for place, v in enumerate(path) if vertices[v].type == kind]
        best = [0]
        for b in range(len(at)):
            best.append(min(best[a] + self.group(i, path[at[a] : at[b] + 1]) for a in range(b + 1)))
        return best[-1]

    def group(self, i: int, part: tuple[int, ...]) -> int:
        """For how long the first and the last vertex of a part of a path, and all others there, are on their processor.

        T + 1 stands for whatever is more.
        """
        if part in self.costs:
            return self.costs[part]
        task = self.model.tasks[i]
        kind = task.dag.vertices[part[0]].type
        off = sum(took for other, took in self.taken(i, part[1:-1]).items() if other != kind)
        here = [place for place, v in enumerate(part) if task.dag.vertices[v].type == kind]
        visits = self._known(i, tuple(part[place] for place in here))
        later = sum(b - a > 1 for a, b in pairwise(here))
        base, above, most = visits.own + visits.beside - visits.last + off, self.above[kind], 0
        for over, blocked in ((0, 1 + later), (visits.over, later)):

            def begins(y: int, over: int = over, blocked: int = blocked) -> int:
                found, L = base + over + _largest(visits.blocks, blocked, y + 1), y + 1
                for each, work in above:
                    found += min(sum(-(-(L + jitter) // T) * c for c, T, jitter in each), work.within(L))
                return found

            y = least_fixpoint(begins, base + over, limit=task.T + off + over)
            most = max(most, task.T + 1 if y is None else y + visits.last - off - over)
            if most > task.T or not visits.over:
                break
        self.costs[part] = min(most, task.T + 1)
        return self.costs[part]

    def _others(self, i: int) -> None:
        """What the more urgent tasks do, as far as their ends have grown; forgets what rested on less."""
        self.above, self.visits, self.costs = {}, {}, {}
        for kind, on in self.on.items():
            found = []
            for j in dict.fromkeys(j for j, _ in on if self.precedes(j, i, kind)):
                dag, T, mine = self.model.tasks[j].dag, self.model.tasks[j].T, [u for k, u in on if k == j]
                earliest = self.graphs[j].earliest
                each = [(dag.vertices[u].c, T, self.ready(j, u) - earliest[u]) for u in mine]
                stay = max(self.ends[j][u] for u in mine) - min(earliest[u] for u in mine)
                found.append((each, JobWork(T, stay, sum(c for c, _, _ in each), 1)))
            self.above[kind] = tuple(found)

    def _known(self, i: int, visits: tuple[int, ...]) -> _Visits:
        """What is known of some visits to one processor, whatever lies between."""
        if visits in self.visits:
            return self.visits[visits]
        model, graph = self.model, self.known[i]
        vertices = model.tasks[i].dag.vertices
        kind = vertices[visits[0]].type
        beside = {u for v in visits for u in graph.beside[v]}
        first = {u for v in visits for u in graph.beside[v] if u < v}
        blocks: list[tuple[int, int | None, int]] = []
        for j, u in self.on[kind]:
            if j != i and not self.precedes(j, i, kind):
                T, within = model.tasks[j].T, self.ends[j][u] - self.graphs[j].earliest[u]
                blocks += [(piece - 1, T, within) for piece in _pieces(model.tasks[j].dag.vertices[u], model)]
        mine = {u: _pieces(vertices[u], model) for j, u in self.on[kind] if j == i}
        blocks += [(piece - 1, None, 0) for u in beside - first for piece in mine[u]]
        over = 0
        if self.above[kind]:  # else t0 is where the first visit is ready
            over = max((piece - 1 for pieces in mine.values() for piece in pieces), default=0)
        end = mine[visits[-1]]
        self.visits[visits] = _Visits(
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


@theorem(
    "pinned-paths",
    title="Graphs pinned to processors, along whole paths",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/pinned_paths.py; the problem: Casini, "
    "Biondi, Nelissen, Buttazzo, RTSS 2018",
    model=TypedPools,
    needs=(needs.order("FP"), _pinned, _graphs),
    interlocked=True,
)
def pinned_paths(model: TypedPools) -> Result:
    """What a processor does to all visits of a path together counts once; never worse than `pinned-graphs`.

    A chain comes back to a processor that another task, more urgent, uses for 3 of 20 ticks:

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> from rtsched.schedulability.theorems.pinned_graphs import pinned_graphs
    >>> vertices = Vertex("grab", 2, "cpu"), Vertex("see", 6, "gpu"), Vertex("act", 2, "cpu")
    >>> often = DagTask("often", Dag((Vertex("job", 3, "cpu"),)), 20, 20)
    >>> pools = TypedPools((often, DagTask("camera", Dag(vertices, ((0, 1), (1, 2))), 40, 40)), {"cpu": 1, "gpu": 1})
    >>> pinned_graphs(pools).responses, pinned_paths(pools).responses
    ([3, 16], [3, 13])
    """
    search = _PathSearch(model)
    why = search.run()
    if why is not None:
        return given_up(model, why)
    bounds = tuple(
        Bound(task.name, max(search.ends[i]), task.D, _parts(search, i)) for i, task in enumerate(model.tasks)
    )
    result = from_bounds(bounds, exact=False)
    return result if result.verdict == "schedulable" else replace(result, bounds=nobody(model))


def _parts(search: _PathSearch, i: int) -> tuple[Contribution, ...]:
    """Back from the last end, to where a path was what bounded it; that path, processor by processor."""
    task = search.model.tasks[i]
    found: list[Contribution] = []
    v: int | None = last_end(search, i)
    while v is not None and search.chosen[i][v] is None:
        before, v = step_back(search, i, v)
        found[:0] = before
    if v is None:
        return tuple(part for part in found if part.amount)
    path = search.chosen[i][v] or ()
    search._others(i)
    parts = [Contribution("jitter", task.name, task.J)]
    for kind, took in search.taken(i, path).items():
        visits = [task.dag.vertices[u] for u in path if task.dag.vertices[u].type == kind]
        own = sum(vertex.c for vertex in visits)
        parts.append(Contribution("own", f"{'+'.join(vertex.name for vertex in visits)} on {kind}", own))
        parts.append(Contribution("interference", f"all others on {kind}", took - own))
    return tuple(part for part in (*parts, *found) if part.amount)
