"""The figures of a run as data: of the whole, of its tasks, processors and chains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rtsched.display import Displayed
from rtsched.metrics.hardware import HardwareFigures
from rtsched.visible import cut


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
class MissesFigures:
    """What a task requires of misses in a row: at most `most` of any `of` jobs; of how many at most it was `seen`."""

    most: int
    of: int
    seen: int

    @property
    def kept(self) -> bool:
        """Whether no window of this run had more misses."""
        return self.seen <= self.most


@dataclass(frozen=True)
class TaskFigures:
    """The figures of one task. Times in ns; ratios and accuracies between 0 and 1.

    `response`, `slowdown` and the lateness are those of the `finished` jobs (late ones, too).
    `accuracy` is the share of right answers among those given, `effective_accuracy` their worth over all jobs: what is
    late (beyond its decay), dropped or aborted counts as wrong. `measure` says what the accuracies count ("top1": right
    answers). `variants` says how many answers came from each variant or exit, the best first. All four are None where
    accuracies are not known. `misses_in_a_row` is None where nothing is required of them, or no trace was kept.
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
    id: str | None = None
    misses_in_a_row: MissesFigures | None = None


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
class EndFigures:
    """One end-to-end quantity of a chain (its code and name): the longest of `count` that were seen, in ns.

    `begins` and `ends` are the events between which it lies. `slack` is what is left to the `limit` (ns), `kept`
    whether it was never exceeded; None where nothing is required, or nothing was seen.
    """

    quantity: str
    name: str
    begins: str
    ends: str
    max: int | None
    count: int
    limit: int | None
    slack: int | None
    kept: bool | None


@dataclass(frozen=True)
class ChainFigures:
    """The end-to-end quantities of a cause-effect chain: reaction time, data age and so on, each in `ends`.

    They count from when all its tasks have begun, or from the warm-up. `kept` says whether all that is required was
    kept; None where nothing is required, or nothing was seen. Of a chain that samples: how many `samples` its first
    task took, how many were lost (no output knows of them), how many `outputs` there were and how many repeated an
    older sample. Of one whose tasks release each other: how many instances were `lost` on the way.
    """

    name: str
    tasks: tuple[str, ...]
    reaction_time_max: int | None
    data_age_max: int | None
    reduced_data_age_max: int | None
    max_reaction: int | None = None
    max_age: int | None = None
    kept: bool | None = None
    id: str | None = None
    ends: tuple[EndFigures, ...] = ()
    samples: int | None = None
    samples_lost: int | None = None
    outputs: int | None = None
    outputs_repeated: int | None = None
    lost: int | None = None


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
class Summary(Displayed):
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
    id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data; ``rtsched.export.schema`` describes it."""
        return {"format": 1, **asdict(self)}

    def __repr__(self) -> str:
        return f"<Summary of {cut(self.system)!r} under {cut(self.scheduler)}: {cut(self.headline, 200)}>"
