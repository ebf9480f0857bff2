"""What a figure of a study is asked to show: which metrics and policies, over which axis, at which values of others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.experiment.words import AXES, Quantity, of_axis, population
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.experiment.cells import Cell
    from rtsched.experiment.outline import Place
    from rtsched.experiment.results import Estimate, Results
    from rtsched.experiment.statistics import Band

#: More panels, or more things in one, than anybody can tell apart.
MOST_PANELS, MOST_LOOKS = 12, 7


@dataclass(frozen=True)
class Ask:
    """What is asked for; where nothing is, all policies, the first metric, the first axes of numbers.

    `at` fixes axes, `over` names those that are drawn along; `weighted` sums up over the utilisation.
    """

    metrics: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    at: Mapping[str, Any] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    weighted: bool = False
    size: str = "single"


class StudyView:
    """A study as it is asked for: chosen points, policies, metrics. Raises InputError where something is not there."""

    def __init__(self, results: Results, ask: Ask) -> None:
        self.results, self.ask, self.outline = results, ask, results.outline
        for name in (*ask.at, *ask.over):
            if name not in self.outline.axes:
                known = f"its axes are {', '.join(self.outline.axes)}" if self.outline.axes else "it has none"
                raise InputError(f"this study has no axis {cut(name)!r}; {known}")
        self.points = [place for place in range(len(self.outline.points)) if self._chosen(place)]
        self.policies = self._policies()
        self.counts = results.known.counts
        self.done = results.known.statuses.total()
        self._known: dict[str, dict[tuple[int, int], Estimate]] = {}
        if not self.done:
            raise InputError("this study has no runs yet; run rtsched sweep")

    def _chosen(self, point: int) -> bool:
        values = self.results.axes_at(point)
        return all(_same(values[name], wanted) for name, wanted in self.ask.at.items())

    def _policies(self) -> list[int]:
        known = list(self.outline.policies)
        for name in self.ask.policies:
            if name not in known:
                raise InputError(f"this study has no policy {cut(name)!r}; there are {', '.join(known)}")
        found = [place for place, name in enumerate(known) if not self.ask.policies or name in self.ask.policies]
        for name, wanted in self.ask.at.items():
            if not self.points:
                values = dict.fromkeys(
                    str(self.results.axes_at(place)[name]) for place in range(len(self.outline.points))
                )
                raise InputError(f"no point is at {name}={wanted}; its values are {', '.join(values)}")
        return found

    def metrics(self, most: int = 1) -> tuple[str, ...]:
        """The metrics that are asked for, else the first one. Raises InputError where there are too many, or none."""
        wanted = self.ask.metrics or self.results.metrics[:1]
        for name in wanted:
            if name not in self.results.metrics:
                raise InputError(f"no run of this study has {cut(name)!r}; there are {', '.join(self.results.metrics)}")
        if len(wanted) > most:
            raise InputError(
                f"this kind of figure shows {'one metric' if most == 1 else f'{most} metrics'}; name fewer"
            )
        if not wanted:
            raise InputError("no run of this study has a value; look at rtsched sweep for what went wrong")
        return tuple(wanted)

    def asked(self, metric: str) -> list[int]:
        """The chosen policies that were asked for a metric; tests of whole sets know of proofs alone."""
        found = [who for who in self.policies if any(self.counts[place, who].asks(metric) for place in self.points)]
        if not found:
            raise InputError(f"none of these policies has a value of {cut(metric)!r}; choose with --policy or --metric")
        return found

    def cells(self) -> Iterator[tuple[Place, Cell]]:
        """All that is known at the chosen points under the chosen policies, one after the other."""
        return ((place, cell) for place, cell in self.results.cells(self.points) if place[1] in self.policies)

    def band(self, point: int, policy: int, metric: str) -> Band | None:
        """A metric at a point under a policy, with its interval."""
        return self.estimates(metric)[point, policy].band

    def estimates(self, metric: str) -> dict[tuple[int, int], Estimate]:
        """A metric by point and policy."""
        if metric not in self._known:
            self._known[metric] = dict(zip(self.counts, self.results.estimates(metric), strict=True))
        return self._known[metric]

    def refuse_weighted(self, what: str) -> None:
        """Raise InputError where a figure is to be of weighted schedulability that has no place for it."""
        if self.ask.weighted:
            raise InputError(f"{what} has no weighted form; that is of --kind curves")

    def refuse_over_and_weighted(self, what: str) -> None:
        """Raise InputError where a figure is to be drawn along axes and has none."""
        self.refuse_weighted(what)
        if self.ask.over:
            raise InputError(f"{what} is not drawn along an axis; leave --over out, or choose points with --at")

    def free(self) -> list[str]:
        """The axes along which the chosen points differ."""
        return [name for name in self.outline.axes if name not in self.ask.at and len(self.values(name)) > 1]

    def values(self, name: str) -> list[Any]:
        """The values of an axis at the chosen points, each once."""
        return list(dict.fromkeys(self.results.axes_at(place)[name] for place in self.points))

    def numeric(self, name: str) -> tuple[Quantity, dict[Any, float]] | None:
        """An axis of numbers or durations, and the number of each of its values; None for any other."""
        values = self.values(name)
        found = of_axis(name, values)
        return None if found is None else (found[0], dict(zip(values, found[1], strict=True)))

    def along(self, count: int) -> list[str]:
        """The axes that are drawn along: those asked for, else the first ones of numbers."""
        free = self.free()
        if self.ask.over:
            if len(self.ask.over) != count:
                raise InputError(
                    f"a map is drawn over {count} axes (found {len(self.ask.over)}); name as many with --over"
                )
            return list(self.ask.over)
        return [name for name in free if self.numeric(name) is not None][:count]

    def panels(self, along: Sequence[str]) -> list[tuple[str, list[int]]]:
        """The chosen points in groups that differ along these axes alone, each with the values of the others."""
        rest = [name for name in self.free() if name not in along]
        count = math.prod(len(self.values(name)) for name in rest)
        if count > MOST_PANELS:
            raise InputError(
                f"this makes {count} panels, more than {MOST_PANELS}; choose with --at AXIS=VALUE ({', '.join(rest)})"
            )
        groups = []
        for values in itertools.product(*(self.values(name) for name in rest)):
            here = dict(zip(rest, values, strict=True))
            places = [place for place in self.points if self.results.axes_at(place).items() >= here.items()]
            if places:
                groups.append(
                    (", ".join(f"{name.removeprefix('generate.')} = {value}" for name, value in here.items()), places)
                )
        return groups

    def notes(self, *more: str) -> tuple[str, ...]:
        """What stands below a figure: how many systems a point, what is missing, and `more`."""
        counts = [self.counts[place, who].units for place in self.points for who in self.policies]
        done, total = self.done, self.outline.total
        unfinished = f"{done} of {total} runs are there" if done < total else ""
        return (population(self.results, counts), unfinished, *more)


def named(axis: str) -> str:
    """An axis in words."""
    return AXES.get(axis) or axis.removeprefix("generate.").replace("_", " ")


def _same(value: Any, wanted: Any) -> bool:
    """Whether a value of an axis is the one that was asked for, perhaps as text."""
    return bool(value == wanted or str(value) == str(wanted) or _number(value) == _number(wanted) is not None)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
