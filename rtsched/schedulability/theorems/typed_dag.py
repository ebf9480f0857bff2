"""A5: one DAG alone on typed pools of identical processors: Jaffe, Han's two bounds; one type: Graham, long paths.

Sound for every work-conserving order inside each type, preemptive or not, and for shorter executions. Graham's bound
over the sum of the processors of all types is not: a vertex cannot use a processor of another type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from operator import getitem

from rtsched.schedulability import needs
from rtsched.schedulability.models import Dag, TypedPools
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: Labels of partial paths after which the second bound of Han is given up.
MOST_LABELS = 50_000
#: Sums over sets of nodes, times nodes, after which it is given up: some twenty seconds.
MOST_SUMS = 5 * 10**9
#: Nodes of a graph from which on it is not tried: which nodes run beside which is four sets of nodes for each (200 MB).
MOST_VERTICES = 20_000


def jaffe(dag: Dag, cores: dict[str, int]) -> Fraction:
    """(1 - 1/max M) len + Σ_s vol_s / M_s (Jaffe 1980), over the types that occur."""
    volumes = dag.volumes
    most = max(cores[kind] for kind in volumes)
    spread = sum((Fraction(volume, cores[kind]) for kind, volume in volumes.items()), Fraction(0))
    return (1 - Fraction(1, most)) * dag.length + spread


def han1(dag: Dag, cores: dict[str, int]) -> tuple[Fraction, tuple[int, ...]]:
    """max over paths of Σ c (1 - 1/M) + Σ_s vol_s / M_s, and the path that attains it (Han et al. 2019, bound 1)."""
    weights = [vertex.c * (1 - Fraction(1, cores[vertex.type])) for vertex in dag.vertices]
    longest, path = dag.heaviest(weights)
    return longest + sum((Fraction(v, cores[kind]) for kind, v in dag.volumes.items()), Fraction(0)), path


def reachable(dag: Dag) -> list[int]:
    """Per vertex, as a bit mask, the vertices that follow it."""
    after = [0] * len(dag.vertices)
    for index in reversed(dag.order):
        for target in dag.successors[index]:
            after[index] |= after[target] | 1 << target
    return after


def parallel(dag: Dag) -> list[int]:
    """Per vertex, as a bit mask, the vertices of its own type without a directed path to or from it."""
    after = reachable(dag)
    before = [0] * len(dag.vertices)
    for index in dag.order:
        for source in dag.predecessors[index]:
            before[index] |= before[source] | 1 << source
    kinds: dict[str, int] = {}
    for index, vertex in enumerate(dag.vertices):
        kinds[vertex.type] = kinds.get(vertex.type, 0) | 1 << index
    return [
        kinds[vertex.type] & ~(after[index] | before[index] | 1 << index) for index, vertex in enumerate(dag.vertices)
    ]


def masked_sum(weights: list[int]) -> Callable[[int], int]:
    """The function from a bit mask to the sum of the weights it holds; by bytes, each looked up."""
    tables = []
    for start in range(0, len(weights), 8):
        table = [0]
        for weight in weights[start : start + 8]:
            table += [each + weight for each in table]
        tables.append(table)

    def total(mask: int) -> int:
        return sum(map(getitem, tables, mask.to_bytes(len(tables), "little"))) if mask else 0

    return total


def along_a_path(
    dag: Dag, own: list[int], work: list[int], beside: list[int], most_labels: int, most_sums: int
) -> tuple[int, tuple[int, ...]]:
    """max over paths of the sum of `own` and of the `work` of all that is `beside` some vertex of it; and that path.

    Labels (score, vertices beside) run along the graph; one is dropped when no continuation can make it win: what the
    other counts already, and a later vertex could still add, is its only chance. Raises NotConverged beyond so many
    labels, or sums over sets of vertices times vertices.
    """
    count_of_vertices = len(dag.vertices)
    volume = masked_sum(work)
    later = [0] * count_of_vertices  # what vertices after this one may still add
    for index in reversed(dag.order):
        for target in dag.successors[index]:
            later[index] |= later[target] | beside[target]

    Label = tuple[int, int, tuple[int, ...]]
    labels: list[list[Label]] = [[] for _ in dag.vertices]
    open_edges = [len(targets) for targets in dag.successors]
    count = summed = 0
    best: Label = (-1, 0, ())
    for index in dag.order:
        arriving: list[Label] = []
        for source in dag.predecessors[index]:
            arriving += labels[source]
            open_edges[source] -= 1
            if not open_edges[source]:
                labels[source] = []
        if not dag.predecessors[index]:
            arriving = [(0, 0, ())]
        made = []
        for score, mask, path in arriving:
            new = beside[index] & ~mask
            made.append((score + own[index] + volume(new), mask | beside[index], (*path, index)))
        made.sort(key=lambda label: (-label[0], label[2]))
        kept: list[Label] = []
        for label in made:
            summed += 1 + len(kept)
            if not any(k[0] - label[0] >= volume(k[1] & ~label[1] & later[index]) for k in kept):
                kept.append(label)
        labels[index] = kept
        count += len(kept)
        if count > most_labels:
            raise NotConverged(f"the second bound of Han met {most_labels} partial paths")
        if summed * count_of_vertices > most_sums:
            raise NotConverged(
                f"the second bound of Han compared {summed} partial paths of {count_of_vertices} nodes, and had not "
                "seen them all; join nodes that run one after the other"
            )
        if not dag.successors[index] and kept[0][0] > best[0]:
            best = kept[0]
    return best[0], best[2]


def han2(dag: Dag, cores: dict[str, int]) -> tuple[Fraction, tuple[int, ...]]:
    """max over paths of Σ c + Σ_s vol(ivs(π, s)) / M_s, and the path that attains it (Han et al. 2019, bound 2).

    ivs(π, s): vertices of type s parallel to some type-s vertex of π. Raises NotConverged beyond MOST_LABELS, MOST_SUMS
    or MOST_VERTICES.
    """
    return _beside_a_path(dag, cores, None)


def in_order_of_nodes(dag: Dag, cores: dict[str, int]) -> tuple[Fraction, tuple[int, ...]]:
    """As `han2`, where of the vertices that are ready the one that stands first runs, and preempts: only those count.

    A vertex never waits for one that stands behind it (He et al. 2019, in the order of `dag.vertices`).
    """
    return _beside_a_path(dag, cores, [(1 << index) - 1 for index in range(len(dag.vertices))])


def _beside_a_path(dag: Dag, cores: dict[str, int], first: list[int] | None) -> tuple[Fraction, tuple[int, ...]]:
    """max over paths of Σ c + what is parallel to it, of each vertex only what its mask in `first` holds."""
    if len(dag.vertices) > MOST_VERTICES:
        raise NotConverged(
            f"{len(dag.vertices)} nodes are more than the {MOST_VERTICES} that the second bound of Han compares in "
            "pairs; join nodes that run one after the other"
        )
    beside = parallel(dag)
    if first is not None:
        beside = [some & mask for some, mask in zip(beside, first, strict=True)]
    scale = math.lcm(*(cores[kind] for kind in dag.volumes))
    own = [vertex.c * scale for vertex in dag.vertices]
    work = [vertex.c * scale // cores[vertex.type] for vertex in dag.vertices]
    most, path = along_a_path(dag, own, work, beside, MOST_LABELS, MOST_SUMS)
    return Fraction(most, scale), path


def graham(dag: Dag, m: int) -> Fraction:
    """len + (vol - len) / m (Graham 1969)."""
    return dag.length + Fraction(dag.volume - dag.length, m)


def long_paths(dag: Dag, m: int) -> Fraction:
    """min over j < m of len + (vol - what the j+1 longest disjoint paths cover) / (m - j) (He et al. 2022).

    Paths are picked greedily, each with the most work not yet covered; the first is a longest path.
    """
    left = [vertex.c for vertex in dag.vertices]
    length, covered, best = dag.length, 0, None
    for j in range(m):
        gain, path = dag.heaviest(left)
        covered += int(gain)
        for index in path:
            left[index] = 0
        bound = length + Fraction(dag.volume - covered, m - j)
        best = bound if best is None else min(best, bound)
    assert best is not None
    return best


def _result(model: TypedPools, value: Fraction, path: Sequence[int] = ()) -> Result:
    """The bound of the only task: its path is its own time, what else there is interferes within the job.

    All times are whole: a job that ends by `value` has ended by the tick before.
    """
    task = model.tasks[0]
    R = math.floor(value)
    if R + task.J > task.T:  # the next job may find this one unfinished, and wait for it
        return from_bounds([Bound(task.name, None, task.D, converged=False)], exact=False)
    own = sum(task.dag.vertices[index].c for index in path) if path else task.dag.length
    own = min(own, R)
    parts = [Contribution("own", task.name, own)]
    if R > own:
        parts.append(Contribution("interference", f"{task.name} (parallel vertices)", R - own))
    if task.J:
        parts.append(Contribution("jitter", task.name, task.J))
    result = from_bounds([Bound(task.name, R + task.J, task.D, tuple(parts))], exact=False)
    details = {"value": str(value), "path": {task.name: list(path)}} if path else {"value": str(value)}
    return Result(
        result.verdict, result.bounds, first_failure=result.first_failure, reason=result.reason, details=details
    )


_NEEDS = (needs.one_task, needs.served)


@theorem(
    "jaffe",
    title="One typed DAG alone, Jaffe's bound (A5)",
    strength="sufficient",
    citation="Jaffe, SIAM J. Computing 9(3), 1980",
    model=TypedPools,
    needs=_NEEDS,
)
def jaffe_bound(model: TypedPools) -> Result:
    """R <= (1 - 1/max M) len + Σ vol / M. Can grow when processors are added."""
    return _result(model, jaffe(model.tasks[0].dag, model.cores))


@theorem(
    "han1",
    title="One typed DAG alone, first bound of Han (A5)",
    strength="sufficient",
    citation="Han, Guan, Sun, He, Deng, Liu, IEEE TPDS 30(11), 2019 (arXiv 1809.07689)",
    model=TypedPools,
    needs=_NEEDS,
)
def han1_bound(model: TypedPools) -> Result:
    """R <= max over paths of Σ c (1 - 1/M) + Σ vol / M.

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> diamond = Dag(tuple(Vertex(n, c, t) for n, c, t in (("a", 1, "cpu"), ("b", 4, "gpu"), ("c", 4, "cpu"),
    ...     ("d", 1, "cpu"))), ((0, 1), (0, 2), (1, 3), (2, 3)))
    >>> han1_bound(TypedPools((DagTask("net", diamond, 20, 20),), {"cpu": 2, "gpu": 1})).responses
    [10]
    """
    value, path = han1(model.tasks[0].dag, model.cores)
    return _result(model, value, path)


@theorem(
    "han2",
    title="One typed DAG alone, second bound of Han (A5)",
    strength="sufficient",
    citation="Han, Guan, Sun, He, Deng, Liu, IEEE TPDS 30(11), 2019 (arXiv 1809.07689)",
    model=TypedPools,
    needs=_NEEDS,
)
def han2_bound(model: TypedPools) -> Result:
    """R <= max over paths of Σ c + Σ vol(vertices parallel to the path, by type) / M; never worse than han1."""
    value, path = han2(model.tasks[0].dag, model.cores)
    return _result(model, value, path)


@theorem(
    "node-order",
    title="One typed DAG alone, its nodes in the order of the file",
    strength="sufficient",
    citation="He, Jiang, Guan, Guo, IEEE TPDS 30(10), 2019; with types as Han et al. (see han2)",
    model=TypedPools,
    needs=(*_NEEDS, needs.preemptive_pools, needs.nodes_in_order),
)
def node_order_bound(model: TypedPools) -> Result:
    """R <= max over paths of Σ c + Σ vol(vertices parallel to the path that stand first) / M; never worse than han2.

    Under fixed priorities and EDF the vertices of a job go in the order in which they stand: the long one first here.

    >>> from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
    >>> vertices = Vertex("long", 8, "cpu"), *(Vertex(str(k), 2, "cpu") for k in range(4))
    >>> pools = TypedPools((DagTask("net", Dag(vertices), 20, 20),), {"cpu": 2})
    >>> node_order_bound(pools).responses, han2_bound(pools).responses
    ([9], [12])
    """
    value, path = in_order_of_nodes(model.tasks[0].dag, model.cores)
    return _result(model, value, path)


@theorem(
    "graham",
    title="One DAG alone on identical processors",
    strength="sufficient",
    citation="Graham, SIAM J. Applied Mathematics 17(2), 1969",
    model=TypedPools,
    needs=(*_NEEDS, needs.one_type),
)
def graham_bound(model: TypedPools) -> Result:
    """R <= len + (vol - len) / m."""
    dag = model.tasks[0].dag
    return _result(model, graham(dag, model.cores[dag.vertices[0].type]))


@theorem(
    "long-paths",
    title="One DAG alone on identical processors, several long paths",
    strength="sufficient",
    citation="He, Guan, Guo et al., RTSS 2022 (arXiv 2211.08800)",
    model=TypedPools,
    needs=(*_NEEDS, needs.one_type),
)
def long_paths_bound(model: TypedPools) -> Result:
    """R <= min over j of len + (vol - j+1 disjoint paths) / (m - j); dominates Graham."""
    dag = model.tasks[0].dag
    return _result(model, long_paths(dag, model.cores[dag.vertices[0].type]))
