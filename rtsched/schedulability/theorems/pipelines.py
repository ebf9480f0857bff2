"""A4: holistic analysis of pipelines CPU -> GPU/NPU -> CPU on partitioned processors with fixed priorities.

**Queues of other orders.** On a processor that serves by another work-conserving order (FIFO, EDF, any) every other
stage there, the task's own other ones too, counts as more urgent. Let t0 be the last instant, before a stage starts, up
to which the processor had served all that came before. From t0 on it is busy: when the q-th job after the first since
t0 starts, after f, it has served at most q of this stage, and what came of the others. So f is at most the least
fixpoint of q C + Σ η(w + 1) C_j, whatever the order, as if the stage were the least urgent; and all jobs of the longest
busy period, of which nothing is left out, are looked at. Nothing blocks beside that, since whatever runs is counted.
"""

from __future__ import annotations

from dataclasses import replace

from rtsched.schedulability import needs
from rtsched.schedulability.models import Pipelines
from rtsched.schedulability.result import Bound, Contribution, Failure, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixed_priority import Demand, Interference, Response, response
from rtsched.schedulability.theorems.fixpoint import NotConverged

#: Rounds of the holistic iteration; each lets at least one jitter grow.
MOST_ROUNDS = 2_000


def best_starts(model: Pipelines) -> list[list[int]]:
    """The earliest start of each stage after the arrival: the least of all before it, or their C if times are fixed."""
    return [
        [
            sum(stage.C if model.fixed_times else stage.least for stage in task.stages[:k])
            for k in range(len(task.stages))
        ]
        for task in model.tasks
    ]


def stage_demand(model: Pipelines, i: int, k: int, jitter: list[list[int]], own: bool = True) -> Demand:
    """What stage k of task i meets on its processor: all stages of more urgent tasks there as tasks of their own.

    Without preemption, a stage of a less urgent task or (`own`) of the task's previous job may have just begun.
    """
    task, stage = model.tasks[i], model.tasks[i].stages[k]
    mode = model.modes[stage.processor]
    ordered = model.by_priority(stage.processor)
    blockers = [
        (other.region(mode) - 1, f"{lower.name} stage {place + 1}")
        for lower in (model.tasks[j] for j in ([i] * own + model.below(i, stage.processor) if ordered else []))
        for place, other in enumerate(lower.stages)
        if other.processor == stage.processor
    ]
    blocking, blocker = max(blockers, default=(0, ""))
    above = tuple(
        Interference(f"{upper.name} stage {s + 1}", other.C, upper.T, jitter[j][s], other.pieces(mode))
        for j, upper in ((j, model.tasks[j]) for j in model.above(i, stage.processor) + ([] if ordered else [i]))
        for s, other in enumerate(upper.stages)
        if other.processor == stage.processor and (j, s) != (i, k)
    )
    last, pieces = stage.last_region(mode), stage.pieces(mode)
    return Demand(task.name, stage.C, task.T, jitter[i][k], last, blocking, blocker, above, pieces)


def holistic_ends(model: Pipelines) -> tuple[list[list[int]], list[list[Response]]] | str:
    """E(i, k), the bound on the end of every stage from the arrival, and its last response; or why there is none."""
    b = best_starts(model)
    ends = []
    for task in model.tasks:
        total, row = task.J, []
        for stage in task.stages:
            total += stage.C
            row.append(total)
        ends.append(row)
    for _ in range(MOST_ROUNDS):
        jitter = [
            [task.J if k == 0 else ends[i][k - 1] - b[i][k] for k in range(len(task.stages))]
            for i, task in enumerate(model.tasks)
        ]
        found = []
        grown = False
        for i, task in enumerate(model.tasks):
            row_found = []
            for k in range(len(task.stages)):
                answer = response(stage_demand(model, i, k, jitter), limit=task.T - b[i][k])
                if answer.R is None or b[i][k] + answer.R > task.T:
                    return f"stage {k + 1} of {task.name!r} may end later than the period after its arrival"
                row_found.append(answer)
                if b[i][k] + answer.R > ends[i][k]:
                    ends[i][k] = b[i][k] + answer.R
                    grown = True
            found.append(row_found)
        if not grown:
            return ends, found
    raise NotConverged(f"the jitters of the stages still grow after {MOST_ROUNDS} rounds")


@theorem(
    "holistic",
    title="Pipelines over processors, holistic analysis (A4)",
    strength="sufficient",
    citation="Tindell, Clark, Microprocessing and Microprogramming 40, 1994",
    model=Pipelines,
    needs=(needs.constrained_deadlines,),
    interlocked=True,
)
def holistic(model: Pipelines) -> Result:
    """The end of each stage is the jitter of the next; iterated to a fixpoint, rejected as soon as one exceeds T.

    Execution times may be shorter than C, which can make things worse: a simulation with WCETs is no bound.

    >>> from rtsched.schedulability.models import Pipelines, PipelineTask, Stage
    >>> camera = PipelineTask("camera", (Stage("cpu", 2), Stage("gpu", 8), Stage("cpu", 1)), 33, 33)
    >>> mapping = PipelineTask("mapping", (Stage("cpu", 3), Stage("gpu", 10)), 66, 66)
    >>> holistic(Pipelines((camera, mapping), {"cpu": "preemptive", "gpu": "nonpreemptive"})).responses
    [20, 33]
    """
    found = holistic_ends(model)
    if isinstance(found, str):
        bounds = tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks)
        name = found.split("'")[1]
        return Result("unknown", bounds, first_failure=Failure(name, found), reason=found)
    ends, answers = found
    bounds = tuple(
        Bound(task.name, ends[i][-1], task.D, _parts(model, i, answers[i])) for i, task in enumerate(model.tasks)
    )
    result = from_bounds(bounds, exact=False)
    if result.verdict == "schedulable":
        return result
    # one task beyond its deadline takes the ground from under the others' bounds where D < T
    return replace(result, bounds=tuple(Bound(task.name, None, task.D, converged=False) for task in model.tasks))


def _parts(model: Pipelines, i: int, answers: list[Response]) -> tuple[Contribution, ...]:
    """What each stage adds to the end-to-end bound: its own time, and what delays it there.

    Where the first job of a stage's busy period is the worst, its lateness is what the stages before it took. Where a
    later one is, that one came so early that they took no more than at best.
    """
    task, b = model.tasks[i], best_starts(model)[i]
    found = [Contribution("jitter", task.name, task.J)]
    for k, answer in enumerate(answers):
        at = f" on {task.stages[k].processor}"
        if answer.q:
            found = [Contribution("own", f"{task.name} before stage {k + 1}", b[k])]
        for part in answer.parts:
            if part.kind != "jitter":
                source = f"{part.source}{at}" if part.kind != "own" else f"stage {k + 1}{at}"
                found.append(Contribution(part.kind, source, part.amount))
            elif answer.q:
                found.append(part)
    return tuple(part for part in found if part.amount)
