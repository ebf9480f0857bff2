"""Policies beside each other on the same worlds: means with intervals, and paired differences, from plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rtsched.experiment.statistics import (
    band,
    cohens_d,
    differences,
    fewest_pairs,
    holm,
    interval,
    is_bounded,
    sign_flip,
    superiority,
)
from rtsched.experiment.statistics.intervals import NOISE
from rtsched.metrics.metric import SHARE, Values, of_value

#: Differences have one star below this p, and two below the other.
STAR, STARS = 0.05, 0.01


@dataclass(frozen=True)
class Cell:
    """One metric of one policy over all worlds, and its paired difference to the baseline.

    `low` and `high` are the 95 % confidence interval of the mean (`statistics.band`), `half` half the width of
    Student's: 0 where all runs gave the same, None where that is not the one to show (values of 0 and 1 alone).
    `difference` is the mean difference with its `difference_half`, `p` the probability of one as large by chance,
    corrected for all tests of the table, and `p_alone` without. `d` (Cohen's, paired) and `superiority` (the share of
    worlds with a larger value, ties by half) are sizes of the effect. None is what there is not: an interval of a
    single run, a difference of the baseline.
    """

    mean: float
    half: float | None
    difference: float | None = None
    difference_half: float | None = None
    p: float | None = None
    low: float | None = None
    high: float | None = None
    p_alone: float | None = None
    d: float | None = None
    superiority: float | None = None


def cells(
    runs: Mapping[str, Sequence[Values]], metrics: Sequence[str], baseline: str, *, fixed: bool = False
) -> dict[str, dict[str, Cell]]:
    """The figures of every policy by metric, from its values in each world, in the same order for all.

    Every policy has all the metrics in every world (`common` says which). Where the worlds are `fixed` (nothing is
    random), or there is a single one, there is nothing to estimate or to test.
    """
    table: dict[str, dict[str, Cell]] = {name: {} for name in runs}
    places = [(metric, name) for metric in metrics for name in runs if name != baseline]
    columns = {(metric, name): _column(each, metric) for metric in metrics for name, each in runs.items()}
    apart = {(metric, name): differences(columns[metric, name], columns[metric, baseline]) for metric, name in places}
    single = fixed or len(runs[baseline]) < 2
    chances: list[float | None] = [None if single else sign_flip(apart[place]) for place in places]
    corrected = dict(zip(places, zip(chances, holm(chances), strict=True), strict=True))
    for metric in metrics:
        for name in runs:
            values = columns[metric, name]
            mean, half, low, high = (values[0], None, None, None) if single else _mean(values, metric)
            if name == baseline:
                table[name][metric] = Cell(mean, half, low=low, high=high)
                continue
            pairs = apart[metric, name]
            difference, wide = interval(pairs[:1] if single else pairs)
            alone, p = corrected[metric, name]
            table[name][metric] = Cell(
                mean, half, difference, wide, p, low, high, alone,
                None if single else cohens_d(pairs), None if single else superiority(pairs),
            )  # fmt: skip
    return table


def _column(values: Sequence[Values], metric: str) -> list[float]:
    found = []
    for each in values:
        value = each[metric]
        assert value is not None
        found.append(float(value))
    return found


def _mean(values: Sequence[float], metric: str) -> tuple[float, float | None, float | None, float | None]:
    """A mean, half of Student's interval where that is the one to show, and the ends of the interval that is."""
    bounded = of_value(metric)[0].unit == SHARE and is_bounded(values)
    found = band(values, bounded=bounded)
    half = None if bounded and set(values) == {0, 1} else interval(values)[1]
    return found.mean, half, found.low, found.high


# ---- which metrics ---------------------------------------------------------------------------------------------------


def common(results: Sequence[Values], shown: Sequence[str]) -> tuple[str, ...]:
    """The metrics that all runs have, in the order of `shown`; that all jobs finished need not be said."""
    known = [key for name in shown for key in _keys(results, name)]
    some = [metric for metric in known if all(values.get(metric) is not None for values in results)]
    return tuple(metric for metric in some if metric != "finished" or any(values[metric] != 1 for values in results))


def remarks(
    results: Sequence[Values], present: Sequence[str], usual: Sequence[str], asked: Sequence[str] = ()
) -> Iterator[str]:
    """What to know about the metrics: which have no common mean, and which some runs (of those asked for: all) lack."""
    measures = [metric.partition(".")[2] for metric in present if metric.startswith("effective_accuracy.")]
    if measures:
        yield f"accuracies that count different things ({', '.join(measures)}) have no common mean"
    for metric in dict.fromkeys((*usual, *asked)):
        lacking = sum(values[metric] is None for values in results)
        whole = lacking == len(results) and (
            metric not in asked or any(key != metric for key in _keys(results, metric))
        )
        if lacking and not whole:
            yield f"{of_value(metric)[0].heading}: left out, since {lacking} of {len(results)} runs have none"


def _keys(results: Sequence[Values], name: str) -> list[str]:
    """The values of a metric: itself, or one for each of several things."""
    keys = dict.fromkeys(key for values in results for key in values)
    return [key for key in keys if key == name or key.startswith(f"{name}.")]


# ---- in words --------------------------------------------------------------------------------------------------------


def figure(cell: Cell, key: str) -> str:
    """A mean with its interval: ``4.20 ± 0.31 %``, ``0.05 % (0.00 % to 0.13 %)``, or ``0 % (< 25.9 %)``.

    Where all runs gave the same, and that is not none or all, the interval is left to JSON.

    >>> figure(Cell(0.0, 0.0, low=0.0, high=0.2589), "miss_ratio")
    '0 % (< 25.89 %)'
    """
    of = of_value(key)[0]
    if cell.low is None or cell.high is None:
        return of.show(cell.mean)
    if _none_or_all(cell):
        return f"0 % (< {of.show(cell.high)})" if cell.mean < 0.5 else f"100 % (> {of.show(cell.low)})"
    if cell.half == 0:
        return of.show(cell.mean)
    if cell.half is not None and cell.high - cell.low > 1.999 * cell.half:  # it is cut on neither side
        return of.show(cell.mean, cell.half)
    return f"{of.show(cell.mean)} ({of.show(cell.low)} to {of.show(cell.high)})"


def _none_or_all(cell: Cell) -> bool:
    """Whether it is a share that is 0 in all runs, or 1 in all of them, with room for other runs."""
    return cell.half == 0 and cell.low is not None and min(abs(cell.mean), abs(1 - cell.mean)) <= NOISE


def contrast(cell: Cell, key: str) -> str:
    """The paired difference to the baseline with its interval and its stars; ``=`` where no run differs.

    >>> contrast(Cell(0.3, 0.1, -0.2, 0.05, p=0.02), "miss_ratio")
    '-20.00 ± 5.00 pp*'
    """
    if cell.difference is None:
        return ""
    if cell.difference == 0 and not cell.difference_half:
        return "="
    return of_value(key)[0].show_difference(cell.difference, cell.difference_half) + stars(cell.p)


def stars(p: float | None) -> str:
    """The stars of a difference that is as large by chance with this probability."""
    return "" if p is None or p >= STAR else "**" if p < STARS else "*"


def legend(table: Mapping[str, Mapping[str, Cell]], baseline: str, count: int) -> list[str]:
    """What the figures of a table over so many worlds mean, in lines."""
    found = [cell for row in table.values() for cell in row.values()]
    tests = sum(cell.p is not None for cell in found)
    if count < 2:
        return ["One run of each: how other seeds would come out is not known."]
    lines = ["± or (… to …): 95 % confidence interval of the mean over runs. Without: all runs gave the same."]
    if any(map(_none_or_all, found)):
        lines.append(
            f"(< …), (> …): how far the mean may be from none, or all, that {count} runs showed (rule of three)."
        )
    if tests:
        lines.append(
            f"Below each: the paired difference to {baseline}, pp in percentage points, = none in any run; * p < "
            f"{STAR:g}, ** p < {STARS:g}\n(sign-flip test, Holm's correction over the {tests} differences here)."
        )
        if count < fewest_pairs(tests, STAR):
            lines.append(f"{count} runs are too few for a star: {fewest_pairs(tests, STAR)} are the fewest.")
    return lines
