"""Locks in the picture: sections, waits and whose priority is raised, under each protocol."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import rtsched
from rtsched.plot.gantt import gantt, render
from rtsched.plot.sections import BLOCKED, holds, lent, waitings
from rtsched.trace.trace import Trace

MS = 1_000_000

NESTED = """
platform: uniprocessor
scheduler: {ordering: dm}
simulate: {until: 30 ms}
resources: {printer: {protocol: inheritance}, bus: {protocol: inheritance}}
tasks:
  - {name: sense, wcet: 2 ms, period: 15 ms, offset: 5 ms, sections: [{resource: printer, start: 0 ms, length: 1 ms}]}
  - {name: act, wcet: 4 ms, period: 20 ms, offset: 3 ms, sections: [{resource: bus, start: 1 ms, length: 2 ms}]}
  - name: log
    wcet: 9 ms
    period: 60 ms
    sections: [{resource: printer, start: 1 ms, length: 7 ms}, {resource: bus, start: 2 ms, length: 3 ms}]
"""


@cache
def inversion(protocol: str) -> Trace:
    """Sha, Rajkumar and Lehoczky's inversion: low holds R, high waits for it, middle runs instead."""
    loaded = rtsched.load("priority_inversion_lock", overrides=[f"resources.R.protocol={protocol}"])
    return rtsched.simulate(loaded, reasons=True)


@cache
def picture(protocol: str) -> Figure:
    return gantt(inversion(protocol))


def spans(axes: Any, hatch: str | None = None, colour: str | None = None) -> list[tuple[int, float, float]]:
    """(row, begin, end) of the thin bars that look so."""
    found = []
    for bars in axes.collections:
        face = [tuple(each) for each in bars.get_facecolor()[:1]]
        if bars.get_hatch() == hatch if colour is None else face == [to_rgba(colour)]:
            for path in bars.get_paths():
                xs, ys = path.vertices[:, 0], path.vertices[:, 1]
                if ys.max() - ys.min() < 0.5:
                    found.append((round(float(ys.mean())), round(float(xs.min()), 6), round(float(xs.max()), 6)))
    return sorted(found)


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_sections_waits_and_holders_without_a_protocol() -> None:
    figure = picture("none")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["high", "middle", "low"]
    assert spans(axes, hatch="//////") == [(0, 13, 15), (2, 1, 13)]
    assert spans(axes, colour=BLOCKED["facecolor"]) == [(0, 4, 13)]
    assert "waits for R, held by low" in words(figure)
    assert axes.get_title(loc="left") == "priority_inversion_lock – FixedPriority, preemptive\nno locking protocol"
    assert {"holds R (no protocol)", "waits for a resource", "done", "waits"} <= set(legend(figure))
    assert "priority raised" not in legend(figure)
    assert lent(inversion("none")) == []


@pytest.mark.parametrize(("protocol", "begin", "end"), [("inheritance", 4, 7), ("ceiling", 1, 6)])
def test_a_raised_priority_is_a_thick_line_that_says_whose(protocol: str, begin: int, end: int) -> None:
    (raised,) = lent(inversion(protocol))
    assert (raised.start, raised.end, raised.task) == (begin * MS, end * MS, 0)
    figure = picture(protocol)
    assert "as high" in words(figure)
    thick = [line for line in figure.axes[0].get_lines() if line.get_linewidth() == 2.6]
    assert [list(line.get_xdata()) for line in thick] == [[begin, end]]  # type: ignore[arg-type]
    assert {"priority raised", f"holds R ({protocol})"} <= set(legend(figure))
    assert ("waits for a resource" in legend(figure)) == (protocol == "inheritance")


def test_without_reasons_nobody_knows_what_was_lent() -> None:
    trace = rtsched.simulate("priority_inversion_inheritance")
    assert lent(trace) == []
    assert "priority raised" not in legend(gantt(trace))


def test_nested_sections_stand_beside_each_other_and_what_is_lent_lasts(tmp_path: Any) -> None:
    path = tmp_path / "nested.yaml"
    path.write_text(NESTED)
    trace = rtsched.simulate(path, reasons=True)
    log = [each for each in holds(trace) if trace.jobs["task"][each.job] == 2]
    assert [(each.start // MS, each.end // MS, each.depth) for each in log] == [(1, 9, 0), (2, 6, 1)]
    assert [(each.start // MS, each.end // MS) for each in waitings(trace)] == [(4, 6), (5, 9)]
    # It goes on after it gave the bus back, for the one who waits for the printer.
    assert [(each.start // MS, each.end // MS, each.task) for each in lent(trace)] == [(4, 5, 1), (5, 9, 0)]
    axes = gantt(trace).axes[0]
    assert (2, 1, 9) in spans(axes, hatch="//////")
    assert (2, 2, 6) in spans(axes, hatch="\\\\\\\\\\\\")


def test_a_deadlock_is_drawn_to_the_end() -> None:
    loaded = rtsched.load(
        {
            "platform": "uniprocessor",
            "simulate": {"until": "20 ms"},
            "resources": {name: {"protocol": "none"} for name in "RS"},
            "scheduler": {"ordering": "fp"},
            "tasks": [
                {"name": name, "wcet": "6 ms", "release": start, "deadline": "20 ms",
                 "sections": [{"resource": first, "start": "0 ms", "length": "6 ms"},
                              {"resource": then, "start": "2 ms", "length": "4 ms"}]}
                for name, start, first, then in (("a", "1 ms", "R", "S"), ("b", "0 ms", "S", "R"))
            ],
        }
    )  # fmt: skip
    trace = rtsched.simulate(loaded)
    assert {each.end for each in waitings(trace)} == {trace.end}
    assert "deadlock" in legend(gantt(trace, size="3.5 in"))


def test_chosen_tasks_say_who_holds_what_they_wait_for_though_it_is_not_drawn() -> None:
    figure = gantt(inversion("none"), tasks="high", rows="task")
    assert "waits for R, held by low" in words(figure)
    assert spans(figure.axes[0], hatch="//////") == [(0, 13, 15)]


def test_the_description_tells_what_is_seen() -> None:
    label = str(picture("none").get_label())
    title, text = label.split("\n")
    assert title == "priority_inversion_lock – FixedPriority, preemptive"
    assert text == (
        "A schedule of priority_inversion_lock under FixedPriority, preemptive, from 0 ns to 17 ms. "
        "Tasks in the order of their priorities, the most urgent on top: high, middle, low. "
        "3 jobs; high[0] late (deadline 11 ms). Resources and their locking protocols: R (none)."
    )
    drawing = render(picture("none"), "svg").decode()
    assert f"<title>{title}</title>\n <desc>{text}</desc>" in drawing
    assert '<svg role="img" ' in drawing
    assert title.encode() in render(picture("none"), "png")
