"""Limits of loads: kept, exceeded or open, as requirements everywhere where requirements are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rtsched.errors import InputError
from rtsched.model.config import to_yaml
from rtsched.report.content import Report
from rtsched.report.html import html
from rtsched.verify import words
from rtsched.verify.cases import cases
from rtsched.verify.loads import judged
from rtsched.verify.requirements import requirements
from rtsched.verify.verification import Verification, verify
from tests.cli.command import answer, rtsched

CHIP = {"name": "chip", "processors": {"cpu": {"kind": "cpu", "cores": 2}, "npu": {"kind": "npu"}}}


def system(*limits: Any, **more: Any) -> dict[str, Any]:
    """30 % pinned to the first core, 40 % anywhere on two; 50 % on the NPU, half of it after the other."""
    tasks = [
        {"name": "pinned", "wcet": {"cpu": "3 ms"}, "period": "10 ms", "pin": "cpu0"},
        {"name": "free", "wcet": {"cpu": "4 ms"}, "period": "10 ms"},
        {"name": "sees", "wcet": {"npu": "5 ms"}, "period": "20 ms"},
        {"name": "then", "wcet": {"npu": "5 ms"}, "deadline": "20 ms", "after": "sees"},
    ]
    named = [{"of": of, "max_utilisation": most} | ({"id": id} if id else {}) for of, most, id in limits]
    return {"name": "s", "platform": CHIP, "scheduler": "fp", "tasks": tasks, "limits": named} | more


def found(*limits: Any, **more: Any) -> Verification:
    return verify(system(*limits, **more), runs=0)


@pytest.mark.parametrize(
    ("of", "most", "verdict", "bound"),
    [
        ("cpu", "35 %", "schedulable", 0.35),  # (3 + 4) / 10 on two cores
        ("cpu", 0.3499, "unschedulable", 0.35),
        ("cpu0", "70 %", "schedulable", 0.7),  # all that may run there does
        ("cpu0", "69.9 %", "unknown", 0.7),
        ("cpu0", "29.9 %", "unschedulable", 0.7),  # the pinned one is there for certain
        ("cpu1", "39 %", "unknown", 0.4),
        ("npu", 0.5, "schedulable", 0.5),  # a task after another comes as often
        ("npu", "49 %", "unschedulable", 0.5),
    ],
)
def test_by_hand(of: str, most: Any, verdict: str, bound: float) -> None:
    (load,) = judged(found((of, most, None)))
    assert (load.verdict, float(load.most or 0)) == (verdict, bound)


def test_what_comes_without_a_least_distance_is_open_unless_the_rest_exceeds_it() -> None:
    storm = {"name": "storm", "wcet": {"cpu": "1 ms"}, "period": "100 ms", "arrival": {"kind": "poisson"}}
    tasks = [*system()["tasks"], storm]
    kept, broken = judged(found(("cpu", "100 %", None), ("npu", "10 %", None), tasks=tasks))
    assert (kept.verdict, kept.most, kept.reason) == ("unknown", None, "how often 'storm' may come is not bounded")
    assert broken.verdict == "unschedulable"


def test_samples_above_c_and_typical_times_count() -> None:
    rows = system()["tasks"]
    rows[2] |= {"execution": {"kind": "uniform", "low": 0.5, "high": 1.2}, "origin": {"kind": "typical"}}
    (load,) = judged(found(("npu", "60 %", None), tasks=rows))
    assert (float(load.most or 0), load.basis, load.verdict) == (0.55, "typical", "schedulable")


def test_it_is_a_requirement_everywhere(tmp_path: Path) -> None:
    limits = (("npu", "70 %", "REQ-30"), ("cpu", "20 %", "REQ-31"))
    said = found(*limits, id="REQ-1")
    assert [(each.id, each.word) for each in requirements(said) if each.of in ("load", "system")] == [
        ("REQ-1", "refuted"),
        ("REQ-30", "proven"),
        ("REQ-31", "refuted"),
    ]
    assert "Limits of loads exceeded: cpu; kept: npu." in words.verdict(said)
    tests = {case.title: (case.state, dict(case.facts).get("bound")) for case in cases(said)}
    assert tests["REQ-30 npu: utilisation"] == ("met", "50 %")
    assert tests["REQ-31 cpu: utilisation"] == ("refuted", "35 %")
    page = html(Report(said, "2026-01-31"))
    assert "20.0 % (REQ-31)" in page
    assert "exceeded: cpu; kept: npu" in page
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(system(*limits)))
    for on, code in (("unschedulable", 1), ("hard-unproven", None), (None, 0)):
        done = rtsched("analyse", path, "--runs", "0", *(("--fail-on", on) if on else ()))
        assert code is None or done.exit_code == code
    npu, _ = (each for each in answer("analyse", path, "--runs", "0")["requirements"] if each["of"] == "load")
    assert npu["shares"] == {"limit": 0.7, "bound": 0.5, "slack": pytest.approx(0.2)}
    assert npu["limit_ns"] is None


def test_a_system_that_was_read_can_be_read_again() -> None:
    first = found(("cpu", "33.3 %", None)).loaded.system
    assert verify(first, runs=0).loaded.system.limits == first.limits
    again = yaml.safe_load(to_yaml(first))["limits"]
    assert again == [{"of": "cpu", "max_utilisation": "33.3 %"}]


@pytest.mark.parametrize("most", [0, "0 %", "101 %", 1.5, -1, True, "many", "nan"])
def test_no_other_shares(most: Any) -> None:
    with pytest.raises(InputError, match="must be a share above 0 and at most 100 %"):
        found(("cpu", most, None))


def test_what_a_limit_is_of_has_to_be_there_and_its_id_is_its_own() -> None:
    with pytest.raises(InputError, match=r"limits.0.of: 'gpu' is no processor or cluster; known: cpu, npu"):
        found(("gpu", "70 %", None))
    with pytest.raises(InputError, match="'R' is the id of the system, too"):
        found(("npu", "70 %", "R"), id="R")


def test_what_is_not_declared_changes_no_fingerprint() -> None:
    assert found().inputs_sha256 == found(limits=[]).inputs_sha256 != found(("npu", "70 %", None)).inputs_sha256
