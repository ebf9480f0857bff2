"""Why a task is not proven: each its own reason, not only that of the part it is in."""

from __future__ import annotations

from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.lowering.view import own_obstacle
from rtsched.schedulability.result import explain
from rtsched.verify.verification import Verification


def reason(found: Verification, place: int) -> str:
    """Why not every job of a task is proven to be in time; empty where it is."""
    if found.task_verdict(place) == "schedulable":
        return ""
    task = found.system.tasks[place]
    seen = found.observation
    if seen is not None and seen.misses[place]:
        count = seen.misses[place]
        return f"it missed {count} deadline{'s' * (count > 1)} in simulation{_beside(found, place)}"
    part = found.analysis.part_of(task.name)
    if part.view.obstacle is not None:
        return _blocked(found, place, part)
    bound = found.bounds[place]
    if bound.wcrt is not None and bound.wcrt > bound.deadline:
        return str(explain(bound)) + ("" if bound.exact else " (the bound is safe, and may be larger than needed)")
    return _unbounded(task.name, part)


def _beside(found: Verification, place: int) -> str:
    bound = found.bounds[place]
    return f"; {explain(bound)}" if bound.wcrt is not None and bound.wcrt > bound.deadline else ""


def _blocked(found: Verification, place: int, part: GroupAnalysis) -> str:
    """Nothing sound covers its part: for its own sake, or for that of another task."""
    obstacle = part.view.obstacle
    assert obstacle is not None
    own = own_obstacle(found.system, found.analysis.policy, place)
    if own is not None:
        return f"{own.reason}; to make it provable: {own.change}"
    return f"nothing of its own is in the way, but it shares {part.view.name} with others, of which: {obstacle.reason}"


def _unbounded(name: str, part: GroupAnalysis) -> str:
    """No test has a bound for it: what the tests say of it, else of whom they say it."""
    mine = [item for item in part.applied if item.result.first_failure and item.result.first_failure.task == name]
    exact = sorted(mine, key=lambda item: item.theorem.strength != "exact")
    if exact:
        return f"{exact[0].theorem.name}: {exact[0].result.first_failure}"
    failure = part.result.first_failure
    if failure is not None and failure.task != name:
        return f"no test bounds it, since they end at {failure.task!r}: {failure.why}"
    if failure is not None:
        return str(failure)
    return part.result.reason or "no test that applies bounds it"
