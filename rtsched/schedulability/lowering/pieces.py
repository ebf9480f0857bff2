"""Tasks and nodes as proofs see them: the largest times, overheads inside, regions; every step is noted.

**Overheads.** A start costs `start`, and every wait for a processor ends with one. A node starts once, and again after
each time that another one took its processor away; only a node that becomes ready does that, once, so it is charged
with two starts: its own, and the return of the one it displaces (which may have to move). That holds for every node
that may displace another, also for one that cannot be preempted itself. A node with regions may have to wait, and so
to start, before each of them. Where nobody can be displaced, one start a node is all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from rtsched import units
from rtsched.model.inputs import InputsSpec
from rtsched.model.policy import Order, Policy
from rtsched.model.system import Estimates
from rtsched.model.task import Autocorrelated, Constant, Empirical, TraceArrivals
from rtsched.model.taskgraph import NodeSpec, QualitySpec, SystemSpec, TaskSpec, VariantSpec
from rtsched.schedulability.lowering import kernels
from rtsched.schedulability.lowering.obstacles import trace_gap
from rtsched.schedulability.models import Mode
from rtsched.schedulability.result import Assumption
from rtsched.schedulability.theorems.locks import Blocker

#: The period of a task that arrives once.
ONCE = 2 * units.LONGEST
ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Piece:
    """A node as a proof sees it: at most `c` ns on a processor of `pool`, its regions, what of c is overhead.

    A `mixed` one can be preempted on some processors of its pool and not on others. `least` is the least that it takes.
    """

    node: NodeSpec
    pool: int
    c: int
    regions: tuple[int, ...]
    preemptible: bool
    overhead: int
    mixed: bool = False
    least: int = 1


def recorded_deadlines(task: TaskSpec) -> tuple[int, ...]:
    """The relative deadlines that a recording gives its jobs one by one; none where they have the task's."""
    return (task.arrival.deadlines or ()) if isinstance(task.arrival, TraceArrivals) else ()


class Pieces:
    """One group of tasks and the processors they use: times, regions and periods as proofs see them, with notes."""

    def __init__(
        self, system: SystemSpec, policy: Policy, name: str, homes: dict[tuple[int, int], tuple[int, ...]]
    ) -> None:
        self.system, self.name = system, name
        pools = sorted(set(homes.values()))
        self.pools = dict(enumerate(pools))
        self.home = {node: pools.index(home) for node, home in homes.items()}
        self.processors = tuple(sorted(place for pool in pools for place in pool))
        clusters = [[system.processors[place].cluster for place in pool] for pool in pools]
        #: the policy of all pools (its order is none that a theorem knows where they differ), and that of each
        self.policy = policy.of(cluster for each in clusters for cluster in each)
        self.at = [policy.of(each) for each in clusters]
        #: whether pools have orders, or modes, of their own
        self.mixed = bool(self.policy.clusters)
        tasks = sorted({task for task, _ in homes})
        self.specs = sorted((self.system.tasks[t] for t in tasks), key=self.policy.level)
        if self.policy.order != "FP":
            self.specs.sort(key=lambda task: task.index)
        self.notes: list[Assumption] = []
        self.service: dict[str, tuple[int, ...]] = {}
        self.exact = not self._held()
        self.blockers: dict[str, tuple[Blocker, ...]] = {}
        self.pieces = {task.index: [self._piece(task, node) for node in self._nodes(task)] for task in self.specs}
        self.sequential = all(len(task.nodes) == 1 for task in self.specs)
        self.single = all(len(pool) == 1 for pool in self.pools.values())
        self.triggered = any(task.after is not None for task in self.specs)
        self.locks = any(node.sections for task in self.specs for node in task.nodes)

    @cached_property
    def order(self) -> Order:
        """How theorems call the ordering; laxities are those of EDZL only where they go by the C that proofs take."""
        order = self.policy.order
        if order != "EDZL":
            return order
        known = self.system.estimates == Estimates() and self.policy.adaptation is None and self.sequential
        planned = all(piece.c <= piece.node.fastest for each in self.pieces.values() for piece in each)
        return order if known and planned else "any"

    def note(self, text: str) -> None:
        """Record something the tool has checked."""
        if all(item.text != text for item in self.notes):
            self.notes.append(Assumption(text, "checked", "rtsched"))

    def serves(self, how: str, places: tuple[int, ...]) -> None:
        """Record what the models take processors to do, which only who knows the chip and its driver can say."""
        self.service[how] = tuple(sorted({*self.service.get(how, ()), *places}))

    def _held(self) -> bool:
        """Whether a clock keeps tasks from what is worst for them: from coming at once, or just after a long job."""
        clocks = [task.clock for task in self.specs if task.clock is not None]
        if len(set(clocks)) == len(clocks):
            return False
        together = {(task.clock, task.offset) for task in self.specs if task.clock is not None}
        preempted = all(self.system.processors[place].service == "preemptive" for place in self.processors)
        return len(together) > len(set(clocks)) or not preempted or self.policy.preemption != "preemptive"

    # ---- tasks and nodes ---------------------------------------------------------------------------------------

    def _nodes(self, task: TaskSpec) -> tuple[NodeSpec, ...]:
        """The nodes with their largest times over all variants."""
        quality = task.quality
        if task.branches:
            self.exact = False
            self.note(f"all ways of every branch of {task.name!r} count, though only one is taken")
        if quality is not None and self.policy.adaptation is not None and not self.policy.adaptation.fixed:
            self.exact = False  # it may do less than all
        if quality is None or not quality.variants:
            return task.nodes
        if self.policy.adaptation is not None and self.policy.adaptation.fixed:
            variant = self._chosen(quality, self.policy.adaptation.variant)
            self.note(f"{task.name!r} runs its variant {variant.name!r}, for good")
            return variant.lasting
        if self.policy.adaptation is not None:
            self.note(f"{task.name!r} is taken at its largest variant, whatever the adaptation chooses")
            found = []
            for node in task.nodes:
                forms = [variant.nodes[node.index] for variant in quality.variants]
                most = tuple(
                    max((form.times[place] or 0) for form in forms) if time is not None else None
                    for place, time in enumerate(node.times)
                )
                found.append(replace(node, times=most))
            return tuple(found)
        self.note(f"{task.name!r} runs its full variant: no adaptation is chosen")
        return task.nodes

    def _chosen(self, quality: QualitySpec, wanted: str | int) -> VariantSpec:
        """The variant that the adaptation ``fixed`` names, by name or rank."""
        for variant in quality.variants:
            if variant.name == str(wanted):
                return variant
        return quality.variants[int(wanted) % len(quality.variants)]

    def _piece(self, task: TaskSpec, node: NodeSpec) -> Piece:
        pool = self.home[task.index, node.index]
        places = self.pools[pool]
        C = self._longest(task, node, places)
        start, move = self._start(places)
        free = self._free(node, pool)
        preemptible = all(free)
        regions: tuple[int, ...] = ()
        overhead = start
        if any(free):
            self.serves("can be preempted at any time" if preemptible else "is preempted only in part", places)
            overhead += start + move
        elif self.at[pool].preemption == "limited" and node.regions:
            shares = self._shares(node, places, C)
            C = sum(shares)
            overhead += len(shares) * (start + move)
            first, *others = (share + start + move for share in shares)
            regions = (first + start, *others)
        else:
            if start + move and self._displaces(task, node, pool):
                overhead += start + move
            self.serves("never interrupts a node once started", places)
        if overhead:
            self.exact = False
            self.note(
                f"every start costs {units.format_duration(start)}"
                + (f" and a migration {units.format_duration(move)}" if move else "")
                + ": inside the execution times, twice per node that can be preempted or preempts another"
            )
        least = 0 if node.index in self._left_out[task.index] else 1
        return Piece(node, pool, C + overhead, regions, preemptible, overhead, any(free) and not preemptible, least)

    @cached_property
    def _left_out(self) -> dict[int, frozenset[int]]:
        """By task the nodes that a job may leave out: by its variant, or on a way of a branch that it does not take."""
        found = {}
        for task in self.specs:
            quality = task.quality if self.policy.adaptation is not None else None
            out = {index for each in (() if quality is None else quality.variants) for index in each.skipped}
            out |= {target for branch in task.branches for target in branch.targets}
            grown = bool(task.branches)
            while grown:  # what only such nodes lead to
                fresh = {n.index for n in task.nodes if n.predecessors and out.issuperset(n.predecessors)} - out
                out, grown = out | fresh, bool(fresh)
            found[task.index] = frozenset(out)
        return found

    def _start(self, places: tuple[int, ...]) -> tuple[int, int]:
        """What a start costs on any of these processors, and a move from one to another."""
        processors, costs = [self.system.processors[place] for place in places], self.system.overheads
        start = max(processor.context_switch for processor in processors) + costs.context_switch + costs.scheduling
        move = max(processor.migration for processor in processors) + costs.migration if len(places) > 1 else 0
        return start, move

    def _free(self, node: NodeSpec, pool: int) -> list[bool]:
        """For each processor of a pool whether the node can be preempted there at any time."""
        allowed = self.at[pool].preemption == "preemptive" and node.preemptive
        return [allowed and self.system.processors[place].service == "preemptive" for place in self.pools[pool]]

    def _displaces(self, task: TaskSpec, node: NodeSpec, pool: int) -> bool:
        """Whether the node, when it becomes ready, may take a processor away from another one."""
        policy = self.at[pool]
        level = policy.level(task) if policy.order == "FP" else None
        return any(
            (each.index, other) != (task.index, node.index) and (level is None or policy.level(each) >= level)
            for each, other in self._interruptible[pool]
        )

    @cached_property
    def _interruptible(self) -> dict[int, list[tuple[TaskSpec, int]]]:
        """By pool the nodes that can be preempted there: their tasks, and which nodes of them."""
        found: dict[int, list[tuple[TaskSpec, int]]] = {pool: [] for pool in self.pools}
        for task in self.specs:
            for node in task.nodes:
                pool = self.home[task.index, node.index]
                if any(self._free(node, pool)):
                    found[pool].append((task, node.index))
        return found

    def _longest(self, task: TaskSpec, node: NodeSpec, places: tuple[int, ...]) -> int:
        """The longest time of a node alone; where blocks are served, its kernels on what they may use say so."""
        time = node.times[places[0]]
        assert time is not None
        factor = self._factor(task) if task.inputs is None else self._recorded(task, task.inputs, node)
        found = [time if factor == 1 else math.ceil(time * factor)]
        for place in places:
            unit = kernels.unit_of(self.system, place)
            if unit is not None and unit.block_level is not None:
                for form in self._forms(task, node):
                    demand = math.ceil((form.times[place] or 1) * factor)
                    found.append(kernels.longest(unit.block_level, task, form, place, demand))
        return max(found)

    def _forms(self, task: TaskSpec, node: NodeSpec) -> list[NodeSpec]:
        """The node in every variant that the policy may choose."""
        quality, adaptation = task.quality, self.policy.adaptation
        if quality is None or not quality.variants or adaptation is None or adaptation.fixed:
            return [node]
        return [variant.nodes[node.index] for variant in quality.variants]

    def _shares(self, node: NodeSpec, places: tuple[int, ...], C: int) -> list[int]:
        """The regions of a node that takes up to C.

        Their borders move with what a job takes, each rounded down: no region is longer than its share rounded up.
        """
        time = node.times[places[0]]
        assert time is not None
        return [-(-region * C // time) for region in node.regions]

    def _factor(self, task: TaskSpec) -> Fraction:
        """The largest share of its planned times that a job may take, at least 1.

        A job that never takes the whole cannot be refuted by a model in which it does.
        """
        most = largest_share(task)
        if most > 1:
            self.note(f"execution times of {task.name!r} reach {float(most):.4g} times what is planned: that is its C")
        elif most < 1:
            self.exact = False
            self.note(f"{task.name!r} is taken at its whole time, though its execution times stay below it")
        return max(most, ONE)

    def _recorded(self, task: TaskSpec, inputs: InputsSpec, node: NodeSpec) -> Fraction:
        """The largest share of its planned time that a node takes for any recorded input, at least 1.

        Unless one input has the largest of every node, no job takes all of it.
        """
        most = inputs.largest.get(node.index, Fraction(1))
        if most < 1 or not inputs.together:
            self.exact = False
        self.note(f"each node of {task.name!r} is taken at its largest recorded time, and at what is planned if less")
        return max(most, Fraction(1))

    def T(self, task: TaskSpec) -> int:
        """The minimum inter-arrival time in ns."""
        if task.after is not None:
            return self.T(self.system.tasks[task.after])
        if task.arrival.kind == "trace":
            self.exact = False
            gap = trace_gap(task)
            self.note(f"the recorded arrivals of {task.name!r} are taken as sporadic with their smallest distance")
            return ONCE if gap is None else gap
        if task.count is not None:
            self.exact = False
            self.note(f"{task.name!r} is taken to arrive for ever, though it has {task.count} jobs")
        if task.release is not None or task.period is None:
            self.exact = False
            self.note(f"{task.name!r} arrives once; when, in relation to the others, is left open")
            return ONCE
        return task.period

    def D(self, task: TaskSpec) -> int:
        """The relative deadline in ns; of recorded ones the least (under EDF they have to be equal, see `Part`)."""
        return min(recorded_deadlines(task), default=task.deadline)

    # ---- models ------------------------------------------------------------------------------------------------

    def _mode(self, position: int) -> Mode:
        """How the pool at `position` is preempted; ``limited`` where its nodes differ."""
        pool = list(self.pools)[position]
        pieces = [piece for each in self.pieces.values() for piece in each if piece.pool == pool]
        if all(piece.preemptible for piece in pieces):
            return "preemptive"
        if not any(piece.preemptible or piece.mixed or piece.regions for piece in pieces):
            return "nonpreemptive"
        return "limited"

    def _pool_name(self, pool: int) -> str:
        """The name of a pool, its own: of its cluster if it is the whole of one, else of all its processors."""
        return self._names[pool]

    @cached_property
    def _names(self) -> dict[int, str]:
        return {pool: self._named(places) for pool, places in self.pools.items()}

    def _named(self, places: tuple[int, ...]) -> str:
        clusters = {self.system.processors[place].cluster for place in places}
        whole = [other.index for other in self.system.processors if other.cluster in clusters]
        if len(clusters) == 1 and whole == list(places):
            return clusters.pop() if len(places) > 1 else self.system.processors[places[0]].name
        return " + ".join(self.system.processors[place].name for place in places)


def largest_share(task: TaskSpec) -> Fraction:
    """The largest share of its planned times that a job takes: by its execution model, as recorded, or the whole."""
    model, found = task.execution, []
    marginal = model.marginal if isinstance(model, Autocorrelated) else model
    if isinstance(marginal, Empirical):
        found.append(Fraction(max(marginal.samples or (0,)), task.volume))
    elif not isinstance(marginal, Constant):
        found.append(Fraction(marginal.high))
    if isinstance(task.arrival, TraceArrivals) and task.arrival.execution:
        found.append(Fraction(max(task.arrival.execution), task.volume))
    return max(found, default=ONE)


def is_chain(task: TaskSpec) -> bool:
    """Whether the nodes follow each other one by one."""
    return (
        all(len(node.predecessors) <= 1 and len(node.successors) <= 1 for node in task.nodes)
        and sum(not node.predecessors for node in task.nodes) == 1
    )
