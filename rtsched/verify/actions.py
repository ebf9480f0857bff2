"""What to do about a system that is not proven: the smallest changes, each verified by running the tests again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rtsched import api, units
from rtsched.description import clusters_of
from rtsched.model.taskgraph import TaskSpec, VariantSpec
from rtsched.schedulability.analyse import GroupAnalysis, analyse, decide
from rtsched.schedulability.models import Mode, TypedPools, Uniprocessor
from rtsched.schedulability.search import margins
from rtsched.schedulability.theorems.federated import Federated, federated
from rtsched.schedulability.theorems.fixed_priority import fp_rta, limited_fp_rta, np_fp_rta
from rtsched.schedulability.theorems.partitioning import (
    MEASURES,
    RULES,
    PlacedTask,
    Unrelated,
    pack,
    uniprocessor_test,
)
from rtsched.schedulability.theorems.priorities import audsley
from rtsched.verify.verification import Verification

#: A region is split into at most so many pieces.
MOST_PIECES = 64


@dataclass(frozen=True, slots=True)
class Action:
    """A change that makes `part` provable: `text` says what to do, `kind` of which sort it is."""

    part: str
    kind: str
    text: str


def actions(found: Verification) -> list[Action]:
    """For each part that is not proven, the changes that make it so, the gentlest first; then other policies."""
    made: list[Action] = []
    for part in found.analysis.parts:
        if found.part_verdict(part) != "schedulable":
            made += part_actions(found, part)
    if found.verdict != "schedulable":
        made += variants(found)
        made += policies(found)
        made += pins(found)
    return made


def part_actions(found: Verification, part: GroupAnalysis) -> Iterator[Action]:
    """The changes of one part."""
    models = part.view.models
    for model in models:
        if isinstance(model, Uniprocessor):
            yield from _priorities(found, part, model)
            yield from _splits(part, model)
        if isinstance(model, TypedPools):
            yield from _shares(part, model)
    if models:
        yield from _times(found, part, models)


_TESTS = {"preemptive": fp_rta, "nonpreemptive": np_fp_rta, "limited": limited_fp_rta}


def _priorities(found: Verification, part: GroupAnalysis, model: Uniprocessor) -> Iterator[Action]:
    """Another order, proven anew: who displaces whom, and what that costs, depends on it."""
    if model.order != "FP" or any(task.B for task in model.tasks):
        return
    order = audsley(model, _TESTS[model.mode])
    if order is None:
        return
    ranks = {task.name: rank for rank, task in enumerate(order)}
    tasks = tuple(replace(task, priority=ranks.get(task.name, task.priority)) for task in found.system.tasks)
    mine, fp = found.analysis.policy, api.policy({"ordering": "fp"}).ordering
    own = (replace(each, ordering=fp) if each.ordering.order == "FP" else each for each in mine.clusters)
    policy = replace(mine, ordering=fp, clusters=tuple(own))
    changed = analyse(replace(found.system, tasks=tasks), policy)
    if changed.part_of(order[0].name).result.verdict == "schedulable":
        yield Action(
            part.view.name, "priorities", f"give priorities in this order, most urgent first: {', '.join(ranks)}"
        )


def _splits(part: GroupAnalysis, model: Uniprocessor) -> Iterator[Action]:
    """Split the longest region that cannot be preempted, into as few pieces as make the part provable."""
    if model.mode == "preemptive" or part.view.overheads:
        return  # with overheads every further region costs as well
    worst = max(model.tasks, key=lambda task: task.region(model.mode))
    region = worst.region(model.mode)
    for pieces in range(2, MOST_PIECES + 1):
        length = -(-region // pieces)
        if decide([margins.with_regions(model, worst.name, length)]):
            now, then = units.format_duration(region, digits=4), units.format_duration(length, digits=4)
            yield Action(
                part.view.name,
                "split",
                f"let {worst.name!r} be preempted every {then} (now {now}): {pieces} pieces, "
                "e.g. by 'partition', or 'regions' with preemption: limited",
            )
            return


def _shares(part: GroupAnalysis, model: TypedPools) -> Iterator[Action]:
    """Processors of its own for each task that is too wide for one."""
    if any(model.mode(kind) != "preemptive" for kind in model.cores):
        return  # the light tasks share what is left preemptively
    result = federated(Federated(model.tasks, model.cores, model.name))
    if result.verdict != "schedulable" or not result.details["shares"]:
        return
    who = "; ".join(
        f"{name} gets {' and '.join(f'{count} of {kind}' for kind, count in share.items())}"
        for name, share in result.details["shares"].items()
    )
    yield Action(part.view.name, "shares", f"give each wide task processors of its own (federated): {who}")


def _times(found: Verification, part: GroupAnalysis, models: tuple[Any, ...]) -> Iterator[Action]:
    """One task shorter or rarer, or everything faster."""
    names = [found.system.tasks[index].name for index in part.view.tasks]
    each = [found.sensitivity[name] for name in names if name in found.sensitivity]
    shorter = [margin for margin in each if margin.C is not None]
    if shorter:
        gentlest = max(shorter, key=lambda margin: margin.C or 0)
        assert gentlest.C is not None
        text = f"shorten {gentlest.task!r} to {float(100 * gentlest.C):.1f} % of its execution time"
        yield Action(part.view.name, "shorten", text + _to(found, gentlest.task, gentlest.C))
    rarer = [margin for margin in each if margin.T is not None]
    if rarer:
        least = min(rarer, key=lambda margin: margin.T or 0)
        task = next(task for task in found.system.tasks if task.name == least.task)
        assert least.T is not None
        if task.period is not None:
            period = units.format_duration(int(task.period * least.T) + 1, digits=4)
            yield Action(part.view.name, "period", f"lengthen the period of {least.task!r} to {period}")
    factor = margins.breakdown(models)
    if factor is not None:
        text = f"make everything faster: {float(100 * factor):.1f} % of all execution times is provable"
        yield Action(part.view.name, "faster", text)


def _to(found: Verification, name: str, factor: Any) -> str:
    return f" ({units.format_duration(int(found.analysis.cost(name) * factor), digits=4)})"


def variants(found: Verification) -> Iterator[Action]:
    """Smaller variants for good: the largest with which the system is proven, all tasks stepping down together."""
    system, policy = found.system, replace(found.analysis.policy, adaptation=None, admission=None)
    most = max((len(task.quality.variants) for task in system.tasks if task.quality is not None), default=0)
    for level in range(1, most):
        chosen = {task.name: _variant(task, level) for task in system.tasks}
        smaller = replace(
            system,
            tasks=tuple(
                task if variant is None else replace(task, nodes=variant.lasting, quality=None)
                for task, variant in zip(system.tasks, chosen.values(), strict=True)
            ),
        )
        if analyse(smaller, policy).verdict == "schedulable":
            names = ", ".join(f"{name} at {variant.name!r}" for name, variant in chosen.items() if variant is not None)
            yield Action("system", "variants", f"fix smaller variants, proven without any adaptation: {names}")
            return


def _variant(task: TaskSpec, level: int) -> VariantSpec | None:
    """The variant `level` steps down, or the smallest; None for a task without variants."""
    if task.quality is None or not task.quality.variants:
        return None
    return task.quality.variants[min(level, len(task.quality.variants) - 1)]


def pins(found: Verification) -> Iterator[Action]:
    """A processor for every task for good, where all tasks are one node: the first packing that passes exact tests."""
    system, mine = found.system, found.analysis.policy
    plain = all(
        len(task.nodes) == 1 and task.after is None and not task.nodes[0].sections and task.period is not None
        for task in system.tasks
    )
    blocked = {part.view.obstacle.area for part in found.analysis.parts if part.view.obstacle is not None}
    if not plain or blocked - {"policy", "mapping"}:
        return
    if mine.clusters or all(len(task.nodes[0].eligible) == 1 for task in system.tasks):
        return  # one order is asked for, or there is nothing to choose
    for order in dict.fromkeys([mine.order if mine.order in ("FP", "EDF") else "EDF", "EDF"]):
        model = _unrelated(found, order)
        for rule in RULES:
            for by in MEASURES:
                assignment = pack(model, rule, by, uniprocessor_test)
                if assignment is not None and _holds(found, assignment.places, order):
                    where = ", ".join(f"{task} on {place}" for task, place in assignment.places.items())
                    name = mine.ordering.name if order == mine.order else "edf"
                    yield Action("system", "pins", f"pin every task ({rule}, proven under {name}): {where}")
                    return


def _holds(found: Verification, places: Mapping[str, str], order: str) -> bool:
    """Whether the system is proven with every task at its place: switches, regions and longer jobs count as well."""
    at = {processor.name: processor.index for processor in found.system.processors}
    tasks = []
    for task in found.system.tasks:
        (node,) = task.nodes
        mine = at[places[task.name]]
        times = tuple(time if place == mine else None for place, time in enumerate(node.times))
        tasks.append(replace(task, nodes=(replace(node, times=times),)))
    policy, plain = found.analysis.policy, api.policy({"ordering": "edf", "placement": "global"})
    ordering = policy.ordering if order == policy.order else plain.ordering
    pinned = replace(policy, ordering=ordering, placement=plain.placement, whole=None)
    return analyse(replace(found.system, tasks=tuple(tasks)), pinned).verdict == "schedulable"


def _unrelated(found: Verification, order: Any) -> Unrelated:
    system, policy = found.system, found.analysis.policy
    names = [processor.name for processor in system.processors]
    tasks = tuple(
        PlacedTask(
            task.name,
            {names[place]: time for place, time in enumerate(task.nodes[0].times) if time is not None},
            task.period or task.deadline,
            task.deadline,
            task.jitter,
        )
        for task in sorted(system.tasks, key=policy.level)
    )
    free = policy.preemption == "preemptive"
    modes: dict[str, Mode] = {
        processor.name: "preemptive" if free and processor.service == "preemptive" else "nonpreemptive"
        for processor in system.processors
    }
    return Unrelated(tasks, tuple(names), order, modes)


def policies(found: Verification) -> Iterator[Action]:
    """Other policies that are proven for the system as it is; clusters keep what they have of their own."""
    mine = found.analysis.policy
    if not mine.others and mine.placement.name == "global":
        return  # every cluster has what it has
    own: dict[str, Any] = dict(clusters_of(found.description))
    kept = ", with the clusters' own rules as they are" if own else ""
    orders = dict.fromkeys([mine.ordering.name, "edf", "dm"])
    places = dict.fromkeys([mine.placement.name, "first-fit", "worst-fit"])
    modes = dict.fromkeys([mine.preemption, "preemptive"])
    tried = 0
    for mode in modes:
        for place in places:
            for order in orders:
                if mine.whole is None and (order, place, mode) == (
                    mine.ordering.name,
                    mine.placement.name,
                    mine.preemption,
                ):
                    continue
                choice = {"ordering": order, "placement": place, "preemption": mode, **own}
                if analyse(found.system, api.policy(choice)).verdict == "schedulable":
                    text = f"use the policy {order}+{place}+{mode}{kept}: it is proven for the system as it is"
                    yield Action("system", "policy", text)
                    tried += 1
                    if tried == 2:
                        return
