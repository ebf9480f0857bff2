"""What simulations beside a proof show: the worst responses, the earliest miss; and a stop where they beat a bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import api
from rtsched.errors import SchedulerError, SoundnessError
from rtsched.model.quantities import QUANTITIES
from rtsched.model.task import Sporadic
from rtsched.model.taskgraph import ChainSpec
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.lowering.system_chains import bound_of, test_of
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems.weakly_hard import worst_window
from rtsched.verify.patterns import Pattern, horizon

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: Response times kept per task for histograms.
KEPT = 20_000


@dataclass(frozen=True)
class Worst:
    """The largest response of a task that was seen, in ns from the arrival, and in which run."""

    response: int
    run: str
    seed: int


@dataclass(frozen=True)
class WorstEnd:
    """The longest of `count` times of one end-to-end quantity that were seen, in ns (None: none), and in which run."""

    time: int | None = None
    count: int = 0
    run: str = ""
    seed: int = 0


@dataclass(frozen=True)
class WorstChain:
    """What was seen of a chain: of each quantity by its code; how often a job that led on to another was lost."""

    ends: dict[str, WorstEnd] = field(default_factory=dict)
    lost: int = 0

    def __getitem__(self, code: str) -> WorstEnd:
        return self.ends.get(code, WorstEnd())


@dataclass(frozen=True)
class WorstWindow:
    """The most misses of so many jobs of a task in a row that were seen, of `count` jobs, and in which run."""

    misses: int
    count: int
    run: str
    seed: int


@dataclass(frozen=True)
class Observation:
    """What was seen in `runs` simulated runs: per task the worst response (None: no job ended) and misses; chains.

    `ended` counts the jobs of each task that ended, of which `responses` may hold a part. `windows` are those of the
    tasks whose misses in a row are limited, by index.
    """

    runs: int
    jobs: int
    worst: tuple[Worst | None, ...]
    misses: tuple[int, ...]
    chains: tuple[WorstChain, ...] = ()
    responses: tuple[np.ndarray[Any, np.dtype[np.int64]], ...] = ()
    ended: tuple[int, ...] = ()
    windows: Mapping[int, WorstWindow] = field(default_factory=dict)


@dataclass(frozen=True)
class Counterexample:
    """A run with a missed deadline, allowed by the system: the shortest found. `job` is a row of ``trace.jobs``."""

    task: str
    run: str
    seed: int
    release: int
    deadline: int
    finish: int | None
    job: int
    trace: Trace

    def __str__(self) -> str:
        from rtsched import units

        time = units.format_duration
        late = "is not done" if self.finish is None else f"ends at {time(self.finish, digits=6)}"
        return (
            f"{self.task!r} released at {time(self.release, digits=6)} has to be done by "
            f"{time(self.deadline, digits=6)} and {late} ({self.run})"
        )


@dataclass(frozen=True)
class BrokenChain:
    """A run in which a chain does not keep what is required of it, the one that exceeds it by most.

    `job` is a row of ``trace.jobs``: the job of the last task with which what took too long ended, or the one that was
    lost on the way (`time` None).
    """

    chain: str
    quantity: str
    time: int | None
    limit: int
    task: str
    run: str
    seed: int
    job: int
    trace: Trace

    def __str__(self) -> str:
        from rtsched import units

        most = units.format_duration(self.limit, digits=6)
        name = QUANTITIES[self.quantity].name
        if self.time is None:
            return f"the {name} of chain {self.chain!r} has no end, for {self.task!r} lost a job ({self.run})"
        time = units.format_duration(self.time, digits=6)
        return f"the {name} of chain {self.chain!r} was {time}, and {most} is required ({self.run})"


class Observer:
    """Simulates patterns, remembers the worst, and compares with what is proven."""

    def __init__(self, analysis: SystemAnalysis, description: dict[str, Any], seed: int) -> None:
        self.analysis, self.description, self.seed = analysis, description, seed
        count = len(analysis.system.tasks)
        self.worst: list[Worst | None] = [None] * count
        self.misses = [0] * count
        self.chains = [WorstChain() for _ in analysis.system.chains]
        self.broken: BrokenChain | None = None
        self.responses: list[list[np.ndarray[Any, np.dtype[np.int64]]]] = [[] for _ in range(count)]
        self.ended = [0] * count
        self.windows: dict[int, WorstWindow] = {}
        self.runs = self.jobs = 0
        self.found: Counterexample | None = None
        self.proven = {bound.task: bound for bound in analysis.bounds}
        self.safe = {task.name for task in analysis.system.tasks if analysis.proves(task.index)}

    def see_all(self, patterns: Iterable[Pattern]) -> None:
        """The system as its file says, for a while, and then each pattern."""
        system = self.analysis.system
        self.see(Pattern("as declared", system, horizon(system), self.seed))
        for pattern in patterns:
            self.see(pattern)

    def see(self, pattern: Pattern) -> None:
        """Run one pattern."""
        from rtsched.engine.simulation import run

        scheduler = api.scheduler(self.description)
        try:
            trace = run(pattern.system, scheduler, until=pattern.until, seed=pattern.seed)
        except SchedulerError:
            if self.analysis.policy.plan is None or pattern.system is self.analysis.system:
                raise
            return  # who plans ahead may take the releases as they are declared, and no others
        self.judge(trace, pattern)

    def judge(self, trace: Trace, pattern: Pattern) -> None:
        """See what happened in a run of a pattern. Raises SoundnessError where it beats what is proven."""
        from rtsched.trace.trace import LATE, OK

        self.runs += 1
        jobs = trace.jobs
        self.jobs += len(jobs)
        done = np.isin(jobs["outcome"], (OK, LATE)) & (jobs["finish"] >= 0)
        response = jobs["finish"] - jobs["arrival"]
        # what was aborted or dropped is late; and so is what is still open, for the run lasts beyond all deadlines
        late = ~done | (jobs["finish"] > jobs["deadline"])
        for index, task in enumerate(self.analysis.system.tasks):
            mine = trace.numbers(index)
            ended = response[mine[done[mine]]]
            self.misses[index] += int(late[mine].sum())
            if not len(ended):
                continue
            self.ended[index] += len(ended)
            most = int(ended.max())
            old = self.worst[index]
            if old is None or most > old.response:
                self.worst[index] = Worst(most, pattern.name, pattern.seed)
            if sum(map(len, self.responses[index])) < KEPT:
                self.responses[index].append(ended)
            self._check(task.name, most, pattern, trace)
        if late.any():
            self._late(jobs, late, pattern, trace)
        punctual = bool(self.chains or self.analysis.misses) and self._punctual(pattern)
        if punctual:
            self._windows(late, pattern, trace)
        if self.chains:
            self._chains(pattern, trace, punctual)

    def _check(self, task: str, response: int, pattern: Pattern, trace: Trace) -> None:
        bound = self.proven[task]
        if bound.wcrt is not None and response > bound.wcrt:
            raise self._beaten(
                f"{task!r} took {response} ns", bound.test, bound.wcrt, pattern, trace, task=task, observed_ns=response
            )

    def _beaten(
        self, what: str, test: str, limit: int, pattern: Pattern, trace: Trace, unit: str = " ns", **claim: Any
    ) -> SoundnessError:
        known = theorems()
        who = known[test].called if test in known else test
        return SoundnessError(
            f"{what} in a simulation ({pattern.name}, seed {pattern.seed}), and {who} proves at most {limit}{unit}: "
            "one of the two is wrong; please report it with its file",
            self.analysis,
            trace,
            claim
            | {"test": test, "bound_ns" if unit else "bound": limit, "pattern": pattern.name, "seed": pattern.seed},
        )

    def _late(self, jobs: Any, late: Any, pattern: Pattern, trace: Trace) -> None:
        """Remember the miss that shows earliest; none may be of a task that is proven."""
        names = [task.name for task in self.analysis.system.tasks]
        rows = [int(row) for row in np.flatnonzero(late)]
        for row in rows:
            name = names[int(jobs["task"][row])]
            if name in self.safe:
                by = "".join(f" by {claim}" for claim in self.analysis.part_of(name).claims())
                raise SoundnessError(
                    f"{name!r} is proven schedulable{by} and missed its deadline at {int(jobs['deadline'][row])} ns in "
                    f"a simulation ({pattern.name}, seed {pattern.seed}): one of the two is wrong; please report it "
                    "with its file",
                    self.analysis,
                    trace,
                    {"task": name, "deadline_ns": int(jobs["deadline"][row]), "pattern": pattern.name}
                    | {"seed": pattern.seed},
                )
        row = min(rows, key=lambda row: int(jobs["deadline"][row]))
        job = jobs[row]
        if self.found is None or int(job["deadline"]) < self.found.deadline:
            finish = int(job["finish"])
            self.found = Counterexample(
                names[int(job["task"])],
                pattern.name,
                pattern.seed,
                int(job["release"]),
                int(job["deadline"]),
                None if finish < 0 else finish,
                row,
                trace,
            )

    def _punctual(self, pattern: Pattern) -> bool:
        """Whether no task comes less often than its file allows: what a chain senses would be older than it can be."""
        pairs = zip(pattern.system.tasks, self.analysis.system.tasks, strict=True)
        return all(not isinstance(run.arrival, Sporadic) or isinstance(own.arrival, Sporadic) for run, own in pairs)

    def _windows(self, late: Any, pattern: Pattern, trace: Trace) -> None:
        """The most misses in a row of the tasks that limit them, against what is proven.

        Not where a periodic task comes late: more of what is rare fits between its jobs than its file allows.
        """
        for index, bound in self.analysis.misses.items():
            task = self.analysis.system.tasks[index]
            assert task.misses is not None
            missed = late[trace.numbers(index)]
            most, old = worst_window(missed.tolist(), task.misses.of).misses, self.windows.get(index)
            count = len(missed) + (0 if old is None else old.count)
            if old is None or most > old.misses:
                self.windows[index] = WorstWindow(most, count, pattern.name, pattern.seed)
            else:
                self.windows[index] = replace(old, count=count)
            if bound.most is not None and most > bound.most:
                what = f"{task.name!r} missed {most} of {task.misses.of} jobs in a row"
                raise self._beaten(
                    what, bound.test, bound.most, pattern, trace, unit="", task=task.name, misses=most,
                    of=task.misses.of,
                )  # fmt: skip

    def _chains(self, pattern: Pattern, trace: Trace, punctual: bool) -> None:
        """The worst of every quantity of every chain, against the bound of the same name; latencies in any run."""
        from rtsched.metrics.summary import latencies, measured

        for place, (chain, result) in enumerate(zip(trace.system.chains, self.analysis.chains, strict=True)):
            for code, found in measured(trace, chain).items():
                times = found.times
                if not len(times) or not (punctual or code == "triggered"):
                    continue
                row, old = int(times.argmax()), self.chains[place][code]
                most, limit = int(times[row]), bound_of(result, code)
                worse = old.time is None or most > old.time
                new = WorstEnd(most, old.count, pattern.name, pattern.seed) if worse else old
                self.chains[place].ends[code] = replace(new, count=old.count + len(times))
                if limit is not None and most > limit:
                    what = f"the {QUANTITIES[code].name} ({code}) of chain {chain.name!r} was {most} ns"
                    raise self._beaten(
                        what,
                        test_of(result, code),
                        limit,
                        pattern,
                        trace,
                        chain=chain.name,
                        quantity=code,
                        observed_ns=most,
                    )
                required = chain.limits.get(code)
                if required is not None and most > required:
                    self._break(chain, code, most, int(found.jobs[found.jobs >= 0][row]), pattern, trace)
            if "triggered" in chain.limits and (seen := latencies(trace, chain)) is not None and len(seen.lost):
                before = self.chains[place]
                self.chains[place] = replace(before, lost=before.lost + len(seen.lost))
                self._break(chain, "triggered", None, int(seen.lost[0]), pattern, trace)

    def _break(self, chain: ChainSpec, code: str, time: int | None, job: int, pattern: Pattern, trace: Trace) -> None:
        """Remember what exceeds its limit by most; a job that was lost exceeds any."""
        limit = chain.limits[code]
        old = self.broken
        if old is not None and (old.time is None or (time is not None and time * old.limit <= old.time * limit)):
            return
        task = trace.system.tasks[int(trace.jobs["task"][job])].name
        self.broken = BrokenChain(chain.name, code, time, limit, task, pattern.name, pattern.seed, job, trace)

    def observation(self) -> Observation:
        """What was seen."""
        responses = tuple(np.concatenate(each) if each else np.empty(0, dtype=np.int64) for each in self.responses)
        worst, misses, chains = tuple(self.worst), tuple(self.misses), tuple(self.chains)
        return Observation(
            self.runs, self.jobs, worst, misses, chains, responses, tuple(self.ended), dict(self.windows)
        )
