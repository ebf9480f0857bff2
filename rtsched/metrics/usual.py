"""What is shown of a run without being asked, beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.metrics.metric import Values, evaluate, find

if TYPE_CHECKING:
    from rtsched.metrics.figures import Summary
    from rtsched.model.taskgraph import SystemSpec
    from rtsched.trace.trace import Trace


def unasked(system: SystemSpec) -> tuple[str, ...]:
    """The metrics that a system declares all that they need for, and that no figure stands for.

    Where its accuracies count different things, the one scale that they have in common; XRBench's score and UXCost
    where single inferences have energies and a known number of frames each.
    """
    measures = {task.quality.measure for task in system.tasks if task.quality is not None and task.quality.measured}
    found = [("kept_accuracy", len(measures) > 1), ("xrbench", True), ("uxcost", _declares(system, "xrbench"))]
    return tuple(name for name, wanted in found if wanted and _declares(system, name))


def _declares(system: SystemSpec, name: str) -> bool:
    where = find(name).where
    return where is None or where(system)


def of_run(trace: Trace, asked: tuple[str, ...], figures: Summary) -> Values:
    """The metrics that were asked for, and those that need not be, as far as the run has and kept them."""
    usual = [name for name in unasked(trace.system) if name not in asked] if trace.kept else []
    values = evaluate(trace, [*asked, *usual], figures)
    return {name: value for name, value in values.items() if name not in usual or value is not None}
