"""One metric over two axes: a map for each policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.figures.ask import MOST_PANELS, StudyView, named
from rtsched.experiment.words import Quantity, of_metric
from rtsched.plot.heat import Map, Maps, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(view: StudyView) -> Figure:
    """The maps, the first axis upwards. Raises InputError where the study has not two axes."""
    view.refuse_weighted("a map")
    (metric,) = view.metrics()
    axes = view.along(2)
    if len(axes) < 2:
        axes = [*axes, *(name for name in view.free() if name not in axes)][:2]
    if len(axes) < 2:
        raise InputError("a map needs two axes, and here is only one left; try --kind curves")
    rows, columns = axes
    groups, policies = view.panels(axes), view.asked(metric)
    if len(groups) * len(policies) > MOST_PANELS:
        raise InputError(f"this makes more than {MOST_PANELS} maps; choose with --policy, or --at AXIS=VALUE")
    bands = [view.band(place, who, metric) for place in view.points for who in policies]
    if not any(bands):
        raise InputError(f"no run of this study has a value of {metric!r}")
    quantity = of_metric(view.outline, metric, [band.mean for band in bands if band is not None])
    maps = [_map(view, places, who, metric, quantity, title, axes) for who in policies for title, places in groups]
    what = Maps(
        maps=tuple(maps),
        x=named(columns),
        y=named(rows),
        columns=tuple(map(str, view.values(columns))),
        rows=tuple(map(str, view.values(rows))),
        z=quantity.label,
        share=quantity.share,
        notes=view.notes("* some lack a value" if any(any(map(any, each.partial)) for each in maps) else ""),
    )
    return draw(what, view.ask.size)


def _map(
    view: StudyView, places: Sequence[int], who: int, metric: str, quantity: Quantity, title: str, axes: Sequence[str]
) -> Map:
    """The values of one policy, by the values of both axes."""
    here = {tuple(view.results.axes_at(place)[name] for name in axes): place for place in places}
    found = [
        [view.estimates(metric)[here[row, column], who] if (row, column) in here else None
         for column in view.values(axes[1])]
        for row in view.values(axes[0])
    ]  # fmt: skip
    values = tuple(
        tuple(None if each is None or each.band is None else quantity.scaled(each.band.mean) for each in row)
        for row in found
    )
    partial = tuple(tuple(each is not None and each.lacking > 0 for each in row) for row in found)
    label = view.outline.policies[who]
    return Map(", ".join(filter(None, (label, title))), values, partial)
