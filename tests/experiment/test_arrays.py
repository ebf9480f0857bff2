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
