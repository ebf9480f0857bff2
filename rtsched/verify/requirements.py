"""What is required of a system, requirement by requirement, with what is proven and what was seen of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rtsched.export.junit import Case, State
from rtsched.model.taskgraph import Basis, weakest
from rtsched.schedulability.result import Verdict
from rtsched.units import format_duration
from rtsched.verify.verification import PROVING, Verification

#: Whether it is asked for that what concerns these tasks be proven.
Asked = Callable[..., bool]


def requirements(found: Verification, fail_on: str | None = None) -> list[Case]:
    """A case for each task's deadline, and for each thing that is required of a chain.

    Met only where it is proven for execution times of which a proof is one. What is neither proven nor refuted is open;
    it fails as unproven where `fail_on` is ``unproven``, or ``hard-unproven`` and it is about a hard task.
    """
    hard = {task.index for task in found.system.tasks if task.criticality == "hard"}

    def asked(*indices: int) -> bool:
        return fail_on == "unproven" or (fail_on == "hard-unproven" and not hard.isdisjoint(indices))

    return [*_tasks(found, asked), *_chains(found, asked)]


def basis_of(found: Verification, *indices: int) -> Basis:
    """The weakest of what the times claim that the verdict on these tasks depends on: all times of their parts."""
    parts = [part for part in found.analysis.parts if not set(indices).isdisjoint(part.view.tasks)]
    return weakest(found.system.tasks[index].basis for part in parts for index in part.view.tasks)


def _state(verdict: Verdict, basis: Basis, why: str, asked: bool) -> tuple[State, str]:
    left: State = "unproven" if asked else "open"
    if verdict == "unschedulable":
        return "refuted", why or "there is a run that the file allows in which this is not kept"
    if verdict == "unknown":
        return left, f"unknown: {why or 'no test decides'}"
    if basis not in PROVING:
        return left, f"no proof: it holds for {basis} times"
    return "met", ""


def _tasks(found: Verification, asked: Asked) -> Iterator[Case]:
    for index, (task, bound) in enumerate(zip(found.system.tasks, found.bounds, strict=True)):
        basis = basis_of(found, index)
        state, why = _state(found.task_verdict(index), basis, _why(found, index), asked(index))
        facts = (
            ("verdict", found.task_verdict(index)),
            ("basis", basis),
            ("criticality", task.criticality),
            ("bound_ns", bound.wcrt),
            ("deadline_ns", task.deadline),
            ("observed_ns", found.observed(index)),
            ("test", bound.test or None),
        )
        yield Case("task", task.name, "deadline", state, why, facts, getattr(task, "id", None))


def _why(found: Verification, index: int) -> str:
    """What speaks against a task, in words."""
    task, bound = found.system.tasks[index], found.bounds[index]
    counter, failure = found.counterexample, found.analysis.part_of(task.name).result.first_failure
    if counter is not None and counter.task == task.name:
        return str(counter)
    if found.observation is not None and found.observation.misses[index]:
        seen = found.observed(index)
        longest = "" if seen is None else f"; the longest response seen is {format_duration(seen, digits=6)}"
        return f"{found.observation.misses[index]} jobs missed in the simulated runs{longest}"
    if failure is not None and failure.task == task.name:
        return str(failure)
    if bound.wcrt is not None and bound.wcrt > task.deadline:
        return f"{format_duration(bound.wcrt, digits=6)} > {format_duration(task.deadline, digits=6)}"
    result = found.analysis.part_of(task.name).result
    return result.reason or ("" if result.first_failure is None else str(result.first_failure))


def _chains(found: Verification, asked: Asked) -> Iterator[Case]:
    for place, (chain, result) in enumerate(zip(found.system.chains, found.analysis.chains, strict=True)):
        seen = found.worst_chain(place)
        reaction = result.bounds[0].wcrt if result.bounds else None
        basis = basis_of(found, *chain.tasks)
        for what, limit, bound, worst, run in (
            ("max_reaction", chain.max_reaction, reaction, seen.reaction, seen.reaction_in),
            ("max_age", chain.max_age, result.details.get("data_age_ns"), seen.age, seen.age_in),
        ):
            if limit is None:
                continue
            verdict: Verdict = "unknown"
            why = f"no bound ({result.reason})" if bound is None else f"the bound is {format_duration(bound, digits=6)}"
            if worst is not None and worst > limit:
                verdict = "unschedulable"
                why = f"{format_duration(worst, digits=6)} > {format_duration(limit, digits=6)} in a run: {run}"
            elif bound is not None and bound <= limit:
                verdict = "schedulable"
            state, text = _state(verdict, basis, why, asked(*chain.tasks))
            facts = (
                ("verdict", verdict),
                ("basis", basis),
                ("bound_ns", bound),
                ("limit_ns", limit),
                ("observed_ns", worst),
                ("test", None if bound is None else "chain-latency"),
            )
            yield Case("chain", chain.name, what, state, text, facts, getattr(chain, "id", None))
