"""Names as they are shown: what cannot be seen is escaped, and no cell is a formula."""

from __future__ import annotations

import json
from pathlib import Path

from rtsched.errors import InputError
from rtsched.visible import cell, shown, visible
from tests.cli.command import EXACT, SEEN, ended
from tests.pdf import has_weasyprint


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible(EXACT) == SEEN
    assert visible("a\nb\x1b", lines=True) == "a\nb\\x1b"
    assert visible("Zürich\u00a0→ 東京") == "Zürich\u00a0→ 東京"
    told = str(InputError("x" * 5000 + "; mend it"))
    assert len(told) <= 2000
    assert told.endswith("xx; mend it")
    named = {"a": ("b", ["\x07"]), "c": 1}
    assert shown(named) == {"a": ("b", ["\\x07"]), "c": 1}
    same = {"a": ("b", ["c"])}
    assert shown(same) is same


def test_names_are_shown_escaped_everywhere_but_in_json(named: Path) -> None:
    for words in (
        ["run", named],
        ["analyse", named, "--runs", "1", "--margins", "--parts"],
        ["show", named],
        ["compare", named, "-s", "edf", "--seeds", "1", "-j", "1"],
        ["report", named, "-o", "-", "--format", "md", "--runs", "0"],
        ["report", named, "-o", "-", "--format", "html", "--runs", "1"],
        ["run", named, "--set", "tasks.0.wcet=banana\x1b"],
    ):
        result = ended(*words)
        text = result.output
        assert all(char.isprintable() or char == "\n" for char in text), words
        assert "\n\\u202e" not in text, words
    if has_weasyprint():
        assert ended("report", named, "-o", "x.pdf", "--runs", "0").exit_code == 0
    assert ended("report", named, "-o", "x.html", "--runs", "0").exit_code == 0
    assert ended("run", named, "--gantt", "x.png").stderr == ""
    figures = json.loads(ended("run", named, "--json").stdout)
    assert figures["tasks"][0]["name"] == EXACT
    assert json.loads(ended("analyse", named, "--runs", "1", "--json").stdout)["tasks"][0]["name"] == EXACT


def test_cells_are_never_formulas(named: Path, here: Path) -> None:
    assert [cell(value) for value in ("=1+1", "@x", "+a", "-5", "-1.5e3", "-a", "\tx", -5, "a=b", "")] == [
        "'=1+1", "'@x", "'+a", "-5", "-1.5e3", "'-a", "'\tx", -5, "a=b", "",
    ]  # fmt: skip
    assert ended("run", named, "--csv", "out").exit_code == 0
    text = (here / "out" / "jobs.csv").read_text()
    assert ",'=cmd()," in text
    assert ",-5," in text
