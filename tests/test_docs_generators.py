"""The page on random systems: its examples draw, run and are analysed, and its tables name every key and law."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

import rtsched
from rtsched.cli import cli
from rtsched.generate import Generate, draw
from rtsched.model.config import parse_yaml, validate

PAGE = (Path(__file__).parents[1] / "docs" / "generators.md").read_text()
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
EXAMPLES = [
    (section.partition("\n")[0], text)
    for section in SECTIONS
    for text in re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("title", "text"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_the_parameters_of_the_page_draw_systems_that_run(title: str, text: str) -> None:
    asked = validate(Generate, parse_yaml(text))
    for index in range(3):
        system = draw(asked, seed=1, index=index)
        assert rtsched.simulate(system, until="500 ms").check() == [], title
        assert abs(system["generated"]["reached"] / system["generated"]["target"] - 1) <= 0.01


def test_every_section_on_laws_has_an_example() -> None:
    assert [title for title, _ in EXAMPLES] == [
        "The keys",
        "Utilisations",
        "Periods",
        "Task graphs",
        "Unrelated clusters",
        "Mixes of networks",
        "Mixes of networks",
    ]


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(code) == 1
    exec(code[0], {})
    assert "index: 57" in capsys.readouterr().out


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("random.yaml").write_text("tasks: 3\n")
    lines = re.findall(r"^    rtsched (generate .*?)(?:  #.*)?$", PAGE, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        words = [word.replace("'", "") for word in re.findall(r"(?:[^\s']|'[^']*')+", line)]
        words = ["20" if word == "1000" else word for word in words]
        assert CliRunner().invoke(cli, words).exit_code == 0, line
    assert len(list(Path("systems").iterdir())) == 21


def test_the_tables_name_every_key_and_every_law() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([\w-]+)`", row)}
    laws = {
        tag
        for name in ("utilisations", "periods", "deadlines", "graph")
        for law in _laws(Generate.model_fields[name].annotation)
        for tag in get_args(law.model_fields["kind"].annotation)
    }
    assert named - {"utilisations", "periods", "deadlines", "graph"} == (set(Generate.model_fields) | laws) - {
        "utilisations", "periods", "deadlines", "graph"
    }  # fmt: skip


def _laws(annotation: Any) -> list[Any]:
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [law for each in get_args(annotation) for law in _laws(each)]
