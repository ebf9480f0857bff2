"""The studies in analysis/studies: each reads, runs at a tiny size, has a figure, and a README whose commands exist."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from rtsched.experiment.study import read
from rtsched.experiment.sweep import sweep

STUDIES = Path(__file__).parents[2] / "analysis" / "studies"
FOLDERS = sorted(path for path in STUDIES.iterdir() if path.is_dir())
FILES = [(folder, path) for folder in FOLDERS for path in sorted(folder.glob("*.yaml")) if "axes:" in path.read_text()]
PICTURES = (".png", ".pdf", ".svg")
#: A study of more points is cut to the ends of its longest axis.
MOST_POINTS = 6


def commands(folder: Path, name: str) -> list[list[str]]:
    """The words of each `rtsched NAME` in the README of a study."""
    lines = re.findall(rf"^ +rtsched {name} (.*?)(?:  +#.*)?$", (folder / "README.md").read_text(), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def named(folder: Path) -> str:
    return folder.name


def test_the_index_names_every_study() -> None:
    index = (STUDIES / "README.md").read_text()
    assert FOLDERS
    assert [folder.name for folder in FOLDERS if f"({folder.name}/" not in index] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_a_study_has_its_file_its_figure_and_its_page(folder: Path) -> None:
    page = (folder / "README.md").read_text()
    assert any(where == folder for where, _ in FILES) or list(folder.glob("*.py"))
    figures = [path.name for path in folder.iterdir() if path.suffix in PICTURES]
    assert figures
    assert [name for name in figures if name not in page] == []


@pytest.mark.parametrize("folder", [where for where in FOLDERS if any(where == each for each, _ in FILES)], ids=named)
def test_the_commands_of_the_page_are_commands(folder: Path) -> None:
    """They are parsed as the command line parses them, name files that are there, and make the figures that are."""
    swept = commands(folder, "sweep")
    drawn = commands(folder, "plot")
    assert {Path(words[0]).name for words in swept} == {path.name for where, path in FILES if where == folder}
    for name, several in (("sweep", swept), ("plot", drawn)):
        for words in several:
            getattr(import_module(f"rtsched.cli.{name}"), name).make_context(name, list(words))
    made = {
        Path(words[words.index(option) + 1]).name for words in drawn for option in ("-o", "--output") if option in words
    }
    assert {path.name for path in folder.iterdir() if path.suffix in PICTURES} <= made


@pytest.mark.parametrize(("folder", "file"), FILES, ids=[f"{folder.name}/{file.name}" for folder, file in FILES])
def test_a_study_runs(folder: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At one set a point, and where that is still much, with the ends of its longest axis."""
    monkeypatch.chdir(tmp_path)
    study = read(file)
    changes = ["sets=1"] if study.generate is not None else ["seeds=1"]
    sizes = {name: len(values) for name, values in study.varied()}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if len(study.points()) > MOST_POINTS and sizes[name] > 2:
            first, last = (dict(study.varied())[name][place] for place in (0, -1))
            if isinstance(first, int | float):
                changes.append(f"axes.{name}=[{first}, {last}]")
                break
    results = sweep(file, overrides=changes, jobs=1)
    statuses = results.statuses()
    assert statuses["ok"] == statuses.total() == results.outline.total
    assert results.metrics
