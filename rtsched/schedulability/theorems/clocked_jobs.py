"""The latest ends of the single jobs of a hyperperiod: periodic tasks of one clock, preemptive fixed priorities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: A hyperperiod of more jobs is not followed.
MOST_JOBS = 20_000
#: Hyperperiods that are followed: what is pending has to be the same after two and three, whose ends are taken.
CYCLES = 4

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Clocked:
    """A periodic task: it arrives at `phase` + k T, takes at most C, and is released as it arrives."""

    C: int
    T: int
    phase: int = 0


def latest_ends(tasks: Sequence[Clocked]) -> list[tuple[int, ...]] | None:
    """How long after its arrival each job of a hyperperiod ends at most, from `phase` on; the most urgent task first.

    These are the ends in the schedule in which every job takes its C, once it repeats. Jobs are preempted at once and
    priorities are fixed: with shorter executions, or without the jobs before the first arrivals, none ends later.
    None: some job does not end within its period, or there are too many. After Günzel, Chen, Ueter, von der Brüggen,
    Dürr, Chen, RTAS 2021, who take the schedule with all worst-case execution times.

    >>> latest_ends([Clocked(1, 2), Clocked(2, 6, 1)])
    [(1, 1, 1), (3,)]
    >>> latest_ends([Clocked(3, 6), Clocked(1, 4, 1)]), latest_ends([Clocked(3, 6, 6), Clocked(1, 4, 5)])
    ([(3, 3), (3, 1, 1)], [(3, 3), (1, 1, 3)])
    """
    H = math.lcm(*(task.T for task in tasks))
    if sum(H // task.T for task in tasks) > MOST_JOBS or sum(H // task.T * task.C for task in tasks) > H:
        return None
    free: Spans = [(0, CYCLES * H)]
    found = []
    for task in tasks:
        ends, used, free = _serve(task, free)
        jobs, first = H // task.T, task.phase % task.T
        pending = [_served(used, cycle * H) for cycle in (2, 3)]
        if pending[1] - pending[0] != jobs * task.C or len(ends) < 3 * jobs:
            return None
        responses = [ends[place] - first - place * task.T for place in range(2 * jobs, 3 * jobs)]
        if max(responses) > task.T:
            return None
        turn = task.phase // task.T % jobs
        found.append((*responses[turn:], *responses[:turn]))
    return found


def _serve(task: Clocked, free: Spans) -> tuple[list[int], Spans, Spans]:
    """The ends of the jobs of a task in these free intervals, one after the other; what they use, and what they leave.

    A job that does not end in them uses what is left to it.
    """
    ends: list[int] = []
    used: Spans = []
    left: Spans = []
    arrival, rest = task.phase % task.T, task.C
    for begin, end in free:
        at = begin
        while at < end:
            if arrival > at:
                idle = min(arrival, end)
                left.append((at, idle))
                at = idle
                continue
            stop = min(at + rest, end)
            used.append((at, stop))
            rest -= stop - at
            at = stop
            if not rest:
                ends.append(stop)
                arrival, rest = arrival + task.T, task.C
    return ends, used, left


def _served(used: Spans, until: int) -> int:
    """How much was served before an instant."""
    return sum(min(end, until) - begin for begin, end in used if begin < until)
