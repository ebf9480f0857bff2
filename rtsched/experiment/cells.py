"""What is known at one point under one policy: gathered row by row, a number for each unit and metric, and no more."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from rtsched.errors import InputError
from rtsched.experiment.outline import PROOFS, Outline, Place, Run
from rtsched.experiment.statistics import Band, band, is_bounded
from rtsched.experiment.store import Row

#: What a drawn system says of itself, and is no metric.
LOAD = "utilisation"


class Cell:
    """The values of each unit by metric, and how many came to nothing.

    A unit is what stands for itself alone: a system (the mean over its seeds), or, where there is but one system, a
    run. Where nothing is `random` there is one world, and nothing to estimate.
    """

    def __init__(self) -> None:
        self.units = array("q")
        #: The utilisation that each unit's system was drawn with; not a number where it says none.
        self.loads = array("d")
        self.statuses: Counter[str] = Counter()
        #: Why runs failed, how often, and the first of each.
        self.notes: Counter[str] = Counter()
        self.first: dict[str, Run] = {}
        #: How many units ran out of time, how many runs no proof decides, whether another seed may give something else.
        self.timeouts, self.unknown, self.random = 0, 0, False
        self._columns: dict[str, array[float]] = {}

    def add(self, unit: int, rows: Sequence[Row]) -> None:
        """The runs of one more unit; it lacks a metric that any of them lacks."""
        place = len(self.units)
        self.units.append(unit)
        self.loads.append(_number(rows[0].values.get(LOAD)))
        self.timeouts += any(row.status == "timeout" for row in rows)
        for row in rows:
            self.statuses[row.status] += 1
            if row.status != "ok":
                self.notes[row.note] += 1
                self.first.setdefault(row.note, row.run)
            self.random = self.random or row.random
            self.unknown += row.status == "ok" and PROOFS[1] in row.values and not any(map(row.values.get, PROOFS))
        for metric in rows[0].values if len(rows) == 1 else dict.fromkeys(key for row in rows for key in row.values):
            column = self._columns.setdefault(metric, array("d"))
            column.extend([math.nan] * (place - len(column)))
            known = [_number(row.values.get(metric) if row.status == "ok" else None) for row in rows]
            column.append(sum(known) / len(known))

    @property
    def keys(self) -> Iterable[str]:
        """All metrics that a run here was asked for: a test knows nothing of misses."""
        return self._columns.keys()

    def asks(self, metric: str) -> bool:
        """Whether any run here was asked for a metric, or all of them failed."""
        return metric in self._columns or self.failed

    @property
    def failed(self) -> bool:
        """Whether every run came to nothing."""
        return bool(self.units) and not self.statuses["ok"]

    def utilisations(self, asked: float) -> list[float]:
        """The utilisation of each unit; where it says none, what was asked for."""
        return [asked if math.isnan(load) else load for load in self.loads]

    def column(self, metric: str) -> list[float | None]:
        """One metric, in the order of the units; None for those that lack it in any of their runs."""
        column = self._columns.get(metric, ())
        found = [None if math.isnan(value) else value for value in column]
        return [*found, *[None] * (len(self.units) - len(found))]

    def values(self, metric: str) -> list[float]:
        """One metric of the units that have it."""
        return [value for value in self._columns.get(metric, ()) if not math.isnan(value)]

    def outcomes(self, metric: str) -> list[bool | None]:
        """Whether each unit is accepted, in their order; None where that is not known."""
        found = [None if value is None else value == 1 for value in self.column(metric)]
        other = next((each for each in PROOFS if metric in PROOFS and each != metric), "")
        if not self.asks(other):  # no proof, or a test of whole sets: it accepts or does not
            return found
        refuted = self.column(other)
        return [yes if yes or no == 1 else None for yes, no in zip(found, refuted, strict=True)]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def gathered(rows: Iterable[Row], policies: int, single: bool) -> Iterator[tuple[Place, Cell]]:
    """The cells of rows that come by point, set, policy and seed; no more than one point is kept.

    Where there is a `single` system each of its runs is a unit.
    """
    for point, those in groupby(rows, lambda row: row.run.point):
        cells = [Cell() for _ in range(policies)]
        for (number, policy), runs in groupby(those, lambda row: (row.run.set, row.run.policy)):
            if single:
                for row in runs:
                    cells[policy].add(row.run.seed, [row])
            else:
                cells[policy].add(number, list(runs))
        yield from (((point, policy), cell) for policy, cell in enumerate(cells))


@dataclass(frozen=True)
class Count:
    """How many units and runs a cell has, and what of them is not known."""

    units: int
    timeouts: int
    statuses: Counter[str]
    #: Runs that no proof decides, and units that one does.
    unknown: int
    decided: int
    #: How many units have a value, by metric.
    valued: Mapping[str, int]
    failed: bool

    def asks(self, metric: str) -> bool:
        """Whether any run here was asked for a metric, or all of them failed."""
        return metric in self.valued or self.failed


NONE = Count(0, 0, Counter(), 0, 0, {}, False)


class Known:
    """What the cells of a study come to: counts, an interval for each metric, and why runs failed. No row is kept."""

    def __init__(self, outline: Outline, cells: Iterable[tuple[Place, Cell]]) -> None:
        places = [(point, who) for point in range(len(outline.points)) for who in range(len(outline.policies))]
        self.counts = dict.fromkeys(places, NONE)
        self.bands: dict[Place, dict[str, Band]] = {place: {} for place in places}
        #: All metrics in the order of the runs, and those that are said to be shares but have values that are none.
        self.keys: dict[str, None] = {}
        self.unshared: dict[str, tuple[float, float]] = {}
        self.statuses: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.first: dict[str, Run] = {}
        self.random = False
        for place, cell in cells:
            decided = sum(each is not None for each in cell.outcomes(PROOFS[0]))
            valued = {key: len(cell.values(key)) for key in cell.keys}
            self.counts[place] = Count(
                len(cell.units), cell.timeouts, cell.statuses, cell.unknown, decided, valued, cell.failed
            )
            self.keys |= dict.fromkeys(valued)
            self.statuses += cell.statuses
            self.notes += cell.notes
            self.first = cell.first | self.first
            self.random = self.random or cell.random
            self._estimate(outline, place, cell)

    def _estimate(self, outline: Outline, place: Place, cell: Cell) -> None:
        for metric in cell.keys:
            values = cell.values(metric)
            if not values or (metric not in PROOFS and outline.owner(metric) is None):
                continue
            share = False
            with suppress(InputError):  # who asks for this one is told
                share = outline.is_share(metric)
            if share and not is_bounded(values):
                low, high = self.unshared.get(metric, (0.0, 1.0))
                self.unshared[metric] = min(low, *values), max(high, *values)
            found = band(values, bounded=share and is_bounded(values))
            if outline.sets == 1 and not cell.random:
                found = Band(found.mean, None, None, found.count)
            self.bands[place][metric] = found
