"""A simulation that beats a proof: both sides are kept, and no exit code takes it for an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from rtsched.registry import REGISTRY
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Bound, Result
from rtsched.schedulability.theorem import theorem
from tests.cli.command import ended
from tests.schemas import check

SYSTEM = """\
name: pair
platform: uniprocessor
scheduler: rm
tasks:
  - {name: short, wcet: 2 ms, period: 5 ms}
  - {name: long, wcet: 4 ms, period: 20 ms, execution: {kind: uniform, low: 0.5, high: 1.0}}
"""


@pytest.fixture(autouse=True)
def wrong() -> Iterator[None]:
    """A theorem of another package that is wrong on purpose: nobody ever waits."""

    @theorem("nobody-waits", title="Nobody waits", strength="sufficient", citation="Nobody, 2024", model=Uniprocessor)
    def nobody_waits(model: Any) -> Result:
        return Result("schedulable", tuple(Bound(task.name, task.C, task.D) for task in model.tasks))

    own = dict(REGISTRY.own)
    REGISTRY.register("theorem", "nobody-waits", nobody_waits)
    yield
    REGISTRY.own.clear()
    REGISTRY.own.update(own)


@pytest.fixture
def system(here: Path) -> Path:
    path = here / "pair.yaml"
    path.write_text(SYSTEM)
    return path


def test_both_sides_are_saved_named_and_shown_again(system: Path, here: Path) -> None:
    result = ended("analyse", system, "--runs", "2", "--fail-on", "unproven", "--junit", here / "out.xml")
    assert result.exit_code == 3
    (run,), (proof,) = here.glob("rtsched-soundness-*.yaml"), here.glob("rtsched-soundness-*.json")
    assert run.stem == proof.stem
    assert str(run) in result.stderr
    assert str(proof) in result.stderr
    assert result.stderr.count("\n") == 1
    assert "nobody-waits" in result.stderr
    # the proof, with the number that was beaten and how it came about
    data = json.loads(proof.read_text())
    check("soundness", data)
    claim = data["claim"]
    assert (claim["task"], claim["test"], claim["bound_ns"]) == ("long", "nobody-waits", 4_000_000)
    assert claim["observed_ns"] > claim["bound_ns"]
    tests = [test["test"] for part in data["steps"] for test in part["tests"]]
    assert "nobody-waits" in tests
    # the run: the file as it was analysed, which shows the very response that beats the bound
    assert run.read_text().startswith("# rtsched run FILE shows the run")
    written = yaml.safe_load(run.read_text())
    assert written["name"] == "pair_contradiction"
    again = json.loads(ended("run", run, "--json").stdout)
    assert max(task["response"]["max"] for task in again["tasks"] if task["name"] == "long") == claim["observed_ns"]
    # whoever reads the tests only sees an error, and no failure
    (test,) = ElementTree.parse(here / "out.xml").getroot().iter("testcase")
    assert [child.tag for child in test] == ["error"]
    assert "SoundnessError" in test[0].attrib["message"]


@pytest.mark.parametrize("command", ["report", "sweep"])
def test_whatever_asks_for_a_proof_ends_so(command: str, system: Path, here: Path) -> None:
    if command == "report":
        result = ended("report", system, "-o", here / "report.md", "--runs", "1", "--fail-on", "unproven")
        assert not (here / "report.md").exists()
    else:
        (here / "study.yaml").write_text("system: pair.yaml\npolicies: [rm]\nseeds: 2\ndo: both\nuntil: 100 ms\n")
        result = ended("sweep", here / "study.yaml", "-j", "1", "--json")
        assert result.stdout == ""
    assert result.exit_code == 3, result.output
    assert len(list(here.glob("rtsched-soundness-*.yaml"))) == 1
    assert not list(here.glob("rtsched-error-*"))


def test_a_run_that_no_file_describes_leaves_the_proof(
    system: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtsched.verify.contradiction.as_run", lambda *_: 1 / 0)
    result = ended("analyse", system, "--runs", "0")
    assert result.exit_code == 0  # without a run there is nothing to contradict
    result = ended("analyse", system, "--runs", "1")
    assert result.exit_code == 3
    assert "(the run has no file of its own: " in result.stderr
    assert list(here.glob("rtsched-soundness-*.json"))
