"""Global tests of many sets of DAG tasks at once: verdicts equal to the theorems', set by set.

`m` identical processors, preemptive, D <= T. A graph counts by its work, its longest path, how many of its vertices can
run at once, and what bounds it alone, times m. Bounds grow together from below, in integers in doubles (`batch_steps`).

A theorem may know more of a graph than its longest path, and of one that is a line in any case. So sets are accepted
here with what holds of every graph, first without its paths, then with them, or with what the theorem's own window says
of each graph alone, and rejected with that, and nothing of what others do to a line; the rest goes to the theorem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtsched.errors import InputError
from rtsched.schedulability.models import Dag, Order, TypedPools
from rtsched.schedulability.search.batch import BLOCK
from rtsched.schedulability.search.batch_steps import EXACT, Bools, Floats, Ints
from rtsched.schedulability.search.batch_suspension import MOST_ROUNDS
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems import dag_sets
from rtsched.schedulability.theorems.dag_windows import MOST_CHAINS

#: What a set is, of each task: work, longest path, width, T, D.
MEASURES = 5


@dataclass(frozen=True)
class GraphSets:
    """Sets of equally many DAG tasks, all on the processors of one type; in the order of priorities where those count.

    InputError where sets have different numbers of tasks or of processors, or several types.
    """

    models: tuple[TypedPools, ...]

    def __post_init__(self) -> None:
        if len({(len(model.tasks), tuple(model.cores.items())) for model in self.models}) > 1:
            raise InputError("batches hold sets of equally many tasks on the same processors; group the models")
        if any(len(model.cores) != 1 for model in self.models):
            raise InputError("batches hold sets on processors of one type; use a theorem")

    def __len__(self) -> int:
        """How many sets there are."""
        return len(self.models)

    def measures(self) -> Floats:
        """Work, longest path, width, T and D of each task; shape (MEASURES, tasks, sets)."""
        rows = [[(*measured(task.dag), task.T, task.D) for task in model.tasks] for model in self.models]
        return np.ascontiguousarray(np.moveaxis(np.array(rows, np.float64), (0, 1, 2), (2, 1, 0)))

    def near(self) -> Bools:
        """Which sets are spoken of here: D <= T, no jitter, preemptive, and times that are exact in doubles."""
        return np.array([_near(model) for model in self.models], np.bool_)


def _near(model: TypedPools) -> bool:
    (m,) = model.cores.values()
    if any(task.J or task.D > task.T or not task.dag.vertices for task in model.tasks):
        return False
    if model.queues is not None or any(model.mode(kind) != "preemptive" for kind in model.cores):
        return False
    longest = max(task.D for task in model.tasks)
    if any(set(task.dag.volumes) != set(model.cores) for task in model.tasks) or not m:
        return False
    load = sum((2 * longest // task.T + 2) * task.dag.volume for task in model.tasks)
    return (load + 4 * max(task.T for task in model.tasks)) * m < EXACT


def measured(dag: Dag) -> tuple[int, int, int]:
    """The work of a graph, its longest path, and a bound on how many vertices run at once.

    >>> from rtsched.schedulability.models import Vertex
    >>> measured(Dag((Vertex("a", 2, "cpu"), Vertex("b", 3, "cpu"), Vertex("c", 4, "cpu")), ((0, 1), (0, 2))))
    (9, 6, 2)
    """
    times, after = [vertex.c for vertex in dag.vertices], dag.successors
    ends, ranks = times[:], [1] * len(times)
    for source in dag.order:
        end, rank = ends[source], ranks[source] + 1
        for target in after[source]:
            if end + times[target] > ends[target]:
                ends[target] = end + times[target]
            if rank > ranks[target]:
                ranks[target] = rank
    return sum(times), max(ends), len(times) - max(ranks) + 1


@dataclass(slots=True)
class _Part:
    """Some of the sets; shape (tasks, sets), `own` in 1/m of a tick; who is `cut` off: nobody interferes with it."""

    own: Floats
    volume: Floats
    rate: Floats
    T: Floats
    D: Floats
    cut: Bools
    #: The longest path, where the graph is no wider than its processors, and how many of them others need; 0 elsewhere.
    length: Floats
    spare: Floats
    #: The longest of the `chains` of each graph, and its work beside the first one, two, …; shape (…, tasks, sets).
    chains: tuple[Floats, Floats] | None = None

    def take(self, columns: Bools | Ints) -> _Part:
        own, volume, rate, T, D = (each[:, columns] for each in (self.own, self.volume, self.rate, self.T, self.D))
        length, spare, chains = self.length[:, columns], self.spare[:, columns], self.chains
        if chains is not None:
            chains = chains[0][:, columns], chains[1][:, :, columns]
        return _Part(own, volume, rate, T, D, self.cut[:, columns], length, spare, chains)


#: Who interferes with whom, shape (whose bound, who interferes, 1).
Others = NDArray[np.bool_]


def _any(count: int) -> Others:
    return ~np.eye(count, dtype=np.bool_)[:, :, None]


def _above(count: int) -> Others:
    return np.tri(count, k=-1, dtype=np.bool_)[:, :, None]


def within(L: Floats, T: Floats, R: Floats, volume: Floats, rate: Floats) -> Floats:
    """`JobWork.within`."""
    room = rate * (L - T + R) - volume
    cycle = rate * T
    whole = np.floor(room / cycle)
    late = (1 + whole) * volume + np.minimum(volume, room - whole * cycle)
    found: Floats = np.where(room <= 0, np.minimum(volume, rate * L), late)
    return found


def in_one(x: Floats, volume: Floats, rate: Floats, rest: Floats) -> Floats:
    """`JobWork.in_one`, with the work of the graph beside its first chain, its first two, …"""
    found = np.minimum(volume, rate * x)
    for paths, left in enumerate(rest, 1):
        found = np.minimum(found, paths * x + left)
    return np.maximum(found, 0)


def of_graphs(L: Floats, T: Floats, R: Floats, part: _Part) -> Floats:
    """`JobWork.within` with chains; no more than three numbers of jobs may be the worst, since `full` is within T."""
    assert part.chains is not None
    first, rest = part.chains
    full = np.maximum(first, np.ceil(part.volume / part.rate))
    n = np.floor((L + R - 2 * full) / T)
    found = np.where(n < 1, in_one(L, part.volume, part.rate, rest), 0)
    n = np.maximum(n, 1)
    for _ in range(3):
        s = L - n * T + R
        half = np.floor(s / 2)
        two = in_one(half, part.volume, part.rate, rest) + in_one(s - half, part.volume, part.rate, rest)
        found = np.where(s > 1, np.maximum(found, (n - 1) * part.volume + two), found)
        n = n + 1
    return found


def due_of_graphs(ahead: Floats, R: Floats, part: _Part) -> Floats:
    """`due_within` with chains: behind the jobs that are whole at most two others."""
    assert part.chains is not None
    first, rest = part.chains
    ticks, full = ahead + R, np.maximum(first, np.ceil(part.volume / part.rate))
    whole = np.maximum(0, np.floor((ticks - full) / part.T) + 1)
    found: Floats = whole * part.volume
    for more in range(2):
        found = found + in_one(ticks - (whole + more) * part.T, part.volume, part.rate, rest)
    return found


def due(ahead: Floats, T: Floats, R: Floats, volume: Floats, rate: Floats) -> Floats:
    """`due_within`, `ahead` being the window less the others' deadline."""
    reach = rate * (ahead + R)
    cycle = rate * T
    whole = np.floor((reach - volume) / cycle) + 1
    late = whole * volume + np.minimum(volume, np.maximum(0, reach - whole * cycle))
    found: Floats = np.where(reach < volume, np.maximum(reach, 0), late)
    return found


def _together(part: _Part, m: int, others: Others, kinds: Sequence[bool], up: bool) -> Floats:
    """1 where the least bounds that hold together are within D, 0 where there are none; nan: undecided.

    `kinds`: of each window whether deadlines count in it; a task has the smallest of its windows. Iterates are rounded
    `up`, or down.
    """
    accepted, live = np.zeros(part.own.shape[1]), np.arange(part.own.shape[1])
    plain = part.chains is None

    def step(ends: Floats, R: Floats) -> Floats:
        wanted = others & ~part.cut[:, None]
        ahead, limit = part.D[:, None] - part.D, np.array(np.inf)
        if any(kinds):
            limit = due(ahead, part.T, R, part.volume, part.rate) if plain else due_of_graphs(ahead, R, part)
        found = np.empty_like(ends)
        for place, urgent in enumerate(kinds):
            L = ends[place][:, None]
            works = within(L, part.T, R, part.volume, part.rate) if plain else of_graphs(L, part.T, R, part)
            works = np.minimum(works, limit) if urgent else works
            total = np.where(wanted, works, 0).sum(axis=1)
            whole = np.ceil if up else np.floor
            found[place] = whole((part.own + total) / m)
            narrow = part.length + whole(total / np.maximum(part.spare, 1))
            found[place] = np.where(part.spare > 0, np.minimum(found[place], narrow), found[place])
        return found

    # with D for all: bounds that hold together, so the least ones are no larger
    early = (step(np.repeat(part.D[None], len(kinds), axis=0), part.D).min(axis=0) <= part.D).all(axis=0)
    accepted[early] = 1
    live, part = live[~early], part.take(~early)
    first = np.where(part.spare > 0, part.length, np.floor(part.own / m))
    ends = np.repeat(first[None], len(kinds), axis=0)  # (windows, tasks, sets)
    for _ in range(MOST_ROUNDS):
        R = ends.min(axis=0)
        good = (R <= part.D).all(axis=0)
        if not good.all():
            live, part, ends, R = live[good], part.take(good), ends[:, :, good], R[:, good]
        if not live.size:
            return accepted
        # beyond D a window is no use; it need not grow any more
        following = np.where(ends > part.D, ends, np.maximum(ends, step(ends, R)))
        settled = (following == ends).all(axis=(0, 1))
        accepted[live[settled]] = 1
        ends = following
        if settled.any():
            left = ~settled
            live, part, ends = live[left], part.take(left), ends[:, :, left]
    accepted[live] = np.nan
    return accepted


def _chains(models: Sequence[TypedPools], m: int) -> tuple[Floats, Floats]:
    """`_Part.chains` of some sets."""
    most = min(m - 1, MOST_CHAINS)
    first = np.zeros((len(models[0].tasks), len(models)))
    rest = np.zeros((most, *first.shape))
    for column, model in enumerate(models):
        (kind,) = model.cores
        for row, task in enumerate(model.tasks):
            found, left = task.dag.chains(kind, most), task.dag.volume
            first[row, column] = found[0] if found else 0
            for place, length in enumerate(found):
                left -= length
                rest[place, row, column] = left
    return first, rest


def _judged(
    given: GraphSets,
    name: str,
    orders: tuple[Order, ...],
    windows: Callable[[TypedPools], dag_sets.Windows],
    others: Callable[[int], Others],
    kinds: Sequence[bool],
    widths: bool = True,
) -> Bools:
    """The verdicts of the theorem `name`; `others` and `kinds` as `_together` has them."""
    accepted = np.zeros(len(given), np.bool_)
    if not len(given):
        return accepted
    (m,) = given.models[0].cores.values()
    near = given.near() & np.array([model.order in orders or not orders for model in given.models])
    again, rows = [np.flatnonzero(~near)], np.flatnonzero(near)
    size = max(16, BLOCK // len(given.models[0].tasks) ** 2)
    for some in (rows[first : first + size] for first in range(0, len(rows), size)):
        models = tuple(given.models[row] for row in some)
        volume, longest, width, T, D = GraphSets(models).measures()
        rate = np.minimum(width, m) if widths else np.full_like(width, m)
        line = (longest == volume) & widths
        spare = np.maximum(m - width + 1, 0) * (widths & ~line)
        part = _Part((m - 1) * longest + volume, volume, rate, T, D, np.zeros_like(line), longest, spare)
        count = len(volume)
        yes = _together(part, m, others(count), kinds, True) == 1
        left = np.flatnonzero(~yes)
        part, lowest = part.take(left), (m * longest)[:, left]
        if widths and len(left):
            part.chains = _chains([models[place] for place in left], m)
            now = _together(part, m, others(count), kinds, True) == 1
            yes[left[now]] = True
            left, part, lowest = left[~now], part.take(~now), lowest[:, ~now]
        rest = replace(part, own=lowest if widths else part.own, cut=line[:, left])
        still = _together(rest, m, others(count), kinds, False) != 0
        left, part = left[still], part.take(still)
        if widths:
            alone = [[each[0].base for each in windows(models[place]).values()] for place in left]
            own = np.array([[int(base * m) for base in each] for each in alone], np.float64).reshape(len(left), count).T
            rest = replace(part, own=own)
            sure = _together(rest, m, others(count), kinds, True) == 1
            yes[left[sure]] = True
            left, rest = left[~sure], rest.take(~sure)
            left = left[_together(replace(rest, cut=line[:, left]), m, others(count), kinds, False) != 0]
        accepted[some[yes]] = True
        again.append(some[left])
    theorem = theorems()[name]
    for row in np.concatenate(again):
        accepted[row] = theorem(given.models[row]).verdict == "schedulable"
    return accepted


def a6_edf(given: GraphSets) -> Bools:
    """Global EDF (`a6-edf`): which sets it accepts; shape (sets,)."""
    return _judged(given, "a6-edf", ("EDF",), dag_sets.windows_by_deadline, _any, (True,))


def a6_fp(given: GraphSets) -> Bools:
    """Global fixed priorities in the order of the tasks (`a6-fp`): which sets it accepts; shape (sets,)."""
    return _judged(given, "a6-fp", ("FP",), dag_sets.windows_of_any_order, _above, (False,))


def a6_work_conserving(given: GraphSets) -> Bools:
    """Any work-conserving order (`a6-work-conserving`): which sets it accepts; shape (sets,)."""
    return _judged(given, "a6-work-conserving", (), dag_sets.windows_of_any_order, _any, (False,))


def melani(given: GraphSets) -> Bools:
    """Global EDF or fixed priorities (`melani`), as the models say: which sets it accepts; shape (sets,)."""
    orders = {model.order for model in given.models}
    if len(orders) > 1:
        raise InputError("batches hold sets under one order; group the models")
    others, kinds = (_above, (False,)) if orders == {"FP"} else (_any, (True,))
    return _judged(given, "melani", ("FP", "EDF"), dag_sets.windows_of_melani, others, kinds, widths=False)
