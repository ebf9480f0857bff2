"""The cause-effect chains of a system as the chain theorem knows them.

A task that another one of the chain releases (`after`) reads what that one has just written: together they are one
step, sampled where it begins, that takes the sum of their responses. A step that begins with a task whose trigger is
not in the chain comes as regularly as that trigger does, later by up to the responses before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from rtsched import units
from rtsched.model.taskgraph import ChainSpec, TaskSpec
from rtsched.schedulability.result import Result, unknown
from rtsched.schedulability.theorems.chains import CauseEffectChain, chain_latency

if TYPE_CHECKING:
    from rtsched.schedulability.analyse import SystemAnalysis


def chain_result(analysis: SystemAnalysis, chain: ChainSpec) -> Result:
    """The reaction time and data age of a chain, and whether they keep what is required of it."""
    tasks = [analysis.system.tasks[place] for place in chain.tasks]
    steps = _steps(analysis, tasks)
    for task in tasks:
        reason = _irregular(analysis, task)
        if reason is not None:
            return unknown(reason)
    responses = [sum(_response(analysis, task) or 0 for task in step) for step in steps]
    gaps = [_gap(analysis, step[0]) for step in steps]
    ahead = [
        _ahead(analysis, first, second) and responses[place] <= gaps[place] and responses[place + 1] <= gaps[place + 1]
        for place, (first, second) in enumerate(pairwise(steps))
    ]
    names = tuple(" → ".join(task.name for task in step) for step in steps)
    found = chain_latency(
        CauseEffectChain(chain.name, names, tuple(gaps), tuple(responses), tuple(ahead), chain.max_reaction)
    )
    return _judged(found, chain)


def _steps(analysis: SystemAnalysis, tasks: Sequence[TaskSpec]) -> list[list[TaskSpec]]:
    """Runs of tasks each of which releases the next one, with those between them that the chain leaves out."""
    steps: list[list[TaskSpec]] = []
    for task in tasks:
        triggers = _triggers(analysis, task)
        if steps and steps[-1][-1] in triggers[1:]:
            steps[-1] += reversed(triggers[: triggers.index(steps[-1][-1])])
        else:
            steps.append([task])
    return steps


def _triggers(analysis: SystemAnalysis, task: TaskSpec) -> list[TaskSpec]:
    """The task, the one that releases it, and so on to one that arrives by itself."""
    found = [task]
    while found[-1].after is not None:
        found.append(analysis.system.tasks[found[-1].after])
    return found


def _response(analysis: SystemAnalysis, task: TaskSpec) -> int | None:
    """The most that a job takes from its arrival; of a proven task without a bound its deadline."""
    wcrt = analysis.bounds[task.index].wcrt
    return task.deadline if wcrt is None and analysis.proves(task.index) else wcrt


def _irregular(analysis: SystemAnalysis, task: TaskSpec) -> str | None:
    """Why jobs of a task may fail to come or to end in time; None if each comes and ends within its response."""
    for each in _triggers(analysis, task):
        if _response(analysis, each) is None:
            return f"{each.name!r} has no response-time bound"
        if each.after is not None and each.probability < 1:
            return f"{each.name!r} is not released by every job of {analysis.system.tasks[each.after].name!r}"
        if each.after is None and (each.period is None or each.arrival.kind != "periodic" or each.count is not None):
            return f"{each.name!r} is not periodic"
        if each.on_miss != "continue" and not analysis.proves(each.index):
            return f"late jobs of {each.name!r} may not end (on_miss: {each.on_miss})"
    return None


def _gap(analysis: SystemAnalysis, task: TaskSpec) -> int:
    """The longest time between two arrivals of a task that is regular."""
    _, *triggers = _triggers(analysis, task)
    root = triggers[-1] if triggers else task
    late = sum(_response(analysis, each) or 0 for each in triggers)
    return (root.period or 0) + root.jitter + late


def _ahead(analysis: SystemAnalysis, first: Sequence[TaskSpec], second: Sequence[TaskSpec]) -> bool:
    """Whether two steps are single tasks of one processor, of which the first is the more urgent."""
    if len(first) > 1 or len(second) > 1 or first[0].after is not None or second[0].after is not None:
        return False
    places = {place for task in (first[0], second[0]) for node in task.nodes for place in node.eligible}
    policy = analysis.policy.of(analysis.system.processors[place].cluster for place in places)
    return len(places) == 1 and policy.order == "FP" and policy.level(first[0]) < policy.level(second[0])


def _judged(found: Result, chain: ChainSpec) -> Result:
    """The result with the verdict of all that is required; where the theorem does not apply, as it is."""
    if not found.bounds:
        return found
    reaction, age = found.bounds[0].wcrt, found.details["data_age_ns"]
    broken = [
        f"{what} {units.format_duration(value, digits=6)}, and {units.format_duration(limit, digits=6)} is required"
        for what, value, limit in (
            ("it may react only after", reaction, chain.max_reaction),
            ("its data may be as old as", age, chain.max_age),
        )
        if limit is not None and value is not None and value > limit
    ]
    return replace(found, verdict="unknown", reason="; ".join(broken)) if broken else found
