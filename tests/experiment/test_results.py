"""What is made of a study's rows: shares that are none, metrics that this process does not know, no row kept."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

import rtsched
from rtsched.cli.sweep import render
from rtsched.errors import InputError
from rtsched.experiment.cells import Cell
from rtsched.experiment.outline import Run
from rtsched.experiment.results import Results
from rtsched.experiment.store import Row
from rtsched.registry import REGISTRY
from tests.experiment.test_sweep import STUDY


@rtsched.metric(unit="share", better="higher", title="speed-up")
def speedup(figures, trace):
    """The time that a run at half the speed would take, as somebody counts it who does not know what a share is."""
    return 1.3 + trace.seed


@rtsched.metric(unit="ns", better="lower", title="slack")
def slack(figures, trace):
    """What is left at least."""
    return 3_000_000


@pytest.fixture
def mine(monkeypatch):
    for function in (speedup, slack):
        monkeypatch.setitem(REGISTRY.own, ("metric", function.__name__), function)


@pytest.fixture
def stranger(mine, monkeypatch, tmp_path):
    """A database whose metrics this process does not know."""
    path = tmp_path / "s.db"
    rtsched.sweep(STUDY, metrics=["speedup", "slack"], database=path, jobs=1)
    for name in ("speedup", "slack"):
        monkeypatch.delitem(REGISTRY.own, ("metric", name))
    return path


def test_a_share_that_is_none_is_shown_and_told(mine, tmp_path):
    results = rtsched.sweep(STUDY, metrics=["speedup"], stop={"width": 0.1, "every": 10}, jobs=1)
    band = results.estimates("speedup")[0].band
    assert (band.mean, band.low, band.high) == (pytest.approx(1.3), None, None)
    text = render(results, tmp_path / "s.db")
    assert "130.0 %" in text
    assert "speedup is said to be a share, and its values go from 0 to 1.3: its intervals assume no bounds" in text
    results.write(tmp_path / "s.tex", "speedup")
    (axes, *_) = results.plot(metric="speedup").axes
    assert axes.get_ylim()[1] > 130


def test_a_database_says_what_its_metrics_are(stranger, tmp_path):
    results = Results.open(stranger)
    text = render(results, stranger)
    assert "speed-up\n" in text
    assert "3 ms" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert results.plot(metric="slack").axes[0].get_ylabel() == "slack (ms)"
    for ending in ("json", "tex", "csv", "db"):
        results.write(tmp_path / f"out.{ending}")


def test_metrics_of_an_older_database_are_told_by_name(stranger, tmp_path):
    results = Results.open(stranger)
    results.outline = replace(results.outline, measures=())
    with pytest.raises(InputError, match="no metric is called 'speedup'"):
        results.estimates("speedup")
    results.write(tmp_path / "out.csv")  # plain values need no unit


def test_a_cell_counts_a_system_with_a_failed_run_as_lacking():
    cell = Cell()
    ok, bad = Row(Run(0, 0, 0, 0), "ok", "", {"utilisation": 0.5, "a": 1.0}), Row(Run(0, 0, 0, 1), "error", "why")
    cell.add(0, [ok, replace(ok, values={"utilisation": 0.5, "a": 0.0})])
    cell.add(1, [ok, bad])
    cell.add(2, [replace(ok, values={"b": 2.0})])
    assert cell.column("a") == [0.5, None, None]
    assert cell.column("b") == [None, None, 2.0]
    assert cell.values("b") == [2.0]
    assert cell.column("nothing") == [None, None, None]
    assert list(cell.loads)[:2] == [0.5, 0.5]
    assert cell.statuses == {"ok": 4, "error": 1}
    assert cell.notes == {"why": 1}
    assert not cell.failed


def test_figures_keep_no_rows(tmp_path):
    """Memory grows with what is shown, not with the runs: 20 times as many rows need hardly more."""
    small = rtsched.sweep(STUDY, sets=1, until="20 ms", jobs=1, database=tmp_path / "s.db")
    row = next(iter(small))
    most = []
    for sets in (100, 2000):
        outline = replace(small.outline, sets=sets)
        small.store.begin(outline)
        runs = [run for point in (0, 1) for number in range(sets) for run in outline.runs(point, number)]
        small.store.add([(outline.key(run), replace(row, run=run)) for run in runs])
        results = Results(outline, small.store)
        tracemalloc.start()
        results.to_dict()
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < most[0] + 1900 * 4 * 100  # a row took 900 bytes
