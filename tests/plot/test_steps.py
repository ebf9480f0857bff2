"""Pictures of calculations: what is drawn, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.plot.steps import MOST_PANELS, draw


def boards(*tasks: dict[str, Any], scheduler: str = "rm") -> list[dict[str, Any]]:
    """The calculation for some tasks, as data."""
    system = {"platform": "uniprocessor", "scheduler": scheduler, "tasks": list(tasks)}
    return [board.to_dict() for board in rtsched.analyse(system, runs=0).steps()]


def task(name: str, wcet: int, period: int, **more: Any) -> dict[str, Any]:
    """A task with times in ms."""
    return {"name": name, "wcet": f"{wcet} ms", "period": f"{period} ms", **more}


SET = task("a", 1, 4), task("b", 2, 6), task("c", 3, 10)


def titles(figure: Any) -> list[str]:
    """Of the panels."""
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_a_staircase_goes_through_the_iterates() -> None:
    figure = draw(boards(*SET))
    assert titles(figure) == ["cpu: loads and bounds", "b: R = 3 ≤ 6 ms (fp-rta)", "c: R = 10 ≤ 10 ms (fp-rta)"]
    diagonal, stairs, path, *_ = figure.axes[2].lines
    assert list(zip(path.get_xdata(), path.get_ydata(), strict=True)) == [
        (3, 0), (3, 6), (6, 6), (6, 7), (7, 7), (7, 9), (9, 9), (9, 10), (10, 10), (10, 10), (10, 10),
    ]  # fmt: skip
    assert list(stairs.get_ydata()) == [6, 6, 7, 7, 9, 9, 10, 10]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_bars_that_are_too_long_look_different() -> None:
    axes = draw(boards(*SET)).axes[0]
    assert [bar.get_hatch() for bar in axes.patches] == ["//", None, None]
    assert [text.get_text() for text in axes.texts] == ["U = 0.883 ≤ 1", "U = 0.883 > 0.780", "Π (U + 1) = 2.167 > 2"]


def test_the_first_crossing_is_marked() -> None:
    late = task("a", 1, 4, deadline="3 ms"), task("b", 2, 6, deadline="4 ms"), task("c", 3, 10, deadline="5 ms")
    figure = draw(boards(*late, scheduler="edf"))
    assert titles(figure)[1] == "cpu: demand > supply (edf-qpa)"
    cross = figure.axes[1].lines[-1]
    assert (list(cross.get_xdata()), list(cross.get_ydata()), cross.get_marker()) == ([5], [6], "X")
    assert titles(draw(boards(*SET, scheduler="edf")))[1] == "cpu: demand ≤ supply (edf-qpa)"


def test_many_tasks_leave_panels_out_with_a_word() -> None:
    figure = draw(boards(*(task(f"t{number}", 1, 20 + number) for number in range(10))), title="many")
    assert len(figure.axes) == MOST_PANELS
    assert "more panels are not drawn" in figure._supxlabel.get_text()
    assert "t9: R = 10 ≤ 29 ms (fp-rta)" in titles(figure)


def test_names_are_no_formulas_and_no_control() -> None:
    figure = draw(boards(task("$x_1$\x1b\u202e", 1, 4), task("$" * 150, 2, 6)), title="<b>$y$\n")
    assert titles(figure)[1].startswith("$$$")
    assert all(title.isprintable() for title in titles(figure))
    assert all(len(title) < 80 for title in titles(figure))


def test_where_there_is_nothing_to_draw() -> None:
    with pytest.raises(InputError, match="no test that applied has a picture"):
        draw([])
