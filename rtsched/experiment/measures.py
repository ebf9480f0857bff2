"""Accuracies in studies whose systems may be judged by different measures: each under the name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rtsched.metrics.metric import Values

if TYPE_CHECKING:
    from rtsched.experiment.study import Study
    from rtsched.metrics.figures import Summary

#: The metrics that have a plain value where a run has one measure, and one for each where it has several.
ACCURACIES = ("accuracy", "effective_accuracy")
#: The keys of a system that say what its accuracies count.
JUDGED = frozenset(("variants", "family", "measure", "exit_family"))


def may_differ(study: Study) -> bool:
    """Whether runs of a study may count different things: systems are drawn, or an axis changes what is counted."""
    return study.generate is not None or any(
        name == "system" or not JUDGED.isdisjoint(name.split(".")) for name in study.axes
    )


def apart(values: Values, figures: Summary) -> Values:
    """The values with accuracies of a run's only measure under its name, so that no mean is taken with another's."""
    if len(figures.measures) != 1:
        return values
    measure, found = figures.measures[0].name, dict(values)
    for name in ACCURACIES:
        if name in values:
            found |= {name: None, f"{name}.{measure}": values[name]}
    return found


def unlike(metrics: Iterable[str]) -> Iterator[str]:
    """What to say where accuracies stand apart in a study's results."""
    names = (metric.partition(".") for metric in metrics)
    measures = dict.fromkeys(thing for name, _, thing in names if name in ACCURACIES and thing)
    if len(measures) > 1:
        yield (
            f"accuracies that count different things ({', '.join(measures)}) have no common mean; the metric "
            "kept_accuracy is one scale for them"
        )
