"""One system, one policy: what is proven, what was seen, and whether the two agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched import api
from rtsched.errors import SoundnessError
from rtsched.schedulability import margins
from rtsched.schedulability.analyse import PartAnalysis, SystemAnalysis
from rtsched.schedulability.analyse import analyse as prove
from rtsched.schedulability.policy import policy_of
from rtsched.schedulability.result import Bound, Verdict
from rtsched.verify.patterns import Pattern, patterns

if TYPE_CHECKING:
    from rtsched.engine.trace import Trace
    from rtsched.model.platform import Platform
    from rtsched.model.system import System
    from rtsched.model.taskgraph import SystemSpec

#: Random patterns that are simulated beside the proof, unless asked otherwise.
RUNS = 20
#: In a part with more tasks than this and no quick test, only a few, the tightest, are moved by themselves.
MANY, FEW = 24, 6
#: Response times kept per task for histograms.
KEPT = 20_000


@dataclass(frozen=True)
class Worst:
    """The largest response of a task that was seen, in ns from the arrival, and in which run."""

    response: int
    run: str
    seed: int


@dataclass(frozen=True)
class Observation:
    """What was seen in `runs` simulated runs: the worst response per task (None: no job ended), and its misses."""

    runs: int
    jobs: int
    worst: tuple[Worst | None, ...]
    misses: tuple[int, ...]
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


@dataclass(frozen=True)
class Verification:
    """The proof of a system, the simulations beside it, and a counterexample if one was found."""

    loaded: api.Loaded
    description: dict[str, Any]
    analysis: SystemAnalysis
    observation: Observation | None
    counterexample: Counterexample | None
    seed: int = 0
    margin_cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def system(self) -> SystemSpec:
        """The lowered system."""
        return self.analysis.system

    @property
    def verdict(self) -> Verdict:
        """Schedulable only by a theorem; unschedulable by an exact test or by a counterexample; else unknown."""
        return "unschedulable" if self.counterexample is not None else self.analysis.verdict

    def part_verdict(self, part: PartAnalysis) -> Verdict:
        """The verdict of one part, a counterexample in it included."""
        found = self.counterexample
        if found is not None and found.task in {self.system.tasks[index].name for index in part.view.tasks}:
            return "unschedulable"
        return part.result.verdict

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The best bound of every task."""
        return self.analysis.bounds

    def observed(self, index: int) -> int | None:
        """The worst response of a task that was seen, in ns."""
        worst = None if self.observation is None else self.observation.worst[index]
        return None if worst is None else worst.response

    @cached_property
    def breakdown(self) -> Fraction | None:
        """The largest factor of all execution times for which all parts are proven; None if there is none."""
        factors = [margins.breakdown(part.view.models) for part in self.analysis.parts]
        return None if any(factor is None for factor in factors) else min(f for f in factors if f is not None)

    @cached_property
    def sensitivity(self) -> dict[str, margins.Margin]:
        """How far each task can move by itself, by name; in parts of very many tasks only the tightest."""
        found = {}
        slack = {bound.task: Fraction(bound.slack or 0, bound.deadline) for bound in self.bounds}
        for part in self.analysis.parts:
            names = [self.system.tasks[index].name for index in part.view.tasks]
            if part.view.models:
                if len(names) > MANY and not margins.quick(part.view.models):
                    tight = set(sorted(names, key=lambda name: slack[name])[:FEW])
                    names = [name for name in names if name in tight]
                found.update({margin.task: margin for margin in margins.sensitivity(part.view.models, names)})
        return found

    @cached_property
    def inputs_sha256(self) -> str:
        """A fingerprint of the system as it was described, its platform and the policy."""
        described = {
            "system": self.loaded.system.model_dump(mode="json", by_alias=True),
            "platform": self.loaded.platform.model_dump(mode="json", by_alias=True),
            "scheduler": self.description,
        }
        text = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def __bool__(self) -> bool:
        raise TypeError("a Verification is three-valued: compare .verdict")

    def _repr_html_(self) -> str:
        head = "<tr><th>task</th><th>deadline (ns)</th><th>bound (ns)</th><th>seen (ns)</th><th>test</th></tr>"
        rows = "".join(
            f"<tr><td>{escape(bound.task)}</td><td>{bound.deadline}</td><td>{bound.wcrt}</td>"
            f"<td>{self.observed(index)}</td><td>{bound.test}</td></tr>"
            for index, bound in enumerate(self.bounds)
        )
        return f"<p><b>{escape(self.system.name)}: {self.verdict}</b></p><table>{head}{rows}</table>"


def describe(loaded: api.Loaded, scheduler: str | dict[str, Any] | None) -> dict[str, Any]:
    """The scheduler as a mapping of parts, however it was named. Raises InputError where it does not exist."""
    api._scheduler_of(loaded, scheduler)  # the names must exist
    return api.parts_of(loaded.system.scheduler if scheduler is None else scheduler)


def verify(
    source: str | Path | System | api.Loaded,
    *,
    scheduler: str | dict[str, Any] | None = None,
    platform: str | Platform | None = None,
    overrides: Sequence[str] = (),
    runs: int = RUNS,
    seed: int = 0,
) -> Verification:
    """Prove what can be proven of a system, and simulate it beside the proof.

    `runs` random release patterns are simulated beside the declared one and those that theory says are bad; 0 simulates
    nothing. Raises InputError, and SoundnessError when a simulation beats a proven bound.
    """
    loaded = api.load(source, platform=platform, overrides=overrides)
    description = describe(loaded, scheduler)
    system = loaded.lower()
    analysis = prove(system, policy_of(description))
    if not runs:
        return Verification(loaded, description, analysis, None, None, seed)
    observer = _Observer(analysis, loaded, description, seed)
    observer.declared(system)
    for pattern in patterns(system, runs, seed):
        observer.see(pattern)
    return Verification(loaded, description, analysis, observer.observation(), observer.found, seed)


#: The public name.
analyse = verify


class _Observer:
    """Simulates patterns, remembers the worst, and compares with what is proven."""

    def __init__(self, analysis: SystemAnalysis, loaded: api.Loaded, description: dict[str, Any], seed: int) -> None:
        self.analysis, self.loaded, self.description, self.seed = analysis, loaded, description, seed
        count = len(analysis.system.tasks)
        self.worst: list[Worst | None] = [None] * count
        self.misses = [0] * count
        self.responses: list[list[np.ndarray[Any, np.dtype[np.int64]]]] = [[] for _ in range(count)]
        self.runs = self.jobs = 0
        self.found: Counterexample | None = None
        self.proven = {bound.task: bound for bound in analysis.bounds}
        self.safe = {
            analysis.system.tasks[index].name
            for part in analysis.parts
            if part.result.verdict == "schedulable"
            for index in part.view.tasks
        }

    def declared(self, system: SystemSpec) -> None:
        """The system as its file says, for a while."""
        from rtsched.verify.patterns import horizon

        self.see(Pattern("as declared", system, horizon(system), self.seed))

    def see(self, pattern: Pattern) -> None:
        """Run one pattern."""
        from rtsched.engine.job import LATE, OK
        from rtsched.engine.simulation import run

        scheduler = api.scheduler(self.description)
        trace = run(pattern.system, scheduler, until=pattern.until, seed=pattern.seed)
        self.runs += 1
        jobs = trace.jobs
        self.jobs += len(jobs)
        done = np.isin(jobs["outcome"], (OK, LATE)) & (jobs["finish"] >= 0)
        response = jobs["finish"] - jobs["arrival"]
        # a job that was aborted, dropped or is still open has no response, and is late once its deadline has passed
        late = (done & (jobs["finish"] > jobs["deadline"])) | (~done & (jobs["deadline"] <= trace.end))
        for index, task in enumerate(self.analysis.system.tasks):
            mine = jobs["task"] == index
            ended = response[mine & done]
            self.misses[index] += int((late & mine).sum())
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

    def _check(self, task: str, response: int, pattern: Pattern, trace: Trace) -> None:
        bound = self.proven[task]
        if bound.wcrt is not None and response > bound.wcrt:
            raise SoundnessError(
                f"{task!r} took {response} ns in a simulation ({pattern.name}, seed {pattern.seed}), and {bound.test} "
                f"proves at most {bound.wcrt} ns: one of the two is wrong; please report it with its file",
                self.analysis,
                trace,
            )

    def _late(self, jobs: Any, late: Any, pattern: Pattern, trace: Trace) -> None:
        """Remember the miss that shows earliest."""
        rows = np.flatnonzero(late)
        row = int(rows[np.argmin(jobs["deadline"][rows])])
        job = jobs[row]
        name = self.analysis.system.tasks[int(job["task"])].name
        if name in self.safe:
            raise SoundnessError(
                f"{name!r} is proven schedulable and missed its deadline at {int(job['deadline'])} ns in a simulation "
                f"({pattern.name}, seed {pattern.seed}): one of the two is wrong; please report it with its file",
                self.analysis,
                trace,
            )
        if self.found is None or int(job["deadline"]) < self.found.deadline:
            finish = int(job["finish"])
            self.found = Counterexample(
                name,
                pattern.name,
                pattern.seed,
                int(job["release"]),
                int(job["deadline"]),
                None if finish < 0 else finish,
                row,
                trace,
            )

    def observation(self) -> Observation:
        """What was seen."""
        responses = tuple(np.concatenate(each) if each else np.empty(0, dtype=np.int64) for each in self.responses)
        return Observation(self.runs, self.jobs, tuple(self.worst), tuple(self.misses), responses)
