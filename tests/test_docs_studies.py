"""docs/studies.md: its study and its Python run, its keys are all there are, and the command says what it did."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rtsched.experiment.arrays import TESTS
from rtsched.experiment.study import Stop, Study
from tests.cli.command import ended

PAGE = (Path(__file__).parents[1] / "docs" / "studies.md").read_text()
STUDY, *_ = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.yaml").write_text(STUDY)
    return tmp_path


def test_the_study_of_the_page_runs_and_goes_on(here: Path) -> None:
    assert len(STUDY.splitlines()) <= 15
    small = ["--set", "sets=3", "--set", "axes.generate.utilisation=[0.3, 0.9]", "-j", "1"]
    told = ended("sweep", "curve.yaml", *small).output
    assert "2 points x 3 sets x 4 policies and 2 tests x 1 seed, in curve.db" in told
    assert "runs without a miss" in told
    assert "proven (share of systems)" in told
    row = next(line for line in told.splitlines() if line.startswith("0.3 "))
    assert row.count("100.0 % [36.8, 100.0]") >= 2
    again = ended("sweep", "curve.yaml", *small)
    assert (again.exit_code, again.output) == (0, told)
    found = json.loads(ended("sweep", "curve.yaml", *small, "--json").output)
    assert {each["policy"] for each in found["estimates"]} == {"G-EDF", "P-EDF", "G-DM", "P-DM", "gfb", "global-rta"}


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0], {})
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_page_names_every_key_and_every_test() -> None:
    table = PAGE[PAGE.index("| key | meaning |") : PAGE.index("`stop: {width")]
    first = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)[1:]
    assert {key for cell in first for key in re.findall(r"`(\w+)`", cell)} == set(Study.model_fields) - {"name"}
    (stop,) = [line for line in table.splitlines() if line.startswith("| `stop`")]
    assert all(f"`{key}" in stop for key in Stop.model_fields)
    (tests,) = [line for line in table.splitlines() if line.startswith("| `tests`")]
    assert set(re.findall(r"`([a-z0-9-]+)`", tests)) - {"tests"} == set(TESTS)
