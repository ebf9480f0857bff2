"""Execution times: what a job really takes, as a factor of what was planned. One draw a job, a block at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtsched.engine.release import BLOCK, blocks
from rtsched.errors import InputError
from rtsched.model.inputs import InputsSpec
from rtsched.model.task import Autocorrelated, Constant, Empirical, Execution, LogNormal, Normal, Uniform

if TYPE_CHECKING:
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor

#: Truncation draws again for what falls outside; a window with less mass than this is refused.
LEAST_MASS = 1e-4

Floats = NDArray[np.float64]


def demand(factor: Fraction | float, time: int) -> int:
    """The execution time in ns of a segment planned for `time` ns, at least 1."""
    return max(1, round(factor * time))


class InputTimes:
    """The truth about a job that has the recorded input of this number: each node takes its own share of its plan."""

    __slots__ = ("inputs", "number", "shares")

    def __init__(self, inputs: InputsSpec, number: int) -> None:
        self.inputs = inputs
        self.number = number
        self.shares = inputs.shares[number]

    def __call__(self, segment: Segment, processor: Processor, now: int) -> int:
        """What a segment takes in all on a processor, in ns; the same whenever it is asked."""
        node = segment.node
        return demand(self.shares.get(node.index, 1), node.times[processor.index] or 1)


def restated(factor: Callable[..., int], segment: Segment, processor: Processor) -> int:
    """What a segment that has begun elsewhere takes in all on `processor`; in a replay, what it took there."""
    return factor(segment, processor, 0) if isinstance(factor, InputTimes) else segment.demand


def drawn(inputs: InputsSpec, random: np.random.Generator) -> Iterator[int]:
    """The number of the recorded input of each job: any of them, with replacement."""
    return blocks(lambda size: random.integers(0, len(inputs.shares), size))


def sampler(
    model: Execution, reference: int, random: np.random.Generator, block: int = BLOCK
) -> Callable[[], Fraction | float]:
    """A function that gives the factor of the next job.

    Measured samples are divided by `reference`, the planned time in ns, so that they come out exactly.
    """
    assert not isinstance(model, Constant)
    if isinstance(model, Autocorrelated):
        draw = _correlated(model, random)
    elif isinstance(model, Empirical):
        assert model.samples is not None
        samples = np.array(model.samples, dtype=np.int64)
        draw = lambda size: samples[random.integers(0, len(samples), size)]  # noqa: E731
    elif isinstance(model, Uniform):
        draw = lambda size: random.uniform(model.low, model.high, size)  # noqa: E731
    else:
        draw = _truncated(model, random)
    marginal = model.marginal if isinstance(model, Autocorrelated) else model
    exact = reference if isinstance(marginal, Empirical) else None

    values = blocks(draw, block)
    return values.__next__ if exact is None else _fractions(values, exact).__next__


def _fractions(values: Iterator[int], whole: int) -> Iterator[Fraction]:
    """Each value as a part of the whole. A generator proper: mypyc makes a list of a generator expression."""
    for value in values:
        yield Fraction(value, whole)


def _log_parameters(model: LogNormal) -> tuple[float, float]:
    """Mean and deviation of the logarithm, from those of the factor itself."""
    variance = math.log1p((model.std / model.mean) ** 2)
    return math.log(model.mean) - variance / 2, math.sqrt(variance)


def _window(model: Normal | LogNormal) -> tuple[float, float, float, float]:
    """Mean and deviation of the underlying normal, and the truncation bounds in its standard deviations."""
    if isinstance(model, LogNormal):
        mean, std = _log_parameters(model)
        low, high = math.log(model.low), math.log(model.high)
    else:
        mean, std, low, high = model.mean, model.std, model.low, model.high
    if std == 0:
        return mean, 0.0, 0.0, 0.0
    bounds = (low - mean) / std, (high - mean) / std
    if _normal_cdf(bounds[1]) - _normal_cdf(bounds[0]) < LEAST_MASS:
        raise InputError(
            f"execution: hardly any of the distribution lies between {model.low} and {model.high}; widen them"
        )
    return mean, std, *bounds


def _normal_cdf(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))


def _shaped(model: Normal | LogNormal, standard: Floats, mean: float, std: float) -> Floats:
    """Standard normal values as factors."""
    values = mean + std * standard
    return np.exp(values) if isinstance(model, LogNormal) else values


def _truncated(model: Normal | LogNormal, random: np.random.Generator) -> Callable[[int], Floats]:
    """Draws from a (log-)normal in the order they come, without those outside [low, high]: no block shows."""
    mean, std, low, high = _window(model)
    if std == 0:
        return lambda size: np.full(size, model.mean)
    inside = np.empty(0)

    def draw(size: int) -> Floats:
        nonlocal inside
        while len(inside) < size:
            standard = random.standard_normal(BLOCK)
            inside = np.append(inside, standard[(low <= standard) & (standard <= high)])
        taken, inside = inside[:size], inside[size:]
        return np.clip(_shaped(model, taken, mean, std), model.low, model.high)

    return draw


def _correlated(model: Autocorrelated, random: np.random.Generator) -> Callable[[int], Any]:
    """A Gaussian AR(1) process, mapped through its own distribution onto the marginal (a Gaussian copula)."""
    rho = model.correlation
    inverse = _inverse(model.marginal)
    state: float | None = None

    def draw(size: int) -> Any:
        nonlocal state
        noise = random.standard_normal(size).tolist()
        path = []
        for value in noise:
            state = value if state is None else rho * state + math.sqrt(1 - rho * rho) * value
            path.append(_normal_cdf(state))
        return inverse(np.array(path))

    return draw


@lru_cache(maxsize=16)  # thousands of tasks may have one distribution, and its table takes megabytes
def _inverse(marginal: Uniform | Normal | LogNormal | Empirical) -> Callable[[Floats], Any]:
    """The quantile function of a marginal."""
    if isinstance(marginal, Uniform):
        return lambda shares: marginal.low + shares * (marginal.high - marginal.low)
    if isinstance(marginal, Empirical):
        assert marginal.samples is not None
        ordered = np.sort(np.array(marginal.samples, dtype=np.int64))
        return lambda shares: ordered[np.minimum((shares * len(ordered)).astype(np.int64), len(ordered) - 1)]
    mean, std, low, high = _window(marginal)
    if std == 0:
        return lambda shares: np.full(len(shares), marginal.mean)
    # a table of the truncated distribution, fine enough (1e-4 deviations) that its steps do not show
    grid = np.linspace(max(low, -8.0), min(high, 8.0), 160_001)
    mass = np.array([_normal_cdf(value) for value in grid.tolist()])
    mass = (mass - mass[0]) / (mass[-1] - mass[0])
    return lambda shares: np.clip(
        _shaped(marginal, np.interp(shares, mass, grid), mean, std), marginal.low, marginal.high
    )
