"""Other orders: priorities of the file, orderings, placements and where the policy may preempt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtsched.description import clusters_of
from rtsched.errors import RtschedError
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.models import Pipelines, Uniprocessor
from rtsched.schedulability.theorems.fixed_priority import fp_rta, limited_fp_rta, np_fp_rta
from rtsched.schedulability.theorems.priorities import audsley
from rtsched.schedulability.theorems.suspending import assignable
from rtsched.schedulability.theorems.suspension_framework import suspension_assignable
from rtsched.verify.actions.action import Change
from rtsched.verify.actions.file_tasks import FileTask, FileTasks, listed, written
from rtsched.verify.verification import Verification

_TESTS = {"preemptive": fp_rta, "nonpreemptive": np_fp_rta, "limited": limited_fp_rta}
#: Beyond so many tasks the sets above each of them are too many to be looked at for tasks that wait elsewhere.
MOST_WAITING = 40
#: What it costs to run under another policy.
OTHER_POLICY = (
    "no other hardware, but another scheduler in the software that runs it (on an accelerator: in its driver)"
)


def priorities(found: Verification, tasks: FileTasks, part: GroupAnalysis) -> Iterator[Change]:
    """Other priorities in the file: Audsley's where some test allows it, by deadline, by period."""
    processors = found.system.processors
    policy = found.analysis.policy.of(processors[place].cluster for place in part.view.processors)
    rules = [each.ordering for each in policy.clusters] or [policy.ordering]
    if policy.whole is not None or not any(rule.order == "FP" and rule.name == "fp" for rule in rules):
        return
    mine = tasks.of(part.view.tasks)
    by_deadline = sorted(mine, key=lambda task: (task.spec.deadline, task.number))
    by_period = sorted(mine, key=lambda task: (task.spec.period or task.spec.deadline, task.number))
    orders = [("", order) for order in _audsley(tasks, part)]
    orders += [("by deadline, ", by_deadline), ("by period, ", by_period)]
    tried: list[list[FileTask]] = [sorted(mine, key=lambda task: (task.spec.priority, task.number))]
    for how, order in orders:
        if order in tried or len(order) < 2:
            continue
        tried.append(order)
        yield Change(
            "priorities",
            f"give priorities in this order, most urgent first ({how}smaller is more urgent): "
            f"{listed((task.name for task in order), 12)}",
            "no work and no hardware: only other numbers; check that no priority was chosen for another reason",
            tuple(tasks.setting(task, "priority", rank) for rank, task in enumerate(order)),
        )


def _audsley(tasks: FileTasks, part: GroupAnalysis) -> Iterator[list[FileTask]]:
    """The orders that the optimal assignment finds for the part, one for each of its models, as the file can say it."""
    for model in part.view.models:
        test = _test(model)
        if test is None:
            continue
        try:
            order = audsley(model, test)
        except RtschedError:
            continue
        if order is None:
            continue
        ranks = {task.name: rank for rank, task in enumerate(order)}
        mine = tasks.of(part.view.tasks)
        last = {task.number: max(ranks.get(spec.name, len(ranks)) for spec in task.specs) for task in mine}
        yield sorted(mine, key=lambda task: (last[task.number], task.number))


def _test(model: Any) -> Any:
    """A test of this model that looks at the tasks above another one as a set; None if there is none."""
    if isinstance(model, Pipelines) and model.queues is None and len(model.tasks) <= MOST_WAITING:
        return assignable
    if not isinstance(model, Uniprocessor) or model.order != "FP" or any(task.B for task in model.tasks):
        return None
    if model.whole:
        return _TESTS[model.mode]
    return suspension_assignable if len(model.tasks) <= MOST_WAITING else None


def policies(found: Verification, _tasks: FileTasks) -> Iterator[Change]:
    """Other policies for the system as it is: another order first, then other places, then another preemption."""
    mine = found.analysis.policy
    parts = found.description
    own = (mine.ordering.name, mine.placement.name, mine.preemption) if mine.whole is None else ("", "", "")
    orders = dict.fromkeys(filter(None, (own[0], "edf", "dm", "fp")))
    places = dict.fromkeys(filter(None, (own[1], "first-fit", "worst-fit", "global")))
    modes = dict.fromkeys(filter(None, (own[2], "preemptive", "limited")))
    beside = {key: value for key, value in parts.items() if key in ("adaptation", "admission", "speed")}
    clusters = clusters_of(parts)
    for cluster, rule in clusters.items():
        for order in ("fp", "edf", "dm"):
            if order != rule.get("ordering", own[0]):
                other = {**parts, cluster: {**rule, "ordering": order}}
                yield Change(
                    "policy",
                    f"serve the queue of {cluster} by {order} instead of {mine}",
                    OTHER_POLICY,
                    (f"scheduler={written(other)}",),
                )
    beside |= clusters  # they keep what they have
    for mode in modes:
        for place in places:
            for order in orders:
                if (order, place, mode) == own:
                    continue
                whole: dict[str, Any] = {"ordering": order, "placement": place, "preemption": mode} | beside
                choice: str | dict[str, Any] = whole if beside else f"{order}+{place}+{mode}"
                yield Change(
                    "policy",
                    f"use the policy {order}+{place}+{mode} instead of {mine}",
                    OTHER_POLICY,
                    (f"scheduler={written(choice)}",),
                )
