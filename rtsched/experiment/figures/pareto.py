"""Accuracy against misses: every policy a point, and the front of those that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.figures.ask import StudyView
from rtsched.experiment.outline import PROOFS
from rtsched.experiment.statistics import Band
from rtsched.experiment.words import Quantity, of_metric
from rtsched.plot.front import Point
from rtsched.plot.pareto import Fronts, draw
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MISSES, ACCURACY = "miss_ratio", "effective_accuracy"


def figure(view: StudyView) -> Figure:
    """Misses to the right, `--metric` (effective accuracy) upwards, a panel for each point of the study."""
    view.refuse_over_and_weighted("a front")
    upwards = view.ask.metrics[0] if view.ask.metrics else ACCURACY
    if len(view.ask.metrics) > 1 or not {MISSES, upwards} <= set(view.results.metrics):
        raise InputError(
            f"a front is of {MISSES} and one other metric ({ACCURACY}), and this study has "
            f"{', '.join(view.results.metrics)}; put both under 'metrics', or choose with --metric"
        )
    misses, heights = view.estimates(MISSES), view.estimates(upwards)
    quantity = of_metric(view.outline, upwards, [each.band.mean for each in heights.values() if each.band])
    sign = 1 if upwards in PROOFS or view.outline.measure(upwards)[0].better == "higher" else -1
    policies = view.asked(upwards)
    panels, lacking = [], 0
    for title, (place,) in view.panels([]):
        points = _points([(view.outline.policies[who], misses[place, who].band, heights[place, who].band)
                        for who in policies], quantity, sign)  # fmt: skip
        lacking += len(policies) - len(points)
        panels.append((title, tuple(points)))
    notes = view.notes("95 % intervals", f"not shown, without a value: {lacking}" if lacking else "")
    better = "better: left, up" if sign > 0 else "better: left, down"
    return draw(Fronts(tuple(panels), "misses (%)", quantity.label, quantity.share, (better, *notes)), view.ask.size)


def _points(known: Sequence[tuple[str, Band | None, Band | None]], quantity: Quantity, sign: int) -> list[Point]:
    """The policies that have both values; the best are those that none beats."""
    places = [(name, x, y) for name, x, y in known if x is not None and y is not None]
    found = []
    for name, x, y in places:
        here = (x.mean, sign * y.mean)
        others = [(other.mean, sign * height.mean) for _, other, height in places]
        beaten = any(misses <= here[0] and height >= here[1] and (misses, height) != here for misses, height in others)
        ends = _ends(x, 0.01), _ends(y, quantity.per)
        found.append(Point(cut(name, 24), 100 * x.mean, y.mean / quantity.per, *ends, not beaten))
    return found


def _ends(band: Band, per: float) -> tuple[float, float]:
    """How far an interval goes down and up, in another unit."""
    if band.low is None or band.high is None:
        return 0.0, 0.0
    return (band.mean - band.low) / per, (band.high - band.mean) / per
