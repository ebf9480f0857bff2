"""Tests of many sets of self-suspending tasks at once: verdicts equal to the theorems', set by set.

One processor, preemptive; fixed priorities in the order of the tasks, or EDF. Bounds are integers in doubles, as in
`batch_steps`; sets whose times do not fit there go to the theorem itself, and so do those that `suspension_framework`
neither accepts nor rejects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from rtsched.errors import InputError
from rtsched.schedulability.models import Order, Uniprocessor
from rtsched.schedulability.search import batch
from rtsched.schedulability.search.batch import BLOCK, TaskSets
from rtsched.schedulability.search.batch_steps import CAP, EXACT, Bools, Floats, Ints, least
from rtsched.schedulability.theorem import theorems

#: Rounds after which the few sets whose bounds still push each other up, tick by tick, are left to the theorem.
MOST_ROUNDS = 200
#: Of so many tasks above, every choice is tried (as in the theorem).
MOST_SUBSETS = 8


@dataclass(frozen=True, eq=False)
class SuspendingSets:
    """Sets of tasks of which each job suspends itself for up to `S` in all; shape (sets, tasks), in the same ticks."""

    sets: TaskSets
    S: Ints

    def __init__(self, sets: TaskSets, S: ArrayLike) -> None:
        array = batch._integers("S", S)
        if array.shape != sets.C.shape:
            raise InputError(f"S has the shape {array.shape}; give (sets, tasks), the same for all arrays")
        if array.size and array.min() < 0:
            raise InputError(f"S is {array.min()} somewhere; it is at least 0")
        array.flags.writeable = False
        object.__setattr__(self, "sets", sets)
        object.__setattr__(self, "S", array)

    def __len__(self) -> int:
        """How many sets there are."""
        return len(self.S)

    def uniprocessor(self, row: int, order: Order = "FP") -> Uniprocessor:
        """One set as theorems take it."""
        model, S = self.sets.uniprocessor(row, order), self.S[row].tolist()
        return replace(model, tasks=tuple(replace(task, S=s) for task, s in zip(model.tasks, S, strict=True)))

    def sorted_by(self, key: Ints) -> SuspendingSets:
        """The same sets with the tasks of each in the order of `key`, shape (sets, tasks); equal ones stay."""
        places = np.argsort(key, axis=1, kind="stable")
        return SuspendingSets(self.sets.sorted_by(key), np.take_along_axis(self.S, places, 1))


@dataclass(slots=True)
class _Part:
    """Some of the sets in doubles, transposed: shape (tasks, sets)."""

    rows: Ints
    C: Floats
    T: Floats
    D: Floats
    S: Floats

    def take(self, columns: Ints | Bools) -> _Part:
        return _Part(self.rows[columns], *(each[:, columns] for each in (self.C, self.T, self.D, self.S)))


def _judged(given: SuspendingSets, name: str, order: Order, test: Callable[[_Part], Floats], width: int) -> Bools:
    """1 or 0 from `test` for the sets in doubles, the theorem `name` for others and where `test` gives nan.

    `width`: how many numbers a set takes at once.
    """
    sets, S = given.sets, given.S
    accepted = np.zeros(len(sets), np.bool_)
    C, T, D = (each.astype(np.float64) for each in (sets.C, sets.T, sets.D))
    # no bound exceeds D before it is given up, and no jitter D: so much work can be added up
    most = ((2 * D.max(axis=1, initial=1)[:, None] / T + 2) * (C + S)).sum(axis=1) + (2 * S).sum(axis=1)
    largest = np.maximum(np.maximum(T, D), C + S).max(axis=1, initial=1)
    plain = sets.plain(constrained=True) & S.any(axis=1)
    near = plain & (most < EXACT) & (largest < EXACT / 4)
    again = [np.flatnonzero(~near)]
    rows, size = np.flatnonzero(near), max(64, BLOCK // width)
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        part = _Part(some, *(np.ascontiguousarray(each[some].T) for each in (C, T, D, S.astype(np.float64))))
        found = test(part)
        accepted[some] = found == 1
        again.append(some[np.isnan(found)])
    theorem = theorems()[name]
    for row in np.concatenate(again):
        accepted[row] = theorem(given.uniprocessor(int(row), order)).verdict == "schedulable"
    return accepted


def _in_order(part: _Part, bound: Callable[[_Part, int, Floats], Floats]) -> Floats:
    """1 where `bound`, of a task given the bounds of those above it, is within D for all tasks; nan: undecided."""
    found = np.zeros(len(part.rows))
    live, R = np.arange(len(part.rows)), np.empty_like(part.C)
    for i in range(len(part.C)):
        R[i] = bound(part, i, R)
        found[live[np.isnan(R[i])]] = np.nan
        good = R[i] <= part.D[i]
        if not good.all():
            live, part, R = live[good], part.take(good), R[:, good]
    found[live] = 1
    return found


def _oblivious(part: _Part, i: int, R: Floats) -> Floats:
    """Suspension of the tasks above counts as execution."""
    C, T, S = part.C, part.T, part.S
    own = C[i] + S[i]
    return least(own, own, part.D[i], C[:i] + S[:i], T[:i], None)


def _blocking(part: _Part, i: int) -> Floats:
    """Suspension of the tasks above delays once."""
    C, T, S = part.C, part.T, part.S
    own = C[i] + S[i]
    return least(own + np.minimum(C[:i], S[:i]).sum(axis=0), own, part.D[i], C[:i], T[:i], None)


def _jitter(part: _Part, i: int, jitter: Floats) -> Floats:
    """Suspension of the tasks above is a jitter of theirs."""
    own = part.C[i] + part.S[i]
    return least(own, own, part.D[i], part.C[:i], part.T[:i], jitter)


def _late(part: _Part, i: int, R: Floats) -> Floats:
    """R - C of the tasks above that suspend themselves, 0 of others."""
    return np.where(part.S[:i] > 0, R[:i] - part.C[:i], 0)


def _best(part: _Part, i: int, R: Floats) -> Floats:
    """The best of the three bounds."""
    each = _oblivious(part, i, R), _blocking(part, i), _jitter(part, i, _late(part, i, R))
    return np.minimum(np.minimum(each[0], each[1]), each[2])  # a nan stays


def suspension_oblivious(given: SuspendingSets) -> Bools:
    """Fixed priorities, suspension as execution (`suspension-oblivious`): which sets it accepts; shape (sets,).

    >>> sets = TaskSets([[1, 2]] * 2, [[4, 10]] * 2, [[4, 10]] * 2)
    >>> suspension_oblivious(SuspendingSets(sets, [[1, 2], [3, 3]])).tolist()
    [True, False]
    """
    return _judged(given, "suspension-oblivious", "FP", lambda part: _in_order(part, _oblivious), given.sets.tasks)


def self_suspension(given: SuspendingSets) -> Bools:
    """Fixed priorities, the best of three bounds (`self-suspension`): which sets it accepts; shape (sets,)."""
    return _judged(given, "self-suspension", "FP", lambda part: _in_order(part, _best), given.sets.tasks)


def suspension_framework(given: SuspendingSets) -> Bools:
    """Fixed priorities, jitter or blocking task by task (`suspension-framework`): which sets it accepts.

    What the three bounds do not accept is tried with every choice of the theorem, jobs counted whole: more sets are
    accepted; then only as far as they lie in the window, by which others are rejected. The theorem has the rest.
    """

    def test(part: _Part) -> Floats:
        found = _in_order(part, _best)
        found[found == 0] = np.nan
        every = max(16, BLOCK // 2**MOST_SUBSETS)
        for accepts, size, bound in (
            (True, max(16, BLOCK // len(part.C) ** 2), partial(_chosen, most=0)),
            (False, BLOCK, _alone),
            (True, every, _chosen),
            (False, every, partial(_chosen, whole=False)),
        ):
            left = np.flatnonzero(np.isnan(found))
            for some in (left[first : first + size] for first in range(0, len(left), size)):
                verdict = _in_order(part.take(some), bound)
                verdict[verdict == (0 if accepts else 1)] = np.nan
                found[some] = verdict
        return found

    return _judged(given, "suspension-framework", "FP", test, given.sets.tasks)


def _chosen(part: _Part, i: int, R: Floats, whole: bool = True, most: int = MOST_SUBSETS) -> Floats:
    """The least bound over how the suspension of each task above counts, its jobs as a `whole` or where they can run.

    Of those chosen the suspension delays them and all that are more urgent, of others their response less C.
    """
    C, T, S, D = part.C[:i], part.T[:i], part.S[:i], part.D[i]
    own: Floats = part.C[i] + part.S[i]
    found, late = _best(part, i, R), _late(part, i, R)
    if not i or not len(own):
        return own
    # the choices are of those that suspend themselves, which differ from set to set: by their ranks among them
    suspends = S > 0
    few = suspends.sum(axis=0) <= most
    if not whole and not few.any():  # of more the theorem tries other choices, too
        return _alone(part, i, R)
    if few.any() and not few.all():
        found = np.empty_like(own)
        for those in (few, ~few):
            found[those] = _chosen(part.take(those), i, R[:, those], whole, most)
        return found
    bits = np.array(list(choices(min(i, most) if few.all() else i, most)), np.bool_)
    bits = np.pad(bits, ((0, 0), (0, 1)))  # for who has no rank
    ranks = np.where(suspends, np.cumsum(suspends, axis=0) - 1, bits.shape[1] - 1)
    masks = bits[:, ranks] & suspends  # (choices, tasks above, sets)
    behind = np.cumsum((masks * S)[:, ::-1], axis=1)[:, ::-1]
    jitter = behind + np.where(masks, 0, late)
    shape = (len(masks), len(own))

    def spread(each: Floats) -> Floats:
        return np.broadcast_to(each, (len(masks), *each.shape)).swapaxes(0, -2).reshape(-1, shape[0] * shape[1])

    flat = jitter.swapaxes(0, 1).reshape(i, -1), spread(C), spread(T)
    start, limit = (np.tile(each, len(masks)) for each in (own, D))
    if whole:
        each = least(start, start, limit, flat[1], flat[2], flat[0])
    else:
        run = (masks | ~suspends).swapaxes(0, 1).reshape(i, -1)
        response, Q = spread(R[:i]), behind.swapaxes(0, 1).reshape(i, -1)

        def grown(x: Floats, live: Ints) -> Floats:
            window = x + Q[:, live]
            inside = _within(window, flat[2][:, live], response[:, live], flat[1][:, live])
            jobs = np.ceil(window / flat[2][:, live]) * flat[1][:, live]
            total: Floats = start[live] + np.where(run[:, live], np.minimum(jobs, inside), inside).sum(axis=0)
            return total

        each = _least_of(start, limit, grown)
    best: Floats = np.fmin(found, each.reshape(shape).min(axis=0))
    return best


def choices(count: int, most: int = MOST_SUBSETS) -> Iterator[tuple[bool, ...]]:
    """Which of so many tasks are chosen: every subset; of more than `most` the most, or the least, urgent ones.

    The theorem tries further ones then, so that these alone reject nothing.
    """
    if count <= most:
        yield from product((False, True), repeat=count)
        return
    for cut in range(count + 1):
        yield (True,) * cut + (False,) * (count - cut)
        yield (False,) * cut + (True,) * (count - cut)


def _least_of(start: Floats, limit: Floats, grown: Callable[[Floats, Ints], Floats]) -> Floats:
    """The least x >= `start` with grown(x, columns) <= x, column by column; nan: it took too long."""
    x, live = start.copy(), np.flatnonzero(start <= limit)
    for _ in range(CAP):
        if not live.size:
            return x
        following = grown(x[live], live)
        grows = following > x[live]
        x[live] = np.maximum(x[live], following)
        live = live[grows & (following <= limit[live])]
    x[live] = np.nan
    return x


def _alone(part: _Part, i: int, R: Floats) -> Floats:
    """What every choice has to add up: those above bring no less than jobs C + S long that run at their latest."""
    C, T, S = part.C[:i], part.T[:i], part.S[:i]
    own = part.C[i] + part.S[i]

    def grown(x: Floats, live: Ints) -> Floats:
        total: Floats = own[live] + _within(x, T[:, live], (C + S)[:, live], C[:, live]).sum(axis=0)
        return total

    return _least_of(own, part.D[i], grown)


def _within(L: Floats, T: Floats, R: Floats, C: Floats) -> Floats:
    """`JobWork.within` at a rate of one."""
    room = L - T + R - C
    whole = np.floor(room / T)
    found: Floats = np.where(
        room <= 0, np.minimum(C, np.maximum(L, 0)), (1 + whole) * C + np.minimum(C, room - whole * T)
    )
    return found


def _due(ahead: Floats, T: Floats, R: Floats, C: Floats) -> Floats:
    """`due_within` at a rate of one, `ahead` being the window less the others' deadline."""
    reach = ahead + R
    whole = np.floor((reach - C) / T) + 1
    found: Floats = np.where(
        reach < C, np.maximum(reach, 0), whole * C + np.minimum(C, np.maximum(0, reach - whole * T))
    )
    return found


def _together(part: _Part) -> Floats:
    """1 where under EDF bounds R = C + S + Σ min(W_j(R), E_j) hold together, all within D; nan: undecided."""
    C, T, D, S = part.C, part.T, part.D, part.S
    count = len(C)
    accepted = np.zeros(len(part.rows))
    live, R, own = np.arange(len(part.rows)), C + S, C + S
    others = ~np.eye(count, dtype=np.bool_)[:, :, None]  # (whose bound, who interferes, sets)

    def step(R: Floats) -> Floats:
        work = _within(R[:, None], T[None], R[None], C[None])
        due = _due(D[:, None] - D[None], T[None], R[None], C[None])
        found: Floats = own + np.where(others, np.minimum(work, due), 0).sum(axis=1)
        return found

    early = (step(D) <= D).all(axis=0)  # bounds that hold together, so the least ones are no larger
    accepted[early] = 1
    live, R, own, C, T, D = live[~early], *(each[:, ~early] for each in (R, own, C, T, D))
    for _ in range(MOST_ROUNDS):
        good = (R <= D).all(axis=0)
        if not good.all():
            live, R, own, C, T, D = live[good], *(each[:, good] for each in (R, own, C, T, D))
        if not live.size:
            return accepted
        following = step(R)
        settled = (following <= R).all(axis=0)
        accepted[live[settled]] = 1
        R = np.maximum(R, following)
        if settled.any():
            left = ~settled
            live, R, own, C, T, D = live[left], *(each[:, left] for each in (R, own, C, T, D))
    accepted[live] = np.nan
    return accepted


def edf_suspension(given: SuspendingSets) -> Bools:
    """EDF (`edf-suspension`): which sets have bounds that hold together, or pass the demand test with C + S."""
    sets, S = given.sets, given.S
    accepted = np.zeros(len(sets), np.bool_)
    fits = np.flatnonzero((S <= sets.D - sets.C).all(axis=1) & sets.plain(constrained=True) & S.any(axis=1))
    some = sets.take(fits)
    accepted[fits] = batch.edf_qpa(TaskSets(some.C + S[fits], some.T, some.D))
    left = np.flatnonzero(~accepted)
    rest = SuspendingSets(sets.take(left), S[left])
    accepted[left] = _judged(rest, "edf-suspension", "EDF", _together, sets.tasks**2)
    return accepted
