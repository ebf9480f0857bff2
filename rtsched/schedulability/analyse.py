"""All theorems that apply to all parts of a system, soundly combined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from rtsched.errors import InputError
from rtsched.model.policy import Policy
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulability import needs
from rtsched.schedulability.lowering.declared import as_declared
from rtsched.schedulability.lowering.group import View
from rtsched.schedulability.lowering.miss_windows import MissBound, miss_bound
from rtsched.schedulability.lowering.system_chains import chain_result
from rtsched.schedulability.lowering.view import views
from rtsched.schedulability.result import Bound, Contribution, Failure, Result, Verdict
from rtsched.schedulability.theorem import Theorem, speaking_of, theorems


@dataclass(frozen=True)
class Applied:
    """One theorem applied to one model."""

    theorem: Theorem
    model: Any
    result: Result


@dataclass(frozen=True)
class GroupAnalysis:
    """What is known of one independent part of a system: every test that applied, why others did not, and the sum.

    `declared` is the exact answer for the phases exactly as the file has them, where `result` (for any phases) is no
    proof and the exact analysis applies.
    """

    view: View
    applied: tuple[Applied, ...]
    refused: tuple[tuple[str, str], ...]
    result: Result
    declared: Result | None = None

    def proven_by(self) -> list[str]:
        """The tests whose verdict is schedulable, the exact ones first; of equal ones those that stand in a paper."""
        proofs = [item.theorem for item in self.applied if item.result.verdict == "schedulable"]
        proofs.sort(key=lambda theorem: (theorem.strength != "exact", not theorem.published))
        return [theorem.called for theorem in proofs]

    def claims(self) -> list[str]:
        """Those of the tests that prove it that another package claims."""
        return [
            item.theorem.called
            for item in self.applied
            if item.theorem.package and item.result.verdict == "schedulable"
        ]


@dataclass(frozen=True)
class SystemAnalysis:
    """A verdict on a whole system: schedulable when all its parts are, with the bounds in the order of its tasks."""

    system: SystemSpec
    policy: Policy
    parts: tuple[GroupAnalysis, ...]
    chains: tuple[Result, ...] = ()
    misses: Mapping[int, MissBound] = field(default_factory=dict)  #: of the tasks that limit them, by index

    @property
    def verdict(self) -> Verdict:
        """Unschedulable if a part is, else unknown if one is, or a chain of which something is required."""
        verdicts = {part.result.verdict for part in self.parts}
        verdicts |= {
            result.verdict for chain, result in zip(self.system.chains, self.chains, strict=True) if chain.limits
        }
        for verdict in ("unschedulable", "unknown"):
            if verdict in verdicts:
                return verdict
        return "schedulable"

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """The best bound of every task of the system, in its order."""
        found = {bound.task: bound for part in self.parts for bound in part.result.bounds}
        return tuple(found.get(task.name) or Bound(task.name, None, task.deadline) for task in self.system.tasks)

    def proves(self, index: int) -> bool:
        """Whether every job of a task is proven to be in time, with its whole part or by a bound of its own.

        A bound counts also where others of its part are late: it assumes nothing of them (see `combine`).
        """
        task = self.system.tasks[index]
        bound = self.bounds[index]
        whole = self.part_of(task.name).result.verdict == "schedulable"
        return whole or (bound.wcrt is not None and bound.wcrt <= bound.deadline)

    def cost(self, task: str) -> int:
        """C in ns: what the proof takes for all nodes of a task, without switches; what is planned without a proof."""
        planned = next(each.volume for each in self.system.tasks if each.name == task)
        return self.part_of(task).view.costs.get(task, planned)

    def part_of(self, task: str) -> GroupAnalysis:
        """The part that a task belongs to; KeyError if there is no such task."""
        for part in self.parts:
            if any(self.system.tasks[index].name == task for index in part.view.tasks):
                return part
        raise KeyError(task)


def apply(models: Sequence[Any]) -> tuple[tuple[Applied, ...], tuple[tuple[str, str], ...]]:
    """Every theorem on every model it speaks of: what it says, or why it does not apply."""
    applied, refused = [], []
    for model in models:
        for theorem in speaking_of(type(model)):
            reason = theorem.reason(model)
            if reason is None:
                applied.append(Applied(theorem, model, theorem.answer(model)))
            else:
                refused.append((theorem.name, reason))
    return tuple(applied), tuple(refused)


def decide(models: Sequence[Any]) -> bool:
    """Whether some theorem says schedulable: the quick question behind margins. An exact answer ends the search."""
    usable = [
        (theorem, model)
        for model in models
        for theorem in theorems().values()
        if theorem.strength != "necessary" and theorem.reason(model) is None
    ]
    for theorem, model in sorted(usable, key=lambda item: item[0].strength != "exact"):
        verdict = theorem.answer(model).verdict
        if verdict == "schedulable" or (theorem.strength == "exact" and verdict == "unschedulable"):
            return verdict == "schedulable"
    return False


def combine(view: View, applied: Sequence[Applied], due: Mapping[str, int]) -> Result:
    """One result out of many: an exact no wins, else the smallest sound bound per task, of which `due` has deadlines.

    Bounds of interlocked tests count only where the test accepts all tasks; others assume nothing of each other. Of
    equal bounds an exact one is named, then one that stands in a paper.
    """
    usable = [item for item in applied if not item.theorem.interlocked or item.result.verdict == "schedulable"]
    best: dict[str, Bound] = {}
    ranks: dict[str, tuple[int, bool, bool]] = {}
    for item in usable:
        for bound in item.result.bounds:
            if bound.wcrt is None:
                continue
            rank = (bound.wcrt, not bound.exact, not item.theorem.published)
            if bound.task not in best or rank < ranks[bound.task]:
                best[bound.task], ranks[bound.task] = bound, rank
    deadlines = {**due, **{bound.task: bound.deadline for item in applied for bound in item.result.bounds}}
    bounds = tuple(
        _with_overhead(best.get(name) or Bound(name, None, deadlines[name], converged=False), view) for name in due
    )
    if not view.exact:
        bounds = tuple(replace(bound, exact=False) for bound in bounds)
    refuted = [item for item in applied if item.result.verdict == "unschedulable"]
    proofs = [item for item in applied if item.result.verdict == "schedulable"]
    same = any(no.model is yes.model for no in refuted for yes in proofs)
    if same or (refuted and proofs and view.exact):  # another model, that asks for more, may fail beside a proof
        yes, no = (max(items, key=lambda item: bool(item.theorem.package)).theorem for items in (proofs, refuted))
        text = f"{yes.called} says schedulable and {no.called} unschedulable of {view.name!r}"
        if yes.package or no.package:
            raise InputError(f"{text}: one of them is wrong; leave the package out, or mend it there")
        raise AssertionError(text)
    assumptions = view.assumptions
    if refuted and view.exact:
        telling = min(refuted, key=lambda item: (_REFUTES[item.theorem.strength], item.result.first_failure is None))
        failure = telling.result.first_failure
        return Result("unschedulable", bounds, (telling.theorem.evidence,), assumptions, failure)
    if proofs:
        return Result("schedulable", bounds, tuple(item.theorem.evidence for item in proofs), assumptions)
    if bounds and all(bound.wcrt is not None and bound.wcrt <= bound.deadline for bound in bounds):
        tests = {bound.test for bound in bounds}
        return Result("schedulable", bounds, tuple(theorems()[name].evidence for name in sorted(tests)), assumptions)
    closest = _closest(applied)
    failure = None if closest is None else closest.result.first_failure
    reason = "no theorem applies" if closest is None else f"{closest.theorem.name}: {closest.result.reason}"
    if refuted:
        failure = refuted[0].result.first_failure
        why = "" if failure is None else f": {failure.why}"
        reason = f"{refuted[0].theorem.name} fails in the model, which may ask for more than the system does{why}"
    return Result("unknown", bounds, tuple(item.theorem.evidence for item in usable), assumptions, failure, reason)


#: What a no rests on, the most telling first; a sufficient test refutes only by the load it has added up.
_REFUTES = {"exact": 0, "necessary": 1, "sufficient": 2}


def _closest(applied: Sequence[Applied]) -> Applied | None:
    """The test that came closest to a proof: most tasks bounded, then the strongest."""
    tests = [item for item in applied if item.theorem.strength != "necessary"]
    return max(
        tests,
        key=lambda item: (
            sum(b.wcrt is not None and b.wcrt <= b.deadline for b in item.result.bounds),
            item.result.first_failure is not None and item.result.first_failure.needed is not None,
            item.theorem.strength == "exact",
        ),
        default=None,
    )


def _with_overhead(bound: Bound, view: View) -> Bound:
    """The bound with the switches inside its own execution time shown apart."""
    cost = view.overheads.get(bound.task, 0)
    own = sum(part.amount for part in bound.parts if part.kind == "own")
    if not cost or not bound.parts or own < cost:
        return bound
    parts: list[Contribution] = []
    left = cost
    for part in bound.parts:
        taken = min(left, part.amount) if part.kind == "own" else 0
        left -= taken
        parts.append(replace(part, amount=part.amount - taken))
    parts.append(Contribution("overhead", bound.task, cost))
    return replace(bound, parts=tuple(part for part in parts if part.amount))


def analyse_part(view: View, system: SystemSpec, *, declared: bool = True) -> GroupAnalysis:
    """One part of a system; with `declared` also for its phases exactly as declared, where that says more."""
    due = {system.tasks[index].name: system.tasks[index].deadline for index in view.tasks}
    if view.obstacle is not None:
        bounds = tuple(Bound(name, None, deadline, converged=False) for name, deadline in due.items())
        failure = Failure(next(iter(due)), view.obstacle.reason, hint=f"to make it provable: {view.obstacle.change}")
        result = Result("unknown", bounds, (), view.assumptions, failure, view.obstacle.reason)
        return GroupAnalysis(view, (), (), result)
    applied, refused = apply(view.models)
    result = combine(view, applied, due)
    large = next((reason for reason in map(needs.few_tasks, view.models) if reason is not None), None)
    if large is not None and result.verdict == "unknown":
        result = replace(result, reason=large if _closest(applied) is None else f"{result.reason}; {large}")
    phased = None if result.verdict == "schedulable" or not declared else as_declared(view, system)
    return GroupAnalysis(view, applied, refused, result, phased)


def analyse(system: SystemSpec, policy: Policy, *, declared: bool = True) -> SystemAnalysis:
    """Every part of a system under a policy, with every theorem that applies, and its cause-effect chains.

    Without `declared` it is not asked what holds for the phases exactly as declared, on which no verdict rests.
    """
    parts = tuple(analyse_part(view, system, declared=declared) for view in views(system, policy))
    made = SystemAnalysis(system, policy, parts)
    limited = {task.index: miss_bound(made, task.index) for task in system.tasks if task.misses is not None}
    return replace(made, chains=tuple(chain_result(made, chain) for chain in system.chains), misses=limited)
