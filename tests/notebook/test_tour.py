"""The tour in docs runs in IPython, cell by cell, and everything in it shows itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

TOUR = Path(__file__).parents[2] / "docs" / "tour.ipynb"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}), user_module=ModuleType("tour"))
    made.display_formatter.active_types = made.display_formatter.format_types
    yield made
    InteractiveShell.clear_instance()


def test_the_tour_runs_and_shows_everything(shell: InteractiveShell) -> None:
    notebook = json.loads(TOUR.read_text(encoding="utf-8"))
    assert all(not cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    shown: list[dict[str, Any]] = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            result = shell.run_cell("".join(cell["source"]), store_history=False)
            result.raise_error()
            shown.append(shell.display_formatter.format(result.result)[0])
    pages = [each["text/html"] for each in shown]
    assert [each["text/plain"].split()[0] for each in shown] == [
        "<Loaded", "<Trace", "<Summary", "<Explanation:", "<WhatIf", "<Difference", "<Verification", "<Comparison",
    ]  # fmt: skip
    assert ["<iframe" in page for page in pages] == [False, True, *[False] * 6]
    assert all(len(each["text/plain"]) < 250 for each in shown)
    expected = (
        "every 5 ms",
        "sandbox",
        "6.8 ms",
        "missed by 1 ms",
        "C of long: 3 ms",
        "at 5 ms",
        "schedulable",
        "early-exit",
    )
    for page, text in zip(pages, expected, strict=True):
        assert text in page


def test_the_examples_of_the_page_about_notebooks_hold() -> None:
    import doctest

    found = doctest.testfile(str(TOUR.parent / "notebook.md"), module_relative=False, encoding="utf-8")
    assert (found.failed, found.attempted > 3) == (0, True)
