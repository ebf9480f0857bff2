"""Results as pandas frames, for notebooks (the extra ``pandas``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.compare import Comparison
from rtsched.experiment.results import Results
from rtsched.experiment.tables import columns
from rtsched.export.tables import frame, pandas
from rtsched.metrics.figures import Summary
from rtsched.trace.trace import Trace


def to_frame(thing: Trace | Summary | Comparison | Results, table: str | None = None) -> Any:
    """A result as a pandas DataFrame: times in ns, names instead of numbers.

    A trace gives one of its tables (``"jobs"`` unless named, ``"slices"``, ``"decisions"``, …), a summary a row per
    task, a comparison a row per policy and seed, a study its ``"values"`` (unless named: a row for each value of a run
    or of a task of it) or its ``"estimates"``. Raises InputError for anything else, and where pandas is not installed.
    """
    if isinstance(thing, Trace):
        return frame(thing, table or "jobs")
    if isinstance(thing, Results):
        return _study(thing, table or "values")
    if table is not None and isinstance(thing, Summary | Comparison):
        raise InputError(f"to_frame: a {type(thing).__name__} is one table (found {table!r}); leave the name out")
    if isinstance(thing, Summary):
        return pandas().DataFrame([_flat(asdict(task)) for task in thing.tasks])
    if isinstance(thing, Comparison):
        rows = [
            {"policy": row.policy, "seed": seed, **{metric: values[metric] for metric in thing.metrics}}
            for row in thing.rows
            for seed, values in zip(thing.seeds, row.runs, strict=True)
        ]
        return pandas().DataFrame(rows)
    raise InputError(
        f"to_frame takes a Trace, a Summary, a Comparison or the Results of a study (found {type(thing).__name__})"
    )


def _study(results: Results, table: str) -> Any:
    if table == "values":
        return pandas().DataFrame(list(results.records()), columns=columns(results))
    if table == "estimates":
        rows = [each | each.pop("axes") for each in results.to_dict()["estimates"]]
        first = ["point", *results.outline.axes, "policy", "metric"]
        return pandas().DataFrame(rows, columns=[*first, "mean", "low", "high", "count", "lacking", "timeouts"])
    raise InputError(f"no table of a study is called {table!r}; known: values, estimates")


def _flat(task: dict[str, Any]) -> dict[str, Any]:
    """The figures of a task in one row: ``response_max`` for the largest of ``response``."""
    response = {f"response_{name}": value for name, value in task.pop("response").items()}
    return task | response
