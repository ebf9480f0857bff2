"""One system, one policy: what is proven, what was seen, and whether the two agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rtsched import api
from rtsched.display import Displayed
from rtsched.errors import InputError, SoundnessError
from rtsched.model.base import whole_number
from rtsched.model.known import known_before
from rtsched.model.origin import CONDITIONAL, PROVING, Basis, weakest
from rtsched.model.overrides import Override
from rtsched.model.system import Estimates
from rtsched.schedulability.analyse import GroupAnalysis, SystemAnalysis
from rtsched.schedulability.analyse import analyse as prove
from rtsched.schedulability.lowering.system_chains import bound_of
from rtsched.schedulability.result import Bound, Verdict
from rtsched.schedulability.search import margins
from rtsched.verify.observation import BrokenChain, Counterexample, Observation, Observer, WorstChain
from rtsched.verify.patterns import Pattern, pattern_count, patterns
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.model.platform import Platform
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.schedulability.steps.line import Board

#: Random patterns that are simulated beside the proof, unless asked otherwise.
RUNS = 20
#: In a part with more tasks than this and no quick test, only a few, the tightest, are moved by themselves.
MANY, FEW = 24, 6
Progress = Callable[[Iterable[Pattern], int], Iterable[Pattern]]

#: Keys that came after the first fingerprints, and what they are where nobody writes them: then they are left out, so
#: that the fingerprint of a system stays.
LATER: dict[str, Any] = {
    "estimates": Estimates().model_dump(mode="json", by_alias=True),
    "planner": None,
    "reservable": {},
    "batch": None,
    "launch": 0,
    "inputs": None,
    "split": None,
    "speedup": None,
    "waves": None,
    "generated": None,
    "harvest": [],
    "restart": None,
    "kernels": {},
    "errors": None,
    "assumptions": {},
    "origin": None,
    "id": None,
    "max_reduced_reaction": None,
    "max_reduced_age": None,
    "max_latency": None,
    "communication": "implicit",
    "clock": None,
    "max_gap": None,
    "limits": [],
    "misses": None,
}
#: The same of platforms.
LATER_ON_PLATFORMS: dict[str, Any] = {"driver": None}


def _without(described: Any, later: dict[str, Any]) -> Any:
    if isinstance(described, list):
        return [_without(each, later) for each in described]
    if not isinstance(described, dict):
        return described
    return {key: _without(value, later) for key, value in described.items() if key not in later or value != later[key]}


@dataclass(frozen=True)
class Verification(Displayed):
    """The proof of a system, the simulations beside it, and a counterexample if one was found."""

    loaded: api.Loaded
    description: dict[str, Any]
    analysis: SystemAnalysis
    observation: Observation | None
    counterexample: Counterexample | None
    seed: int = 0
    interrupted: bool = False
    asked: int = 0  #: random patterns that were to be simulated
    margin_cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    broken: BrokenChain | None = None
    unrun: str = ""  #: why nothing was simulated, though it was asked for

    @property
    def system(self) -> SystemSpec:
        """The lowered system."""
        return self.analysis.system

    @property
    def verdict(self) -> Verdict:
        """Schedulable only by a theorem; unschedulable by an exact test or a run that the file allows; else unknown.

        What a chain requires counts as deadlines do.
        """
        chains = [self.chain_verdict(place) for place in range(len(self.system.chains))]
        if self.counterexample is not None or "unschedulable" in chains:
            return "unschedulable"
        return self.analysis.verdict

    @property
    def basis(self) -> Basis:
        """What the verdict rests on: the weakest of what all execution times claim to be."""
        return weakest(task.basis for task in self.system.tasks)

    @property
    def proven(self) -> bool:
        """Whether all is schedulable, for execution times that are declared, or stronger.

        Not while the file says of an assumption that it is violated.
        """
        return self.verdict == "schedulable" and self.basis in PROVING and not self.violated

    @property
    def violated(self) -> tuple[str, ...]:
        """The assumptions of which the file says that they do not hold."""
        known = self.loaded.system.assumptions
        return tuple(name for name, found in known.items() if found.state == "violated")

    @property
    def conditional(self) -> bool:
        """Whether all is schedulable if no job takes longer than the largest times measured."""
        return self.verdict == "schedulable" and self.basis in CONDITIONAL and not self.violated

    def part_verdict(self, part: GroupAnalysis) -> Verdict:
        """The verdict of one part, a counterexample in it included."""
        found = self.counterexample
        if found is not None and found.task in {self.system.tasks[index].name for index in part.view.tasks}:
            return "unschedulable"
        return part.result.verdict

    def task_verdict(self, index: int) -> Verdict:
        """Whether every job of a task is in time: by its part or its own bound; not if a miss was seen or is exact.

        Nothing is exact beside jobs that are dropped when they are late, for then less runs than the test assumes.
        """
        bound = self.bounds[index]
        if self.observation is not None and self.observation.misses[index]:
            return "unschedulable"
        if self.analysis.proves(index):
            return "schedulable"
        part = self.analysis.part_of(bound.task)
        result = part.result
        others = (self.system.tasks[place] for place in part.view.tasks if place != index)
        if any(other.on_miss != "continue" and not self.analysis.proves(other.index) for other in others):
            return "unknown"
        if bound.exact and bound.wcrt is not None:  # beyond its deadline, for it is not proven
            return "unschedulable"
        failure = result.first_failure
        if result.verdict != "unschedulable" or failure is None or failure.task != bound.task:
            return "unknown"
        certain = failure.needed is not None or any(item.strength == "exact" for item in result.evidence)
        return "unschedulable" if certain else "unknown"

    def chain_verdict(self, place: int) -> Verdict:
        """Whether a chain always keeps what is required of it; without a requirement, whether it has a bound."""
        verdicts = {self.end_verdict(place, code) for code in self.system.chains[place].limits}
        return "unschedulable" if "unschedulable" in verdicts else self.analysis.chains[place].verdict

    def end_verdict(self, place: int, code: str) -> Verdict:
        """Whether one quantity of a chain always keeps its limit: refuted by a run, proven by its bound, or unknown."""
        limit, seen = self.system.chains[place].limits[code], self.worst_chain(place)
        worst, bound = seen[code].time, bound_of(self.analysis.chains[place], code)
        if (worst is not None and worst > limit) or (code == "triggered" and seen.lost):
            return "unschedulable"
        return "schedulable" if bound is not None and bound <= limit else "unknown"

    def worst_chain(self, place: int) -> WorstChain:
        """What was seen of a chain."""
        return WorstChain() if self.observation is None else self.observation.chains[place]

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
        system = _without(self.loaded.system.model_dump(mode="json", by_alias=True), LATER)
        if system["wcet"] is None:  # of the whole system; tasks have always had a key of this name
            del system["wcet"]
        described = {
            "system": system,
            "platform": _without(self.loaded.platform.model_dump(mode="json", by_alias=True), LATER_ON_PLATFORMS),
            "scheduler": self.description,
        }
        text = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def steps(self) -> tuple[Board, ...]:
        """The calculation behind the verdict, part by part and test by test, with the numbers put in.

        ``print("\\n".join(board.text()))`` writes one down.
        """
        from rtsched.schedulability.steps.steps import steps

        return steps(self.analysis)

    def __bool__(self) -> bool:
        raise TypeError("a Verification is three-valued: compare .verdict")

    def __repr__(self) -> str:
        from rtsched.verify.words import outcome

        return f"<Verification of {cut(self.system.name)!r} under {cut(str(self.analysis.policy))}: {outcome(self)}>"


def describe(loaded: api.Loaded, scheduler: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """The scheduler as a mapping of parts, however it was named. Raises InputError where it does not exist."""
    api.scheduler_of(loaded, scheduler)  # the names must exist
    return api.parts_of(loaded.system.scheduler if scheduler is None else scheduler)


def verify(
    source: api.Source,
    *,
    scheduler: str | Mapping[str, Any] | None = None,
    platform: str | Mapping[str, Any] | Platform | None = None,
    overrides: Sequence[str] = (),
    wcet: str | None = None,
    runs: int = RUNS,
    seed: int = 0,
    progress: Progress | None = None,
    keep_partial: bool = False,
) -> Verification:
    """Prove what can be proven of a system, and simulate it beside the proof.

    `runs` random release patterns are simulated beside the declared one and those that theory says are bad; 0 simulates
    nothing. `wcet` says which of the times that were measured of each network both take: ``typical``, ``p99``, ``max``,
    ``max*1.2``, or ``bound``, where all have to be declared; what the system says where it is left out, and where that
    says nothing the largest. `progress` is given the patterns and their
    number, and hands them on (as tqdm does). With `keep_partial` a KeyboardInterrupt ends the simulations, and what was
    seen so far stands. Raises InputError, and SoundnessError when a simulation beats a proven bound.
    """
    asked = [] if wcet is None else [Override("wcet", wcet, f"wcet={wcet}", "analyse")]
    loaded = api.load(source, platform=platform, overrides=[*overrides, *asked])
    seed, count = api.checked_seed(seed), whole_number(runs)
    if count is None or count < 0:
        raise InputError(f"runs: how many random patterns to simulate, zero or more (found {runs!r}); e.g. 20")
    description = describe(loaded, scheduler)
    return examine(loaded, loaded.lower(largest=True), description, count, seed, progress, keep_partial)


def examine(
    loaded: api.Loaded,
    system: SystemSpec,
    description: dict[str, Any],
    count: int,
    seed: int,
    progress: Progress | None = None,
    keep_partial: bool = False,
) -> Verification:
    """`verify` of what is lowered already, with `count` random patterns. Raises SoundnessError."""
    analysis = prove(system, api.policy(description).on(system))
    refused = _refused(analysis) if count else ""
    if not count or refused:
        return Verification(loaded, description, analysis, None, None, seed, unrun=refused)
    observer = Observer(analysis, description, seed)
    made: Iterable[Pattern] = patterns(system, count, seed)
    interrupted = False
    try:
        observer.see_all(made if progress is None else progress(made, pattern_count(system, count)))
    except KeyboardInterrupt:
        if not keep_partial:
            raise
        interrupted = True
    except SoundnessError as error:
        error.source = loaded, description
        raise
    seen, found, broken = observer.observation(), observer.found, observer.broken
    return Verification(loaded, description, analysis, seen, found, seed, interrupted, asked=count, broken=broken)


def _refused(analysis: SystemAnalysis) -> str:
    """Why a policy does not run what is refuted anyway; nothing where it runs it, or where that is an error."""
    plan = analysis.policy.plan
    if plan is None or analysis.verdict != "unschedulable":
        return ""
    return plan.refuses(known_before(analysis.system)) or ""


#: The public name.
analyse = verify
