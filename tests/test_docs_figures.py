"""docs/figures.md: its study, its commands and its Python run, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rtsched.experiment.figures import KINDS
from rtsched.experiment.tables import COLUMNS, ENDINGS
from tests.cli.command import ended

PAGE = (Path(__file__).parents[1] / "docs" / "figures.md").read_text()
STUDY, *_ = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^    rtsched (.*)$", PAGE, re.MULTILINE)


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.yaml").write_text(STUDY)
    assert {command.split()[0] for command in COMMANDS} == {"sweep", "export", "plot"}
    for command in COMMANDS:
        result = ended(*command.split())
        assert result.exit_code == 0, (command, result.output)
    written = {path.name for path in tmp_path.iterdir()} - {"curve.yaml", "curve.db"}
    assert written == {word for command in COMMANDS for word in command.split() if word.endswith((".pdf", ".csv", ".tex"))}  # fmt: skip


def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.yaml").write_text(STUDY)
    names: dict[str, object] = {}
    exec(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0], names)
    assert len(names["misses"]) == 12  # type: ignore[arg-type]
    assert (tmp_path / "curve.pdf").read_bytes().startswith(b"%PDF")


def test_the_page_names_every_kind_ending_and_column() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert set(rows) - {"--kind"} == {*KINDS, *ENDINGS}
    (long,) = re.findall(r"^\| `.csv` \| (.*) \|$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", long) == list(COLUMNS)
