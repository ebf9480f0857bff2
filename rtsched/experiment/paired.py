"""Policies of a study pair by pair: the same systems under both, at each point, over all of them, by utilisation."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.cells import Cell
from rtsched.experiment.outline import ACCEPTED, LOADS, Outline
from rtsched.experiment.statistics import (
    Band,
    Discordance,
    cohens_d,
    differences,
    holm,
    interval,
    mcnemar,
    ratio,
    sign_flip,
    superiority,
    weighted_schedulability,
)
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.experiment.results import Results


@dataclass(frozen=True)
class Paired:
    """A metric of a policy less that of the baseline, over `pairs` of runs of the same system.

    At a `point`; where that is None over all points, each system by its utilisation where it is `weighted`. `lacking`
    pairs have no value on one side. `difference` is the mean with `difference_half` its 95 % interval, `p` the
    probability of one as large by chance, corrected for all of these that are shown together, `p_alone` without; `d`
    (Cohen's, paired) and `superiority` (the share of pairs with a larger value, ties by half) are sizes of the effect.
    Of acceptance `discordance` says how many only one of them accepts. None is what there is not.
    """

    metric: str
    policy: str
    baseline: str
    point: int | None
    weighted: bool
    pairs: int
    lacking: int
    difference: float | None = None
    difference_half: float | None = None
    p: float | None = None
    p_alone: float | None = None
    d: float | None = None
    superiority: float | None = None
    discordance: Discordance | None = None


def paired(results: Results, baseline: str | None = None, metrics: Sequence[str] = ()) -> list[Paired]:
    """Every policy beside the `baseline` (the first one, unless named), by metric, policy and point.

    `results.metrics` unless some are named. Raises InputError where there are not two policies, or no such ones.
    """
    outline, known = results.outline, results.metrics
    if len(outline.policies) < 2:
        raise InputError("a paired comparison needs two policies, and this study has one")
    first = outline.policies[0] if baseline is None else baseline
    if first not in outline.policies:
        raise InputError(f"this study has no policy {cut(first)!r}; there are {', '.join(outline.policies)}")
    for name in metrics:
        if name not in known:
            raise InputError(f"no run of this study has {cut(name)!r}; there are {', '.join(known)}")
    found = list(_compared(results, outline.policies.index(first), metrics or known))
    order = {metric: place for place, metric in enumerate(metrics or known)}
    who = {policy: place for place, policy in enumerate(outline.policies)}
    found.sort(key=lambda each: (order[each.metric], who[each.policy]))
    corrected = holm([each.p_alone for each in found])
    return [replace(each, p=p) for each, p in zip(found, corrected, strict=True)]


def _compared(results: Results, base: int, metrics: Sequence[str]) -> Iterator[Paired]:
    """Each comparison by itself: those of the points as they come, in the end those over all of them."""
    outline = results.outline
    sums: dict[tuple[str, int], _Sum] = {}
    count = 0
    for point, those in groupby(results.cells(), lambda each: each[0][0]):
        cells = {policy: cell for (_, policy), cell in those}
        count += 1
        for metric in metrics:
            for policy, cell in cells.items():
                if policy == base or not (cell.asks(metric) and cells[base].asks(metric)):
                    continue
                pairs = _Pairs(cell, cells[base], metric)
                certain = outline.sets == 1 and not (cell.random or cells[base].random)
                about = metric, outline.policies[policy], outline.policies[base]
                yield pairs.compared(Paired(*about, point, False, 0, pairs.lacking), certain)
                sums.setdefault((metric, policy), _Sum(about, certain)).add(pairs, _load(outline, point))
    if count > 1:
        for each in sums.values():
            yield from each.compared(count, bool(_axis(outline)) and each.about[0] in ACCEPTED)


class _Pairs:
    """The values of a metric under two policies, of the units that have both."""

    def __init__(self, cell: Cell, base: Cell, metric: str) -> None:
        others = dict(zip(base.units, base.column(metric), strict=True))
        self.units, self.loads = array("q"), array("d")
        self.values, self.others = array("d"), array("d")
        for unit, load, value in zip(cell.units, cell.loads, cell.column(metric), strict=True):
            other = others.get(unit)
            if value is not None and other is not None:
                self.units.append(unit)
                self.loads.append(load)
                self.values.append(value)
                self.others.append(other)
        self.lacking = len({*cell.units, *base.units}) - len(self.units)
        self.apart = array("d", differences(self.values, self.others))

    def compared(self, found: Paired, certain: bool) -> Paired:
        """With the figures of these pairs; where it is `certain`, nothing is random, there is nothing to test."""
        found = replace(found, pairs=len(self.units))
        if not self.units or certain or len(self.units) < 2:
            return replace(found, difference=self.apart[0] if self.units else None)
        shares = {*self.values, *self.others} <= {0.0, 1.0}
        apart = mcnemar(*(list(map(bool, each)) for each in (self.values, self.others))) if shares else None
        return _tested(found, self.apart, sign_flip(self.apart) if apart is None else apart.p, apart)


class _Sum:
    """The differences of each unit over the points, of which all are needed: units are independent, points may not be.

    (Points that differ in what is not drawn have the same systems.)
    """

    def __init__(self, about: tuple[str, str, str], certain: bool) -> None:
        self.about, self.certain, self.lacking = about, certain, 0
        self.counts: dict[int, int] = defaultdict(int)
        self.sums: dict[int, float] = defaultdict(float)
        self.weighted: dict[int, float] = defaultdict(float)
        self.loads: dict[int, float] = defaultdict(float)

    def add(self, pairs: _Pairs, asked: float) -> None:
        """The pairs of one more point, at which so much utilisation was asked for."""
        self.lacking += pairs.lacking
        for unit, load, apart in zip(pairs.units, pairs.loads, pairs.apart, strict=True):
            weight = asked if math.isnan(load) else load
            self.counts[unit] += 1
            self.sums[unit] += apart
            self.weighted[unit] += weight * apart
            self.loads[unit] += weight

    def compared(self, points: int, acceptance: bool) -> Iterator[Paired]:
        """Over all points, and there by utilisation."""
        units = [unit for unit, count in self.counts.items() if count == points]
        if self.certain or len(units) < 2:
            return
        found = Paired(*self.about, None, False, len(units), self.lacking)
        means = [self.sums[unit] / points for unit in units]
        yield _tested(found, means, sign_flip(means))
        total = math.fsum(self.loads[unit] for unit in units)
        if acceptance and total:
            parts = [self.weighted[unit] * len(units) / total for unit in units]
            _, half = ratio([self.weighted[unit] for unit in units], [self.loads[unit] for unit in units])
            weighted = _tested(replace(found, weighted=True), parts, sign_flip(parts))
            yield replace(weighted, difference_half=half)


def _tested(found: Paired, apart: Sequence[float], p: float, discordance: Discordance | None = None) -> Paired:
    difference, half = interval(apart)
    return replace(
        found, difference=difference, difference_half=half, p_alone=p, d=cohens_d(apart),
        superiority=superiority(apart), discordance=discordance,
    )  # fmt: skip


def _axis(outline: Outline) -> str | None:
    """The axis of utilisations."""
    return next((name for name in LOADS if name in outline.axes), None)


def _load(outline: Outline, point: int) -> float:
    """The utilisation asked for at a point; 0 where nobody does."""
    axis = _axis(outline)
    return 0.0 if axis is None else float(outline.points[point][outline.axes.index(axis)])


def weighted(results: Results) -> dict[tuple[str, str], Band]:
    """The weighted schedulability over all points, by metric and policy; of studies with an axis of utilisations."""
    outline = results.outline
    found: dict[tuple[str, str], tuple[list[float], list[bool | None]]] = {}
    metrics = [metric for metric in ACCEPTED if metric in results.metrics] if _axis(outline) else []
    for (point, policy), cell in results.cells():
        for metric in metrics:
            if cell.asks(metric):
                loads, outcomes = found.setdefault((metric, outline.policies[policy]), ([], []))
                loads += cell.utilisations(_load(outline, point))
                outcomes += cell.outcomes(metric)
    bands = {place: weighted_schedulability(*sets) for place, sets in found.items()}
    return {place: band for place, band in bands.items() if band is not None}
