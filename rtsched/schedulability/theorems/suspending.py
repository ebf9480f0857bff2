"""Pipelines as self-suspending tasks (A9 with A1): a CPU task waits while an accelerator works for it.

The holistic analysis lets more urgent tasks interfere anew with every stage. Seen from its core, a task of many short
stages rather suspends itself while the others run: more urgent tasks interfere with all its stages there together.

**Why it is sound.** Look at the first deadline that would be missed. Until then every job met its own, so stage k of a
task (of n, all at least one tick long) became ready within [k, D - (n - k)] after the arrival: its release jitter on
the processor is D - n (n counts none that a job may leave out). And earlier jobs of the task are done, since D <= T. So
from the instant at which a stage is ready, or from the earlier one since which more urgent work has kept the processor
busy, only more urgent stages (with their jitters), one region that has just begun, and the stage itself matter: its
response there is A2's for the first job of a busy period. That region is one of a less urgent task; or of an earlier
stage of the same job, which is over when this one is ready, but more urgent work has piled up behind it. The responses
outside its home core sum to the suspension S; on the core, J_h = D_h - C_h bounds what a more urgent suspending task
carries in (the jitter bound of Huang et al. with D for R). All or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rtsched.schedulability import needs
from rtsched.schedulability.models import Pipelines, PipelineTask
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import Theorem, theorem
from rtsched.schedulability.theorems.fixed_priority import Interference
from rtsched.schedulability.theorems.fixpoint import least_fixpoint
from rtsched.schedulability.theorems.interference import JobWork
from rtsched.schedulability.theorems.pipelines import stage_demand


def stage_jitter(task: PipelineTask, k: int) -> int:
    """How much the instants at which stage k becomes ready deviate from periodic ones, as long as deadlines are met."""
    return task.J if k == 0 else max(0, task.D - sum(stage.least for stage in task.stages))


def _met(work: JobWork, stages: Sequence[Interference], core: str, s: int) -> list[Contribution]:
    """What the stages of a more urgent task do up to s: each with its jitter, but no more than its jobs can in all."""
    parts = [Contribution("interference", f"{h.name} on {core}", ((s + h.J) // h.T + 1) * h.C) for h in stages]
    most = work.within(s + 1)
    if sum(part.amount for part in parts) <= most:
        return parts
    for place, part in enumerate(parts):
        parts[place] = replace(part, amount=min(part.amount, most))
        most -= parts[place].amount
    return parts


def stage_response(model: Pipelines, i: int, k: int, jitter: list[list[int]]) -> tuple[Contribution, ...] | None:
    """The longest time from the instant at which stage k of task i is ready to its end, in parts; None beyond D."""
    stages = model.tasks[i].stages
    core, mode = stages[k].processor, model.modes[stages[k].processor]
    demand = stage_demand(model, i, k, jitter, own=False)
    behind = max((stage.region(mode) - 1 for stage in stages[:k] if stage.processor == core), default=0)
    groups: list[tuple[JobWork, list[Interference]]] = []
    above = list(demand.above)
    for h in (model.tasks[j] for j in model.above(i, core)):
        mine = [stage for stage in h.stages if stage.processor == core]
        groups.append((JobWork(h.T, h.D, sum(stage.C for stage in mine), 1), above[: len(mine)]))
        del above[: len(mine)]

    def meeting(s: int) -> list[Contribution]:
        return [part for work, each in groups for part in _met(work, each, core, s)]

    found = []
    for region, waited in ((demand.blocking, demand.blocking), (behind, 0)):
        base = region + demand.C - demand.last
        start = least_fixpoint(
            lambda s, base=base: base + sum(part.amount for part in meeting(s)),  # type: ignore[misc]
            base,
            limit=model.tasks[i].D + region - waited,
        )
        if start is None:
            return None
        parts = [
            Contribution("own", f"stage {k + 1} on {core}", demand.C),
            Contribution("blocking", f"{demand.blocker} on {core}", waited),
            *meeting(start),
        ]
        found.append(tuple(part for part in parts if part.amount))
    return max(found, key=lambda parts: sum(part.amount for part in parts))


@theorem(
    "pipelines-suspending",
    title="Pipelines over processors, as tasks that suspend themselves (A9 with A1)",
    strength="sufficient",
    citation="Huang, Chen, Zhou, Liu, DAC 2015 (jitter of suspending tasks) with A1; derived in the module",
    model=Pipelines,
    needs=(needs.constrained_deadlines, needs.priorities_everywhere),
    interlocked=True,
)
def pipelines_suspending(model: Pipelines) -> Result:
    """R = J + C + S + Σ_hp W_h(R) on the core that gives the least, jobs within D_h of their arrival; all or nothing.

    Eight short stages on a core, each followed by the accelerator, where the holistic bound delays every stage anew:

    >>> from rtsched.schedulability.models import Stage
    >>> from rtsched.schedulability.theorems.pipelines import holistic
    >>> urgent = PipelineTask("urgent", (Stage("cpu", 4),), 40, 40)
    >>> net = PipelineTask("net", (Stage("cpu", 1), Stage("npu", 2)) * 8, 100, 90)
    >>> model = Pipelines((urgent, net), {"cpu": "preemptive", "npu": "nonpreemptive"})
    >>> pipelines_suspending(model).responses, holistic(model).responses
    ([4, 28], [4, 64])
    """
    result = _each(model)
    if result.verdict != "schedulable":
        lost = tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks)
        return Result("unknown", lost, first_failure=result.first_failure, reason=result.reason)
    return result


def _bound(model: Pipelines, i: int, answers: list[list[tuple[Contribution, ...] | None]]) -> Bound:
    """The least bound over the choices of a home: a preemptive core of its, or none (every stage is waited for)."""
    task = model.tasks[i]
    cores = [core for core, mode in model.modes.items() if mode == "preemptive"]
    homes = [None, *(core for core in cores if any(stage.processor == core for stage in task.stages))]
    found = [bound for home in homes if (bound := _at_home(model, i, home, answers[i])).wcrt is not None]
    return min(found, key=lambda bound: bound.wcrt or 0, default=Bound(task.name, None, task.D, converged=False))


def _at_home(model: Pipelines, i: int, home: str | None, answers: list[tuple[Contribution, ...] | None]) -> Bound:
    task = model.tasks[i]
    none = Bound(task.name, None, task.D, converged=False)
    waits: list[Contribution] = []
    for stage, parts in zip(task.stages, answers, strict=True):
        if stage.processor == home:
            continue
        if parts is None:
            return none
        waits += parts
    S = sum(part.amount for part in waits)
    C = sum(stage.C for stage in task.stages if stage.processor == home)
    above = [
        (h, sum(stage.C for stage in h.stages if stage.processor == home))
        for h in (model.tasks[j] for j in model.above(i, home or ""))
        if any(stage.processor == home for stage in h.stages)
    ]

    def interference(x: int) -> list[Contribution]:
        return [
            Contribution("interference", h.name, -(-(x + h.J) // h.T) * load)
            if len(h.stages) == 1
            else Contribution("interference", h.name, JobWork(h.T, h.D, load, 1).within(x))
            for h, load in above
        ]

    R = least_fixpoint(lambda x: C + S + sum(part.amount for part in interference(x)), C + S, limit=task.D - task.J)
    if R is None:
        return none
    found = [Contribution("own", task.name, C), *waits, *interference(R), Contribution("jitter", task.name, task.J)]
    return Bound(task.name, R + task.J, task.D, tuple(part for part in found if part.amount))


def _each(model: Pipelines) -> Result:
    """The bound of each task, as long as all others are in time."""
    jitter = [[stage_jitter(task, k) for k in range(len(task.stages))] for task in model.tasks]
    answers = [
        [stage_response(model, i, k, jitter) for k in range(len(task.stages))] for i, task in enumerate(model.tasks)
    ]
    bounds = [_bound(model, i, answers) for i in range(len(model.tasks))]
    return from_bounds(bounds, exact=False)


#: For Audsley's assignment: what it says of a task asks only which others are more urgent, and for their deadlines.
#: With accelerators of their own this is SCAIR-OPA (Huang, Chen, Zhou, Liu, DAC 2015) with no least suspension.
assignable: Theorem = replace(pipelines_suspending.theorem, function=_each, opa=True)  # type: ignore[attr-defined]
