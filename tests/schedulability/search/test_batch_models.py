"""Self-suspending sets and sets of graphs as arrays, against the theorems, set by set."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtsched.errors import InputError
from rtsched.schedulability.models import Dag, DagTask, TypedPools, Vertex
from rtsched.schedulability.search import batch_graphs, batch_suspension
from rtsched.schedulability.search.batch import TaskSets
from rtsched.schedulability.search.batch_graphs import GraphSets
from rtsched.schedulability.search.batch_suspension import SuspendingSets
from rtsched.schedulability.theorem import theorems


def suspending(seed: int, n: int, count: int, load: float, most: float, unit: int = 1) -> SuspendingSets:
    """Random sets, deadline monotonic; of five tasks four suspend themselves."""
    rng = np.random.default_rng(seed)
    T = rng.integers(8, 60, (count, n)) * unit
    C = np.maximum(1, (rng.dirichlet(np.ones(n), count) * rng.uniform(0.3, 1, (count, 1)) * load * T)).astype(np.int64)
    D = np.maximum(1, T - (rng.random((count, n)) * 0.3 * T * (rng.random((count, 1)) < 0.5)).astype(np.int64))
    S = (rng.random((count, n)) * most * np.maximum(T - C, 0) * (rng.random((count, n)) < 0.8)).astype(np.int64)
    return SuspendingSets(TaskSets(C, T, D), S).sorted_by(D)


@pytest.mark.parametrize(
    ("n", "count", "load", "most", "unit"),
    [(1, 10, 1.1, 0.9, 1), (2, 25, 1.2, 0.5, 1), (4, 25, 1, 0.4, 10**6), (7, 8, 0.9, 0.2, 1), (3, 8, 0.9, 0.3, 10**15)],
)
def test_suspending_sets_as_the_theorems(n: int, count: int, load: float, most: float, unit: int) -> None:
    given = suspending(n, n, count, load, most, unit)
    for name, order, test in (
        ("suspension-oblivious", "FP", batch_suspension.suspension_oblivious),
        ("self-suspension", "FP", batch_suspension.self_suspension),
        ("suspension-framework", "FP", batch_suspension.suspension_framework),
        ("edf-suspension", "EDF", batch_suspension.edf_suspension),
    ):
        found = test(given)
        for row in range(count):
            model = given.uniprocessor(row, order)  # type: ignore[arg-type]
            assert found[row] == (theorems()[name](model).verdict == "schedulable"), (name, model)
        assert found.sum() > 0 or n > 4
        assert found.sum() < count


def test_what_the_theorems_do_not_speak_of() -> None:
    """No suspension at all, D > T, jitter: as they say."""
    plain = SuspendingSets(TaskSets([[1, 1]] * 2, [[4, 9]] * 2, [[4, 9]] * 2), [[0, 0], [0, 1]])
    late = SuspendingSets(TaskSets([[1, 1]], [[4, 9]], [[4, 9]], J=[[0, 1]]), [[1, 1]])
    for test in (batch_suspension.self_suspension, batch_suspension.edf_suspension):
        assert test(plain).tolist() == [False, True]
        assert test(late).tolist() == [False]
    with pytest.raises(InputError, match="S has the shape"):
        SuspendingSets(plain.sets, [[1, 1]])
    with pytest.raises(InputError, match="at least 0"):
        SuspendingSets(plain.sets, [[1, 1], [1, -1]])


def graphs(seed: int, n: int, m: int, count: int, unit: int) -> tuple[TypedPools, ...]:
    """Random sets of small graphs, lines among them, deadline monotonic."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        tasks = []
        for number in range(n):
            size, T = int(rng.integers(1, 6)), int(rng.integers(8, 60)) * unit
            most = max(2, int(T * rng.uniform(0.2, 0.9) * m / (n * size)))
            vertices = tuple(Vertex(str(place), int(rng.integers(1, most + 1)), "cpu") for place in range(size))
            line = rng.random() < 0.25
            edges = tuple(
                (a, b) for a in range(size) for b in range(a + 1, size) if (b == a + 1 if line else rng.random() < 0.35)
            )
            tasks.append(DagTask(f"t{number}", Dag(vertices, edges), T, max(1, int(T * rng.uniform(0.7, 1)))))
        found.append(TypedPools(tuple(sorted(tasks, key=lambda task: task.D)), {"cpu": m}, "EDF"))
    return tuple(found)


@pytest.mark.parametrize(
    ("n", "m", "count", "unit"), [(1, 2, 12, 1), (3, 2, 16, 1), (4, 3, 16, 10**6), (3, 4, 6, 10**15)]
)
def test_graphs_as_the_theorems(n: int, m: int, count: int, unit: int) -> None:
    drawn = graphs(n, n, m, count, unit)
    for name, order, test in (
        ("a6-edf", "EDF", batch_graphs.a6_edf),
        ("a6-fp", "FP", batch_graphs.a6_fp),
        ("a6-work-conserving", "any", batch_graphs.a6_work_conserving),
        ("melani", "EDF", batch_graphs.melani),
        ("melani", "FP", batch_graphs.melani),
    ):
        models = tuple(replace(model, order=order) for model in drawn)  # type: ignore[arg-type]
        expected = [theorems()[name](model).verdict == "schedulable" for model in models]
        assert test(GraphSets(models)).tolist() == expected, (name, order)


def test_graphs_the_theorems_do_not_speak_of() -> None:
    """D > T, jitter, no preemption, another order: the theorem has the word; mixed batches are refused."""
    (model,) = graphs(1, 2, 2, 1, 1)
    odd = (
        replace(model, tasks=tuple(replace(task, D=2 * task.T) for task in model.tasks)),
        replace(model, tasks=tuple(replace(task, J=1) for task in model.tasks)),
        replace(model, modes={"cpu": "nonpreemptive"}),
        replace(model, order="any"),
    )
    expected = [theorems()["a6-edf"](each).verdict == "schedulable" for each in odd]
    assert batch_graphs.a6_edf(GraphSets(odd)).tolist() == expected
    assert batch_graphs.a6_edf(GraphSets(())).tolist() == []
    with pytest.raises(InputError, match="equally many tasks"):
        GraphSets((model, replace(model, tasks=model.tasks[:1])))
    with pytest.raises(InputError, match="one type"):
        GraphSets((replace(model, cores={"cpu": 2, "gpu": 1}),))
    with pytest.raises(InputError, match="one order"):
        batch_graphs.melani(GraphSets((model, replace(model, order="FP"))))


@pytest.mark.parametrize(
    ("old", "new"),
    [("own=own)", "own=0 * own)"), ("kinds, True) == 1\n            yes", "kinds, False) >= 0\n            yes"),
     ("(m * longest)[:, left]", "(2 * m * longest)[:, left]")],
)  # fmt: skip
def test_what_decides_over_arrays_is_needed_as_it_stands(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that accepts, or rejects, too much gives another verdict than the theorem somewhere."""
    models = graphs(5, 3, 2, 90, 1)
    expected = [theorems()["a6-edf"](model).verdict == "schedulable" for model in models]
    assert batch_graphs.a6_edf(GraphSets(models)).tolist() == expected
    source, made = inspect.getsource(batch_graphs._judged), dict[str, Any]()
    assert old in source
    exec("from __future__ import annotations\n" + source.replace(old, new), batch_graphs.__dict__, made)
    monkeypatch.setattr(batch_graphs, "_judged", made["_judged"])
    assert batch_graphs.a6_edf(GraphSets(models)).tolist() != expected
