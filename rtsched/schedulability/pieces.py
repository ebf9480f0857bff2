"""Tasks and nodes as proofs see them: the largest times, overheads inside, regions; every step is noted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from rtsched import units
from rtsched.model.policy import Policy
from rtsched.model.task import Autocorrelated, Constant, Empirical, TraceArrivals
from rtsched.model.taskgraph import NodeSpec, QualitySpec, SystemSpec, TaskSpec, VariantSpec
from rtsched.schedulability.model import Mode
from rtsched.schedulability.obstacles import trace_gap
from rtsched.schedulability.result import Assumption

#: The period of a task that arrives once.
ONCE = 2 * units.LONGEST


@dataclass(frozen=True, slots=True)
class Piece:
    """A node as a proof sees it: at most `c` ns on a processor of `pool`, its regions, what of c is overhead."""

    node: NodeSpec
    pool: int
    c: int
    regions: tuple[int, ...]
    preemptible: bool
    overhead: int


class Pieces:
    """One group of tasks and the processors they use: times, regions and periods as proofs see them, with notes."""

    def __init__(
        self, system: SystemSpec, policy: Policy, name: str, homes: dict[tuple[int, int], tuple[int, ...]]
    ) -> None:
        self.system, self.policy, self.name = system, policy, name
        pools = sorted(set(homes.values()))
        self.pools = dict(enumerate(pools))
        self.home = {node: pools.index(home) for node, home in homes.items()}
        self.processors = tuple(sorted(place for pool in pools for place in pool))
        tasks = sorted({task for task, _ in homes})
        self.specs = sorted((self.system.tasks[t] for t in tasks), key=self.policy.level)
        if self.policy.order != "FP":
            self.specs.sort(key=lambda task: task.index)
        self.notes: list[Assumption] = []
        self.exact = True
        self.pieces = {task.index: [self._piece(task, node) for node in self._nodes(task)] for task in self.specs}
        self.sequential = all(len(task.nodes) == 1 for task in self.specs)
        self.single = all(len(pool) == 1 for pool in self.pools.values())
        self.triggered = any(task.after is not None for task in self.specs)
        self.locks = any(node.sections for task in self.specs for node in task.nodes)

    def note(self, text: str) -> None:
        """Record something the tool has checked."""
        if all(item.text != text for item in self.notes):
            self.notes.append(Assumption(text, "checked", "rtsched"))

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
        time = node.times[places[0]]
        assert time is not None
        c = math.ceil(time * self._factor(task))
        processor = self.system.processors[places[0]]
        costs = self.system.overheads
        start = max(processor.context_switch for processor in map(self.system.processors.__getitem__, places))
        start += costs.context_switch + costs.scheduling
        move = max(self.system.processors[p].migration for p in places) + costs.migration if len(places) > 1 else 0
        copies = sum(max(copy.times.values(), default=0) for copy in node.copies)
        served = processor.service == "preemptive"
        preemptible = self.policy.preemption == "preemptive" and served and node.preemptive
        if preemptible:
            self.note(f"{processor.name if len(places) == 1 else processor.cluster} can be preempted at any time")
            overhead = 2 * start + move + copies
            regions: tuple[int, ...] = ()
        elif self.policy.preemption == "limited" and node.regions:
            each = start + move
            scaled = [math.ceil(region * self._factor(task)) + each for region in node.regions]
            scaled[0] += start + copies
            overhead = sum(scaled) - c
            regions = tuple(scaled)
        else:
            overhead = start + copies
            regions = ()
            self.note(
                f"{processor.name if len(places) == 1 else processor.cluster} never interrupts a node once started"
            )
        if overhead:
            self.exact = False
            self.note(
                f"every start costs {units.format_duration(start)}"
                + (f" and a migration {units.format_duration(move)}" if move else "")
                + ": inside the execution times, twice per node that can be preempted"
            )
        return Piece(node, pool, c + overhead, regions, preemptible, overhead)

    def _factor(self, task: TaskSpec) -> Fraction:
        """The largest share of its planned times that a job may take, at least 1."""
        model = task.execution
        most = Fraction(1)
        if isinstance(task.arrival, TraceArrivals) and task.arrival.execution:
            most = max(most, Fraction(max(task.arrival.execution), task.volume))
        if not isinstance(model, Constant):
            marginal = model.marginal if isinstance(model, Autocorrelated) else model
            if isinstance(marginal, Empirical):
                most = max(most, Fraction(max(marginal.samples or (0,)), task.volume))
            else:
                most = max(most, Fraction(marginal.high))
        if most > 1:
            self.note(f"execution times of {task.name!r} reach {float(most):.4g} times what is planned: that is its C")
        return most

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
        """The relative deadline in ns."""
        if isinstance(task.arrival, TraceArrivals) and task.arrival.deadlines:
            return min(task.deadline, *task.arrival.deadlines)
        return task.deadline

    # ---- models ------------------------------------------------------------------------------------------------

    def _mode(self, position: int) -> Mode:
        """How the pool at `position` is preempted; ``limited`` where its nodes differ."""
        pool = list(self.pools)[position]
        pieces = [piece for each in self.pieces.values() for piece in each if piece.pool == pool]
        if all(piece.preemptible for piece in pieces):
            return "preemptive"
        if not any(piece.preemptible or piece.regions for piece in pieces):
            return "nonpreemptive"
        return "limited"

    def _pool_name(self, pool: int) -> str:
        places = self.pools[pool]
        first = self.system.processors[places[0]]
        return first.name if len(places) == 1 else first.cluster
