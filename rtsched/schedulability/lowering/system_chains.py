"""The cause-effect chains of a system as the chain theorem knows them.

A task that another one of the chain releases (`after`) reads what that one has just written: together they are one
step, sampled where it begins, that takes the sum of their responses. A step that begins with a task whose trigger is
not in the chain comes as regularly as that trigger does, later by up to the responses before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from rtsched import units
from rtsched.model.quantities import QUANTITIES, trigger_path
from rtsched.model.taskgraph import ChainSpec, TaskSpec
from rtsched.schedulability.lowering.clocked_chains import longest_gap, rests_on, sampled_chain
from rtsched.schedulability.result import Result, unknown
from rtsched.schedulability.theorems.chains import CauseEffectChain, chain_latency
from rtsched.schedulability.theorems.sampled_chains import SampledChain, chain_clocks

if TYPE_CHECKING:
    from rtsched.schedulability.analyse import SystemAnalysis


#: The quantities of a chain that samples.
SAMPLED: Final = ("mrt", "mrrt", "mda", "mrda")


def chain_result(analysis: SystemAnalysis, chain: ChainSpec) -> Result:
    """Bounds on the end-to-end quantities of a chain, and whether they keep what is required of it.

    They stand in the details, in ns, by the codes of the quantities (``mrt_ns``).
    """
    found = _sampled(analysis, chain)
    latency, why = _latency(analysis, chain)
    if latency is not None:
        found = replace(found, details={**found.details, "triggered_ns": latency})
    return _judged(found, chain, why)


def bound_of(result: Result, code: str) -> int | None:
    """The bound on a quantity of a chain in ns, by its code; None: there is none."""
    bound: int | None = result.details.get(f"{code}_ns")
    return bound


def test_of(result: Result, code: str) -> str:
    """The theorem behind the bound on a quantity of a chain; where there is none, that of all chains."""
    tests: dict[str, str] = result.details.get("tests", {})
    return tests.get(code, "chain-latency")


def _latency(analysis: SystemAnalysis, chain: ChainSpec) -> tuple[int | None, str]:
    """The longest that a chain takes in which each task releases the next: all responses; or None and why.

    A response counts from the end of the job that released it, so they follow each other without a gap. It takes no
    period: arrivals may come as rarely as they like, and chance may leave out what follows.
    """
    path = trigger_path([task.after for task in analysis.system.tasks], chain.tasks)
    if path is None:
        return None, "not all of its tasks release each other"
    total = 0
    for place in path:
        task = analysis.system.tasks[place]
        response = _response(analysis, task)
        if response is None:
            return None, f"{task.name!r} has no response-time bound"
        if task.on_miss != "continue" and not analysis.proves(task.index):
            return None, f"late jobs of {task.name!r} may not end (on_miss: {task.on_miss})"
        total += response
    return total, ""


def _sampled(analysis: SystemAnalysis, chain: ChainSpec) -> Result:
    """The bounds of a chain whose tasks, or steps of tasks, sample each other."""
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
    anywhere = CauseEffectChain(chain.name, names, tuple(gaps), tuple(responses), tuple(ahead), chain.max_reaction)
    if any(task.communication == "let" for task in tasks):
        plain = unknown("chain-latency does not apply: it speaks of implicit communication")
    else:
        plain = chain_latency(anywhere)
    late = [_late(analysis, step[0]) for step in steps]
    within = [response + wait for response, wait in zip(responses, late, strict=True)]
    roots = [_triggers(analysis, step[0])[-1] for step in steps]
    found = _better(plain, _clocked(sampled_chain(analysis, chain, steps, roots, within, ahead)))
    unheld = [replace(root, clock=None) for root in roots]
    clocked = "chain-clocks" in found.details.get("tests", {}).values() and "open" not in found.details
    return replace(found, assumptions=rests_on(tasks, roots if clocked else unheld)) if found.bounds else found


def _clocked(chain: SampledChain | str) -> Result:
    """What clocks say of a chain; where the hyperperiod is too long for that, each step by itself, with a word."""
    if isinstance(chain, str):
        return unknown(f"chain-clocks does not apply: {chain}")
    found = chain_clocks(chain)
    if found.verdict != "unknown" or found.bounds:
        return found
    loose = chain_clocks(replace(chain, steps=tuple(replace(step, clock="", ends=()) for step in chain.steps)))
    return replace(loose, details=loose.details | {"open": found.reason})


def _better(plain: Result, clocked: Result) -> Result:
    """The smaller bound on each quantity; of equal ones the plain one, which rests on no clock.

    ``tests`` in the details says which theorem bounds what.
    """
    known = [result for result in (plain, clocked) if result.bounds]
    if not known:
        return unknown(f"{plain.reason}; {clocked.reason}")
    best = {code: min(known, key=lambda result: bound_of(result, code) or 0) for code in SAMPLED}
    first = best["mrt"]
    evidence = dict.fromkeys([first.evidence[0], *(result.evidence[0] for result in best.values())])
    details = plain.details | {key: value for key, value in clocked.details.items() if key == "open"}
    details |= {f"{code}_ns": bound_of(result, code) for code, result in best.items()}
    details |= {"tests": {code: result.evidence[0].test for code, result in best.items()}}
    return replace(first, evidence=tuple(evidence), details=details)


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
        if each.after is None and longest_gap(each) is None:
            rarely = each.arrival.kind == "sporadic" and each.count is None
            return f"{each.name!r} " + ("has no longest gap (arrival: max_gap)" if rarely else "is not periodic")
        if each.on_miss != "continue" and not analysis.proves(each.index):
            return f"late jobs of {each.name!r} may not end (on_miss: {each.on_miss})"
        if each.communication == "let" and (_response(analysis, each) or 0) > each.deadline:
            return f"{each.name!r} may write after its deadline, where its logical execution time ends"
    return None


def _gap(analysis: SystemAnalysis, task: TaskSpec) -> int:
    """The longest time between two arrivals of a task that is regular."""
    _, *triggers = _triggers(analysis, task)
    root = triggers[-1] if triggers else task
    return (longest_gap(root) or 0) + root.jitter + _late(analysis, task)


def _late(analysis: SystemAnalysis, task: TaskSpec) -> int:
    """How long after the arrival of the task behind all its triggers it arrives at most."""
    return sum(_response(analysis, each) or 0 for each in _triggers(analysis, task)[1:])


def _ahead(analysis: SystemAnalysis, first: Sequence[TaskSpec], second: Sequence[TaskSpec]) -> bool:
    """Whether two steps are single tasks of one processor, of which the first is the more urgent."""
    if len(first) > 1 or len(second) > 1 or first[0].after is not None or second[0].after is not None:
        return False
    if "let" in (first[0].communication, second[0].communication):
        return False
    places = {place for task in (first[0], second[0]) for node in task.nodes for place in node.eligible}
    policy = analysis.policy.of(analysis.system.processors[place].cluster for place in places)
    return len(places) == 1 and policy.order == "FP" and policy.level(first[0]) < policy.level(second[0])


def _judged(found: Result, chain: ChainSpec, why: str) -> Result:
    """The result with the verdict of all that is required; without a requirement, of whether it has any bound.

    `why` says why there is no bound on its latency.
    """
    limits = chain.limits
    if not limits:
        bounded = bool(found.bounds) or bound_of(found, "triggered") is not None
        return replace(found, verdict="schedulable" if bounded else "unknown")
    open_ones = []
    for code, limit in limits.items():
        name, bound = QUANTITIES[code].name, bound_of(found, code)
        if bound is None:
            reason = why if code == "triggered" else found.reason
            open_ones.append(f"no bound on its {name}: {reason}" if len(limits) > 1 else reason)
        elif bound > limit:
            at_most, required = (units.format_duration(value, digits=6) for value in (bound, limit))
            open_ones.append(f"its {name} is proven to be at most {at_most}, and {required} is required")
    if open_ones:
        return replace(found, verdict="unknown", reason="; ".join(dict.fromkeys(open_ones)))
    return replace(found, verdict="schedulable", reason="")
