"""All that is said of the execution times of one thing, and the one claim that is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

from rtsched import units
from rtsched.errors import InputError
from rtsched.samples.fresh import Exceedances, exceedances
from rtsched.samples.independence import Test, independence
from rtsched.samples.order import Percentile, chance, least_runs, percentile, with_margin
from rtsched.samples.pwcet import ProbabilisticBound, limit, probabilistic_bound
from rtsched.samples.reader import Series

Kind = Literal["high-water", "percentile", "pwcet"]
#: The quantiles that are shown where nobody asks for others.
QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 0.9999)
#: So many exceedances are expected of fresh runs at the milder chance at which a tail is tested as well.
EXPECTED: Final = 10


@dataclass(frozen=True)
class Wanted:
    """What is asked of samples: the kind of claim, and its figures. `margin` needs a `reason`."""

    kind: Kind = "high-water"
    margin: Fraction = Fraction(1)
    reason: str = ""
    q: float | None = None
    p: float | None = None
    rate: Fraction | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.margin <= 1000:
            raise InputError(f"--margin {float(self.margin):g}: give a factor from 1, e.g. 1.2")
        if self.margin != 1 and not self.reason.strip():
            raise InputError("--margin: say with --reason why it is enough; no margin carries over by itself")
        if self.margin == 1 and self.reason:
            raise InputError("--reason says why a margin is enough, and there is none; add --margin")
        if self.margin != 1 and self.kind != "high-water":
            raise InputError(f"--margin goes with the largest time measured, not with a {self.kind}; leave it out")
        if self.q is not None and not 0 < self.q < 1:
            raise InputError(f"--q {self.q:g}: give a share between 0 and 1, e.g. 0.999")
        if self.kind == "percentile" and self.q is None:
            raise InputError("--kind percentile: say which with --q, e.g. --q 0.999")
        if self.kind == "pwcet" and self.p is None:
            raise InputError("--kind pwcet: say with which chance a run may exceed it, e.g. --p 1e-9")


@dataclass(frozen=True)
class Assessment:
    """The samples, what was asked, what is found: `time` in ns is the claim, None where it is refused, and why."""

    series: Series
    wanted: Wanted
    largest: int
    allowed: float
    percentiles: tuple[Percentile, ...]
    tests: tuple[Test, ...]
    tail: ProbabilisticBound | None
    time: int | None
    refused: tuple[str, ...]
    fresh: tuple[Exceedances, ...]

    @property
    def n(self) -> int:
        """How many runs there are."""
        return len(self.series.times)

    @property
    def independent(self) -> bool:
        """Whether no test spoke against independent runs of one distribution."""
        return all(test.passed for test in self.tests)

    @property
    def claimed(self) -> float | None:
        """The chance with which a run may exceed the claim, by the claim; None of a maximum, which claims none."""
        if self.wanted.kind == "pwcet":
            return self.wanted.p
        return None if self.wanted.kind == "high-water" or self.wanted.q is None else 1 - self.wanted.q

    @property
    def holds(self) -> bool:
        """Whether there is a claim, and no fresh runs speak against it."""
        return self.time is not None and all(each.passed for each in self.fresh)

    def hourly(self, share: float) -> float | None:
        """How many runs an hour that is, at the rate that was given."""
        return None if self.wanted.rate is None else share * float(self.wanted.rate) * 3600

    def origin(self, stated: dict[str, str], version: str) -> dict[str, Any]:
        """The mapping that a system file takes as `origin` of the time, with what else is stated of the runs."""
        wanted = self.wanted
        own: dict[str, Any] = {"kind": wanted.kind, "n": self.n}
        if wanted.kind == "percentile":
            own["q"] = wanted.q
        if wanted.kind == "pwcet":
            own["p"] = wanted.p
        if wanted.margin != 1:
            own |= {"margin": float(wanted.margin), "reason": wanted.reason}
        return {
            **own, **stated, "file": self.series.file, "sha256": self.series.sha256, "tool": "rtsched wcet",
            "version": version,
        }  # fmt: skip


def assess(series: Series, wanted: Wanted, fresh: Sequence[int] = ()) -> Assessment:
    """What the runs of a series allow to claim; `fresh` are runs that the claim is then tested on.

    Raises InputError where what is asked cannot be asked of any runs.
    """
    times = series.times
    ordered = sorted(times)
    largest = ordered[-1]
    quantiles = sorted({*QUANTILES, *([wanted.q] if wanted.q is not None else [])})
    percentiles = tuple(percentile(ordered, q) for q in quantiles)
    tests = independence(times)
    tail = probabilistic_bound(times, wanted.p) if wanted.p is not None else None
    time: int | None = with_margin(largest, wanted.margin)
    refused: tuple[str, ...] = ()
    if wanted.kind == "percentile":
        time, refused = _of_percentile(next(each for each in percentiles if each.q == wanted.q))
    elif wanted.kind == "pwcet" and tail is not None:
        time, refused = tail.time, tail.refused
    if time is not None and time > units.LONGEST:
        raise InputError(f"the time is beyond 100 years ({units.format_duration(time, 4)}); check the unit")
    found = Assessment(series, wanted, largest, chance(len(times)), percentiles, tests, tail, time, refused, ())
    return found if time is None or not fresh else _tested(found, time, fresh)


def _of_percentile(found: Percentile) -> tuple[int | None, tuple[str, ...]]:
    if found.upper is not None:
        return found.upper, ()
    runs = max(found.needed, least_runs(found.q))
    return None, (f"{found.n} runs do not limit the quantile {found.q:g} at 95 %; it takes {runs:,}",)


def _tested(found: Assessment, time: int, fresh: Sequence[int]) -> Assessment:
    """The claim against fresh runs; a tail also at the chance at which some exceedances are to be expected."""
    from dataclasses import replace

    tests = [exceedances(fresh, time, found.claimed or 0.0)]
    milder = EXPECTED / len(fresh)
    if found.wanted.kind == "pwcet" and found.claimed is not None and found.claimed < milder < 0.5:
        beyond = milder < 10 / found.n  # what was measured says it without a model
        level = (
            limit(found.series.times, milder) if beyond else percentile(sorted(found.series.times), 1 - milder).upper
        )
        if level is not None:
            tests.append(exceedances(fresh, level, milder))
    return replace(found, fresh=tuple(tests))
