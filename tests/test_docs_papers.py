"""The papers that come with the sources: what has changed, how to cite it, how to contribute."""

from __future__ import annotations

import importlib
import importlib.util
import re
import tarfile
from pathlib import Path

import pytest
import yaml

import rtsched

ROOT = Path(__file__).parents[1]
CHANGES = (ROOT / "CHANGELOG.md").read_text()
MOVED, RENAMED = (
    re.findall(r"^\| (`.*?) \| (.*) \|$", part, re.MULTILINE) for part in CHANGES.split("- Classes whose")
)


def is_there(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(("before", "now"), MOVED, ids=[before.split("`")[1] for before, _ in MOVED])
def test_a_moved_module_is_where_the_changelog_says(before: str, now: str) -> None:
    new = re.findall(r"`(rtsched[\w.]+)`", now)
    assert new
    assert all(map(is_there, new))
    old = re.findall(r"`(rtsched[\w.]+)`", before)
    rooms = {"rtsched.metrics", "rtsched.schedulability.policy", "rtsched.engine.chip"}  # names of rooms today
    assert [module for module in old if is_there(module) and module not in rooms] == []


@pytest.mark.parametrize(("before", "now"), RENAMED, ids=[before.split("`")[1] for before, _ in RENAMED])
def test_a_renamed_class_has_its_new_name(before: str, now: str) -> None:
    text = "\n".join(path.read_text() for path in Path(rtsched.__file__).parent.rglob("*.py"))
    new = re.findall(r"`(\w+)`", now)
    assert new
    assert [name for name in new if f"class {name}" not in text] == []
    module, _, name = before.split("`")[1].rpartition(".")
    assert not (is_there(module) and hasattr(importlib.import_module(module), name))


def test_the_changelog_has_its_form() -> None:
    versions = re.findall(r"^## \[(.*?)\]", CHANGES, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert rtsched.__version__ in versions
    kinds = set(re.findall(r"^### (\w+)$", CHANGES, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == rtsched.__version__
    assert citation["authors"] == [{"name": "The rtsched authors"}]
    assert citation["license"] == "MIT"
    assert citation["type"] == "software"
    assert {"message", "title", "abstract", "keywords"} <= set(citation)
    assert all(isinstance(word, str) for word in citation["keywords"])


def test_a_source_archive_carries_the_papers_and_the_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = pytest.importorskip("hatchling.build", reason="the build back-end is not installed here")
    monkeypatch.chdir(ROOT)
    with tarfile.open(tmp_path / build.build_sdist(str(tmp_path))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    papers = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE", "docs/data_flow.svg"}
    assert papers | {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= names
    assert any(name.startswith("analysis/benchmarks/") for name in names)
    assert ".ci/run" in names
