"""Schedulability tests of many task sets at once, as arrays: the verdicts and responses of the theorems, set by set.

A study asks the same question of thousands of random sets. Here a step of a fixpoint is taken for all sets that still
need one (`batch_steps`); what has been decided leaves the arrays. The answers are exact, in integers: sets with times
too large for that, those whose utilisation is too close to a bound to be compared in doubles, and those whose fixpoints
take too long go to the theorem itself, one by one.

Sets that the needs of a theorem rule out (it says `unknown`, with the reason) are not accepted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from rtsched.errors import InputError
from rtsched.schedulability.models import Cluster, Mode, Order, Sporadic, Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.search.batch_steps import (
    CLOSE,
    EXACT,
    Block,
    Bools,
    Floats,
    Ints,
    delay,
    edf_verdicts,
    responses,
    workload,
)
from rtsched.schedulability.theorems import edf, fixed_priority, multiprocessor, utilisation

#: So many numbers an array: a few of them fit into a processor's cache.
BLOCK = 65_536
#: A response that does not exist, or exceeds the deadline.
LATE = -1


@dataclass(frozen=True, eq=False)
class TaskSets:
    """`len()` task sets of equally many sporadic tasks, most urgent first; arrays of shape (sets, tasks), in ticks.

    `C` execution time, `T` period, `D` relative deadline (at least 1), `J` release jitter, `B` blocking (at least 0;
    none if left out). InputError for anything else. The arrays are copies that cannot be written to.

    >>> sets = TaskSets([[1, 3], [2, 3]], [[4, 6], [4, 6]], [[4, 6], [4, 5]])
    >>> fp_rta(sets).tolist()
    [[1, 4], [2, -1]]
    """

    C: Ints
    T: Ints
    D: Ints
    J: Ints
    B: Ints

    def __init__(
        self, C: ArrayLike, T: ArrayLike, D: ArrayLike, J: ArrayLike | None = None, B: ArrayLike | None = None
    ) -> None:
        for name, given, least in (("C", C, 1), ("T", T, 1), ("D", D, 1), ("J", J, 0), ("B", B, 0)):
            array = np.zeros(np.shape(self.C), np.int64) if given is None else _integers(name, given)
            if array.ndim != 2 or not array.shape[1] or (name != "C" and array.shape != self.C.shape):
                raise InputError(f"{name} has the shape {array.shape}; give (sets, tasks), the same for all arrays")
            if array.size and array.min() < least:
                row, column = np.unravel_index(int(array.argmin()), array.shape)
                raise InputError(f"{name} of task {column} of set {row} is {array.min()}; it is at least {least}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """How many sets there are."""
        return len(self.C)

    @property
    def tasks(self) -> int:
        """How many tasks each set has."""
        return int(self.C.shape[1])

    @classmethod
    def from_models(cls, models: Sequence[Uniprocessor | Cluster]) -> TaskSets:
        """The sets of models; InputError where the numbers of tasks differ, or for suspensions and regions."""
        if len({len(model.tasks) for model in models}) != 1:
            raise InputError("batches hold sets of equally many tasks, at least one set; group the models by size")
        for model in models:
            if model.mode == "limited" or any(task.S or task.preemptible for task in model.tasks):
                raise InputError(f"{model.name!r} has suspensions or regions, which batches leave out; use a theorem")
        rows = [[(task.C, task.T, task.D, task.J, task.B) for task in model.tasks] for model in models]
        return cls(*np.moveaxis(_integers("a time", rows), 2, 0))

    def sporadic(self, row: int) -> tuple[Sporadic, ...]:
        """The tasks of one set, named by their positions."""
        columns = (getattr(self, field.name)[row].tolist() for field in fields(self))
        return tuple(Sporadic(str(index), *times) for index, times in enumerate(zip(*columns, strict=True)))

    def uniprocessor(self, row: int, order: Order = "FP", mode: Mode = "preemptive") -> Uniprocessor:
        """One set as theorems about one processor take it."""
        return Uniprocessor(self.sporadic(row), order, mode)

    def cluster(self, row: int, m: int, order: Order = "FP") -> Cluster:
        """One set as theorems about `m` processors take it."""
        return Cluster(self.sporadic(row), m, order)

    def take(self, rows: ArrayLike) -> TaskSets:
        """Some of the sets, by positions or by a mask."""
        chosen = np.asarray(rows)
        chosen = chosen if chosen.size else np.empty(0, np.int64)
        return TaskSets(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def sorted_by(self, key: Ints) -> TaskSets:
        """The same sets with the tasks of each in the order of `key`, shape (sets, tasks); equal ones stay."""
        places = np.argsort(key, axis=1, kind="stable")
        return TaskSets(*(np.take_along_axis(getattr(self, field.name), places, 1) for field in fields(self)))

    def plain(self, *, constrained: bool = False) -> Bools:
        """Which sets have neither jitter nor blocking, and D <= T if `constrained`; shape (sets,)."""
        found: Bools = ((self.J | self.B) == 0).all(axis=1)
        if constrained:
            found &= (self.D <= self.T).all(axis=1)
        return found


def _integers(name: str, given: ArrayLike) -> Ints:
    """A copy as int64; InputError for anything that is not an integer, or does not fit."""
    try:
        array = np.asarray(given)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{name} is no array of (sets, tasks): {error}") from None
    if array.dtype == np.uint64 and array.size and array.max() >= 2**63:
        array = array.astype(object)
    if array.size and array.dtype.kind not in "iu":
        big = array.dtype.kind in "Of" and any(isinstance(each, int) for each in array.flat)
        raise InputError(f"{name} is not made of integers of 64 bits; " + ("use coarser ticks" if big else "round it"))
    return array.astype(np.int64)


def rm_order(sets: TaskSets) -> TaskSets:
    """The shortest T first."""
    return sets.sorted_by(sets.T)


def dm_order(sets: TaskSets) -> TaskSets:
    """The shortest D first."""
    return sets.sorted_by(sets.D)


# ---- what the tests share --------------------------------------------------------------------------------------------


def _blocks(sets: TaskSets, rows: Ints) -> Iterator[Block]:
    """The sets `rows`, a block at a time."""
    size = max(64, BLOCK // sets.tasks)
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        given = (getattr(sets, field.name)[some].T for field in fields(sets))
        C, T, D, J, B = (np.array(each, np.float64, order="C") for each in given)
        yield Block(some, C, T, D, J, B, bool(J.any()))


# ---- fixed priorities ------------------------------------------------------------------------------------------------


def _fixed(sets: TaskSets, np_mode: bool, first: bool, rows: Ints) -> Ints:
    """Responses of the sets `rows`, LATE for all others."""
    result = np.full(sets.C.shape, LATE, np.int64)
    test = fixed_priority.np_fp_rta if np_mode else fixed_priority.fp_rta
    for block in _blocks(sets, rows):
        found = responses(block, np_mode, first).T
        undecided = np.isnan(found).any(axis=1)
        found[undecided] = LATE
        result[block.rows] = np.where(found < np.inf, found, LATE)
        for row in block.rows[undecided]:
            model = sets.uniprocessor(int(row), "FP", "nonpreemptive" if np_mode else "preemptive")
            result[row] = _values(test(model), sets.D[row])
    if first:
        result[np.logical_or.accumulate(result == LATE, axis=1)] = LATE
    return result


def _values(result: Result, D: Ints) -> list[int]:
    """The responses of one set, LATE where there is none up to the deadline, or the analysis was cut off."""
    known = result.responses + [None] * (len(D) - len(result.bounds))
    return [LATE if R is None or R > d else R for R, d in zip(known, D.tolist(), strict=True)]


def fp_rta(sets: TaskSets, *, first: bool = False) -> Ints:
    """Preemptive fixed priorities, exact (`fp-rta`): worst responses in ticks, LATE without a bound up to D.

    Shape (sets, tasks). A set is schedulable iff nothing in its row is LATE; with `first`, whatever follows the first
    LATE is left out (LATE), which answers that sooner.
    """
    return _fixed(sets, False, first, np.arange(len(sets)))


def np_fp_rta(sets: TaskSets, *, first: bool = False) -> Ints:
    """Non-preemptive fixed priorities, exact (`np-fp-rta`), as `fp_rta`; LATE throughout where B is not 0."""
    return _fixed(sets, True, first, np.flatnonzero(~sets.B.any(axis=1)))


# ---- EDF -------------------------------------------------------------------------------------------------------------


def _edf(sets: TaskSets, np_mode: bool, rows: Ints) -> Bools:
    """The verdicts of the sets `rows`, False for all others."""
    accepted = np.zeros(len(sets), np.bool_)
    for block in _blocks(sets, rows):
        found = edf_verdicts(block, np_mode)
        accepted[block.rows] = found == 1
        for row in block.rows[np.isnan(found)]:
            model = sets.uniprocessor(int(row), "EDF", "nonpreemptive" if np_mode else "preemptive")
            test = edf.np_edf if np_mode else edf.edf_qpa
            accepted[row] = test(model).verdict == "schedulable"
    return accepted


def edf_qpa(sets: TaskSets) -> Bools:
    """Preemptive EDF, exact (`edf-qpa`): which sets are schedulable; shape (sets,). False where B is not 0.

    >>> edf_qpa(TaskSets([[2, 2, 3], [2, 2, 5]], [[6, 8, 9]] * 2, [[4, 5, 7]] * 2)).tolist()
    [True, False]
    """
    return _edf(sets, False, np.flatnonzero(~sets.B.any(axis=1)))


def np_edf(sets: TaskSets) -> Bools:
    """Non-preemptive EDF, exact (`np-edf`): which sets are schedulable; shape (sets,). False with jitter or B."""
    return _edf(sets, True, np.flatnonzero(sets.plain()))


# ---- utilisations ----------------------------------------------------------------------------------------------------


def _decided(sets: TaskSets, slack: Floats, wanted: Bools, exactly: Callable[[list[Fraction]], bool], D: Ints) -> Bools:
    """Where `slack` is positive, and where it is too close to 0 whatever `exactly` says of the shares C / D."""
    accepted: Bools = wanted & (slack > 0)
    for row in np.flatnonzero(wanted & ~(np.abs(slack) > CLOSE)):
        shares = [Fraction(c, d) for c, d in zip(sets.C[row].tolist(), D[row].tolist(), strict=True)]
        accepted[row] = exactly(shares)
    return accepted


def _rate_monotonic(sets: TaskSets) -> Bools:
    """Which sets the bounds on the utilisation are about: D = T, in the order of T, without jitter and blocking."""
    found: Bools = sets.plain() & (sets.D == sets.T).all(axis=1) & (sets.T[:, 1:] >= sets.T[:, :-1]).all(axis=1)
    return found


def _pairs(shares: list[Fraction]) -> list[tuple[int, int]]:
    """C and T of some utilisations."""
    return [(share.numerator, share.denominator) for share in shares]


def liu_layland(sets: TaskSets) -> Bools:
    """U <= n(2^(1/n) - 1), as (U/n + 1)^n <= 2 in exact fractions where it is close; shape (sets,)."""
    n = sets.tasks
    slack = np.log(2) / n - np.log1p((sets.C / sets.T).sum(axis=1) / n)
    return _decided(sets, slack * n, _rate_monotonic(sets), lambda u: utilisation.within_liu_layland(_pairs(u)), sets.T)


def hyperbolic(sets: TaskSets) -> Bools:
    """The product of (u + 1) is at most 2, in exact fractions where it is close; shape (sets,)."""
    slack = np.log(2) - np.log1p(sets.C / sets.T).sum(axis=1)
    return _decided(sets, slack, _rate_monotonic(sets), lambda u: utilisation.within_hyperbolic(_pairs(u)), sets.T)


def gfb(sets: TaskSets, m: int) -> Bools:
    """Global EDF on `m` processors, density bound (`gfb`): Σ δ <= m - (m - 1) max δ; shape (sets,)."""
    D = np.minimum(sets.D, sets.T)
    density = sets.C / D
    total, most = density.sum(axis=1), density.max(axis=1)
    slack = (m - (m - 1) * most - total) / (m + total + most * m)
    return _decided(sets, slack, sets.plain(), lambda d: sum(d, Fraction(0)) <= m - (m - 1) * max(d), D)


# ---- global fixed priorities -----------------------------------------------------------------------------------------


def _clusters(sets: TaskSets, m: int) -> tuple[Ints, Ints]:
    """The rows the theorems about D <= T apply to: those exact in doubles, even summed over tasks and m, and others."""
    meets = sets.plain(constrained=True)
    near = sets.T.max(axis=1, initial=1) <= EXACT / (4 * (sets.tasks + m))
    return np.flatnonzero(meets & near), np.flatnonzero(meets & ~near)


def bcl(sets: TaskSets, m: int) -> Bools:
    """Global fixed priorities on `m` processors, workload bound (`bcl`): which sets it accepts; shape (sets,)."""
    accepted = np.zeros(len(sets), np.bool_)
    near, far = _clusters(sets, m)
    for block in _blocks(sets, near):
        live = block
        for i in range(sets.tasks):
            room = live.D[i] - live.C[i] + 1
            L = live.D[i] + live.D[:i] - live.C[:i]
            load = np.minimum(workload(L, live.C[:i], live.T[:i]), room).sum(axis=0)
            kept = (room >= 1) & (load < m * room)
            if not kept.all():
                live = live.take(np.flatnonzero(kept))
        accepted[live.rows] = True
    for row in far:
        accepted[row] = multiprocessor.bcl(sets.cluster(int(row), m)).verdict == "schedulable"
    return accepted


def global_rta(sets: TaskSets, m: int) -> Ints:
    """Global fixed priorities on `m` processors (`global-rta`): responses in ticks, LATE from the first failure on.

    Shape (sets, tasks); a set is accepted iff nothing in its row is LATE.
    """
    result = np.full(sets.C.shape, LATE, np.int64)
    near, far = _clusters(sets, m)
    again = [far]
    for block in _blocks(sets, near):
        live, lag = block, np.zeros_like(block.C)  # lag: response less C
        x = np.zeros(block.C.shape[1])
        for i in range(sets.tasks):
            start = np.where(live.C[i] >= live.C[i - 1], x, 0) if i else x
            x = delay(start, live.D[i] - live.C[i], live, i, lag, m)
            again.append(live.rows[np.isnan(x)])
            good = x <= live.D[i] - live.C[i]
            if not good.all():
                kept = np.flatnonzero(good)
                live, lag, x = live.take(kept), lag.take(kept, axis=1), x[kept]
            lag[i] = x
            result[live.rows, i] = live.C[i] + x
    for row in np.concatenate(again):
        result[row] = _values(multiprocessor.global_rta(sets.cluster(int(row), m)), sets.D[row])
    return result
