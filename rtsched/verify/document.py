"""A verification as JSON: sorted by the system's own order, without clock or path, so that two can be compared."""

from __future__ import annotations

from typing import Any

from rtsched import __version__
from rtsched.model.origin import Origin, weakest
from rtsched.model.quantities import QUANTITIES
from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.lowering.system_chains import bound_of
from rtsched.verify.actions import actions
from rtsched.verify.assumptions import assumptions
from rtsched.verify.basis import basis_of, node_origins
from rtsched.verify.criticality import levels
from rtsched.verify.reasons import reason
from rtsched.verify.requirements import requirements
from rtsched.verify.verification import Verification
from rtsched.verify.words import outcome, scope

#: More processors than this are told by their clusters.
MANY = 16


def to_dict(found: Verification, *, margins: bool = False, steps: bool = False) -> dict[str, Any]:
    """Everything that is known; times in ns.

    `margins` adds how far each task can move by itself, and the actions; `steps` the calculation, part by part.
    """
    counter, broken = found.counterexample, found.broken
    made: dict[str, Any] = {
        "format": 1,
        "version": __version__,
        "system": found.system.name,
        "id": found.system.id,
        "platform": found.loaded.platform.name,
        "policy": str(found.analysis.policy),
        "inputs_sha256": found.inputs_sha256,
        "verdict": found.verdict,
        "basis": found.basis,
        "proven": found.proven,
        "conditional": found.conditional,
        "violated": list(found.violated),
        "outcome": outcome(found),
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
                "id": chain.id,
                "tasks": [found.system.tasks[index].name for index in chain.tasks],
                "max_reaction_ns": chain.max_reaction,
                "max_age_ns": chain.max_age,
                **result.to_dict(),
                "verdict": found.chain_verdict(place),
                "basis": basis_of(found, chain.tasks),
                "observed_reaction_ns": found.worst_chain(place)["mrt"].time,
                "observed_age_ns": found.worst_chain(place)["mda"].time,
                "ends": _ends(found, place),
            }
            for place, (chain, result) in enumerate(zip(found.system.chains, found.analysis.chains, strict=True))
        ],
        "requirements": [each.to_dict() for each in requirements(found)],
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
        "broken_chain": None
        if broken is None
        else {
            "chain": broken.chain,
            "quantity": broken.quantity,
            "time_ns": broken.time,
            "limit_ns": broken.limit,
            "pattern": broken.run,
            "seed": broken.seed,
        },
        "simulated": None
        if found.observation is None
        else {
            "runs": found.observation.runs,
            "jobs": found.observation.jobs,
            "seed": found.seed,
            "interrupted": found.interrupted,
        },
        "unrun": found.unrun or None,
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


def _ends(found: Verification, place: int) -> list[dict[str, Any]]:
    """Every end-to-end quantity of a chain: its two events, its bound, and the longest that was seen."""
    chain, seen = found.system.chains[place], found.worst_chain(place)
    made = []
    for code, about in QUANTITIES.items():
        bound, worst, limit = bound_of(found.analysis.chains[place], code), seen[code], chain.limits.get(code)
        if bound is None and worst.time is None and limit is None:
            continue
        made.append(
            {
                "quantity": code,
                "name": about.name,
                "begins": about.begins,
                "ends": about.ends,
                "sampling": about.sampling,
                "limit_ns": limit,
                "bound_ns": bound,
                "slack_ns": None if limit is None or bound is None else limit - bound,
                "observed_ns": worst.time,
                "observed": worst.count,
                "observed_in": worst.run or None,
                "verdict": None if limit is None else found.end_verdict(place, code),
            }
        )
    return made


def _tasks(found: Verification) -> list[dict[str, Any]]:
    rows = []
    for index, (task, bound) in enumerate(zip(found.system.tasks, found.bounds, strict=True)):
        seen = found.observed(index)
        worst = None if found.observation is None else found.observation.worst[index]
        rows.append(
            {
                "name": task.name,
                "id": task.id,
                "period_ns": task.period,
                "deadline_ns": task.deadline,
                "jitter_ns": task.jitter,
                "wcet_ns": found.analysis.cost(task.name),
                "overhead_ns": found.analysis.part_of(task.name).view.overheads.get(task.name, 0),
                "criticality": task.criticality,
                "verdict": found.task_verdict(index),
                "reason": reason(found, index),
                "basis": task.basis,
                "rests_on": basis_of(found, [index]),
                "origins": [_origin(origin) for origin in task.origins],
                "nodes": _nodes(found, task),
                "bound": bound.to_dict(),
                "observed_ns": seen,
                "observed_in": None if worst is None else worst.run,
                "observed_per_bound": None if seen is None or not bound.wcrt else round(seen / bound.wcrt, 6),
                "misses_seen": None if found.observation is None else found.observation.misses[index],
            }
        )
    return rows


def _nodes(found: Verification, task: TaskSpec) -> list[dict[str, Any]]:
    """Every time of every node: on which processor, its kind, which figure it is, and where it is from.

    A time of which nobody says anything is declared, and has no figures.
    """
    return [
        {
            "node": node.name,
            "processors": _places(found, places),
            "value_ns": time,
            "kind": weakest(origin.basis for origin in origins),
            "from": [_origin(origin) for origin in origins],
        }
        for node in task.nodes
        for (time, origins), places in node_origins(task, node).items()
    ]


def _places(found: Verification, places: list[int]) -> list[str]:
    """Processors by name; the clusters of very many."""
    names = [found.system.processors[place].name for place in places]
    return names if len(names) <= MANY else list(dict.fromkeys(found.system.processors[p].cluster for p in places))


def _origin(origin: Origin) -> dict[str, Any]:
    """Where a time is from; what is not stated is null."""
    return {
        "basis": origin.basis,
        "text": origin.text,
        "statistic": origin.statistic or None,
        "n": origin.n,
        "margin": origin.margin,
        "source": origin.source or None,
        "row": origin.row or None,
        "date": origin.date or None,
        "stated": None if origin.about is None else origin.about.model_dump(mode="json", exclude_none=True),
    }


def _part(found: Verification, part: GroupAnalysis) -> dict[str, Any]:
    obstacle = part.view.obstacle
    return {
        "name": part.view.name,
        "tasks": [found.system.tasks[index].name for index in part.view.tasks],
        "verdict": found.part_verdict(part),
        "basis": weakest(found.system.tasks[index].basis for index in part.view.tasks),
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
