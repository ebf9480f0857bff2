"""How a study is said in pictures and tables: titles, units and scales of what is shown, and of how many it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.experiment.measures import unlike
from rtsched.experiment.outline import PROOFS, Outline
from rtsched.experiment.statistics import is_bounded
from rtsched.metrics.metric import SHARE, TIME
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.experiment.results import Estimate, Results

#: Fewer systems a point are a look, and no result.
ENOUGH = 400
TITLES = {"proven": "proven schedulable", "refuted": "proven unschedulable"}
AXES = {
    "generate.utilisation": "utilisation of the processors",
    "generate.total_utilisation": "total utilisation",
    "generate.tasks": "number of tasks",
}
TIMES = (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


@dataclass(frozen=True)
class Quantity:
    """Something that is shown: its title, the unit of what is written beside it, and what a value is divided by."""

    title: str
    unit: str = ""
    per: float = 1
    share: bool = False

    @property
    def label(self) -> str:
        """Title and unit, as they stand at an axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def scaled(self, value: float | None) -> float | None:
        """A value in the unit."""
        return None if value is None else value / self.per

    def show(self, value: float) -> str:
        """A value in the unit, as text."""
        return f"{value / self.per:.1f}" if self.share else f"{value / self.per:.4g}"


def of_metric(outline: Outline, key: str, values: Iterable[float] = ()) -> Quantity:
    """A metric with these values. Times have the unit in which the largest is no less than one."""
    found = list(values)
    if key in PROOFS:
        return Quantity(TITLES[key], "%", 0.01, True)
    of, thing = outline.measure(key)
    title = of.title + (f" ({thing})" if thing else "")
    if of.unit == SHARE:
        return Quantity(title, "%", 0.01, is_bounded(found))
    return of_time(title, max(map(abs, found), default=0)) if of.unit == TIME else Quantity(title, of.unit)


def of_axis(name: str, values: Sequence[Any]) -> tuple[Quantity, list[float]] | None:
    """An axis whose values are numbers or durations, and those in its unit; None for any other.

    >>> of_axis("generate.tasks", [5, 10])
    (Quantity(title='number of tasks', unit='', per=1, share=False), [5, 10])
    >>> found = of_axis("tasks.a.wcet", ["500 us", "2 ms"])
    >>> found[0].label, found[1]
    ('tasks.a.wcet (ms)', [0.5, 2.0])
    >>> of_axis("platform", ["rk3588", "multicore:2"])
    """
    title = AXES.get(name) or name.removeprefix("generate.").replace("_", " ")
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return Quantity(title), list(values)
    try:
        times = [units.parse_duration(value) for value in values if isinstance(value, str)]
    except ValueError:
        return None
    if len(times) < len(values):
        return None
    quantity = of_time(title, max(times))
    return quantity, [each / quantity.per for each in times]


def of_time(title: str, largest: float) -> Quantity:
    """Times of up to so many ns, in the unit in which that is no less than one."""
    unit, per = next((each for each in TIMES if largest >= each[1]), TIMES[-1])
    return Quantity(title, unit, per)


def population(results: Results, counts: Sequence[int]) -> str:
    """Of how many systems, or runs of one, each point is: ``n = 1000 systems a point``; few ones are a preview."""
    one = results.outline.sets == 1
    what = "run" if one else "system"
    least, most = min(counts, default=0), max(counts, default=0)
    count = str(least) if least == most else f"{least} to {most}"
    said = f"n = {count} {what}{'s' * (most != 1)} a point"
    return f"preview: {said}" if most < ENOUGH and not one else said


def unshared(results: Results) -> list[str]:
    """What to know of metrics that say they are shares, and have values that are none."""
    return [
        f"{metric} is said to be a share, and its values go from {low:g} to {high:g}: its intervals assume no bounds; "
        "give it another unit"
        for metric, (low, high) in results.known.unshared.items()
    ]


# ---- the tables of a study -------------------------------------------------------------------------------------------


def heading(results: Results, metric: str) -> str:
    """What stands above the table of a metric."""
    if metric in PROOFS:
        return f"{metric} (share of systems)"
    of, thing = results.outline.measure(metric)
    return of.heading + (f" ({thing})" if thing else "")


def told_points(outline: Outline) -> list[list[str]]:
    """The values of the axes at each point for a table."""
    columns = [told(values) for values in zip(*outline.points, strict=True)]
    return [[column[place] for column in columns] for place in range(len(outline.points))]


def told(values: Sequence[Any]) -> list[str]:
    """The values of an axis: long fractions with four digits, where these tell them apart.

    >>> told([0.1, 0.22857142857142856, "0.5 ms"]), told([0.1234567891, 0.1234567892])
    (['0.1', '0.2286', '0.5 ms'], ['0.1234567891', '0.1234567892'])
    """
    exact = [str(value) for value in values]
    short = [f"{value:.4g}" if isinstance(value, float) and len(text) > 8 else text
             for value, text in zip(values, exact, strict=True)]  # fmt: skip
    return short if len(set(short)) == len(set(exact)) else exact


def figures_of(results: Results, metric: str) -> Iterator[list[str]]:
    """The table of a metric: a row for each point, a column for each policy that has it."""
    outline = results.outline
    found = {(each.point, each.policy): each for each in results.estimates(metric)}
    shown = [
        policy
        for policy in outline.policies
        if any(found[place, policy].band or found[place, policy].lacking for place in range(len(outline.points)))
    ]
    yield [*outline.axes, *map(visible, shown)]
    for place, values in enumerate(told_points(outline)):
        yield [*values, *(_cell(results.outline, found[place, policy]) for policy in shown)]


def _cell(outline: Outline, estimate: Estimate) -> str:
    band, metric = estimate.band, estimate.metric
    if band is None:
        return "–" if not estimate.lacking else f"– ({estimate.lacking} lacking)"

    share = outline.is_share(metric)

    def show(value: float) -> str:
        return f"{100 * value:.1f}" if share else outline.measure(metric)[0].show(value)

    ends = "" if band.low is None or band.high is None else f" [{show(band.low)}, {show(band.high)}]"
    lacking = f" ({estimate.lacking} lacking)" if estimate.lacking else ""
    return f"{show(band.mean)}{' %' * share}{ends}{lacking}"


def remarks(results: Results) -> list[str]:
    """Accuracies that have no common mean, and the metrics that say they are shares, and are none."""
    return [*unlike(results.metrics), *unshared(results)]
