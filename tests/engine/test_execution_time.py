"""Execution-time models: inside their bounds, with their means, and as correlated as they say."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import pytest

from rtsched.engine.execution_time import demand, sampler
from rtsched.errors import InputError
from rtsched.model.task import Autocorrelated, Empirical, LogNormal, Normal, Uniform
from tests.helpers import finishes, simulate, task

COUNT = 20_000


def draws(model: Any, seed: int = 3, block: int = 256, count: int = COUNT) -> Any:
    """The first factors of a model for a planned time of 1000."""
    factor = sampler(model, 1000, np.random.default_rng(seed), block)
    return np.array([float(value) for value in islice(iter(factor, None), count)])


def correlation(values: Any) -> float:
    return float(np.corrcoef(values[1:], values[:-1])[0, 1])


MODELS = {
    "uniform": (Uniform(kind="uniform", low=0.2, high=0.8), 0.5, 0.6 / 12**0.5),
    "normal": (Normal(kind="normal", mean=0.6, std=0.1, high=1.4), 0.6, 0.1),
    "lognormal": (LogNormal(kind="lognormal", mean=0.5, std=0.1, high=3.0), 0.5, 0.1),
    "empirical": (Empirical(kind="empirical", samples=(200, 400, 900)), 0.5, 0.2944),
}


@pytest.mark.parametrize("name", MODELS)
def test_mean_and_deviation(name: str) -> None:
    model, mean, std = MODELS[name]
    values = draws(model)
    assert abs(values.mean() - mean) < 5 * std / COUNT**0.5
    assert values.std() == pytest.approx(std, rel=0.05)
    assert abs(correlation(values)) < 5 / COUNT**0.5


@pytest.mark.parametrize("name", MODELS)
def test_autocorrelation_keeps_the_marginal(name: str) -> None:
    model, mean, std = MODELS[name]
    values = draws(Autocorrelated(kind="autocorrelated", correlation=0.6, marginal=model))
    # successive draws are dependent: the mean of an AR(1) process has (1 + rho) / (1 - rho) = 4 times the variance
    assert abs(values.mean() - mean) < 5 * 2 * std / COUNT**0.5
    assert values.std() == pytest.approx(std, rel=0.08)
    # a uniform marginal turns 0.6 into (6/pi) asin(0.3) = 0.58; one of three steps loses more
    assert correlation(values) == pytest.approx(0.48 if name == "empirical" else 0.59, abs=0.04)


@pytest.mark.parametrize("kind", [Normal, LogNormal])
def test_truncation_redraws(kind: Any) -> None:
    model = kind(kind=kind.__name__.lower(), mean=0.5, std=0.4, low=0.3, high=0.7)
    values = draws(model)
    assert 0.3 <= values.min() < 0.31
    assert 0.69 < values.max() <= 0.7
    assert (values == 0.7).mean() < 0.001
    both = draws(Autocorrelated(kind="autocorrelated", correlation=-0.5, marginal=model))
    assert both.min() >= 0.3
    assert both.max() <= 0.7
    assert both.mean() == pytest.approx(values.mean(), abs=0.01)
    assert correlation(both) < -0.4


def test_a_window_without_mass_is_refused() -> None:
    with pytest.raises(InputError, match="hardly any of the distribution"):
        sampler(Normal(kind="normal", mean=0.5, std=1000.0, low=0.4999, high=0.5001), 1000, np.random.default_rng(0))


def test_measured_samples_come_out_exactly() -> None:
    samples = (333_333_333, 123_456_789, 7)
    factor = sampler(Empirical(kind="empirical", samples=samples), 999_999_999, np.random.default_rng(0))
    values = [factor() for _ in range(100)]
    assert all(isinstance(value, Fraction) for value in values)
    assert {demand(value, 999_999_999) for value in values} == set(samples)


def test_demand_is_at_least_one_nanosecond() -> None:
    assert [demand(0.0001, 5), demand(0.5, 5), demand(0.7, 5), demand(2.0, 5)] == [1, 2, 4, 10]


@pytest.mark.parametrize("name", [*MODELS, "truncated"])
def test_blocks_leave_no_seam(name: str) -> None:
    narrow = Normal(kind="normal", mean=0.5, std=0.4, low=0.3, high=0.7)
    marginal = narrow if name == "truncated" else MODELS[name][0]
    for model in (marginal, Autocorrelated(kind="autocorrelated", correlation=0.6, marginal=marginal)):
        whole = draws(model, block=1000, count=1000).tolist()
        assert len(set(whole)) > 2
        for block in (1, 7, 256):
            assert draws(model, block=block, count=1000).tolist() == whole


def test_no_deviation_means_the_mean_to_the_last_bit() -> None:
    for kind in (Normal, LogNormal):
        model = kind(kind=kind.__name__.lower(), mean=0.003, std=0.0)
        assert draws(model, count=3).tolist() == [0.003] * 3
        copula = Autocorrelated(kind="autocorrelated", correlation=0.6, marginal=model)
        assert draws(copula, count=3).tolist() == [0.003] * 3


def test_two_policies_see_the_same_demands() -> None:
    tasks = [task(0, 50, 100, execution=Uniform(kind="uniform", low=0.1)), task(1, 30, 120, offset=5)]
    alone = finishes(simulate(tasks[:1], until=1000, seed=4))["a"]
    beside = finishes(simulate(tasks, until=1000, seed=4))["a"]
    assert alone == beside
    assert len({finish % 100 for finish in alone}) > 5
    assert finishes(simulate(tasks[:1], until=1000, seed=5))["a"] != alone
