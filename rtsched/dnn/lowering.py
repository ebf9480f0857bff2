"""Lowering: from a described system to processors, tasks and task graphs in integers.

Everything a file may leave open is decided here, before time starts: which processors a node may use and for how
long, which numbers are assumed, and how long a run lasts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from rtsched import units
from rtsched.dnn.defaults import lower_nodes
from rtsched.dnn.graph import expanded, is_expanded
from rtsched.dnn.latency import Rows, measured
from rtsched.dnn.pieces import lower_pieces
from rtsched.dnn.processors import in_mode, lower_hardware, lower_platform
from rtsched.dnn.unused import unused_keys
from rtsched.dnn.variants import lower_branches, lower_quality, stages
from rtsched.dnn.work import hardware_of
from rtsched.errors import HorizonError, InputError
from rtsched.model.document import cut
from rtsched.model.platform import Link, Platform
from rtsched.model.system import AUTO, HYPERPERIOD, JobModel, System, instance_names
from rtsched.model.tables import TimeTable, read_arrivals, read_samples
from rtsched.model.task import Arrival, Autocorrelated, Constant, Empirical, Execution, GraphModel, Task, TraceArrivals
from rtsched.model.taskgraph import (
    Basis,
    ChainSpec,
    CopySpec,
    NodeSpec,
    Origin,
    QualitySpec,
    SectionSpec,
    SystemSpec,
    TaskSpec,
)
from rtsched.model.work import ANY, Work

#: A run that is not told how long to be covers the hyperperiod if that releases at most this many jobs, else AUTO_TIME.
AUTO_JOBS = 20_000
AUTO_TIME = 10 * units.S

_PRIORITY = re.compile(r"[+-]?[0-9]{1,18}")
#: A hyperperiod with more jobs than this is refused: hours of simulation.
MOST_JOBS = 20_000_000


@dataclass
class Lowering:
    """Lowers one system for one platform; `latency` holds the rows of the catalogue's latency tables.

    Of a row that was measured often the median is taken, which simulations want; with `largest` its largest value,
    which proofs want.
    """

    system: System
    platform: Platform
    latency: Rows = ()
    folder: Path | None = None
    largest: bool = False
    assumed: list[str] = field(default_factory=list)
    origins: dict[Origin, None] = field(default_factory=dict)
    #: the rows of the latency tables that were taken: for which work, on which cluster
    rows: list[tuple[Work, str, Mapping[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.platform = in_mode(self.platform, self.system)
        self.processors, self.units = lower_platform(self.platform)
        self.unit_of = {place: unit for unit in self.units for place in unit.processors}
        self.names = {processor.name: processor.index for processor in self.processors}
        self.members: dict[str, list[int]] = {}
        for processor in self.processors:
            self.members.setdefault(processor.cluster, []).append(processor.index)
        self.kinds: dict[str, list[int]] = {}
        for processor in self.processors:
            if processor.kind != "link":
                self.kinds.setdefault(processor.kind, []).append(processor.index)

    def lower(self) -> SystemSpec:
        """The whole system."""
        tasks: list[TaskSpec] = []
        for task in self.system.tasks:
            self.origins = {}
            nodes, quality = lower_quality(self, task, self.nodes(task))
            for note in unused_keys(self, task, nodes):
                self.assume(note)
            for name in instance_names(task):
                tasks.append(self.task(task, name, len(tasks), nodes, quality))
        for position, job in enumerate(self.jobs()):
            tasks.append(self.single_job(job, position, len(tasks)))
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
                ChainSpec(chain.name, tuple(places[name] for name in chain.tasks), chain.max_reaction, chain.max_age)
                for chain in self.system.chains
            ),
            protocols={name: resource.protocol for name, resource in self.system.resources.items()},
            overheads=self.system.overheads,
            assumed=tuple(self.assumed),
            hardware=hardware,
        )

    def assume(self, note: str) -> None:
        """Remember, once, that a number is assumed."""
        if note not in self.assumed:
            self.assumed.append(note)

    def rests(self, basis: Basis, text: str) -> None:
        """Remember, once, where a time of the task that is being lowered comes from."""
        self.origins[Origin(basis, text)] = None

    def place(self, task: Task, key: str) -> str:
        """Where a key of a task stands, for messages."""
        return f"tasks.{self.system.tasks.index(task)}.{key}"

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def task(
        self, task: Task, name: str, index: int, nodes: tuple[NodeSpec, ...], quality: QualitySpec | None
    ) -> TaskSpec:
        """One instance of a task."""
        deadline = task.deadline if task.deadline is not None else task.gap
        assert deadline is not None
        execution = self.execution(task)
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
            arrival=self.arrival(task),
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
            origins=self.sampled(execution, nodes) or tuple(self.origins),
        )

    def sampled(self, execution: Execution, nodes: tuple[NodeSpec, ...]) -> tuple[Origin, ...]:
        """Where the longest time of a task comes from if one of its samples exceeds what is planned."""
        marginal = execution.marginal if isinstance(execution, Autocorrelated) else execution
        samples = (marginal.samples or ()) if isinstance(marginal, Empirical) else ()
        if max(samples, default=0) <= sum(node.fastest for node in nodes):
            return ()
        return (Origin("measured maxima", f"the largest of {len(samples)} samples"),)

    def triggers(self, tasks: list[TaskSpec], places: dict[str, int]) -> list[TaskSpec]:
        """Tie each triggered task to its trigger: instance i to instance i, or all to the only one."""
        from dataclasses import replace

        described = {name: task for task in self.system.tasks for name in instance_names(task)}
        models = {task.name: task for task in self.system.tasks}
        for position, spec in enumerate(tasks):
            task = described.get(spec.name)
            if task is None or task.after is None:
                continue
            sources = instance_names(models[task.after.task])
            mine = instance_names(task).index(spec.name)
            if len(sources) not in (1, task.instances):
                raise InputError(
                    f"task {task.name!r} has {task.instances} instances after the {len(sources)} of "
                    f"{task.after.task!r}; make the numbers equal, or trigger from a single one"
                )
            source = sources[mine if len(sources) > 1 else 0]
            tasks[position] = replace(spec, after=places[source], probability=task.after.probability)
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
        work = Work(wcet=job.wcet)
        return TaskSpec(
            index=index,
            name=name,
            nodes=(self.node(f"job {name!r}", name, 0, work),),
            period=None,
            deadline=job.deadline - job.release,
            priority=index if job.priority is None else job.priority,
            release=job.release,
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
        from dataclasses import replace

        order = {name: index for index, name in enumerate(graph.nodes)}
        nodes = lower_nodes(self, task, graph)
        pairs: list[tuple[int, int]] = []
        copies: list[CopySpec] = []
        for edge in graph.edges:
            source, target = order[edge.source], order[edge.target]
            transfer = self.transfer(nodes[source], nodes[target], edge.bytes, len(nodes)) if edge.bytes else None
            if edge.bytes and transfer is None and self.roams(nodes[source], nodes[target]):
                copies += self.copy(task, nodes[source], nodes[target], edge.bytes)
            if transfer is None:
                pairs.append((source, target))
            else:
                nodes.append(transfer)
                pairs += [(source, transfer.index), (transfer.index, target)]
        for number, copy in enumerate(copies, len(nodes)):
            (target,) = copy.node.successors
            numbered = replace(copy, node=replace(copy.node, index=number))
            nodes[target] = replace(nodes[target], copies=(*nodes[target].copies, numbered))
        return tuple(
            replace(
                node,
                predecessors=tuple(sorted({u for u, v in pairs if v == node.index})),
                successors=tuple(sorted({v for u, v in pairs if u == node.index})),
            )
            for node in nodes
        )

    def roams(self, *nodes: NodeSpec) -> bool:
        """Whether the cluster of one of these nodes is chosen at run time."""
        return any(len({self.processors[place].cluster for place in node.eligible}) > 1 for node in nodes)

    def copy(self, task: Task, source: NodeSpec, target: NodeSpec, size: int) -> tuple[CopySpec, ...]:
        """How `size` bytes come from where `source` ran to where `target` will; none without a link.

        The transfer is yet to be numbered. Of several links between two clusters the faster one, alone, carries it.
        What a variant leaves out hands on what comes from anywhere.
        """
        ends = [{self.processors[place].cluster for place in node.eligible} for node in (source, target)]
        skips = task.variants is not None and any(source.name in choice.skip for choice in task.variants.choices)
        origins = set(self.members) if skips else ends[0]
        times: list[int | None] = [None] * len(self.processors)
        links: dict[tuple[str, str], int] = {}
        for place, link in enumerate(self.platform.links.values(), len(self.processors) - len(self.platform.links)):
            for pair in (link.between, link.between[::-1]):
                if pair[0] in origins and pair[1] in ends[1]:
                    times[place] = transfer_time(link, size)
                    links[pair] = min(links.get(pair, place), place, key=lambda place: times[place] or 0)
        missing = [(a, b) for a in sorted(ends[0]) for b in sorted(ends[1]) if a != b and (a, b) not in links]
        if missing:
            some = ", ".join(f"{a} to {b}" for a, b in missing[:3]) + (", …" if len(missing) > 3 else "")
            self.assume(f"{task.name}: transfers take no time where the platform has no link ({some})")
        if not links:
            return ()
        node = NodeSpec(
            index=-1,
            name=f"{source.name}>{target.name}",
            times=tuple(times),
            predecessors=(source.index,),
            successors=(target.index,),
        )
        return (CopySpec(source.index, node, links),)

    def transfer(self, source: NodeSpec, target: NodeSpec, size: int, index: int) -> NodeSpec | None:
        """The node that carries `size` bytes over the link between two clusters; None if both share a cluster."""
        ends = [{self.processors[place].cluster for place in node.eligible} for node in (source, target)]
        if len(ends[0]) > 1 or len(ends[1]) > 1:
            return None
        if ends[0] == ends[1]:
            return None
        pair = ends[0] | ends[1]
        for place, (name, link) in enumerate(self.platform.links.items()):
            if set(link.between) == pair:
                processor = len(self.processors) - len(self.platform.links) + place
                time = transfer_time(link, size)
                times = tuple(time if index == processor else None for index in range(len(self.processors)))
                return NodeSpec(index, f"{source.name}>{target.name}@{name}", times, pinned=True)
        self.assume(f"transfers between {' and '.join(sorted(pair))} take no time: the platform has no link there")
        return None

    def node(self, what: str, name: str, index: int, work: Work, limit: str = "") -> NodeSpec:
        """One node: where it may run, and for how long; `limit` is the place of what says where, if not its own."""
        if is_expanded(work.network):
            raise InputError(f"{what}: only a task's own network can be cut; leave 'partition' (and files) out here")
        if work.network is not None:
            times = measured(self, what, work)
        else:
            times = self.given(what, work) if work.wcet is not None else [None] * len(self.processors)
        hardware = hardware_of(self, what, work, times)
        allowed = self.allowed(what, work)
        usable = tuple(time if place in allowed else None for place, time in enumerate(times))
        if not any(time is not None for time in usable):
            have = sorted({self.processors[place].cluster for place, time in enumerate(times) if time is not None})
            raise InputError(
                f"{limit}{what}: no processor of {self.platform.name!r} that it may use can run it"
                + (f" (it has times for {', '.join(have)})" if have else "")
                + f"; give a time for one of {', '.join(self.members)}"
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
        )

    def losses(self, what: str, work: Work) -> tuple[float, ...]:
        """The accuracy that is lost on each processor; empty if none is."""
        if not work.loss:
            return ()
        found = [0.0] * len(self.processors)
        for exact in (False, True):  # kinds first
            for name, loss in work.loss.items():
                if (name in self.members or name in self.names) == exact:
                    for place in self.places(what, name):
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
            written = [self.written(what, work)[place][0] for place in places]
        elif work.network is not None:  # the medians, also where a proof takes the largest times measured
            typical = measured(self, what, work, typical=True)
            written = [time for place, time in enumerate(typical) if place in places and time is not None]
        else:
            written = [took]
        return lower_pieces(what, work, written, took, self.system.resources)

    def allowed(self, what: str, work: Work) -> set[int]:
        """The processors that `pin` and `processors` leave."""
        if work.pin is not None:
            if work.pin in self.names:
                return {self.names[work.pin]}
            if len(self.members.get(work.pin, ())) == 1:
                return set(self.members[work.pin])
            raise InputError(f"{what}: pin {work.pin!r} is no processor; known: {', '.join(self.names)}")
        if work.processors is None:
            return set(range(len(self.processors)))
        allowed: set[int] = set()
        for name in work.processors:
            allowed |= set(self.places(what, name))
        return allowed

    def places(self, what: str, name: str) -> list[int]:
        """The processors called `name`: a processor, a cluster or a kind."""
        if name in self.members:
            return self.members[name]
        if name in self.names:
            return [self.names[name]]
        if name in self.kinds:
            return self.kinds[name]
        raise InputError(
            f"{what}: {name!r} is no processor, cluster or kind of {self.platform.name!r}; "
            f"known: {', '.join(dict.fromkeys([*self.members, *self.kinds]))}"
        )

    def given(self, what: str, work: Work) -> list[int | None]:
        """The execution times that a file gives, at each processor's speed and with the threads it may use."""
        written = self.written(what, work)
        return [
            self.threaded(what, written[place][1], place, work.threads) if place in written else None
            for place in range(len(self.processors))
        ]

    def written(self, what: str, work: Work) -> dict[int, tuple[int, int]]:
        """By processor the execution time as written, and what it is at its speed.

        A processor's time beats its cluster's beats its kind's beats the plain one.
        """
        assert work.wcet is not None
        times: dict[int, tuple[int, int]] = {}
        plain = work.wcet.get(ANY)
        if plain is not None:
            anywhere = self.kinds.get("cpu") or [place for kind in self.kinds.values() for place in kind]
            for place in anywhere:
                times[place] = plain, self.scaled(plain, place)
        named = [(name, time, self.places(what, name)) for name, time in work.wcet.items() if name != ANY]
        for exact in (False, True):  # kinds first, then clusters and processors, which are more exact
            for name, time, places in named:
                if (name in self.members or name in self.names) == exact:
                    for place in places:
                        times[place] = (
                            time,
                            self.scaled(time, place) if not exact else self.relative(time, place, name),
                        )
        return times

    def threaded(self, what: str, time: int, place: int, threads: int | None) -> int:
        """A one-thread time on a CPU cluster that is one server, with its measured speed-up."""
        unit = self.unit_of.get(place)
        table = None if unit is None else unit.description.threads
        if table is None:
            return time
        count = max(table) if threads is None else threads
        if count not in table:
            raise InputError(
                f"{what}: {self.processors[place].name} has no speed-up for {count} threads; "
                f"it has for {', '.join(map(str, sorted(table)))}"
            )
        return max(1, round(time / table[count]))

    def scaled(self, time: int, place: int) -> int:
        """A time written for speed 1 on a processor of another speed, rounded up."""
        return math.ceil(time / self.processors[place].speed)

    def relative(self, time: int, place: int, name: str) -> int:
        """A time written for a cluster holds for its `speed`; cores with speeds of their own scale from there."""
        processor = self.processors[place]
        if name == processor.name and name not in self.members:
            return time
        base = self.platform.processors[processor.cluster].speed if processor.cluster in self.platform.processors else 1
        return math.ceil(time * Fraction(base) / processor.speed)


def transfer_time(link: Link, size: int) -> int:
    """Latency plus bytes over bandwidth, rounded up, at least 1 ns."""
    return max(1, link.latency + (0 if link.bandwidth is None else -(-size * units.S // link.bandwidth)))


def read_jobs(path: Path) -> tuple[JobModel, ...]:
    """Explicit jobs from a CSV: columns name, release, wcet, deadline (absolute), priority; times carry units."""
    table = TimeTable(path, ("release", "wcet", "deadline"))
    count = len(table.rows)
    if not count:
        raise InputError(f"{path}: no jobs; add a row below the header")
    names = table.text("name") or ("",) * count
    priorities = table.text("priority") or ("",) * count
    rows = zip(table.times("release"), table.times("wcet", least=1), table.times("deadline", least=1), strict=True)
    jobs = []
    for number, (release, wcet, deadline) in enumerate(rows):
        priority = priorities[number]
        if priority and not _PRIORITY.fullmatch(priority):
            raise InputError(f"{path}:{number + 2}: priority {cut(priority)!r} is no whole number of at most 18 digits")
        jobs.append(
            JobModel(
                name=names[number] or None,
                release=release,
                wcet={ANY: wcet},
                deadline=deadline,
                priority=int(priority) if priority else None,
            )
        )
    return tuple(jobs)


def hyperperiod(system: SystemSpec) -> int | None:
    """The least common multiple of all periods in ns; None when some task has none."""
    periods = [task.period for task in system.tasks if task.after is None and task.release is None]
    if any(period is None for period in periods):
        return None
    return math.lcm(*(period for period in periods if period is not None)) if periods else 0


def last_offset(system: SystemSpec) -> int:
    """The latest first arrival, in ns."""
    return max((task.offset if task.release is None else task.release for task in system.tasks), default=0)


def horizon(system: SystemSpec, until: int | str) -> int:
    """How long releases go on, in ns: as asked; the hyperperiod after the last offset; or what suits the system."""
    if isinstance(until, int):
        return until
    period = hyperperiod(system)
    if period is None:
        if until == HYPERPERIOD:
            raise HorizonError("not every task is periodic, so there is no hyperperiod; ask for e.g. '10 s'")
        return AUTO_TIME
    if period == 0:
        return last_offset(system) + 1
    length = period if not last_offset(system) else last_offset(system) + 2 * period
    jobs = sum(length // task.period for task in system.tasks if task.period)
    if until == AUTO:
        return length if jobs <= AUTO_JOBS else AUTO_TIME
    if jobs > MOST_JOBS or length > units.LONGEST:
        years = length / (365 * 86_400 * units.S)
        span = f"{years:.3g} years" if years > 1 else units.format_duration(length, digits=3)
        raise HorizonError(
            f"the hyperperiod is {span} ({jobs:.3g} jobs), too long to simulate; "
            "ask for a time, e.g. '10 s', or choose periods with a small common multiple (1, 2, 5, 10 ms)"
        )
    return length
