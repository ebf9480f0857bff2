"""How a load is shared out among tasks: numbers that sum to it, drawn uniformly from all that are allowed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from rtsched.errors import InputError
from rtsched.generate.tilted import Tilted
from rtsched.model.base import Model, problem

Random = np.random.Generator
#: Draws the utilisations of one set.
Sampler = Callable[[Random], Any]
Bound = Annotated[float, Field(ge=0, le=1000)]

#: How many sets are drawn and thrown away before a request counts as hopeless.
MOST_DRAWS = 10_000
#: RandFixedSum needs a table of half the square of the tasks; of more tasks than this the same law is drawn otherwise.
LARGEST_TABLE = 1_000


class _Law(Model):
    """A law of utilisations."""

    @abstractmethod
    def sampler(self, count: int, total: float, parallel: bool) -> Sampler:
        """How to draw `count` utilisations that sum to `total`; `parallel` ones may exceed 1. Raises InputError."""


class UUniFast(_Law):
    """UUniFast: uniform over all utilisations that sum to the total. No task is bounded, so the total is at most 1."""

    kind: Literal["uunifast"]

    def sampler(self, count: int, total: float, parallel: bool) -> Sampler:
        """Bini and Buttazzo 2005: what is left is multiplied by a root of a uniform number, task by task."""
        if total > 1 + 1e-9 and not parallel:
            raise InputError(
                f"utilisations: uunifast bounds no task, and of {total:.4g} one could get more than a processor; "
                "write 'utilisations: randfixedsum' (or uunifast-discard)"
            )
        return lambda random: _uunifast(random, count, total)


class UUniFastDiscard(_Law):
    """UUniFast, drawn anew while some task has more than `most`."""

    kind: Literal["uunifast-discard"]
    most: Annotated[float, Field(gt=0, le=1000)] = 1.0

    def sampler(self, count: int, total: float, parallel: bool) -> Sampler:
        """Davis and Burns 2009."""
        _check_bounds(count, total, [0.0] * count, [self.most] * count)

        def draw(random: Random) -> Any:
            for _ in range(MOST_DRAWS):
                found = _uunifast(random, count, total)
                if found.max() <= self.most:
                    return found
            raise InputError(
                f"utilisations: uunifast-discard threw {MOST_DRAWS} sets in a row away: {count} tasks of at most "
                f"{self.most:g} hardly ever sum to {total:.4g}; write 'utilisations: randfixedsum', which always does"
            )

        return draw


class RandFixedSum(_Law):
    """RandFixedSum: uniform over all utilisations between `least` and `most` that sum to the total."""

    kind: Literal["randfixedsum"] = "randfixedsum"
    least: Bound = 0.0
    most: Annotated[float, Field(gt=0, le=1000)] = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> RandFixedSum:
        if self.least >= self.most:
            raise problem("'least' must be below 'most'", "least")
        return self

    def sampler(self, count: int, total: float, parallel: bool) -> Sampler:
        """Stafford 2006; Emberson, Stafford and Davis 2010."""
        _check_bounds(count, total, [self.least] * count, [self.most] * count)
        width = self.most - self.least
        share = min(max((total - count * self.least) / width, 0.0), float(count))
        if share in (0.0, count):
            return lambda random: np.full(count, total / count)
        if share <= 1:  # no upper bound cuts: the simplex itself
            return lambda random: self.least + width * _uunifast(random, count, share)
        if count > LARGEST_TABLE:
            return Tilted(total, [self.least] * count, [self.most] * count).draw
        table = _stafford_table(count, share)
        return lambda random: self.least + width * _stafford(random, count, share, table)


class DirichletRescale(_Law):
    """The law of Dirichlet-rescale: uniform over all utilisations that sum to the total, each task with its own bounds.

    `least` and `most` are one number for all tasks or a list with one for each.
    """

    kind: Literal["dirichlet-rescale"]
    least: Bound | tuple[Bound, ...] = 0.0
    most: Bound | tuple[Bound, ...] = 1.0

    def sampler(self, count: int, total: float, parallel: bool) -> Sampler:
        """The law of Griffin, Bate and Davis 2020, sampled exactly (`rtsched.generate.tilted`)."""
        least, most = (_each(value, count, key) for key, value in (("least", self.least), ("most", self.most)))
        _check_bounds(count, total, least, most)
        return Tilted(total, least, most).draw


Law = Annotated[UUniFast | UUniFastDiscard | RandFixedSum | DirichletRescale, Field(discriminator="kind")]


def named(usual: str, laws: Any) -> BeforeValidator:
    """The name of a law alone means the law with its defaults; parameters without a name are those of the usual one."""

    def law(value: Any) -> Any:
        if isinstance(value, str):
            return {"kind": value}
        return {"kind": usual, **value} if isinstance(value, dict) else value

    return BeforeValidator(law, json_schema_input_type=str | laws)


Utilisations = Annotated[Law, named("randfixedsum", Law)]


def _each(value: float | tuple[float, ...], count: int, key: str) -> list[float]:
    if not isinstance(value, tuple):
        return [value] * count
    if len(value) != count:
        raise InputError(f"utilisations.{key}: {len(value)} bounds for {count} tasks; give one each, or one for all")
    return list(value)


def _check_bounds(count: int, total: float, least: list[float], most: list[float]) -> None:
    if any(low > high for low, high in zip(least, most, strict=True)):
        raise InputError("utilisations: a task's 'least' exceeds its 'most'; raise 'most', or lower 'least'")
    if total > sum(most) * (1 + 1e-12):
        raise InputError(
            f"utilisations: {count} tasks of at most {max(most):g} cannot sum to {total:.4g}; ask for more tasks or a "
            "lower utilisation"
        )
    if total < sum(least) * (1 - 1e-12):
        raise InputError(
            f"utilisations: {count} tasks of at least {max(least):g} sum to more than {total:.4g}; ask for fewer tasks "
            "or a higher utilisation, or lower 'least'"
        )


def _uunifast(random: Random, count: int, total: float) -> Any:
    left = np.empty(count + 1)
    left[0], left[count] = total, 0.0
    roots = random.random(count - 1) ** (1.0 / np.arange(count - 1, 0, -1))
    np.multiply(roots.cumprod(), total, out=left[1:count])
    return left[:-1] - left[1:]


def _stafford_table(count: int, share: float) -> list[list[float]]:
    """Of each simplex that the cube's cut falls into, the probability of the way on: by dimension and simplex.

    Rows of volumes are scaled to a largest of 1: only their ratios count, and the volumes themselves leave the range of
    floats from some hundred tasks on.
    """
    whole = min(int(share), count - 1)
    below = share - np.arange(whole, whole - count, -1.0)
    above = np.arange(whole + count, whole, -1.0) - share
    volume = np.zeros(count + 2)
    volume[1] = 1.0
    table = []
    for size in range(2, count + 1):
        first = volume[1 : size + 1] * below[:size] / size
        second = volume[:size] * above[count - size :] / size
        both = first + second
        safe = np.where(both > 0, both, 1.0)
        table.append(np.where(above[count - size :] > below[:size], second / safe, 1 - first / safe).tolist())
        volume[1 : size + 1] = both / both.max()
    return table


def _stafford(random: Random, count: int, share: float, table: list[list[float]]) -> Any:
    """A point of the unit cube, uniform on the plane of this sum; its coordinates in random order."""
    drawn = random.random(3 * count - 2)
    ways = drawn[: count - 1].tolist()
    roots = (drawn[count - 1 : 2 * count - 2] ** (1.0 / np.arange(count - 1, 0, -1))).tolist()
    row = min(int(share), count - 1)
    moved, scale, found = 0.0, 1.0, []
    for place, (way, root) in enumerate(zip(ways, roots, strict=True)):
        size = count - place
        up = 1 if way < table[size - 2][row] else 0
        moved += (1.0 - root) * scale * share / size
        scale *= root
        found.append(moved + scale * up)
        share -= up
        row -= up
    found.append(moved + scale * share)
    return np.array(found)[np.argsort(drawn[2 * count - 2 :], kind="stable")]
