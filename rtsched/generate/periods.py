"""How often tasks come."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from rtsched import units
from rtsched.generate.streams import pick
from rtsched.generate.utilisations import named
from rtsched.model.base import Model, PositiveDuration, RatePeriod, problem

Random = np.random.Generator


class _Law(Model):
    """A law of periods."""

    @property
    def key(self) -> str:
        """What a task calls it: its ``period`` or its ``rate``."""
        return "period"

    @abstractmethod
    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns, as whole numbers."""


class _Range(_Law):
    shortest: PositiveDuration = 10 * units.MS
    longest: PositiveDuration = units.S
    granularity: PositiveDuration = Field(default=units.MS, description="periods are whole multiples of it")

    @model_validator(mode="after")
    def _has_room(self) -> _Range:
        if self.shortest > self.longest:
            raise problem("'shortest' must not exceed 'longest'", "shortest")
        if self.longest // self.granularity < -(-self.shortest // self.granularity):
            raise problem("no multiple of the 'granularity' lies between 'shortest' and 'longest'", "granularity")
        return self

    @property
    def _steps(self) -> tuple[int, int]:
        """The shortest and the longest period in steps of the granularity."""
        return -(-self.shortest // self.granularity), self.longest // self.granularity


class LogUniform(_Range):
    """Log-uniform between `shortest` and `longest`, floored to the `granularity`: each order of magnitude as likely.

    T = floor(exp(u) / g) g with u uniform in [ln shortest, ln (longest + g)): Emberson, Stafford and Davis 2010.
    """

    kind: Literal["log-uniform"] = "log-uniform"

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        low, high = self._steps
        start, end = math.log(low), math.log(high + 1)
        steps = np.exp(start + (end - start) * random.random(count)).astype(np.int64)
        return np.minimum(np.maximum(steps, low), high) * self.granularity


class UniformPeriods(_Range):
    """Uniform over the multiples of the `granularity` between `shortest` and `longest`."""

    kind: Literal["uniform"]

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        low, high = self._steps
        return (low + (random.random(count) * (high - low + 1)).astype(np.int64)) * self.granularity


class Harmonic(_Law):
    """`shortest` times a power of `factor`, up to `longest`, each as likely: of two periods one divides the other."""

    kind: Literal["harmonic"]
    shortest: PositiveDuration = 10 * units.MS
    longest: PositiveDuration = 640 * units.MS
    factor: int = Field(default=2, ge=2, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Harmonic:
        if self.shortest > self.longest:
            raise problem("'shortest' must not exceed 'longest'", "shortest")
        return self

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        found = [self.shortest]
        while found[-1] * self.factor <= self.longest:
            found.append(found[-1] * self.factor)
        return np.array(found)[(random.random(count) * len(found)).astype(np.int64)]


class LimitedHyperperiod(_Law):
    """`unit` times one number out of each row, each as likely, so that the hyperperiod divides a known number.

    The way of Goossens and Macq 2001. The rows hold powers of one prime each; these are chosen, not theirs: periods of
    1 to 1800 units, and a hyperperiod that divides 1800 units.
    """

    kind: Literal["limited-hyperperiod"]
    unit: PositiveDuration = units.MS
    rows: Annotated[tuple[tuple[Annotated[int, Field(ge=1, le=10**6)], ...], ...], Field(min_length=1)] = (
        (1, 2, 4, 8),
        (1, 3, 9),
        (1, 5, 5, 25),
    )

    @model_validator(mode="after")
    def _has_numbers(self) -> LimitedHyperperiod:
        if not all(self.rows):
            raise problem("a row is empty; write e.g. [1, 2, 4]", "rows")
        if math.prod(map(max, self.rows)) * self.unit > units.LONGEST:
            raise problem("the longest period is longer than 100 years; shorten the rows", "rows")
        return self

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        found = np.full(count, self.unit, dtype=np.int64)
        for row in self.rows:
            found *= np.array(row)[(random.random(count) * len(row)).astype(np.int64)]
        return found


class CameraRates(_Law):
    """One of the `rates` of cameras, each as likely."""

    kind: Literal["camera-rates"]
    rates: Annotated[tuple[RatePeriod, ...], Field(min_length=1)] = tuple(
        map(units.parse_period, ("10 Hz", "15 Hz", "20 Hz", "30 Hz", "60 Hz"))
    )

    @property
    def key(self) -> str:
        """What a task calls it."""
        return "rate"

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        return np.array(self.rates)[(random.random(count) * len(self.rates)).astype(np.int64)]


class Listed(_Law):
    """One of the periods in `of`; `shares` says how likely each is (default: all alike)."""

    kind: Literal["listed"]
    of: Annotated[tuple[PositiveDuration, ...], Field(min_length=1)]
    shares: tuple[Annotated[float, Field(gt=0, le=10**9)], ...] | None = None

    @model_validator(mode="after")
    def _one_each(self) -> Listed:
        if self.shares is not None and len(self.shares) != len(self.of):
            raise problem(f"{len(self.shares)} shares for {len(self.of)} periods; give one each", "shares")
        return self

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        shares = np.ones(len(self.of)) if self.shares is None else np.array(self.shares)
        return np.array(self.of)[pick(random, shares / shares.sum(), count)]


#: Periods in ms and their shares in %, of the tasks that time triggers: Kramer, Ziegenbein and Hamann, WATERS 2015. The
#: remaining 15 % are triggered by the angle of the crankshaft and are left out here.
AUTOMOTIVE = {1: 3, 2: 2, 5: 2, 10: 25, 20: 25, 50: 3, 100: 20, 200: 1, 1000: 4}


class Automotive(_Law):
    """The periods of an engine control unit, with their shares (Kramer, Ziegenbein and Hamann, WATERS 2015)."""

    kind: Literal["automotive"]

    def draw(self, random: Random, count: int) -> Any:
        """So many periods in ns."""
        shares = np.array(list(AUTOMOTIVE.values()), dtype=float)
        return np.array(list(AUTOMOTIVE))[pick(random, shares / shares.sum(), count)] * units.MS


Law = Annotated[
    LogUniform | UniformPeriods | Harmonic | LimitedHyperperiod | CameraRates | Listed | Automotive,
    Field(discriminator="kind"),
]
Periods = Annotated[Law, named("log-uniform", Law)]
