"""What `run` shows unasked: XRBench's score where a workload has one, and the common scale of unlike accuracies."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.metrics.usual import of_run, unasked
from rtsched.metrics.xrbench import scores
from rtsched.model import catalogue
from tests.metrics.test_summary import MIXED

XRBENCH = [name for name in catalogue.names("workloads") if name.startswith("xrbench_")]


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_only_what_declares_all_that_a_score_needs_has_one() -> None:
    scored = [name for name in catalogue.names("workloads") if "xrbench" in unasked(rtsched.load(name).lower())]
    assert scored == XRBENCH
    assert len(scored) == 7


@pytest.mark.parametrize("name", XRBENCH)
def test_a_run_prints_the_score_of_its_scenario(name: str) -> None:
    trace = rtsched.simulate(name)
    values = of_run(trace, (), rtsched.summary(trace))
    assert values["xrbench"] == scores(trace).overall
    assert list(values) == ["xrbench", "uxcost"]


def test_the_score_stands_in_text_and_in_json_and_is_that_of_the_artefact() -> None:
    assert "XRBench   86.47" in printed("xrbench_vr_gaming")
    data = json.loads(printed("xrbench_vr_gaming", "--json"))
    assert data["metrics"]["xrbench"] == pytest.approx(
        86.466128, abs=1e-6
    )  # the artefact's 86.466141 has 32-bit floats
    assert list(json.loads(printed("xrbench_vr_gaming", "--json", "--metric", "uxcost"))["metrics"]) == [
        "uxcost",
        "xrbench",
    ]


def test_who_has_no_score_prints_none() -> None:
    assert "UXCost" not in printed("wearable_mcu", "--until", "1 s")  # it has energies, and no frames to count
    assert "metrics" not in json.loads(printed("wearable_mcu", "--until", "1 s", "--json"))
    assert "UXCost" not in printed("xrbench_vr_gaming", "--no-trace")  # sums alone have no score


def test_unlike_accuracies_have_their_common_scale_beside_them() -> None:
    trace = rtsched.simulate(MIXED)
    assert of_run(trace, (), rtsched.summary(trace)) == rtsched.evaluate(trace, "kept_accuracy")
    fading = MIXED | {"tasks": [each | {"decay": "10 ms"} for each in MIXED["tasks"]]}
    assert unasked(rtsched.load(fading).lower()) == ()  # late answers are worth something, which it does not take
    alike = MIXED | {"tasks": MIXED["tasks"][1:]}
    assert unasked(rtsched.load(alike).lower()) == ()
