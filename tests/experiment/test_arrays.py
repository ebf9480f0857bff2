"""Tests over arrays beside simulations: they say what the theorems say, set by set."""

from __future__ import annotations

import pytest

import rtsched
from rtsched import InputError
from rtsched.schedulability.models import Cluster, Sporadic, Uniprocessor
from rtsched.schedulability.theorem import theorems

LOADS = [0.3, 0.8, 0.95]


def asked(m: int, **more):
    periods = {"kind": "uniform", "shortest": "10 ms", "longest": "20 ms"}
    generate = {
        "tasks": 5,
        "periods": periods,
        "platform": f"multicore:{m}",
        "jitter": 0.02,
        **more,
    }
    return {"generate": generate, "axes": {"generate.utilisation": LOADS}, "sets": 40, "until": "50 ms", "jobs": 1}


def tasks(document):
    found = [(t["wcet"], t["period"], t.get("deadline", t["period"]), t.get("jitter", 0)) for t in document["tasks"]]
    return tuple(Sporadic(str(place), *each) for place, each in enumerate(sorted(found, key=lambda each: each[2])))


@pytest.mark.parametrize(
    ("m", "jitter", "names"),
    [
        (1, 0.02, ["edf-qpa", "fp-rta", "np-fp-rta"]),
        (1, 0, ["hyperbolic", "liu-layland", "np-edf"]),
        (3, 0, ["bcl", "gfb", "global-rta"]),
    ],
)
def test_they_say_what_the_theorems_say(m, jitter, names):
    study = asked(m, jitter=jitter)
    results = rtsched.sweep(**study, policies=[], tests=names)
    known = theorems()
    drawn = [rtsched.generate({**study["generate"], "utilisation": load}, count=40) for load in LOADS]
    seen = set()
    for row in results:
        name, document = names[row.run.policy], drawn[row.run.point][row.run.set]
        mode = "nonpreemptive" if name.startswith("np-") else "preemptive"
        order = "EDF" if "edf" in name or name == "gfb" else "FP"
        model = Uniprocessor(tasks(document), order, mode) if m == 1 else Cluster(tasks(document), m, order)
        assert row.values["proven"] == (known[name](model).verdict == "schedulable"), (name, document)
        seen.add((name, row.values["proven"]))
    assert {name for name, proven in seen if proven} == set(names)
    assert len({name for name, proven in seen if not proven}) >= 2


def test_what_they_prove_no_run_misses():
    results = rtsched.sweep(**asked(2, jitter=0), policies=["edf"], tests=["gfb"], metrics="no_miss")
    by_set: dict = {}
    for row in results:
        by_set.setdefault((row.run.point, row.run.set), {}).update(row.values)
    assert all(values["no_miss"] >= values["proven"] for values in by_set.values())
    assert results.metrics == ("no_miss", "proven")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"tests": ["rta"]}, "no test over arrays is called 'rta'; known: edf-qpa"),
        ({"tests": "gfb", "generate": {"execution": {"kind": "uniform", "low": 0.5, "high": 2}}}, "know nothing of 'execution'"),
        ({"tests": "gfb", "set": {"overheads.context_switch": "1 ms"}}, "know nothing of 'overheads.context_switch'"),
        ({"tests": "fp-rta", "generate": {"platform": "multicore:2"}}, "fp-rta is of one processor, and the platform has 2"),
        ({"tests": "gfb", "generate": {"platform": "jetson_xavier_nx"}}, "of equal processors"),
    ],
)  # fmt: skip
def test_what_they_do_not_speak_of_is_refused(keys, problem):
    with pytest.raises(InputError, match=problem):
        rtsched.sweep(**{"generate": {"tasks": 3}, "policies": "edf", "sets": 2, "jobs": 1, **keys})


def test_tests_of_a_system_that_is_not_drawn_are_refused():
    with pytest.raises(InputError, match="write 'do: analyse' for a system"):
        rtsched.sweep(system="dhall", tests="gfb")


def test_suspending_sets_and_graphs_say_what_the_theorems_say():
    """The suspensions drawn are the same at every load of an axis of spans, and within the span."""
    common = {"policies": [], "sets": 12, "jobs": 1}
    spans = {"generate": {"tasks": 4, "utilisation": 0.6}, "axes": {"suspensions": [0.1, {"least": 0.3, "most": 0.6}]}}
    results = rtsched.sweep(**spans, **common, tests=["self-suspension", "suspension-framework", "edf-suspension"])
    proven = {(row.run.point, row.run.policy, row.run.set): row.values["proven"] for row in results}
    for number in range(12):  # longer suspensions, and a weaker test, accept no more
        assert all(proven[0, test, number] >= proven[1, test, number] for test in range(3))
        assert all(proven[point, 1, number] >= proven[point, 0, number] for point in range(2))
    assert 0 < sum(proven.values()) < len(proven)
    law = {"kind": "fork-join"}
    asked = {"tasks": 3, "platform": "multicore:2", "graph": law, "total_utilisation": 0.9}
    names = ["melani-edf", "a6-edf", "a6-fp"]
    found = [row.values["proven"] for row in rtsched.sweep(generate=asked, **common, tests=names)]
    for place, (policy, theorem) in enumerate((("edf", "melani"), ("edf", "a6-edf"), ("dm", "a6-fp"))):
        for number, document in enumerate(rtsched.generate(asked, count=12)):
            analysis = rtsched.analyse(document, scheduler=policy, runs=0).analysis
            (result,) = [each.result for each in analysis.parts[0].applied if each.theorem.name == theorem]
            assert found[number * 3 + place] == (result.verdict == "schedulable")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"tests": "gfb", "suspensions": 0.1}, "gfb knows nothing of 'suspensions'"),
        ({"tests": "self-suspension"}, "self-suspension is of sets that have 'suspensions'; add it"),
        ({"tests": "self-suspension", "suspensions": 0}, "'most' is 0"),
        ({"tests": "self-suspension", "suspensions": 0.1, "policies": "edf"}, "policies: \\[\\]"),
        ({"tests": [], "policies": "edf", "suspensions": 0.1}, "only tests over arrays know of them"),
        ({"tests": "melani-edf"}, "melani-edf is of sets that have 'generate: graph'; add it"),
        (
            {"tests": "self-suspension", "suspensions": 0.1, "generate": {"jitter": 0.1}},
            "nothing of 'generate: jitter'",
        ),
        ({"tests": "self-suspension", "axes": {"suspensions": ["long"]}}, "suspensions"),
    ],
)
def test_what_tests_do_not_speak_of_is_refused(keys, problem):
    with pytest.raises(InputError, match=problem):
        rtsched.sweep({"generate": {"tasks": 3}, "policies": [], "sets": 1, **keys}, jobs=1)
