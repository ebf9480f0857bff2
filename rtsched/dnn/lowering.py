"""Lowering: from a described system to processors, tasks and task graphs in integers.

Everything a file may leave open is decided here, before time starts: which processors a node may use and for how
long, and which numbers are assumed. How long a run lasts stands in `horizon`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rtsched.dnn.batch import lower_batch
from rtsched.dnn.defaults import lower_nodes
from rtsched.dnn.graph import expanded, is_expanded
from rtsched.dnn.inputs import lower_inputs
from rtsched.dnn.jobs import read_jobs
from rtsched.dnn.latency import Rows, measured
from rtsched.dnn.origins import check_statistic, exceeding, kept, origins_of
from rtsched.dnn.pieces import lower_pieces
from rtsched.dnn.places import Places
from rtsched.dnn.processors import in_mode, lower_hardware, lower_platform
from rtsched.dnn.speedup import lower_speedup
from rtsched.dnn.split import check_split, lower_split
from rtsched.dnn.transfers import lower_copies, lower_transfer, roams
from rtsched.dnn.unused import unused_keys
from rtsched.dnn.variants import lower_branches, lower_quality, stages
from rtsched.dnn.work import hardware_of
from rtsched.errors import InputError
from rtsched.model.graph import GraphModel
from rtsched.model.inputs import InputsSpec
from rtsched.model.origin import factor_of
from rtsched.model.platform import Platform
from rtsched.model.system import JobModel, System, instance_names
from rtsched.model.tables import read_arrivals, read_samples
from rtsched.model.task import Arrival, Autocorrelated, Constant, Empirical, Execution, Task, TraceArrivals
from rtsched.model.taskgraph import (
    Basis,
    ChainSpec,
    CopySpec,
    NodeSpec,
    Origin,
    PlannerSpec,
    QualitySpec,
    SectionSpec,
    SystemSpec,
    TaskSpec,
)
from rtsched.model.work import Work


@dataclass
class Lowering:
    """Lowers one system for one platform; `latency` holds the rows of the catalogue's latency tables.

    Which of the times measured is taken, the system's `wcet` says; where it does not, the typical one, which
    simulations want, or with `largest` the largest, which proofs want.
    """

    system: System
    platform: Platform
    latency: Rows = ()
    folder: Path | None = None
    largest: bool = False
    assumed: dict[str, None] = field(default_factory=dict)
    origins: dict[Origin, None] = field(default_factory=dict)
    #: the rows of the latency tables that were taken, by the identity of the work: for which work, on which cluster
    rows: dict[int, list[tuple[Work, str, Mapping[str, str]]]] = field(default_factory=dict)
    #: where the times of the work with this identity are from, by processor
    told: dict[int, list[Origin | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.platform = in_mode(self.platform, self.system)
        self.processors, self.units = lower_platform(self.platform)
        self.where = Places(self.platform, self.processors, self.units)
        self.numbers = {task.name: number for number, task in enumerate(self.system.tasks)}
        self.shared: dict[tuple[int | None, ...], tuple[int | None, ...]] = {}
        self.statistic = self.system.wcet or ("max" if self.largest else "typical")
        self.factor = factor_of(self.statistic)
        #: whether any time depends on the statistic
        self.counted = False
        self.origins_shared: dict[tuple[Origin | None, ...], tuple[Origin | None, ...]] = {}

    @cached_property
    def latency_here(self) -> Rows:
        """The rows that were measured on this platform, few of thousands."""
        names = (self.platform.name, *self.platform.aliases)
        return [row for row in self.latency if row["platform"] in names]

    def lower(self) -> SystemSpec:
        """The whole system."""
        tasks: list[TaskSpec] = []
        problems: list[str] = []
        for task in self.system.tasks:
            try:
                tasks += self.instances(task, len(tasks))
            except InputError as error:  # what is wrong with the others is told, too
                problems += error.problems
        if problems:
            raise InputError(*dict.fromkeys(problems))
        for position, job in enumerate(self.jobs()):
            self.origins = {}
            tasks.append(self.single_job(job, position, len(tasks)))
        if self.system.wcet is not None:
            for note in check_statistic(self, tasks):
                self.assume(note)
        places = {task.name: task.index for task in tasks}
        tasks = self.triggers(tasks, places)
        hardware = lower_hardware(
            self.platform,
            self.system,
            self.processors,
            self.units,
            [node for task in tasks for node in task.all_nodes],
            self.folder,
            self.assume,
        )
        named = {name for each in self.processors for name in (each.name, each.cluster)}
        for place, limit in enumerate(self.system.limits):
            if limit.of not in named:
                known = ", ".join(dict.fromkeys(each.cluster for each in self.processors))
                raise InputError(f"limits.{place}.of: {limit.of!r} is no processor or cluster; known: {known}")
        for note in (*self.platform.assumed, *self.system.assumed):
            self.assume(note)
        for task in self.system.tasks:
            for note in task.assumed:
                self.assume(f"{task.name}: {note}")
        return SystemSpec(
            processors=self.processors,
            tasks=tuple(tasks),
            name=self.system.name,
            chains=tuple(
                ChainSpec(
                    name=chain.name,
                    tasks=tuple(places[name] for name in chain.tasks),
                    max_reaction=chain.max_reaction,
                    max_age=chain.max_age,
                    max_reduced_reaction=chain.max_reduced_reaction,
                    max_reduced_age=chain.max_reduced_age,
                    max_latency=chain.max_latency,
                    id=chain.id,
                )
                for chain in self.system.chains
            ),
            protocols={name: resource.protocol for name, resource in self.system.resources.items()},
            overheads=self.system.overheads,
            assumed=tuple(self.assumed),
            hardware=hardware,
            estimates=self.system.estimates,
            planner=self.planner(),
            reservable=self.system.reservable,
            id=self.system.id,
        )

    def instances(self, task: Task, first: int) -> list[TaskSpec]:
        """All instances of a task, the first with this number. Raises InputError."""
        self.origins = {}
        nodes, quality = lower_quality(self, task, self.nodes(task))
        for note in unused_keys(self, task, nodes):
            self.assume(note)
        inputs = lower_inputs(self, task, nodes)
        names = enumerate(instance_names(task), first)
        return [self.task(task, name, number, nodes, quality, inputs) for number, name in names]

    def planner(self) -> PlannerSpec | None:
        """Where decisions are made, and what they cost; None where they cost nothing. Raises InputError."""
        planner = self.system.planner
        if planner is None:
            return None
        cores = [each.name for each in self.processors if each.kind in ("cpu", "mcu")]
        found = [each for each in self.processors if planner.core in (each.name, each.cluster)]
        if len(found) != 1 or found[0].name not in cores:
            known = ", ".join(cores) or "none: this platform has no CPU"
            raise InputError(
                f"planner.core: {planner.core!r} is no single core of a CPU, where decisions could be made; "
                f"choose one of these: {known}"
            )
        if not (planner.cost or planner.per_segment):
            return None
        return PlannerSpec(found[0].index, planner.cost, planner.per_segment)

    def assume(self, note: str) -> None:
        """Remember, once, that a number is assumed."""
        self.assumed[note] = None

    def rests(self, basis: Basis, text: str) -> None:
        """Remember, once, where times of the whole task that is being lowered come from."""
        self.note(Origin(basis, text))

    def note(self, origin: Origin) -> None:
        """Remember, once, where a time of the task that is being lowered comes from."""
        self.origins[origin] = None

    @property
    def times(self) -> str:
        """The factor of ``max*F`` in words; nothing without one."""
        return "" if self.factor == 1 else f" × {float(self.factor):g}"

    def longer(self, time: int) -> int:
        """A time that was measured or estimated, with the factor of ``max*F``."""
        self.counted = True
        return -(-time * self.factor.numerator // self.factor.denominator)

    def place(self, task: Task, key: str) -> str:
        """Where a key of a task stands, for messages."""
        return f"tasks.{self.numbers[task.name]}.{key}"

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def task(
        self,
        task: Task,
        name: str,
        index: int,
        nodes: tuple[NodeSpec, ...],
        quality: QualitySpec | None,
        inputs: InputsSpec | None,
    ) -> TaskSpec:
        """One instance of a task."""
        deadline = task.deadline if task.deadline is not None else task.gap
        assert deadline is not None
        execution, arrival = self.execution(task), self.arrival(task)
        check_split(self, task, nodes)
        return TaskSpec(
            index=index,
            name=name,
            nodes=nodes,
            period=task.gap,
            deadline=deadline,
            priority=index if task.priority is None else task.priority,
            offset=task.offset,
            jitter=task.jitter,
            release=task.release,
            arrival=arrival,
            execution=execution,
            criticality=task.criticality,
            weight=task.weight,
            on_miss=task.on_miss,
            overlap=task.overlap,
            budget=task.budget,
            server_period=task.server_period,
            count=task.count,
            on_fault=task.on_fault,
            context=task.context,
            quality=quality,
            branches=lower_branches(task, nodes),
            origins=exceeding(execution, arrival, nodes, inputs, tuple(self.origins)),
            inputs=inputs,
            id=task.id,
            communication=task.communication,
            clock=task.clock,
            misses=task.misses,
        )

    def triggers(self, tasks: list[TaskSpec], places: dict[str, int]) -> list[TaskSpec]:
        """Tie each triggered task to its trigger: instance i to instance i, or all to the only one."""
        models = {task.name: task for task in self.system.tasks}
        position = 0
        for task in self.system.tasks:
            first, position = position, position + task.instances
            if task.after is None:
                continue
            sources = instance_names(models[task.after.task])
            if len(sources) not in (1, task.instances):
                raise InputError(
                    f"task {task.name!r} has {task.instances} instances after the {len(sources)} of "
                    f"{task.after.task!r}; make the numbers equal, or trigger from a single one"
                )
            for number in range(task.instances):
                source = places[sources[number if len(sources) > 1 else 0]]
                spec = replace(tasks[first + number], after=source, probability=task.after.probability)
                tasks[first + number] = spec
        return tasks

    def arrival(self, task: Task) -> Arrival:
        """The arrivals, with a recorded trace read in."""
        if isinstance(task.arrival, TraceArrivals) and task.arrival.file is not None:
            rows = read_arrivals(self.path(task.arrival.file))
            if rows.execution is not None and not isinstance(task.execution, Constant):
                raise InputError(
                    f"{self.place(task, 'execution')}: the file of the arrivals has execution times, too; leave one out"
                )
            return TraceArrivals(kind="trace", times=rows.times, deadlines=rows.deadlines, execution=rows.execution)
        return task.arrival

    def execution(self, task: Task) -> Execution:
        """The execution-time model, with measured samples read in."""
        model = task.execution
        if isinstance(model, Autocorrelated):
            return model.model_copy(update={"marginal": self.read_in(model.marginal)})
        read: Execution = self.read_in(model)
        return read

    def read_in(self, model: Any) -> Any:
        """An empirical model with the samples of its file; any other as it is."""
        if isinstance(model, Empirical) and model.file is not None and model.column is not None:
            return Empirical(kind="empirical", samples=read_samples(self.path(model.file), model.column))
        return model

    def path(self, name: str) -> Path:
        """A file that a system names, relative to the system's own folder."""
        path = Path(name)
        return path if path.is_absolute() or self.folder is None else self.folder / path

    def jobs(self) -> tuple[JobModel, ...]:
        """The explicit jobs, read in if they stand in a CSV."""
        if isinstance(self.system.jobs, str):
            return read_jobs(self.path(self.system.jobs))
        return self.system.jobs

    def single_job(self, job: JobModel, position: int, index: int) -> TaskSpec:
        """An explicit job as a task that releases once."""
        name = job.name or f"job{position}"
        if job.deadline <= job.release:
            raise InputError(f"jobs.{name}: the deadline is not after the release; both are absolute times")
        work = Work(wcet=job.wcet, origin=job.origin)
        return TaskSpec(
            index=index,
            name=name,
            nodes=(self.node(f"job {name!r}", name, 0, work),),
            period=None,
            deadline=job.deadline - job.release,
            priority=index if job.priority is None else job.priority,
            release=job.release,
            origins=tuple(self.origins),
        )

    # ---- nodes ---------------------------------------------------------------------------------------------------

    def nodes(self, task: Task) -> tuple[NodeSpec, ...] | None:
        """The task graph of a task: its own graph, or one node; None if only its variants have times."""
        if task.graph is None:
            if not task.sources_of_time:
                return None
            if is_expanded(task.network):
                what = f"task {task.name!r}"
                for key in ("regions", "sections", "kernels", "exit_family"):
                    if getattr(task, key):
                        raise InputError(
                            f"{what}: {key!r} does not go with a network that is cut; leave one of them out"
                        )
                return self.graph(task, expanded(self, what, task))
            node = self.node(f"task {task.name!r}", task.name, 0, task)
            return (node,) if task.exit_family is None else stages(self, task, node)
        return self.graph(task, task.graph)

    def graph(self, task: Task, graph: GraphModel) -> tuple[NodeSpec, ...]:
        """A DAG, with a transfer node in every edge whose bytes cross a link."""
        order = {name: index for index, name in enumerate(graph.nodes)}
        nodes = lower_nodes(self, task, graph)
        before: dict[int, set[int]] = {}
        behind: dict[int, set[int]] = {}
        copies: list[CopySpec] = []
        for edge in graph.edges:
            source, target = order[edge.source], order[edge.target]
            ends = nodes[source], nodes[target]
            transfer = lower_transfer(self, *ends, edge.bytes, len(nodes)) if edge.bytes else None
            if edge.bytes and transfer is None and roams(self, *ends):
                copies += lower_copies(self, task, *ends, edge.bytes)
            ways = [(source, target)]
            if transfer is not None:
                nodes.append(transfer)
                ways = [(source, transfer.index), (transfer.index, target)]
            for first, then in ways:
                before.setdefault(then, set()).add(first)
                behind.setdefault(first, set()).add(then)
        for number, copy in enumerate(copies, len(nodes)):
            (target,) = copy.node.successors
            numbered = replace(copy, node=replace(copy.node, index=number))
            nodes[target] = replace(nodes[target], copies=(*nodes[target].copies, numbered))
        return tuple(
            replace(
                node,
                predecessors=tuple(sorted(before.get(node.index, ()))),
                successors=tuple(sorted(behind.get(node.index, ()))),
            )
            for node in nodes
        )

    def node(self, what: str, name: str, index: int, work: Work, limit: Callable[[], str] | None = None) -> NodeSpec:
        """One node: where it may run, and for how long; `limit` tells the place of what says where, if not its own."""
        if is_expanded(work.network):
            raise InputError(f"{what}: only a task's own network can be cut; leave 'partition' (and files) out here")
        if work.network is not None:
            times = measured(self, what, work)
        else:
            times = self.where.given(what, work) if work.wcet is not None else [None] * len(self.processors)
        origins = origins_of(self, what, work, times)
        hardware = hardware_of(self, what, work, times)
        usable = tuple(self.where.usable(what, work, times))
        usable = self.shared.setdefault(usable, usable)
        if usable.count(None) == len(usable):
            have = sorted({self.processors[place].cluster for place, time in enumerate(times) if time is not None})
            raise InputError(
                f"{limit() if limit else ''}{what}: no processor of {self.platform.name!r} that it may use can run it"
                + (f" (it has times for {', '.join(have)})" if have else "")
                + f"; give a time for one of {', '.join(self.where.members)}"
            )
        if (work.regions or work.sections) and len({time for time in usable if time is not None}) > 1:
            raise InputError(
                f"{what}: regions and sections need one execution time, and processors of one speed; pin it, or name "
                "one cluster"
            )
        if (work.regions or work.sections) and hardware is not None and hardware.kernels:
            raise InputError(f"{what}: a GPU served block by block knows neither regions nor sections; leave them out")
        regions, sections = self.pieces(what, work, usable)
        return NodeSpec(
            index=index,
            name=name,
            times=usable,
            pinned=work.pin is not None,
            regions=regions,
            sections=sections,
            preemptive=work.preemptive is not False,
            hardware=hardware,
            losses=self.losses(what, work),
            batch=lower_batch(self, what, work, usable),
            split=lower_split(self, work, usable),
            speedup=lower_speedup(self, what, work, usable),
            origins=kept(self, origins, usable),
        )

    def losses(self, what: str, work: Work) -> tuple[float, ...]:
        """The accuracy that is lost on each processor; empty if none is."""
        if not work.loss:
            return ()
        found = [0.0] * len(self.processors)
        for exact in (False, True):  # kinds first
            for name, loss in work.loss.items():
                if self.where.exact(name) == exact:
                    for place in self.where.of(what, name):
                        found[place] = loss
        return tuple(found)

    def pieces(
        self, what: str, work: Work, times: Sequence[int | None]
    ) -> tuple[tuple[int, ...], tuple[SectionSpec, ...]]:
        """Regions and sections of a node, in the time that it takes; their unit is that of the time as written."""
        if not (work.regions or work.sections):
            return (), ()
        places = [place for place, time in enumerate(times) if time is not None]
        took = times[places[0]]
        assert took is not None
        if work.wcet is not None:
            as_written = self.where.written(what, work)
            written = [time for place in places if (time := as_written[place]) is not None]
        elif work.network is not None:  # the medians, also where a proof takes the largest times measured
            typical = measured(self, what, work, typical=True)
            written = [time for place, time in enumerate(typical) if place in places and time is not None]
        else:
            written = [took]
        return lower_pieces(what, work, written, took, self.system.resources)
