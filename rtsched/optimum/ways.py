"""The ways to answer a job: by the variant, the exit or the branches, each with what its nodes take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from rtsched.engine.job_path import JobPath
from rtsched.model.answers import is_right
from rtsched.model.taskgraph import BranchSpec, NodeSpec, QualitySpec, SystemSpec, TaskSpec, VariantSpec
from rtsched.optimum.draws import DrawnJob
from rtsched.optimum.energy import powers
from rtsched.optimum.window import Mode, ProcessorPool, Step, Way

#: Accuracies are counted in parts of this when variants are mixed.
PARTS = 10**9


class NodePlaces:
    """Where nodes may run, and what that means for them."""

    def __init__(self, system: SystemSpec, pools: Sequence[ProcessorPool]) -> None:
        self.first = [pool.processors[0] for pool in pools]
        self.specs = [system.processors[place] for place in self.first]
        units = () if system.hardware is None else system.hardware.units
        saved = {place for unit in units if unit.description.checkpoint is not None for place in unit.processors}
        self.saves = [place in saved for place in self.first]
        self.powers = [powers(system, place) for place in self.first]

    def mode(self, node: NodeSpec, drawn: DrawnJob, name: str = "", loss: int = 0) -> Mode:
        """A node as it runs for this job."""
        planned = [node.times[place] for place in self.first]
        times = [None if time is None else drawn.takes(node.index, time) for time in planned]
        parted = bool(node.regions or node.sections)
        loose = [
            parted or saves or (spec.service == "preemptive" and node.preemptive)
            for spec, saves in zip(self.specs, self.saves, strict=True)
        ]
        energies = [
            None if time is None else power(node, place, time)
            for time, place, power in zip(times, self.first, self.powers, strict=True)
        ]
        return Mode(tuple(times), tuple(loose), loss, tuple(energies), name)


def ways(task: TaskSpec, drawn: DrawnJob, places: NodePlaces) -> tuple[Way, ...]:
    """The ways to answer a job, those first that are worth anything; without those that another one beats."""
    quality = task.quality
    found: Iterable[Way]
    if quality is None:
        found = [_plain(task.nodes, _left_out(task, drawn.path), drawn, places)]
    elif quality.exits:
        found = _exits(task, quality, drawn, places)
    elif not quality.variants:
        worth = int(not quality.measured or drawn.difficulty < (quality.accuracy or 0))
        found = [_plain(task.nodes, _left_out(task, drawn.path), drawn, places, worth)]
    elif quality.switch:
        found = _mixed(task, quality, drawn, places)
    else:
        found = [_variant(task, quality, each, drawn, places) for each in quality.variants]
    return tuple(_undominated(sorted(found, key=lambda way: -way.worth)))


def _plain(
    nodes: Sequence[NodeSpec],
    out: frozenset[int],
    drawn: DrawnJob,
    places: NodePlaces,
    worth: int = 1,
    name: str = "",
) -> Way:
    """Every node as it is, but those `out` done as soon as nothing holds them back."""
    chosen = {node.index: (Mode(),) if node.index in out else (places.mode(node, drawn, name),) for node in nodes}
    return Way(_steps(nodes, chosen), worth, None, name)


def _steps(nodes: Sequence[NodeSpec], modes: Mapping[int, tuple[Mode, ...]]) -> tuple[Step, ...]:
    """The nodes that have modes, each after those before it."""
    order: dict[int, int] = {}
    waiting = [node for node in nodes if node.index in modes]
    steps: list[Step] = []
    while waiting:
        for node in waiting:
            if all(before in order for before in node.predecessors if before in modes):
                before = tuple(order[each] for each in node.predecessors if each in modes)
                order[node.index] = len(steps)
                steps.append(Step(node.index, modes[node.index], before))
        waiting = [node for node in waiting if node.index not in order]
    return tuple(steps)


def _right(quality: QualitySpec, answer: int, accuracy: float | None, drawn: DrawnJob) -> int:
    """Whether an answer of this number and accuracy is right; where accuracies are not known every answer counts."""
    if quality.errors is not None and drawn.path is not None:
        return int(is_right(quality.errors, answer, drawn.path.scores))
    return int(not quality.measured or (accuracy is not None and drawn.difficulty < accuracy))


def _variant(task: TaskSpec, quality: QualitySpec, variant: VariantSpec, drawn: DrawnJob, places: NodePlaces) -> Way:
    out = _left_out(task, drawn.path) | variant.skipped
    return _plain(
        variant.nodes, out, drawn, places, _right(quality, variant.index, variant.accuracy, drawn), variant.name
    )


def _exits(task: TaskSpec, quality: QualitySpec, drawn: DrawnJob, places: NodePlaces) -> Iterator[Way]:
    """One way for each exit: its node and all that it needs."""
    for exit_ in quality.exits:
        needed = _before(task.nodes, exit_.node)
        nodes = [node for node in task.nodes if node.index in needed]
        yield _plain(nodes, frozenset(), drawn, places, _right(quality, exit_.index, exit_.accuracy, drawn), exit_.name)


def _before(nodes: Sequence[NodeSpec], last: int) -> set[int]:
    """A node and all nodes that it waits for."""
    found, waiting = {last}, [last]
    while waiting:
        for before in nodes[waiting.pop()].predecessors:
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found


def _mixed(task: TaskSpec, quality: QualitySpec, drawn: DrawnJob, places: NodePlaces) -> Iterator[Way]:
    """Each node as any variant: right if the losses of all, by their shares, leave the answer hard enough.

    Counted in whole parts, each loss rounded down and what may be lost rounded up.
    """
    out = _left_out(task, drawn.path)
    best = quality.accuracy or 0.0
    shares = [Fraction(share) for share in quality.shares]
    modes: dict[int, tuple[Mode, ...]] = {}
    for node in task.nodes:
        at = node.index
        if at in out:
            modes[at] = (Mode(),)
            continue
        ways = []
        for variant in quality.variants:
            lost = shares[at] * Fraction(best - (variant.accuracy or 0.0)) if quality.measured else Fraction(0)
            loss = int(lost * PARTS // 1)
            skips = at in variant.skipped
            ways.append(
                Mode(loss=loss, name=variant.name)
                if skips
                else places.mode(variant.nodes[at], drawn, variant.name, loss)
            )
        modes[at] = tuple(ways)
    yield Way(_steps(task.nodes, modes), 0, None)
    if not quality.measured:
        yield Way(_steps(task.nodes, modes), 1, None)
        return
    total = sum((shares[node.index] for node in task.nodes if node.index not in out), Fraction(0)) or Fraction(1)
    budget = Fraction(best - drawn.difficulty) * total * PARTS
    if budget >= 0:
        yield Way(_steps(task.nodes, modes), 1, int(budget) + 1)


def _left_out(task: TaskSpec, path: JobPath | None) -> frozenset[int]:
    """The nodes on ways that the input does not take, as the engine finds them (``JobPaths``)."""
    if path is None or not task.branches:
        return frozenset()
    out: set[int] = set()
    for number, branch in sorted(enumerate(task.branches), key=lambda each: _depth(task, each[1].node)):
        if branch.node in out:
            continue
        taken = branch.targets[_way(branch, path, number)]
        out |= set(branch.targets) - {taken}
        for node in task.nodes:
            if node.predecessors and out.issuperset(node.predecessors):
                out.add(node.index)
    return frozenset(out)


def _way(branch: BranchSpec, path: JobPath, number: int) -> int:
    draw = path.difficulty if branch.by_difficulty else path.routes[number]
    return next((way for way, bound in enumerate(branch.bounds) if draw < bound), len(branch.bounds) - 1)


def _depth(task: TaskSpec, node: int) -> int:
    """How many nodes come before this one."""
    return len(_before(task.nodes, node))


def _undominated(found: Sequence[Way]) -> Iterator[Way]:
    """The ways without those that an earlier one beats: worth as much, no node longer anywhere, none more."""
    kept: list[Way] = []
    for way in found:
        if not any(_beats(other, way) for other in kept):
            kept = [other for other in kept if not _beats(way, other)] + [way]
    return iter(kept)


def _beats(one: Way, other: Way) -> bool:
    if one.worth < other.worth or one.budget is not None or other.budget is not None:
        return False
    theirs = {step.node: step for step in other.steps}
    return all(step.node in theirs and _no_worse(step, theirs[step.node]) for step in one.steps)


def _no_worse(one: Step, other: Step) -> bool:
    if len(one.modes) > 1 or len(other.modes) > 1:
        return False
    mine, theirs = one.modes[0], other.modes[0]
    if not mine.times or not theirs.times:
        return not mine.times
    if mine.loose != theirs.loose:
        return False
    pairs = [*zip(mine.times, theirs.times, strict=True), *zip(mine.energy, theirs.energy, strict=True)]
    return all(b is None or (a is not None and a <= b) for a, b in pairs)
