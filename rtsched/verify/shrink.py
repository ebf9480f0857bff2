"""The smallest system that still breaks the same statement: greedy, one simplification at a time, to a fixpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from rtsched.model.system import Overheads
from rtsched.model.task import Constant, Periodic, TraceArrivals
from rtsched.model.taskgraph import NodeSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.verify.generate import Case

#: Systems that are tried at most.
MOST_TRIES = 1_500


Item = TypeVar("Item")


def shrink(system: SystemSpec, scheduler: dict[str, Any], fails: Callable[[SystemSpec, dict[str, Any]], bool]) -> Case:
    """The smallest case found for which `fails` still holds."""
    start: Case = (system, scheduler)
    return greedily(start, lambda case: _candidates(*case), lambda case: weight(*case), lambda case: fails(*case))


def greedily(
    best: Item,
    candidates: Callable[[Item], Iterable[Item]],
    weight: Callable[[Item], tuple[int, ...]],
    fails: Callable[[Item], bool],
    most: int = MOST_TRIES,
) -> Item:
    """The lightest item reached by simplifications under which it still fails, one at a time; `most` are tried."""
    tries = at = 0
    while tries < most:
        simpler = [candidate for candidate in candidates(best) if weight(candidate) < weight(best)]
        turn = [(at + step) % len(simpler) for step in range(len(simpler))]  # go on where it helped last
        for at in turn:
            tries += 1
            if fails(simpler[at]):
                best = simpler[at]
                break
            if tries >= most:
                break
        else:
            return best
    return best


def weight(system: SystemSpec, scheduler: dict[str, Any]) -> tuple[int, ...]:
    """How complicated a case is; every step makes it smaller."""
    nodes = [node for task in system.tasks for node in task.nodes]
    features = sum(
        bool(task.jitter)
        + bool(task.offset)
        + (task.arrival != Periodic())
        + (task.execution != Constant())
        + (task.count is not None)
        + (task.after is not None)
        + (task.release is not None)
        + (task.probability < 1)
        + (task.deadline != task.period)
        + (task.priority != task.index)
        for task in system.tasks
    )
    features += sum(len(node.regions) + len(node.sections) + (not node.preemptive) for node in nodes)
    features += sum(bool(p.context_switch) + bool(p.migration) for p in system.processors) + len(system.chains)
    features += len(system.protocols) + (system.overheads != Overheads())
    costs = system.overheads
    times = sum(sum(time for time in node.times if time is not None) for node in nodes)
    times += sum(
        (task.period or 0) + task.deadline + task.jitter + task.offset + (task.release or 0) for task in system.tasks
    )
    times += costs.context_switch + costs.migration + costs.scheduling
    times += sum(p.context_switch + p.migration for p in system.processors)
    times += sum(section.end - section.start for node in nodes for section in node.sections)
    times += sum(sum(getattr(task.arrival, "times", None) or ()) for task in system.tasks)
    plain = {"ordering": "fp", "placement": "global", "preemption": "preemptive"}
    policy = sum(scheduler.get(key) != value for key, value in plain.items())
    edges = sum(len(node.successors) for node in nodes)
    eligible = sum(len(node.eligible) for node in nodes)
    return (len(system.tasks), len(nodes), len(system.processors), edges, eligible, policy + features, times)


def _candidates(system: SystemSpec, scheduler: dict[str, Any]) -> Iterator[Case]:
    """Simpler cases, the boldest first."""
    for simpler in _structures(system):
        yield simpler, scheduler
    for key, value in (("placement", "global"), ("preemption", "preemptive"), ("ordering", "fp")):
        if scheduler.get(key) != value:
            yield system, {**scheduler, key: value}
    for simpler in _whole(system):
        yield simpler, scheduler
    for index, task in enumerate(system.tasks):
        for other in _tasks(task):
            tasks = (*system.tasks[:index], other, *system.tasks[index + 1 :])
            yield replace(system, tasks=tasks), scheduler


def _structures(system: SystemSpec) -> Iterator[SystemSpec]:
    """Without a task, a node, an edge or a processor."""
    if len(system.tasks) > 1:
        for index in range(len(system.tasks)):
            yield without_task(system, index)
    for index, task in enumerate(system.tasks):
        if len(task.nodes) > 1:
            for gone in range(len(task.nodes)):
                yield _changed(system, index, replace(task, nodes=_without_node(task.nodes, gone)))
            for edge in [(u.index, v) for u in task.nodes for v in u.successors]:
                yield _changed(system, index, replace(task, nodes=_without_edge(task.nodes, edge)))
    if len(system.processors) > 1:
        for place in range(len(system.processors)):
            found = _without_processor(system, place)
            if found is not None:
                yield found
    for index, task in enumerate(system.tasks):
        for node in task.nodes:
            for place in node.eligible if len(node.eligible) > 1 else ():
                times = tuple(None if at == place else time for at, time in enumerate(node.times))
                yield _changed(system, index, _with_node(task, replace(node, times=times)))


def _whole(system: SystemSpec) -> Iterator[SystemSpec]:
    """Without chains, costs and locks."""
    if system.chains:
        yield replace(system, chains=())
    costs = system.overheads
    for name in ("context_switch", "migration", "scheduling"):
        for less in _less(getattr(costs, name), 0):
            yield replace(system, overheads=costs.model_copy(update={name: less}))
    for name in ("context_switch", "migration"):
        for cluster in dict.fromkeys(p.cluster for p in system.processors if getattr(p, name)):
            processors = tuple(replace(p, **{name: 0}) if p.cluster == cluster else p for p in system.processors)  # type: ignore[arg-type]
            yield replace(system, processors=processors)
    used = {section.resource for task in system.tasks for node in task.nodes for section in node.sections}
    if set(system.protocols) - used:
        yield replace(system, protocols={name: kind for name, kind in system.protocols.items() if name in used})


def _less(value: int, least: int = 1) -> Iterator[int]:
    """Smaller numbers, the smallest first."""
    yield from sorted({n for n in (least, value // 2, value - 1) if least <= n < value})


def _tasks(task: TaskSpec) -> Iterator[TaskSpec]:
    """A task without one of its traits, or with a smaller number."""
    if task.arrival != Periodic():
        yield replace(task, arrival=Periodic(), period=task.period or 20)
        times = task.arrival.times or () if isinstance(task.arrival, TraceArrivals) else ()
        for place in range(len(times)) if len(times) > 1 else ():
            fewer = (*times[:place], *times[place + 1 :])
            yield replace(task, arrival=TraceArrivals(kind="trace", times=fewer))
    if task.execution != Constant():
        yield replace(task, execution=Constant())
    for name, value in (("jitter", 0), ("offset", 0), ("count", None), ("probability", 1.0), ("priority", task.index)):
        if getattr(task, name) != value:
            yield replace(task, **{name: value})  # type: ignore[arg-type]
    if task.after is not None or task.release is not None:
        yield replace(task, after=None, release=None, period=20, probability=1.0)
    if task.period is not None and task.deadline != task.period:
        yield replace(task, deadline=task.period)
    for node in task.nodes:
        for other in _nodes(node):
            yield _with_node(task, other)
    for name in ("jitter", "offset", "release"):
        for less in _less(getattr(task, name) or 0, 0):
            yield replace(task, **{name: less})  # type: ignore[arg-type]
    for less in _less(task.period or 0):
        if task.deadline == task.period:
            yield replace(task, period=less, deadline=less)
        yield replace(task, period=less)
    for less in _less(task.deadline):
        yield replace(task, deadline=less)


def _nodes(node: NodeSpec) -> Iterator[NodeSpec]:
    """A node without its regions, sections or hold, or shorter."""
    if not node.preemptive:
        yield replace(node, preemptive=True)
    if node.regions:
        yield replace(node, regions=())
        for place, region in enumerate(node.regions):
            for less in _less(region):
                yield _region(node, place, less)
            if place:
                merged = sum(node.regions[place - 1 : place + 1])
                yield replace(node, regions=(*node.regions[: place - 1], merged, *node.regions[place + 1 :]))
    for place, section in enumerate(node.sections):
        rest = (*node.sections[:place], *node.sections[place + 1 :])
        yield replace(node, sections=rest)
        for length in _less(section.end - section.start):
            shorter = SectionSpec(section.resource, section.start, section.start + length)
            if all(each.end <= shorter.end or each.start >= shorter.end for each in rest):
                yield replace(node, sections=(*node.sections[:place], shorter, *node.sections[place + 1 :]))
    if node.regions:
        return
    end = max((section.end for section in node.sections), default=1)
    same = len({time for time in node.times if time is not None}) == 1
    if same:
        for less in _less(node.fastest, end):
            yield replace(node, times=tuple(None if time is None else less for time in node.times))
    else:
        for place in node.eligible:
            for less in _less(node.times[place] or 1, end):
                yield replace(node, times=tuple(less if at == place else time for at, time in enumerate(node.times)))


def _region(node: NodeSpec, place: int, length: int) -> NodeSpec:
    regions = (*node.regions[:place], length, *node.regions[place + 1 :])
    return replace(node, regions=regions, times=tuple(None if time is None else sum(regions) for time in node.times))


# ---- edits that renumber ---------------------------------------------------------------------------------------------


def _changed(system: SystemSpec, index: int, task: TaskSpec) -> SystemSpec:
    return replace(system, tasks=(*system.tasks[:index], task, *system.tasks[index + 1 :]))


def _with_node(task: TaskSpec, node: NodeSpec) -> TaskSpec:
    return replace(task, nodes=(*task.nodes[: node.index], node, *task.nodes[node.index + 1 :]))


def without_task(system: SystemSpec, index: int) -> SystemSpec:
    """The others; what it released arrives by itself, as often."""
    gone = system.tasks[index]
    tasks: list[TaskSpec] = []
    for task in system.tasks:
        if task is gone:
            continue
        if task.after == index:
            task = replace(task, after=gone.after, period=task.period or gone.period or 20)
            if task.after is not None:
                task = replace(task, period=None)
        if task.after is not None and task.after > index:
            task = replace(task, after=task.after - 1)
        tasks.append(replace(task, index=len(tasks)))
    chains = tuple(
        replace(chain, tasks=tuple(place - (place > index) for place in chain.tasks))
        for chain in system.chains
        if index not in chain.tasks
    )
    return replace(system, tasks=tuple(tasks), chains=chains)


def _linked(nodes: list[NodeSpec], edges: set[tuple[int, int]]) -> tuple[NodeSpec, ...]:
    return tuple(
        replace(
            node,
            predecessors=tuple(sorted(u for u, v in edges if v == node.index)),
            successors=tuple(sorted(v for u, v in edges if u == node.index)),
        )
        for node in nodes
    )


def _without_node(nodes: tuple[NodeSpec, ...], gone: int) -> tuple[NodeSpec, ...]:
    """The other nodes; what came before it comes before what came after it."""
    edges = {(u.index, v) for u in nodes for v in u.successors}
    edges |= {(u, v) for u in nodes[gone].predecessors for v in nodes[gone].successors}
    kept = {(u - (u > gone), v - (v > gone)) for u, v in edges if gone not in (u, v)}
    return _linked([replace(node, index=at) for at, node in enumerate(n for n in nodes if n.index != gone)], kept)


def _without_edge(nodes: tuple[NodeSpec, ...], gone: tuple[int, int]) -> tuple[NodeSpec, ...]:
    return _linked(list(nodes), {(u.index, v) for u in nodes for v in u.successors} - {gone})


def _without_processor(system: SystemSpec, gone: int) -> SystemSpec | None:
    """The other processors; None if a node can run nowhere else."""
    tasks = []
    for task in system.tasks:
        nodes = []
        for node in task.nodes:
            times = (*node.times[:gone], *node.times[gone + 1 :])
            if all(time is None for time in times):
                return None
            nodes.append(replace(node, times=times))
        tasks.append(replace(task, nodes=tuple(nodes)))
    left = [p for p in system.processors if p.index != gone]
    sizes = {p.cluster: sum(other.cluster == p.cluster for other in left) for p in left}
    seen: dict[str, int] = {}
    processors = []
    for place, processor in enumerate(left):
        number = seen[processor.cluster] = seen.get(processor.cluster, -1) + 1
        name = processor.cluster if sizes[processor.cluster] == 1 else f"{processor.cluster}{number}"
        processors.append(replace(processor, index=place, name=name))
    return replace(system, processors=tuple(processors), tasks=tuple(tasks))
