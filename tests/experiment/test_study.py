"""A study as it is described, and what is refused of it."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.experiment.study import Range, Study, read

DRAWN = {"generate": {"tasks": 3}, "policies": ["edf"]}


def test_axes_multiply_and_the_last_one_runs_fastest():
    study = Study(
        **DRAWN, axes={"generate.tasks": (2, 3), "generate.utilisation": {"from": 0.5, "to": 0.7, "points": 3}}
    )
    assert [point.values for point in study.points()] == [
        (("generate.tasks", tasks), ("generate.utilisation", load)) for tasks in (2, 3) for load in (0.5, 0.6, 0.7)
    ]
    assert str(study.points()[0]) == "generate.tasks=2, generate.utilisation=0.5"


def test_values_of_an_axis_may_have_labels():
    graph = {"kind": "layered", "layers": 2, "width": 1}
    study = Study(**DRAWN, axes={"generate.graph": {"single": None, "chain": graph}})
    assert [(point.values, point.shown, str(point)) for point in study.points()] == [
        ((("generate.graph", None),), ("single",), "generate.graph=single"),
        ((("generate.graph", graph),), ("chain",), "generate.graph=chain"),
    ]
    results = rtsched.sweep(study.model_dump(exclude_unset=True) | {"sets": 2, "until": "100 ms", "axes": {
        "generate.graph": {"single": None, "chain": graph}, "generate.platform": {"two cores": "multicore:2"},
    }})  # fmt: skip
    assert results.outline.points == (("single", "two cores"), ("chain", "two cores"))
    assert [each["status"] for each in results.records() if each["metric"] == "no_miss"] == ["ok"] * 4


def test_a_wrong_value_with_a_label_is_refused_at_its_place(tmp_path):
    (tmp_path / "s.yaml").write_text("generate: {}\naxes:\n  generate.graph:\n    a: {kind: none}")
    with pytest.raises(InputError, match=r"s\.yaml:4:8: generate\.graph=a, set 0: Generate: graph\.kind"):
        rtsched.sweep(tmp_path / "s.yaml")


def test_ranges_are_exact_and_whole_numbers_stay_whole():
    assert Range(**{"from": 0.1, "to": 1, "points": 10}).values() == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
    assert [type(value) for value in Range(**{"from": 1, "to": 2, "points": 3}).values()] == [int, float, int]


def test_what_is_left_out():
    study = Study(**DRAWN)
    assert (study.count, study.numbers, study.measured) == (1000, (0,), ("miss_ratio", "no_miss"))
    assert Study(system="dhall", seeds=3).numbers == (0, 1, 2)
    assert Study(system="dhall").count == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policies: edf", "s.yaml:1:1: a study has either 'generate' (random systems) or 'system' (one of yours); give one of them"),
        ("system: dhall\ngenerate: {}", "s.yaml:1:1: a study has either 'generate'"),
        ("system: dhall\nsets: 3", "s.yaml:2:1: sets: has no effect: nothing is drawn; leave it out, or vary 'seeds'"),
        ("system: dhall\naxes: {until: []}", "s.yaml:2:1: axes: the axis 'until' has no values; list some"),
        ("system: dhall\naxes: {generate.tasks: [3]}", "s.yaml:2:1: axes: the axis 'generate.tasks' has no effect"),
        ("system: dhall\nset: {name: a}\naxes: {name: [b]}", "s.yaml:2:1: set: 'name' is an axis, and set for all points"),
        ("system: dhall\ndo: analyse\nseeds: 3", "s.yaml:3:1: seeds: has no effect on proofs"),
        ("system: dhall\nstop: {first_miss: true}", "s.yaml:2:1: stop: a run that ends at its first miss knows no more"),
        ("system: dhall\nstop: {metric: no_miss}", "stop.metric: has no effect without 'width'; give both"),
        ("system: dhall\nseeds: 100000000", "s.yaml:2:8: seeds: is how many seeds (1 to 100000)"),
        ("system: dhall\nstop: {width: 0.1, metric: p95}", "s.yaml:2:1: stop: the metric 'p95' is not measured"),
        ("system: dhall\ndo: analyse\nstop: {width: 0.1}", "s.yaml:3:1: stop: no metric is measured ('do: analyse')"),
        ("system: dhall\nseeds: 0", "s.yaml:2:8: seeds: is how many seeds"),
        ("system: dhall\npolicy: edf", "s.yaml:2:1: policy: unknown key 'policy'"),
        ("system: dhall\ndo: prove", "s.yaml:2:5: do:"),
        ("system: dhall\naxes: {a: {from: 1, points: 20}}", "s.yaml:2:11: axes.a: 'to' is missing; add it"),
        ("system: dhall\naxes: {a: {from: 1, to: 2, points: 20000}}", "points:"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path, monkeypatch, text, problem):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read("s.yaml")
    assert problem in str(error.value)


def test_values_of_a_file_are_set_anew(tmp_path):
    (tmp_path / "mine.yaml").write_text("generate: {tasks: 3}\npolicies: edf\n")
    study = read(tmp_path / "mine.yaml", ["sets=20", "generate.tasks=5"])
    assert (study.name, study.sets, study.generate) == ("mine", 20, {"tasks": 5})
