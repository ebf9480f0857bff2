"""Release patterns and execution times that a system allows, among which a miss is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from rtsched.model.task import (
    Autocorrelated,
    Constant,
    Empirical,
    Execution,
    Periodic,
    Sporadic,
    TraceArrivals,
    Uniform,
)
from rtsched.model.taskgraph import SystemSpec, TaskSpec

#: About so many nodes are run in one searched run; a block of a GPU counts a fifth.
NODES = 4_000
#: So many tasks, those with the longest nodes, are tried as the one that has just begun when all others come.
BLOCKERS = 20


@dataclass(frozen=True)
class Pattern:
    """One way the system may be used: what is special about it, the system so changed, and how long to run it."""

    name: str
    system: SystemSpec
    until: int
    seed: int


def free(task: TaskSpec) -> bool:
    """Whether the phase of a task is left open: periodic and sporadic tasks, not recorded, single or triggered ones."""
    return task.after is None and task.release is None and task.arrival.kind in ("periodic", "sporadic")


def held_phases(system: SystemSpec, offsets: dict[int, int]) -> dict[int, int]:
    """These offsets as the clocks of a system allow: the tasks of one begin as the first of them does, none before."""
    found = dict(offsets)
    for clock in dict.fromkeys(task.clock for task in system.tasks if task.clock is not None):
        mine = [task for task in system.tasks if task.clock == clock]
        least = min(task.offset for task in mine)
        begin = offsets.get(mine[0].index, 0)
        found |= {task.index: begin + task.offset - least for task in mine}
    return found


def sometimes_later(task: TaskSpec) -> Sporadic:
    """Arrivals of a task that at times come later than after a period; as late as it may."""
    most = task.arrival.max_gap if isinstance(task.arrival, Sporadic) else None
    return Sporadic(kind="sporadic", mean_extra=max(1, (task.period or 1) // 10), max_gap=most)


def horizon(system: SystemSpec) -> int:
    """How long a searched run lasts: several times the longest period, but not too much to simulate."""
    single = max((task.release or 0) for task in system.tasks) + 1
    recorded = max(map(_recorded, system.tasks)) + 1
    periods = [task.period for task in system.tasks if task.period]
    if not periods:
        return max(single, recorded)
    rate = sum(effort(task) / task.period for task in system.tasks if task.period)
    return max(single, min(max(20 * max(periods), recorded), int(NODES / rate) + 1))


def _recorded(task: TaskSpec) -> int:
    """The last recorded arrival of a task; of very many one that leaves the run short enough."""
    times = task.arrival.times if isinstance(task.arrival, TraceArrivals) else None
    return task.offset + times[: int(NODES / effort(task)) + 1][-1] if times else 0


def effort(task: TaskSpec) -> float:
    """What a job costs to simulate, in nodes."""
    blocks = 0
    for node in task.nodes:
        if node.hardware is not None:
            launched = [sum(getattr(each, "blocks", 0) for each in kernels or ()) for kernels in node.hardware.kernels]
            blocks += max(launched, default=0)
    return len(task.nodes) + blocks / 5


def longest(model: Execution) -> Execution:
    """The execution model under which every job takes the longest that `model` allows, and no longer."""
    marginal = model.marginal if isinstance(model, Autocorrelated) else model
    if isinstance(marginal, Constant):
        return marginal
    if isinstance(marginal, Empirical):
        return Empirical(kind="empirical", samples=(max(marginal.samples or (1,)),))
    return Uniform(kind="uniform", low=marginal.high, high=marginal.high)


def varied(task: TaskSpec, random: np.random.Generator) -> Execution:
    """An execution model within what a task allows; of a constant time, which is a bound, anything below."""
    model = task.execution
    if isinstance(task.arrival, TraceArrivals) and task.arrival.execution:
        return model  # recorded with each arrival
    if task.inputs is not None:
        return model  # recorded for each input
    if isinstance(model, Constant):
        return Uniform(kind="uniform", low=float(random.uniform(0.05, 1.0)), high=1.0)
    if isinstance(model, Uniform):
        return model.model_copy(update={"low": float(random.uniform(model.low, model.high))})
    return model


def shifted(system: SystemSpec, offsets: dict[int, int], *, name: str, until: int, seed: int = 0) -> Pattern:
    """The system with every job as long as it may be, tasks periodic with these offsets (0 where none is given)."""
    offsets = held_phases(system, offsets)
    tasks = tuple(
        replace(
            task, offset=offsets.get(task.index, 0), arrival=Periodic(), execution=longest(task.execution), jitter=0
        )
        if free(task)
        else replace(task, execution=longest(task.execution))
        for task in system.tasks
    )
    return Pattern(name, replace(system, tasks=tasks), until, seed)


def patterns(system: SystemSpec, count: int, seed: int) -> Iterator[Pattern]:
    """First what theory says is bad, then `count` random ones: phases, gaps, shorter executions; all within T, J and C.

    Bad is: all at once; and, where work is not preempted, everything just after a long job has begun.
    """
    until = horizon(system)
    yield shifted(system, {}, name="all released together", until=until)
    blockers = sorted(filter(free, system.tasks), key=lambda task: -max(node.fastest for node in task.nodes))
    for task in sorted(blockers[:BLOCKERS], key=lambda task: task.index):
        if len(system.tasks) > 1:
            others = {other.index: 1 for other in system.tasks if other is not task}
            yield shifted(system, others, name=f"all released just after {task.name!r} began", until=until)
    random = np.random.default_rng(np.random.SeedSequence([seed, 0xA12]))
    for number in range(count):
        yield _random(system, number, until, random)


def pattern_count(system: SystemSpec, count: int) -> int:
    """How many `patterns` makes."""
    blockers = min(BLOCKERS, sum(map(free, system.tasks))) if len(system.tasks) > 1 else 0
    return 1 + blockers + count


def _random(system: SystemSpec, number: int, until: int, random: np.random.Generator) -> Pattern:
    tasks = []
    for task in system.tasks:
        changes: dict[str, object] = {}
        if free(task):
            period = task.period or 1
            changes["offset"] = int(random.integers(0, period))
            loose = random.random() < 0.3
            changes["arrival"] = sometimes_later(task) if loose and task.clock is None else Periodic()
        shorter = random.random() < 0.5
        changes["execution"] = varied(task, random) if shorter else longest(task.execution)
        tasks.append(replace(task, **changes))  # type: ignore[arg-type]
    held = held_phases(system, {task.index: task.offset for task in tasks if free(task)})
    tasks = [replace(task, offset=held[task.index]) if free(task) else task for task in tasks]
    return Pattern(f"random pattern {number + 1}", replace(system, tasks=tuple(tasks)), until, number)
