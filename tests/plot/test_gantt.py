"""The picture: what is drawn where, in which window, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.collections import PathCollection

from rtsched.engine.simulation import run
from rtsched.errors import InputError
from rtsched.metrics.tally import Tally
from rtsched.model.system import Overheads
from rtsched.model.taskgraph import ProcessorSpec, SectionSpec, SystemSpec
from rtsched.plot.gantt import gantt, render
from rtsched.trace.trace import Trace
from tests.helpers import cpus, edf, simulate, task

MS = 1_000_000


def textbook() -> Trace:
    """Buttazzo's set under RM: the first job of b misses by 1 ms."""
    return simulate([task(0, 2 * MS, 5 * MS), task(1, 4 * MS, 7 * MS)], until=35 * MS)


def bars(axes: Any) -> dict[int, list[tuple[float, float]]]:
    """Begin and end of every bar by lane."""
    found: dict[int, list[tuple[float, float]]] = {}
    for collection in axes.collections:
        for path in collection.get_paths():
            xs, ys = path.vertices[:, 0], path.vertices[:, 1]
            if len(path.vertices) == 5 and round(float(ys.max() - ys.min()), 2) == 0.55:
                found.setdefault(round(float(ys.mean())), []).append(
                    (round(float(xs.min()), 6), round(float(xs.max()), 6))
                )
    return {lane: sorted(spans) for lane, spans in found.items()}


def test_slices_stand_in_their_tasks_lanes() -> None:
    (axes,) = gantt(textbook()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    found = bars(axes)
    assert found[0] == [(0, 2), (5, 7), (10, 12), (15, 17), (20, 22), (25, 27), (30, 32)]
    assert found[1][:4] == [(2, 5), (7, 8), (8, 10), (12, 14)]


def arrows(axes: Any) -> list[tuple[float, int, str]]:
    """(time, lane, up or down) of every arrow."""
    ways = {"release": "up", "deadline": "down"}
    found = []
    for heads in axes.collections:
        kind, _, lane = (heads.get_gid() or "").partition(" ")
        if kind in ways:
            found += [(float(x), int(lane), ways[kind]) for x in heads.get_offsets()[:, 0]]
    return sorted(found)


def legend(trace: Trace) -> set[str]:
    return {text.get_text() for text in gantt(trace).legends[0].get_texts()}


def test_what_drains_and_deadlocks_are_marked() -> None:
    assert not {"drains", "deadlock"} & legend(textbook())
    npu = (ProcessorSpec(0, "npu", "npu", "npu", "run-to-completion"),)
    assert "drains" in legend(simulate([task(0, 9, 20, deadline=5, on_miss="abort")], processors=npu, until=1))
    sections = [(SectionSpec("R", 0, 6), SectionSpec("S", 2, 4)), (SectionSpec("S", 0, 6), SectionSpec("R", 2, 4))]
    tasks = [task(0, 6, 20, sections=sections[0], offset=1), task(1, 6, 20, sections=sections[1])]
    stuck = simulate(tasks, until=20, protocols={"R": "none", "S": "none"})
    assert "deadlock" in legend(stuck)
    assert any(list(line.get_xdata()) == [4, 4] for line in gantt(stuck).axes[0].get_lines())


def test_releases_point_up_and_deadlines_down() -> None:
    found = arrows(gantt(textbook()).axes[0])
    assert [time for time, lane, way in found if (lane, way) == (1, "up")] == [0, 7, 14, 21, 28]
    assert [time for time, lane, way in found if (lane, way) == (1, "down")] == [7, 14, 21, 28, 35]


def test_a_miss_is_crossed_and_its_late_part_hatched() -> None:
    (axes,) = gantt(textbook()).axes
    marks = [
        c.get_offsets().data.tolist() for c in axes.collections if isinstance(c, PathCollection) and c.get_zorder() == 5
    ]
    assert marks == [[[7.0, pytest.approx(1 - 0.55)]]]
    hatched = [c for c in axes.collections if c.get_hatch() == "xxxxxx"]
    assert [tuple(sorted(p.vertices[:, 0])[::4]) for c in hatched for p in c.get_paths()] == [(7.0, 8.0)]
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert legend == ["release", "deadline", "done", "waits", "miss", "after the deadline", "preempted"]


def test_several_processors_get_lanes_of_their_own() -> None:
    tasks = [task(0, (2 * MS,) * 2, 5 * MS), task(1, (4 * MS,) * 2, 7 * MS)]
    figure = gantt(simulate(tasks, edf(), processors=cpus(2), until=35 * MS))
    upper, lower = figure.axes
    assert [label.get_text() for label in lower.get_yticklabels()] == ["cpu0", "cpu1"]
    assert sum(map(len, bars(lower).values())) == sum(map(len, bars(upper).values()))


def test_a_long_run_is_shown_around_its_first_miss() -> None:
    tasks = [
        task(0, 2 * MS, 5 * MS),
        task(1, 5 * MS, 11 * MS, offset=3 * MS),
        task(2, 9 * MS, 100 * MS, offset=900 * MS),
    ]
    figure = gantt(simulate(tasks, until=2000 * MS))
    title = figure.axes[0].get_title(loc="left")
    assert "first miss of a run of 2 s" in title or "beginning of a run of 2 s" in title
    left, right = figure.axes[0].get_xlim()
    assert right - left < 700


def test_the_window_can_be_chosen() -> None:
    figure = gantt(textbook(), start=10 * MS, end=20 * MS)
    assert figure.axes[0].get_xlim() == (10, 20)
    assert bars(figure.axes[0])[0] == [(10, 12), (15, 17)]
    with pytest.raises(InputError, match="the picture ends at 5 ms, before it begins"):
        gantt(textbook(), start=9 * MS, end=5 * MS)


def test_overheads_and_drops_are_in_the_legend() -> None:
    tasks = [task(0, 8 * MS, 20 * MS), task(1, 1 * MS, 10 * MS, deadline=7 * MS, on_miss="drop_at_start")]
    figure = gantt(simulate(tasks, until=20 * MS, overheads=Overheads(context_switch=MS)))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"overhead", "dropped or aborted"} <= set(legend)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_same_run_same_bytes(kind: str) -> None:
    first, second = render(gantt(textbook()), kind), render(gantt(textbook()), kind)
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert len(first) > 5000


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    gantt(textbook(), tmp_path / "a.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
    with pytest.raises(InputError, match=r"pictures are \.png, \.svg, \.pdf"):
        gantt(textbook(), tmp_path / "a.doc")
    with pytest.raises(InputError, match="cannot be written"):
        gantt(textbook(), tmp_path / "nowhere" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_a_run_without_a_trace_has_no_picture() -> None:
    system = SystemSpec(cpus(), (task(0, 1, 5),))
    with pytest.raises(InputError, match="kept no trace"):
        gantt(run(system, edf(), until=50, tally=Tally(system, 0)))
