"""Cause-effect chains in a run: how long they take to react, how old their outputs become, and what gets lost.

The quantities are those of `rtsched.model.quantities`. They count from the warm-up on, reactions from the first read at
which every task of the chain has begun: before that nothing may follow, for however long offsets last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtsched.metrics.figures import ChainFigures, EndFigures
from rtsched.metrics.reading import reads, writes
from rtsched.model.quantities import QUANTITIES, trigger_path
from rtsched.model.taskgraph import ChainSpec, SystemSpec
from rtsched.trace.trace import ABORTED, DROPPED, LATE, Trace

Integers = NDArray[np.int64]
Window = tuple[int, int]


class Ends(NamedTuple):
    """What was measured: from when (ns), until when, and the job of the last task that ended it (-1: none did)."""

    begins: Integers
    ends: Integers
    jobs: Integers

    @property
    def times(self) -> Integers:
        """How long each took that came to an end, in ns."""
        done = self.jobs >= 0
        return (self.ends - self.begins)[done]

    def within(self, window: Window | None) -> Ends:
        """Those that begin in a window."""
        if window is None:
            return self
        keep = (self.begins >= window[0]) & (self.begins < window[1])
        return Ends(self.begins[keep], self.ends[keep], self.jobs[keep])


class _Jobs(NamedTuple):
    """The finished jobs of a task: when they read, when they wrote, and which they are."""

    reads: Integers
    writes: Integers
    jobs: Integers


def _finished(trace: Trace, task: int, by: str) -> _Jobs:
    """The finished jobs of a task, by ``read`` or ``write``."""
    numbers = trace.numbers(task)
    numbers = numbers[trace.jobs["finish"][numbers] >= 0]
    found = _Jobs(reads(trace, task, numbers), writes(trace, task, numbers), np.asarray(numbers, dtype=np.int64))
    order = np.argsort(found.reads if by == "read" else found.writes, kind="stable")
    return _Jobs(found.reads[order], found.writes[order], found.jobs[order])


def begun(trace: Trace, chain: ChainSpec) -> int | None:
    """The first instant in ns at which a job of every task of a chain has read; None if one never does."""
    first = []
    for task in chain.tasks:
        starts = reads(trace, task, trace.numbers(task))
        if not (starts >= 0).any():
            return None
        first.append(int(starts[starts >= 0].min()))
    return max(first)


def window_of(trace: Trace, chain: ChainSpec) -> Window | None:
    """Where reads lie whose reactions count: from when all tasks of the chain have begun, or the warm-up on."""
    first = begun(trace, chain)
    return None if first is None else (max(first, trace.warm_up), trace.until)


# ---- sampled chains --------------------------------------------------------------------------------------------------


def reactions(trace: Trace, chain: ChainSpec, *, reduced: bool = False) -> Ends:
    """Every reaction of a chain: from each read of its first task but the last to the end of what the next one led to.

    A stimulus that comes just after a read is read by the next job. `reduced`: from each read to what came of it.
    """
    begins, reached, jobs = _finished(trace, chain.tasks[0], "read")
    for task in chain.tasks[1:]:
        those = _finished(trace, task, "read")
        position = np.searchsorted(those.reads, reached, side="left")
        there = (position < len(those.reads)) & (jobs >= 0)
        position = position[there]
        reached, jobs = reached.copy(), np.where(there, jobs, -1)
        reached[there], jobs[there] = those.writes[position], those.jobs[position]
    found = Ends(begins, reached, jobs)
    return found if reduced else _missed(found)


def _missed(found: Ends) -> Ends:
    """The reactions to stimuli that each read just missed, out of those to the reads: the next one serves them."""
    return Ends(found.begins[:-1], found.ends[1:], found.jobs[1:])


def ages(trace: Trace, chain: ChainSpec, *, reduced: bool = False) -> Ends:
    """Every age of a chain: from the read behind each output to the end of the next output (`reduced`: of itself).

    Followed backwards: the last job of the task before that had written when the next one read.
    """
    last = _finished(trace, chain.tasks[-1], "write")
    ends, jobs, reads = last.writes, last.jobs, last.reads
    if not reduced:
        ends, jobs = np.append(ends[1:], -1), np.append(jobs[1:], -1)
    for task in reversed(chain.tasks[:-1]):
        those = _finished(trace, task, "write")
        position = np.searchsorted(those.writes, reads, side="right") - 1
        there = position >= 0
        ends, jobs, reads = ends[there], jobs[there], those.reads[position[there]]
    return Ends(reads, ends, jobs)


def reaction_times(trace: Trace, chain: ChainSpec, window: Window | None = None, *, reduced: bool = False) -> Integers:
    """How long the chain takes to react to a stimulus that comes just after a read of its first task, in ns each.

    A job reads when it starts and writes when it finishes (implicit communication), or reads at its arrival and writes
    at its deadline (``let``). The stimulus that one job of the first task just missed is read by the next one; from
    there the first job that reads at or after each write is followed. `window` restricts the reads of the job that
    missed it (`reduced`: that read it, from where they then count). Duerr et al. (ACM TECS 18(5s), 2019).
    """
    return reactions(trace, chain, reduced=reduced).within(window).times


def data_ages(trace: Trace, chain: ChainSpec, window: Window | None = None, *, reduced: bool = False) -> Integers:
    """How old the chain's output becomes before the next one replaces it (`reduced`: when it appears), in ns each.

    Followed backwards from each job of the last task: the latest job of the preceding task that has written by the time
    of the read. `window` restricts the starts of the first task's job so found.
    """
    return ages(trace, chain, reduced=reduced).within(window).times


class Sampling(NamedTuple):
    """How often the first task of a chain read, and how many reads no output knows of; outputs, and how many repeat."""

    samples: int
    lost: int
    outputs: int
    repeated: int


def sampling(trace: Trace, chain: ChainSpec, window: Window | None = None) -> Sampling:
    """What a sampled chain loses and repeats, from the first read that an output knows of to the last such.

    A read is lost if it was overwritten before it was read on; an output is repeated if it comes from the same read as
    one before.
    """
    behind = ages(trace, chain, reduced=True).within(window).begins
    if not len(behind):
        return Sampling(0, 0, 0, 0)
    used = np.unique(behind)
    reads = _finished(trace, chain.tasks[0], "read").reads
    samples = int(((reads >= used[0]) & (reads <= used[-1])).sum())
    return Sampling(samples, samples - len(used), len(behind), len(behind) - len(used))


# ---- triggered chains ------------------------------------------------------------------------------------------------


def triggers_of(system: SystemSpec, chain: ChainSpec) -> tuple[int, ...] | None:
    """All tasks of a chain in which each releases the next; None where some task comes by itself."""
    return trigger_path([task.after for task in system.tasks], chain.tasks)


class TriggeredEnds(NamedTuple):
    """The latencies that came to an end; the jobs that were lost on the way; the longest wait of an open one, in ns."""

    ends: Ends
    lost: Integers
    open: int


def latencies(trace: Trace, chain: ChainSpec, window: Window | None = None) -> TriggeredEnds | None:
    """The latencies of a chain in which each task releases the next: arrival of the first job to end of the last.

    None of other chains. What chance did not trigger, or the end of the run, is in nothing. `window` restricts the
    arrivals.
    """
    path = triggers_of(trace.system, chain)
    if path is None:
        return None
    rows = trace.jobs
    numbers = trace.numbers(path[0])
    begins = rows["arrival"][numbers]
    lost, longest = [], 0
    for place, task in enumerate(path):
        if place:
            numbers, begins = _released(trace, numbers, begins, trace.numbers(task))
        keep = np.full(len(begins), True) if window is None else (begins >= window[0]) & (begins < window[1])
        never = keep & (rows["finish"][numbers] < 0)
        gone = never & np.isin(rows["outcome"][numbers], (DROPPED, ABORTED, LATE))
        lost.append(numbers[gone])
        waiting = begins[never & ~gone]
        longest = max(longest, trace.end - int(waiting.min())) if len(waiting) else longest
    done = rows["finish"][numbers] >= 0
    numbers = numbers[done]
    ends = Ends(begins[done], rows["finish"][numbers], np.asarray(numbers, dtype=np.int64))
    return TriggeredEnds(ends.within(window), np.concatenate(lost), longest)


def _released(trace: Trace, triggers: Integers, begins: Integers, jobs: Integers) -> tuple[Integers, Integers]:
    """The jobs that those of a trigger released at their ends, and when each latency began."""
    finish = trace.jobs["finish"][triggers]
    order = np.lexsort((begins, finish))
    order = order[finish[order] >= 0]
    finish, begins = finish[order], begins[order]
    arrival = trace.jobs["arrival"][jobs]
    # the k-th job of an instant is of the k-th trigger that ended then
    place = np.searchsorted(finish, arrival, side="left")
    place += np.arange(len(arrival)) - np.searchsorted(arrival, arrival, side="left")
    there = place < len(finish)
    jobs, arrival, place = jobs[there], arrival[there], place[there]
    same = finish[place] == arrival
    return jobs[same], begins[place[same]]


# ---- all of them -----------------------------------------------------------------------------------------------------


def measured(trace: Trace, chain: ChainSpec) -> dict[str, Ends]:
    """Every quantity that a chain has in a run, by its code: what figures show, and what proofs are held against."""
    found = {}
    window = window_of(trace, chain)
    if window is not None:
        served = reactions(trace, chain, reduced=True)
        missed = _missed(served)
        counts = (served.begins[1:] >= window[0]) & (served.begins[1:] < window[1])
        found["mrt"] = Ends(*(column[counts] for column in missed))
        found["mrrt"] = served.within(window)
        found["mda"] = ages(trace, chain).within((trace.warm_up, trace.until))
        found["mrda"] = ages(trace, chain, reduced=True).within((trace.warm_up, trace.until))
    triggered = latencies(trace, chain, (trace.warm_up, trace.until))
    if triggered is not None:
        found["triggered"] = triggered.ends
    return found


def chain_figures(trace: Trace, chain: ChainSpec) -> ChainFigures:
    """The end-to-end quantities of a chain, what it loses, and whether it keeps what is required of it."""
    window = window_of(trace, chain) if trace.kept else None
    found = measured(trace, chain) if trace.kept else {}
    triggered = latencies(trace, chain, (trace.warm_up, trace.until)) if "triggered" in found else None
    ends = []
    for code in QUANTITIES:
        limit = chain.limits.get(code)
        if code not in found and limit is None:
            continue
        kept = None
        if trace.kept and limit is not None:
            kept = _in_time(trace, limit, triggered) if triggered and code == "triggered" else None
            kept = _kept(trace, chain, found.get(code), limit) if code != "triggered" else kept
        ends.append(_figures(code, found.get(code), limit, kept))
    most_of = {each.quantity: each.max for each in ends}
    answers = [each.kept for each in ends if each.kept is not None]
    sampled = triggers_of(trace.system, chain) is None
    through = sampling(trace, chain, (trace.warm_up, trace.until)) if sampled and window is not None else None
    return ChainFigures(
        name=chain.name,
        tasks=tuple(trace.system.tasks[task].name for task in chain.tasks),
        reaction_time_max=most_of.get("mrt"),
        data_age_max=most_of.get("mda"),
        reduced_data_age_max=most_of.get("mrda"),
        max_reaction=chain.max_reaction,
        max_age=chain.max_age,
        kept=all(answers) if answers else None,
        id=chain.id,
        ends=tuple(ends),
        samples=None if through is None else through.samples,
        samples_lost=None if through is None else through.lost,
        outputs=None if through is None else through.outputs,
        outputs_repeated=None if through is None else through.repeated,
        lost=None if triggered is None else len(triggered.lost),
    )


def _figures(code: str, seen: Ends | None, limit: int | None, kept: bool | None) -> EndFigures:
    about = QUANTITIES[code]
    times = np.empty(0, dtype=np.int64) if seen is None else seen.times
    most = int(times.max()) if len(times) else None
    return EndFigures(
        quantity=code,
        name=about.name,
        begins=about.begins,
        ends=about.ends,
        max=most,
        count=len(times),
        limit=limit,
        slack=None if limit is None or most is None else limit - most,
        kept=kept,
    )


def _in_time(trace: Trace, limit: int, seen: TriggeredEnds) -> bool | None:
    """Whether every latency was within its limit; one that was dropped on its way, or is open beyond it, was not."""
    times = seen.ends.times
    if len(seen.lost) or seen.open > limit or (len(times) and int(times.max()) > limit):
        return False
    return True if len(times) else None


def _kept(trace: Trace, chain: ChainSpec, seen: Ends | None, limit: int) -> bool | None:
    """Whether a limit of a sampled chain was kept; what never came, in a run that was long enough for it, breaks it."""
    times = np.empty(0, dtype=np.int64) if seen is None else seen.times
    if len(times) and int(times.max()) > limit:
        return False
    if _goes_on(trace.system, chain):
        arrivals = [trace.jobs_of(task)["arrival"] for task in chain.tasks]
        begin = max([trace.warm_up, *(int(those.min()) for those in arrivals if len(those))])
        if not len(times) and trace.until - begin > limit:
            return False
        if seen is not None and (seen.begins[seen.jobs < 0] + limit < trace.until).any():
            return False
    return True if len(times) else None


def _goes_on(system: SystemSpec, chain: ChainSpec) -> bool:
    """Whether no task of a chain ends by its own description."""
    for task in chain.tasks:
        spec = system.tasks[task]
        while spec.after is not None:
            spec = system.tasks[spec.after]
        if spec.count is not None or spec.release is not None or spec.arrival.kind == "trace":
            return False
    return True
