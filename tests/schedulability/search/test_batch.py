"""Task sets in batches: the same answers as the theorems give one by one, on random sets, the corpora and huge times."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtsched.errors import InputError
from rtsched.schedulability.models import Cluster, Sporadic, Uniprocessor
from rtsched.schedulability.result import Result
from rtsched.schedulability.search import batch
from rtsched.schedulability.search.batch import LATE, TaskSets
from rtsched.schedulability.theorems import edf, fixed_priority, multiprocessor, utilisation

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
SIZES = (1, 2, 3, 4, 5, 8, 13, 20)


def random_sets(
    seed: int,
    n: int,
    count: int,
    U: tuple[float, float] = (0.5, 1.1),
    deadlines: str = "mixed",
    jitter: float = 0.0,
    blocking: float = 0.0,
    longest: int = 30,
) -> TaskSets:
    """Sets with short periods, so that bounds are met exactly now and then; D below, at or above T, or all of these."""
    rng = np.random.default_rng(seed)
    shape = (count, n)
    T = np.floor(np.exp(rng.uniform(np.log(max(3, n)), np.log(n * longest), shape))).astype(np.int64)
    shares = rng.dirichlet(np.ones(n), count) * rng.uniform(*U, (count, 1))
    C = np.clip(np.rint(shares * T), 1, None).astype(np.int64)
    low, high = {"implicit": (1, 1), "constrained": (0.4, 1), "arbitrary": (1, 3), "mixed": (0.5, 2)}[deadlines]
    D = np.maximum(1, np.rint(T * rng.uniform(low, high, shape))).astype(np.int64)
    J = np.where(rng.random(shape) < jitter, np.rint(T * rng.uniform(0, 1.2, shape)), 0).astype(np.int64)
    B = np.where(rng.random(shape) < blocking, np.rint(T * rng.uniform(0, 0.5, shape)), 0).astype(np.int64)
    return batch.dm_order(TaskSets(C, T, D, J, B))


def responses(result: Result, deadlines: Sequence[int]) -> list[int]:
    """What a theorem says, as batches write it."""
    known = [bound.wcrt for bound in result.bounds] + [None] * (len(deadlines) - len(result.bounds))
    return [LATE if R is None or R > D else R for R, D in zip(known, deadlines, strict=True)]


def up_to_failure(row: list[int]) -> list[int]:
    """Everything from the first LATE on is LATE."""
    cut = row.index(LATE) if LATE in row else len(row)
    return row[:cut] + [LATE] * (len(row) - cut)


def agree_fixed(sets: TaskSets, nonpreemptive: bool) -> tuple[int, int]:
    """Responses against the theorem's; how many sets are schedulable and how many are not."""
    test = batch.np_fp_rta if nonpreemptive else batch.fp_rta
    theorem = fixed_priority.np_fp_rta if nonpreemptive else fixed_priority.fp_rta
    found, short = test(sets), test(sets, first=True)
    assert found.dtype == np.int64
    for row in range(len(sets)):
        result = theorem(sets.uniprocessor(row, "FP", "nonpreemptive" if nonpreemptive else "preemptive"))
        expected = responses(result, sets.D[row].tolist())
        assert found[row].tolist() == expected, sets.sporadic(row)
        assert short[row].tolist() == up_to_failure(expected), sets.sporadic(row)
        assert (result.verdict == "schedulable") == (LATE not in expected)
    good = int((found != LATE).all(axis=1).sum())
    return good, len(sets) - good


def agree_verdicts(sets: TaskSets, found: Any, theorem: Callable[[Any], Result], model: Callable[[int], Any]) -> int:
    """Verdicts against the theorem's; how many sets it accepts."""
    assert found.shape == (len(sets),)
    assert found.dtype == np.bool_
    for row in range(len(sets)):
        assert bool(found[row]) == (theorem(model(row)).verdict == "schedulable"), sets.sporadic(row)
    return int(found.sum())


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("nonpreemptive", [False, True])
def test_fixed_priorities_as_the_theorems(n: int, nonpreemptive: bool) -> None:
    good = bad = 0
    for seed, (deadlines, jitter, blocking) in enumerate(
        [
            ("implicit", 0, 0),
            ("constrained", 0, 0),
            ("arbitrary", 0, 0),
            ("mixed", 0.4, 0),
            ("arbitrary", 0.3, 0.3),
            ("constrained", 0.2, 0.2),
        ]
    ):
        U = (0.2, 0.9) if nonpreemptive else (0.5, 1.15)
        sets = random_sets(100 * n + seed, n, 60, U, deadlines, jitter, 0 if nonpreemptive else blocking)
        counts = agree_fixed(sets, nonpreemptive)
        good, bad = good + counts[0], bad + counts[1]
    assert good > 5
    assert bad > 5


@pytest.mark.parametrize("n", SIZES)
def test_edf_as_the_theorems(n: int) -> None:
    for seed, (deadlines, jitter) in enumerate(
        [("implicit", 0), ("constrained", 0), ("arbitrary", 0), ("mixed", 0), ("mixed", 0.3), ("arbitrary", 0.3)]
    ):
        sets = random_sets(7000 + 100 * n + seed, n, 40, (0.5, 1.05), deadlines, jitter)
        agree_verdicts(sets, batch.edf_qpa(sets), edf.edf_qpa, lambda row: sets.uniprocessor(row, "EDF"))  # noqa: B023
        sets = random_sets(8000 + 100 * n + seed, n, 40, (0.2, 1), deadlines, jitter)
        agree_verdicts(
            sets,
            batch.np_edf(sets),
            edf.np_edf,
            lambda row: sets.uniprocessor(row, "EDF", "nonpreemptive"),  # noqa: B023
        )


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("m", [1, 2, 4])
def test_global_tests_as_the_theorems(n: int, m: int) -> None:
    for seed, deadlines in enumerate(("implicit", "constrained", "mixed")):
        sets = random_sets(500 * m + 10 * n + seed, n, 25, (0.1 * m, 0.9 * m), deadlines)
        agree_verdicts(sets, batch.gfb(sets, m), multiprocessor.gfb, lambda row: sets.cluster(row, m, "EDF"))  # noqa: B023
        agree_verdicts(sets, batch.bcl(sets, m), multiprocessor.bcl, lambda row: sets.cluster(row, m))  # noqa: B023
        found = batch.global_rta(sets, m)
        for row in range(len(sets)):
            expected = responses(multiprocessor.global_rta(sets.cluster(row, m)), sets.D[row].tolist())
            assert found[row].tolist() == expected, sets.sporadic(row)


@pytest.mark.parametrize("n", SIZES)
def test_utilisation_bounds_as_the_theorems(n: int) -> None:
    sets = batch.rm_order(random_sets(9000 + n, n, 200, (0.5, 1), "implicit"))
    agree_verdicts(sets, batch.liu_layland(sets), utilisation.liu_layland, sets.uniprocessor)
    agree_verdicts(sets, batch.hyperbolic(sets), utilisation.hyperbolic, sets.uniprocessor)


def test_large_batches_cross_blocks() -> None:
    """More sets than a block holds: each answer stands in the row of its set."""
    sets = random_sets(1, 4, 20_000, (0.5, 1.05), "mixed", 0.1)
    rows = np.random.default_rng(2).choice(len(sets), 200, replace=False)
    some = sets.take(rows)
    for nonpreemptive in (False, True):
        test = batch.np_fp_rta if nonpreemptive else batch.fp_rta
        assert (test(sets)[rows] == test(some)).all()
        agree_fixed(some, nonpreemptive)
    assert (batch.edf_qpa(sets)[rows] == batch.edf_qpa(some)).all()
    assert (batch.np_edf(sets)[rows] == batch.np_edf(some)).all()
    assert (batch.global_rta(sets, 2)[rows] == batch.global_rta(some, 2)).all()
    assert (batch.bcl(sets, 2)[rows] == batch.bcl(some, 2)).all()


@pytest.mark.parametrize("n", [2, 6, 20, 50])
def test_what_one_test_accepts_the_stronger_one_does(n: int) -> None:
    """EDF is optimal, non-preemptive sets stay schedulable with preemption, exact tests dominate sufficient ones."""
    sets = random_sets(60 + n, n, 2000, (0.4, 1.02), "constrained", longest=500)
    fixed = (batch.fp_rta(sets) != LATE).all(axis=1)
    dynamic = batch.edf_qpa(sets)
    assert not (fixed & ~dynamic).any()
    assert not (batch.np_edf(sets) & ~dynamic).any()
    assert 50 < fixed.sum() < dynamic.sum() < 1950
    alone = batch.global_rta(sets, 1)
    assert ((alone == LATE) | (alone >= batch.fp_rta(sets))).all()
    implicit = batch.rm_order(TaskSets(sets.C, sets.T, sets.T))
    rate = (batch.fp_rta(implicit) != LATE).all(axis=1)
    product = batch.hyperbolic(implicit)
    assert not (product & ~rate).any()
    assert not (batch.liu_layland(implicit) & ~product).any()
    assert (batch.edf_qpa(implicit) == batch.gfb(implicit, 1)).all()
    for m in (2, 3):
        accepted = (batch.global_rta(sets, m) != LATE).all(axis=1)
        assert not (batch.bcl(sets, m) & ~accepted).any()


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_full_utilisation(n: int) -> None:
    """U = 1 exactly, where doubles cannot tell: with jitter or blocking the busy period does not end."""
    rng = np.random.default_rng(n)
    rows: list[list[tuple[int, int, int, int, int]]] = []
    while len(rows) < 60:
        T = rng.choice([2, 3, 4, 6, 7, 9, 12, 14, 18, 28], n).tolist()
        C = [max(1, int(t * share)) for t, share in zip(T, rng.dirichlet(np.ones(n)), strict=True)]
        if sum((Fraction(c, t) for c, t in zip(C, T, strict=True)), Fraction(0)) == 1:
            J, B = rng.choice([0, 0, 0, 1, 2], (2, n)).tolist()
            rows.append(list(zip(C, T, [t * int(rng.integers(1, 9)) for t in T], J, B, strict=True)))
        elif n == 1:
            rows.append(
                [(T[0], T[0], T[0] * int(rng.integers(1, 5)), int(rng.integers(0, 2)), int(rng.integers(0, 2)))]
            )
    sets = TaskSets(*np.moveaxis(np.array(rows), 2, 0))
    agree_fixed(sets, False)
    unblocked = TaskSets(sets.C, sets.T, sets.D, sets.J)
    agree_fixed(unblocked, True)
    agree_verdicts(unblocked, batch.edf_qpa(unblocked), edf.edf_qpa, lambda row: unblocked.uniprocessor(row, "EDF"))
    agree_verdicts(
        unblocked, batch.np_edf(unblocked), edf.np_edf, lambda row: unblocked.uniprocessor(row, "EDF", "nonpreemptive")
    )


@pytest.mark.parametrize("unit", [10**6, 10**10, 10**13, 10**15, 10**17])
def test_huge_times(unit: int) -> None:
    """In ns, and far beyond what doubles (and products of 64 bits) hold; off by one tick around each bound."""
    small = random_sets(unit % 97, 3, 25, (0.5, 1.05), "mixed", 0.2, longest=8)
    rng = np.random.default_rng(3)
    off = rng.integers(-1, 2, small.C.shape)
    sets = TaskSets(
        small.C * unit + off, small.T * unit, np.maximum(1, small.D * unit + off[:, ::-1]), small.J * unit, small.B
    )
    agree_fixed(sets, False)
    agree_fixed(sets, True)
    agree_verdicts(sets, batch.edf_qpa(sets), edf.edf_qpa, lambda row: sets.uniprocessor(row, "EDF"))
    implicit = batch.rm_order(TaskSets(sets.C, sets.T, sets.T))
    agree_verdicts(implicit, batch.hyperbolic(implicit), utilisation.hyperbolic, implicit.uniprocessor)
    agree_verdicts(implicit, batch.liu_layland(implicit), utilisation.liu_layland, implicit.uniprocessor)
    for m in (1, 2):
        agree_verdicts(implicit, batch.gfb(implicit, m), multiprocessor.gfb, lambda r: implicit.cluster(r, m, "EDF"))  # noqa: B023
        agree_verdicts(implicit, batch.bcl(implicit, m), multiprocessor.bcl, lambda r: implicit.cluster(r, m))  # noqa: B023
        some = implicit.take(range(6))
        found = batch.global_rta(some, m)
        for row in range(len(some)):
            expected = multiprocessor.global_rta(some.cluster(row, m))
            assert found[row].tolist() == responses(expected, some.D[row].tolist())


def test_execution_times_near_the_largest_integer() -> None:
    """C far above T: sums overflow 64 bits at once."""
    most = 2**63 - 1
    sets = TaskSets([[most, most], [1, most], [most, 1]], [[most, 3], [5, most], [1, 1]], [[most] * 2] * 3)
    agree_fixed(sets, False)
    agree_fixed(sets, True)
    agree_verdicts(sets, batch.edf_qpa(sets), edf.edf_qpa, lambda row: sets.uniprocessor(row, "EDF"))
    agree_verdicts(sets, batch.gfb(sets, 2), multiprocessor.gfb, lambda row: sets.cluster(row, 2, "EDF"))


def test_on_the_bounds() -> None:
    """Sets exactly on a bound, and one tick beside it."""
    on = TaskSets([[1, 1, 1, 1]], [[3] * 4], [[3] * 4])  # 4/3 <= 2 - 1/3 holds with room; on it: 5 of them
    assert batch.gfb(on, 2).tolist() == [True]
    assert batch.gfb(TaskSets([[1] * 5], [[3] * 5], [[3] * 5]), 2).tolist() == [True]
    unit = 10**12
    C, T = [[unit] * 5, [*[unit] * 4, unit + 1], [*[unit] * 4, unit - 1]], [[3 * unit] * 5] * 3
    assert batch.gfb(TaskSets(C, T, T), 2).tolist() == [True, False, True]
    exact = TaskSets([[unit, unit], [unit, unit + 1]], [[2 * unit, 3 * unit]] * 2, [[2 * unit, 3 * unit]] * 2)
    assert batch.hyperbolic(exact).tolist() == [True, False]  # 3/2 * 4/3 = 2
    assert batch.liu_layland(exact).tolist() == [False, False]
    assert batch.liu_layland(TaskSets([[7], [8]], [[7], [7]], [[7], [7]])).tolist() == [True, False]


def test_theorems_that_do_not_apply_accept_nothing() -> None:
    late = TaskSets([[1, 1]], [[9, 9]], [[9, 9]], J=[[0, 1]])
    held = TaskSets([[1, 1]], [[9, 9]], [[9, 9]], B=[[1, 0]])
    far = TaskSets([[1, 1]], [[9, 9]], [[9, 19]])
    for sets in (late, held):
        assert not batch.np_edf(sets).any()
        assert not batch.gfb(sets, 2).any()
        assert not batch.bcl(sets, 2).any()
        assert not batch.liu_layland(sets).any()
        assert (batch.global_rta(sets, 2) == LATE).all()
    assert batch.edf_qpa(late).tolist() == [True]
    assert batch.edf_qpa(held).tolist() == [False]
    assert (batch.np_fp_rta(held) == LATE).all()
    assert batch.np_fp_rta(late).tolist() == [[1, 3]]
    assert batch.fp_rta(held).tolist() == [[2, 2]]
    assert not batch.bcl(far, 2).any()
    assert not batch.hyperbolic(far).any()


def corpus(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CORPUS / name).read_text())["instances"]
    return found


def test_corpus_of_response_times() -> None:
    seen = 0
    for record in corpus("public_rta.json"):
        tasks, mode = record["input"]["tasks"], record["input"]["mode"]
        if mode == "limited":
            continue
        sets = TaskSets(*([[task.get(letter, 0) for task in tasks]] for letter in "CTDJB"))
        found = (batch.np_fp_rta if mode == "nonpreemptive" else batch.fp_rta)(sets)[0].tolist()
        expected = [
            LATE if R is None or task["D"] < R else R for R, task in zip(record["expected"]["R"], tasks, strict=True)
        ]
        assert found == expected, record["id"]
        assert (LATE not in found) == record["expected"]["schedulable"], record["id"]
        seen += 1
    assert seen > 5


def test_corpus_of_edf() -> None:
    by_size: dict[int, list[dict[str, Any]]] = {}
    for record in corpus("public_edf.json"):
        by_size.setdefault(len(record["input"]["tasks"]), []).append(record)
    for records in by_size.values():
        sets = TaskSets(
            *([[task.get(letter, 0) for task in record["input"]["tasks"]] for record in records] for letter in "CTDJ")
        )
        assert batch.edf_qpa(sets).tolist() == [record["expected"]["preemptive"] for record in records]
        expected = [bool(record["expected"]["nonpreemptive"]) for record in records]
        assert batch.np_edf(sets).tolist() == expected


def test_models_and_orders() -> None:
    tasks = (Sporadic("slow", 2, 9, 5, 1, 3), Sporadic("fast", 1, 6, 6))
    sets = TaskSets.from_models([Uniprocessor(tasks), Cluster(tasks[::-1], 2)])
    assert (len(sets), sets.tasks) == (2, 2)
    assert sets.D.tolist() == [[5, 6], [6, 5]]
    assert batch.rm_order(sets).T.tolist() == [[6, 9]] * 2
    assert batch.dm_order(sets).J.tolist() == [[1, 0]] * 2
    assert [(t.C, t.T, t.D, t.J, t.B) for t in sets.sporadic(0)] == [(2, 9, 5, 1, 3), (1, 6, 6, 0, 0)]
    assert len(sets.take([])) == 0
    assert batch.fp_rta(sets.take([])).shape == (0, 2)
    for test in (batch.edf_qpa, batch.np_edf, batch.liu_layland, batch.hyperbolic):
        assert test(sets.take([])).shape == (0,)
    assert batch.gfb(sets.take([]), 2).shape == batch.bcl(sets.take([]), 2).shape == (0,)
    with pytest.raises(ValueError, match="read-only"):
        sets.C[0, 0] = 7


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: TaskSets([[1.5]], [[3]], [[3]]), "integers"),
        (lambda: TaskSets([[2**63]], [[3]], [[3]]), "64 bits"),
        (lambda: TaskSets([[2**70]], [[3]], [[3]]), "64 bits"),
        (lambda: TaskSets([[1, 1], [1]], [[3]], [[3]]), "shape|array"),
        (lambda: TaskSets([1], [3], [3]), "shape"),
        (lambda: TaskSets([[1]], [[3, 4]], [[3]]), "T has the shape"),
        (lambda: TaskSets([[1]], [[0]], [[3]]), "T of task 0 of set 0 is 0"),
        (lambda: TaskSets([[1], [1]], [[2], [2]], [[3], [3]], [[0], [-1]]), "J of task 0 of set 1 is -1"),
        (lambda: TaskSets.from_models([]), "at least one"),
        (lambda: TaskSets.from_models([Uniprocessor((Sporadic("a", 1, 2, 2, S=1),))]), "suspensions"),
        (lambda: TaskSets.from_models([Uniprocessor((Sporadic("a", 1, 2, 2),), mode="limited")]), "regions"),
        (
            lambda: TaskSets.from_models([Uniprocessor((Sporadic("a", 1, 2, 2),) * n) for n in (1, 2)]),
            "group the models",
        ),
    ],
)
def test_what_cannot_be_used(make: Callable[[], TaskSets], what: str) -> None:
    with pytest.raises(InputError, match=what):
        make()
