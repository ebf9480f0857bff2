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
from rtsched.metrics.metric import Values, evaluate, of_value, wanted
from rtsched.registry import foreign
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.model.platform import Platform

#: What is compared unless more is asked for, as far as a workload has it. Where accuracies count different things there
#: is one effective accuracy for each, e.g. ``effective_accuracy.miou``. `finished` is shown where some jobs did not
#: finish, since `p95` is of those that did.
METRICS = ("miss_ratio", "effective_accuracy", "finished", "p95", "energy", "uxcost", "xrbench")

#: What is measured for it; `response` only tells runs apart.
MEASURED = (*METRICS[:5], "response", *METRICS[5:])


def title(metric: str) -> str:
    """A metric in words, with its unit where values are shown without."""
    of, thing = of_value(metric)
    return of.heading + (f" ({thing})" if thing else "")


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

    def to_frame(self) -> Any:
        """A pandas DataFrame with a row for each policy and seed. Raises InputError where pandas is not installed."""
        from rtsched.experiment.frames import to_frame

        return to_frame(self)


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
    metrics: str | Sequence[str] = (),
    progress: Callable[[Iterable[Values], int], Iterable[Values]] | None = None,
) -> Comparison:
    """Run every policy on the same seeds and say how they differ from the baseline (the first, unless named).

    `seeds` is how many (0, 1, …) or which; the policy ``file`` is the system's own. `jobs` processes share the work;
    their number does not change the answer. `metrics` names further ones, beside METRICS. Raises InputError, and
    SchedulerError naming the policy and the seed.
    """
    several = range(api.checked_seed(seeds)) if isinstance(seeds, int | Integral) else seeds
    numbers = tuple(dict.fromkeys(api.checked_seed(seed) for seed in several))
    names = tuple(dict.fromkeys(map(_called, [policies] if isinstance(policies, str) else policies)))
    if not numbers or not names:
        raise InputError("compare needs at least one policy and one seed; e.g. -s edf,rm --seeds 30")
    first = names[0] if baseline is None else baseline
    if first not in names:
        raise InputError(f"the baseline {first!r} is none of the policies compared: {', '.join(names)}")
    more = tuple(each.name for each in wanted([metrics] if isinstance(metrics, str) else metrics))
    loaded = api.load(source, platform=platform, overrides=overrides)
    prepared = api.prepare(loaded, until)
    for name in names:  # unknown names before anything runs
        chosen = api.scheduler_of(loaded, None if name == api.OWN else name)
        prepared = prepared.noting(api.without_effect(loaded.system, chosen))
    work = [(name, seed) for name in names for seed in numbers]
    count = min(jobs or os.cpu_count() or 1, len(work))
    measured = tuple(dict.fromkeys((*MEASURED, *more)))
    results = list(_run_all(_Bench(prepared, measured), work, count, progress))
    runs = {name: tuple(results[place * len(numbers) : (place + 1) * len(numbers)]) for place, name in enumerate(names)}
    shown = tuple(dict.fromkeys((*METRICS, *more)))
    present = _present(results, shown)
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
        notes=tuple(_notes(results, present, more)),
    )


def _present(results: Sequence[Values], shown: Sequence[str]) -> tuple[str, ...]:
    """The metrics that all runs have, in the order of `shown`; that all jobs finished need not be said."""
    known = [key for name in shown for key in _keys(results, name)]
    some = [metric for metric in known if all(values.get(metric) is not None for values in results)]
    return tuple(metric for metric in some if metric != "finished" or any(values[metric] != 1 for values in results))


def _keys(results: Sequence[Values], name: str) -> list[str]:
    """The values of a metric: itself, or one for each of several things."""
    keys = dict.fromkeys(key for values in results for key in values)
    return [key for key in keys if key == name or key.startswith(f"{name}.")]


def _notes(results: Sequence[Values], present: Sequence[str], asked: Sequence[str] = ()) -> Iterator[str]:
    """What to know about the metrics: which have no common mean, and which some runs (of those asked for: all) lack."""
    measures = [metric.partition(".")[2] for metric in present if metric.startswith("effective_accuracy.")]
    if measures:
        yield f"accuracies that count different things ({', '.join(measures)}) have no common mean"
    for metric in dict.fromkeys((*METRICS, *asked)):
        lacking = sum(values[metric] is None for values in results)
        whole = lacking == len(results) and (
            metric not in asked or any(key != metric for key in _keys(results, metric))
        )
        if lacking and not whole:
            yield f"{of_value(metric)[0].heading}: left out, since {lacking} of {len(results)} runs have none"


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


@dataclass(frozen=True)
class _Bench:
    """What every run shares: the system, and what is measured."""

    prepared: api.Prepared
    metrics: tuple[str, ...]

    def run(self, policy: str, seed: int) -> Values:
        """The metrics of one run, whose trace is kept if one of them needs it."""
        kept = any(each.reads_trace(self.prepared.spec) for each in wanted(self.metrics))
        trace = self.prepared.run(self.prepared.scheduler(policy), seed, trace=kept)
        return evaluate(trace, self.metrics)


_BENCH: list[_Bench] = []  # of a worker process


def _enter(bench: _Bench) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt ends a worker at once and without a word
    _BENCH[:] = [bench]


def _work(item: tuple[str, int]) -> Values | RtschedError:
    return _one(_BENCH[0], *item)


def _run_all(bench: _Bench, work: list[tuple[str, int]], jobs: int, progress: Any) -> Iterator[Values]:
    """The values of all runs, in order."""
    if jobs == 1:
        results = (_one(bench, *item) for item in work)
        yield from _checked(results, len(work), progress)
        return
    with ProcessPoolExecutor(jobs, initializer=_enter, initargs=(bench,)) as pool:
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


def _one(bench: _Bench, policy: str, seed: int) -> Values | RtschedError:
    """The metrics of one run; an error is handed back with the policy and the seed in front."""
    try:
        return bench.run(policy, seed)
    except RtschedError as error:
        return type(error)(f"{policy}, seed {seed}: {error}")
    except (Exception, SystemExit) as error:
        place = foreign(error)
        if place is None:
            raise
        return SchedulerError(f"{policy}, seed {seed}: {place}: {cut(repr(error), 300)}; this is not rtsched's code: "
                              "mend it there")  # fmt: skip
