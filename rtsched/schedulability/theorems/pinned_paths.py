"""Graphs whose vertices are pinned to processors, along whole paths: what one processor does to a path counts once.

As in `pinned_graphs`, F(i, v) bounds the end of vertex v of a job of task i, counted from the arrival, b(v) is the
earliest and J(v) the latest instant at which v is ready, and no F exceeds the period. Under fixed priorities and EDF,
of the vertices of a job that are ready the one that stands first goes first.

**Paths.** From v go back, each time to the predecessor that finished last, to a vertex without any. On this path each
vertex is ready at the instant the one before it ends, the first at the release: the time from there to the end of v is
the sum over the vertices of the path of what passes from ready to end. It is added up by processors.

**One processor s with fixed priorities.** Take some of the visits of the path to s, from its a-th to its b-th, all
between included. H are the vertices on s of more urgent tasks; t0 is the last instant, not after the a-th visit is
ready, before which nothing of H was left to do. From t0 to the start of the last region of the b-th visit each tick is
one of these:

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

**One processor s in another order.** The window begins at the instant r at which the first visit is ready; nothing of
task i but this job is left then. H are all vertices on s of other tasks, under EDF those of jobs with deadlines by that
of this job, d: towards these and this job's own, EDF is an order of fixed priorities. In L ticks since r a vertex u of
H works no more than jobs of it T apart can, each within F - b. Under EDF, jobs with deadlines by d also work no more
after r than `due_within` says of a window of d - r: the k-th before the last of them has arrived by d - D_j - k T, and
is done F later. If the visits begin at or after the time e since the arrival, d - r is at most D - e. Any other task
may have begun a region of a job that is due after d. Orders of which nothing is known let all of H, and all vertices of
this job beside the visits, go first; then no region remains that would block.

**Early or late.** Under EDF, a job that is late at a vertex w of the path meets fewer others from there on: the later
w is ready, the fewer are due by d. It is ready at some instant r from b(w) to J(w); so the end of v is at most the
largest of r and what the visits from w on take, with e no less than r. Where no job less of any other task falls out,
the last r of an interval and the e of its first say enough. Each w of the path gives a bound, the least of them holds.

The ends go up from what the graph alone needs until none grows, as there; of both bounds the better holds. That no
bound is above the end it was found with is all that the proof needs: take the first instant at which a vertex is late.
"""

from __future__ import annotations

from dataclasses import replace

from rtsched.schedulability.models import TypedPools
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.pinned_graphs import (
    _graphs,
    _pinned,
    given_up,
    last_end,
    nobody,
    step_back,
)
from rtsched.schedulability.theorems.pinned_visits import PathSearch, Route


@theorem(
    "pinned-paths",
    title="Graphs pinned to processors, along whole paths",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/pinned_paths.py; the problem: Casini, "
    "Biondi, Nelissen, Buttazzo, RTSS 2018",
    model=TypedPools,
    needs=(_pinned, _graphs),
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
    search = PathSearch(model)
    why = search.run()
    if why is not None:
        return given_up(model, why)
    bounds = tuple(
        Bound(task.name, max(search.ends[i]), task.D, _parts(search, i)) for i, task in enumerate(model.tasks)
    )
    result = from_bounds(bounds, exact=False)
    return result if result.verdict == "schedulable" else replace(result, bounds=nobody(model))


def _parts(search: PathSearch, i: int) -> tuple[Contribution, ...]:
    """Back from the last end, to where a path was what bounded it; that path, processor by processor."""
    found: list[Contribution] = []
    v: int | None = last_end(search, i)
    end = max(search.ends[i])
    search._forget()
    while v is not None:
        alone, way = search.alone(i, v), search.longest(i, v)
        if alone is None or way.end < alone:
            found[:0] = _along(search, i, way)
            break
        before, v = step_back(search, i, v)
        found[:0] = before
    rest = end - sum(part.amount for part in found)  # where an end was found with others' that have grown since
    return tuple(part for part in (*found, Contribution("interference", "all others", rest)) if part.amount)


def _along(search: PathSearch, i: int, way: Route) -> list[Contribution]:
    """What a way is made of."""
    task, earliest = search.model.tasks[i], search.graphs[i].earliest[way.part[0]]
    vertices = task.dag.vertices
    if not task.dag.predecessors[way.part[0]]:
        parts = [Contribution("jitter", task.name, task.J)]
    else:
        parts = [
            Contribution("own", f"{task.name} before {vertices[way.part[0]].name}", earliest),
            Contribution("interference", "all others before it", way.until - earliest),
        ]
    for kind, took in search.taken(i, way.part, way.since).items():
        visits = [vertices[u] for u in way.part if vertices[u].type == kind]
        own = sum(vertex.c for vertex in visits)
        parts.append(Contribution("own", f"{'+'.join(vertex.name for vertex in visits)} on {kind}", own))
        parts.append(Contribution("interference", f"all others on {kind}", took - own))
    return parts
