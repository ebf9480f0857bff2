"""What batches compute: fixpoints and demands of a block of task sets, a step of all of them at a time, in doubles.

Times are integers. They are kept in doubles only where every value that can occur is proven to be an integer below
2^53: sums and products are then exact, and so is floor(x / T), since x / T lies at least 1 / T below the next integer,
which is more than half the distance of doubles there as long as x + T < 2^53. What cannot be decided so is nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Integers up to here, and a few of them added, are exact in doubles.
EXACT = 2.0**51
#: Sums of utilisations closer than this to what they are compared with are compared as fractions.
CLOSE = 1e-9
#: Steps after which a set is left undecided.
CAP = 10_000


@dataclass(slots=True)
class Block:
    """Some of the sets in doubles, transposed: shape (tasks, sets). `far`: up to where all is exact, shape (sets,).

    For x <= far, every sum of B, a few C and ceil((x + J) / T) C over the tasks stays below 2 EXACT.
    """

    rows: Ints
    C: Floats
    T: Floats
    D: Floats
    J: Floats
    B: Floats
    late: bool  # there is some jitter

    def take(self, columns: Ints) -> Block:
        """Some of its columns."""
        C, T, D, J, B = (each.take(columns, axis=1) for each in (self.C, self.T, self.D, self.J, self.B))
        return Block(self.rows[columns], C, T, D, J, B, self.late)

    def jitter(self, count: int) -> Floats | None:
        """J of the first `count` tasks, None where there is none at all."""
        return self.J[:count] if self.late else None

    @property
    def far(self) -> Floats:
        """See above; negative where a number itself is too large."""
        U = self.C / self.T
        used = self.B.max(axis=0) + 3 * self.C.sum(axis=0) + (U * self.J).sum(axis=0)
        most = np.maximum(np.maximum(self.T, self.D), self.J).max(axis=0)
        return np.where(most > EXACT, -1.0, (EXACT - used) / np.maximum(U.sum(axis=0), 1) - 1)


def interference(w: Floats, C: Floats, T: Floats, J: Floats | None) -> Floats:
    """Σ ceil((w + J) / T) C over the first axis, for w >= 0."""
    jobs = np.divide(w if J is None else w + J, T)
    np.ceil(jobs, out=jobs)
    jobs *= C
    total: Floats = np.add.reduce(jobs, axis=0)
    return total


def least(base: Floats, start: Floats, limit: Floats, C: Floats, T: Floats, J: Floats | None) -> Floats:
    """The least w >= `start` with base + Σ ceil((w + J) / T) C <= w, for each column.

    A value above `limit` says no more than that the least one is above it as well; nan: it took too long.
    """
    w = np.maximum(start, base)
    if not len(C):
        return w
    places = None
    going = w <= limit
    v = w
    for _ in range(CAP):
        count = np.count_nonzero(going)
        if not count:
            break
        if 2 * count <= len(v):
            kept = np.flatnonzero(going)
            if places is None:
                w, places = v, kept
            else:
                w[places] = v
                places = places[kept]
            v, base, limit = v[kept], base[kept], limit[kept]
            C, T, J = C.take(kept, axis=1), T.take(kept, axis=1), None if J is None else J.take(kept, axis=1)
            going = np.ones(len(kept), np.bool_)
        f = base + interference(v, C, T, J)
        going &= f > v
        v = np.where(going, f, v)
        going &= v <= limit
    v = np.where(going, np.nan, v)
    if places is None:
        return v
    w[places] = v
    return w


# ---- fixed priorities ------------------------------------------------------------------------------------------------


def unending(block: Block, B: Floats) -> Bools:
    """Where the level-i busy period need not end: U > 1, or U = 1 with blocking or jitter; shape (tasks, sets)."""
    U = np.cumsum(block.C / block.T, axis=0)
    found: Bools = U > 1
    late = np.maximum.accumulate(block.J, axis=0)
    for i, column in np.argwhere(np.abs(U - 1) < CLOSE):
        C, T = block.C[: i + 1, column], block.T[: i + 1, column]
        exact = sum((Fraction(int(c), int(t)) for c, t in zip(C, T, strict=True)), Fraction(0))
        found[i, column] = exact > 1 or bool(exact == 1 and (B[i, column] or late[i, column]))
    return found


def further_jobs(block: Block, i: int, w: Floats, base: Floats, last: Floats, jobs: Floats | None) -> Floats:
    """The worst responses of task i over the jobs of its busy period after the first, which ended at w - 1 + last.

    `jobs`: how many there are; None: until one ends before the next can arrive. inf above D; nan: undecided.
    """
    C, T, D, J = block.C[i], block.T[i], block.D[i], block.J[i]
    worst: Floats = w - 1 + last + J
    far = block.far
    live = np.arange(len(w))
    above = block
    for q in range(1, CAP):
        ahead = w + J[live] > q * T[live] if jobs is None else jobs[live] > q
        live, w = live[ahead], w[ahead]
        if not live.size:
            return worst
        if not ahead.all():
            above = above.take(np.flatnonzero(ahead))
        shift = last[live] - 1 - q * T[live] + J[live]
        limit = D[live] - shift
        base_q = base[live] + q * C[live]
        w = least(base_q, w, np.minimum(limit, far[live]), above.C[:i], above.T[:i], above.jitter(i))
        found = np.where(w > limit, np.inf, np.where(w > far[live], np.nan, w + shift))
        worst[live] = np.maximum(worst[live], found)
        ended = ~np.isfinite(found)
        if ended.any():
            kept = np.flatnonzero(~ended)
            live, w, above = live[kept], w[kept], above.take(kept)
    worst[live] = np.nan
    return worst


def responses(block: Block, np_mode: bool, first: bool) -> Floats:
    """Worst responses, shape (tasks, sets): inf where there is none or it exceeds D, nan where it is undecided.

    With `first`, nothing is looked at after the first inf of a set.
    """
    n, count = block.C.shape
    found = np.full((n, count), np.inf)
    below = np.zeros_like(block.C)
    if np_mode:
        below[:-1] = np.maximum.accumulate(block.C[:0:-1], axis=0)[::-1] - 1
    B = below if np_mode else block.B
    endless = unending(block, B)
    places = np.arange(count)
    good = block.far >= (block.D + block.T).max(axis=0)
    found[:, ~good] = np.nan
    w = busy = np.zeros(count)
    before = w
    for i in range(n):
        few = 4 * np.count_nonzero(good) < 3 * len(good)
        if (first and few) or (not i and not good.all()):
            kept = np.flatnonzero(good)
            block, B, endless, places = block.take(kept), B.take(kept, axis=1), endless.take(kept, axis=1), places[kept]
            w, busy, before, good = w[kept], busy[kept], before[kept], good[kept]
        C, T, D, J = block.C[i], block.T[i], block.D[i], block.J[i]
        last = C if np_mode else np.ones_like(C)
        base = B[i] + (1 if np_mode else C)
        if i:
            more = base - before + block.C[i - 1]
            w = np.where(more >= 0, w + more, 0)
        before = base
        limit = np.where(good & ~endless[i], D + 1 - last - J, -1)
        w = least(base, w, limit, block.C[:i], block.T[:i], block.jitter(i))
        R = np.where(w > limit, np.inf, w - 1 + last + J)
        open_ = np.isfinite(R)
        if np_mode:
            busy = busy_periods(block, i, B[i], busy, open_)
            jobs = np.ceil((busy + J) / T)
            R[open_ & np.isnan(jobs)] = np.nan
            again = np.flatnonzero(open_ & (jobs > 1))
        else:
            again = np.flatnonzero(open_ & (R > T))
        if again.size:
            some = block if again.size == len(R) else block.take(again)
            R[again] = further_jobs(some, i, w[again], base[again], last[again], jobs[again] if np_mode else None)
        if first:
            R = np.where(good, R, np.inf)
            good = good & (R < np.inf)
        found[i, places] = R
    return found


def busy_periods(block: Block, i: int, B: Floats, start: Floats, wanted: Bools) -> Floats:
    """The longest level-i busy period behind B where `wanted`; elsewhere something not above it. nan: undecided."""
    C, T, J = block.C[: i + 1], block.T[: i + 1], block.J[: i + 1]
    far = np.where(wanted, block.far, -1)
    # it serves ceil(x) >= x jobs of each task: with U < 1 that is a bound from below, if rounding is left some room
    U = C / T
    spare = 1 - U.sum(axis=0)
    ahead = (B + (U * J).sum(axis=0)) * (1 - 1e-4) / np.where(spare > CLOSE, spare, np.inf)
    start = np.maximum(start, np.maximum(np.floor(ahead), B + C.sum(axis=0)))
    L = least(B, start, far, C, T, block.jitter(i + 1))
    return np.where(wanted & (L > far), np.nan, L)


# ---- EDF -------------------------------------------------------------------------------------------------------------


def demand(t: Floats, C: Floats, T: Floats, lead: Floats) -> Floats:
    """The demand bound function at t; `lead` is T - D + J."""
    jobs = t + lead
    jobs /= T
    np.floor(jobs, out=jobs)
    np.maximum(jobs, 0, out=jobs)
    jobs *= C
    total: Floats = np.add.reduce(jobs, axis=0)
    return total


def edf_verdicts(block: Block, np_mode: bool) -> Floats:
    """1: no interval demands more than its length, 0: one does, nan: undecided; shape (sets,).

    The demand is tested from the end of what has to be looked at towards the first deadline: any instants will do, not
    only deadlines, as between two of them the demand stays and the time does not.
    """
    if np_mode:
        order = np.argsort(block.D, axis=0, kind="stable")
        block.C, block.T, block.D = (np.take_along_axis(each, order, 0) for each in (block.C, block.T, block.D))
    C, T, D = block.C, block.T, block.D
    first = (D - block.J).min(axis=0)
    U = C / T
    total = U.sum(axis=0)
    lead = T - D + block.J
    spare = 1 - total
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.ceil((U * np.maximum(lead, 0)).sum(axis=0) / np.maximum(spare, 0) * (1 + 1e-5))
    if np_mode:
        t = np.maximum(t, D[-1])
    bad = (np.abs(spare) < CLOSE) | ~(np.maximum(t, (D + T).max(axis=0)) <= block.far)
    verdict = np.where(bad & (spare > -CLOSE), np.nan, (first > 0) & (spare > 0)).astype(np.float64)
    live = np.flatnonzero((verdict == 1) & (t >= first))
    behind = longest_behind(C) if np_mode else None
    places, t = live, t[live]
    C, T, lead, D, first = (each.take(live, axis=-1) for each in (C, T, lead, D, first))
    behind = None if behind is None else behind.take(live, axis=1)
    for _ in range(CAP):
        if not places.size:
            return verdict
        h = demand(t, C, T, lead)
        if behind is None:
            following = np.minimum(h, t - 1)
        else:
            due = np.count_nonzero(D <= t, axis=0)
            column = np.arange(len(t))
            h += behind[due, column]
            low = np.where(due > 0, D[due - 1, column], 0)
            following = np.minimum(t - 1, np.maximum(h, low - 1))
        over = h > t
        verdict[places[over]] = 0
        going = ~over & (following >= first)
        if not going.all():
            kept = np.flatnonzero(going)
            places, following = places[kept], following[kept]
            C, T, lead, D, first = (each.take(kept, axis=-1) for each in (C, T, lead, D, first))
            behind = None if behind is None else behind.take(kept, axis=1)
        t = following
    verdict[places] = np.nan
    return verdict


def longest_behind(C: Floats) -> Floats:
    """The longest C - 1 from each place to the last one, 0 after it; shape (tasks + 1, sets)."""
    found = np.zeros((len(C) + 1, C.shape[1]))
    found[:-1] = np.maximum.accumulate(C[::-1], axis=0)[::-1] - 1
    return found


# ---- global fixed priorities -----------------------------------------------------------------------------------------


def workload(L: Floats, C: Floats, T: Floats) -> Floats:
    """The most work in windows which, moved to their worst alignment, have the lengths L."""
    jobs = np.floor(L / T)
    part = np.minimum(C, L - jobs * T)
    jobs *= C
    jobs += part
    return jobs


def delay(start: Floats, limit: Floats, block: Block, i: int, lag: Floats, m: int) -> Floats:
    """The least x >= `start` with floor(Σ min(work in C + x + lag, x + 1) / m) <= x; beyond `limit`: it is too.

    With the works as they are at x, the least such y has, for some k < m, k works cut to y + 1 and the others whole:
    k (y + 1) + S < m (y + 1), where S sums all but the k largest. So y = min over k of floor(S / (m - k)).
    """
    x = start.copy()
    if i < m:
        return x  # fewer tasks than processors delay nothing
    live = np.flatnonzero(x <= limit)
    v, C, T, ahead = x[live], block.C[:i, live], block.T[:i, live], block.C[i, live] + lag[:i, live]
    for _ in range(CAP):
        if not live.size:
            return x
        works = workload(v + ahead, C, T)
        going = np.minimum(works, v + 1).sum(axis=0) >= m * (v + 1)
        y = np.where(going, frozen(works, m), v)
        x[live] = y
        going &= y <= limit[live]
        if not going.all():
            kept = np.flatnonzero(going)
            live, y = live[kept], y[kept]
            C, T, ahead = C.take(kept, axis=1), T.take(kept, axis=1), ahead.take(kept, axis=1)
        v = y
    x[live] = np.nan
    return x


def frozen(works: Floats, m: int) -> Floats:
    """The least y with Σ min(works, y + 1) < m (y + 1), as `delay` says; there are at least m works."""
    rest = works.sum(axis=0)
    y: Floats = np.floor(rest / m)
    if m > 1:
        edge = len(works) - m + 1
        largest = np.sort(np.partition(works.T.copy(), edge, axis=1)[:, edge:], axis=1)
        for k in range(1, m):
            rest -= largest[:, -k]
            np.minimum(y, np.floor(rest / (m - k)), out=y)
    return y
