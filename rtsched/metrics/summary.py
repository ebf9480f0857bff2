"""What a run amounts to: pure functions of a trace.

Definitions: a job *misses* when it is late, dropped or aborted; a response time runs from the arrival (jitter inside)
to the finish; ANTT, STP and fairness as Eyerman and Eeckhout (IEEE Micro 28(3), 2008) define them, with the critical
path of a task on its fastest processors as its time alone. Response times are those of finished jobs; a task that had
jobs and finished none has made no progress: fairness is then 0, and the mean turnaround time (ANTT) unbounded.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched import units
from rtsched.metrics.hardware import HardwareFigures, hardware
from rtsched.metrics.tally import Tally
from rtsched.model.collector import collector_paused
from rtsched.model.taskgraph import ChainSpec, TaskSpec
from rtsched.trace.trace import ABORTED, DROPPED, LATE, OK, UNFINISHED, Trace

Integers = NDArray[np.int64]


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
    """The figures of one task. Times in ns; ratios and accuracies between 0 and 1.

    `response`, `slowdown` and the lateness are those of the `finished` jobs (late ones, too).
    `accuracy` is the share of right answers among those given, `effective_accuracy` their worth over all jobs: what is
    late (beyond its decay), dropped or aborted counts as wrong. `measure` says what the accuracies count ("top1": right
    answers). `variants` says how many answers came from each variant or exit, the best first. All four are None where
    accuracies are not known.
    """

    name: str
    criticality: str
    deadline: int
    jobs: int
    ok: int
    late: int
    dropped: int
    aborted: int
    unfinished: int
    finished: int
    misses: int
    miss_ratio: float | None
    longest_miss_run: int
    response: Response
    lateness_max: int | None
    tardiness_mean: float | None
    tardiness_max: int | None
    slowdown: float | None
    measure: str | None
    accuracy: float | None
    effective_accuracy: float | None
    variants: dict[str, int] | None


@dataclass(frozen=True)
class ProcessorFigures:
    """The figures of one processor; `utilisation`, `waiting` and `overhead` (part of the first) are shares of the run.

    On a stream of a GPU `utilisation` counts the time in which something of it ran, `waiting` that in which what it had
    launched only waited.
    """

    name: str
    cluster: str
    utilisation: float
    waiting: float
    overhead: float
    starts: int
    preemptions: int
    migrations: int


@dataclass(frozen=True)
class ChainFigures:
    """The longest reaction time and data age (also the reduced one) of a cause-effect chain, in ns.

    They count from the warm-up on. `kept` says whether the reaction time and the reduced data age keep what is required
    (`max_reaction`, `max_age`); None where nothing is required, or nothing was seen.
    """

    name: str
    tasks: tuple[str, ...]
    reaction_time_max: int | None
    data_age_max: int | None
    reduced_data_age_max: int | None
    max_reaction: int | None = None
    max_age: int | None = None
    kept: bool | None = None


@dataclass(frozen=True)
class DeadlockFigures:
    """A deadlock: since when (ns), and who holds what and waits for what."""

    time: int
    text: str


@dataclass(frozen=True)
class MeasureFigures:
    """The accuracies of the tasks that are judged by one measure: means by their weights."""

    name: str
    tasks: tuple[str, ...]
    accuracy: float | None
    effective_accuracy: float | None


@dataclass(frozen=True)
class Summary:
    """All figures of a run; accuracies are means over the tasks that have any, by their weights.

    Accuracies of different measures (top-1, mIoU) have no mean: the two are then None, and `measures` has them apart.
    `deadlocks` are the first of the `deadlock_count` that there were; their jobs are late. `stranded`, `standstill` and
    `planned` (of a run that was interrupted: all figures are those until then) are as in the trace.
    """

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
    accuracy: float | None
    effective_accuracy: float | None
    measures: tuple[MeasureFigures, ...]
    tasks: tuple[TaskFigures, ...]
    processors: tuple[ProcessorFigures, ...]
    chains: tuple[ChainFigures, ...]
    hardware: HardwareFigures | None
    deadlocks: tuple[DeadlockFigures, ...]
    deadlock_count: int
    stranded: tuple[str, ...]
    stranded_count: int
    standstill: int | None
    planned: int | None
    assumed: tuple[str, ...]
    headline: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data; ``rtsched.export.schema`` describes it."""
        return {"format": 1, **asdict(self)}

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{task.name}</td><td>{task.jobs}</td><td>{task.misses}</td><td>{task.response.max}</td></tr>"
            for task in self.tasks
        )
        head = "<tr><th>task</th><th>jobs</th><th>misses</th><th>slowest response (ns)</th></tr>"
        return f"<table>{head}{rows}</table><p>{self.headline}</p>"


# ---- the summary -----------------------------------------------------------------------------------------------------


@collector_paused()
def summary(trace: Trace) -> Summary:
    """The figures of a run, from its trace, or from its tally if it kept none."""
    tally = trace.tally
    if trace.kept:
        tally = Tally(trace.system, trace.warm_up)
        if len(trace.jobs):
            tally.update(trace.jobs)
        tally.judge(trace.answers)
        tally.changes.update(trace.changes[trace.changes["time"] <= trace.end])
    tasks = tuple(_task(trace, tally, index) for index in range(len(trace.system.tasks)))
    jobs = sum(task.jobs for task in tasks)
    misses = sum(task.misses for task in tasks)
    antt, stp, fairness = _progress(tasks)
    measures = _measures(trace, tasks)
    only = measures[0] if len(measures) == 1 else None
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
        antt=antt,
        stp=stp,
        fairness=fairness,
        accuracy=None if only is None else only.accuracy,
        effective_accuracy=None if only is None else only.effective_accuracy,
        measures=measures,
        tasks=tasks,
        processors=_processors(trace),
        chains=tuple(_chain(trace, chain) for chain in trace.system.chains),
        hardware=hardware(trace, [int(tally.outcomes[index].sum()) for index in range(len(tasks))], tally.changes),
        deadlocks=tuple(DeadlockFigures(each.time, str(each)) for each in trace.deadlocks),
        deadlock_count=trace.deadlock_count,
        stranded=trace.stranded,
        stranded_count=trace.stranded_count,
        standstill=trace.standstill,
        planned=trace.planned,
        assumed=trace.system.assumed,
        headline="",
    )
    from dataclasses import replace

    return replace(figures, headline=headline(figures))


def _progress(tasks: tuple[TaskFigures, ...]) -> tuple[float | None, float | None, float | None]:
    """ANTT, STP and fairness over the tasks that had jobs; one that finished none of them counts as standing still."""
    had_jobs = [task for task in tasks if task.jobs]
    slow = [task.slowdown for task in had_jobs if task.slowdown]
    speeds = [1 / value for value in slow]
    if not slow:
        return None, 0.0 if had_jobs else None, None
    if len(slow) < len(had_jobs):
        return None, sum(speeds), 0.0
    return sum(slow) / len(slow), sum(speeds), min(slow) / max(slow)


def _task(trace: Trace, tally: Tally, index: int) -> TaskFigures:
    spec = trace.system.tasks[index]
    counts = [int(count) for count in tally.outcomes[index]]
    jobs = sum(counts) - counts[UNFINISHED]
    misses = counts[LATE] + counts[DROPPED] + counts[ABORTED]
    response = _response(trace, tally, index)
    finished = int(tally.finished[index])
    answers = tally.answers
    given = int(answers.given[index])
    measured = spec.quality is not None and spec.quality.measured
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
        finished=finished,
        misses=misses,
        miss_ratio=misses / jobs if jobs else None,
        longest_miss_run=int(tally.runs.longest[index]),
        response=response,
        lateness_max=int(tally.lateness[index]) if finished else None,
        tardiness_mean=tally.tardiness[index] / finished if finished else None,
        tardiness_max=max(0, int(tally.lateness[index])) if finished else None,
        slowdown=response.mean / spec.critical_path if response.mean is not None else None,
        measure=spec.quality.measure if measured and spec.quality is not None else None,
        accuracy=int(answers.right[index]) / given if measured and given else None,
        effective_accuracy=int(answers.worth[index]) / 1e6 / jobs if measured and jobs else None,
        variants=_ways(spec, answers.chosen[index].tolist()),
    )


def _ways(spec: TaskSpec, counts: list[int]) -> dict[str, int] | None:
    """How often each variant or exit gave the answer."""
    if spec.quality is None or not (spec.quality.variants or spec.quality.exits):
        return None
    names = [way.name for way in spec.quality.variants or spec.quality.exits]
    return dict(zip(names, counts, strict=True))


def _measures(trace: Trace, tasks: tuple[TaskFigures, ...]) -> tuple[MeasureFigures, ...]:
    """The accuracies by measure, in the order of the tasks."""
    groups: dict[str, list[tuple[float, TaskFigures]]] = {}
    for spec, task in zip(trace.system.tasks, tasks, strict=True):
        if task.measure is not None:
            groups.setdefault(task.measure, []).append((spec.weight, task))
    return tuple(
        MeasureFigures(
            name,
            tuple(task.name for _, task in group),
            _weighted([(weight, task.accuracy) for weight, task in group]),
            _weighted([(weight, task.effective_accuracy) for weight, task in group]),
        )
        for name, group in groups.items()
    )


def _weighted(values: list[tuple[float, float | None]]) -> float | None:
    """The mean of the values that there are, by their weights."""
    pairs = [(weight, value) for weight, value in values if value is not None]
    return sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs) if pairs else None


def _response(trace: Trace, tally: Tally, index: int) -> Response:
    finished = int(tally.finished[index])
    if not finished:
        return Response(None, None, None, None, None, None, None, None)
    if trace.kept:
        rows = trace.jobs_of(index)
        rows = rows[(rows["finish"] >= 0) & (rows["release"] >= trace.warm_up)]
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
        normalised=tally.normalised(index) / finished,
    )


def _processors(trace: Trace) -> tuple[ProcessorFigures, ...]:
    length = max(1, trace.end)
    return tuple(
        ProcessorFigures(
            name=spec.name,
            cluster=spec.cluster,
            utilisation=(counters.busy - counters.waiting) / length,
            waiting=counters.waiting / length,
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
    rows = trace.jobs_of(task)
    rows = rows[rows["outcome"] != UNFINISHED]
    met = (rows["outcome"] == OK).astype(np.int64)
    if window < 1 or len(met) < window:
        return None
    sums = np.cumsum(np.concatenate(([0], met)))
    return int((sums[window:] - sums[:-window]).min())


def start_jitter(trace: Trace, task: int) -> int | None:
    """The largest minus the smallest delay from arrival to first start, in ns."""
    rows = trace.jobs_of(task)
    rows = rows[rows["start"] >= 0]
    delays = rows["start"] - rows["arrival"]
    return int(delays.max() - delays.min()) if len(delays) else None


def output_jitter(trace: Trace, task: int) -> int | None:
    """The largest change of the response time from one finished job to the next, in ns."""
    rows = trace.jobs_of(task)
    rows = rows[rows["finish"] >= 0]
    steps = np.abs(np.diff(rows["finish"] - rows["arrival"]))
    return int(steps.max()) if len(steps) else None


def _finished(trace: Trace, task: int) -> tuple[Integers, Integers]:
    """Start and finish of the finished jobs of a task, by start."""
    rows = trace.jobs_of(task)
    rows = rows[rows["finish"] >= 0]
    rows = rows[np.argsort(rows["start"], kind="stable")]
    return rows["start"], rows["finish"]


def begun(trace: Trace, chain: ChainSpec) -> int | None:
    """The first instant in ns at which every task of a chain has started a job; None if one never does."""
    first = []
    for task in chain.tasks:
        starts = trace.jobs_of(task)["start"]
        if not (starts >= 0).any():
            return None
        first.append(int(starts[starts >= 0].min()))
    return max(first)


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

    window = (trace.warm_up, trace.until) if trace.warm_up else None
    reaction = most(reaction_times(trace, chain, window))
    age = most(data_ages(trace, chain, window, reduced=True))
    return ChainFigures(
        name=chain.name,
        tasks=tuple(trace.system.tasks[task].name for task in chain.tasks),
        reaction_time_max=reaction,
        data_age_max=most(data_ages(trace, chain, window)),
        reduced_data_age_max=age,
        max_reaction=chain.max_reaction,
        max_age=chain.max_age,
        kept=_kept(trace, chain, reaction, age),
    )


def _kept(trace: Trace, chain: ChainSpec, reaction: int | None, age: int | None) -> bool | None:
    """Whether a chain keeps what is required of it; one that never reacts, in a run that is long enough, does not."""
    if not trace.kept or (chain.max_reaction is None and chain.max_age is None):
        return None
    if reaction is None and chain.max_reaction is not None and trace.until > chain.max_reaction:
        return False
    pairs = ((reaction, chain.max_reaction), (age, chain.max_age))
    answers = [seen <= limit for seen, limit in pairs if seen is not None and limit is not None]
    return all(answers) if answers else None


# ---- for people ------------------------------------------------------------------------------------------------------


def headline(figures: Summary) -> str:
    """The one line that says what to look at."""
    busiest = max(figures.processors, key=lambda processor: processor.utilisation)
    load = f"{busiest.name} is busy {_percent(busiest.utilisation)} of the time"
    missing = [task for task in figures.tasks if task.misses]
    unfinished = sum(task.unfinished for task in figures.tasks)
    still_open = (
        f"{_jobs(unfinished)} still open at the end, before {'its deadline' if unfinished == 1 else 'their deadlines'}"
    )
    if not figures.jobs and unfinished:
        return f"No job was judged: {still_open}; {load}."
    if not figures.jobs:
        return "No job was released; look at the offsets and at the length of the run."
    if not missing:
        done = [task for task in figures.tasks if task.response.max is not None]
        tight = max(done, key=lambda task: (task.response.max or 0) / task.deadline)
        share = (tight.response.max or 0) / tight.deadline
        return (
            f"{_all(figures.jobs, still_open if unfinished else '')}; the tightest is {tight.name}, whose slowest job "
            f"used {_percent(share)} of its deadline; {load}."
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
    if figures.deadlock_count:
        first = units.format_duration(figures.deadlocks[0].time, digits=4)
        parts.append(
            f"deadlock at {first}" + (f" and {figures.deadlock_count - 1} more" if figures.deadlock_count > 1 else "")
        )
    if figures.stranded_count:
        parts.append(f"{_jobs(figures.stranded_count)} can never finish")
    if unfinished:
        parts.append(still_open)
    return "; ".join([*parts, load]) + "."


def _all(jobs: int, still_open: str) -> str:
    if still_open:
        return f"{_jobs(jobs)} met {'its deadline' if jobs == 1 else 'their deadlines'}, and {still_open}"
    return "The only job met its deadline" if jobs == 1 else f"All {jobs} jobs met their deadlines"


def _jobs(count: int) -> str:
    return f"{count} {'job' if count == 1 else 'jobs'}"


def _percent(share: float) -> str:
    """A share as a percentage: never 0 % or 100 % unless it is exactly that."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"
