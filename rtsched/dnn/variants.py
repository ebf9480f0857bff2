"""Lowering of variants, exits and branches: from what a file says to times and accuracies in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rtsched.dnn.exits import exit_family
from rtsched.dnn.members import lower_errors
from rtsched.dnn.pieces import between, cut_pieces
from rtsched.errors import InputError
from rtsched.model.task import Task
from rtsched.model.taskgraph import BranchSpec, ExitSpec, NodeHardware, NodeSpec, QualitySpec, VariantSpec
from rtsched.model.variants import OWN_TIMES, Choice
from rtsched.model.work import ANY

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: The measure of an accuracy unless something else is said: the share of inputs whose answer is right.
TOP1 = "top1"
#: How well confidences know the difficulty where nobody says: an assumption, and shown as one.
RELIABILITY = 0.9


def lower_quality(
    lowering: Lowering, task: Task, nodes: tuple[NodeSpec, ...] | None
) -> tuple[tuple[NodeSpec, ...], QualitySpec | None]:
    """The task's nodes (those of its best variant) and what its answers are worth; `nodes` are its own, if any."""
    what = f"task {task.name!r}"
    if task.variants is None:
        assert nodes is not None
        exits = _exits(task, nodes)
        accuracy = exits[-1].accuracy if exits else task.accuracy
        if accuracy is None:
            if any(node.losses for node in nodes):
                raise InputError(f"{what}: a 'loss' needs the accuracy that it is lost from; add 'accuracy: 0.9'")
            return nodes, None
        return nodes, _quality(lowering, task, nodes, accuracy=accuracy, exits=exits)
    found, measure = _variants(lowering, task, nodes)
    relaunched = any(choice.kernels for choice in task.variants.choices)
    variants = _ordered(_common(what, found), relaunched)
    nodes = variants[0].nodes
    _check_inside(lowering, task, variants)
    if any(variant.accuracy is None for variant in variants):
        best = "first" if relaunched else "longest"
        lowering.assume(f"{task.name}: accuracies of its variants are not known; the {best} is taken for the best")
    total = sum(node.fastest for node in nodes)
    given = task.variants.shares
    for name in given or ():
        if name not in {node.name for node in nodes}:
            raise InputError(f"{what}: 'shares' name {name!r}, which is no node")
    shares = tuple(node.fastest / total if given is None else given.get(node.name, 0.0) for node in nodes)
    if not sum(shares):
        raise InputError(f"{what}: the 'shares' sum to nothing; give at least one node a positive share")
    return nodes, _quality(
        lowering,
        task,
        nodes,
        accuracy=variants[0].accuracy,
        variants=variants,
        switch=task.variants.switch,
        shares=shares,
        measure=measure,
    )


def _check_inside(lowering: Lowering, task: Task, variants: Sequence[VariantSpec]) -> None:
    """Regions only where variants may change at them; and then there are some, in every variant as many."""
    what, nodes = f"task {task.name!r}", variants[0].nodes
    inside = task.variants is not None and task.variants.switch == "region"
    if any(node.sections or (node.regions and not inside) for node in nodes):
        raise InputError(
            f"{what}: a task with variants has neither regions nor sections; write 'switch: region' where they may "
            "change between regions, or leave them out"
        )
    if inside and not any(len(node.regions) > 1 for node in nodes):
        raise InputError(
            f"{lowering.place(task, 'variants.switch')}: {what}: 'switch: region' needs nodes with 'regions', at whose "
            "ends the variant may change; give some, or write 'switch: node'"
        )
    for variant in variants:
        for node, full in zip(variant.nodes, nodes, strict=True):
            if len(node.regions) != len(full.regions):
                raise InputError(f"{what}: regions of {node.name!r} are shorter than 1 ns in variant {variant.name!r}")


def _quality(
    lowering: Lowering,
    task: Task,
    nodes: tuple[NodeSpec, ...],
    accuracy: float | None,
    variants: tuple[VariantSpec, ...] = (),
    exits: tuple[ExitSpec, ...] = (),
    switch: str = "start",
    shares: tuple[float, ...] = (),
    measure: str | None = None,
) -> QualitySpec:
    reliability = task.difficulty.reliability
    if reliability is None:
        reliability = RELIABILITY
        if exits:
            lowering.assume(f"{task.name}: confidences know the difficulty with a reliability of {reliability:g}")
    quality = QualitySpec(
        accuracy=accuracy,
        variants=variants,
        exits=exits,
        switch=switch != "start",
        inside=switch == "region",
        shares=shares,
        correlation=task.difficulty.correlation,
        reliability=reliability,
        predictor=task.difficulty.predictor,
        decay=task.decay,
        measure=measure or task.measure or TOP1,
    )
    return lower_errors(lowering, task, nodes, quality)


def stages(lowering: Lowering, task: Task, node: NodeSpec) -> tuple[NodeSpec, ...]:
    """The whole network cut at the exits of its family: a chain of stages, each with its share of the time."""
    found = exit_family(task.exit_family or "", f"task {task.name!r}")
    lowering.assume(f"{task.name}: {found.note}")
    lowering.rests("typical", f"stages of {found.name}: typical shares of the whole network's time")
    nodes: list[NodeSpec] = []
    before = 0.0
    for index, exit_ in enumerate(found.exits):
        stage = _scaled(node, exit_.cost - before)
        stage = replace(stage, losses=tuple(loss * (exit_.cost - before) for loss in stage.losses))
        before = exit_.cost
        batch = None if node.batch is None else replace(node.batch, name=f"{node.batch.name}/{exit_.name}")
        nodes.append(
            replace(
                stage,
                batch=batch,
                index=index,
                name=exit_.name,
                predecessors=(index - 1,) if index else (),
                successors=(index + 1,) if index + 1 < len(found.exits) else (),
            )
        )
    return cut_pieces(f"task {task.name!r}", node, nodes)


def _exits(task: Task, nodes: Sequence[NodeSpec]) -> tuple[ExitSpec, ...]:
    if task.exit_family is not None:
        found = exit_family(task.exit_family, f"task {task.name!r}").exits
        return tuple(ExitSpec(index, exit_.name, index, exit_.accuracy) for index, exit_ in enumerate(found))
    if not task.exits:
        return ()
    numbers = {node.name: node.index for node in nodes}
    return tuple(
        ExitSpec(index, exit_.node, numbers[exit_.node], exit_.accuracy) for index, exit_ in enumerate(task.exits)
    )


def lower_branches(task: Task, nodes: Sequence[NodeSpec]) -> tuple[BranchSpec, ...]:
    """The conditional branches of a task's graph."""
    if task.graph is None:
        return ()
    numbers = {node.name: node.index for node in nodes}
    found = []
    for name, branch in task.graph.branches.items():
        targets = tuple(numbers[target] for target in branch.to)
        for target in targets:
            if numbers[name] not in nodes[target].predecessors:
                raise InputError(
                    f"task {task.name!r}: bytes that cross a link lie between {name!r} and the branch to "
                    f"{nodes[target].name!r}; put both on one cluster, or leave out the edge's bytes"
                )
            if len(nodes[target].predecessors) > 1:
                raise InputError(
                    f"task {task.name!r}: {nodes[target].name!r} is a way of the branch after {name!r} and needs other "
                    "nodes, too; let it follow that node only"
                )
        bounds = tuple(accumulate(branch.to.values()))
        found.append(BranchSpec(numbers[name], targets, bounds, branch.by == "difficulty"))
    return tuple(found)


def _variants(
    lowering: Lowering, task: Task, nodes: tuple[NodeSpec, ...] | None
) -> tuple[list[VariantSpec], str | None]:
    """The variants as written, and the measure of their accuracies where they are a family."""
    assert task.variants is not None
    what = f"task {task.name!r}"
    if task.variants.family is not None:
        from rtsched.dnn.families import choices_of

        choices, measure = choices_of(lowering, what, task.variants, own=nodes is not None)
        if nodes is not None and all(choice.wcet is not None for choice in choices):
            lowering.assume(
                f"{task.name}: its own times have no effect, since family {task.variants.family} has some on "
                f"{lowering.platform.name}"
            )
    else:
        choices, measure = task.variants.choices, None
    return [_variant(lowering, task, nodes, choice, number) for number, choice in enumerate(choices)], measure


def _variant(
    lowering: Lowering, task: Task, nodes: tuple[NodeSpec, ...] | None, choice: Choice, number: int
) -> VariantSpec:
    name = choice.name or f"variant {number}"
    what = f"task {task.name!r}, variant {name!r}"
    if choice.kernels:
        return _version(lowering, task, nodes, choice, number, name)
    if choice.own_times:
        if task.variants is not None and task.variants.switch == "region":  # out of a family
            raise InputError(f"{lowering.place(task, 'variants.switch')}: {what}: {OWN_TIMES}")
        if task.graph is not None:
            raise InputError(f"{what}: a task with a graph has variants as shares of it ('scale', 'nodes' or 'skip')")
        if task.kernels is not None:
            raise InputError(f"{what}: a task with 'kernels' has variants as shares of it ('scale')")
        if task.energy is not None and choice.energy is None:
            raise InputError(f"{what}: the task has an 'energy', so each variant needs its own")
        own = {key: getattr(choice, key) for key in ("wcet", "origin", "network", "energy")}
        work = task.model_copy(update=own)
        return VariantSpec(number, name, (lowering.node(what, task.name, 0, work),), choice.accuracy)
    if nodes is None:
        raise InputError(f"{what}: a share of what? give it a 'wcet', or the task its full 'wcet' or 'graph'")
    return _share(what, nodes, choice, number, name)


def _share(what: str, nodes: tuple[NodeSpec, ...], choice: Choice, number: int, name: str) -> VariantSpec:
    """A share of the full network, or of what it is with kernels of its own."""
    known = {node.name: node.index for node in nodes}
    for each in (*choice.nodes, *choice.skip):
        if each not in known:
            raise InputError(f"{what}: {each!r} is no node; known: {', '.join(known)}")
    skipped = frozenset(known[each] for each in choice.skip)
    if len(skipped) == len(nodes):
        raise InputError(f"{what}: it skips every node; leave at least one")
    plain = 1.0 if choice.scale is None else choice.scale
    own = tuple(
        node
        if node.name in choice.kernels
        else _scaled_copies(_scaled(node, choice.nodes.get(node.name, plain)), plain)
        for node in nodes
    )
    return VariantSpec(number, name, own, choice.accuracy, skipped)


def _version(
    lowering: Lowering, task: Task, full: tuple[NodeSpec, ...] | None, choice: Choice, number: int, name: str
) -> VariantSpec:
    """A variant with kernels of its own: the task lowered anew, as if those were its."""
    key = lowering.place(task, f"variants.choices.{number}.kernels")
    what = f"{key}: task {task.name!r}, variant {name!r}"
    relaunched = _relaunched(what, task, choice)
    try:
        nodes = lowering.nodes(relaunched)
    except InputError as error:
        raise InputError(f"{key}: variant {name!r}: {error}") from None
    assert nodes is not None
    for node, before in zip(nodes, full or nodes, strict=False):  # transfers come last
        places = [place for place in lowering.where.gpus if node.times[place] is not None]
        if any(before.times[place] is None for place in places):
            raise InputError(f"{what}: it has kernels where the task itself cannot run; give that 'kernels', too")
    return _share(what, nodes, choice, number, name)


def _relaunched(what: str, task: Task, choice: Choice) -> Task:
    """A task whose nodes launch what a variant of it does."""
    if task.graph is not None:
        models = dict(task.graph.nodes)
        for each, kernels in choice.kernels.items():
            if each not in models:
                raise InputError(
                    f"{what}: 'kernels' are those of nodes, and {each!r} is none; known: {', '.join(models)}"
                )
            models[each] = models[each].model_copy(update={"kernels": kernels})
        return task.model_copy(update={"graph": task.graph.model_copy(update={"nodes": models})})
    if [*choice.kernels] != [ANY]:
        raise InputError(f"{what}: without a graph its 'kernels' are a list, [{{blocks: 8, time: 1 ms}}], of no node")
    update: dict[str, Any] = {"kernels": choice.kernels[ANY]}
    if choice.own_times:
        update |= {"wcet": choice.wcet, "origin": choice.origin, "network": choice.network}
    return task.model_copy(update=update if choice.energy is None else update | {"energy": choice.energy})


def _scaled(node: NodeSpec, share: float) -> NodeSpec:
    """The node with a share of its time (and of its energy, kernels and traffic with it)."""
    if share == 1:
        return node
    times = tuple(None if time is None else max(1, round(time * share)) for time in node.times)
    hardware = _scaled_hardware(node.hardware, share)
    if not node.regions:
        return replace(node, times=times, hardware=hardware)
    took, takes = node.fastest, min(time for time in times if time is not None)
    ends = [end * takes // took for end in accumulate(node.regions)]
    return replace(node, times=times, hardware=hardware, regions=between(ends))


def _scaled_copies(node: NodeSpec, share: float) -> NodeSpec:
    """The node with a share of what it reads from other clusters, as the transfers between fixed ones have it."""
    if not node.copies or share == 1:
        return node
    return replace(node, copies=tuple(replace(copy, node=_scaled(copy.node, share)) for copy in node.copies))


def _scaled_hardware(about: NodeHardware | None, share: float) -> NodeHardware | None:
    if about is None:
        return None
    kernels = tuple(
        None
        if items is None
        else tuple(item.model_copy(update={"time": max(1, round((item.time or 1) * share))}) for item in items)
        for items in about.kernels
    )
    energy = tuple(None if value is None else round(value * share) for value in about.energy)
    return replace(about, kernels=kernels, energy=energy)


def _common(what: str, variants: list[VariantSpec]) -> list[VariantSpec]:
    """Variants of one task may use the same processors: those on which all of them have times."""
    places = []
    for position, node in enumerate(variants[0].nodes):
        shared = set(node.eligible)
        for variant in variants[1:]:
            shared &= set(variant.nodes[position].eligible)
        if not shared:
            raise InputError(f"{what}: there is no processor on which all its variants have times; give such times")
        places.append(shared)
    return [
        replace(
            variant,
            nodes=tuple(
                replace(node, times=tuple(t if p in shared else None for p, t in enumerate(node.times)))
                if set(node.eligible) != shared
                else node
                for node, shared in zip(variant.nodes, places, strict=True)
            ),
        )
        for variant in variants
    ]


def _ordered(variants: list[VariantSpec], as_written: bool) -> tuple[VariantSpec, ...]:
    """From the best down: by accuracy where all are known, then by time unless they stay as written."""
    known = all(variant.accuracy is not None for variant in variants)

    def time(variant: VariantSpec) -> int:
        return 0 if as_written else sum(node.fastest for node in variant.nodes if node.index not in variant.skipped)

    ordered = sorted(
        variants, key=lambda variant: (-(variant.accuracy or 0.0) if known else 0, -time(variant), variant.index)
    )
    return tuple(replace(variant, index=index) for index, variant in enumerate(ordered))
