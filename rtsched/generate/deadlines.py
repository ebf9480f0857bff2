"""By when jobs are to be done, between their execution time and their period or beyond it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from rtsched.generate.utilisations import named
from rtsched.model.base import Model, problem

Random = np.random.Generator
Part = Annotated[float, Field(ge=0, le=1)]


class _Law(Model):
    """A law of deadlines."""

    @abstractmethod
    def draw(self, random: Random, times: Any, periods: Any) -> Any:
        """A relative deadline in ns for each task (None: the period); `times` are execution times or longest paths."""


class Implicit(_Law):
    """The deadline is the period."""

    kind: Literal["implicit"] = "implicit"

    def draw(self, random: Random, times: Any, periods: Any) -> Any:
        """Nothing: the period is what a task has without a deadline."""
        return None


class Constrained(_Law):
    """D = C + b (T - C) with b uniform between `least` and `most`: at most the period."""

    kind: Literal["constrained"]
    least: Part = 0.0
    most: Part = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Constrained:
        if self.least > self.most:
            raise problem("'least' must not exceed 'most'", "least")
        return self

    def draw(self, random: Random, times: Any, periods: Any) -> Any:
        """Whole ns; where the execution time exceeds the period, the period."""
        parts = self.least + (self.most - self.least) * random.random(len(times))
        return np.minimum(np.rint(times + parts * (periods - times)).astype(np.int64), periods)


class Arbitrary(_Law):
    """D = C + b (`longest` T - C) with b uniform in [0, 1]: up to so many periods."""

    kind: Literal["arbitrary"]
    longest: Annotated[float, Field(gt=1, le=1000)] = 2.0

    def draw(self, random: Random, times: Any, periods: Any) -> Any:
        """Whole ns; where the execution time exceeds `longest` periods, those."""
        ends = self.longest * periods
        found = times + random.random(len(times)) * (ends - times)
        return np.rint(np.minimum(found, ends)).astype(np.int64)


Law = Annotated[Implicit | Constrained | Arbitrary, Field(discriminator="kind")]
Deadlines = Annotated[Law, named("implicit", Law)]
