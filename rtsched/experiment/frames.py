"""Results as pandas frames, for notebooks (the extra ``pandas``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.compare import Comparison
from rtsched.export.tables import frame, pandas
from rtsched.metrics.figures import Summary
from rtsched.trace.trace import Trace


def to_frame(thing: Trace | Summary | Comparison, table: str = "jobs") -> Any:
    """A result as a pandas DataFrame: times in ns, names instead of numbers.

    A trace gives one of its tables (``"jobs"``, ``"slices"``, ``"decisions"``, …), a summary a row per task, a
    comparison a row per policy and seed. Raises InputError for anything else, and where pandas is not installed.
    """
    if isinstance(thing, Trace):
        return frame(thing, table)
    if isinstance(thing, Summary):
        return pandas().DataFrame([_flat(asdict(task)) for task in thing.tasks])
    if isinstance(thing, Comparison):
        rows = [
            {"policy": row.policy, "seed": seed, **{metric: values[metric] for metric in thing.metrics}}
            for row in thing.rows
            for seed, values in zip(thing.seeds, row.runs, strict=True)
        ]
        return pandas().DataFrame(rows)
    raise InputError(f"to_frame takes a Trace, a Summary or a Comparison (found {type(thing).__name__})")


def _flat(task: dict[str, Any]) -> dict[str, Any]:
    """The figures of a task in one row: ``response_max`` for the largest of ``response``."""
    response = {f"response_{name}": value for name, value in task.pop("response").items()}
    return task | response
