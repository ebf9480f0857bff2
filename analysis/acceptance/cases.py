"""Random systems as published evaluations draw them: what a panel of a figure is made of.

Everything is drawn from one generator of random numbers, in whole ns (of graphs: ticks), so that the same seed gives
the same sets everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from rtsched.generate.periods import LogUniform
from rtsched.generate.utilisations import RandFixedSum, UUniFast, UUniFastDiscard
from rtsched.model.platform import SERVICE, Kind
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import NodeSpec, ProcessorSpec, SectionSpec, SystemSpec, TaskSpec
from rtsched.schedulability.models import Sporadic, Uniprocessor
from rtsched.schedulability.theorems.job_sets import Job, JobSet
from rtsched.schedulability.theorems.mixed_criticality import MixedCriticality, MixedTask
from rtsched.units import MS

Random = np.random.Generator
Policy = dict[str, Any]
#: C, T, D of a task.
Times = tuple[int, int, int]


@dataclass(frozen=True)
class Case:
    """One set under one policy: the system that is lowered and run; or, where no file says it, the models themselves.

    A model may come with a system that it allows, for the runs alone. `phased`: it holds for the phases of the system.
    `asked`: the tasks that are to be in time, if not all.
    """

    system: SystemSpec | None
    policy: Policy
    models: tuple[Any, ...] = ()
    phased: bool = False
    asked: frozenset[str] = frozenset()


#: Draws the cases of one set, by the name of the policy (one without a name where the theorems are told apart).
Draw = Callable[[Random, float], dict[str, Case]]


def processors(*clusters: tuple[str, Kind, int]) -> tuple[ProcessorSpec, ...]:
    """Clusters (name, kind, cores)."""
    found: list[ProcessorSpec] = []
    for cluster, kind, cores in clusters:
        for core in range(cores):
            name = cluster if cores == 1 else f"{cluster}{core}"
            found.append(ProcessorSpec(len(found), name, cluster, kind, SERVICE[kind]))
    return tuple(found)


# ---- tasks of one node -----------------------------------------------------------------------------------------------


def times(
    random: Random, n: int, U: float, *, deadlines: str = "implicit", longest: int = 1000, m: int = 1
) -> list[Times]:
    """UUniFast (on several processors UUniFast-Discard), T log-uniform from 10 ms to `longest`, C = max(1, round(U T)).

    D = T; constrained: C + β (T - C), β uniform in [0, 1]; arbitrary: uniform in [C, 2 T].
    """
    law = UUniFast(kind="uunifast") if m == 1 else UUniFastDiscard(kind="uunifast-discard")
    if m > 1 and 0.6 * n < U:  # where discarding would not end: the same law, drawn directly
        law = RandFixedSum()  # type: ignore[assignment]
    shares = law.sampler(n, U, False)(random)
    T = LogUniform(shortest=10 * MS, longest=longest * MS).draw(random, n)
    C = np.maximum(1, np.floor(shares * T)).astype(np.int64)
    where = random.random(n)
    D = {"implicit": T, "constrained": C + np.rint(where * (T - C)), "arbitrary": C + np.rint(where * (2 * T - C))}
    return [(int(c), int(t), int(d)) for c, t, d in zip(C, T, D[deadlines], strict=True)]


def plain(drawn: Sequence[Times], m: int = 1, kind: Kind = "cpu") -> SystemSpec:
    """Tasks of one node on m equal processors."""
    tasks = tuple(
        TaskSpec(index, f"t{index}", (NodeSpec(0, "x", (C,) * m),), T, D, index)
        for index, (C, T, D) in enumerate(drawn)
    )
    return SystemSpec(processors((kind, kind, m)), tasks, "drawn")


def one(ordering: str, deadlines: str, kind: Kind = "cpu", n: int = 10, longest: int = 1000) -> Draw:
    """One processor, theorem by theorem."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        drawn = times(random, n, U, deadlines=deadlines, longest=longest)
        return {"": Case(plain(drawn, kind=kind), {"ordering": ordering})}

    return draw


def in_regions(system: SystemSpec, count: int) -> SystemSpec:
    """The same with each task cut into so many equal regions."""

    def cut(task: TaskSpec) -> TaskSpec:
        (node,) = task.nodes
        edges = [node.fastest * place // count for place in range(count + 1)]
        sizes = tuple(size for size in (b - a for a, b in pairwise(edges)) if size)
        return replace(task, nodes=(replace(node, regions=sizes),))

    return replace(system, tasks=tuple(map(cut, system.tasks)))


def regions(ordering: str) -> Draw:
    """One processor, by how it may be preempted."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        system = plain(times(random, 6, U, longest=100))
        found = {"preemptive": Case(system, {"ordering": ordering})}
        for count in (10, 3):
            policy = {"ordering": ordering, "preemption": "limited"}
            found[f"{count} regions"] = Case(in_regions(system, count), policy)
        found["non-preemptive"] = Case(system, {"ordering": ordering, "preemption": "nonpreemptive"})
        return found

    return draw


def locks(random: Random, U: float) -> dict[str, Case]:
    """One processor and two locks, each taken by a task with chance 0.5 for up to half of its time."""
    system = plain(times(random, 8, U, longest=100))
    tasks = []
    for task in system.tasks:
        (node,) = task.nodes
        sections, half = [], max(1, node.fastest // 2)
        for number in range(2):
            wanted, length = random.random() < 0.5, int(random.integers(1, half, endpoint=True))
            begin = number * node.fastest // 2
            if wanted and begin + length <= node.fastest:
                sections.append(SectionSpec(f"r{number}", begin, begin + length))
        tasks.append(replace(task, nodes=(replace(node, sections=tuple(sections)),)))
    policy = {"ordering": "rm"}
    found = {"without locks": Case(system, policy)}
    for protocol in ("ceiling", "original-ceiling", "inheritance"):
        held = replace(system, tasks=tuple(tasks), protocols={"r0": protocol, "r1": protocol})
        found[protocol] = Case(held, policy)
    return found


def servers(random: Random, U: float) -> dict[str, Case]:
    """Eight tasks of load U - 0.2, and requests that come when they like within a server of 0.2."""
    drawn = times(random, 8, U - 0.2, longest=100)
    system, count = plain(drawn), len(drawn)
    period = 10 * MS
    arrivals = np.sort(random.integers(0, 400 * MS, 40))
    lengths = random.integers(MS // 2, 3 * MS, 40)
    recorded = TraceArrivals.model_construct(
        kind="trace", times=tuple(arrivals.tolist()), file=None, deadlines=None, execution=tuple(lengths.tolist())
    )
    server = TaskSpec(
        count, "requests", (NodeSpec(0, "x", (3 * MS,)),), None, 2000 * MS, 0, arrival=recorded, budget=period // 5,
        server_period=period,
    )  # fmt: skip
    held = replace(system, tasks=(*system.tasks, server))
    asked = frozenset(task.name for task in system.tasks)
    policies = ("polling-server", "deferrable-server", "sporadic-server")
    return {name: Case(held, {"name": name}, asked=asked) for name in policies}


def criticalities(random: Random, U: float) -> dict[str, Case]:
    """Half of the tasks hard, with up to four times the low time; U: the larger of the loads at both levels."""
    n = 20
    drawn = times(random, n, 1.0, longest=1000)
    factors = 1 + 3 * random.random(n)
    hard = random.random(n) < 0.5
    low = sum(C / T for C, T, _ in drawn)
    high = sum(C / T * factor for (C, T, _), factor, is_hard in zip(drawn, factors, hard, strict=True) if is_hard)
    scale = U / max(low, high)
    tasks = []
    for index, ((C, T, _), factor, is_hard) in enumerate(zip(drawn, factors, hard, strict=True)):
        least = max(1, round(C * scale))
        most = min(T, round(least * factor)) if is_hard else min(T, least)
        tasks.append(MixedTask(Sporadic(f"t{index}", most, T, T), min(least, most), bool(is_hard)))
    hard_ones = frozenset(each.name for each in tasks if each.hard)
    everything = Uniprocessor(tuple(each.task for each in tasks), "EDF")
    return {
        "EDF-VD, the hard ones": Case(None, {}, (MixedCriticality(tuple(tasks)),), asked=hard_ones),
        "EDF, all at their own": Case(None, {}, (everything,)),
    }


# ---- several processors ----------------------------------------------------------------------------------------------


def cluster(ordering: Any, deadlines: str, m: int, n: int) -> Draw:
    """Equal processors, global, theorem by theorem; U in processors."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        drawn = times(random, n, U, deadlines=deadlines, m=m, longest=1000)
        return {"": Case(plain(drawn, m), {"ordering": ordering})}

    return draw


#: How the tasks of one set may share four processors: the policies of one figure.
SHARING: dict[str, Policy] = {
    "RUN": {"name": "run"},
    "C=D": {"name": "c-equals-d"},
    "partitioned EDF": {"ordering": "edf", "placement": "first-fit"},
    "partitioned RM": {"ordering": "rm", "placement": {"name": "first-fit", "test": "response-times"}},
    "EDZL": {"ordering": "edzl"},
    "global EDF": {"ordering": "edf"},
    "global RM": {"ordering": "rm"},
}


def sharing(n: int) -> Draw:
    """Four processors, policy by policy."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        system = plain(times(random, n, U, m=4, longest=100), 4)
        return {name: Case(system, policy) for name, policy in SHARING.items()}

    return draw


# ---- suspension ------------------------------------------------------------------------------------------------------


def suspending(order: str, least: float, most: float) -> Draw:
    """Ten tasks of one core, suspended for up to [least, most] (T - C); in the runs once, half way."""

    def draw(random: Random, U: float) -> dict[str, Case]:
        drawn = times(random, 10, U, longest=100)
        if order == "FP":
            drawn.sort(key=lambda each: each[1])
        shares = least + (most - least) * random.random(len(drawn))
        sporadic, tasks = [], []
        own = [(f"wait{index}", "npu", 1) for index in range(len(drawn))]
        chip = processors(("cpu", "cpu", 1), *own)  # type: ignore[arg-type]
        for index, ((C, T, D), share) in enumerate(zip(drawn, shares, strict=True)):
            S = max(1, min(int(share * (T - C)), D - C))
            sporadic.append(Sporadic(f"t{index}", C, T, D, S=S))
            works = [(C - C // 2, 0), (S, index + 1), (C // 2, 0)]
            nodes = chain([each for each in works if each[0]], len(chip))
            tasks.append(TaskSpec(index, f"t{index}", nodes, T, D, index))
        model = Uniprocessor(tuple(sporadic), order)  # type: ignore[arg-type]
        policy = {"ordering": "edf" if order == "EDF" else "fp", "placement": "pinned"}
        return {"": Case(SystemSpec(chip, tuple(tasks), "drawn"), policy, (model,))}

    return draw


def chain(works: Sequence[tuple[int, int]], count: int) -> tuple[NodeSpec, ...]:
    """Nodes one after the other, each (time, processor)."""
    return tuple(
        NodeSpec(
            place, f"n{place}", tuple(time if here == on else None for here in range(count)),
            (place - 1,) if place else (), (place + 1,) if place + 1 < len(works) else (), pinned=True,
        )
        for place, (time, on) in enumerate(works)
    )  # fmt: skip


# ---- job sets --------------------------------------------------------------------------------------------------------


def job_sets(order: str, m: int) -> Draw:
    """Periodic tasks of known phases, never preempted: one hyperperiod of six (three a processor on several).

    T out of the automotive periods 5 to 100 ms, execution times from half of the longest on; all released at 0.
    """

    def draw(random: Random, U: float) -> dict[str, Case]:
        n = 6 if m == 1 else 3 * m
        law = UUniFast(kind="uunifast") if m == 1 else RandFixedSum()
        shares = law.sampler(n, U * m, False)(random)
        T = np.sort(random.choice([5, 10, 20, 50, 100], n)) * MS
        works = [max(1, round(float(share) * int(period))) for share, period in zip(shares, T, strict=True)]
        H = math.lcm(*(int(period) for period in T))
        jobs = [
            Job(
                f"t{place}.{number}", at, at, max(1, C // 2), C, at + int(period),
                place if order == "FP" else at + int(period), place, number,
            )
            for place, (C, period) in enumerate(zip(works, T, strict=True))
            for number, at in enumerate(range(0, H, int(period)))
        ]  # fmt: skip
        if order == "EDF":  # ties by release, then task (R4)
            jobs.sort(key=lambda job: (job.deadline, job.r_min, job.task, job.number))
            jobs = [replace(job, priority=rank) for rank, job in enumerate(jobs)]
        drawn = [(C, int(period), int(period)) for C, period in zip(works, T, strict=True)]
        policy = {"ordering": "rm" if order == "FP" else "edf", "preemption": "nonpreemptive"}
        system = plain(drawn, m)
        return {
            "phases known": Case(system, policy, (JobSet(tuple(jobs), m),), phased=True),
            "any phases": Case(system, policy),
        }

    return draw
