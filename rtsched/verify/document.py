"""A verification as JSON: sorted by the system's own order, without clock or path, so that two can be compared."""

from __future__ import annotations

from typing import Any

from rtsched import __version__
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.verify.actions import actions
from rtsched.verify.assumptions import assumptions
from rtsched.verify.criticality import levels
from rtsched.verify.reasons import reason
from rtsched.verify.verification import Verification
from rtsched.verify.words import scope


def to_dict(found: Verification, *, margins: bool = False, steps: bool = False) -> dict[str, Any]:
    """Everything that is known; times in ns.

    `margins` adds how far each task can move by itself, and the actions; `steps` the calculation, part by part.
    """
    counter = found.counterexample
    made: dict[str, Any] = {
        "version": __version__,
        "system": found.system.name,
        "platform": found.loaded.platform.name,
        "policy": str(found.analysis.policy),
        "inputs_sha256": found.inputs_sha256,
        "verdict": found.verdict,
        "basis": found.basis,
        "proven": found.proven,
        "criticality": {
            level.criticality: {
                "verdict": level.verdict,
                "basis": level.basis,
                "proven": list(level.proven),
                "refuted": list(level.refuted),
                "open": list(level.open),
                "chains": list(level.chains),
            }
            for level in levels(found)
        },
        "scope": scope(found),
        "breakdown": None if found.breakdown is None else float(found.breakdown),
        "tasks": _tasks(found),
        "parts": [_part(found, part) for part in found.analysis.parts],
        "chains": [
            {
                "name": chain.name,
                "max_reaction_ns": chain.max_reaction,
                "max_age_ns": chain.max_age,
                **result.to_dict(),
                "verdict": found.chain_verdict(place),
                "observed_reaction_ns": found.worst_chain(place).reaction,
                "observed_age_ns": found.worst_chain(place).age,
            }
            for place, (chain, result) in enumerate(zip(found.system.chains, found.analysis.chains, strict=True))
        ],
        "assumptions": [item.to_dict() for item in assumptions(found)],
        "counterexample": None
        if counter is None
        else {
            "task": counter.task,
            "pattern": counter.run,
            "seed": counter.seed,
            "release_ns": counter.release,
            "deadline_ns": counter.deadline,
            "finish_ns": counter.finish,
        },
        "simulated": None
        if found.observation is None
        else {
            "runs": found.observation.runs,
            "jobs": found.observation.jobs,
            "seed": found.seed,
            "interrupted": found.interrupted,
        },
    }
    if margins:
        made["margins"] = {
            name: {
                "C": None if margin.C is None else float(margin.C),
                "T": None if margin.T is None else float(margin.T),
            }
            for name, margin in found.sensitivity.items()
        }
        made["actions"] = [action.to_dict() for action in actions(found)]
        made["tried"] = {"changes": actions(found).tried, "ended_early": actions(found).ended_early}
    if steps:
        made["steps"] = [board.to_dict() for board in found.steps()]
    return made


def _tasks(found: Verification) -> list[dict[str, Any]]:
    rows = []
    for index, (task, bound) in enumerate(zip(found.system.tasks, found.bounds, strict=True)):
        seen = found.observed(index)
        worst = None if found.observation is None else found.observation.worst[index]
        rows.append(
            {
                "name": task.name,
                "period_ns": task.period,
                "deadline_ns": task.deadline,
                "jitter_ns": task.jitter,
                "wcet_ns": found.analysis.cost(task.name),
                "overhead_ns": found.analysis.part_of(task.name).view.overheads.get(task.name, 0),
                "criticality": task.criticality,
                "verdict": found.task_verdict(index),
                "reason": reason(found, index),
                "basis": task.basis,
                "origins": [{"basis": origin.basis, "text": origin.text} for origin in task.origins],
                "bound": bound.to_dict(),
                "observed_ns": seen,
                "observed_in": None if worst is None else worst.run,
                "observed_per_bound": None if seen is None or not bound.wcrt else round(seen / bound.wcrt, 6),
                "misses_seen": None if found.observation is None else found.observation.misses[index],
            }
        )
    return rows


def _part(found: Verification, part: GroupAnalysis) -> dict[str, Any]:
    obstacle = part.view.obstacle
    return {
        "name": part.view.name,
        "tasks": [found.system.tasks[index].name for index in part.view.tasks],
        "verdict": found.part_verdict(part),
        "reason": part.result.reason,
        "phases_as_declared": None if part.declared is None else part.declared.verdict,
        "change": None if obstacle is None else obstacle.change,
        "first_failure": None if part.result.first_failure is None else part.result.first_failure.to_dict(),
        "tests": [
            {
                **item.theorem.evidence.to_dict(),
                "title": item.theorem.title,
                "verdict": item.result.verdict,
                "reason": item.result.reason,
                "bounds_ns": {bound.task: bound.wcrt for bound in item.result.bounds},
            }
            for item in part.applied
        ],
        "not_applicable": [{"test": name, "reason": reason} for name, reason in part.refused],
    }
