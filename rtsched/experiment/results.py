"""What came of a study: its rows, and the curves, tables and files that are made of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.experiment.outline import Outline, Run
from rtsched.experiment.statistics import Band, band
from rtsched.experiment.store import Row, Store
from rtsched.metrics.metric import of_value
from rtsched.visible import cut

#: The values of a proof, which no run has.
PROOFS = ("proven", "refuted")


@dataclass(frozen=True)
class Estimate:
    """One metric at one point under one policy: over `sets` systems, the mean over each one's seeds.

    `failed` systems have no value: a run of theirs ended with an error, at the limit of time, or has no such metric.
    """

    point: int
    policy: str
    metric: str
    band: Band | None
    sets: int
    failed: int
    timeouts: int


class Results:
    """The rows of a study in its database, and what can be made of them."""

    def __init__(self, outline: Outline, store: Store) -> None:
        self.outline = outline
        self.store = store

    @classmethod
    def open(cls, path: str | Path) -> Results:
        """What is in a database so far. Raises InputError."""
        store = Store(Path(path), new=False)
        return cls(store.outline(), store)

    def __iter__(self) -> Iterator[Row]:
        return self.store.rows(self.outline)

    @property
    def metrics(self) -> tuple[str, ...]:
        """What was measured, and what was proven."""
        return self.outline.metrics + (PROOFS if self.outline.do != "simulate" else ())

    def values(self, metric: str) -> dict[tuple[int, str], dict[int, float | None]]:
        """One metric by (point, policy) and set: the mean over the seeds, None where a run has none."""
        found: dict[tuple[int, str], dict[int, list[float | None]]] = defaultdict(lambda: defaultdict(list))
        for row in self:
            place = row.run.point, self.outline.policies[row.run.policy]
            found[place][row.run.set].append(row.values.get(metric) if row.status == "ok" else None)
        return {place: {number: _mean(values) for number, values in sets.items()} for place, sets in found.items()}

    def estimates(self, metric: str) -> list[Estimate]:
        """A metric at every point under every policy, with its interval. Raises InputError where nobody measured it."""
        if metric not in self.metrics:
            raise InputError(f"no run of this study has {cut(metric)!r}; there are {', '.join(self.metrics)}")
        share = metric in PROOFS or of_value(metric)[0].unit == "share"
        late = self._timeouts()
        found = []
        for (point, policy), sets in sorted(self.values(metric).items(), key=self._order):
            known = [value for value in sets.values() if value is not None]
            estimate = band(known, bounded=share) if known else None
            lacking, timeouts = len(sets) - len(known), late.get((point, policy), 0)
            found.append(Estimate(point, policy, metric, estimate, len(sets), lacking, timeouts))
        return found

    def _order(self, item: tuple[tuple[int, str], Any]) -> tuple[int, int]:
        (point, policy), _ = item
        return point, self.outline.policies.index(policy)

    def _timeouts(self) -> dict[tuple[int, str], int]:
        """How many systems ran out of time, by (point, policy)."""
        found: dict[tuple[int, str], set[int]] = defaultdict(set)
        for row in self:
            if row.status == "timeout":
                found[row.run.point, self.outline.policies[row.run.policy]].add(row.run.set)
        return {place: len(sets) for place, sets in found.items()}

    def failures(self) -> list[Row]:
        """The runs that came to nothing, each with its reason."""
        return [row for row in self if row.status != "ok"]

    def records(self) -> Iterator[dict[str, Any]]:
        """The long table: a mapping for each value (and each task's), with point, axes, set, policy and seed."""
        for row in self:
            about = self.about(row.run)
            if row.status != "ok":
                yield about | {"task": None, "metric": None, "value": None, "status": row.status, "note": row.note}
            for metric, value in row.values.items():
                yield about | {"task": None, "metric": metric, "value": value, "status": "ok", "note": ""}
            for task in row.tasks:
                named = about | {"task": task["task"]}
                for metric, value in task.items():
                    if metric != "task":
                        yield named | {"metric": metric, "value": value, "status": "ok", "note": ""}

    def about(self, run: Run) -> dict[str, Any]:
        """The coordinates of a run."""
        axes = dict(zip(self.outline.axes, self.outline.points[run.point], strict=True))
        policy = self.outline.policies[run.policy]
        return {"point": run.point, **axes, "set": run.set, "policy": policy, "seed": run.seed}

    def to_dict(self) -> dict[str, Any]:
        """The estimates as plain data."""
        estimates = []
        for metric in self.metrics:
            for each in self.estimates(metric):
                axes = dict(zip(self.outline.axes, self.outline.points[each.point], strict=True))
                found = each.band
                figures = {} if found is None else {"mean": found.mean, "low": found.low, "high": found.high}
                estimates.append(
                    {"point": each.point, **axes, "policy": each.policy, "metric": metric, **figures}
                    | {"sets": each.sets, "failed": each.failed, "timeouts": each.timeouts}
                )
        outline = json.loads(self.outline.to_json())
        return {"format": 1, "study": outline, "digest": self.outline.digest, "estimates": estimates}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
