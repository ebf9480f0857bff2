"""A lowered system with one thing changed: shorter execution times, one variant only, a node in parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

from rtsched.errors import InputError
from rtsched.model.task import Autocorrelated, Empirical, TraceArrivals
from rtsched.model.taskgraph import NodeHardware, NodeSpec, SectionSpec, SystemSpec, TaskSpec


def with_task(spec: SystemSpec, task: TaskSpec) -> SystemSpec:
    """The system with another task in the place of the one of its number."""
    return replace(spec, tasks=(*spec.tasks[: task.index], task, *spec.tasks[task.index + 1 :]))


def shortened(spec: SystemSpec, number: int, time: int) -> SystemSpec:
    """The system with the times of a task in proportion, so that its volume is `time` ns. Raises InputError."""
    task = spec.tasks[number]
    marginal = task.execution.marginal if isinstance(task.execution, Autocorrelated) else task.execution
    replayed = isinstance(task.arrival, TraceArrivals) and task.arrival.execution is not None
    if replayed or isinstance(marginal, Empirical):
        raise InputError("its execution times were recorded, and are what they are")
    if any(node.hardware is not None and node.hardware.kernels for node in task.all_nodes):
        raise InputError("its kernels say how long it takes")
    ratio = Fraction(time, task.volume)
    return with_task(spec, _each_node(task, lambda node: _scaled(node, ratio)))


def _each_node(task: TaskSpec, change: Callable[[NodeSpec], NodeSpec]) -> TaskSpec:
    """The task with each of its nodes changed, those of its variants, too; the first variant has the task's own."""
    nodes, quality = tuple(map(change, task.nodes)), task.quality
    if quality is not None and quality.variants:
        others = (replace(each, nodes=tuple(map(change, each.nodes))) for each in quality.variants[1:])
        quality = replace(quality, variants=(replace(quality.variants[0], nodes=nodes), *others))
    return replace(task, nodes=nodes, quality=quality)


def _scaled(node: NodeSpec, ratio: Fraction) -> NodeSpec:
    """The node with its times, and what is measured in them, scaled; what would be shorter than 1 ns takes that."""
    ends = [0, *(int(end * ratio) for end in accumulate(node.regions))]
    if node.regions:
        ends[-1] = max(1, ends[-1])
    sections = tuple(
        SectionSpec(each.resource, int(each.start * ratio), int(each.end * ratio)) for each in node.sections
    )
    if any(each.end <= each.start for each in sections):
        raise InputError("its critical sections would last less than 1 ns")
    return replace(
        node,
        times=tuple(None if time is None else max(1, int(time * ratio)) for time in node.times),
        regions=tuple(end - start for start, end in pairwise(ends) if end > start),
        sections=sections,
    )


def in_variant(spec: SystemSpec, number: int, variant: int) -> SystemSpec:
    """The system with a task that has one of its variants only."""
    task = spec.tasks[number]
    assert task.quality is not None
    chosen = task.quality.variants[variant]
    only = replace(chosen, index=0, nodes=chosen.lasting, skipped=frozenset())
    quality = replace(task.quality, accuracy=chosen.accuracy, variants=(only,))
    return with_task(spec, replace(task, nodes=only.nodes, quality=quality))


def in_parts(spec: SystemSpec, number: int, node: int, parts: int) -> SystemSpec:
    """The system with a node of a task divided into equal nodes, one after the other. Raises InputError."""
    task = spec.tasks[number]
    first = task.nodes[node]
    _check_divisible(task, first, parts)
    last = node + parts - 1
    here = _moved(first, node, last)
    places = range(node, last + 1)
    divided = [
        replace(
            here,
            index=place,
            name=f"{first.name}/{place - node + 1}",
            times=tuple(_part(time, place - node, parts) for time in first.times),
            predecessors=here.predecessors if place == node else (place - 1,),
            successors=here.successors if place == last else (place + 1,),
            regions=(),
            hardware=None if first.hardware is None else _share(first.hardware, place - node, parts),
        )
        for place in places
    ]
    others = [_moved(each, node, last) for each in task.nodes]
    return with_task(spec, replace(task, nodes=(*others[:node], *divided, *others[node + 1 :])))


def _check_divisible(task: TaskSpec, node: NodeSpec, parts: int) -> None:
    """Raise InputError where a node cannot be divided, or others would have to know."""
    if node.sections:
        raise InputError("it has critical sections")
    if node.batch is not None or node.split is not None:
        raise InputError("it runs in batches, or on several processors at once")
    if node.hardware is not None and node.hardware.kernels:
        raise InputError("its kernels are its parts already")
    if task.quality is not None or task.branches or task.inputs is not None:
        raise InputError("variants, exits, branches and recorded inputs are by node")
    if any(each.copies for each in task.nodes):
        raise InputError("its data move between clusters, which are chosen at run time")
    if node.fastest < parts:
        raise InputError(f"it is shorter than {parts} ns")


def _moved(node: NodeSpec, divided: int, last: int) -> NodeSpec:
    """A node as it is numbered where node `divided` became those from there to `last`, which is what others follow."""

    def moved(index: int) -> int:
        return index if index <= divided else index + last - divided

    return replace(
        node,
        index=moved(node.index),
        predecessors=tuple(last if index == divided else moved(index) for index in node.predecessors),
        successors=tuple(map(moved, node.successors)),
    )


def _share(hardware: NodeHardware, part: int, parts: int) -> NodeHardware:
    """What a part of a node asks of the hardware: its share of the energy, and all of the weights."""
    energy = tuple(_part(each, part, parts) for each in hardware.energy)
    products = tuple(None if each is None else each / parts for each in hardware.edp)
    return replace(hardware, energy=energy, edp=products)


def _part(whole: int | None, part: int, parts: int) -> int | None:
    """Part number `part` of a whole number, so that all parts sum to it."""
    return None if whole is None else whole * (part + 1) // parts - whole * part // parts
