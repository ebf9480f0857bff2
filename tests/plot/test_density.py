"""A long schedule: areas by column, of what ran; no miss is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import rtsched
from rtsched.plot.density import COLUMNS, MOST_PIECES, columns, is_dense, shares
from rtsched.plot.gantt import gantt
from rtsched.plot.look import MISS
from rtsched.trace.trace import LATE, SLICES, Trace

MS, S = 1_000_000, 10**9
LONG = 8_000 * MS


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Buttazzo's set under RM for 8 s: 2,743 jobs, of which each 5th of b misses."""
    tasks = [{"name": "a", "wcet": "2 ms", "period": "5 ms"}, {"name": "b", "wcet": "4 ms", "period": "7 ms"}]
    return rtsched.simulate({"platform": "uniprocessor", "tasks": tasks}, scheduler="rm", until="8 s")


def test_shares_are_the_time_that_rows_cover_of_each_column() -> None:
    random = np.random.default_rng(1)
    rows = np.zeros(200, SLICES)
    rows["start"] = random.integers(-50, 1050, 200)
    rows["end"] = rows["start"] + random.integers(0, 40, 200)
    edges = np.array([0, 7, 100, 101, 640, 1000])
    instants = np.arange(1000)
    covered = ((rows["start"] <= instants[:, None]) & (instants[:, None] < rows["end"])).sum(axis=1)
    expected = [covered[low:high].mean() for low, high in pairwise(edges)]
    assert shares(rows, edges) == pytest.approx(expected, abs=1e-9)


def test_a_short_window_is_drawn_piece_by_piece(trace: Trace) -> None:
    assert is_dense(trace, (0, 1), trace.slices, 0, LONG)
    assert not is_dense(trace, (0, 1), trace.slices[:40], 0, 100 * MS)
    assert not is_dense(trace, (), trace.slices[:0], 0, LONG)
    assert len(trace.jobs) > MOST_PIECES
    labels = [text.get_text() for text in gantt(trace, start=0, end=100 * MS).legends[0].get_texts()]
    assert "release" in labels


def test_every_column_with_a_miss_has_a_tick(trace: Trace) -> None:
    figure = gantt(trace, start=0, end=LONG)
    late = trace.jobs[trace.jobs["outcome"] == LATE]
    edges = columns(0, LONG)
    wanted = set(np.searchsorted(edges, late["deadline"], side="right").tolist())
    drawn = [segment[0][0] * S for ticks in _ticks(figure) for segment in ticks.get_segments()]
    assert {int(np.searchsorted(edges, round(at), side="right")) for at in drawn} == wanted
    assert 0 < len(drawn) <= COLUMNS
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["height: how much of each 13.3 ms it ran", "late, dropped or aborted", "after the deadline"]


def _ticks(figure: Figure) -> list[LineCollection]:
    lines = [each for each in figure.axes[0].collections if isinstance(each, LineCollection)]
    return [each for each in lines if len(each.get_color()) and tuple(each.get_color()[0]) == to_rgba(MISS)]


def test_the_areas_hold_what_ran(trace: Trace) -> None:
    """a runs 2 of 5 ms, and b what is left of the processor while it has any."""
    edges = columns(0, LONG)
    owner = trace.jobs["task"][trace.slices["job"]]
    widths = np.diff(edges)
    for task in (0, 1):
        mine = trace.slices[owner == task]
        clipped = np.minimum(mine["end"], LONG) - np.minimum(mine["start"], LONG)
        assert (shares(mine, edges) * widths).sum() == pytest.approx(clipped.sum())


def test_names_in_an_svg_are_text(trace: Trace, tmp_path: Path) -> None:
    gantt(trace, tmp_path / "a.svg", start=0, end=LONG)
    written = (tmp_path / "a.svg").read_text()
    assert ">late, dropped or aborted</text>" in written
    assert len(written) < 300_000
