"""One system under a magnifying glass: every theorem that applies to it, alone, against many simulated patterns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rtsched.engine.simulation import run
from rtsched.errors import RtschedError, SchedulerError
from rtsched.model.quantities import QUANTITIES
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulability.analyse import Applied, GroupAnalysis, SystemAnalysis, analyse
from rtsched.schedulability.lowering.system_chains import bound_of, test_of
from rtsched.schedulability.result import Result
from rtsched.trace.trace import OK, UNFINISHED
from rtsched.verify.acting import policy_of, scheduler_of
from rtsched.verify.allowed_runs import AllowedRun, allowed_runs

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: A run with more events than this would never end: those that do have a thousandth of them.
MOST_EVENTS = 3_000_000


@dataclass(frozen=True)
class Violation:
    """A simulation against a statement of `theorem`, or a crash: what was claimed of `task`, and what was seen.

    `kind` is ``bound``, ``late``, ``contradiction`` (two theorems), ``trace`` (a rule of the simulator is broken) or
    ``crash``. `pattern` names the run.
    """

    theorem: str
    kind: str
    task: str = ""
    claimed: int | None = None
    observed: int | None = None
    pattern: str = ""
    text: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What is kept while a system is shrunk."""
        return self.theorem, self.kind

    def __str__(self) -> str:
        if self.kind == "bound":
            return (
                f"{self.theorem}: {self.task!r} needs at most {self.claimed} ns, "
                f"and took {self.observed} ns ({self.pattern})"
            )
        if self.kind == "late":
            return (
                f"{self.theorem}: schedulable, and {self.task!r} took {self.observed} ns, "
                f"later than its deadline ({self.pattern})"
            )
        return f"{self.theorem}: {self.kind}: {self.text}" + (f" ({self.pattern})" if self.pattern else "")


@dataclass
class TheoremTally:
    """What is known of one theorem over many systems; ratios are of the longest response seen to its bound."""

    applied: int = 0
    schedulable: int = 0
    unschedulable: int = 0
    refuted: int = 0
    bounds: int = 0
    attained: int = 0
    total: float = 0.0
    tightest: float = 0.0

    def add(self, other: TheoremTally) -> None:
        """Count another one in."""
        for name in ("applied", "schedulable", "unschedulable", "refuted", "bounds", "attained", "total"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tightest = max(self.tightest, other.tightest)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `refuted` counts verdicts of unschedulable for which a miss was found."""
        return {
            "applied": self.applied,
            "schedulable": self.schedulable,
            "unschedulable": self.unschedulable,
            "refuted": self.refuted,
            "bounds": self.bounds,
            "attained": self.attained,
            "max_ratio": round(self.tightest, 6) if self.bounds else None,
            "mean_ratio": round(self.total / self.bounds, 6) if self.bounds else None,
        }


@dataclass(frozen=True)
class Statement:
    """What one theorem says of some tasks: a bound each (None: none), and whether none of them is ever late.

    `phased`: only where the phases are exactly as declared.
    """

    theorem: str
    tasks: tuple[int, ...]
    bounds: tuple[int | None, ...]
    schedulable: bool
    phased: bool = False


@dataclass
class Examination:
    """All there is to know of one system: violations (the first of each kind), and what each theorem said."""

    violations: list[Violation] = field(default_factory=list)
    tallies: dict[str, TheoremTally] = field(default_factory=dict)
    verdict: str = "unknown"
    runs: int = 0
    jobs: int = 0


def examine(
    system: SystemSpec,
    scheduler: dict[str, Any],
    seed: int,
    *,
    target: tuple[str, str] | None = None,
    effort: int = 1,
) -> Examination:
    """Prove, simulate and compare. With a `target` (theorem, kind), the search ends once that is violated."""
    policy = policy_of(scheduler)
    found = Examination()
    try:
        analysis = analyse(system, policy)
    except AssertionError as error:
        found.violations.append(Violation("combine", "contradiction", text=str(error)))
        return found
    except Exception as error:
        found.violations.append(Violation(f"analyse: {type(error).__name__}", "crash", text=str(error)))
        return found
    found.verdict = analysis.verdict
    if not _accepted(system, scheduler):
        return found
    watch = _Watch(system, analysis, found)
    if target is not None and not watch.could_break(target):
        return found  # nothing is claimed any more that could be violated
    for pattern in allowed_runs(system, seed, effort):
        try:
            chosen = scheduler_of(scheduler)
            truths = pattern.truths or None
            if truths and chosen.oracle:
                continue  # in a replay nobody knows what is to come
            drain = "all" if _ends(system) else "deadline"
            trace = run(
                pattern.system, chosen, until=pattern.until, seed=pattern.seed, drain=drain, truths=truths,
                most_events=MOST_EVENTS,
            )  # fmt: skip
            unknown = pattern.truths or (target is not None and target[1] != "trace")
            problems = [] if unknown else trace.check()  # with truths, only the pattern knows what should have run
        except Exception as error:
            if isinstance(error, SchedulerError) and not _accepted(pattern.system, scheduler):
                continue  # a policy that plans by periods takes no arrivals that were made to measure
            watch.report(Violation(f"engine: {type(error).__name__}", "crash", pattern=pattern.name, text=str(error)))
            break
        if problems:
            watch.report(Violation("simulator", "trace", pattern=pattern.name, text=str(problems[0])))
        found.runs += 1
        found.jobs += len(trace.jobs)
        watch.see(pattern, trace)
        if target is not None and any(violation.key == target for violation in found.violations):
            return found
    watch.tally()
    return found


def _accepted(system: SystemSpec, scheduler: dict[str, Any]) -> bool:
    """Whether the policy takes the system: some refuse it in their offline phase, in words."""
    try:
        run(system, scheduler_of(scheduler), until=1, drain="deadline")
    except RtschedError:
        return False
    except Exception:
        return True  # a crash is found again below, and reported
    return True


def _ends(system: SystemSpec) -> bool:
    """Whether every job ends by itself: nothing fails for good, and no two jobs wait for each other."""
    return system.hardware is None and "none" not in system.protocols.values()


# ---- statements ------------------------------------------------------------------------------------------------------


class _Watch:
    """Holds every run against every statement."""

    def __init__(self, system: SystemSpec, analysis: SystemAnalysis, found: Examination) -> None:
        self.system, self.analysis, self.found = system, analysis, found
        self.places = {task.name: task.index for task in system.tasks}
        self.statements: list[Statement] = []
        for part in analysis.parts:
            self.statements += [self._statement(item) for item in part.applied]
            self.statements.append(self._whole(part, part.result, "combined"))
            if part.declared is not None and part.declared.verdict == "schedulable":
                self.statements.append(self._whole(part, part.declared, "as declared"))
        count = len(system.tasks)
        self.worst = [-1] * count
        self.late = [False] * count
        self.chains = [-1] * len(system.chains)

    def _statement(self, item: Applied) -> Statement:
        result = item.result
        proven = result.verdict == "schedulable"
        names = _names(item.model)
        usable = proven or not item.theorem.interlocked
        values = {bound.task: bound.wcrt for bound in result.bounds} if usable else {}
        places = tuple(self.places[name] for name in names)
        limits = tuple(values.get(name) for name in names)
        return Statement(item.theorem.name, places, limits, proven)

    def _whole(self, part: GroupAnalysis, result: Result, name: str) -> Statement:
        values = {bound.task: bound.wcrt for bound in result.bounds}
        names = tuple(self.system.tasks[index].name for index in part.view.tasks)
        limits = tuple(values.get(name) for name in names)
        return Statement(name, part.view.tasks, limits, result.verdict == "schedulable", name == "as declared")

    def could_break(self, target: tuple[str, str]) -> bool:
        """Whether something is claimed that a violation of this kind would contradict."""
        theorem, kind = target
        if kind not in ("bound", "late"):
            return True
        if theorem in ("chain-clocks", "chain-latency"):
            return any(
                bound_of(result, code) and test_of(result, code) == theorem
                for result in self.analysis.chains
                for code in QUANTITIES
            )
        mine = [statement for statement in self.statements if statement.theorem == theorem]
        return any(
            statement.schedulable if kind == "late" else any(limit is not None for limit in statement.bounds)
            for statement in mine
        )

    def report(self, violation: Violation) -> None:
        """Keep the first of its kind."""
        if all(violation.key != other.key for other in self.found.violations):
            self.found.violations.append(violation)

    def see(self, pattern: AllowedRun, trace: Trace) -> None:
        """One run against all statements."""
        jobs = trace.jobs
        worst: dict[int, int] = {}
        for task in self.system.tasks:
            mine = trace.jobs_of(task.index)
            if not len(mine):
                continue
            arrival = mine["arrival"]
            if task.index in pattern.arrivals:
                arrival = pattern.arrivals[task.index][mine["index"]]
            most = int((mine["finish"] - arrival).max())
            worst[task.index] = most
            self.worst[task.index] = max(most, self.worst[task.index])
        late = set(np.unique(jobs["task"][_late(trace)]).tolist())
        for index in late:
            self.late[index] = True
        for statement in self.statements:
            if pattern.phased or not statement.phased:
                self._compare(statement, worst, late, pattern)
        self._chains(pattern, trace)

    def _compare(self, statement: Statement, worst: dict[int, int], late: set[int], pattern: AllowedRun) -> None:
        for index, limit in zip(statement.tasks, statement.bounds, strict=True):
            seen = worst.get(index)
            name = self.system.tasks[index].name
            if seen is not None and limit is not None and seen > limit:
                self.report(Violation(statement.theorem, "bound", name, limit, seen, pattern.name))
            if statement.schedulable and index in late:
                deadline = self.system.tasks[index].deadline
                self.report(Violation(statement.theorem, "late", name, deadline, seen, pattern.name))

    def _chains(self, pattern: AllowedRun, trace: Trace) -> None:
        """Each quantity of a chain against the bound of the same name; where arrivals come late, latencies alone."""
        from rtsched.metrics.summary import measured

        for place, (chain, result) in enumerate(zip(self.system.chains, self.analysis.chains, strict=True)):
            for code, found in measured(trace, chain).items():
                if not pattern.punctual and code != "triggered":
                    continue
                seen, limit = int(found.times.max(initial=-1)), bound_of(result, code)
                if code == "mrt":
                    self.chains[place] = max(self.chains[place], seen)
                if limit is not None and seen > limit:
                    who = f"{chain.name} ({code})"
                    self.report(Violation(test_of(result, code), "bound", who, limit, seen, pattern.name))

    def tally(self) -> None:
        """Count what each theorem said, and how close the worst came."""
        for part in self.analysis.parts:
            for item in part.applied:
                tally = self.found.tallies.setdefault(item.theorem.name, TheoremTally())
                verdict = item.result.verdict
                tally.applied += 1
                tally.schedulable += verdict == "schedulable"
                if verdict == "unschedulable" and part.view.exact:
                    tally.unschedulable += 1
                    tally.refuted += any(self.late[index] for index in part.view.tasks)
        for statement in self.statements:
            if statement.theorem in self.found.tallies:
                for index, limit in zip(statement.tasks, statement.bounds, strict=True):
                    self._ratio(statement.theorem, self.worst[index], limit)
        for seen, result in zip(self.chains, self.analysis.chains, strict=True):
            tally = self.found.tallies.setdefault(test_of(result, "mrt"), TheoremTally())
            tally.applied += 1
            if result.bounds:
                tally.schedulable += 1
                self._ratio(test_of(result, "mrt"), seen, result.bounds[0].wcrt)

    def _ratio(self, theorem: str, seen: int, limit: int | None) -> None:
        if limit is None or seen < 0:
            return
        tally = self.found.tallies[theorem]
        ratio = seen / max(1, limit)
        tally.bounds += 1
        tally.attained += seen == limit
        tally.total += ratio
        tally.tightest = max(tally.tightest, ratio)


def _late(trace: Trace) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The jobs that missed: late, dropped or aborted; not those still open in time when the run was over."""
    outcome = trace.jobs["outcome"]
    late: np.ndarray[Any, np.dtype[np.bool_]] = (outcome != OK) & (outcome != UNFINISHED)
    return late


def _names(model: Any) -> tuple[str, ...]:
    """The tasks that a model speaks of."""
    for name in ("tasks", "components", "jobs"):
        if hasattr(model, name):
            return tuple(dict.fromkeys(each.name for each in getattr(model, name)))
    return ()
