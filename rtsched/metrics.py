"""What a run amounts to: pure functions of a trace, and a running tally for runs that keep none.

Definitions: a job *misses* when it is late, dropped or aborted; a response time runs from the arrival (jitter inside)
to the finish; ANTT, STP and fairness as Eyerman and Eeckhout (IEEE Micro 28(3), 2008) define them, with the critical
path of a task on its fastest processors as its time alone.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched import units
from rtsched.engine.job import ABORTED, DROPPED, LATE, OK, UNFINISHED
from rtsched.engine.trace import Trace
from rtsched.model.taskgraph import ChainSpec, SystemSpec

Integers = NDArray[np.int64]

#: The widths of the buckets of a tally's histogram: percentiles are within half a per cent.
GROWTH = math.log(1.01)
BUCKETS = int(math.log(2.0**62) / GROWTH) + 2


@dataclass(frozen=True)
class Response:
    """Response times in ns of the finished jobs of a task; None when none finished."""

    min: int | None
    mean: float | None
    p50: int | None
    p95: int | None
    p99: int | None
    max: int | None
    jitter: int | None
    normalised: float | None


@dataclass(frozen=True)
class TaskFigures:
    """The figures of one task. Times in ns; `miss_ratio` and `accuracy` between 0 and 1."""

    name: str
    criticality: str
    deadline: int
    jobs: int
    ok: int
    late: int
    dropped: int
    aborted: int
    unfinished: int
    misses: int
    miss_ratio: float | None
    longest_miss_run: int
    response: Response
    lateness_max: int | None
    tardiness_mean: float | None
    tardiness_max: int | None
    slowdown: float | None
    accuracy: float | None


@dataclass(frozen=True)
class ProcessorFigures:
    """The figures of one processor; `utilisation` and `overhead` are shares of the run."""

    name: str
    cluster: str
    utilisation: float
    overhead: float
    starts: int
    preemptions: int
    migrations: int


@dataclass(frozen=True)
class ChainFigures:
    """The longest reaction time and data age (also the reduced one) of a cause-effect chain, in ns."""

    name: str
    tasks: tuple[str, ...]
    reaction_time_max: int | None
    data_age_max: int | None
    reduced_data_age_max: int | None


@dataclass(frozen=True)
class Summary:
    """All figures of a run."""

    system: str
    scheduler: str
    seed: int
    until: int
    end: int
    warm_up: int
    jobs: int
    misses: int
    miss_ratio: float | None
    antt: float | None
    stp: float | None
    fairness: float | None
    tasks: tuple[TaskFigures, ...]
    processors: tuple[ProcessorFigures, ...]
    chains: tuple[ChainFigures, ...]
    assumed: tuple[str, ...]
    headline: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data; `SUMMARY_SCHEMA` describes it."""
        return {"format": 1, **asdict(self)}

    def _repr_html_(self) -> str:
        return f"<pre>{render_table(self)}</pre>"


class Tally:
    """Sums over ended jobs, block by block: memory depends on the number of tasks only.

    Counts, means, minima and maxima are exact; percentiles come from a histogram and are within half a per cent.
    """

    def __init__(self, system: SystemSpec, warm_up: int) -> None:
        count = len(system.tasks)
        self.tasks = count
        self.warm_up = warm_up
        self.released = 0
        self.outcomes = np.zeros((count, 5), np.int64)
        self.totals = [0] * count
        self.tardiness = [0] * count
        self.normalised = [0.0] * count
        self.least = np.full(count, np.iinfo(np.int64).max)
        self.most = np.full(count, -1)
        self.lateness = np.full(count, np.iinfo(np.int64).min)
        self.histogram = np.zeros((count, BUCKETS), np.int64)
        self.runs = MissRuns(count)

    def update(self, ended: NDArray[Any]) -> None:
        """Take in a block of ended jobs (structured, with the fields of a trace's jobs)."""
        self.released += len(ended)
        counted = ended["release"] >= self.warm_up
        outcome = ended["outcome"].astype(np.int64)
        missed = (outcome != OK) & (outcome != UNFINISHED) & counted
        self.runs.update(ended["task"], ended["index"], missed)
        task = ended["task"][counted].astype(np.int64)
        self.outcomes += np.bincount(task * 5 + outcome[counted], minlength=5 * self.tasks).reshape(-1, 5)
        rows = ended[counted & (ended["finish"] >= 0)]
        if not len(rows):
            return
        task = rows["task"].astype(np.int64)
        response = rows["finish"] - rows["arrival"]
        late = rows["finish"] - rows["deadline"]
        np.minimum.at(self.least, task, response)
        np.maximum.at(self.most, task, response)
        np.maximum.at(self.lateness, task, late)
        bucket = (np.log(response.astype(float) + 1) / GROWTH).astype(np.int64)
        np.add.at(self.histogram, (task, bucket), 1)
        shares = np.bincount(task, response / (rows["deadline"] - rows["arrival"]), self.tasks)
        sums = np.zeros((2, self.tasks), np.int64)
        np.add.at(sums[0], task, response)
        np.add.at(sums[1], task, np.maximum(late, 0))
        for index in np.unique(task).tolist():
            self.totals[index] += int(sums[0, index])
            self.tardiness[index] += int(sums[1, index])
            self.normalised[index] += float(shares[index])

    def percentile(self, task: int, share: float) -> int:
        """The response time that a share of the finished jobs does not exceed, from the histogram."""
        counts = np.cumsum(self.histogram[task])
        bucket = int(np.searchsorted(counts, max(1, math.ceil(share * int(counts[-1])))))
        middle = math.exp((bucket + 0.5) * GROWTH) - 1
        return min(max(round(middle), int(self.least[task])), int(self.most[task]))


class MissRuns:
    """The longest run of consecutive misses per task, whatever the order in which the jobs end."""

    def __init__(self, tasks: int) -> None:
        self.expected = np.zeros(tasks, np.int64)
        self.current = np.zeros(tasks, np.int64)
        self.longest = np.zeros(tasks, np.int64)
        self.early: tuple[Integers, Integers, NDArray[np.bool_]] | None = None

    def update(self, task: Integers, index: Integers, missed: NDArray[np.bool_]) -> None:
        """Take in ended jobs; one that ended before its predecessor waits for it."""
        if self.early is None and not missed.any() and self._all_hit(task, index):
            return
        if self.early is not None:
            task, index, missed = (np.concatenate(pair) for pair in zip(self.early, (task, index, missed), strict=True))
        order = np.lexsort((index, task))
        task, index, missed = task[order].astype(np.int64), index[order].astype(np.int64), missed[order]
        first = np.ones(len(task), bool)
        first[1:] = task[1:] != task[:-1]
        begin = np.maximum.accumulate(np.where(first, np.arange(len(task)), 0))
        fits = index == self.expected[task] + np.arange(len(task)) - begin
        self.early = None if fits.all() else (task[~fits], index[~fits], missed[~fits])
        if self.early is not None:
            task, missed, first = task[fits], missed[fits], first[fits]
        self.expected += np.bincount(task, minlength=len(self.expected))
        total = np.cumsum(missed)
        before: Integers = total - missed
        # how many misses precede the present run: up to the last hit, or up to the task's first job in this block
        reset = np.maximum.accumulate(np.where(first, before, np.where(missed, 0, total)))
        run = np.where(missed, total - reset, 0)
        unbroken = missed & (_since_first(first, missed))
        run += np.where(unbroken, self.current[task], 0)
        np.maximum.at(self.longest, task, run)
        last = np.append(first[1:], True) if len(first) else first
        self.current[task[last]] = run[last]

    def _all_hit(self, task: Integers, index: Integers) -> bool:
        """The short way for a block without a miss; False if it has a gap, and so needs the long one."""
        counts = np.bincount(task, minlength=len(self.expected))
        last = np.full(len(self.expected), -1)
        np.maximum.at(last, task, index)
        there = counts > 0
        if (last[there] != (self.expected + counts - 1)[there]).any():
            return False
        self.expected += counts
        self.current[there] = 0
        return True


def _since_first(first: NDArray[np.bool_], missed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether every job of the task in this block, up to this one, missed."""
    hits = np.cumsum(~missed)
    base = np.maximum.accumulate(np.where(first, hits - ~missed, 0))
    unbroken: NDArray[np.bool_] = hits == base
    return unbroken


# ---- the summary -----------------------------------------------------------------------------------------------------


def summary(trace: Trace) -> Summary:
    """The figures of a run, from its trace, or from its tally if it kept none."""
    tally = trace.tally
    if trace.kept:
        tally = Tally(trace.system, trace.warm_up)
        if len(trace.jobs):
            tally.update(trace.jobs)
    tasks = tuple(_task(trace, tally, index) for index in range(len(trace.system.tasks)))
    jobs = sum(task.jobs for task in tasks)
    misses = sum(task.misses for task in tasks)
    slow = [task.slowdown for task in tasks if task.slowdown]
    figures = Summary(
        system=trace.system.name,
        scheduler=trace.scheduler,
        seed=trace.seed,
        until=trace.until,
        end=trace.end,
        warm_up=trace.warm_up,
        jobs=jobs,
        misses=misses,
        miss_ratio=misses / jobs if jobs else None,
        antt=sum(slow) / len(slow) if slow else None,
        stp=sum(1 / value for value in slow) if slow else None,
        fairness=min(slow) / max(slow) if slow else None,
        tasks=tasks,
        processors=_processors(trace),
        chains=tuple(_chain(trace, chain) for chain in trace.system.chains),
        assumed=trace.system.assumed,
        headline="",
    )
    from dataclasses import replace

    return replace(figures, headline=headline(figures))


def _task(trace: Trace, tally: Tally, index: int) -> TaskFigures:
    spec = trace.system.tasks[index]
    counts = [int(count) for count in tally.outcomes[index]]
    jobs = sum(counts) - counts[UNFINISHED]
    misses = counts[LATE] + counts[DROPPED] + counts[ABORTED]
    response = _response(trace, tally, index)
    finished = int(tally.histogram[index].sum())
    return TaskFigures(
        name=spec.name,
        criticality=spec.criticality,
        deadline=spec.deadline,
        jobs=jobs,
        ok=counts[OK],
        late=counts[LATE],
        dropped=counts[DROPPED],
        aborted=counts[ABORTED],
        unfinished=counts[UNFINISHED],
        misses=misses,
        miss_ratio=misses / jobs if jobs else None,
        longest_miss_run=int(tally.runs.longest[index]),
        response=response,
        lateness_max=int(tally.lateness[index]) if finished else None,
        tardiness_mean=tally.tardiness[index] / finished if finished else None,
        tardiness_max=max(0, int(tally.lateness[index])) if finished else None,
        slowdown=response.mean / spec.critical_path if response.mean is not None else None,
        accuracy=None,
    )


def _response(trace: Trace, tally: Tally, index: int) -> Response:
    finished = int(tally.histogram[index].sum())
    if not finished:
        return Response(None, None, None, None, None, None, None, None)
    if trace.kept:
        rows = trace.jobs[(trace.jobs["task"] == index) & (trace.jobs["finish"] >= 0)]
        rows = rows[rows["release"] >= trace.warm_up]
        times = rows["finish"] - rows["arrival"]
        p50, p95, p99 = (int(value) for value in np.percentile(times, (50, 95, 99), method="inverted_cdf"))
    else:
        p50, p95, p99 = (tally.percentile(index, share) for share in (0.5, 0.95, 0.99))
    least, most = int(tally.least[index]), int(tally.most[index])
    return Response(
        min=least,
        mean=tally.totals[index] / finished,
        p50=p50,
        p95=p95,
        p99=p99,
        max=most,
        jitter=most - least,
        normalised=tally.normalised[index] / finished,
    )


def _processors(trace: Trace) -> tuple[ProcessorFigures, ...]:
    length = max(1, trace.end)
    return tuple(
        ProcessorFigures(
            name=spec.name,
            cluster=spec.cluster,
            utilisation=counters.busy / length,
            overhead=counters.overhead / length,
            starts=counters.starts,
            preemptions=counters.preemptions,
            migrations=counters.migrations,
        )
        for spec, counters in zip(trace.system.processors, trace.processors, strict=True)
    )


# ---- single metrics --------------------------------------------------------------------------------------------------


def mk(trace: Trace, task: int, window: int) -> int | None:
    """The fewest jobs on time among any `window` consecutive jobs of a task: it is (m, k)-firm for m up to this.

    Hamdaoui and Ramanathan (IEEE ToC 44(12), 1995). None when fewer than `window` jobs ended.
    """
    rows = trace.jobs[(trace.jobs["task"] == task) & (trace.jobs["outcome"] != UNFINISHED)]
    met = (rows["outcome"] == OK).astype(np.int64)
    if window < 1 or len(met) < window:
        return None
    sums = np.cumsum(np.concatenate(([0], met)))
    return int((sums[window:] - sums[:-window]).min())


def start_jitter(trace: Trace, task: int) -> int | None:
    """The largest minus the smallest delay from arrival to first start, in ns."""
    rows = trace.jobs[(trace.jobs["task"] == task) & (trace.jobs["start"] >= 0)]
    delays = rows["start"] - rows["arrival"]
    return int(delays.max() - delays.min()) if len(delays) else None


def output_jitter(trace: Trace, task: int) -> int | None:
    """The largest change of the response time from one finished job to the next, in ns."""
    rows = trace.jobs[(trace.jobs["task"] == task) & (trace.jobs["finish"] >= 0)]
    steps = np.abs(np.diff(rows["finish"] - rows["arrival"]))
    return int(steps.max()) if len(steps) else None


def _finished(trace: Trace, task: int) -> tuple[Integers, Integers]:
    """Start and finish of the finished jobs of a task, by start."""
    rows = trace.jobs[(trace.jobs["task"] == task) & (trace.jobs["finish"] >= 0)]
    rows = rows[np.argsort(rows["start"], kind="stable")]
    return rows["start"], rows["finish"]


def reaction_times(trace: Trace, chain: ChainSpec, window: tuple[int, int] | None = None) -> Integers:
    """How long the chain takes to react to a stimulus that comes just after a read of its first task, in ns each.

    Implicit communication: a job reads when it starts and writes when it finishes. The stimulus that one job of the
    first task just missed is read by the next one; from there the first job that starts at or after each finish is
    followed. `window` restricts the starts of the job that missed it. Duerr et al. (ACM TECS 18(5s), 2019).
    """
    starts, finishes = _finished(trace, chain.tasks[0])
    stimulus, reached = starts[:-1], finishes[1:]
    for task in chain.tasks[1:]:
        starts, finishes = _finished(trace, task)
        position = np.searchsorted(starts, reached, side="left")
        there = position < len(starts)
        stimulus, reached = stimulus[there], finishes[position[there]]
    times = reached - stimulus
    if window is not None:
        times = times[(stimulus >= window[0]) & (stimulus < window[1])]
    return times


def data_ages(
    trace: Trace, chain: ChainSpec, window: tuple[int, int] | None = None, *, reduced: bool = False
) -> Integers:
    """How old the chain's output becomes before the next one replaces it (`reduced`: when it appears), in ns each.

    Followed backwards from each job of the last task: the latest job of the preceding task that finished at or before
    the start. `window` restricts the starts of the first task's job so found.
    """
    starts, finishes = _finished(trace, chain.tasks[-1])
    ends = finishes if reduced else np.append(finishes[1:], -1)
    read = starts
    for task in reversed(chain.tasks[:-1]):
        earlier_starts, earlier_finishes = _finished(trace, task)
        position = np.searchsorted(earlier_finishes, read, side="right") - 1
        there = position >= 0
        ends, read = ends[there], earlier_starts[position[there]]
    keep = ends >= 0
    if window is not None:
        keep &= (read >= window[0]) & (read < window[1])
    return (ends - read)[keep]


def _chain(trace: Trace, chain: ChainSpec) -> ChainFigures:
    def most(values: Integers) -> int | None:
        return int(values.max()) if len(values) else None

    return ChainFigures(
        name=chain.name,
        tasks=tuple(trace.system.tasks[task].name for task in chain.tasks),
        reaction_time_max=most(reaction_times(trace, chain)),
        data_age_max=most(data_ages(trace, chain)),
        reduced_data_age_max=most(data_ages(trace, chain, reduced=True)),
    )


# ---- for people ------------------------------------------------------------------------------------------------------


def headline(figures: Summary) -> str:
    """The one line that says what to look at."""
    busiest = max(figures.processors, key=lambda processor: processor.utilisation)
    load = f"{busiest.name} is busy {_percent(busiest.utilisation)} of the time"
    missing = [task for task in figures.tasks if task.misses]
    if not figures.jobs:
        return "No job was released; look at the offsets and at the length of the run."
    if not missing:
        done = [task for task in figures.tasks if task.response.max is not None]
        tight = max(done, key=lambda task: (task.response.max or 0) / task.deadline)
        share = (tight.response.max or 0) / tight.deadline
        return (
            f"{_all(figures.jobs)}; the tightest is {tight.name}, whose slowest job used "
            f"{_percent(share)} of its deadline; {load}."
        )
    worst = max(missing, key=lambda task: (task.criticality == "hard", task.miss_ratio or 0.0))
    first = (
        f"{'Hard task ' if worst.criticality == 'hard' else ''}{worst.name} misses {_percent(worst.miss_ratio or 0)}"
    )
    first += " of its deadlines"
    if worst.tardiness_max:
        first += f", by up to {units.format_duration(worst.tardiness_max, digits=3)}"
    parts = [first]
    if len(missing) > 1:
        parts.append(f"{len(missing) - 1} more {'task misses' if len(missing) == 2 else 'tasks miss'} some")
    lost = sum(task.dropped + task.aborted for task in missing)
    if lost:
        parts.append(f"{lost} {'job was' if lost == 1 else 'jobs were'} dropped or aborted")
    return "; ".join([*parts, load]) + "."


def _all(jobs: int) -> str:
    return "The only job met its deadline" if jobs == 1 else f"All {jobs} jobs met their deadlines"


def _percent(share: float) -> str:
    """A share as a percentage: never 0 % or 100 % unless it is exactly that."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def _time(nanoseconds: float | None) -> str:
    return "–" if nanoseconds is None else units.format_duration(round(nanoseconds), digits=4)


def render_table(figures: Summary) -> str:
    """The figures as text for a terminal."""
    rows = [["task", "jobs", "misses", "miss %", "mean", "p95", "max", "deadline", "dropped", "accuracy"]]
    for task in figures.tasks:
        response = task.response
        rows.append(
            [
                task.name + (" !" if task.misses and task.criticality == "hard" else ""),
                str(task.jobs),
                str(task.misses),
                "–" if task.miss_ratio is None else f"{100 * task.miss_ratio:.1f}",
                _time(response.mean),
                _time(response.p95),
                _time(response.max),
                _time(task.deadline),
                str(task.dropped + task.aborted),
                "–" if task.accuracy is None else f"{100 * task.accuracy:.1f}",
            ]
        )
    machines = [["processor", "busy %", "preemptions", "migrations"]]
    idle = [processor.name for processor in figures.processors if not processor.starts]
    for processor in figures.processors:
        if processor.name in idle and len(idle) > 1:
            continue
        machines.append(
            [
                processor.name,
                f"{100 * processor.utilisation:.1f}",
                str(processor.preemptions),
                str(processor.migrations),
            ]
        )
    chains = [["chain", "reaction max", "data age max"]]
    for chain in figures.chains:
        chains.append([chain.name, _time(chain.reaction_time_max), _time(chain.data_age_max)])
    span = units.format_duration(figures.until, digits=4)
    head = f"{figures.system} under {figures.scheduler}: jobs released for {span}, seed {figures.seed}"
    if figures.warm_up:
        head += f", the first {units.format_duration(figures.warm_up, digits=4)} not counted"
    unfinished = sum(task.unfinished for task in figures.tasks)
    parts = [head, _aligned(rows), _aligned(machines) + (f"\nnever used: {', '.join(idle)}" if len(idle) > 1 else "")]
    if figures.chains:
        parts.append(_aligned(chains))
    if unfinished:
        parts.append(f"{unfinished} jobs were unfinished at the end, before their deadlines: counted nowhere.")
    parts.append(figures.headline)
    return "\n\n".join(parts)


def _aligned(rows: list[list[str]]) -> str:
    """Rows as columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join([lines[0].rstrip(), "─" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _maybe(kind: str, text: str) -> dict[str, Any]:
    return {"type": [kind, "null"], "description": text}


_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}

#: What ``rtsched run --json`` prints, as JSON Schema. All times are integer nanoseconds (means: numbers).
SUMMARY_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "rtsched run summary",
    **_object(
        {
            "format": {"const": 1},
            "system": _TEXT,
            "scheduler": _TEXT,
            "seed": _COUNT,
            "until": {**_COUNT, "description": "releases lie in [0, until), ns"},
            "end": {**_COUNT, "description": "when the run was over, ns"},
            "warm_up": {**_COUNT, "description": "jobs released before are not counted, ns"},
            "jobs": _COUNT,
            "misses": {**_COUNT, "description": "late + dropped + aborted"},
            "miss_ratio": _maybe("number", "misses / jobs"),
            "antt": _maybe("number", "average normalised turnaround time"),
            "stp": _maybe("number", "system throughput: sum of time alone / mean response"),
            "fairness": _maybe("number", "smallest / largest slowdown"),
            "tasks": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "criticality": {"enum": ["hard", "firm", "soft"]},
                        "deadline": {**_COUNT, "description": "relative, ns"},
                        **dict.fromkeys(("jobs", "ok", "late", "dropped", "aborted"), _COUNT),
                        "unfinished": {
                            **_COUNT,
                            "description": "open at the end before their deadline; in no other count",
                        },
                        "misses": _COUNT,
                        "miss_ratio": _maybe("number", "misses / jobs"),
                        "longest_miss_run": {**_COUNT, "description": "consecutive misses"},
                        "response": _object(
                            {
                                "min": _maybe("integer", "ns"),
                                "mean": _maybe("number", "ns"),
                                "p50": _maybe("integer", "ns"),
                                "p95": _maybe("integer", "ns"),
                                "p99": _maybe("integer", "ns"),
                                "max": _maybe("integer", "ns"),
                                "jitter": _maybe("integer", "max - min, ns"),
                                "normalised": _maybe("number", "mean of response / relative deadline"),
                            }
                        ),
                        "lateness_max": _maybe("integer", "finish - deadline, may be negative, ns"),
                        "tardiness_mean": _maybe("number", "mean of max(0, lateness), ns"),
                        "tardiness_max": _maybe("integer", "ns"),
                        "slowdown": _maybe("number", "mean response / critical path"),
                        "accuracy": _maybe("number", "null until the task has variants"),
                    }
                ),
            },
            "processors": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "cluster": _TEXT,
                        "utilisation": {"type": "number", "minimum": 0, "maximum": 1},
                        "overhead": {"type": "number", "minimum": 0, "maximum": 1},
                        **dict.fromkeys(("starts", "preemptions", "migrations"), _COUNT),
                    }
                ),
            },
            "chains": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "tasks": {"type": "array", "items": _TEXT},
                        **{
                            name: _maybe("integer", "ns")
                            for name in ("reaction_time_max", "data_age_max", "reduced_data_age_max")
                        },
                    }
                ),
            },
            "assumed": {"type": "array", "items": _TEXT, "description": "numbers without a source of their own"},
            "headline": {"type": "string", "description": "what to look at"},
        }
    ),
}
