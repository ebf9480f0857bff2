"""Job sets and the graph of their schedules (A10): every release and execution time of an interval at once.

What matters of a schedule on one processor is which jobs it has dispatched and when the processor becomes free. So a
state is a set of dispatched jobs with an interval of such instants. From a state, job k may be the next one, started
at s, if it can be released by s, while a more urgent job need not be released by s, and if the processor need not have
started something earlier: s is at most the latest end of the interval or, should nothing be released by then, the
first instant at which some job certainly is. All such s form an interval again, hence all instants at which k ends.

Why this is exact: a dispatch at s tells that more urgent jobs are released after s, and idling that nothing came
before s. Jobs take at least one tick, so at the next dispatch any of these may or may not have been released, just as
their intervals say: nothing needs to be remembered. Paths that have dispatched the same jobs share a state only where
their intervals overlap or touch; the hull of intervals with a gap would hold instants that no schedule reaches.

On several processors a state holds an interval per processor (the i-th one to become free), what they have in common
is lost, and the bounds are sufficient only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate, chain
from operator import or_
from typing import Literal, get_args

from rtsched.schedulability.theorems.fixpoint import NotConverged

Policy = Literal["work-conserving", "P-RM", "CW-EDF"]
#: When a job is stopped, earliest and latest, and how long the cleanup then takes, least and most.
Abort = tuple[int, int, int, int]
Span = tuple[int, int]
NEVER = 1 << 128  # beyond all instants
#: States after which a search is given up (some half a minute), and the bytes that two levels of it may take.
MOST_STATES, MOST_BYTES = 2_000_000, 1 << 30
#: What a state takes beside its sets of jobs, in bytes.
STATE_BYTES = 400
#: So many more states are looked at once a verdict is settled by a job that is late.
ONCE_LATE = 2_000
#: Per state, (jobs to do, known to be released), when the processor becomes free.
Level = dict[tuple[int, int], list[Span]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: intervals of release and execution time, an absolute deadline; a smaller priority is more urgent."""

    name: str
    r_min: int
    r_max: int
    c_min: int
    c_max: int
    deadline: int
    priority: int
    task: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        if not (self.r_min <= self.r_max and 0 <= self.c_min <= self.c_max):
            raise ValueError(f"job {self.name!r} has releases or costs out of order; write least, most, from cost 0")


@dataclass(frozen=True)
class JobSet:
    """Jobs on `m` identical processors; ties of priority go to the smaller task, then number, then position.

    `edges` are precedences between positions. `aborts`: a job of that position still running at the trigger is stopped
    and its cleanup runs instead; one that starts later is stopped at once. P-RM and CW-EDF refuse to start the most
    urgent released job late, and idle, where this could make another job late (one processor, no precedence).
    """

    jobs: tuple[Job, ...]
    m: int = 1
    edges: tuple[tuple[int, int], ...] = ()
    aborts: Mapping[int, Abort] = field(default_factory=dict)
    policy: Policy = "work-conserving"
    name: str = "job set"

    def __post_init__(self) -> None:
        for first, last, least, most in self.aborts.values():
            if not (first <= last and 0 <= least <= most):
                raise ValueError(
                    "an abort has its triggers or cleanups out of order; write least, most, from cleanup 0"
                )
        if self.m < 1:
            raise ValueError(f"{self.m} processors cannot run anything; give at least one")
        if self.policy not in get_args(Policy):
            raise ValueError(f"{self.policy!r} is no policy; take one of {', '.join(get_args(Policy))}")
        if self.policy != "work-conserving" and (self.m > 1 or self.edges):
            raise ValueError(f"{self.policy} is about independent jobs on one processor; take work-conserving")
        if not all(0 <= position < len(self.jobs) for position in (*chain.from_iterable(self.edges), *self.aborts)):
            raise ValueError("a precedence or an abort names a position without a job; count from 0")
        sorter: TopologicalSorter[int] = TopologicalSorter()
        for source, target in self.edges:
            sorter.add(target, source)
        try:
            sorter.prepare()
        except CycleError:
            raise ValueError("the precedence has a cycle, of which no job can be first; remove an edge") from None


class Starved(NotConverged):
    """A policy that refuses a job for ever: nothing is released any more that could make it change its mind."""

    def __init__(self, policy: str, job: str) -> None:
        super().__init__(
            f"{policy} may refuse {job!r} for ever: it is past its latest start, with nothing more to come"
        )
        self.job = job


class Graph:
    """What both searches share. Jobs are known by rank: 0 is the most urgent one, and bit k of a set is rank k.

    `window[i]` are the i jobs with the earliest possible releases, which `starts` lists: what can be released by t is
    one bisection away, and only that part of a set is ever looked at.
    """

    def __init__(self, model: JobSet, cap: int) -> None:
        self.model, self.cap, self.states, self.exact = model, cap, 0, model.m == 1
        self.whole = True
        self.late: int | None = None  # the states that had been seen as the first job was late
        self.idles = model.policy != "work-conserving"
        jobs = model.jobs
        self.order = sorted(range(len(jobs)), key=lambda i: (jobs[i].priority, jobs[i].task, jobs[i].number, i))
        self.jobs = [jobs[position] for position in self.order]
        self.r_min = [job.r_min for job in self.jobs]
        self.r_max = [job.r_max for job in self.jobs]
        rank = {position: k for k, position in enumerate(self.order)}
        self.before, self.after = [0] * len(jobs), [0] * len(jobs)
        for source, target in model.edges:
            self.before[rank[target]] |= 1 << rank[source]
            self.after[rank[source]] |= 1 << rank[target]
        self.aborts = {rank[position]: abort for position, abort in model.aborts.items()}
        by_release = sorted(range(len(jobs)), key=self.r_min.__getitem__)
        self.starts = [self.r_min[k] for k in by_release]
        self.window = [0]
        for k in by_release:
            self.window.append(self.window[-1] | 1 << k)
        self.by_latest = sorted(range(len(jobs)), key=self.r_max.__getitem__)
        #: what the first i jobs by their latest releases are, made when it is first asked for
        self.heads: list[int] = []
        self.passed = 0  # that many at the head of by_latest are dispatched in all states of the level
        self.best = [NEVER] * len(jobs)
        self.worst = [-NEVER] * len(jobs)

    def count(self, states: int) -> None:
        """Stop where there are too many states."""
        self.states += states
        if self.states > self.cap:
            raise NotConverged(f"the jobs can be dispatched in more ways than {self.cap} states hold")

    def hold(self, states: int) -> None:
        """Stop where the states with the same number of jobs take too much memory."""
        if states * (STATE_BYTES + len(self.jobs) // 4) > MOST_BYTES:
            raise NotConverged(f"after {self.states} states the next {states} take more than {MOST_BYTES >> 20} MiB")

    def skip(self, sets: Iterable[int]) -> None:
        """Move past the jobs that none of the sets to do holds."""
        union = 0
        for todo in sets:
            union |= todo
        while not union >> self.by_latest[self.passed] & 1:
            self.passed += 1

    def first_left(self, todo: int) -> int:
        """The place in `by_latest` of the first job to do."""
        low, high = self.passed, len(self.by_latest)
        if todo >> self.by_latest[low] & 1:
            return low
        if not self.heads:  # walking past all that one state has dispatched, and others not, was most of the search
            self.heads = list(accumulate((1 << k for k in self.by_latest), or_, initial=0))
        while low + 1 < high:
            middle = (low + high) // 2
            if self.heads[middle] & todo:
                high = middle
            else:
                low = middle
        return low

    def soonest(self, todo: int, ends: Mapping[int, Span]) -> int:
        """The first instant at which some job to do is certainly ready: released, and what it waits for has ended."""
        found: int | None = None
        for place in range(self.first_left(todo), len(self.by_latest)):
            k = self.by_latest[place]
            if found is not None and self.r_max[k] >= found:
                break
            if todo >> k & 1 and not self.before[k] & todo:
                ready = self.r_max[k]
                if ends:
                    ready = max([ready, *(ends[p][1] for p in _bits(self.before[k]))])
                found = ready if found is None else min(found, ready)
        assert found is not None, "no job is ready although some are left"
        return found

    def finishes(self, k: int, start: int, end: int) -> list[Span]:
        """All instants at which job k may end if it starts at any instant from `start` to `end`; best and worst."""
        job = self.jobs[k]
        timeless = job.c_min == 0
        spans = [(start + job.c_min, end + job.c_max)]
        if k in self.aborts:
            first, last, least, most = self.aborts[k]
            timeless = timeless or (least == 0 and first <= end)
            spans = []
            done = (start + job.c_min, min(end + job.c_max, last) if job.c_min else max(end, last))
            if done[0] <= done[1]:
                spans.append(done)
            late = max(start, first - job.c_max + 1)  # the first start from which k can still run at a trigger
            if late <= end:
                stopped = max(end, min(last, end + job.c_max - 1))
                spans.append((max(late, first) + least, stopped + most))
        for lowest, highest in spans:
            if lowest < self.best[k]:
                self.best[k] = lowest
            if highest > self.worst[k]:
                self.worst[k] = highest
                if highest > job.deadline and self.late is None:
                    self.late = self.states
        if timeless:  # it leaves a trace: nothing more urgent is released at the instant at which it begins and ends
            self.exact = False
        return spans


def _bits(jobs: int) -> Iterator[int]:
    """The ranks in a set, most urgent first."""
    while jobs:
        bit = jobs & -jobs
        jobs ^= bit
        yield bit.bit_length() - 1


def _merged(spans: list[Span]) -> list[Span]:
    """The same instants in as few intervals as possible: those that overlap or touch become one."""
    if len(spans) == 1:
        return spans
    spans.sort()
    kept = [spans[0]]
    for first, last in spans:
        if first > kept[-1][1] + 1:
            kept.append((first, last))
        elif last > kept[-1][1]:
            kept[-1] = kept[-1][0], last
    return kept


class OneProcessor(Graph):
    """A state is (jobs to do, those of them known to be released), with the instants at which the processor is free.

    Only a policy that refused to start a job knows that it is released: a work-conserving one would have started it.
    """

    def run(self, settle: bool = False) -> None:
        """Level by level: all states with the same number of dispatched jobs.

        With `settle`, not for much longer once a job is late: then `whole` is False.
        """
        level: Level = {((1 << len(self.jobs)) - 1, 0): [(self.starts[0], self.starts[0])] if self.jobs else []}
        for _ in self.jobs:
            if settle and self.exact and self.late is not None and self.states > self.late + ONCE_LATE:
                self.whole = False
                return
            self.skip(todo for todo, _ in level)
            self.hold(len(level))
            after: Level = {}
            for (todo, known), spans in level.items():
                free = _merged(spans)
                self.count(len(free))
                for first, last in free:
                    for k, start, end in self.next_jobs(todo, known, first, last):
                        self.begin(todo, known, k, start, end, after)
            level = after

    def next_jobs(self, todo: int, known: int, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Each job that may be the most urgent released one as the processor decides, and from when to when."""
        until = last if known else max(last, self.soonest(todo, {}))
        pending = self.window[bisect_right(self.starts, until)] & todo
        while pending:
            bit = pending & -pending
            pending ^= bit
            k = bit.bit_length() - 1
            if self.before[k] & todo:
                continue
            if known & bit:
                yield k, first, until
                return
            start = max(first, self.r_min[k])
            if start <= until:
                yield k, start, until
            until = min(until, self.r_max[k] - 1)
            if until < first:
                return

    def begin(self, todo: int, known: int, k: int, start: int, end: int, after: Level) -> None:
        """Job k is the most urgent one at any instant from `start` to `end`: start it, unless the policy refuses."""
        found = [(known, k, start, end)]
        while found:
            known, k, start, end = found.pop()
            limit = self.latest_start(todo, k) if self.idles else None
            until = end if limit is None else min(end, limit)
            if start <= until:
                rest = todo ^ 1 << k
                for span in self.finishes(k, start, until):
                    kept = known and sum(1 << i for i in _bits(known & rest) if self.r_max[i] > span[0])
                    after.setdefault((rest, kept), []).append(span)
            if until < end:
                found += self.refuse(todo, known | 1 << k, k, max(start, until + 1))

    def refuse(self, todo: int, known: int, k: int, since: int) -> Iterator[tuple[int, int, int, int]]:
        """Idle, from `since` at the earliest, until the first release of a job more urgent than k; and which that is.

        No other release changes anything: the latest start of k depends only on the jobs to do.
        """
        self.count(1)
        urgent = list(_bits(todo & (1 << k) - 1))
        if not urgent:
            raise Starved(self.model.policy, self.jobs[k].name)
        until = min(self.r_max[i] for i in urgent)
        for i in urgent:
            start = max(since + 1, self.r_min[i])
            if start <= until:
                yield known, i, start, until
            until = min(until, self.r_max[i] - 1)

    def latest_start(self, todo: int, k: int) -> int | None:
        """After this instant the policy would rather idle than start job k; None: it always starts it."""
        job, jobs = self.jobs[k], self.jobs
        if self.model.policy == "P-RM":
            # Where k is the most urgent one, all jobs of the highest priority to do are released later.
            highest = [i for i in _bits(todo) if jobs[i].priority == jobs[0].priority]
            if job.priority == jobs[0].priority or not highest:
                return None
            soon = jobs[min(highest, key=self.r_max.__getitem__)]
            return soon.deadline - soon.c_max - job.c_max
        others: dict[int, Job] = {}
        for i in _bits(todo):
            other = others.setdefault(jobs[i].task, jobs[i])
            if (jobs[i].r_min, jobs[i].number) < (other.r_min, other.number):
                others[jobs[i].task] = jobs[i]
        others.pop(job.task)
        x: int | None = None
        for other in sorted(others.values(), key=lambda each: -each.deadline):
            x = (other.deadline if x is None else min(x, other.deadline)) - other.c_max
        return None if x is None else x - job.c_max


@dataclass(slots=True)
class _Cores:
    """When the i-th processor may become free, and when it certainly is; when jobs end that others wait for."""

    possible: list[int]
    certain: list[int]
    ends: dict[int, Span]

    def absorb(self, other: _Cores) -> bool:
        """Become the hull of both, if all their intervals overlap or touch."""
        mine, others = zip(self.possible, self.certain, strict=True), zip(other.possible, other.certain, strict=True)
        if any(max(a, c) > min(b, d) + 1 for (a, b), (c, d) in zip(mine, others, strict=True)):
            return False
        self.possible = [min(pair) for pair in zip(self.possible, other.possible, strict=True)]
        self.certain = [max(pair) for pair in zip(self.certain, other.certain, strict=True)]
        for k, (first, last) in other.ends.items():
            self.ends[k] = min(first, self.ends[k][0]), max(last, self.ends[k][1])
        return True


class SeveralProcessors(Graph):
    """Several processors: sufficient, as the hull of a state holds combinations that no schedule reaches."""

    def run(self) -> None:
        """Level by level, as on one processor; the bounds contain the truth."""
        begin = [self.starts[0] if self.jobs else 0] * self.model.m
        level = {(1 << len(self.jobs)) - 1: [_Cores(begin, begin, {})]}
        for _ in self.jobs:
            self.skip(level)
            self.hold(len(level))
            after: dict[int, list[_Cores]] = {}
            for todo, states in level.items():
                self.count(len(states))
                for state in states:
                    for k, start, end in self.next_jobs(todo, state):
                        rest = todo ^ 1 << k
                        made, known = self.started(rest, state, k, start, end), after.setdefault(rest, [])
                        if not any(each.absorb(made) for each in known):
                            known.append(made)
            level = after

    def next_jobs(self, todo: int, state: _Cores) -> Iterator[tuple[int, int, int]]:
        """Each job that may be dispatched next, and from when to when it may start."""
        until = max(state.certain[0], self.soonest(todo, state.ends))
        above: list[int] = []  # more urgent jobs that wait for others
        for k in _bits(self.window[bisect_right(self.starts, until)] & todo):
            if until < state.possible[0]:
                return
            if self.before[k] & todo:
                continue
            ready = (state.ends[p][0] for p in _bits(self.before[k]))
            start = max(state.possible[0], self.r_min[k], *ready)
            end = until
            for i in above:
                # What k waits for has ended when k starts: only the other predecessors can still hold up job i.
                held = (state.ends[p][1] for p in _bits(self.before[i] & ~self.before[k]))
                end = min(end, max([self.r_max[i], *held]) - 1)
            if start <= end:
                yield k, start, end
            if self.before[k]:
                above.append(k)
            else:
                until = min(until, self.r_max[k] - 1)

    def started(self, rest: int, state: _Cores, k: int, start: int, end: int) -> _Cores:
        """The state after job k has taken the first processor to be free at an instant from `start` to `end`.

        No later job starts before it, so that no processor counts as free before `start`.
        """
        spans = self.finishes(k, start, end)
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        ends = {**state.ends, k: (first, last)}
        return _Cores(
            sorted([first, *(max(start, free) for free in state.possible[1:])]),
            sorted([last, *(max(start, free) for free in state.certain[1:])]),
            {p: span for p, span in ends.items() if self.after[p] & rest},
        )
