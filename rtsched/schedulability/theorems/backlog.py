"""What a job finds undone when it arrives in the middle of a busy period: the parts of its response, and no others.

A bound counts all work of a busy period up to the end of a job, less the time before its arrival. What was done by then
is no part of the response; which tasks it belonged to is read off the run that attains the bound: the blocking first,
then all tasks as the bound lets them come, each time the most urgent one that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from rtsched.schedulability.result import Contribution

#: How parts name the earlier jobs of the task itself.
EARLIER = " (earlier jobs)"
#: After so many jobs, what delays is no longer told apart.
MOST_JOBS = 20_000


@dataclass(frozen=True, slots=True)
class Work:
    """A job of a busy period: `amount` for `source` (a place), there from `release` on; smaller `rank` goes first.

    Its `pieces` are never interrupted; without any it can be at any time.
    """

    source: int
    release: int
    rank: tuple[int, ...]
    amount: int
    pieces: tuple[int, ...] = ()


def done_before(jobs: Iterable[Work], begin: int, end: int) -> dict[int, int]:
    """How much of each source is done in [begin, end), where there always is work.

    >>> done_before([Work(0, 0, (0,), 2), Work(0, 5, (0,), 2), Work(1, 0, (1,), 4)], 0, 6)     # 0 again at 5
    {0: 3, 1: 3}
    """
    coming = sorted(jobs, key=lambda job: (job.release, job.rank), reverse=True)
    ready: list[tuple[tuple[int, ...], int]] = []
    left: list[tuple[Work, list[int]]] = []  # each job that has come, and its pieces that are left, the next one last
    done: dict[int, int] = {}
    now = begin
    while now < end and (coming or ready):
        # where nothing is there, the bound counts what comes next as if it were (some bounds that are not exact do)
        while coming and (coming[-1].release <= now or not ready):
            job = coming.pop()
            heappush(ready, (job.rank, len(left)))
            left.append((job, list(reversed(job.pieces)) or [job.amount]))
        job, pieces = left[ready[0][1]]
        until = min(end, now + pieces[-1])
        if not job.pieces and coming:
            until = min(until, max(coming[-1].release, now + 1))
        done[job.source] = done.get(job.source, 0) + until - now
        pieces[-1] -= until - now
        now = until
        if not pieces[-1]:
            pieces.pop()
        if not pieces:
            heappop(ready)
    return done


def parts_from(
    arrival: int,
    own: Contribution,
    blocking: Sequence[Contribution],
    others: Sequence[tuple[str, int]],
    jobs: Callable[[], Sequence[Work]],
) -> tuple[Contribution, ...]:
    """The parts of a response: `own`, and what is left of blocking and others (name, amount in all) at the `arrival`.

    `arrival` counts from the start of the busy period; if it lies before that, the job comes late by so much (jitter).
    """
    if arrival <= 0:
        found = [own, *blocking, *(Contribution("interference", name, amount) for name, amount in others)]
        found.append(Contribution("jitter", own.source, -arrival))
        return tuple(part for part in found if part.amount)
    found, passed = [own], 0
    for part in blocking:
        found.append(Contribution("blocking", part.source, part.amount - min(part.amount, max(0, arrival - passed))))
        passed += part.amount
    if passed < arrival:
        known = jobs()
        if len(known) > MOST_JOBS:
            rest = sum(amount for _, amount in others) - (arrival - passed)
            return (own, Contribution("interference", "earlier and more urgent jobs", rest))
        done = done_before(known, passed, arrival)
        others = [(name, amount - done.get(place, 0)) for place, (name, amount) in enumerate(others)]
    found += [Contribution("interference", name, amount) for name, amount in others]
    return tuple(part for part in found if part.amount)
