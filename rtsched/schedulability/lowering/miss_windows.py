"""How many of any k jobs of a task in a row may miss, as far as the theorems on weakly hard deadlines speak of a file.

A task that is proven misses none. Else, where one processor is preempted under fixed priorities (or EDF) and all that
run there are plain: tasks that one clock holds to their phases have one schedule (`mk-firm`); in any phases a periodic
task is late only where rare ones come (`typical-worst-case`). What may come rarely is what has a longer period than the
task itself; of what is more urgent only the least distance counts. Both theorems let late jobs run on, so that every
task has to (`on_miss: continue`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rtsched.model.taskgraph import TaskSpec
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems.fixpoint import NotConverged
from rtsched.schedulability.theorems.miss_models import MissModel, TypicalAndOverload, miss_model
from rtsched.schedulability.theorems.weakly_hard import WeaklyHard
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.schedulability.analyse import SystemAnalysis

#: So many ways of saying which tasks are rare are tried.
RARE = 6


@dataclass(frozen=True, slots=True)
class MissBound:
    """The most misses of any k jobs in a row (None: not bounded), by which test, or why not, and what it `rests_on`."""

    most: int | None
    test: str = ""
    reason: str = ""
    rests_on: tuple[str, ...] = ()


def miss_bound(analysis: SystemAnalysis, index: int) -> MissBound:
    """The smallest bound on the misses of a task in the window that its `misses` names."""
    task = analysis.system.tasks[index]
    assert task.misses is not None
    if analysis.proves(index):
        proof = analysis.bounds[index].test or ", ".join(analysis.part_of(task.name).proven_by()[:1])
        return MissBound(0, proof)
    model = _model(analysis, index)
    if isinstance(model, str):
        return MissBound(None, "", model)
    k = task.misses.of
    part, place = _part(analysis, task)
    found = [each for each in (_held(model, part, place, k), _rare(model, place, k)) if each.most is not None]
    if found:
        return min(found, key=lambda each: each.most or 0)
    if model.order == "EDF":
        return MissBound(None, "", "under EDF misses are bounded where one clock holds all tasks to their phases")
    return MissBound(None, "", "it may miss without any rarer task, and no clock holds it to its phase")


def held(analysis: SystemAnalysis, index: int) -> Result | None:
    """What `mk-firm` found of a task, whose schedule a clock holds; None where it does not speak of it."""
    task, model = analysis.system.tasks[index], _model(analysis, index)
    if isinstance(model, str) or task.misses is None:
        return None
    part, place = _part(analysis, task)
    asked = _schedule(model, part, place, task.misses.of)
    return None if asked is None else theorems()["mk-firm"].answer(asked)


def rare(analysis: SystemAnalysis, index: int) -> tuple[int, MissModel] | None:
    """The most misses in the window of a task with the best choice of what is rare, and the model that says so."""
    task, model = analysis.system.tasks[index], _model(analysis, index)
    if isinstance(model, str) or task.misses is None:
        return None
    _, place = _part(analysis, task)
    return min(_models(model, place, task.misses.of), key=lambda each: each[0], default=None)


def _part(analysis: SystemAnalysis, task: TaskSpec) -> tuple[list[TaskSpec], int]:
    """The tasks of the part of a task, and its place among them."""
    part = [analysis.system.tasks[place] for place in analysis.part_of(task.name).view.tasks]
    return part, part.index(task)


def _model(analysis: SystemAnalysis, index: int) -> Uniprocessor | str:
    """The processor of a task as the theorems know it; or why they do not."""
    task, policy = analysis.system.tasks[index], analysis.policy
    view = analysis.part_of(task.name).view
    if view.obstacle is not None:
        return view.obstacle.reason
    model = next((model for model in view.models if isinstance(model, Uniprocessor)), None)
    mine = policy.of(analysis.system.processors[place].cluster for place in view.processors)
    if model is None or model.mode != "preemptive" or mine.order not in ("FP", "EDF") or model.order != mine.order:
        return "misses are bounded on one preemptive processor under fixed priorities or EDF only"
    if policy.plan is not None or policy.adaptation is not None or policy.admission is not None or policy.speed:
        return "misses are bounded where nothing adapts, drops or slows jobs down"
    if (
        analysis.system.planner is not None
        or any(view.overheads.values())
        or any(each.B or each.S for each in model.tasks)
    ):
        return "misses are bounded without costs of switches and decisions, locks and suspensions only"
    tasks = [analysis.system.tasks[place] for place in view.tasks]
    for each in tasks:
        if each.on_miss != "continue":
            return f"late jobs of {each.name!r} do not run on (on_miss: {each.on_miss}), as theorems on misses assume"
        if len(each.nodes) > 1 or each.quality is not None or each.overlap or each.period is None or not _comes(each):
            return f"{each.name!r} is no plain task: periodic or sporadic, of one node, without variants"
    if mine.order == "FP" and len({mine.level(each)[0] for each in tasks}) < len(tasks):
        return "two tasks have one priority"
    if task.arrival.kind != "periodic":
        return f"{task.name!r} is sporadic: any so many jobs may come while rarer tasks come again and again"
    return model


def _comes(task: TaskSpec) -> bool:
    return task.arrival.kind in ("periodic", "sporadic") and task.after is None and task.release is None


def _schedule(model: Uniprocessor, part: list[TaskSpec], place: int, k: int) -> WeaklyHard | None:
    """The one schedule there is, where a clock holds all that can delay the task."""
    matter = part[: place + 1] if model.order == "FP" else part
    clock = matter[place].clock
    tasks = model.tasks[: len(matter)]
    held = all(each.clock == clock and each.arrival.kind == "periodic" and each.count is None for each in matter)
    if clock is None or not held:
        return None
    offsets = tuple(each.offset for each in matter)
    processor = Uniprocessor(tasks, model.order, model.mode, model.name)
    free = tuple((0, k if each is tasks[place] else 1) for each in tasks)
    asked = WeaklyHard(processor, free, offsets)
    return asked if theorems()["mk-firm"].reason(asked) is None else None


def _held(model: Uniprocessor, part: list[TaskSpec], place: int, k: int) -> MissBound:
    """What a clock holds to one schedule; shorter jobs end no later in it."""
    asked, theorem, clock = _schedule(model, part, place, k), theorems()["mk-firm"], part[place].clock
    result = None if asked is None else theorem.answer(asked)
    if result is None or clock is None or result.verdict != "schedulable":
        return MissBound(None)
    text = f"the clock {cut(clock, 40)!r} keeps the phases that the offsets of its tasks say, and these skip no arrival"
    return MissBound(result.details[model.tasks[place].name]["worst"], theorem.name, rests_on=(text,))


def _rare(model: Uniprocessor, place: int, k: int) -> MissBound:
    """In any phases: the fewest misses over the ways to say which of the more urgent tasks are rare."""
    most = min((most for most, _ in _models(model, place, k)), default=k)
    text = f"{cut(model.tasks[place].name, 40)!r} arrives each period and skips none"
    return MissBound(most, "typical-worst-case", rests_on=(text,)) if most < k else MissBound(None)


def _models(model: Uniprocessor, place: int, k: int) -> Iterator[tuple[int, MissModel]]:
    """By what is said to be rare: the most of k jobs in a row that miss, and the model."""
    theorem = theorems()["typical-worst-case"]
    tasks = model.tasks[: place + 1]
    processor = Uniprocessor(tasks, model.order, model.mode, model.name)
    longer = sorted({each.T for each in tasks[:place] if each.T > tasks[place].T}, reverse=True)
    for least in islice(longer, RARE):
        rare = frozenset(each.name for each in tasks[:place] if each.T >= least)
        asked = TypicalAndOverload(processor, rare, tuple((0, k) for _ in tasks))
        if theorem.reason(asked) is not None:
            break
        try:
            found = miss_model(asked, place)
            yield found(k), found
        except NotConverged:
            continue
