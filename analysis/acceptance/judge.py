"""What is known of one case: which theorems accept it, what refutes it, and whether a run misses. Nobody may differ."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case

from rtsched import api
from rtsched.engine.simulation import run
from rtsched.errors import SchedulerError
from rtsched.model.policy import Policy
from rtsched.model.taskgraph import SystemSpec
from rtsched.schedulability.analyse import Applied, analyse, apply, combine
from rtsched.schedulability.lowering.group import View
from rtsched.trace.trace import OK, UNFINISHED
from rtsched.verify.allowed_runs import AllowedRun, allowed_runs, made

MOST_EVENTS = 3_000_000
#: What each theorem says of an independent part, and the verdict of all together.
Part = tuple[tuple[Applied, ...], str]


class UnsoundError(Exception):
    """A theorem accepts what a run, or an exact test, refutes."""


@dataclass
class Known:
    """Of one case: the theorems that accept it, whether all together do, and what refutes it."""

    accepted: set[str] = field(default_factory=set)
    applied: dict[str, str] = field(default_factory=dict)
    union: bool = False
    impossible: bool = False
    exact: bool | None = None
    missed: bool = False
    runs: int = 0


def policy_of(described: dict[str, Any]) -> Policy:
    """What the proofs are told of a policy."""
    return api.policy(described)


def know(case: Case, seed: int, runs: int) -> Known:
    """Every theorem, then as many runs; UnsoundError where they contradict each other."""
    known = Known()
    try:
        parts = _parts(case)
    except AssertionError as error:  # an exact yes and an exact no of one model
        raise UnsoundError(str(error)) from error
    verdicts = [_of(applied) for applied, _ in parts]
    names = {name for each in verdicts for name in each}
    for name in sorted(names):
        found = [each.get(name) for each in verdicts]
        strength = next(item.theorem.strength for applied, _ in parts for item in applied if item.theorem.name == name)
        known.applied[name] = strength
        if strength != "necessary" and all(verdict == "schedulable" for verdict in found):
            known.accepted.add(name)
        if strength == "necessary" and "unschedulable" in found:
            known.impossible = True
    known.union = bool(parts) and all(result == "schedulable" for _, result in parts)
    known.exact = None if case.asked else _exact(parts)
    if known.exact is False and (known.union or known.accepted):
        raise UnsoundError(f"{', '.join(sorted(known.accepted)) or 'together'} accept what an exact test refutes")
    if known.impossible and (known.union or known.accepted):
        raise UnsoundError(f"{', '.join(sorted(known.accepted)) or 'together'} accept what a necessary test refutes")
    if case.system is not None and known.exact is not False and not known.impossible:
        count = 1 if known.exact else runs  # what is exact needs no second opinion, but it gets one
        known.missed, known.runs = _runs(case, seed, count)
    if known.missed and (known.union or known.accepted):
        raise UnsoundError(f"{', '.join(sorted(known.accepted)) or 'together'} accept what misses in a run")
    return known


def _parts(case: Case) -> list[Part]:
    """Of each independent part what each theorem says, and what follows of all for the tasks that are asked for."""
    if case.models:
        due = dict(map(_due, getattr(case.models[0], "tasks", getattr(case.models[0], "jobs", ()))))
        view = View("drawn", tuple(range(len(due))), (), case.models)
        applied, _ = apply(case.models)
        result = combine(view, applied, due)
        kept = {bound.task for bound in result.bounds if bound.wcrt is not None and bound.wcrt <= bound.deadline}
        return [(applied, "schedulable" if case.asked and case.asked <= kept else result.verdict)]
    assert case.system is not None
    found = analyse(case.system, policy_of(case.policy), declared=False)
    if case.asked:
        proven = all(found.proves(task.index) for task in case.system.tasks if task.name in case.asked)
        return [(tuple(item for part in found.parts for item in part.applied), "schedulable" if proven else "unknown")]
    return [(part.applied, _inexact(part.view, part.result.verdict)) for part in found.parts]


def _due(each: Any) -> tuple[str, int]:
    """The name and the relative deadline of a task, or of a job, of a model."""
    if hasattr(each, "deadline"):
        return each.name, each.deadline - each.r_min
    return each.name, getattr(each, "task", each).D


def _inexact(view: View, verdict: str) -> str:
    return "unknown" if verdict == "unschedulable" and not view.exact else verdict


def _of(applied: tuple[Applied, ...]) -> dict[str, str]:
    """The best that each theorem says of any of the models of a part."""
    rank = {"schedulable": 2, "unschedulable": 1, "unknown": 0}
    found: dict[str, str] = {}
    for item in applied:
        verdict = item.result.verdict
        if rank[verdict] >= rank.get(found.get(item.theorem.name, ""), -1):
            found[item.theorem.name] = verdict
    return found


def _exact(parts: list[Part]) -> bool | None:
    """Whether exact tests decide all parts, or refute one."""
    found = []
    for applied, verdict in parts:
        exact = [item.result.verdict for item in applied if item.theorem.strength == "exact"]
        if "unschedulable" in exact and verdict == "unschedulable":
            return False
        found.append("schedulable" in exact)
    return True if found and all(found) else None


def _runs(case: Case, seed: int, count: int) -> tuple[bool, int]:
    """Whether one of so many allowed runs misses, and how many there were: as declared, then bad and random ones."""
    system = case.system
    assert system is not None
    done = 0
    for number in range(count):
        each = (
            next(allowed_runs(system, seed, 1)) if number == 0 and count > 1 else _pattern(case, system, seed, number)
        )
        if each is None:
            break
        try:
            trace = run(
                each.system, api.scheduler(case.policy), until=each.until, seed=each.seed, drain="deadline",
                truths=each.truths or None, most_events=MOST_EVENTS,
            )  # fmt: skip
        except SchedulerError:  # a policy that plans by periods takes no others; one that finds no plan refuses
            continue
        done += 1
        late = (trace.jobs["outcome"] != OK) & (trace.jobs["outcome"] != UNFINISHED)
        names = {system.tasks[index].name for index in np.unique(trace.jobs["task"][late]).tolist()}
        if names & (case.asked or names):
            return True, done
    return False, done


def _pattern(case: Case, system: SystemSpec, seed: int, number: int) -> AllowedRun | None:
    """A run with other phases, gaps and times; where the phases are held with other times alone."""
    sequence = np.random.SeedSequence([seed, number])
    if not case.phased:
        return made(system, sequence, f"made {number}")
    random = np.random.default_rng(sequence)
    table = random.random((len(system.tasks), 64))

    def least(C: int, share: float) -> int:
        return max(1, C // 2) + int(share * (C - max(1, C // 2)))

    truths = {
        task.index: lambda segment, processor, _now, row=table[task.index]: least(
            segment.node.times[processor.index], float(row[segment.job.index % 64])
        )
        for task in system.tasks
    }
    longest = max(task.period or 1 for task in system.tasks)
    return AllowedRun("other times", system, longest, 0, truths)


def write(case: Case, error: UnsoundError, where: Path, about: str) -> None:
    """The set that shows a contradiction, whole, as text."""
    found = {"about": about, "error": str(error), "policy": case.policy, "models": list(map(repr, case.models))}
    if case.system is not None:
        found["tasks"] = list(map(repr, case.system.tasks))
        found["processors"] = list(map(repr, case.system.processors))
    where.write_text(json.dumps(found, indent=1) + "\n")
