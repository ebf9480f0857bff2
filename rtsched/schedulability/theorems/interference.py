"""What the jobs of a DAG task can do in a window on processors of one type, and bounds that lean on each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rtsched.schedulability.theorems.fixpoint import NotConverged

#: Looks at what another task can do before a joint fixpoint is given up: some ten seconds.
MOST_LOOKS = 10**7


class JobWork(NamedTuple):
    """What jobs can do on one type of processors: `volume` each, within `response` of arrivals `T` apart.

    `rate` is the most that a job does in a tick; `most` bounds the work whatever the window (None: nothing does).
    `chains`: the work of some paths of its graph that share none (`Dag.chains`), the longest first.
    """

    T: int
    response: int
    volume: int
    rate: int
    most: int | None = None
    chains: tuple[int, ...] = ()

    @property
    def full(self) -> int:
        """In so many ticks, and in fewer perhaps not, a job can do all that it has to."""
        return max(self.chains[0] if self.chains else 0, -(-self.volume // self.rate))

    def in_one(self, x: int) -> int:
        """The most that one job does in x ticks: of a path no more than x, and no more than `rate` in a tick.

        >>> [JobWork(10, 8, 9, 3, chains=(4, 3)).in_one(x) for x in (-1, 1, 2, 3, 4, 5)]
        [0, 3, 6, 8, 9, 9]
        """
        if x <= 0:
            return 0
        paths, left = 0, self.volume
        for length in self.chains:
            if length <= x:
                break
            paths, left = paths + 1, left - length
        return min(paths * x + left, self.rate * x)

    def within(self, L: int) -> int:
        """The most work in a window of `L`: one job from its latest start on, the others as soon as they arrive.

        W of Melani et al., ECRTS 2015, section V, where the window is not shorter than the first job's stay in it. Jobs
        of a task do not overlap, also where they may respond later than T; `volume` is at most what `rate` does in T.

        With `chains`: see `_of_graphs`.

        >>> [JobWork(10, 8, 6, 2).within(L) for L in (1, 3, 5, 6, 8, 15, 18)]
        [2, 6, 6, 8, 12, 12, 18]
        >>> [JobWork(10, 8, 6, 2, chains=(5,)).within(L) for L in (1, 3, 5, 6, 8, 15, 18)]
        [2, 4, 6, 6, 8, 12, 14]
        """
        room = self.rate * (L - self.T + self.response) - self.volume
        if self.chains:
            found = self._of_graphs(L)
        elif room <= 0:
            found = min(self.volume, self.rate * max(L, 0))
        else:
            whole, rest = divmod(room, self.rate * self.T)
            found = (1 + whole) * self.volume + min(self.volume, rest)
        if self.response > self.T:
            found = min(found, self.rate * max(L, 0))
        return found if self.most is None else min(found, self.most)

    def _of_graphs(self, L: int) -> int:
        """The most work in a window of `L`, by what one job does in the part of it in which it may run.

        Where n + 1 jobs work in the window, the last arrives n T after the first or later. The first is done within
        `response` of its arrival: both together have s = L - n T + response ticks of the window at most. What a job
        does in x ticks (`in_one`) is the least of straight lines, so it grows less and less: two do most with s / 2
        each. The others do all they have. From s = 2 `full` on a further job between them only adds.
        """
        full, found = self.full, 0
        n = (L + self.response - 2 * full) // self.T
        if n < 1:
            n, found = 1, self.in_one(L)
        while (s := L - n * self.T + self.response) > 1:
            found = max(found, (n - 1) * self.volume + self.in_one(s // 2) + self.in_one(s - s // 2))
            n += 1
        return found

    def rises(self, L: int) -> tuple[int, int]:
        """The most work in a window of `L`, and for how many ticks more it is sure to rise, at its rate in each.

        >>> [JobWork(10, 8, 6, 2).rises(L) for L in (1, 3, 5, 6, 8, 15, 18)]
        [(2, 2), (6, 0), (6, 0), (8, 2), (12, 0), (12, 3), (18, 0)]
        """
        found = self.within(L)
        if self.chains or self.response > self.T:
            return found, 0  # there what one job does cuts off what the next one does
        room = self.rate * (L - self.T + self.response) - self.volume
        rest = self.rate * L if room <= 0 else room % (self.rate * self.T)
        left = max(0, self.volume - rest)
        if self.most is not None:
            left = min(left, self.most - found)
        return found, left // self.rate


def due_within(D: int, deadline: int, work: JobWork) -> int:
    """The most work, in a window `D` long that ends at a deadline, of jobs with deadlines by then.

    `deadline` is theirs, relative to their arrivals. The last of them has it at the end, and each is done within its
    response time: the k-th before it has D - k T - D_j + R_j ticks of the window, and does no more in them than one job
    can (`in_one`; without chains min(volume, rate x)); a later deadline of the last one only adds to each.

    >>> [due_within(D, 8, JobWork(10, 6, 4, 1)) for D in (2, 5, 6, 13, 15, 16)]
    [0, 3, 4, 5, 7, 8]
    >>> [due_within(D, 8, JobWork(10, 6, 8, 3, chains=(5, 2))) for D in (2, 3, 4, 7, 13)]
    [0, 3, 5, 8, 11]
    """
    if work.chains:
        ticks, full = D - deadline + work.response, work.full
        whole = max(0, (ticks - full) // work.T + 1)
        return whole * work.volume + sum(work.in_one(x) for x in range(ticks - whole * work.T, 0, -work.T))
    reach = work.rate * (D - deadline + work.response)
    if reach < work.volume:
        return max(reach, 0)
    whole = (reach - work.volume) // (work.rate * work.T) + 1
    return whole * work.volume + min(work.volume, max(0, reach - whole * work.rate * work.T))


def stride(lack: int, scale: int, rising: list[tuple[int, int]]) -> int:
    """The least d with lack + Σ rate min(d, span) < d scale, for all (span, rate) in `rising` and lack >= 0.

    By so much a window grows before what is now `lack` more than fits into it fits, when works go on to rise, each at
    its rate for its span, and then stay: they do no less than that.

    >>> stride(5, 2, []), stride(5, 2, [(3, 1)]), stride(5, 2, [(100, 1)]), stride(5, 2, [(3, 1), (9, 1)])
    (3, 5, 6, 9)
    """
    rates = sum([rate for _, rate in rising])
    for span, rate in sorted(rising):
        if rates < scale and lack // (scale - rates) < span:
            break
        lack += rate * span
        rates -= rate
    return lack // (scale - rates) + 1


class Looks:
    """How many looks at other tasks are left; raises NotConverged beyond MOST_LOOKS."""

    def __init__(self) -> None:
        self.left = MOST_LOOKS

    def spend(self, count: int) -> None:
        """So many looks at another task."""
        self.left -= count
        if self.left < 0:
            raise NotConverged(f"after {MOST_LOOKS} looks at what tasks can do to each other their bounds still grew")


def joint_fixpoint(
    first: Mapping[str, int], step: Callable[[str, Mapping[str, int]], int | None]
) -> dict[str, int] | None:
    """The least bounds that hold together: ``step(name, bounds)`` gives no more than `bounds` says of any name.

    `step` is monotone and gives None where a bound exceeds what is allowed, `first` lies below all. None: there are no
    such bounds.

    >>> joint_fixpoint({"a": 1, "b": 1}, lambda name, now: min(4, now["b"] + 1) if name == "a" else now["a"])
    {'a': 4, 'b': 4}
    """
    bounds = dict(first)
    waiting = dict.fromkeys(bounds)
    while waiting:
        name = next(iter(waiting))
        del waiting[name]
        found = step(name, bounds)
        if found is None:
            return None
        if found > bounds[name]:
            bounds[name] = found
            waiting |= dict.fromkeys(other for other in bounds if other != name)
    return bounds
