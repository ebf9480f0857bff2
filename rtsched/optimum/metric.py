"""The regret of a run as a metric: what is missing to what anybody can reach in its window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.metrics.metric import SHARE, metric
from rtsched.metrics.standard import worth

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.optimum.result import Optimum
    from rtsched.trace.trace import Trace

#: The windows solved last: policies are run on the same worlds one after the other.
_LAST: list[tuple[SystemSpec, int, int, int, Optimum]] = []
KEPT = 32


@metric(unit=SHARE, better="lower")
def regret(figures: Summary, trace: Trace) -> float | None:
    """What is missing to the most weighted accuracy in time that anybody can reach (`rtsched optimum`), of that."""
    reached = worth(figures, trace)
    if reached is None or trace.planned is not None:
        return None
    return _window(trace).regret(reached)


def _window(trace: Trace) -> Optimum:
    """The optimum of the window of a run, found once."""
    from rtsched.optimum.result import of_window

    key = trace.until, trace.seed, trace.warm_up
    for system, *others, found in _LAST:
        if system is trace.system and tuple(others) == key:
            return found
    found = of_window(trace.system, trace.until, trace.seed, trace.warm_up)
    _LAST.append((trace.system, *key, found))
    del _LAST[:-KEPT]
    return found
