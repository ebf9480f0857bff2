"""What of a run is drawn: which tasks, in which order, in which rows, how large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.plot.choice import choice, size_of, tasks_of
from rtsched.plot.gantt import gantt
from rtsched.trace.trace import Trace
from tests.cli.command import rtsched as command
from tests.helpers import cpus, edf, simulate, task
from tests.plot.test_gantt import MS, arrows, bars, textbook

DHALL = "dhall"


def names(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


@pytest.fixture(scope="module")
def dhall() -> Trace:
    return rtsched.simulate(DHALL)


def test_tasks_are_found_by_name_and_copies_by_what_they_have_in_common() -> None:
    tasks = [
        replace(task(index, 1, 10), name=name)
        for index, name in enumerate(["a,b", "camera[0]", "camera[1]", "control"])
    ]
    assert tasks_of(tasks, "control,camera[1]") == (3, 2)
    assert tasks_of(tasks, "camera, control") == (1, 2, 3)
    assert tasks_of(tasks, "a,b") == (0,)
    assert tasks_of(tasks, ["a,b", "camera", "camera[0]"]) == (0, 1, 2)
    with pytest.raises(InputError, match=r"no task is called 'contrl'; did you mean control\?"):
        tasks_of(tasks, "contrl")
    with pytest.raises(InputError, match=r"no task is called '\\\\x1b\[31m'; they are a,b, camera\[0\]"):
        tasks_of(tasks, "\x1b[31m")
    for nothing in ("", " , ", []):
        with pytest.raises(InputError, match="no task is named to be drawn"):
            tasks_of(tasks, nothing)


@pytest.mark.parametrize(
    ("text", "inches"),
    [("16x9 in", (16, 9)), ("8.5×4in", (8.5, 4)), ("254x127 mm", (10, 5)), ("25.4 cm", (10, None)),
     (" 1600x900 px ", (1600 / 150, 6)), ((7, 3.5), (7, 3.5))],
)  # fmt: skip
def test_sizes_have_units(text: Any, inches: Any) -> None:
    assert size_of(text) == pytest.approx(inches)


@pytest.mark.parametrize(
    "text", ["16x9", "x9 in", "16x in", "16x9 ft", "-1x9 in", "16x9 inches", "", (1, 2, 3), (None, 2)]
)
def test_a_size_without_its_unit_is_refused(text: Any) -> None:
    with pytest.raises(InputError, match=r"size of a picture: .* is none; .*16x9 in"):
        size_of(text)


@pytest.mark.parametrize("text", ["1x9 in", "16x41 in", "100000x900 px", (0, 3), (float("nan"), 3)])
def test_a_size_that_nobody_wants_is_refused(text: Any) -> None:
    with pytest.raises(InputError, match=r"its sides are 1\.5 to 40 in"):
        size_of(text)


def test_rows_stand_by_priority_where_that_stands() -> None:
    system = {
        "platform": "uniprocessor",
        "tasks": [{"name": name, "wcet": "1 ms", "period": period} for name, period in (("c", "9 ms"), ("a", "5 ms"))],
    }
    rm = rtsched.simulate(system, scheduler="rm", until="18 ms")
    assert rm.ranking == (1, 0)
    assert choice(rm, None, None, None).order == "in the order of their priorities, the most urgent on top"
    (axes,) = gantt(rm).axes
    assert names(axes) == ["a", "c"]
    assert bars(axes)[0][0] == (0, 1)
    assert [time for time, lane, way in arrows(axes) if (lane, way) == (1, "up")] == [0, 9]
    by_cluster = rtsched.simulate(system, scheduler={"ordering": "edf", "cpu": "rm"}, until="18 ms")
    assert choice(by_cluster, None, None, None).order.startswith("cluster by cluster, in the order of their priorities")
    assert choice(by_cluster, None, None, None).tasks == (1, 0)
    under_edf = rtsched.simulate(system, scheduler="edf", until="18 ms")
    assert (under_edf.ranking, choice(under_edf, None, None, None).order) == ((), "in the order of the file")


def test_chosen_tasks_are_drawn_and_others_are_grey(dhall: Trace) -> None:
    upper, lower = gantt(dhall, tasks="heavy,light1").axes
    assert (names(upper), names(lower)) == (["heavy", "light1"], ["cpu0", "cpu1"])
    assert bars(upper)[0][:2] == [(2, 11), (11, 12)]  # in time, and late
    legend = [text.get_text() for text in upper.figure.legends[0].get_texts()]
    assert "other tasks" in legend
    assert "task light2" not in upper.figure.get_label()
    (alone,) = gantt(dhall, tasks=["light2"], rows="task").axes
    assert names(alone) == ["light2"]
    assert "miss" not in [text.get_text() for text in alone.figure.legends[0].get_texts()]


def test_rows_can_be_chosen(dhall: Trace) -> None:
    (tasks,) = gantt(dhall, rows="task").axes
    assert len(names(tasks)) == 5
    (processors,) = gantt(dhall, rows="processor").axes
    assert names(processors) == ["cpu0", "cpu1", "cpu2", "cpu3"]
    assert [c.get_hatch() for c in processors.collections].count("xxxxxx") == 1  # the miss is there, too
    legend = [text.get_text() for text in processors.figure.legends[0].get_texts()]
    assert legend == ["miss", "after the deadline"]
    upper, lower = gantt(textbook(), rows="both").axes
    assert (names(upper), names(lower)) == (["a", "b"], ["cpu0"])
    with pytest.raises(InputError, match="rows are task, processor, both, node"):
        gantt(dhall, rows="cpu")


def test_nodes_have_rows_of_their_own() -> None:
    (axes,) = gantt(rtsched.simulate("graham"), rows="node").axes
    assert names(axes) == [f"job.t{number}" for number in range(1, 10)]
    assert {lane: spans for lane, spans in bars(axes).items() if lane in (0, 3, 8)} == {
        0: [(0, 3)], 3: [(2, 4)], 8: [(3, 12)],
    }  # fmt: skip
    assert {lane for _, lane, _ in arrows(axes)} == {0}


def test_a_size_is_that_of_the_file_and_too_low_is_said(tmp_path: Path) -> None:
    figure = gantt(textbook(), tmp_path / "a.png", size="600x300 px")
    assert figure.get_size_inches().tolist() == [4, 2]
    header = (tmp_path / "a.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")) == (600, 300)
    tasks = [{"name": f"t{index}", "wcet": "1 us", "period": "1 ms"} for index in range(40)]
    many = rtsched.simulate({"platform": "uniprocessor", "tasks": tasks}, until="1 ms")
    with pytest.raises(InputError, match="too low for 40 rows"):
        gantt(many, size="9x3 in")
    assert gantt(many, size="6 in").get_size_inches()[0] == 6


def test_names_never_overlap_however_long_they_are() -> None:
    """Names beside rows are cut to a share of the width, the title to what there is, words in bars left out."""
    tasks = [
        replace(task(0, (2 * MS,) * 2, 5 * MS), name="W" * 10_000),
        replace(task(1, (4 * MS,) * 2, 7 * MS), name="$\\frac{1}$\u202e<b>"),
    ]
    figure = gantt(simulate(tasks, edf(), processors=cpus(2), until=35 * MS), size="4x3 in")
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    page = figure.bbox
    texts = [text for axes in figure.axes for text in axes.get_yticklabels() + axes.texts]
    texts += [axes.title for axes in figure.axes] + [axes._left_title for axes in figure.axes]  # type: ignore[attr-defined]
    for text in filter(lambda each: each.get_text(), texts):
        box = text.get_window_extent(renderer)
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
    assert all("$" in name or "…" in name for name in names(figure.axes[0]))
    assert figure.axes[0].get_position().width > 0.45


def test_the_command_has_the_same_options(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    ended = command(
        "run", "dhall", "--gantt", path, "--tasks", "heavy", "--rows", "task", "--size", "6x2 in", "--to", "40 ms"
    )
    assert ended.exit_code == 0
    written = path.read_text()
    assert 'width="432pt" height="144pt"' in written
    assert ">heavy</text>" in written
    assert ">light1</text>" not in written
    for option, value in (("--tasks", "heavy"), ("--from", "1 ms"), ("--size", "3 in")):
        ended = command("run", "dhall", option, value)
        assert str(ended.exception) == f"{option} says what --gantt draws; give --gantt, too"
    ended = command("run", "dhall", "--gantt", path, "--tasks", "heavi")
    assert "did you mean heavy?" in str(ended.exception)
