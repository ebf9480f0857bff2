"""Utilisations sum to what was asked for and have the distributions that their names promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rtsched.errors import InputError
from rtsched.generate.streams import stream
from rtsched.generate.utilisations import DirichletRescale, RandFixedSum, UUniFast, UUniFastDiscard, _Law

#: So many points make a distance of .03 between distributions one in a million.
POINTS = 8_000


def points(law: _Law, count: int, total: float, number: int = POINTS) -> np.ndarray:
    sampler = law.sampler(count, total, False)
    random = stream("test", "points", 1, 0)
    return np.array([sampler(random) for _ in range(number)])


def rejected(total: float, least: list[float], most: list[float]) -> np.ndarray:
    """Uniform points of the simplex, of which those outside of the bounds are thrown away."""
    random = np.random.default_rng(1)
    found: list[np.ndarray] = []
    while sum(map(len, found)) < POINTS:
        drawn = random.dirichlet(np.ones(len(least)), 100_000) * total
        found.append(drawn[((drawn >= least) & (drawn <= most)).all(axis=1)])
    return np.concatenate(found)[:POINTS]


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether all marginals agree, and those of the largest and of the sum of the first two."""
    views = [(one[:, i], other[:, i]) for i in range(one.shape[1])] + [(one.max(axis=1), other.max(axis=1))]
    if one.shape[1] > 2:
        views.append((one[:, :2].sum(axis=1), other[:, :2].sum(axis=1)))
    return all(stats.ks_2samp(*view).pvalue > 1e-4 for view in views)


LAWS = {
    "uunifast": (UUniFast(kind="uunifast"), 0.9),
    "discard": (UUniFastDiscard(kind="uunifast-discard", most=0.5), 1.5),
    "randfixedsum": (RandFixedSum(least=0.05, most=0.7), 2.3),
    "rescale": (DirichletRescale(kind="dirichlet-rescale", least=0.1, most=(0.2, 0.9, 0.4, 0.5, 0.8)), 1.9),
}


@pytest.mark.parametrize("name", LAWS)
def test_utilisations_sum_to_the_total_within_their_bounds(name: str) -> None:
    law, total = LAWS[name]
    found = points(law, 5, total, 500)
    assert np.allclose(found.sum(axis=1), total, rtol=1e-12)
    assert (found >= np.array(getattr(law, "least", 0.0)) - 1e-12).all()
    assert (found <= np.array(getattr(law, "most", 1.0)) + 1e-12).all()


@pytest.mark.parametrize("count", [2, 3, 10])
def test_a_utilisation_of_uunifast_has_the_marginal_of_a_simplex(count: int) -> None:
    total = 0.8
    found = points(UUniFast(kind="uunifast"), count, total)
    for column in found.T:
        assert stats.kstest(column, lambda x: 1 - (1 - x / total) ** (count - 1)).pvalue > 1e-4


def test_the_marginals_tell_a_wrong_root_from_the_right_one() -> None:
    """UUniFast without the right root (each task a uniform part of what is left) is far from the closed form."""
    random = np.random.default_rng(1)
    wrong = 0.8 * random.random(POINTS)
    assert stats.kstest(wrong, lambda x: 1 - (1 - x / 0.8) ** 9).pvalue < 1e-100


@pytest.mark.parametrize(("count", "total"), [(2, 1.4), (3, 0.7), (3, 1.5), (4, 2.8), (6, 2.2)])
def test_randfixedsum_is_uniform_on_the_cut_simplex(count: int, total: float) -> None:
    assert alike(points(RandFixedSum(), count, total), rejected(total, [0.0] * count, [1.0] * count))


def test_randfixedsum_keeps_its_bounds_uniformly() -> None:
    law = RandFixedSum(least=0.1, most=0.5)
    assert alike(points(law, 4, 1.1), rejected(1.1, [0.1] * 4, [0.5] * 4))


def test_discarding_is_uniform_on_the_cut_simplex() -> None:
    law = UUniFastDiscard(kind="uunifast-discard", most=0.6)
    assert alike(points(law, 4, 1.3), rejected(1.3, [0.0] * 4, [0.6] * 4))


@pytest.mark.parametrize(
    ("total", "least", "most"),
    [
        (1.0, (0.0, 0.0, 0.0), (0.4, 0.5, 0.6)),
        (1.0, (0.0, 0.0, 0.0), (0.4, 0.4, 0.4)),
        (1.0, (0.0, 0.0, 0.0, 0.0, 0.0), (0.15, 0.2, 0.4, 0.5, 0.9)),
        (0.4, (0.0, 0.1, 0.0), (1.0, 1.0, 0.2)),
        (2.0, (0.1, 0.0, 0.3), (0.9, 0.7, 0.9)),
        (0.6, (0.0, 0.0), (0.5, 0.9)),
    ],
)
def test_dirichlet_rescale_is_uniform_on_the_bounded_simplex(
    total: float, least: tuple[float, ...], most: tuple[float, ...]
) -> None:
    law = DirichletRescale(kind="dirichlet-rescale", least=least, most=most)
    assert alike(points(law, len(most), total), rejected(total, list(least), list(most)))


def test_rescaling_again_and_again_is_not_uniform() -> None:
    """Why the law of Dirichlet-rescale is sampled in another way: the test above would refuse its textbook form."""
    random, most = np.random.default_rng(1), np.array([0.15, 0.2, 0.4, 0.5, 0.9])
    drawn = random.dirichlet(np.ones(5), POINTS)
    while (drawn > most).any():
        over = np.where(drawn > most, most, 0.0)
        drawn = (drawn - over) / (1 - over.sum(axis=1))[:, None]
    assert not alike(drawn, rejected(1.0, [0.0] * 5, list(most)))


@pytest.mark.parametrize("law", ["randfixedsum", "dirichlet-rescale"])
@pytest.mark.parametrize(("count", "total"), [(1, 0.3), (1, 1.0), (5, 5.0), (300, 7.9), (300, 150.2), (1000, 999.5)])
def test_extreme_loads_are_drawn(law: str, count: int, total: float) -> None:
    made = RandFixedSum() if law == "randfixedsum" else DirichletRescale(kind="dirichlet-rescale")
    found = points(made, count, total, 3)
    assert np.allclose(found.sum(axis=1), total, rtol=1e-9)
    assert found.min() >= -1e-12
    assert found.max() <= 1 + 1e-12


@pytest.mark.parametrize("law", [UUniFastDiscard(kind="uunifast-discard"), RandFixedSum(), LAWS["rescale"][0]])
def test_more_than_all_tasks_can_have_is_refused(law: _Law) -> None:
    with pytest.raises(
        InputError, match=r"^utilisations: 5 tasks of at most .* cannot sum to 5\.5; ask for more tasks"
    ):
        law.sampler(5, 5.5, False)


def test_less_than_all_tasks_must_have_is_refused() -> None:
    with pytest.raises(InputError, match=r"5 tasks of at least 0\.2 sum to more than 0\.9; ask for fewer tasks"):
        RandFixedSum(least=0.2).sampler(5, 0.9, False)


def test_hopeless_discarding_ends_with_what_to_do() -> None:
    draw = UUniFastDiscard(kind="uunifast-discard").sampler(12, 11.5, False)
    with pytest.raises(InputError, match=r"10000 sets in a row.*randfixedsum"):
        draw(stream("test", "", 0, 0))


def test_uunifast_is_refused_where_it_could_overload_a_task() -> None:
    with pytest.raises(InputError, match=r"bounds no task, .* write 'utilisations: randfixedsum'"):
        UUniFast(kind="uunifast").sampler(5, 1.2, False)
    assert UUniFast(kind="uunifast").sampler(5, 1.2, True)(stream("test", "", 0, 0)).sum() == pytest.approx(1.2)


def test_bounds_of_another_number_of_tasks_are_refused() -> None:
    with pytest.raises(InputError, match=r"^utilisations\.most: 2 bounds for 3 tasks; give one each"):
        DirichletRescale(kind="dirichlet-rescale", most=(0.5, 0.6)).sampler(3, 0.5, False)
