"""A metric over an axis, a curve for each policy; what is undecided or came to nothing in a strip of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.experiment.cells import Count
from rtsched.experiment.figures.ask import MOST_LOOKS, StudyView, named
from rtsched.experiment.outline import ACCEPTED, LOADS, PROOFS, Place
from rtsched.experiment.statistics import Band, weighted_schedulability
from rtsched.experiment.words import Quantity, of_metric
from rtsched.plot.curves import Curve, Curves, Panel, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: (metric, policy) of each curve.
Drawn = Sequence[tuple[str, int]]
#: The utilisations of systems, and which of them are accepted.
Sets = tuple[list[float], list[bool | None]]


@dataclass(frozen=True)
class Axis:
    """What curves are drawn along: an axis of numbers, of names (`ticks`), or nothing at all."""

    name: str | None
    label: str
    places: dict[Any, float]
    ticks: tuple[str, ...] = ()

    def at(self, values: dict[str, Any]) -> float:
        """Where a point with these values of the axes is."""
        return 0.0 if self.name is None else self.places[values[self.name]]


def figure(view: StudyView) -> Figure:
    """The curves. Raises InputError where there is no axis to draw over, or more than can be told apart."""
    metrics = view.metrics(MOST_LOOKS)
    drawn = [(metric, who) for metric in metrics for who in view.asked(metric)]
    if len(drawn) > MOST_LOOKS:
        there = ", ".join(dict.fromkeys(view.outline.policies[who] for _, who in drawn))
        raise InputError(
            f"{len(drawn)} curves cannot be told apart, {MOST_LOOKS} at most; "
            f"choose with --policy and --metric (policies: {there})"
        )
    loads = _loads(view, metrics)
    axis = _axis(view, loads)
    quantity = Quantity("weighted schedulability", "%", 0.01, True) if loads else _quantity(view, metrics)
    along = [*loads, *([] if axis.name is None else [axis.name])]
    panels = tuple(
        Panel(title, tuple(_curves(view, places, drawn, axis, quantity, bool(loads))))
        for title, places in view.panels(along)
    )
    proofs = any(metric in PROOFS for metric in metrics)
    what = Curves(
        panels=panels,
        x=axis.label,
        y=quantity.label,
        share=quantity.share,
        open="undecided (%)" if proofs else "no value (%)",
        notes=view.notes("95 % intervals" if any(map(_has_band, panels)) else "", *_open(view, proofs)),
        ticks=axis.ticks,
    )
    return draw(what, view.ask.size)


def _has_band(panel: Panel) -> bool:
    return any(low is not None for curve in panel.curves for low in curve.lows)


def _loads(view: StudyView, metrics: Sequence[str]) -> list[str]:
    """The axes that are summed up over."""
    if not view.ask.weighted:
        return []
    found = [name for name in LOADS if name in view.free()]
    if not found:
        raise InputError("weighted schedulability sums up over the utilisation, and here is no such axis; leave it out")
    for metric in metrics:
        if metric not in ACCEPTED:
            names = " or ".join(ACCEPTED)
            raise InputError(f"weighted schedulability is of systems that are accepted or not; --metric {names}")
    return found


def _axis(view: StudyView, loads: Sequence[str]) -> Axis:
    """The axis asked for, else the first of numbers, else the first."""
    free = [name for name in view.free() if name not in loads]
    name = next(iter(view.ask.over or [name for name in free if view.numeric(name) is not None] or free), None)
    if len(view.ask.over) > 1 or (name is not None and name in loads):
        raise InputError("curves are drawn over one axis, which is not the one summed up over; name it with --over")
    if name is None:
        if not loads:
            raise InputError("curves need an axis, and this study has one point; try --kind ecdf")
        return Axis(None, "", {}, ("all systems",))
    numbers = view.numeric(name)
    if numbers is not None:
        return Axis(name, numbers[0].label, numbers[1])
    values = view.values(name)
    return Axis(name, named(name), {value: place for place, value in enumerate(values)}, tuple(map(str, values)))


def _quantity(view: StudyView, metrics: Sequence[str]) -> Quantity:
    """What the upright axis shows. Raises InputError where the metrics have different units."""
    bands = [each.band for metric in metrics for each in view.estimates(metric).values()]
    means = [band.mean for band in bands if band is not None]
    quantities = [of_metric(view.outline, metric, means) for metric in metrics]
    if len({quantity.unit for quantity in quantities}) > 1:
        raise InputError("metrics of different units do not share an axis; make a figure of each")
    if len(quantities) == 1:
        return quantities[0]
    titles = dict.fromkeys(quantity.title for quantity in quantities)
    return Quantity(", ".join(titles), quantities[0].unit, quantities[0].per, quantities[0].share)


def _curves(
    view: StudyView, places: Sequence[int], drawn: Drawn, axis: Axis, quantity: Quantity, together: bool
) -> list[Curve]:
    """One curve for each metric and policy; both are named where a policy has several."""
    found = []
    several = len({who for _, who in drawn}) < len(drawn)
    sets = _sets(view, {metric for metric, _ in drawn}) if together else {}
    here: dict[float, list[int]] = {}
    for place in places:
        here.setdefault(axis.at(view.results.axes_at(place)), []).append(place)
    for number, (metric, who) in enumerate(drawn):
        bands, unknown = [], []
        for _, those in sorted(here.items()):
            bands.append(_weighted(sets, those, who, metric) if together else view.band(those[0], who, metric))
            unknown.append(_share_open([view.counts[place, who] for place in those], metric))
        label = view.outline.policies[who]
        if several:
            label += f", {of_metric(view.outline, metric).title}"
        means, lows, highs = (
            tuple(None if band is None else quantity.scaled(getattr(band, end)) for band in bands)
            for end in ("mean", "low", "high")
        )
        found.append(Curve(label, tuple(sorted(here)), means, lows, highs, tuple(unknown), number))
    return found


def _sets(view: StudyView, metrics: Iterable[str]) -> dict[tuple[Place, str], Sets]:
    """The utilisation of each system, and whether it is accepted, by point, policy and metric."""
    found: dict[tuple[Place, str], Sets] = {}
    for place, cell in view.cells():
        values = view.results.axes_at(place[0])
        asked = next(float(values[name]) for name in LOADS if name in values)
        loads = cell.utilisations(asked)
        for metric in metrics:
            found[place, metric] = loads, cell.outcomes(metric)
    return found


def _weighted(sets: dict[tuple[Place, str], Sets], places: Sequence[int], who: int, metric: str) -> Band | None:
    """The weighted schedulability over several points: each system by its utilisation."""
    those = [sets[(place, who), metric] for place in places if ((place, who), metric) in sets]
    loads = [load for each, _ in those for load in each]
    return weighted_schedulability(loads, [yes for _, each in those for yes in each]) if loads else None


def _share_open(counts: Sequence[Count], metric: str) -> float:
    """The share, in per cent, of systems of which nothing is known: undecided, out of time, in error."""
    count = sum(each.units for each in counts)
    known = sum(each.decided if metric in PROOFS else each.valued.get(metric, 0) for each in counts)
    return 100 * (count - known) / count if count else 0.0


def _open(view: StudyView, proofs: bool) -> list[str]:
    """What is not known, by its reason."""
    counts = [view.counts[place, who] for place in view.points for who in view.policies]
    named = {
        "runs in error": sum(each.statuses["error"] for each in counts),
        "out of time": sum(each.statuses["timeout"] for each in counts),
        "unknown": sum(each.unknown for each in counts) if proofs else 0,
    }
    return [f"{name}: {count}" for name, count in named.items() if count]
