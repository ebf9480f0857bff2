"""Runs that a system allows: as it is described, what theory says is bad, and random ones at their extremes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rtsched.model.inputs import InputsSpec
from rtsched.model.task import Constant, Sporadic, TraceArrivals, Uniform
from rtsched.model.taskgraph import SystemSpec, TaskSpec
from rtsched.verify.patterns import free, horizon, patterns

#: Patterns per system: random ones of ``rtsched.verify.patterns``, and those made here.
PATTERNS, MADE = 3, 10
#: About so many jobs are released in a pattern that is made here, and at most so many in any other.
JOBS, MOST_JOBS = 200, 600

Truth = Callable[[Any, Any, int], int]


@dataclass(frozen=True)
class AllowedRun:
    """A run that the system allows: `arrivals` per task where they are not what the trace says (jitter made here).

    `punctual`: no gap is longer than its period; `phased`: and the phases are exactly as declared.
    """

    name: str
    system: SystemSpec
    until: int
    seed: int
    truths: dict[int, Truth] = field(default_factory=dict)
    arrivals: dict[int, np.ndarray[Any, Any]] = field(default_factory=dict)
    punctual: bool = False
    phased: bool = False


def allowed_runs(system: SystemSpec, seed: int, effort: int) -> Iterator[AllowedRun]:
    """The system as described, what theory says is bad, and random patterns of integers."""
    until = _horizon(system)
    yield AllowedRun("as declared", system, until, seed % 2**32, punctual=_punctual(system), phased=True)
    for number in range(MADE * effort):
        yield made(system, np.random.SeedSequence([seed, number]), f"made pattern {number + 1}")
    for each in patterns(system, PATTERNS * effort, seed % 2**32):
        yield AllowedRun(each.name, each.system, until, each.seed, punctual=_punctual(each.system))


def _horizon(system: SystemSpec) -> int:
    """As long as ``rtsched.verify`` looks, but not more than so many jobs."""
    rate, longest = _rate(system)
    return min(horizon(system), max(4 * longest, int(MOST_JOBS / rate)))


def _rate(system: SystemSpec) -> tuple[float, int]:
    """Jobs per ns, and the longest period."""
    rate = sum(1 / task.period for task in system.tasks if task.period) or 1.0
    longest = max((task.period or task.release or 1 for task in system.tasks), default=1)
    return rate, longest


def _punctual(system: SystemSpec) -> bool:
    return not any(isinstance(task.arrival, Sporadic) for task in system.tasks)


def made(system: SystemSpec, sequence: np.random.SeedSequence, name: str) -> AllowedRun:
    """A random pattern: phases, gaps, jitters and execution times, all integers, often at their extremes."""
    random = np.random.default_rng(sequence)
    rate, longest = _rate(system)
    until = max(4 * longest, min(20 * longest, int(JOBS / rate)))
    phases = random.choice(["together", "just after", "near", "any", "declared"], p=[0.3, 0.2, 0.15, 0.2, 0.15])
    first = int(random.integers(0, len(system.tasks)))
    loose = bool(random.random() < 0.3) and phases != "declared"
    late = random.choice(["first", "none", "extreme", "any"], p=[0.4, 0.1, 0.3, 0.2])
    times = random.choice(["full", "each", "extreme", "least"], p=[0.5, 0.2, 0.25, 0.05])
    moved: dict[str, int] = {}
    tasks, arrivals, truths = [], {}, {}
    for task in (_of_one_input(task, random) for task in system.tasks):
        if times != "full" and system.hardware is None:  # what hardware scales has no truth of its own
            truths[task.index] = _truth(task, str(times), int(random.integers(0, 2**32)))
        if not free(task) or task.count is not None:
            tasks.append(replace(task, execution=Constant()))
            continue
        period = task.period or 1
        phase = {
            "together": 0,
            "just after": int(task.index != first),
            "near": int(random.integers(0, min(4, period), endpoint=True)),
            "any": int(random.integers(0, period)),
            "declared": task.offset,
        }[str(phases)]
        if task.clock is not None and phases != "declared":  # the tasks of a clock are moved together
            least = min(each.offset for each in system.tasks if each.clock == task.clock)
            phase = moved.setdefault(task.clock, phase) + task.offset - least
        most = task.arrival.max_gap if isinstance(task.arrival, Sporadic) else None
        count = max(1, -(-(until - phase) // period))
        gaps = np.full(count, period, dtype=np.int64)
        if most is not None:
            gaps = np.where(random.random(count) < 0.5, random.integers(period, most, count, endpoint=True), most)
        elif loose and task.clock is None:
            gaps += np.where(random.random(count) < 0.3, random.integers(0, period, count, endpoint=True), 0)
        jitter = _delays(task.jitter, str(late), count, random)
        arrival = phase + np.cumsum(gaps) - gaps[0]
        if phases != "declared" and task.clock is None:  # the first releases, not the arrivals, are what comes together
            arrival += task.jitter - int(jitter[0])
        released = np.maximum.accumulate(arrival + jitter)
        keep = released < until
        arrival, released = arrival[keep], released[keep]
        arrivals[task.index] = arrival
        deadlines = tuple((arrival + task.deadline - released).tolist())
        given = TraceArrivals.model_construct(
            kind="trace", times=tuple(released.tolist()), file=None, deadlines=deadlines, execution=None
        )
        tasks.append(replace(task, arrival=given, offset=0, jitter=0, execution=Constant()))
    return AllowedRun(
        name, replace(system, tasks=tuple(tasks)), until, 0, truths, arrivals, not loose, phases == "declared"
    )


def _of_one_input(task: TaskSpec, random: np.random.Generator) -> TaskSpec:
    """A task with recorded inputs, of which at times all jobs have the same one."""
    inputs = task.inputs
    if inputs is None or random.random() < 0.3:
        return task
    number = int(random.integers(0, len(inputs.shares)))
    only = InputsSpec(inputs.shares[number : number + 1], inputs.values[number : number + 1], inputs.means)
    return replace(task, inputs=only)


def _delays(most: int, late: str, count: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """How much later than its arrival each job is released."""
    delays = np.zeros(count, dtype=np.int64)
    if not most or late == "none":
        return delays
    if late == "first":
        delays[0] = most
        return delays
    if late == "extreme":
        return np.where(random.random(count) < 0.5, most, delays)
    drawn: np.ndarray[Any, Any] = random.integers(0, most, count, endpoint=True)
    return drawn


def _truth(task: TaskSpec, times: str, seed: int) -> Truth:
    """What each segment really takes: all it may, one tick, or anything in between; the same whoever asks when."""
    table = np.random.default_rng(seed).random((64, len(task.nodes)))
    high = max(1.0, task.execution.high) if isinstance(task.execution, Uniform) else 1.0
    recorded = {} if task.inputs is None else task.inputs.largest

    def truth(segment: Any, processor: Any, _now: int) -> int:
        most = max(1, int(segment.node.times[processor.index] * recorded.get(segment.node.index, high)))
        share = float(table[segment.job.index % 64, segment.node.index])
        if times == "least":
            return 1
        if times == "extreme":
            return most if share < 0.7 else 1 if share < 0.85 else max(1, most - 1)
        return 1 + int(share * most)

    return truth
