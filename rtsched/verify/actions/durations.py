"""Shorter execution times and longer periods: targets for who makes the networks faster, or asks less often."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rtsched.model.taskgraph import NodeSpec
from rtsched.model.work import ANY, NetworkUse
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.search import margins
from rtsched.verify.actions.action import Change
from rtsched.verify.actions.file_tasks import FileTask, FileTasks, exact, listed, rounded, time
from rtsched.verify.verification import Verification

FASTER = "work for the developer: a faster network, runtime or precision; it is a target, and no time that was measured"


def shorter(found: Verification, tasks: FileTasks, part: GroupAnalysis) -> Iterator[Change]:
    """One task shorter, the one that has to shrink least first."""
    mine = {spec.name: task for task in tasks.of(part.view.tasks) for spec in task.specs}
    known = [found.sensitivity[name] for name in mine if name in found.sensitivity]
    factors: dict[int, Fraction] = {}
    for margin in known:
        if margin.C is not None and margin.C < 1:
            number = mine[margin.task].number
            factors[number] = min(margin.C, factors.get(number, margin.C))
    for number in sorted(factors, key=lambda each: (-factors[each], each))[:3]:
        task = tasks.all[number]
        if len(task.specs) > 1:
            continue  # of several instances the margin moves one, and the file all
        settings = _shortened(found, tasks, task, factors[number])
        if settings is None:
            continue
        before = found.analysis.cost(task.name)
        after = rounded(int(before * factors[number]), up=False)
        yield Change(
            "shorten",
            f"shorten {task.shown} by {shrunk(factors[number])} to {time(after)} (now {time(before)})",
            FASTER,
            tuple(settings),
            (task.name,),
        )


def faster(found: Verification, tasks: FileTasks, part: GroupAnalysis) -> Iterator[Change]:
    """All tasks of a part shorter by the same share."""
    factor = margins.breakdown(part.view.models) if part.view.models else None
    if factor is None or factor >= 1:
        return
    mine = tasks.of(part.view.tasks)
    settings: list[str] = []
    for task in mine:
        own = _shortened(found, tasks, task, factor)
        if own is None:
            return
        settings += own
    names = tuple(task.name for task in mine)
    text = f"shorten everything on {part.view.name} ({listed(names)}) by {shrunk(factor)}"
    yield Change("faster", text, FASTER, tuple(settings), names)


def rarer(found: Verification, tasks: FileTasks, part: GroupAnalysis) -> Iterator[Change]:
    """One task less often, its deadline as it is; the one that has to wait least first."""
    mine = {spec.name: task for task in tasks.of(part.view.tasks) for spec in task.specs if len(task.specs) == 1}
    known = [found.sensitivity[name] for name in mine if name in found.sensitivity]
    least = sorted(
        (margin for margin in known if margin.T is not None and margin.T > 1), key=lambda each: (each.T or 0, each.task)
    )
    for margin in least[:3]:
        task = mine[margin.task]
        before = task.spec.period
        if before is None or margin.T is None or task.model.gap is None:
            continue
        period = rounded(int(before * margin.T) + 1, up=True)
        settings = [tasks.setting(task, "period", exact(period))]
        if task.model.deadline is None:  # which would follow the period
            settings.append(tasks.setting(task, "deadline", exact(task.spec.deadline)))
        yield Change(
            "period",
            f"lengthen the period of {task.shown} by {100 * (period / before - 1):.3g} % to {time(period)} "
            f"(now {time(before)})",
            f"a job every {time(period)} instead of every {time(before)}; the deadline stays "
            f"{time(task.spec.deadline)}",
            tuple(settings),
        )


def shrunk(factor: Fraction) -> str:
    """By how much a time shrinks that is multiplied by a factor below one: ``2.9 %``; never 0 %."""
    share = 100 * float(1 - factor)
    return f"{share:.3g} %" if share >= 0.1 else "0.1 %"


def _shortened(found: Verification, tasks: FileTasks, task: FileTask, factor: Fraction) -> list[str] | None:
    """The times of a task, shorter; None where the file has them in a shape that no setting can shorten."""
    model = task.model
    if model.variants is not None or model.exits or model.exit_family or model.inputs is not None or model.sections:
        return None
    if model.kernels or model.regions or model.execution.kind != "constant":
        return None
    if model.graph is not None:
        return _graph(tasks, task, factor)
    if model.wcet is not None:
        return [tasks.setting(task, "wcet", _scaled(model.wcet, factor))]
    if len(task.spec.nodes) != 1 or (isinstance(model.network, NetworkUse) and model.network.is_cut):
        return None
    times = _by_cluster(found, task.spec.nodes[0])
    return [tasks.setting(task, "network", None), tasks.setting(task, "wcet", _scaled(times, factor))]


def _graph(tasks: FileTasks, task: FileTask, factor: Fraction) -> list[str] | None:
    assert task.model.graph is not None
    settings = []
    for name, node in task.model.graph.nodes.items():
        if node.wcet is None or node.regions or node.sections or node.kernels or set(name) & set(".="):
            return None
        settings.append(tasks.setting(task, f"graph.nodes.{name}.wcet", _scaled(node.wcet, factor)))
    return settings


def _scaled(times: dict[str, int], factor: Fraction) -> str | dict[str, str]:
    shorter = {place: exact(max(1, rounded(int(value * factor), up=False))) for place, value in times.items()}
    return shorter[ANY] if set(shorter) == {ANY} else shorter


def _by_cluster(found: Verification, node: NodeSpec) -> dict[str, int]:
    return {found.system.processors[place].cluster: node.times[place] or 0 for place in node.eligible}
