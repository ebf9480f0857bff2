"""Policies of a study pair by pair: the same systems, the right test, corrected for all that is shown."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import pytest

import rtsched
from rtsched.cli.sweep import render
from rtsched.errors import InputError
from rtsched.experiment.outline import Run
from rtsched.experiment.results import Results
from rtsched.experiment.statistics import differences, holm, interval, mcnemar, sign_flip, weighted_schedulability
from rtsched.experiment.store import Row, Store
from tests.cli.command import answer, ended
from tests.experiment.test_sweep import ONE, STUDY, Raises


@pytest.fixture(scope="module")
def results():
    return rtsched.sweep(STUDY, sets=30, policies={"G": "edf", "P": "edf+first-fit", "mine": Raises}, jobs=1)


def values(results, metric, point, policy):
    found = {
        row.run.set: row.values.get(metric) for row in results if (row.run.point, row.run.policy) == (point, policy)
    }
    return {number: value for number, value in found.items() if value is not None}


def one(found, **wanted):
    (each,) = [each for each in found if all(getattr(each, key) == value for key, value in wanted.items())]
    return each


def test_each_point_is_the_pairs_of_its_systems(results):
    found = results.paired("G")
    for metric in ("miss_ratio", "no_miss"):
        for place, policy in ((1, "P"), (2, "mine")):
            base, other = values(results, metric, 1, 0), values(results, metric, 1, place)
            both = sorted(base.keys() & other.keys())
            pairs = [other[number] for number in both], [base[number] for number in both]
            here = one(found, metric=metric, policy=policy, point=1)
            assert (here.pairs, here.lacking) == (len(both), 30 - len(both))
            assert (here.difference, here.difference_half) == interval(differences(*pairs))
            if metric == "no_miss":
                assert here.discordance == mcnemar(*(list(map(bool, each)) for each in pairs))
                assert here.p_alone == here.discordance.p
            else:
                assert here.p_alone == sign_flip(differences(*pairs))
    assert [each.p for each in found] == holm([each.p_alone for each in found])
    assert {each.baseline for each in found} == {"G"}


def test_over_all_points_a_system_counts_once(results):
    found = one(results.paired("G"), metric="miss_ratio", policy="P", point=None)
    points = [
        differences(*(list(values(results, "miss_ratio", point, who).values()) for who in (1, 0))) for point in (0, 1)
    ]
    means = [(first + second) / 2 for first, second in zip(*points, strict=True)]
    assert (found.pairs, found.difference) == (30, pytest.approx(interval(means)[0]))
    assert found.p_alone == sign_flip(means)


def test_the_weighted_difference_is_that_of_the_weighted_schedulabilities(results):
    found = one(results.paired("P"), metric="no_miss", policy="G", point=None, weighted=True)
    shares = []
    for who in (0, 1):
        rows = [row for row in results if row.run.policy == who]
        sets = [row.values["utilisation"] for row in rows], [row.values["no_miss"] == 1 for row in rows]
        shares.append(weighted_schedulability(*sets).mean)
    assert found.difference == pytest.approx(shares[0] - shares[1])


def test_a_planted_difference_has_stars_and_none_has_none(tmp_path):
    """Systems that are hard for one are hard for the other: unpaired, the intervals overlap."""
    small = rtsched.sweep(STUDY, sets=1, until="20 ms", jobs=1, policies=["edf", "rm", "dm"])
    outline, store, draws = replace(small.outline, sets=200), Store(None), random.Random(1)
    store.begin(outline)
    for point in (0, 1):
        for number in range(200):
            hard = draws.random()
            for policy, more in enumerate((0.0, 0.02, draws.gauss(0, 0.02))):
                missed = min(1.0, max(0.0, hard + more + draws.gauss(0, 0.05)))
                run = Run(point, number, policy, 0)
                store.add([(outline.key(run), Row(run, "ok", "", {"utilisation": 0.5, "miss_ratio": missed}))])
    found = Results(outline, store).paired(metrics="miss_ratio")
    assert one(found, policy="rm", point=None).p < 0.01
    assert one(found, policy="dm", point=None).p > 0.05
    bands = [each.band for each in Results(outline, store).estimates("miss_ratio")[:2]]
    assert bands[0].high > bands[1].low
    text = render(Results(outline, store), tmp_path / "s.db", "edf")
    assert "all points" in text
    assert "pp**" in text


def test_where_nothing_is_random_there_is_no_test():
    certain = rtsched.sweep(system=ONE, policies=["edf", "rm"], seeds=5, jobs=1)
    assert {each.p for each in certain.paired()} == {None}
    assert {each.difference_half for each in certain.paired()} == {None}
    drawn = {**ONE, "tasks": [{**ONE["tasks"][0], "execution": {"kind": "uniform", "low": 0.5, "high": 1}}]}
    found = rtsched.sweep(system=drawn, policies=["edf", "rm"], seeds=5, metrics="response", jobs=1).paired("rm")
    assert [(each.pairs, each.difference, each.p) for each in found] == [(5, 0.0, 1.0)]


def test_what_cannot_be_compared_is_refused(results):
    with pytest.raises(InputError, match="no policy 'X'; there are G, P, mine"):
        results.paired("X")
    with pytest.raises(InputError, match="no run of this study has 'speed'"):
        results.paired("G", "speed")
    with pytest.raises(InputError, match="needs two policies"):
        rtsched.sweep(system=ONE, policies="edf", jobs=1).paired()


def test_the_command_says_so_before_anything_runs_and_json_has_it_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = tmp_path
    here.joinpath("s.yaml").write_text(json.dumps({**STUDY, "tests": ["gfb"]}))
    refused = ended("sweep", "s.yaml", "--paired", "X", "-j", 1)
    assert refused.exit_code == 2
    assert "--paired X: no policy of this study is called so; there are G, P, gfb" in refused.output
    assert not here.joinpath("s.db").exists()
    data = answer("sweep", "s.yaml", "--paired", "G", "-j", "1")
    policies = {(each["metric"], each["policy"]) for each in data["paired"]}
    assert policies == {("miss_ratio", "P"), ("no_miss", "P")}  # gfb has neither
    assert {each["policy"] for each in data["weighted"]} == {"G", "P", "gfb"}
    assert data["paired"][0]["axes"] == {"generate.utilisation": 0.5}
    assert math.isfinite(data["paired"][0]["p"])
    text = ended("sweep", "s.yaml", "--paired", "gfb", "-j", 1).output
    assert "No other policy has a metric of this one" in text
