"""Graphs whose vertices are pinned to processors: vertex by vertex, each as late as its predecessors may be.

F(i, v) bounds the end of vertex v of a job of task i, counted from the arrival of that job; the search goes up from
what the graph alone needs to the least joint fixpoint, and is given up as soon as one F exceeds the period. So jobs
of a task never overlap, and what else of i is about is of the same job.

A vertex v on processor s is ready between b(v) after the arrival, when every vertex before it has taken at least one
tick (none, where a branch or a variant may leave it out), and J(v), the largest F of its predecessors: its requests are
those of a sporadic task with the jitter J - b.

**Fixed priorities on s.** Let H be the vertices on s of more urgent tasks, and t0 the last instant, not after the end
of v, before which s had nothing of H and nothing of v to do. Another vertex may have begun before t0, and be inside a
region: of a less urgent task, or of i. From t0 to the end of v, s serves that region's rest, H, v, and vertices of i
that are neither before nor after v: each of these at most once for each job whose v is served since t0. (Those before
v are over when it is ready, those after it not yet ready; while something of H waits none of them begins. What such a
vertex of the job before left over is that region.) So v ends within b(v) and the response time of a task that asks
for v and these together, with blocking (A1, A2, A3).

**Any other order on s.** Let M be all other vertices on s, the task's own too, and t0 the last instant before which s
had nothing at all to do. From t0 to the start of the last region of v, s serves M and v, whatever the order among
them: as if v were the least urgent of all, and nothing blocks.

A vertex whose only predecessor is on the same processor is ready at the instant that one ends, and nothing less
urgent begins between: both are one vertex in two regions, or one that is preempted anywhere, and what delays them
counts once. The better of both bounds holds, for every such line of vertices that ends in v.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from rtsched.schedulability.models import DagTask, TypedPools, Vertex
from rtsched.schedulability.result import Bound, Contribution, Failure, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixed_priority import Demand, Interference, Response, response
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: Rounds of the iteration; each lets at least one end grow.
MOST_ROUNDS = 2_000


@dataclass(frozen=True)
class _Graph:
    """What the ends of a task's vertices are found with: relations in its graph."""

    task: DagTask

    @cached_property
    def before(self) -> list[frozenset[int]]:
        """All vertices before each, not only its predecessors."""
        dag, found = self.task.dag, [frozenset[int]()] * len(self.task.dag.vertices)
        for v in dag.order:
            direct = dag.predecessors[v]
            found[v] = frozenset(direct).union(*(found[p] for p in direct))
        return found

    @cached_property
    def earliest(self) -> list[int]:
        """The least that the vertices before each take on the longest way there: it is not ready earlier."""
        dag, found = self.task.dag, [0] * len(self.task.dag.vertices)
        for v in dag.order:
            found[v] = max((found[p] + dag.vertices[p].least for p in dag.predecessors[v]), default=0)
        return found

    @cached_property
    def lines(self) -> list[list[tuple[int, ...]]]:
        """Per vertex the lines on one processor that end in it, each but the first with one predecessor."""
        dag = self.task.dag
        found: list[list[tuple[int, ...]]] = [[] for _ in dag.vertices]
        for v in dag.order:
            found[v] = [(v,)]
            if len(dag.predecessors[v]) == 1:
                (p,) = dag.predecessors[v]
                if dag.vertices[p].type == dag.vertices[v].type:
                    found[v] += [(*line, v) for line in found[p]]
        return found


def _pieces(vertex: Vertex, model: TypedPools) -> tuple[int, ...]:
    """What of a vertex cannot be preempted, one after the other."""
    mode = model.mode(vertex.type)
    if mode == "preemptive" or vertex.preemptible:
        return ()
    return vertex.regions if mode == "limited" and vertex.regions else (vertex.c,)


class _Search:
    """The ends of all vertices, and what they were found with."""

    def __init__(self, model: TypedPools) -> None:
        self.model = model
        self.graphs = [_Graph(task) for task in model.tasks]
        self.ends = [self._least(graph) for graph in self.graphs]
        self.answers: list[list[tuple[tuple[int, ...], Response]]] = [
            [((v,), Response(None)) for v in range(len(task.dag.vertices))] for task in model.tasks
        ]
        self.on: dict[str, list[tuple[int, int]]] = {kind: [] for kind in model.cores}
        for i, task in enumerate(model.tasks):
            for v, vertex in enumerate(task.dag.vertices):
                self.on[vertex.type].append((i, v))

    @staticmethod
    def _least(graph: _Graph) -> list[int]:
        dag, found = graph.task.dag, [0] * len(graph.task.dag.vertices)
        for v in dag.order:
            found[v] = dag.vertices[v].c + max((found[p] for p in dag.predecessors[v]), default=graph.task.J)
        return found

    def ready(self, i: int, v: int) -> int:
        """The latest readiness of a vertex, from the arrival."""
        task = self.model.tasks[i]
        return max((self.ends[i][p] for p in task.dag.predecessors[v]), default=task.J)

    def demand(self, i: int, line: tuple[int, ...]) -> Demand:
        """What a line of vertices asks for and meets on its processor."""
        model, graph = self.model, self.graphs[i]
        task, first, last = model.tasks[i], line[0], line[-1]
        kind = task.dag.vertices[first].type
        mode, ranked = model.mode(kind), self.ranked(kind)
        above, blocking, blocker = [], 0, ""
        C = sum(task.dag.vertices[v].c for v in line)
        for j, u in self.on[kind]:
            other, vertex = model.tasks[j], model.tasks[j].dag.vertices[u]
            who = f"{other.name} {vertex.name}".rstrip()
            if j == i and u in line:
                continue
            if not ranked or self.precedes(j, i, kind):
                jitter = self.ready(j, u) - self.graphs[j].earliest[u]
                above.append(Interference(who, vertex.c, other.T, jitter, _pieces(vertex, model)))
                continue
            if vertex.region(mode) - 1 > blocking:
                blocking, blocker = vertex.region(mode) - 1, who
            if j == i and u not in graph.before[first] and last not in graph.before[u]:
                C += vertex.c
        end = _pieces(task.dag.vertices[last], model)
        pieces = tuple(piece for v in line for piece in _pieces(task.dag.vertices[v], model))
        jitter = self.ready(i, first) - graph.earliest[first]
        return Demand(task.name, C, task.T, jitter, end[-1] if end else 1, blocking, blocker, tuple(above), pieces)

    def ranked(self, kind: str) -> bool:
        """Whether fixed priorities serve the queue of a processor."""
        return self.model.order_on(kind) == "FP"

    def precedes(self, j: int, i: int, kind: str) -> bool:
        """Whether task j is more urgent than task i on a processor with fixed priorities."""
        queues = self.model.queues
        if queues is None:
            return j < i
        return j != i and queues.may_precede(kind, self.model.tasks[j].name, self.model.tasks[i].name)

    def run(self) -> str | None:
        """Let the ends grow until none does; or say whose exceeds the period."""
        for _ in range(MOST_ROUNDS):
            grown = False
            for i, task in enumerate(self.model.tasks):
                for v in task.dag.order:
                    end = self.alone(i, v)
                    if end is None or end > task.T:
                        return self.beyond(i, v)
                    if end > self.ends[i][v]:
                        self.ends[i][v], grown = end, True
            if not grown:
                return None
        raise NotConverged(f"the ends of the vertices still grow after {MOST_ROUNDS} rounds")

    def alone(self, i: int, v: int) -> int | None:
        """The end of a vertex, by the best of its lines; None where its processor has too much to do."""
        task, graph = self.model.tasks[i], self.graphs[i]
        best: int | None = None
        for line in graph.lines[v]:
            b = graph.earliest[line[0]]
            answer = response(self.demand(i, line), limit=task.T - b)
            if answer.R is not None and (best is None or b + answer.R < best):
                best = b + answer.R
                self.answers[i][v] = line, answer
        return best

    def beyond(self, i: int, v: int) -> str:
        """That a vertex may end too late."""
        task = self.model.tasks[i]
        name = task.dag.vertices[v].name or f"vertex {v + 1}"
        return f"{name} of {task.name!r} may end later than the period after its arrival"


def _pinned(model: TypedPools) -> str | None:
    shared = next((kind for kind, cores in model.cores.items() if cores > 1), None)
    return None if shared is None else f"{shared!r} has several processors; each vertex needs one of its own"


def _graphs(model: TypedPools) -> str | None:
    return None if any(len(task.dag.vertices) > 1 for task in model.tasks) else "every task is one vertex"


@theorem(
    "pinned-graphs",
    title="Graphs pinned to processors, vertex by vertex",
    strength="sufficient",
    citation="derived here; the proof stands in rtsched/schedulability/theorems/pinned_graphs.py; the problem: Casini, "
    "Biondi, Nelissen, Buttazzo, RTSS 2018",
    model=TypedPools,
    needs=(_pinned, _graphs),
    interlocked=True,
)
def pinned_graphs(model: TypedPools) -> Result:
    """The end of each vertex bounds when the next are ready; iterated to a fixpoint, given up beyond a period.

    A camera's frames are prepared on the CPU and seen by two accelerators at once:

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> cpu, gpu, npu = "cpu", "gpu", "npu"
    >>> vertices = Vertex("grab", 2, cpu), Vertex("see", 8, gpu), Vertex("hear", 5, npu), Vertex("act", 1, cpu)
    >>> camera = DagTask("camera", Dag(vertices, ((0, 1), (0, 2), (1, 3), (2, 3))), 33, 33)
    >>> other = DagTask("map", Dag((Vertex("scan", 3, cpu), Vertex("net", 10, gpu)), ((0, 1),)), 66, 66)
    >>> modes = {gpu: "nonpreemptive", npu: "nonpreemptive"}
    >>> pools = TypedPools((camera, other), {cpu: 1, gpu: 1, npu: 1}, modes=modes)
    >>> pinned_graphs(pools).responses
    [20, 24]
    """
    search = _Search(model)
    why = search.run()
    if why is not None:
        return given_up(model, why)
    bounds = tuple(
        Bound(task.name, max(search.ends[i]), task.D, _parts(search, i)) for i, task in enumerate(model.tasks)
    )
    result = from_bounds(bounds, exact=False)
    return result if result.verdict == "schedulable" else replace(result, bounds=nobody(model))


def given_up(model: TypedPools, why: str) -> Result:
    """No bounds for anybody, since one end is beyond its period."""
    return Result("unknown", nobody(model), first_failure=Failure(why.split("'")[1], why), reason=why)


def nobody(model: TypedPools) -> tuple[Bound, ...]:
    """A bound for none of the tasks."""
    return tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks)


def last_end(search: _Search, i: int) -> int:
    """The vertex of a task that may end last."""
    return max(range(len(search.ends[i])), key=lambda each: (search.ends[i][each], -each))


def _parts(search: _Search, i: int) -> tuple[Contribution, ...]:
    """Back from the last end: what each line of vertices adds there, its own time and what delays it."""
    found: list[Contribution] = []
    v: int | None = last_end(search, i)
    while v is not None:
        before, v = step_back(search, i, v)
        found[:0] = before
    return tuple(part for part in found if part.amount)


def step_back(search: _Search, i: int, v: int) -> tuple[list[Contribution], int | None]:
    """What the line of vertices that ends in v adds, and the vertex before it; None where all is told."""
    task, graph = search.model.tasks[i], search.graphs[i]
    line, answer = search.answers[i][v]
    at = f" on {task.dag.vertices[v].type}"
    who = "+".join(task.dag.vertices[u].name or f"vertex {u + 1}" for u in line)
    mine = []
    for part in answer.parts:
        if part.kind == "own":
            mine.append(Contribution("own", f"{who}{at}", part.amount))
        elif part.kind != "jitter":
            mine.append(Contribution(part.kind, f"{part.source}{at}", part.amount))
        elif answer.q:
            mine.append(part)
    if answer.q:
        return [Contribution("own", f"{task.name} before {who}", graph.earliest[line[0]]), *mine], None
    before = max(task.dag.predecessors[line[0]], key=lambda each: (search.ends[i][each], -each), default=None)
    return mine if before is not None else [Contribution("jitter", task.name, task.J), *mine], before
