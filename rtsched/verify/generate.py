"""Random small systems for every view the proofs know: short integer times, so that every corner is close.

A system is built directly in its lowered form, so that a violation can be shrunk by editing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rtsched.model.platform import SERVICE, Kind
from rtsched.model.system import Overheads
from rtsched.model.task import Execution, Periodic, Sporadic, TraceArrivals, Uniform
from rtsched.model.taskgraph import ChainSpec, NodeSpec, ProcessorSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.verify.clients import clients
from rtsched.verify.draw import Draw

#: A system and the description of its scheduler, as in a system file.
Case = tuple[SystemSpec, dict[str, Any]]
#: The times of a node of so much work: one entry per processor.
Spread = Callable[[int], tuple[int | None, ...]]

FIXED = ("fp", "fp", "rm", "dm")
ORDERINGS = ("fp", "fp", "rm", "dm", "edf", "edf", "edf", "fifo", "fifo", "sjf", "lst", "llf", "rr")
MODES = ("preemptive", "nonpreemptive", "limited")
PACKINGS = ("first-fit", "best-fit", "worst-fit", "next-fit", "partitioned", "clustered")


@dataclass(frozen=True)
class Draft:
    """What a family of systems looks like; `spreads` are the ways in which a node's work may be given."""

    processors: tuple[ProcessorSpec, ...]
    spreads: tuple[Spread, ...]
    scheduler: dict[str, Any]
    tasks: tuple[int, int] = (1, 4)
    nodes: tuple[int, int] = (1, 1)
    chain: bool = False
    load: tuple[float, float] = (0.3, 1.0)
    extras: float = 0.3


def random_system(random: np.random.Generator, family: str | None = None) -> Case:
    """A system and its scheduler: of a random family (or the one given), with random features.

    >>> system, scheduler = random_system(np.random.default_rng(1))
    >>> 1 <= len(system.tasks) <= 6 and set(scheduler) >= {"ordering", "placement", "preemption"}
    True
    """
    draw = Draw(random)
    drawn = draw.pick([name for name, (_, weight) in FAMILIES.items() for _ in range(weight)])
    make, _ = FAMILIES[family or drawn]
    return make(draw)


def processors_of(*clusters: tuple[str, Kind, int]) -> tuple[ProcessorSpec, ...]:
    """Processors in clusters (name, kind, number of cores), named as a platform file names them."""
    found: list[ProcessorSpec] = []
    for cluster, kind, cores in clusters:
        for core in range(cores):
            name = cluster if cores == 1 else f"{cluster}{core}"
            found.append(ProcessorSpec(len(found), name, cluster, kind, SERVICE[kind]))
    return tuple(found)


def _scheduler(draw: Draw, placement: str = "global", orderings: Sequence[str] = ORDERINGS) -> dict[str, Any]:
    ordering: Any = draw.pick(orderings)
    if ordering in ("rr", "llf"):
        ordering = {"name": ordering, "quantum": draw.integer(1, 4)}
    return {"ordering": ordering, "placement": placement, "preemption": draw.pick(MODES)}


def _on(places: Sequence[int], count: int) -> Spread:
    """The same time on some of `count` processors."""
    chosen = frozenset(places)
    return lambda work: tuple(work if place in chosen else None for place in range(count))


# ---- families --------------------------------------------------------------------------------------------------------


def _one(draw: Draw) -> Case:
    kind: Kind = draw.pick(("cpu", "cpu", "cpu", "cpu", "gpu", "npu"))
    plan = Draft(processors_of((kind, kind, 1)), (_on([0], 1),), _scheduler(draw), extras=0.35)
    return _system(draw, plan)


def _one_dags(draw: Draw) -> Case:
    plan = Draft(
        processors_of(("cpu", "cpu", 1)),
        (_on([0], 1),),
        _scheduler(draw),
        tasks=(1, 3),
        nodes=(1, 4),
        chain=draw.chance(0.5),
        load=(0.2, 0.95),
    )
    return _system(draw, plan)


def _locks(draw: Draw) -> Case:
    plan = Draft(processors_of(("cpu", "cpu", 1)), (_on([0], 1),), _scheduler(draw, orderings=FIXED), tasks=(2, 4))
    scheduler = plan.scheduler | {"preemption": draw.pick(("preemptive", "preemptive", "preemptive", *MODES))}
    system, _ = _system(draw, replace(plan, extras=0.15, load=(0.2, 0.9)))
    names = [f"r{number}" for number in range(draw.integer(1, 3))]
    protocols = {name: draw.pick(("ceiling", "inheritance")) for name in names}
    if draw.chance(0.7):
        protocols = dict.fromkeys(names, draw.pick(("ceiling", "inheritance", "original-ceiling")))
    tasks = tuple(
        replace(task, nodes=(replace(task.nodes[0], sections=_sections(draw, task.nodes[0].fastest, names)),))
        for task in system.tasks
    )
    return replace(system, tasks=tasks, protocols=protocols, overheads=Overheads()), scheduler


def _sections(draw: Draw, work: int, names: Sequence[str]) -> tuple[SectionSpec, ...]:
    """Sections one after the other, at times one nested in another, taken in the order of their names."""
    found: list[SectionSpec] = []
    at = 0
    for number, name in enumerate(names):
        if at >= work or draw.chance(0.35):
            continue
        start = draw.integer(at, work - 1)
        end = draw.integer(start + 1, work)
        found.append(SectionSpec(name, start, end))
        at = end
        if number + 1 < len(names) and draw.chance(0.25) and end - start >= 1:
            inner = draw.integer(start, end - 1)
            found.append(SectionSpec(names[number + 1], inner, draw.integer(inner + 1, end)))
            break
    return tuple(found)


def _cluster(draw: Draw) -> Case:
    m = draw.integer(2, 3)
    modes = ("preemptive", "preemptive", "preemptive", *MODES)
    scheduler = _scheduler(draw, orderings=(*FIXED, "edf", "edf", *ORDERINGS)) | {"preemption": draw.pick(modes)}
    plan = Draft(
        processors_of(("cpu", "cpu", m)), (_on(range(m), m),), scheduler, tasks=(2, 5), load=(0.2, 0.9), extras=0.15
    )
    return _system(draw, plan)


def _cluster_dags(draw: Draw) -> Case:
    m = draw.integer(1, 3)
    plan = Draft(
        processors_of(("cpu", "cpu", m)),
        (_on(range(m), m),),
        _scheduler(draw),
        tasks=(1, 3),
        nodes=(1, 5),
        load=(0.1, 0.6),
        extras=0.2,
    )
    return _system(draw, plan)


def _typed(draw: Draw) -> Case:
    m = draw.integer(1, 3)
    clusters: list[tuple[str, Kind, int]] = [("cpu", "cpu", m), ("gpu", "gpu", 1)]
    if draw.chance(0.4):
        clusters.append(("npu", "npu", 1))
    processors = processors_of(*clusters)
    pools = [list(range(m)), *([place] for place in range(m, len(processors)))]
    spreads = tuple(_on(pool, len(processors)) for pool in pools)
    plan = Draft(processors, spreads, _scheduler(draw), tasks=(1, 3), nodes=(1, 5), load=(0.1, 0.6), extras=0.2)
    return _system(draw, plan)


def _pipelines(draw: Draw) -> Case:
    processors = processors_of(("cpu", "cpu", draw.integer(1, 2)), (draw.pick(("gpu", "npu", "mcu")), "gpu", 1))
    processors = tuple(
        replace(each, kind="mcu", service="preemptive") if each.cluster == "mcu" else each for each in processors
    )
    spreads = tuple(_on([place], len(processors)) for place in range(len(processors)))
    orderings = (*FIXED, *FIXED, "edf", "fifo")
    plan = Draft(
        processors,
        spreads,
        _scheduler(draw, orderings=orderings),
        tasks=(1, 4),
        nodes=(1, 4),
        chain=True,
        load=(0.15, 0.7),
    )
    return _system(draw, plan)


def _triggered(draw: Draw) -> Case:
    cores = draw.integer(1, 2)
    clusters: list[tuple[str, Kind, int]] = [("cpu", "cpu", cores)]
    if draw.chance(0.4):
        clusters.append(("gpu", "gpu", 1))
    processors = processors_of(*clusters)
    spreads = tuple(_on([place], len(processors)) for place in range(len(processors)))
    orderings = (*FIXED, "edf", "edf")
    plan = Draft(processors, spreads, _scheduler(draw, orderings=orderings), tasks=(2, 5), load=(0.15, 0.85))
    system, scheduler = _system(draw, plan)
    tasks = list(system.tasks)
    for index in range(1, len(tasks)):
        if draw.chance(0.6):
            after = draw.integer(0, index - 1)
            probability = 0.5 if draw.chance(0.2) else 1.0
            tasks[index] = replace(
                tasks[index], period=None, after=after, offset=0, jitter=0, probability=probability,
                arrival=Periodic(), count=None, release=None,
            )  # fmt: skip
    return replace(system, tasks=tuple(tasks), chains=(*system.chains, *_ways(tasks))), scheduler


def _ways(tasks: Sequence[TaskSpec]) -> Iterator[ChainSpec]:
    """The longest chain of tasks that release each other, and the same sampled by the first task that is in none."""
    ways = []
    for task in tasks:
        way = [task.index]
        while (before := tasks[way[0]].after) is not None:
            way.insert(0, before)
        ways.append(tuple(way))
    longest = max(ways, key=len)
    if len(longest) > 1:
        yield ChainSpec("triggered", longest)
        alone = [task.index for task in tasks if task.index not in longest]
        yield from (ChainSpec("mixed", (*longest, place)) for place in alone[:1])


def _packed(draw: Draw) -> Case:
    big, little = draw.integer(1, 2), draw.integer(1, 2)
    processors = processors_of(("big", "cpu", big), ("little", "cpu", little))
    if draw.chance(0.3):
        processors = (*processors, ProcessorSpec(len(processors), "gpu", "gpu", "gpu", "node"))

    def spread(work: int) -> tuple[int | None, ...]:
        slow = max(work, round(work * draw.pick((1.0, 1.5, 2.0))))
        times: list[int | None] = [*[work] * big, *[slow] * little]
        times += [max(1, work // 2)] * (len(processors) - big - little)
        if draw.chance(0.3):
            keep = draw.integer(0, len(times) - 1)
            times = [time if place == keep or draw.chance(0.6) else None for place, time in enumerate(times)]
        return tuple(times)

    scheduler = _scheduler(draw, draw.pick(PACKINGS))
    plan = Draft(processors, (spread,), scheduler, tasks=(2, 5), nodes=(1, draw.pick((1, 1, 3))), load=(0.1, 0.8))
    return _system(draw, plan)


def _jobs(draw: Draw) -> Case:
    """A list of jobs that arrive once each."""
    system, scheduler = _one(draw)
    tasks = []
    for task in system.tasks:
        once = replace(task, period=None, release=draw.integer(0, 12), arrival=Periodic(), offset=0, count=None)
        tasks.append(replace(once, jitter=min(task.jitter, 3)))
    return replace(system, tasks=tuple(tasks), chains=()), scheduler | {
        "preemption": draw.pick(("nonpreemptive", *MODES))
    }


def _queues(draw: Draw) -> Case:
    """One of the families of several clusters, whose clusters are served by rules of their own."""
    system, scheduler = draw.pick((_pipelines, _pipelines, _typed, _triggered, _packed))(draw)
    return system, scheduler | _own_rules(draw, [processor.cluster for processor in system.processors])


def _own_rules(draw: Draw, clusters: Sequence[str]) -> dict[str, Any]:
    """Orderings and modes of some clusters, of one at least."""
    names = list(dict.fromkeys(clusters))
    sure = draw.pick(names)
    found: dict[str, Any] = {}
    for name in names:
        if name == sure or draw.chance(0.5):
            rule: dict[str, Any] = {"ordering": draw.pick((*FIXED, "edf", "fifo", "fifo", "sjf"))}
            if draw.chance(0.4):
                rule["preemption"] = draw.pick(MODES)
            if draw.chance(0.1):
                rule = {"preemption": draw.pick(MODES)}
            found[name] = rule
    return found


def _clients(draw: Draw) -> Case:
    return clients(draw, processors_of(("cpu", "cpu", 2), ("gpu", "gpu", 1)))


#: What kinds of systems there are, and how often each is drawn.
FAMILIES: dict[str, tuple[Callable[[Draw], Case], int]] = {
    "one": (_one, 4),
    "one-dags": (_one_dags, 2),
    "locks": (_locks, 1),
    "cluster": (_cluster, 3),
    "cluster-dags": (_cluster_dags, 2),
    "typed": (_typed, 2),
    "pipelines": (_pipelines, 2),
    "triggered": (_triggered, 2),
    "packed": (_packed, 2),
    "jobs": (_jobs, 1),
    "queues": (_queues, 3),
    "clients": (_clients, 1),
}


# ---- tasks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Traits:
    """What the tasks of one system may have."""

    deadlines: str
    jitter: bool
    offsets: bool
    sporadic: bool
    holds: bool
    regions: bool
    varied: bool
    odd: bool


def _traits(draw: Draw, extras: float) -> _Traits:
    return _Traits(
        draw.pick(("implicit", "constrained", "arbitrary")),
        draw.chance(extras),
        draw.chance(extras),
        draw.chance(extras),
        draw.chance(0.15),
        draw.chance(0.8),
        draw.chance(0.08),
        draw.chance(0.06),
    )


def _system(draw: Draw, plan: Draft) -> Case:
    """Tasks for a plan, with overheads and chains at times."""
    traits = _traits(draw, plan.extras)
    count = draw.integer(*plan.tasks)
    longest = draw.pick((8, 12, 24, 24, 60))
    load = draw.random.uniform(*plan.load) * len(plan.processors)
    shares = draw.random.dirichlet([1.0] * count) * load
    priorities = (
        list(draw.random.permutation(count)) if draw.chance(0.8) else [draw.integer(0, 2) for _ in range(count)]
    )
    tasks = []
    for index in range(count):
        task = _task(draw, plan, traits, index, min(float(shares[index]), 1.5), longest)
        tasks.append(replace(task, priority=int(priorities[index])))
    chains: tuple[ChainSpec, ...] = ()
    if count >= 2 and draw.chance(0.25):
        order = draw.random.permutation(count)[: draw.integer(2, 3)]
        chains = (ChainSpec("chain", tuple(int(place) for place in order)),)
    costs = Overheads()
    processors = plan.processors
    if draw.chance(0.15):
        costs = Overheads(
            context_switch=draw.integer(0, 2), migration=draw.integer(0, 2), scheduling=draw.integer(0, 1)
        )
    elif draw.chance(0.06):
        prices = {p.cluster: (draw.integer(0, 1), draw.integer(0, 2)) for p in processors}
        processors = tuple(
            replace(p, context_switch=prices[p.cluster][0], migration=prices[p.cluster][1]) for p in processors
        )
    return SystemSpec(processors, tuple(tasks), "fuzz", chains, overheads=costs), plan.scheduler


def _task(draw: Draw, plan: Draft, traits: _Traits, index: int, share: float, longest: int) -> TaskSpec:
    count = draw.integer(*plan.nodes)
    period = draw.integer(2 * count if count > 1 else draw.pick((1, 2, 4)), longest)
    name = f"t{index}"
    work = max(count, round(share * period))
    nodes = _graph(draw, plan, traits, name, draw.split(work, count))
    volume = sum(node.fastest for node in nodes)
    deadline = {
        "implicit": period,
        "constrained": draw.integer(min(period, volume), period),
        "arbitrary": draw.integer(min(volume, period), 3 * period),
    }[traits.deadlines]
    jitter = draw.integer(1, max(1, period // 3)) if traits.jitter and draw.chance(0.6) else 0
    if jitter and draw.chance(0.1):
        jitter = draw.integer(period, 2 * period)
    task = TaskSpec(
        index, name, nodes, period, max(1, deadline), index,
        offset=draw.integer(0, 2 * period) if traits.offsets and draw.chance(0.6) else 0,
        jitter=jitter,
    )  # fmt: skip
    if traits.sporadic and draw.chance(0.6):
        task = replace(task, arrival=Sporadic(kind="sporadic", mean_extra=draw.integer(0, 3)))
    if traits.varied and draw.chance(0.6):
        low = float(draw.random.uniform(0.3, 1.0))
        model: Execution = Uniform(kind="uniform", low=low, high=draw.pick((1.0, 1.0, 1.3, 2.0)))
        task = replace(task, execution=model)
    if traits.odd and draw.chance(0.6):
        task = _odd(draw, task)
    return task


def _odd(draw: Draw, task: TaskSpec) -> TaskSpec:
    """A task that arrives once, so many times, or as it was recorded."""
    if draw.chance(0.4):
        return replace(task, release=draw.integer(0, 10), period=None, offset=0, arrival=Periodic())
    if draw.chance(0.5):
        return replace(task, count=draw.integer(1, 4))
    assert task.period is not None
    gaps = [draw.integer(task.period, 2 * task.period) for _ in range(draw.integer(1, 8))]
    times = tuple(int(time) for time in np.cumsum(gaps))
    return replace(task, arrival=TraceArrivals(kind="trace", times=times), period=None, offset=0)


def _graph(draw: Draw, plan: Draft, traits: _Traits, name: str, works: Sequence[int]) -> tuple[NodeSpec, ...]:
    """Nodes in a row, in a fork or in any order, with regions and holds."""
    count = len(works)
    shape = "chain" if plan.chain else draw.pick(("chain", "random", "random", "fork"))
    edges: set[tuple[int, int]] = set()
    for target in range(1, count):
        for source in range(target):
            edge = {
                "chain": source == target - 1,
                "fork": (source == 0) != (target == count - 1),
                "random": draw.chance(0.4),
            }[shape]
            if edge:
                edges.add((source, target))
    nodes = []
    for index, work in enumerate(works):
        times = draw.pick(plan.spreads)(work)
        distinct = {time for time in times if time is not None}
        regions: tuple[int, ...] = ()
        if traits.regions and len(distinct) == 1 and draw.chance(0.7):
            regions = draw.split(min(distinct), draw.integer(2, 4))
            regions = regions if len(regions) > 1 else ()
        nodes.append(
            NodeSpec(
                index,
                name if count == 1 else f"n{index}",
                times,
                tuple(sorted(u for u, v in edges if v == index)),
                tuple(sorted(v for u, v in edges if u == index)),
                regions=regions,
                preemptive=not (traits.holds and draw.chance(0.4)),
            )
        )
    return tuple(nodes)
