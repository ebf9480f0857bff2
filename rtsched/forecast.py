"""How much a run will be, before it begins: jobs, and memory."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rtsched.model.task import Bursty, Poisson, Spawned, Sporadic, TraceArrivals
from rtsched.model.taskgraph import SystemSpec, TaskSpec

#: Bytes that a trace takes at its height, measured over runs of 0.06 to 2 million nodes: per job, and per node of it.
JOB_BYTES, NODE_BYTES = 230, 85
#: From so many jobs on a run is long.
MANY_JOBS = 10**7


@dataclass(frozen=True)
class Forecast:
    """About how many jobs a run will have, and how many bytes its trace takes at its height (0: it keeps none)."""

    jobs: int
    memory: int


def forecast(system: SystemSpec, until: int, *, trace: bool = True) -> Forecast:
    """What a run with releases in [0, until) comes to.

    >>> from rtsched import api
    >>> prepared = api.prepare(api.load("drone_xavier_nx"), "10 s")
    >>> forecast(prepared.spec, prepared.until, trace=False).jobs
    1404
    """
    counts = expected_jobs(system, until)
    memory = sum(
        count * (JOB_BYTES + NODE_BYTES * len(task.nodes)) for task, count in zip(system.tasks, counts, strict=True)
    )
    return Forecast(round(sum(counts)), round(memory) if trace else 0)


def expected_jobs(system: SystemSpec, until: int) -> list[float]:
    """About how many jobs each task releases in [0, until): sources that draw their gaps count by their means."""
    counts: dict[int, float] = {}
    for task in system.tasks:
        line = [task]  # back to whom it follows
        while line[-1].after is not None and line[-1].after not in counts:
            line.append(system.tasks[line[-1].after])
        for each in reversed(line):
            if each.index not in counts:
                counts[each.index] = (
                    _released(each, until) if each.after is None else counts[each.after] * each.probability
                )
    return [counts[task.index] for task in system.tasks]


def _released(task: TaskSpec, until: int) -> float:
    """The jobs of a task that nobody triggers; how many a policy will spawn nobody knows: none."""
    if isinstance(task.arrival, Spawned):
        return 0.0
    if task.release is not None:
        return float(task.release < until)
    if isinstance(task.arrival, TraceArrivals):
        return sum(task.offset + time < until for time in task.arrival.times or ())
    span = max(0, until - task.offset)
    if isinstance(task.arrival, Bursty):
        states = task.arrival.states
        count = span * sum(state.dwell / state.gap for state in states) / sum(state.dwell for state in states)
    else:
        gap = task.period or 1
        if isinstance(task.arrival, Sporadic):
            gap += task.arrival.mean_extra
        count = span / gap if isinstance(task.arrival, Poisson) else -(-span // gap)
    return min(count, float("inf") if task.count is None else task.count)


def machine_memory() -> int | None:
    """The bytes this process may use: the machine's memory, or less where its group is held to less; None: unknown."""
    found = []
    with suppress(AttributeError, OSError, ValueError):  # not every system says so
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # no group, or one without a limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found, default=None)


def warning(expected: Forecast, memory: int | None) -> str | None:
    """What a user should know before a long or large run begins, and the way out; None if it is neither."""
    large = memory is not None and expected.memory > memory / 2
    if not large and expected.jobs <= MANY_JOBS:
        return None
    size = f", and its trace about {expected.memory / 1e9:.3g} GB" if expected.memory else ""
    if large and memory is not None:
        size += f" of this machine's {memory / 1e9:.3g} GB"
    out = "--no-trace keeps memory flat, " if expected.memory else ""
    return f"this run will have about {expected.jobs:.3g} jobs{size}; {out}a shorter --until makes it shorter"
