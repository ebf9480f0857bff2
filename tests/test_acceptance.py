"""analysis/acceptance: it counts, it stops at what is unsound, and its page holds what was counted."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "analysis" / "acceptance"
MODULES = ("acceptance", "cases", "graphs", "judge", "latencies", "panels", "picture", "tables")


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script with its modules, which no other test sees."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("acceptance")
    finally:
        sys.path[:] = [each for each in sys.path if each != str(FOLDER)]
        for name in MODULES:
            sys.modules.pop(name, None)


def test_a_few_sets_are_counted_and_drawn(script: ModuleType, tmp_path: Path) -> None:
    script.main(["--quick", "--out", str(tmp_path)])
    counts = script.tables.read(tmp_path / "one_processor.csv")
    assert {each.panel for each in counts} == {"rm_implicit"}
    assert {each.sets for each in counts} == {2}
    shares = {(each.curve, each.x): each.share for each in counts}
    assert shares["fp-rta", 0.6] == shares["all tests", 0.6] == shares["not refuted", 0.6] == 100
    assert (tmp_path / "one_processor.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_seed_draws_the_same_sets(script: ModuleType) -> None:
    for figure in script.FIGURES:
        for panel in figure.panels:
            first, again = (panel.draw(np.random.default_rng([7, 1]), panel.xs[0]) for _ in range(2))
            assert first == again, panel.name


def test_what_is_unsound_ends_it_with_the_set_in_a_file(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = script.FIGURES[0].panels[0]
    monkeypatch.setattr(script.judge, "_runs", lambda *_: (True, 1))  # as if a run had missed
    with pytest.raises(SystemExit, match=r"rm_implicit at 0\.6, set 0, its policy: .*fp-rta.* misses in a run"):
        script.one_set(panel, 0, 0, 1, tmp_path)
    (path,) = tmp_path.iterdir()
    assert len(json.loads(path.read_text())["tasks"]) == 10
    monkeypatch.setattr(script.judge, "_exact", lambda _: False)  # as if an exact test had said no
    with pytest.raises(SystemExit, match="accept what an exact test refutes"):
        script.one_set(panel, 0, 0, 1, tmp_path)


def test_of_too_many_curves_those_go_that_others_contain(script: ModuleType) -> None:
    few = {"a": {(0, 1)}, "b": {(0, 1), (0, 2)}, "c": {(0, 3)}}
    assert script.tables.chosen(few) == ["a", "b", "c"]
    many = few | {f"d{number}": {(1, number)} for number in range(script.tables.MOST - 3)}
    assert "a" not in script.tables.chosen(many)
    assert script.tables.chosen({"b": {(0, 1)}, "a": {(0, 1)}}) == ["a"]  # the same sets: one curve


def test_the_counts_agree_with_each_other(script: ModuleType) -> None:
    for figure in script.FIGURES:
        counts = script.tables.read(FOLDER / f"{figure.name}.csv")
        assert {each.panel for each in counts} == {panel.name for panel in figure.panels}
        by = {(each.panel, each.curve, each.x): each.accepted for each in counts}
        for each in counts:
            if each.kind == "theorem":
                assert each.accepted <= by[each.panel, "all tests", each.x] <= by[each.panel, "not refuted", each.x]
            if each.kind == "open":
                assert each.accepted <= by[each.panel, "necessary", each.x]


def test_the_page_has_every_figure_and_the_table_of_the_counts(script: ModuleType) -> None:
    page = script.tables.PAGE.read_text()
    assert f"{script.tables.BEGIN}{script.tables.table(FOLDER)}{script.tables.END}" in page, "run acceptance.py --draw"
    for figure in (*(each.name for each in script.FIGURES), "chains"):
        assert f"(../analysis/acceptance/{figure}.png)" in page
        assert (FOLDER / f"{figure}.png").exists()
        assert (FOLDER / f"{figure}.csv").exists()
