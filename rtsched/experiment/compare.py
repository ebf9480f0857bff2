"""Policies side by side: the same worlds (seeds) for each, in parallel, with intervals and paired differences."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import yaml

from rtsched import api
from rtsched.errors import InputError, RtschedError, SchedulerError
from rtsched.experiment.statistics import holm, interval, sign_flip
from rtsched.metrics import summary as metrics
from rtsched.registry import foreign
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.model.platform import Platform
    from rtsched.model.taskgraph import NodeSpec, SystemSpec
    from rtsched.trace.trace import Trace

#: What is measured: its title, and whether more of it is better. Where accuracies count different things there is one
#: effective accuracy for each, e.g. ``effective_accuracy.miou``. `finished` is shown where some jobs did not finish,
#: since `p95` is of those that did.
METRICS = {
    "miss_ratio": ("misses", False),
    "effective_accuracy": ("effective accuracy", True),
    "finished": ("finished", True),
    "p95": ("p95 / deadline of finished jobs", False),
    "energy": ("energy (J)", False),
    "uxcost": ("UXCost", False),
    "xrbench": ("XRBench", True),
}

#: The metrics that are shares of one, shown in per cent.
SHARES = ("miss_ratio", "effective_accuracy", "finished")

Values = dict[str, float | None]


def title(metric: str) -> str:
    """A metric in words."""
    name, _, measure = metric.partition(".")
    return METRICS[name][0] + (f" ({measure})" if measure else "")


def is_share(metric: str) -> bool:
    """Whether a metric is a share of one."""
    return metric.partition(".")[0] in SHARES


@dataclass(frozen=True)
class Cell:
    """One metric of one policy over all seeds.

    `half` is half the width of the 95 % confidence interval of the mean, `difference` the mean paired difference to the
    baseline with its `difference_half`, and `p` the probability of one as large by chance (corrected); None where there
    is none.
    """

    mean: float
    half: float | None
    difference: float | None = None
    difference_half: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class Row:
    """One policy: its figures by metric, and each run's own values in the order of the seeds."""

    policy: str
    cells: dict[str, Cell]
    runs: tuple[Values, ...]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; metrics that the workload does not have are left out, `notes` say which a run lacked.

    `fixed`: all seeds gave the same.
    """

    system: str
    baseline: str
    seeds: tuple[int, ...]
    until: int
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    fixed: bool
    assumed: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"format": 1, **asdict(self)}


def compare(
    source: api.Source,
    policies: str | Sequence[str | Mapping[str, Any]],
    seeds: int | Sequence[int] = 10,
    *,
    until: int | str | None = None,
    platform: str | Mapping[str, Any] | Platform | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    baseline: str | None = None,
    progress: Callable[[Iterable[Values], int], Iterable[Values]] | None = None,
) -> Comparison:
    """Run every policy on the same seeds and say how they differ from the baseline (the first, unless named).

    `seeds` is how many (0, 1, …) or which; the policy ``file`` is the system's own. `jobs` processes share the work;
    their number does not change the answer. Raises InputError, and SchedulerError naming the policy and the seed.
    """
    several = range(api.checked_seed(seeds)) if isinstance(seeds, int | Integral) else seeds
    numbers = tuple(dict.fromkeys(api.checked_seed(seed) for seed in several))
    names = tuple(dict.fromkeys(map(_called, [policies] if isinstance(policies, str) else policies)))
    if not numbers or not names:
        raise InputError("compare needs at least one policy and one seed; e.g. -s edf,rm --seeds 30")
    first = names[0] if baseline is None else baseline
    if first not in names:
        raise InputError(f"the baseline {first!r} is none of the policies compared: {', '.join(names)}")
    loaded = api.load(source, platform=platform, overrides=overrides)
    prepared = api.prepare(loaded, until)
    for name in names:  # unknown names before anything runs
        chosen = api.scheduler_of(loaded, None if name == api.OWN else name)
        prepared = prepared.noting(api.without_effect(loaded.system, chosen))
    work = [(name, seed) for name in names for seed in numbers]
    count = min(jobs or os.cpu_count() or 1, len(work))
    results = list(_run_all(prepared, work, count, progress))
    runs = {name: tuple(results[place * len(numbers) : (place + 1) * len(numbers)]) for place, name in enumerate(names)}
    present = _present(results)
    fixed = len(numbers) > 1 and all(len({tuple(run.values()) for run in runs[name]}) == 1 for name in names)
    return Comparison(
        system=prepared.spec.name,
        baseline=first,
        seeds=numbers,
        until=prepared.until,
        metrics=present,
        rows=tuple(Row(name, cells, runs[name]) for name, cells in _cells(runs, present, first, fixed).items()),
        fixed=fixed,
        assumed=prepared.spec.assumed,
        notes=tuple(_notes(results, present)),
    )


def _present(results: Sequence[Values]) -> tuple[str, ...]:
    """The metrics that all runs have, in the order of METRICS; that all jobs finished need not be said."""
    known = [key for name in METRICS for key in results[0] if key.partition(".")[0] == name]
    some = [metric for metric in known if all(values[metric] is not None for values in results)]
    return tuple(metric for metric in some if metric != "finished" or any(values[metric] != 1 for values in results))


def _notes(results: Sequence[Values], present: Sequence[str]) -> Iterator[str]:
    """What to know about the metrics: which have no common mean, and which some runs lack."""
    measures = [metric.partition(".")[2] for metric in present if "." in metric]
    if measures:
        yield f"accuracies that count different things ({', '.join(measures)}) have no common mean"
    for metric in METRICS:
        lacking = sum(values[metric] is None for values in results)
        if 0 < lacking < len(results):
            yield f"{title(metric)}: left out, since {lacking} of {len(results)} runs have none"


def _called(policy: str | Mapping[str, Any]) -> str:
    """A policy as a text that describes it, which is also its name in the answer."""
    if isinstance(policy, str):
        return policy
    return yaml.safe_dump(api.parts_of(policy), default_flow_style=True, sort_keys=False, width=math.inf).strip()


def _cells(
    runs: dict[str, tuple[Values, ...]], present: Sequence[str], baseline: str, fixed: bool
) -> dict[str, dict[str, Cell]]:
    """The figures of every policy by metric; where all seeds gave the same there is nothing to estimate or to test."""
    table: dict[str, dict[str, Cell]] = {name: {} for name in runs}
    for metric in present:
        column = {name: [_number(values[metric]) for values in each] for name, each in runs.items()}
        base = column[baseline]
        differences = {
            name: [value - other for value, other in zip(values, base, strict=True)] for name, values in column.items()
        }
        single = fixed or len(base) < 2
        chances = holm([None if name == baseline or single else sign_flip(differences[name]) for name in runs])
        for name, chance in zip(runs, chances, strict=True):
            mean, half = interval(column[name][:1] if fixed else column[name])
            difference, wide = interval(differences[name][:1] if fixed else differences[name])
            if name == baseline:
                table[name][metric] = Cell(mean, half)
            else:
                table[name][metric] = Cell(mean, half, difference, wide, chance)
    return table


def _number(value: float | None) -> float:
    assert value is not None
    return value


# ---- runs ------------------------------------------------------------------------------------------------------------

_PREPARED: list[api.Prepared] = []  # of a worker process


def _enter(prepared: api.Prepared) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt ends a worker at once and without a word
    _PREPARED[:] = [prepared]


def _work(item: tuple[str, int]) -> Values | RtschedError:
    return _one(_PREPARED[0], *item)


def _run_all(prepared: api.Prepared, work: list[tuple[str, int]], jobs: int, progress: Any) -> Iterator[Values]:
    """The values of all runs, in order."""
    if jobs == 1:
        results = (_one(prepared, *item) for item in work)
        yield from _checked(results, len(work), progress)
        return
    with ProcessPoolExecutor(jobs, initializer=_enter, initargs=(prepared,)) as pool:
        try:
            yield from _checked(pool.map(_work, work), len(work), progress)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _checked(results: Iterator[Values | RtschedError], count: int, progress: Any) -> Iterator[Values]:
    for result in results if progress is None else progress(results, count):
        if isinstance(result, RtschedError):
            raise result
        yield result


def _one(prepared: api.Prepared, policy: str, seed: int) -> Values | RtschedError:
    """The metrics of one run; an error is handed back with the policy and the seed in front."""
    try:
        scored = _has_scores(prepared.spec)
        trace = prepared.run(prepared.scheduler(policy), seed, trace=scored)
        return values_of(trace, metrics.summary(trace))
    except RtschedError as error:
        return type(error)(f"{policy}, seed {seed}: {error}")
    except (Exception, SystemExit) as error:
        place = foreign(error)
        if place is None:
            raise
        return SchedulerError(f"{policy}, seed {seed}: {place}: {cut(repr(error), 300)}; this is not rtsched's code: "
                              "mend it there")  # fmt: skip


def values_of(trace: Trace, figures: Summary) -> Values:
    """The metrics of one run; None where the workload has no such thing.

    `p95` is the largest 95th percentile of a task's response time, in relative deadlines, over the jobs that finished:
    `finished` is their share. `response` (the mean response times) only tells runs apart.
    """
    tails = [task.response.p95 / task.deadline for task in figures.tasks if task.response.p95 is not None]
    energy = None if figures.hardware is None else figures.hardware.energy
    score = None
    if trace.kept and _has_scores(trace.system):
        from rtsched.metrics.xrbench import scores

        score = scores(trace).overall
    measures = figures.measures if len(figures.measures) > 1 else ()
    return {
        "miss_ratio": figures.miss_ratio,
        "effective_accuracy": figures.effective_accuracy,
        **{f"effective_accuracy.{measure.name}": measure.effective_accuracy for measure in measures},
        "finished": sum(task.finished for task in figures.tasks) / figures.jobs if figures.jobs else None,
        "p95": max(tails) if tails else None,
        "energy": None if energy is None or not energy.total else energy.total / 1e9,
        "response": math.fsum(task.response.mean or 0.0 for task in figures.tasks),
        "uxcost": uxcost(trace.system, figures),
        "xrbench": score,
    }


def uxcost(system: SystemSpec, figures: Summary) -> float | None:
    """UXCost in the style of DREAM (Kim et al., ASPLOS 2023, not read): violation rates times normalised energies.

    Our definition: the sum over tasks of misses over jobs, or 1 / (2 jobs) without any, times the sum over tasks of the
    energy used over that of all jobs with every node on its worst processor. None where a node has no energy of its own
    (it is then known of processors only), or where jobs of a warm-up used some, too.
    """
    energy = None if figures.hardware is None else figures.hardware.energy
    if energy is None or figures.warm_up:
        return None
    rates, shares = 0.0, 0.0
    for spec, task, used in zip(system.tasks, figures.tasks, energy.tasks, strict=True):
        worst = [_worst_energy(node) for node in spec.nodes]
        if not all(worst) or not task.jobs:
            return None
        rates += task.misses / task.jobs if task.misses else 1 / (2 * task.jobs)
        shares += used.total / (task.jobs * sum(value for value in worst if value is not None))
    return rates * shares


def _worst_energy(node: NodeSpec) -> int | None:
    values = node.hardware.energy if node.hardware is not None else ()
    return max((value for value in values if value is not None), default=None)


def _has_scores(system: SystemSpec) -> bool:
    """Whether XRBench's scores are defined: single inferences with energies, a known number of frames each."""
    return all(
        len(task.nodes) == 1 and task.count is not None and _worst_energy(task.nodes[0]) is not None
        for task in system.tasks
    )
