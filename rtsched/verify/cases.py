"""The requirements of a verification as test cases: passed is only what is proven, whoever asks for less."""

from __future__ import annotations

from rtsched.export.junit import State, Tested
from rtsched.model.origin import CONDITIONAL, PROVING
from rtsched.verify.requirements import CHAIN, LOAD, MISSES, SYSTEM, TASK, Requirement, requirements
from rtsched.verify.verification import Verification


def cases(found: Verification, fail_on: str | None = None) -> list[Tested]:
    """A case for each requirement: the whole system where it has an id, each deadline, each limit of a chain or a load.

    What holds only as long as no job exceeds measured maxima, and what is neither proven nor refuted, is open. It fails
    as unproven where `fail_on` asks for that: ``unproven`` of all but what is conditional, ``hard-unproven`` likewise
    and of hard tasks alone, ``misses-unproven`` likewise and of limits of misses alone, ``conditional`` of all.

    A task that may miss now and then has a case for that. Its deadline, which not each job has to keep, is then open
    where it is not proven, and fails only where `fail_on` asks for deadlines.
    """
    return [_case(found, each, fail_on) for each in requirements(found)]


def _case(found: Verification, each: Requirement, fail_on: str | None) -> Tested:
    state, why = _state(found, each, fail_on)
    limit = "limit_ns" if each.of == CHAIN else "deadline_ns"
    facts: list[tuple[str, str | int | None]] = [
        ("requirement", each.id),
        ("verdict", each.verdict),
        ("basis", each.basis),
        ("criticality", _criticality(found, each)),
        ("bound_ns", each.bound),
        (limit, each.limit),
        ("slack_ns", each.slack),
        ("observed_ns", each.observed),
        ("observed", each.count if each.told("observed") != "–" else None),
        *(() if each.shares is None and each.counts is None else _told(each)),
        ("test", each.test or None),
    ]
    if each.begins:
        facts.append(("from", each.begins))
        facts.append(("to", each.ends))
    what = (
        "deadline"
        if each.quantity == "response"
        else ""
        if each.of == SYSTEM
        else each.called
        if each.of == LOAD
        else each.called
        if each.quantity == MISSES
        else f"{each.called} ({each.quantity})"
    )
    return Tested(each.of, each.name, what, state, why, tuple(facts), each.id)


def _told(each: Requirement) -> list[tuple[str, str]]:
    """What is no time: shares of a load, and how many jobs miss."""
    told = [("limit", each.told("limit")), ("bound", each.told("bound"))]
    return told if each.counts is None else [*told, ("seen", each.told("observed"))]


def _state(found: Verification, each: Requirement, fail_on: str | None) -> tuple[State, str]:
    if each.limit is None and each.of == CHAIN:
        return "absent", each.reason
    may_miss = _may_miss(found, each)
    deadlines = fail_on not in (None, "misses-unproven") and (not str(fail_on).startswith("hard") or _hard(found, each))
    if each.verdict == "unschedulable":
        why = each.reason or "the file allows a run in which this is not kept"
        return ("refuted" if deadlines or not may_miss else "open"), why
    asked = fail_on in ("unproven", "conditional") or (fail_on == "hard-unproven" and _hard(found, each))
    asked = asked or (fail_on == "misses-unproven" and each.quantity == MISSES)
    left: State = "unproven" if asked else "open"
    if each.verdict == "unknown":
        return left, f"unknown: {each.reason or 'no test decides'}"
    if found.violated:
        return left, f"no proof: violated: {', '.join(found.violated)}"
    if each.basis in PROVING:
        return "met", ""
    if each.basis in CONDITIONAL:
        bound = "the measured maxima" if each.basis == "high-water" else "the probabilistic bounds"
        return "unproven" if fail_on == "conditional" else "open", f"conditional: kept if no job exceeds {bound}"
    return left, f"no proof: it holds for {each.basis} times"


def _may_miss(found: Verification, each: Requirement) -> bool:
    """Whether it is a deadline that some jobs may miss."""
    of_task = each.of == TASK and each.quantity == "response"
    return of_task and any(task.misses is not None for task in found.system.tasks if task.name == each.name)


def _criticality(found: Verification, each: Requirement) -> str | None:
    of_it = (task.criticality for task in found.system.tasks if each.of == TASK and task.name == each.name)
    return next(of_it, None)


def _hard(found: Verification, each: Requirement) -> bool:
    """Whether a requirement is about a hard task: its own, one of its chain, or one of the whole system."""
    names = {task.name for task in found.system.tasks if task.criticality == "hard"}
    if each.of == CHAIN:
        those = next(chain.tasks for chain in found.system.chains if chain.name == each.name)
        return any(found.system.tasks[index].name in names for index in those)
    return each.name in names or (each.of == SYSTEM and bool(names))
