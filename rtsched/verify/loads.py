"""Loads against the limits that a file declares: the sum of C/T on a cluster or a processor, whatever the policy does.

Work that may run nowhere else is there for certain. Of work that may run elsewhere, too, all may be there: a limit is
kept where it is kept even then, it is broken where what is there for certain breaks it, and else that is open. A task
that another one releases comes as often as that one at most. C is what proofs take, without the cost of switches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rtsched.model.limit import Limit
from rtsched.model.origin import Basis, weakest
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.schedulability.lowering.pieces import largest_share
from rtsched.schedulability.result import Verdict
from rtsched.verify.verification import Verification

#: Arrivals that no least distance keeps apart.
UNBOUNDED = ("poisson", "bursty", "spawned", "trace")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for of one limit's processors, per server: `least` for certain, `most` wherever things run.

    `most` is None where a task has no least distance; `reason` says which, or why it is open.
    """

    limit: Limit
    servers: int
    least: Fraction
    most: Fraction | None
    verdict: Verdict
    basis: Basis
    reason: str


def judged(found: Verification) -> tuple[Load, ...]:
    """Each limit of the file with the load that it is of."""
    return tuple(_judged(found.system, limit) for limit in found.loaded.system.limits)


def summed_up(found: Verification) -> str:
    """The limits of loads in a sentence, those first that are not kept; nothing where there are none."""
    told = {"unschedulable": "exceeded", "unknown": "open", "schedulable": "kept"}
    named = {verdict: [each.limit.of for each in judged(found) if each.verdict == verdict] for verdict in told}
    return "; ".join(f"{told[verdict]}: {', '.join(names)}" for verdict, names in named.items() if names)


def places_of(system: SystemSpec, name: str) -> list[int]:
    """The processors that a limit is of: those of a cluster, or one."""
    cluster = [each.index for each in system.processors if each.cluster == name]
    return cluster or [each.index for each in system.processors if each.name == name]


def _judged(system: SystemSpec, limit: Limit) -> Load:
    places = places_of(system, limit.of)
    least, most, kinds = Fraction(0), Fraction(0), set()
    endless: list[str] = []
    for task in system.tasks:
        certain, possible = _times(task, places)
        if not possible:
            continue
        kinds.add(task.basis)
        root = _root(system, task)
        if root.arrival.kind in UNBOUNDED:
            endless.append(task.name)
        elif root.period is not None:  # what comes once loads nothing in the long run
            least += Fraction(certain, root.period)
            most += Fraction(possible, root.period)
    servers = len(places)
    least, most, reason = least / servers, most / servers, ""
    verdict: Verdict = "unknown"
    if least > limit.max_utilisation:
        verdict = "unschedulable"
        reason = f"{_percent(least)} of {limit.of!r} is asked for, and {_percent(limit.max_utilisation)} may be"
    elif endless:
        reason = f"how often {', '.join(map(repr, endless[:3]))} may come is not bounded"
    elif most <= limit.max_utilisation:
        verdict = "schedulable"
    else:
        reason = f"up to {_percent(most)} of {limit.of!r} where all that may run there does; pin what should not"
    basis = weakest(sorted(kinds)) if kinds else "declared"
    return Load(limit, servers, least, None if endless else most, verdict, basis, reason)


def _root(system: SystemSpec, task: TaskSpec) -> TaskSpec:
    """The task whose arrivals release it, directly or through others."""
    while task.after is not None:
        task = system.tasks[task.after]
    return task


def _times(task: TaskSpec, places: Sequence[int]) -> tuple[int, int]:
    """What a job asks for of these processors: for certain, and at most."""
    forms = [task.nodes] if task.quality is None else [task.nodes, *(each.nodes for each in task.quality.variants)]
    certain = possible = 0
    share = max(Fraction(1), largest_share(task))
    for each in zip(*forms, strict=True):
        times = [node.times[place] or 0 for node in each for place in places if node.times[place] is not None]
        if times:
            possible += -(-max(times) * share.numerator // share.denominator)
            there = all(set(node.eligible) <= set(places) for node in each)
            certain += min(times) if there and not task.branches else 0
    return certain, possible


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.4g} %"
