"""(m,k)-firm deadlines: at least m of any k consecutive jobs are in time; exact for concrete periodic systems.

A system with given offsets, periods and execution times has one schedule, and that repeats. So the misses of each task
form a pattern with a beginning and a cycle, and every window of k jobs can be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from math import lcm
from typing import NamedTuple

from rtsched.schedulability import needs
from rtsched.schedulability.models import Mode, Order, Sporadic, Uniprocessor
from rtsched.schedulability.result import Assumption, Bound, Failure, Result
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import CAP, NotConverged

#: Scheduling decisions after which an overloaded system is left: its lateness grows, and the schedule never repeats.
OVERLOADED = 20_000


@dataclass(frozen=True, slots=True)
class MissPattern:
    """The outcomes of a task's jobs, True for a miss: first those of `start`, then those of `cycle` again and again.

    >>> str(MissPattern((True,), (False, False, True)))
    'x(..x)'
    """

    start: tuple[bool, ...]
    cycle: tuple[bool, ...] = ()

    def __str__(self) -> str:
        start, cycle = ("".join("x" if missed else "." for missed in part) for part in (self.start, self.cycle))
        return f"{start}({cycle})" if cycle else start

    def __getitem__(self, job: int) -> bool:
        if job < len(self.start) or not self.cycle:
            return self.start[job]
        return self.cycle[(job - len(self.start)) % len(self.cycle)]


class Window(NamedTuple):
    """Consecutive jobs: how many of them miss, and which is the first."""

    misses: int
    first: int


def worst_window(pattern: MissPattern | Sequence[bool], k: int) -> Window:
    """The k consecutive jobs with the most misses (the earliest of them). A plain sequence is taken as it is.

    >>> worst_window(MissPattern((), (True, False, False, True)), 3)      # across the seam: job 3, 4 and 5
    Window(misses=2, first=2)
    >>> worst_window([True, False, False, True], 3)
    Window(misses=1, first=0)
    """
    pattern = _pattern(pattern)
    known = len(pattern.start) + len(pattern.cycle)
    firsts = known if pattern.cycle else max(1, known - k + 1)
    jobs = firsts + k - 1 if pattern.cycle else known
    misses = [0]
    for job in range(jobs):
        misses.append(misses[-1] + pattern[job])
    best = max(range(firsts), key=lambda first: (misses[min(first + k, jobs)] - misses[first], -first))
    return Window(misses[min(best + k, jobs)] - misses[best], best)


def satisfies(pattern: MissPattern | Sequence[bool], m: int, k: int) -> bool:
    """Whether at least m of any k consecutive jobs are in time.

    >>> satisfies(MissPattern((), (True, False, False)), 2, 3), satisfies(MissPattern((), (True, False)), 2, 3)
    (True, False)
    """
    if not 0 <= m <= k or k < 1:
        raise ValueError(f"an (m,k) constraint needs 0 <= m <= k and k >= 1, not ({m},{k})")
    return worst_window(pattern, k).misses <= k - m


def consecutive_misses(pattern: MissPattern | Sequence[bool]) -> int | None:
    """The most jobs in a row that miss; None if from some job on all do.

    >>> consecutive_misses(MissPattern((), (True, False, True))), consecutive_misses(MissPattern((False,), (True,)))
    (2, None)
    """
    pattern = _pattern(pattern)
    if pattern.cycle and all(pattern.cycle):
        return None
    longest = run = 0
    for missed in (*pattern.start, *pattern.cycle, *pattern.cycle):
        run = run + 1 if missed else 0
        longest = max(longest, run)
    return longest


def _pattern(pattern: MissPattern | Sequence[bool]) -> MissPattern:
    return pattern if isinstance(pattern, MissPattern) else MissPattern(tuple(pattern))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one task: its pattern of misses, and its longest response (of the jobs that were looked at)."""

    pattern: MissPattern
    R: int


class _Run:
    """The schedule of periodic tasks on one processor, one decision after the other (rules R1-R8 of the simulator)."""

    def __init__(self, model: Uniprocessor, offsets: Sequence[int]) -> None:
        self.tasks, self.edf, self.preemptive = model.tasks, model.order == "EDF", model.mode == "preemptive"
        self.offsets = tuple(offsets) or (0,) * len(self.tasks)
        n = len(self.tasks)
        self.released = [0] * n  # how many jobs have been
        self.left = [task.C for task in self.tasks]  # what the oldest unfinished job still needs
        self.finishes: list[list[int]] = [[] for _ in range(n)]
        self.running: int | None = None
        self.now = min(self.offsets)
        self.decisions = 0
        self._release()

    def arrival(self, index: int, job: int) -> int:
        return self.offsets[index] + job * self.tasks[index].T

    def _release(self) -> None:
        for index in range(len(self.tasks)):
            if self.arrival(index, self.released[index]) == self.now:
                self.released[index] += 1

    def _key(self, index: int) -> tuple[int, ...]:
        """Order R4: the priority, or the absolute deadline, then the arrival, then the task."""
        if not self.edf:
            return (index,)
        arrival = self.arrival(index, len(self.finishes[index]))
        return (arrival + self.tasks[index].D, arrival, index)

    def pending(self, index: int) -> int:
        """Jobs that have come and are not finished."""
        return self.released[index] - len(self.finishes[index])

    def step(self) -> None:
        """Decide, and go on to the next completion or release."""
        self.decisions += 1
        if self.preemptive or self.running is None:
            ready = (index for index in range(len(self.tasks)) if self.pending(index))
            self.running = min(ready, key=self._key, default=None)
        index = self.running
        until = min(self.arrival(place, count) for place, count in enumerate(self.released))
        if index is not None:
            until = min(until, self.now + self.left[index])
            self.left[index] -= until - self.now
            if not self.left[index]:
                self.finishes[index].append(until)
                self.left[index] = self.tasks[index].C
                self.running = None
        self.now = until
        self._release()

    @property
    def state(self) -> tuple[object, ...]:
        """All that matters for the future at instants that are a multiple of the hyperperiod apart."""
        running = None if self.preemptive else self.running
        return (tuple(map(self.pending, range(len(self.tasks)))), tuple(self.left), running)

    def outcome(self, index: int, begin: int, end: int) -> Outcome:
        """Of jobs 0 .. `end` - 1 (or those that are finished), those from `begin` on being the cycle."""
        task = self.tasks[index]
        finishes = islice(self.finishes[index], end)
        took = [finish - self.arrival(index, job) for job, finish in enumerate(finishes)]
        late = tuple(R > task.D for R in took)
        return Outcome(MissPattern(late[:begin], late[begin:]), max(took, default=0))

    def beginning(self, index: int) -> Outcome:
        """Of the jobs so far: those that are finished, and those that are not and are late already."""
        finished = len(self.finishes[index])
        known = self.outcome(index, finished, finished)
        due = -(-(self.now - self.tasks[index].D - self.offsets[index]) // self.tasks[index].T)
        return Outcome(MissPattern(known.pattern.start + (True,) * max(0, due - finished)), known.R)


def miss_patterns(model: Uniprocessor, offsets: Sequence[int] = (), cap: int = CAP) -> tuple[Outcome, ...]:
    """What becomes of each task of a periodic system in which every job takes exactly C; `offsets` () for all zero.

    Jobs that are late run to completion and delay the next job of their task (R2, R8). The state is compared at the
    last offset and each hyperperiod after it. Raises NotConverged where it never repeats (U > 1), or not within `cap`
    decisions.

    >>> tasks = (Sporadic("a", 2, 4, 4), Sporadic("b", 3, 6, 6))
    >>> [str(outcome.pattern) for outcome in miss_patterns(Uniprocessor(tasks))]      # b: at 7, 12
    ['(...)', '(x.)']
    """
    if model.U > 1:
        raise NotConverged(f"{model.name!r} is overloaded: the lateness grows without end")
    run = _Run(model, offsets)
    H = lcm(*(task.T for task in model.tasks))
    if sum(H // task.T for task in model.tasks) > cap:
        raise NotConverged(f"a hyperperiod of {model.name!r} holds more than {cap} jobs")
    seen: dict[tuple[object, ...], int] = {}
    mark = max(run.offsets)
    while True:
        while run.now < mark:
            run.step()
            if run.decisions > cap:
                raise NotConverged(f"the schedule of {model.name!r} did not repeat within {cap} decisions")
        if run.state in seen:
            break
        seen[run.state] = mark
        mark += H
    # A task releases its first job of the cycle at or after the mark: so many came before.
    ends = [-(-(mark - offset) // task.T) for offset, task in zip(run.offsets, model.tasks, strict=True)]
    begins = [-(-(seen[run.state] - offset) // task.T) for offset, task in zip(run.offsets, model.tasks, strict=True)]
    while any(len(finishes) < end for finishes, end in zip(run.finishes, ends, strict=True)):
        run.step()
    return tuple(run.outcome(index, begins[index], ends[index]) for index in range(len(model.tasks)))


class FirmTasks:
    """Tasks on one `processor`, and `constraints`: of each task an (m, k), of any k jobs m are in time."""

    processor: Uniprocessor
    constraints: tuple[tuple[int, int], ...]

    @property
    def tasks(self) -> tuple[Sporadic, ...]:
        """The tasks, as the constraints are sorted."""
        return self.processor.tasks

    @property
    def order(self) -> Order:
        """Which job goes first."""
        return self.processor.order

    @property
    def mode(self) -> Mode:
        """When a running job may be preempted."""
        return self.processor.mode

    @property
    def name(self) -> str:
        """The processor's."""
        return self.processor.name

    @property
    def not_firm(self) -> str | None:
        """What is wrong with a constraint, or with a time."""
        for m, k in self.constraints:
            if not 0 <= m <= k or k < 1:
                return f"an (m,k) constraint needs 0 <= m <= k and k >= 1, not ({m},{k})"
        if any(task.C < 1 or task.T < 1 for task in self.tasks):
            return "it needs C and T of at least one tick"
        return None


@dataclass(frozen=True)
class WeaklyHard(FirmTasks):
    """Periodic tasks on one processor with their offsets, and an (m, k) for each: of any k jobs, m are in time."""

    processor: Uniprocessor
    constraints: tuple[tuple[int, int], ...]
    offsets: tuple[int, ...] = ()


def _complete(model: WeaklyHard) -> str | None:
    """An (m,k) and, unless all are zero, an offset for each task, and times that make sense."""
    tasks = len(model.tasks)
    if len(model.constraints) != tasks or len(model.offsets) not in (0, tasks):
        return f"it needs an (m,k) and an offset for each of the {tasks} tasks"
    if any(offset < 0 for offset in model.offsets):
        return "it needs offsets of at least 0"
    return model.not_firm


@theorem(
    "mk-firm",
    title="(m,k)-firm deadlines of a periodic system with offsets",
    strength="exact",
    citation="Hamdaoui, Ramanathan, IEEE Transactions on Computers 44(12), 1995; simulation of a cycle",
    model=WeaklyHard,
    needs=(
        needs.order("FP", "EDF"),
        needs.mode("preemptive", "nonpreemptive"),
        needs.no_jitter,
        needs.no_blocking,
        needs.no_suspension,
        _complete,
    ),
    sustainable="",
)
def mk_firm(model: WeaklyHard) -> Result:
    """Of any k consecutive jobs of each task, at least m are in time; the bounds (exact) may lie beyond the deadlines.

    Under preemptive fixed priorities each task is looked at with the more urgent ones only, so that an overload further
    down does not matter. Of an overloaded task only the beginning is known: enough to refute it, not to accept it.

    >>> tasks = (Sporadic("a", 2, 4, 4), Sporadic("b", 3, 6, 6))
    >>> mk_firm(WeaklyHard(Uniprocessor(tasks), ((1, 1), (1, 2)))).verdict
    'schedulable'
    >>> result = mk_firm(WeaklyHard(Uniprocessor(tasks), ((1, 1), (2, 3))))
    >>> result.verdict, str(result.first_failure)
    ('unschedulable', "'b' misses 2 of the 3 jobs from job 0 on and may miss 1")
    """
    outcomes, cuts = _outcomes(model)
    bounds, failures, details = [], [], {}
    for task, (m, k), outcome, cut in zip(model.tasks, model.constraints, outcomes, cuts, strict=True):
        pattern = outcome.pattern
        bounds.append(Bound(task.name, None if cut else outcome.R, task.D, converged=not cut, exact=not cut))
        window = worst_window(pattern, k)
        misses_in_a_row = None if cut else consecutive_misses(pattern)
        details[task.name] = {"pattern": str(pattern), "worst": window.misses, "in_a_row": misses_in_a_row}
        if window.misses > k - m:
            why = (
                f"{task.name!r} misses {window.misses} of the {k} jobs from job {window.first} on and may miss {k - m}"
            )
            failures.append(Failure(task.name, why, trace={"pattern": str(pattern), "first": window.first}))
    cut = next(filter(None, cuts), "")
    verdict = "unschedulable" if failures else "unknown" if cut else "schedulable"
    return Result(
        verdict,  # type: ignore[arg-type]
        tuple(bounds),
        assumptions=_assumptions(model),
        first_failure=failures[0] if failures else None,
        reason=cut if verdict == "unknown" else "",
        details=details,
    )


def _outcomes(model: WeaklyHard) -> tuple[list[Outcome], list[str]]:
    """What becomes of each task, and why no more than a beginning is known of it (empty: all is)."""
    tasks = model.tasks
    if model.order == "EDF" or model.mode == "nonpreemptive":
        outcomes, cut = _look(model.processor, model.offsets)
        return list(outcomes), [cut] * len(tasks)
    looks = [
        _look(Uniprocessor(tasks[:count], model.order, model.mode, model.name), model.offsets[:count])
        for count in range(1, len(tasks) + 1)
    ]
    return [outcomes[-1] for outcomes, _ in looks], [cut for _, cut in looks]


def _look(processor: Uniprocessor, offsets: Sequence[int]) -> tuple[tuple[Outcome, ...], str]:
    """The whole schedule and "", or the beginning of one that was not seen to repeat and why."""
    try:
        return miss_patterns(processor, offsets), ""
    except NotConverged as error:
        run = _Run(processor, offsets)
        while run.decisions < OVERLOADED:
            run.step()
        return tuple(map(run.beginning, range(len(processor.tasks)))), str(error)


def _assumptions(model: WeaklyHard) -> tuple[Assumption, ...]:
    times = "every job takes exactly C" if model.mode != "preemptive" else "every job takes C; less makes no job later"
    return (
        Assumption(f"jobs arrive exactly at offset + kT, and {times}", "declared"),
        Assumption("late jobs run to completion and delay the next job of their task", "declared"),
    )
