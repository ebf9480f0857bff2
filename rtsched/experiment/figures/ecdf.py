"""How the systems of a point share out over the values of a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.figures.ask import MOST_LOOKS, StudyView
from rtsched.experiment.words import of_metric
from rtsched.plot.ecdf import Sample, Samples, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(view: StudyView) -> Figure:
    """A staircase for each policy, a panel for each point; systems without a value count, so it may end below 100 %."""
    view.refuse_over_and_weighted("an ECDF")
    (metric,) = view.metrics()
    policies = view.asked(metric)
    if len(policies) > MOST_LOOKS:
        raise InputError(f"more than {MOST_LOOKS} policies cannot be told apart; choose some with --policy")
    found = {(place, who): cell.values(metric) for (place, who), cell in view.cells() if who in policies}
    quantity = of_metric(view.outline, metric, [value for values in found.values() for value in values])
    panels, lacking = [], 0
    for title, places in view.panels([]):
        samples = []
        for look, who in enumerate(policies):
            values = [value for place in places for value in found.get((place, who), ())]
            count = sum(view.counts[place, who].units for place in places)
            lacking += count - len(values)
            scaled = tuple(value / quantity.per for value in values)
            samples.append(Sample(view.outline.policies[who], scaled, count, look))
        panels.append((title, tuple(samples)))
    note = f"without a value: {lacking}" if lacking else ""
    return draw(Samples(tuple(panels), quantity.label, view.notes(note)), view.ask.size)
