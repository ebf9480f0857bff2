"""Which of the times that were measured is C: what asks for it, and that every path takes the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched.dnn.lowering import Lowering
from rtsched.errors import InputError
from rtsched.model.catalogue import LATENCY_COLUMNS
from rtsched.model.config import parse_yaml, validate
from rtsched.model.origin import statistic
from rtsched.model.system import System
from rtsched.verify.verification import verify
from rtsched.verify.witness import witness
from tests.cli.command import rtsched as command

MS = 1_000_000
CHIP = "{name: chip, processors: {cpu: {cores: 1}, npu: {kind: npu}}}"


def system(text: str) -> System:
    return validate(System, parse_yaml(text))


def row(network: str, latency: str, **upper: str) -> dict[str, str]:
    about = {"platform": "chip", "network": network, "processor": "npu", "latency_ms": latency, "status": "measured"}
    return {**dict.fromkeys(LATENCY_COLUMNS, ""), **about, "source": "lab", "row": "lab/latency.csv:7", **upper}


TABLE = (
    row("all", "4", p99_ms="5", p99_9_ms="6", max_ms="7", n="5000"),
    row("tail", "4", p99_9_ms="6"),
    row("largest", "4", max_ms="7", n="8"),
    row("median", "4"),
    row("few", "4", p99_ms="5", max_ms="7", n="99"),
    row("some", "4", p99_ms="5", n="200"),
)


def node(network: str, wcet: str) -> Any:
    """The node of a network at the NPU, and where its time is from."""
    text = f"platform: {CHIP}\nwcet: {wcet}\ntasks: [{{name: net, network: {network}, period: 20 ms}}]"
    described = system(text)
    assert not isinstance(described.platform, str)
    return Lowering(described, described.platform, TABLE).lower().tasks[0].nodes[0]


@pytest.mark.parametrize(
    ("network", "wcet", "time", "basis", "text"),
    [
        ("all", "typical", 4, "typical", "the typical time (mean or median: not stated) (lab)"),
        ("all", "p99", 5, "percentile", "the 99th percentile (lab)"),
        ("all", "max", 7, "high-water", "the largest of 5000 runs (lab)"),
        ("all", "max*1.2", 8.4, "high-water", "the largest of 5000 runs × 1.2 (lab)"),
        ("tail", "p99", 6, "percentile", "the 99.9th percentile (lab)"),
        ("tail", "max", 6, "percentile", "the 99.9th percentile (lab)"),
        ("largest", "p99", 7, "high-water", "the largest of 8 runs (lab)"),
        ("median", "p99", 4, "typical", "the typical time (mean or median: not stated), no larger one is known (lab)"),
        (
            "median",
            "max*1.5",
            6,
            "typical",
            "the typical time (mean or median: not stated) × 1.5, no larger one is known (lab)",
        ),
        ("few", "p99", 7, "high-water", "the largest of 99 runs (lab)"),  # of 99 runs there is no such percentile
        ("some", "p99", 5, "percentile", "the 99th percentile of 200 runs, too few (299 bound it at 95 %) (lab)"),
    ],
)
def test_each_statistic_takes_its_figure_and_says_which(
    network: str, wcet: str, time: float, basis: str, text: str
) -> None:
    found = node(network, wcet)
    assert found.times == (None, time * MS)
    origin = found.origins[1]
    assert (origin.basis, origin.text) == (basis, f"{network} on npu: {text}")
    assert (origin.row, origin.source) == ("lab/latency.csv:7", "lab")


def test_a_margin_of_the_file_is_not_put_on_twice() -> None:
    def time(margin: str, wcet: str) -> int:
        origin = f"{{kind: high-water, n: 9{margin}}}"
        text = f"platform: {CHIP}\nwcet: {wcet}\ntasks: [{{name: a, wcet: 12 ms, origin: {origin}, period: 50 ms}}]"
        return rtsched.load(system(text)).lower().tasks[0].nodes[0].times[0] or 0

    stated = ", margin: 1.2, reason: habit"
    assert (time("", "max"), time("", "max*1.2")) == (12 * MS, 14_400_000)
    assert (time(stated, "max*1.2"), time(stated, "max*1.1"), time(stated, "max*1.5")) == (12 * MS, 12 * MS, 15 * MS)


def test_declared_bounds_stay_as_they_are() -> None:
    text = f"platform: {CHIP}\nwcet: max*2\ntasks: [{{name: a, wcet: 12 ms, period: 50 ms}}]"
    found = rtsched.load(system(text)).lower()
    assert found.tasks[0].nodes[0].times == (12 * MS, None)
    assert found.assumed == ("'wcet: max*2' has no effect: no time is out of a table of measured ones",)


def test_a_margin_asks_for_its_reason_and_bound_names_all_at_once() -> None:
    found = verify("adas_agx_orin", runs=0, wcet="max * 1.20")
    assert found.loaded.system.wcet == "max*1.2"
    assert "1.2 times the largest time measured is enough (the reason is not stated)" in found.system.assumed
    with pytest.raises(InputError) as caught:
        verify("adas_agx_orin", runs=0, wcet="bound")
    assert len(caught.value.problems) == 6  # of nine tasks four are instances of one
    assert all("asks for bounds, and its time is" in each for each in caught.value.problems)
    assert verify("lehoczky", runs=0, wcet="bound").proven


@pytest.mark.parametrize("wrong", ["median", "max*0.5", "max*", "max*1e9", 3, None])
def test_what_is_no_statistic_is_refused(wrong: Any) -> None:
    with pytest.raises(Exception, match="one of typical, p99, max"):
        statistic(wrong)


def test_runs_proofs_and_counterexamples_take_the_same_times(tmp_path: Path) -> None:
    """The typical times of this box are in time, the largest measured are not: in every path."""
    late = verify("adas_agx_orin", runs=0)
    assert verify("adas_agx_orin", runs=0, wcet="typical").verdict == "schedulable"
    assert late.verdict == "unschedulable"
    loaded = rtsched.load("adas_agx_orin", overrides=["wcet=max"])
    assert [task.nodes[0].times for task in loaded.lower().tasks] == [t.nodes[0].times for t in late.system.tasks]
    missed = verify("adas_agx_orin", runs=1)
    path = tmp_path / "miss.yaml"
    path.write_text(witness(missed))
    again = rtsched.load(str(path))
    assert again.system.wcet == "max"
    assert [t.nodes[0].times for t in again.lower().tasks] == [t.nodes[0].times for t in late.system.tasks]
    assert "platforms/latency.csv:" in path.read_text()


def test_the_fingerprint_knows_what_was_asked_for() -> None:
    plain, asked = verify("adas_agx_orin", runs=0), verify("adas_agx_orin", runs=0, wcet="max")
    assert plain.inputs_sha256 != asked.inputs_sha256
    assert '"wcet":null' not in json.dumps(plain.loaded.system.model_dump(exclude_none=True))


def test_commands_take_the_option(tmp_path: Path) -> None:
    typical = command("run", "adas_agx_orin", "--until", "70 ms", "--json")
    largest = command("run", "adas_agx_orin", "--until", "70 ms", "--json", "--wcet", "max")
    assert typical.exit_code == largest.exit_code == 0
    assert typical.output != largest.output
    bad = command("analyse", "adas_agx_orin", "--wcet", "often")
    assert isinstance(bad.exception, InputError)
    report = tmp_path / "r.json"
    done = command("report", "wearable_mcu", "-o", str(report), "--runs", "0", "--wcet", "max*1.2")
    assert done.exit_code == 0, done.output
    assert "--wcet 'max*1.2'" in report.read_text()


def test_a_study_may_vary_it() -> None:
    study = {"system": "adas_agx_orin", "axes": {"wcet": ["typical", "max"]}, "do": "analyse", "policies": ["file"]}
    found = rtsched.sweep(study).to_dict()
    assert "typical" in json.dumps(found)
    assert "max" in json.dumps(found)


@pytest.mark.parametrize(
    ("keys", "which"),
    [
        ({"p50_ms": "4"}, "median"),
        ({"p50_ms": "4.0004"}, "median"),  # rounded
        ({"p50_ms": "3.5"}, "mean or median: not stated"),
        ({"source": "ncnn"}, "mean"),
        ({"source": "ncnn", "p50_ms": "4"}, "median"),
        ({"source": "rknn", "status": "derived"}, "1/frame rate"),
        ({}, "mean or median: not stated"),
    ],
)
def test_a_typical_time_says_which_figure_it_is(keys: dict[str, str], which: str) -> None:
    from rtsched.dnn.latency import _claim

    assert _claim(row("net", "4", **keys), False, "", None)[1].endswith(f"({which})")


def test_every_source_of_the_catalogue_whose_figure_is_named_is_in_it() -> None:
    from rtsched.dnn.latency import MEANS
    from rtsched.model.catalogue import latency_table

    assert {each["source"] for each in latency_table()} >= set(MEANS)
