"""What simulations beside a proof show: the worst responses, the earliest miss; and a stop where they beat a bound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import api
from rtsched.errors import SchedulerError, SoundnessError
from rtsched.model.task import Sporadic
from rtsched.schedulability.analyse import SystemAnalysis
from rtsched.schedulability.theorem import theorems
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
class WorstChain:
    """The longest reaction of a chain and its oldest data that were seen, in ns (None: none), and in which runs."""

    reaction: int | None = None
    age: int | None = None
    reaction_in: str = ""
    age_in: str = ""


@dataclass(frozen=True)
class Observation:
    """What was seen in `runs` simulated runs: per task the worst response (None: no job ended) and misses; chains."""

    runs: int
    jobs: int
    worst: tuple[Worst | None, ...]
    misses: tuple[int, ...]
    chains: tuple[WorstChain, ...] = ()
    responses: tuple[np.ndarray[Any, np.dtype[np.int64]], ...] = ()


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


class Observer:
    """Simulates patterns, remembers the worst, and compares with what is proven."""

    def __init__(self, analysis: SystemAnalysis, description: dict[str, Any], seed: int) -> None:
        self.analysis, self.description, self.seed = analysis, description, seed
        count = len(analysis.system.tasks)
        self.worst: list[Worst | None] = [None] * count
        self.misses = [0] * count
        self.chains = [WorstChain() for _ in analysis.system.chains]
        self.responses: list[list[np.ndarray[Any, np.dtype[np.int64]]]] = [[] for _ in range(count)]
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
            most = int(ended.max())
            old = self.worst[index]
            if old is None or most > old.response:
                self.worst[index] = Worst(most, pattern.name, pattern.seed)
            if sum(map(len, self.responses[index])) < KEPT:
                self.responses[index].append(ended)
            self._check(task.name, most, pattern, trace)
        if late.any():
            self._late(jobs, late, pattern, trace)
        if self.chains and self._punctual(pattern):
            self._chains(pattern, trace)

    def _check(self, task: str, response: int, pattern: Pattern, trace: Trace) -> None:
        bound = self.proven[task]
        if bound.wcrt is not None and response > bound.wcrt:
            raise self._beaten(
                f"{task!r} took {response} ns", bound.test, bound.wcrt, pattern, trace, task=task, observed_ns=response
            )

    def _beaten(self, what: str, test: str, limit: int, pattern: Pattern, trace: Trace, **claim: Any) -> SoundnessError:
        known = theorems()
        who = known[test].called if test in known else test
        return SoundnessError(
            f"{what} in a simulation ({pattern.name}, seed {pattern.seed}), and {who} proves at most {limit} ns: one "
            "of the two is wrong; please report it with its file",
            self.analysis,
            trace,
            claim | {"test": test, "bound_ns": limit, "pattern": pattern.name, "seed": pattern.seed},
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

    def _chains(self, pattern: Pattern, trace: Trace) -> None:
        """The worst reaction and age of every chain, from when all its tasks have begun."""
        from rtsched.metrics.summary import begun, data_ages, reaction_times

        for place, (chain, result) in enumerate(zip(trace.system.chains, self.analysis.chains, strict=True)):
            first = begun(trace, chain)
            if first is None:
                continue
            window = (first, pattern.until)
            reaction = int(reaction_times(trace, chain, window).max(initial=-1))
            age = int(data_ages(trace, chain, window, reduced=True).max(initial=-1))
            old = self.chains[place]
            if reaction > (-1 if old.reaction is None else old.reaction):
                old = WorstChain(reaction, old.age, pattern.name, old.age_in)
            if age > (-1 if old.age is None else old.age):
                old = WorstChain(old.reaction, age, old.reaction_in, pattern.name)
            self.chains[place] = old
            for what, seen, limit in (
                ("reacted after", reaction, result.bounds[0].wcrt if result.bounds else None),
                ("had data of", age, result.details.get("data_age_ns")),
            ):
                if limit is not None and seen > limit:
                    raise self._beaten(
                        f"chain {chain.name!r} {what} {seen} ns", "chain-latency", limit, pattern, trace,
                        chain=chain.name, observed_ns=seen,
                    )  # fmt: skip

    def observation(self) -> Observation:
        """What was seen."""
        responses = tuple(np.concatenate(each) if each else np.empty(0, dtype=np.int64) for each in self.responses)
        return Observation(self.runs, self.jobs, tuple(self.worst), tuple(self.misses), tuple(self.chains), responses)
