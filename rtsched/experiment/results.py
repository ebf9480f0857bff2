"""What came of a study: its rows, and the figures, tables and files that are made of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.display import Displayed
from rtsched.errors import InputError
from rtsched.experiment.cells import Cell, Known, gathered
from rtsched.experiment.outline import PROOFS, Outline, Place, Run
from rtsched.experiment.statistics import Band
from rtsched.experiment.store import Row, Store
from rtsched.visible import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rtsched.experiment.paired import Paired


@dataclass(frozen=True)
class Estimate:
    """One metric at one point under one policy: its `band`, over `count` units; `lacking` ones have no such value.

    `timeouts` of them ran out of time. None for a band: nobody has such a value.
    """

    point: int
    policy: str
    metric: str
    band: Band | None
    count: int
    lacking: int
    timeouts: int


class Results(Displayed):
    """The rows of a study in its database, and what can be made of them. Iterating gives the rows, in order."""

    def __init__(self, outline: Outline, store: Store) -> None:
        self.outline = outline
        self.store = store

    def __repr__(self) -> str:
        about, name = self.outline, self.outline.name or "study"
        shape = (
            f"{len(about.points)} points, {about.sets} sets, {len(about.policies)} policies, {len(about.seeds)} seeds"
        )
        return f"<Results of {cut(name)!r}: {shape}>"

    @classmethod
    def open(cls, path: str | Path) -> Results:
        """What is in a database so far. Raises InputError."""
        store = Store(Path(path), new=False)
        return cls(store.outline(), store)

    def __iter__(self) -> Iterator[Row]:
        return self.store.rows(self.outline)

    def cells(self, points: Iterable[int] | None = None) -> Iterator[tuple[Place, Cell]]:
        """What is known at each point (or those chosen) under each policy; one point after the other is read.

        Left out are points of which no run is there.
        """
        rows = self.store.rows(self.outline, points)
        return gathered(rows, len(self.outline.policies), self.outline.sets == 1)

    @cached_property
    def known(self) -> Known:
        """All that is counted and estimated, from one look at all rows."""
        return Known(self.outline, self.cells())

    @property
    def metrics(self) -> tuple[str, ...]:
        """What was measured (of several things: each by itself), and what was proven."""
        keys = [key for key in self.known.keys if self.outline.owner(key) is not None]
        measured = [key for name in self.outline.metrics for key in keys if self.outline.owner(key) == name]
        several = {self.outline.owner(key) for key in measured if key not in self.outline.metrics}
        proofs = PROOFS if self.outline.do != "simulate" else PROOFS[:1] if self.outline.tests else ()
        return tuple(key for key in measured if key not in several) + proofs

    def estimates(self, metric: str) -> list[Estimate]:
        """A metric at every point under every policy, with its interval. Raises InputError where nobody measured it."""
        if metric not in self.metrics:
            raise InputError(f"no run of this study has {cut(metric)!r}; there are {', '.join(self.metrics)}")
        self.outline.is_share(metric)  # who does not know cannot say what it is
        return [self._estimate(*place, metric) for place in self.known.counts]

    def _estimate(self, point: int, policy: int, metric: str) -> Estimate:
        count, found = self.known.counts[point, policy], self.known.bands[point, policy].get(metric)
        lacking = count.units - (0 if found is None else found.count) if count.asks(metric) else 0
        return Estimate(point, self.outline.policies[policy], metric, found, count.units, lacking, count.timeouts)

    def paired(self, baseline: str | None = None, metrics: str | Sequence[str] = ()) -> list[Paired]:
        """Every policy beside the `baseline` (the first one, unless named) on the same systems, at and over all points.

        Of all metrics, unless some are named; with intervals, and p-values corrected for all that are returned. Raises
        InputError where there are not two policies, or none that is called so.
        """
        from rtsched.experiment.paired import paired

        return paired(self, baseline, (metrics,) if isinstance(metrics, str) else tuple(metrics))

    def failures(self) -> list[Row]:
        """The runs that came to nothing, each with its reason."""
        return [row for row in self if row.status != "ok"]

    def records(self) -> Iterator[dict[str, Any]]:
        """The long table: a mapping for each value of a run, or of a task of it, in the order of the runs."""
        for row in self:
            about = self.about(row.run)
            whole = about | {"task": None, "id": None}
            if row.status != "ok":
                yield whole | {"metric": None, "value": None, "status": row.status, "note": row.note}
            for metric, value in row.values.items():
                yield whole | {"metric": metric, "value": value, "status": "ok", "note": ""}
            for task in row.tasks:
                named = about | {"task": task["task"], "id": task.get("id")}
                for metric, value in task.items():
                    if metric not in ("task", "id"):
                        yield named | {"metric": metric, "value": value, "status": "ok", "note": ""}

    def about(self, run: Run) -> dict[str, Any]:
        """The coordinates of a run: its point, the axes' values, its set, policy and seed."""
        policy = self.outline.policies[run.policy]
        return {"point": run.point, **self.axes_at(run.point), "set": run.set, "policy": policy, "seed": run.seed}

    def statuses(self) -> Counter[str]:
        """How many runs there are by what became of them (``ok``, ``error``, ``timeout``)."""
        return Counter(row.status for row in self)

    def write(self, path: str | Path, metric: str | None = None) -> None:
        """Write the study, whole or not at all, as the ending says: .csv, .parquet, .db, .json or .tex.

        ``rtsched.experiment.tables`` says what is in each; `metric` is what a .tex shows. Raises InputError.
        """
        from rtsched.experiment.tables import write

        write(self, path, metric)

    def plot(
        self,
        kind: str = "curves",
        *,
        metric: str | Sequence[str] = (),
        policies: str | Sequence[str] = (),
        over: str | Sequence[str] = (),
        at: Mapping[str, Any] | None = None,
        weighted: bool = False,
        size: str = "single",
        path: str | Path | None = None,
        command: str = "",
    ) -> Figure:
        """A matplotlib figure of the study, as ``rtsched plot`` draws it; written to a `path` (.pdf, .svg, .png), too.

        `kind` is curves, ecdf, heat, pareto or scatter; `over` names the axes to draw along, `at` fixes others; `size`
        is a column (single, 3.5 in) or two (double, 7.16 in). Raises InputError where the study lacks what it shows.
        """
        from rtsched.experiment.figures import KINDS, Ask, figure, write

        if kind not in KINDS or size not in ("single", "double"):
            raise InputError(f"a figure's kind is one of {', '.join(KINDS)}, its size single or double")
        metrics, names, along = ((each,) if isinstance(each, str) else tuple(each) for each in (metric, policies, over))
        made = figure(self, kind, Ask(metrics, names, at or {}, along, weighted, size))
        if path is not None:
            write(made, self, Path(path), f"{self.outline.name or 'study'}: {KINDS[kind]}", command or "Results.plot")
        return made

    def to_frame(self, table: str = "values") -> Any:
        """A pandas DataFrame of the ``"values"`` (the long table) or the ``"estimates"``. Raises InputError."""
        from rtsched.experiment.frames import to_frame

        return to_frame(self, table)

    def to_dict(self, *, paired: bool = False, baseline: str | None = None) -> dict[str, Any]:
        """The study and its estimates as plain data; with the `paired` comparisons to a `baseline`, where wanted."""
        found = self._estimated()
        return found | self._compared(baseline) if paired or baseline is not None else found

    def _compared(self, baseline: str | None) -> dict[str, Any]:
        from rtsched.experiment.paired import weighted

        def axes(point: int | None) -> dict[str, Any]:
            return {} if point is None else self.axes_at(point)

        return {
            "paired": [asdict(each) | {"axes": axes(each.point)} for each in self.paired(baseline)],
            "weighted": [
                {"metric": metric, "policy": policy, **asdict(band)}
                for (metric, policy), band in weighted(self).items()
            ],
        }

    def _estimated(self) -> dict[str, Any]:
        return {
            "format": 1,
            "digest": self.outline.digest,
            "study": json.loads(self.outline.to_json()),
            "estimates": [self._plain(each) for metric in self.metrics for each in self.estimates(metric)],
            "failed": self.known.notes.total(),
        }

    def axes_at(self, point: int) -> dict[str, Any]:
        """The values of the axes at a point."""
        return dict(zip(self.outline.axes, self.outline.points[point], strict=True))

    def _plain(self, each: Estimate) -> dict[str, Any]:
        ends = (None, None, None) if each.band is None else (each.band.mean, each.band.low, each.band.high)
        place = {"point": each.point, "axes": self.axes_at(each.point), "policy": each.policy, "metric": each.metric}
        counts = {"count": each.count, "lacking": each.lacking, "timeouts": each.timeouts}
        return place | dict(zip(("mean", "low", "high"), ends, strict=True)) | counts
