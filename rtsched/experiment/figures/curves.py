"""A metric over an axis, a curve for each policy; what is undecided or came to nothing in a strip of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.experiment.figures.ask import MOST_LOOKS, StudyView, named
from rtsched.experiment.results import PROOFS, Cell
from rtsched.experiment.statistics import Band, weighted_schedulability
from rtsched.experiment.words import Quantity, of_metric
from rtsched.plot.curves import Curve, Curves, Panel, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The axes that weighted schedulability sums up over, and the metrics that say whether a system is accepted.
LOADS = ("generate.utilisation", "generate.total_utilisation")
ACCEPTED = ("no_miss", "proven")

#: (metric, policy) of each curve.
Drawn = Sequence[tuple[str, int]]


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
        raise InputError(f"more than {MOST_LOOKS} curves cannot be told apart; choose some with --policy and --metric")
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
    largest = max((abs(band.mean) for band in bands if band is not None), default=0)
    quantities = [of_metric(metric, largest) for metric in metrics]
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
    here: dict[float, list[int]] = {}
    for place in places:
        here.setdefault(axis.at(view.results.axes_at(place)), []).append(place)
    for number, (metric, who) in enumerate(drawn):
        bands, unknown = [], []
        for _, those in sorted(here.items()):
            bands.append(_weighted(view, those, who, metric) if together else view.band(those[0], who, metric))
            unknown.append(_share_open([view.results.cells[place, who] for place in those], metric))
        label = view.outline.policies[who]
        if several:
            label += f", {of_metric(metric, 1).title}"
        means, lows, highs = (
            tuple(None if band is None else quantity.scaled(getattr(band, end)) for band in bands)
            for end in ("mean", "low", "high")
        )
        found.append(Curve(label, tuple(sorted(here)), means, lows, highs, tuple(unknown), number))
    return found


def _weighted(view: StudyView, places: Sequence[int], who: int, metric: str) -> Band | None:
    """The weighted schedulability over several points: each system by its utilisation."""
    loads: list[float] = []
    outcomes: list[bool | None] = []
    for place in places:
        cell = view.results.cells[place, who]
        accepted = _outcomes(cell, metric)
        values = view.results.axes_at(place)
        asked = next(float(values[name]) for name in LOADS if name in values)
        for unit, rows in cell.units.items():
            loads.append(float(rows[0].values.get("utilisation") or asked))
            outcomes.append(accepted.get(unit))
    return weighted_schedulability(loads, outcomes) if loads else None


def _outcomes(cell: Cell, metric: str) -> dict[int, bool]:
    """Which systems are accepted, and which are not; left out are those of which that is not known."""
    found = {unit: value == 1 for unit, value in cell.values(metric).items()}
    if metric not in PROOFS:
        return found
    other = next(each for each in PROOFS if each != metric)
    if not cell.asks(other):  # a test of whole sets: it accepts or does not
        return found
    refuted = cell.values(other)
    return {unit: yes for unit, yes in found.items() if yes or refuted.get(unit) == 1}


def _share_open(cells: Sequence[Cell], metric: str) -> float:
    """The share, in per cent, of systems of which nothing is known: undecided, out of time, in error."""
    count = sum(len(cell.units) for cell in cells)
    known = sum(len(_outcomes(cell, metric) if metric in PROOFS else cell.values(metric)) for cell in cells)
    return 100 * (count - known) / count if count else 0.0


def _open(view: StudyView, proofs: bool) -> list[str]:
    """What is not known, by its reason."""
    cells = [view.results.cells[place, who] for place in view.points for who in view.policies]
    rows = [row for cell in cells for rows in cell.units.values() for row in rows]
    counts = {status: sum(row.status == status for row in rows) for status in ("error", "timeout")}
    named = {"runs in error": counts["error"], "out of time": counts["timeout"]}
    if proofs:
        proofs_of = [row.values for row in rows if row.status == "ok" and PROOFS[1] in row.values]
        named["unknown"] = sum(not any(values[key] for key in PROOFS) for values in proofs_of)
    return [f"{name}: {count}" for name, count in named.items() if count]
